"""MVAE: numbers of parameters, what each output depends on, training, and writing of notes."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from checks import check_model, check_on_jax, check_trains
from keras import ops

from musegen.models.mvae import mvae, writer
from musegen.models.mvae.settings import (
    ATTRIBUTES,
    PRESETS,
    VARIANTS,
    MVAESettings,
    kl_weight,
    settings_of,
)
from musegen.saving import load_model, save_model

SIZES, N_NOTES = (5, 7, 11), 4
TINY = MVAESettings(width=8, sizes=SIZES, noise=0.0)
slow = pytest.mark.slow
KINDS = {
    "unrolling": TINY,
    "other-cell": replace(TINY, own_cells=False, zero_written=True),
    "flat": replace(TINY, unrolling=False),
    "autoencoder": replace(TINY, latent="plain"),
    "without-z": replace(TINY, latent="none"),
}
RNG = np.random.default_rng(0)
# Of each preset: embeddings, encoder, encoder of the autoencoder, decoder, whole, autoencoder.
COUNTS = {
    "paper": (189_440, 9_451_008, 9_449_574, 17_775_474, 27_415_922, 27_414_488),
    "repo": (52_992, 2_366_208, 2_365_747, 4_455_119, 6_874_319, 6_873_858),
}


def quick(*quick_ones: str) -> list:
    """The kinds, all but some of them slow."""
    return [kind if kind in quick_ones else pytest.param(kind, marks=slow) for kind in KINDS]


def notes(n: int, n_notes: int = N_NOTES) -> np.ndarray:
    return RNG.integers(1, SIZES, (n, n_notes, 3)).astype("int32")


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "bachprop"])
@pytest.mark.parametrize("preset", COUNTS)
def test_parameter_counts(preset, name):
    network = mvae.mvae(settings_of(name, preset), name=name)
    plain = name == "mvae-autoencoder"
    embeddings, encoder, narrow, decoder, whole, autoencoder = COUNTS[preset]
    parts = (network.get_layer(part) for part in ("embeddings", "encoder", "decoder"))
    assert [part.count_params() for part in parts] == [
        embeddings,
        narrow if plain else encoder,
        decoder,
    ]
    assert network.count_params() == (autoencoder if plain else whole)
    assert network.output_shape == (None, 100, sum(PRESETS[preset].sizes))


@slow
@pytest.mark.parametrize("kind", KINDS)
def test_networks_survive_configuration_and_file(kind, tmp_path):
    network = mvae.mvae(KINDS[kind], N_NOTES)
    check_model(network, notes(3), tmp_path)
    if kind != "without-z":
        check_model(mvae.reader(network), notes(3), tmp_path)


def test_a_file_gives_the_same_network(tmp_path):
    """The kind in which one layer is called twice."""
    network, x = mvae.mvae(KINDS["other-cell"], N_NOTES), ops.convert_to_tensor(notes(3))
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    assert again.count_params() == network.count_params()
    for one, other in ((again, network), (mvae.reader(again), mvae.reader(network))):
        np.testing.assert_allclose(one(x), other(x), atol=1e-6)


@pytest.mark.parametrize("kind", quick("autoencoder", "without-z"))
def test_a_system_saves_its_network(kind, tmp_path):
    """In musegen's own layers, as Keras's GRU has no constant input and no unrolling."""
    network, x = mvae.mvae(KINDS[kind], N_NOTES), ops.convert_to_tensor(notes(3))
    save_model(network, tmp_path / "network.keras")
    again = load_model(tmp_path / "network.keras")
    np.testing.assert_allclose(again(x), network(x), atol=1e-6)


@slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_is_trained(kind):
    x = notes(8)
    network = mvae.compiled(mvae.mvae(KINDS[kind], N_NOTES), KINDS[kind], jit_compile=False)
    network.run_eagerly = True  # faster for so few notes
    check_trains(network, x, x)


@slow
@pytest.mark.parametrize("kind", KINDS)
def test_tensorflow_and_jax_agree(kind, tmp_path):
    check_on_jax(mvae.mvae(KINDS[kind], N_NOTES, name=kind), notes(2), tmp_path)


# What the outputs at one note change with: for each attribute that is changed, those of the same
# note, in the order dT, T, P. The outputs of the notes before never change.
UNROLLED = {"dT": (False, True, True), "T": (False, False, True), "P": (False, False, False)}
FLAT = dict.fromkeys(ATTRIBUTES, (False, False, False))


@pytest.mark.parametrize("kind", quick("unrolling", "flat")[:3])
def test_what_each_output_depends_on(kind):
    """The given notes change and z does not."""
    network, place = mvae.mvae(KINDS[kind], N_NOTES), 1
    embed, decoder = network.get_layer("embeddings"), network.get_layer("decoder")
    z = ops.convert_to_tensor(RNG.normal(size=(1, TINY.width)).astype("float32"))

    def logits(x):
        given = embed(np.pad(x, ((0, 0), (1, 0), (0, 0))))
        return [ops.convert_to_numpy(y)[0] for y in mvae.by_attribute(decoder([*given, z]), SIZES)]

    x = notes(1)
    before, same = logits(x), {}
    for i, attribute in enumerate(ATTRIBUTES):
        changed = x.copy()
        changed[0, place, i] = x[0, place, i] % (SIZES[i] - 1) + 1
        moved = [np.abs(a - b).max(axis=1) for a, b in zip(before, logits(changed), strict=True)]
        for own in moved:
            assert own[:place].max() < 1e-7
            assert own[place + 1 :].min() > 1e-5
        same[attribute] = tuple(bool(own[place] > 1e-6) for own in moved)
    assert same == (FLAT if kind == "flat" else UNROLLED)
    assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(before, logits(x[:, ::-1]), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_weights_have_the_same_name(kind):
    """Else PyTorch adds the gradient of one of them to that of the step before."""
    paths = [weight.path for weight in mvae.mvae(KINDS[kind], N_NOTES).weights]
    assert len(set(paths)) == len(paths)


def test_initial_values():
    """Embeddings N(0, 1), the rest between plus and minus 1 / sqrt(inputs); no two layers alike."""
    settings = MVAESettings(width=64, sizes=(40, 50, 60))
    keras.utils.set_random_seed(0)
    network = mvae.mvae(settings, N_NOTES)
    for weight in network.get_layer("embeddings").weights:
        assert ops.convert_to_numpy(weight).std() == pytest.approx(1, abs=0.05)
    found = []
    for layer in (*network.get_layer("encoder").layers, *network.get_layer("decoder").layers):
        if isinstance(layer, keras.layers.GRU | keras.layers.Dense):
            values = [ops.convert_to_numpy(weight) for weight in layer.weights]
            limit = (64 if isinstance(layer, keras.layers.GRU) else len(values[0])) ** -0.5
            for value in values:
                assert 0.8 * limit < np.abs(value).max() <= limit
                found.append(value.ravel()[:40].tobytes())
    assert len(set(found)) == len(found)


@slow
def test_first_loss_is_that_of_a_guess():
    """Little above the loss of equally likely values, in nats, summed over notes."""
    settings = MVAESettings(width=32)
    network = mvae.compiled(mvae.mvae(settings, 10), settings, jit_compile=False)
    x = RNG.integers(1, settings.sizes, (16, 10, 3)).astype("int32")
    found = network.evaluate(x, x, verbose=0, return_dict=True)
    guess = 10 * np.log(settings.sizes).sum()
    assert found["rec"] == pytest.approx(guess, rel=0.05)
    assert found["rec"] == pytest.approx(sum(found[f"rec_{a}"] for a in ATTRIBUTES), rel=1e-5)
    assert found["accuracy"] == pytest.approx(
        np.mean([found[f"accuracy_{a}"] for a in ATTRIBUTES]), rel=1e-4
    )


@pytest.mark.parametrize(
    ("preset", "expected"),
    [("repo", (3.03e-6, 2.89e-3, 5e-3, 0.01)), ("paper", (3.03e-4, 0.289, 0.5, 1))],
)
def test_weight_of_the_kl_term(preset, expected):
    weights = [kl_weight(PRESETS[preset], epoch) for epoch in (1, 9, 10, 200)]
    assert weights == pytest.approx(expected, rel=2e-3)


def test_kl_term_has_the_weight_of_the_first_epoch_until_it_is_changed():
    network, x = mvae.mvae(TINY, N_NOTES), ops.convert_to_tensor(notes(8))
    network(x)
    first = float(network.losses[0])
    mvae.weigh_kl(network, 1.0)
    network(x)
    whole = float(network.losses[0])
    assert whole > 0.01
    assert first == pytest.approx(kl_weight(TINY, 1) * whole, rel=1e-4)


# Writing of notes.


def chances(n: int, n_notes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, n_notes, 3), "float32")


def play(network, settings, temperature: float, n: int = 4, seed: int = 0) -> np.ndarray:
    inputs = {
        "z": np.random.default_rng(1).normal(size=(n, settings.width)),
        "temperature": np.full(n, temperature),
        "chance": chances(n, N_NOTES, seed),
        "given": np.full((n, N_NOTES, 3), -1),
    }
    if settings.latent == "none":
        del inputs["z"]
    inputs = {
        name: ops.convert_to_tensor(value, "int32" if name == "given" else "float32")
        for name, value in inputs.items()
    }
    return ops.convert_to_numpy(writer.player(network, settings, N_NOTES)(inputs))


def given(network, settings, written: np.ndarray) -> list[np.ndarray]:
    """The logits of the decoder that is given the notes which it wrote."""
    z = np.random.default_rng(1).normal(size=(len(written), settings.width))
    embedded = network.get_layer("embeddings")(np.pad(written, ((0, 0), (1, 0), (0, 0))))
    inputs = (
        embedded if settings.latent == "none" else [*embedded, ops.convert_to_tensor(z, "float32")]
    )
    logits = network.get_layer("decoder")(inputs)
    return [ops.convert_to_numpy(own) for own in mvae.by_attribute(logits, SIZES)]


@pytest.mark.parametrize("kind", quick("other-cell", "flat"))
def test_written_notes_are_those_of_the_whole_sequence(kind):
    """The loop over notes against the layers that see all notes at once, in both ways to choose."""
    settings = KINDS[kind]
    network = mvae.mvae(settings, N_NOTES)
    for temperature in (0.0, 0.7):
        written = play(network, settings, temperature)
        assert written.shape == (4, N_NOTES, 3)
        for i, logits in enumerate(given(network, settings, written)):
            if not settings.zero_written:
                logits[..., 0] = -np.inf
            if not temperature:
                expected = logits.argmax(axis=-1)
            else:
                likely = np.exp(logits.astype(float) / temperature)
                below = (likely / likely.sum(axis=-1, keepdims=True)).cumsum(axis=-1)
                expected = (below <= chances(4, N_NOTES)[:, :, i : i + 1]).sum(axis=-1)
            np.testing.assert_array_equal(written[..., i], expected)
        assert settings.zero_written or written.min() > 0


def test_seeds_and_temperature():
    network = mvae.mvae(replace(TINY, latent="none"), N_NOTES)
    likely, warm, other = (
        play(network, replace(TINY, latent="none"), temperature, n=20, seed=seed)
        for temperature, seed in ((0.0, 0), (1.0, 0), (1.0, 2))
    )
    np.testing.assert_array_equal(likely, likely[:1].repeat(20, axis=0))
    assert (warm != other).mean() > 0.3
    assert (warm != likely).mean() > 0.3
