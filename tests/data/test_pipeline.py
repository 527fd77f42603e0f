"""Batches: both backends give the same, in the order of the plan."""

import sys
from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf

from musegen import Error
from musegen.data import pipeline, shards
from musegen.data.loading import load
from musegen.music.phrases import Layout, transpose

LAYOUT = Layout(n_bars=2, n_steps=6)
N, PIECE = 210, 40


@pytest.fixture(scope="module")
def phrases():
    """Random cells, and in each phrase its own number in the lowest row of the drums."""
    phrases = np.random.default_rng(0).random((N, *LAYOUT.shape)) < 0.2
    bits = np.arange(N)[:, None] >> np.arange(12) & 1
    phrases[:, :, :, 0, 0] = bits.reshape(N, 2, 6)
    return phrases


@pytest.fixture(scope="module")
def folder(phrases, tmp_path_factory):
    """Six shards, the last one smaller."""
    folder = tmp_path_factory.mktemp("shards")
    for index, start in enumerate(range(0, N, PIECE)):
        part = phrases[start : start + PIECE]
        shards.write(folder, "train", index, part, np.arange(len(part)))
    shards.write_manifest(folder, LAYOUT)
    return folder


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    """Two shards to a window, so that batches cross from one to the next."""
    monkeypatch.setattr(pipeline, "WINDOW_BYTES", 2 * PIECE * LAYOUT.n_bytes)


@pytest.fixture
def without_tensorflow(monkeypatch):
    """Returns `batches` as it is where TensorFlow is not installed."""

    def batches(*args, **options):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "tensorflow", None)
            return pipeline.batches(*args, **options)

    return batches


def numbers(batches) -> np.ndarray:
    """Returns the numbers of the phrases of an epoch, in order."""
    cells = np.concatenate([np.asarray(batch) for batch in batches])
    return cells[:, :, :, 0, 0].reshape(len(cells), 12).astype(int) @ (1 << np.arange(12))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"augment": True, "dtype": "float32"},
        {"shuffle": False, "augment": True, "seed": 3},
        {"drop_remainder": True, "seed": 1},
        {"dtype": "float32", "map": lambda x: (2 * x - 1, x)},
    ],
)
def test_both_backends_give_the_same(folder, without_tensorflow, options):
    ours = pipeline.batches(folder, 32, **options)
    twin = without_tensorflow(folder, 32, **options)
    assert isinstance(ours, tf.data.Dataset)
    assert isinstance(twin, keras.utils.PyDataset)
    assert len(ours) == len(twin) == (6 if "drop_remainder" in options else 7)
    for _epoch in range(3):
        for a, b in zip(ours, twin, strict=True):
            assert tf.nest.map_structure(lambda x: x.dtype.name, a) == tf.nest.map_structure(
                lambda x: x.dtype.name, b
            )
            tf.nest.map_structure(np.testing.assert_array_equal, a, b)


def test_shapes_are_known_to_the_graph(folder):
    assert pipeline.batches(folder, 32).element_spec.shape == (None, *LAYOUT.shape)
    full = pipeline.batches(folder, 32, drop_remainder=True)
    assert full.element_spec.shape == (32, *LAYOUT.shape)


def test_an_epoch_holds_every_phrase_once(folder):
    batches = pipeline.batches(folder, 32)
    epochs = [numbers(batches) for _ in range(3)]
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(N))
    assert all((a != b).mean() > 0.9 for a, b in pairwise(epochs))
    assert (np.diff(epochs[0]) == 1).mean() < 0.1


def test_repeating_goes_on_from_epoch_to_epoch(folder):
    twice = numbers(pipeline.batches(folder, 32).repeat(2))
    batches = pipeline.batches(folder, 32)
    np.testing.assert_array_equal(twice, np.concatenate([numbers(batches), numbers(batches)]))


def test_windows_mix_different_shards_each_epoch(folder):
    plan = pipeline.Plan(load(folder), shuffle=True, seed=0, augment=False, epoch=0)
    assert plan.n_windows == 3
    first = [numbers([unpacked(plan.window(epoch, 0)[0])]) // PIECE for epoch in range(8)]
    assert len({tuple(np.unique(shard)) for shard in first}) > 3


def unpacked(rows: np.ndarray) -> np.ndarray:
    return pipeline.unpack(rows, LAYOUT.shape)


def test_without_shuffling_the_order_is_that_of_the_data(folder, phrases):
    cells = np.concatenate(list(pipeline.batches(folder, 64, shuffle=False)))
    np.testing.assert_array_equal(cells, phrases)


def test_the_seed_decides(folder):
    once, again, other = (numbers(pipeline.batches(folder, 32, seed=seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(once, again)
    assert (once != other).mean() > 0.9


@pytest.mark.parametrize("backend", ["tensorflow", "other"])
def test_a_resumed_training_goes_on_with_its_epoch(folder, without_tensorflow, backend):
    make = pipeline.batches if backend == "tensorflow" else without_tensorflow
    batches = make(folder, 32, augment=True)
    for _ in range(2):
        list(batches)
    resumed = make(folder, 32, augment=True, epoch=2)
    for a, b in zip(batches, resumed, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("backend", ["tensorflow", "other"])
def test_an_iteration_left_early_is_begun_again(folder, without_tensorflow, backend):
    make = pipeline.batches if backend == "tensorflow" else without_tensorflow
    untouched, peeked = make(folder, 32), make(folder, 32)
    for _ in range(2):
        next(iter(peeked))
    np.testing.assert_array_equal(numbers(untouched), numbers(peeked))


@pytest.mark.parametrize("tracks", [("drums", "piano", "guitar", "bass", "strings"), ("piano",)])
@pytest.mark.parametrize("n_steps", [1, 6])  # 420 and 84 cells are not a whole number of bytes
def test_transposition_in_the_graph_is_that_of_phrases(tracks, n_steps):
    layout = Layout(1, n_steps, tracks)
    phrases = np.random.default_rng(0).random((24, *layout.shape)) < 0.5
    shifts = np.repeat(pipeline.SHIFTS, 2).astype(np.int32)
    move = tf.function(pipeline._tf_transpose(layout))
    rows = move(pipeline.pack(phrases), shifts)
    cells = pipeline._tf_unpack(rows, layout).numpy()
    for moved, phrase, shift in zip(cells, phrases, shifts, strict=True):
        np.testing.assert_array_equal(moved, transpose(phrase[None], int(shift), tracks)[0])


def test_augmentation_moves_twelve_ways_but_never_the_drums(folder, phrases):
    plain = np.concatenate(list(pipeline.batches(folder, 64, shuffle=False)))
    batches = pipeline.batches(folder, 64, shuffle=False, augment=True)
    first, second = (np.concatenate(list(batches)) for _ in range(2))
    np.testing.assert_array_equal(first[..., 0], plain[..., 0])
    assert (first != second).any(axis=(1, 2, 3, 4)).mean() > 0.8
    moved = [transpose(phrases, shift) for shift in pipeline.SHIFTS]
    found = np.array([(m == first).all(axis=(1, 2, 3, 4)) for m in moved])
    assert found.any(axis=0).all()
    assert found.any(axis=1).all()


def test_an_array_is_data_too(folder, phrases, monkeypatch):
    monkeypatch.setattr(shards, "SIZE", PIECE)
    ours, theirs = pipeline.batches(phrases, 32), pipeline.batches(folder, 32)
    np.testing.assert_array_equal(numbers(ours), numbers(theirs))


def test_fit_gets_the_same_batches_from_both_backends(folder, without_tensorflow):
    def losses(batches) -> list[float]:
        keras.utils.set_random_seed(0)
        flat = keras.layers.Flatten()
        model = keras.Sequential([keras.Input(LAYOUT.shape), flat, keras.layers.Dense(2)])
        model.compile("sgd", "mse")
        return model.fit(batches, epochs=2, verbose=0, shuffle=False).history["loss"]

    def with_target(x):
        return x, x[:, 0, 0, :2, 1]

    options = {"map": with_target, "augment": True, "dtype": "float32"}
    ours = losses(pipeline.batches(folder, 32, **options))
    twin = losses(without_tensorflow(folder, 32, **options))
    np.testing.assert_allclose(ours, twin, rtol=1e-6)
    assert ours[0] != ours[1]


def test_the_py_dataset_refuses_a_second_shuffling(folder, without_tensorflow):
    twin = without_tensorflow(folder, 32)
    with pytest.raises(Error, match="shuffle=False"):
        twin[3]
    twin[0]
    with pytest.raises(Error, match="shuffle=False"):
        twin[2]


def test_too_few_phrases_are_an_error(phrases):
    with pytest.raises(Error, match="5 phrases do not fill one batch of 8"):
        pipeline.batches(phrases[:5], 8, drop_remainder=True)


def test_a_shard_that_turns_out_damaged_is_named(phrases, tmp_path):
    file = shards.write(tmp_path, "train", 0, phrases, np.arange(N))
    shards.write_manifest(tmp_path, LAYOUT)
    content = bytearray(file.read_bytes())
    content[1000] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(tf.errors.OpError, match=r"train-00000\.npz: not a complete shard"):
        list(pipeline.batches(tmp_path, 32))


def test_tuning_of_tf_data_is_off(folder):
    """The thread that tunes can sleep for a minute, and an iterator that ends waits for it."""
    assert pipeline.batches(folder, 32).options().autotune.enabled is False
