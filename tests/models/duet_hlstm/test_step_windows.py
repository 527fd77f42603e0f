"""Windows of phrases: what is kept of finer steps, which windows are learned, and their order."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import reference

from musegen import Error
from musegen.data import load
from musegen.models.duet_hlstm import step_windows
from musegen.models.duet_hlstm.settings import ORDER, PRESETS, DuetSettings
from musegen.models.duet_hlstm.step_windows import (
    StepTable,
    as_phrases,
    as_steps,
    batches,
    in_order,
    phrase_order,
    reduced,
    window_order,
)
from musegen.music.phrases import TRACKS

PAPER, REPO = PRESETS["paper"], PRESETS["repo"]
FIVE = np.random.default_rng(0).random((6, 4, 8, 84, 5)) < 0.05
PAIR = FIVE[..., [1, 4]]  # piano and strings
PIANO = TRACKS.index("piano")


def table(n: int = 6, settings: DuetSettings = PAPER) -> StepTable:
    return StepTable.of_data(load(FIVE[:n]), settings)


def finer(phrases: np.ndarray, n_steps: int) -> np.ndarray:
    """Five tracks whose kept steps are these; the others are full."""
    every = n_steps // 8
    made = np.ones((*phrases.shape[:2], n_steps, *phrases.shape[3:]), bool)
    made[:, :, ::every] = phrases
    return made


@pytest.mark.parametrize("n_steps", [48, 96])
def test_of_finer_steps_the_first_is_kept(n_steps):
    found = reduced(finer(FIVE, n_steps), TRACKS, ("piano", "strings"))
    np.testing.assert_array_equal(found, PAIR)
    found = StepTable.of_data(load(finer(FIVE, n_steps)), PAPER).steps()
    np.testing.assert_array_equal(as_phrases(found), PAIR)


def test_the_public_phrases():
    """Of five tracks, of two, and of the 48 steps of the file."""
    stored = reference.arrays("lpd_piano_strings_50.npz")
    fine = reference.bits(stored["packed"], stored["shape"])
    sample = reference.arrays("duet/duet_sample.npz")
    expected = as_steps(reference.bits(sample["packed"], sample["shape"]))
    assert expected.shape == (50, 32, 2, 84)
    five = np.zeros((*fine.shape[:-1], 5), bool)
    five[..., [1, 4]] = fine
    for source in (fine, five, as_phrases(expected)):
        found = StepTable.of_data(load(source), PAPER).steps()
        np.testing.assert_array_equal(found, expected)


def test_a_drum_is_hit_if_any_of_its_steps_is():
    fine = np.zeros((1, 4, 48, 84, 5), bool)
    fine[0, 1, 8, 30, :] = True  # in the second of eight steps, but not its first
    found = reduced(fine, TRACKS, ORDER)
    assert np.argwhere(found).tolist() == [[0, 1, 1, 30, ORDER.index("drums")]]


def test_tracks_come_in_the_order_of_the_settings():
    settings = replace(PAPER, tracks=("bass", "piano"))
    found = StepTable.of_data(load(FIVE), settings).steps()
    np.testing.assert_array_equal(found, as_steps(FIVE[..., [3, 1]]))


def test_steps_are_phrases_in_another_shape():
    steps = as_steps(PAIR)
    assert steps.shape == (6, 32, 2, 84)
    np.testing.assert_array_equal(steps[2, 11, 1], PAIR[2, 1, 3, :, 1])
    np.testing.assert_array_equal(as_phrases(steps), PAIR)
    np.testing.assert_array_equal(table().beginnings(5), steps[:, :5])
    np.testing.assert_array_equal(table().steps(np.array([3, 1])), steps[[3, 1]])


@pytest.mark.parametrize(("settings", "n"), [(PAPER, 28), (REPO, 27)], ids=["paper", "repo"])
def test_windows_of_a_phrase(settings, n):
    """Window t has steps t to t + 3, and step t + 4 as its target; the melody comes first."""
    assert settings.n_windows(32) == n
    known, steps = table(2), as_steps(PAIR)
    starts = in_order(known, settings)
    (x, y), *more = step_windows._cut_in_numpy(known, starts, 4, 2 * n, None)
    assert not more
    assert y.shape == (2 * n, 168)
    for row in (0, 1, n - 1, n, 2 * n - 1):
        phrase, t = divmod(row, n)
        for k in range(2):
            np.testing.assert_array_equal(x[k][row], steps[phrase, t : t + 4, k])
            np.testing.assert_array_equal(y[row, 84 * k :][:84], steps[phrase, t + 4, k])


def test_the_order_of_paper_mixes_all_windows():
    known = table()
    first, again, second = (window_order(known, PAPER, 10, 7, epoch) for epoch in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    assert (first != window_order(known, PAPER, 10, 8, 0)).any()
    np.testing.assert_array_equal(np.sort(first), in_order(known, PAPER))
    assert len(set(first[:10] % 32)) > 3


def test_the_order_of_repo_has_one_window_of_many_phrases_in_a_batch():
    """All windows of the same phrases in turn; the last ones that fill no batch are left out."""
    known = table()
    batch = window_order(known, REPO, 2, 7, 3).reshape(-1, 2)
    assert len(batch) == 3 * 27
    phrase, window = np.divmod(batch, 32)
    assert (window == window[:, :1]).all()
    for number, part in enumerate(np.split(np.arange(81), 3)):
        assert sorted(window[part, 0]) == list(range(27))
        assert (phrase[part] == phrase_order(6, 7, 3)[2 * number :][:2]).all()
    orders = {tuple(own) for own in window[:, 0].reshape(3, 27).tolist()}
    assert len(orders) == 3
    fours = window_order(known, REPO, 4, 7, 3).reshape(27, 4)
    assert (fours // 32 == phrase_order(6, 7, 3)[:4]).all()


def test_an_epoch_of_the_original_has_2754_updates():
    """Of 102,378 phrases 378 are left out; paper learns all of them, in 2,867 updates."""
    rows = np.broadcast_to(np.uint8(0), (102_378, 32, 21))
    known = StepTable(rows, 2)
    starts = window_order(known, REPO, 1000, 0, 0)
    assert len(starts) == 2754 * 1000
    assert len(np.unique(starts[::27_000] // 32)) == 102
    assert starts.max() < 102_378 * 32
    n_windows = len(known) * PAPER.n_windows(32)
    assert -(-n_windows // 1000) == 2867


def both(*given) -> tuple[list, list]:
    """Batches of the graph and of numpy, as arrays."""
    found = []
    for cut in (step_windows._cut_in_graph, step_windows._cut_in_numpy):
        made = cut(*given)
        found.append([keras.tree.map_structure(np.asarray, batch) for batch in made])
        assert len(made) == len(found[-1])
    return tuple(found)


def test_both_ways_give_the_same_batches():
    known = StepTable.of_data(load(FIVE), replace(PAPER, tracks=ORDER[:3]))
    starts = window_order(known, PAPER, 50, 1, 0).astype(np.int32)
    graph, plain = both(known, starts, 4, 50, None)
    assert [len(y) for _, y in graph] == [50, 50, 50, 18]
    for (x, y), (other_x, other_y) in zip(graph, plain, strict=True):
        assert len(x) == len(other_x) == 3
        for one, other in zip((*x, y), (*other_x, other_y), strict=True):
            assert one.dtype == other.dtype == np.float32
            np.testing.assert_array_equal(one, other)


def test_only_the_first_batch_has_a_state():
    known = table()
    state = np.random.default_rng(2).normal(size=(4, 2, 2, 6)).astype("float32")
    for found in both(known, in_order(known, REPO)[:10].astype(np.int32), 4, 4, state):
        states = [x[-1] for x, _ in found]
        assert [len(own) for own in states] == [4, 4, 2]
        np.testing.assert_array_equal(states[0], state)
        assert not any(own.any() for own in states[1:])


def test_without_tensorflow_the_batches_are_keras_own(monkeypatch):
    monkeypatch.setattr(step_windows, "_has_tensorflow", lambda: False)
    made = batches(table(), in_order(table(), PAPER), PAPER, 100)
    assert isinstance(made, keras.utils.PyDataset)
    assert len(made) == 2


@pytest.mark.parametrize(
    ("shape", "tracks", "message"),
    [
        ((2, 4, 4, 84, 5), ORDER[:2], "has 4 steps a bar; a multiple of 8 is needed"),
        ((2, 4, 12, 84, 5), ORDER[:2], "has 12 steps a bar; a multiple of 8 is needed"),
        ((2, 4, 8, 84, 2), ORDER[1:3], "has no track named guitar, but piano, strings"),
        ((0, 4, 8, 84, 5), ORDER[:2], "no phrases"),
    ],
)
def test_data_that_cannot_be_read_are_one_line(shape, tracks, message):
    with pytest.raises(Error, match=f"array: {message}") as caught:
        StepTable.of_data(load(np.zeros(shape, bool)), replace(PAPER, tracks=tracks))
    assert "\n" not in str(caught.value)
