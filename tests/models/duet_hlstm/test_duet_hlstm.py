"""DuetHLSTM: numbers of parameters, what each output depends on, notes of outputs, training."""

from dataclasses import replace
from math import prod

import keras
import numpy as np
import pytest
from checks import check_model, check_on_jax, check_trains
from keras import ops

from musegen.models.duet_hlstm.continuation import continuer
from musegen.models.duet_hlstm.decisions import decided
from musegen.models.duet_hlstm.duet_hlstm import compiled, duet_hlstm, with_state
from musegen.models.duet_hlstm.settings import ORDER, PRESETS, WIRINGS, DuetSettings
from musegen.models.layers.lstm import hard_sigmoid
from musegen.saving import load_model, save_model

slow = pytest.mark.slow
TINY = DuetSettings(widths=(6, 4))
REPO = replace(PRESETS["repo"], widths=(6, 4))
TRIO = replace(TINY, tracks=ORDER[:3])
RNG = np.random.default_rng(0)
by_wiring = pytest.mark.parametrize("wiring", WIRINGS)
LAYERS = {  # of section 2 of the specification
    "melody_lstm1": 56_784,
    "accomp_lstm1": 56_784,
    "melody_lstm2": 14_976,
    "accomp_lstm2": 25_728,
    "dense": 2_772,
    "dense_1": 2_772,
}
COUNTS = {
    "cascade": (74_532, 159_816, 273_324, 386_832, 500_340),
    "star": (74_532, 159_816, 245_100, 330_384, 415_668),
}


def network(settings: DuetSettings = TINY, seed: int = 0, scale: float = 1.0) -> keras.Model:
    """A network with weights so large that all outputs differ."""
    keras.utils.set_random_seed(seed)
    made, rng = duet_hlstm(settings), np.random.default_rng(seed)
    made.set_weights([scale * rng.normal(size=weight.shape) for weight in made.weights])
    return made


def steps(n: int, settings: DuetSettings = TINY, length: int | None = None) -> np.ndarray:
    """Steps with some notes `(n, length, tracks, 84)`."""
    shape = (n, length or settings.window, len(settings.tracks), 84)
    return (RNG.random(shape) < 0.1).astype("float32")


def inputs(cells: np.ndarray) -> list:
    return [ops.convert_to_tensor(cells[:, :, k]) for k in range(cells.shape[2])]


def outputs(model: keras.Model, cells: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(model(inputs(cells)))


# Layers.


@pytest.mark.parametrize("preset", PRESETS)
def test_parameters_of_each_layer(preset):
    model = duet_hlstm(PRESETS[preset])
    found = {layer.name: layer.count_params() for layer in model.layers if layer.weights}
    assert found == LAYERS
    assert sum(prod(weight.shape) for weight in model.trainable_weights) == 159_816
    assert [tuple(x.shape) for x in model.inputs] == [(None, 4, 84)] * 2
    assert model.output_shape == (None, 168)


@by_wiring
def test_parameters_of_one_to_five_tracks_and_any_window(wiring):
    for k, count in enumerate(COUNTS[wiring], start=1):
        settings = DuetSettings(ORDER[:k], wiring=wiring, window=3 + 2 * k)
        assert duet_hlstm(settings).count_params() == count


def test_initial_values():
    """Forget biases of 1, orthogonal recurrent kernels, and nothing that is not trained."""
    model = duet_hlstm()
    cell = model.get_layer("accomp_lstm1").cell
    bias, kernel = map(ops.convert_to_numpy, (cell.bias, cell.recurrent_kernel))
    np.testing.assert_array_equal(bias, np.repeat([0.0, 1, 0, 0], 84))
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(84), atol=1e-5)
    assert len(model.trainable_weights) == len(model.weights) == 16


def test_gates_of_the_presets():
    """The hard sigmoid of Keras 2 has slope 0.2, that of Keras 3 has 1/6."""
    np.testing.assert_allclose(
        hard_sigmoid(ops.convert_to_tensor([-2.5, 0.0, 1.0, 2.5])), [0, 0.5, 0.7, 1], atol=1e-7
    )
    for preset, gate in (("paper", keras.activations.sigmoid), ("repo", hard_sigmoid)):
        model = duet_hlstm(PRESETS[preset])
        for name in LAYERS:
            if "lstm" in name:
                assert model.get_layer(name).recurrent_activation is gate


def moved(model: keras.Model, cells: np.ndarray) -> np.ndarray:
    """Whether the outputs of a track (column) move, if only by a bit, when an input (row) does."""
    before, found = outputs(model, cells), []
    for track in range(cells.shape[2]):
        changed = cells.copy()
        changed[:, :, track] = 1 - changed[:, :, track]
        differ = outputs(model, changed) != before
        found.append([own.any() for own in np.split(differ, cells.shape[2], axis=1)])
    return np.array(found)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_melody_does_not_hear_the_accompaniment(preset):
    settings = replace(PRESETS[preset], widths=(6, 4))
    model, cells = network(settings, scale=0.3), steps(3)
    assert moved(model, cells).tolist() == [[True, True], [False, True]]


@by_wiring
def test_what_more_tracks_hear(wiring):
    """In a cascade all tracks before them, in a star the melody and themselves."""
    settings = replace(TINY, tracks=ORDER[:3], wiring=wiring)
    model, cells = network(settings, scale=0.3), steps(3, settings)
    found = moved(model, cells)
    cascade = np.triu(np.ones((3, 3), bool))
    star = np.eye(3, dtype=bool)
    star[0] = True
    np.testing.assert_array_equal(found, cascade if wiring == "cascade" else star)


def test_the_duet_is_what_the_specification_says():
    """Layer by layer as the original builds it, bit by bit; both wirings are the same.

    On JAX our own LSTM adds in another order.
    """
    tiny, layer = (6, 4), keras.layers.LSTM
    melody, accomp = keras.Input((4, 84)), keras.Input((4, 84))
    u0 = layer(tiny[0], return_sequences=True)(melody)
    u1 = layer(tiny[0], return_sequences=True)(u0)
    v0 = layer(tiny[1])(u0)
    v1 = layer(tiny[1])(keras.layers.Concatenate()([u1, accomp]))
    heads = [keras.layers.Dense(84, "softmax")(v) for v in (v0, v1)]
    plain = keras.Model([melody, accomp], keras.layers.Concatenate()(heads))
    cells = steps(3)
    for wiring in WIRINGS:
        model = network(replace(TINY, wiring=wiring))
        plain.set_weights(model.get_weights())
        tolerance = 1e-6 if keras.config.backend() == "jax" else 0
        np.testing.assert_allclose(
            outputs(model, cells), outputs(plain, cells), rtol=0, atol=tolerance
        )


def test_the_outputs_of_a_softmax_sum_to_1_in_each_track():
    found = outputs(network(TRIO), steps(5, TRIO)).reshape(5, 3, 84)
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)
    assert ops.convert_to_numpy(decided(found, "round")).sum(axis=-1).max() <= 1


def test_a_state_of_zero_is_no_state():
    model = network(REPO)
    stepping, cells = with_state(model, REPO), steps(3)
    zero = np.zeros((3, 2, 2, 6), "float32")
    begun = [
        ops.convert_to_numpy(stepping([*inputs(cells), ops.convert_to_tensor(zero + a)]))
        for a in (0, 0.5)
    ]
    np.testing.assert_allclose(outputs(model, cells), begun[0], atol=1e-6)
    assert np.abs(begun[1] - begun[0]).max() > 1e-3
    assert stepping.count_params() == model.count_params()


# Rules for notes.


def on(p, rule: str, **given) -> list[int]:
    return np.flatnonzero(ops.convert_to_numpy(decided(ops.convert_to_tensor(p), rule, **given)))


def outputs_of(**pitches: float) -> np.ndarray:
    """Outputs that are small but at some pitches."""
    p = np.full(84, 1e-4, "float32")
    for pitch, value in pitches.items():
        p[int(pitch[1:])] = value
    return p


def test_exactly_half_is_off():
    assert list(on(outputs_of(_3=0.5, _4=np.nextafter(np.float32(0.5), 1)), "round")) == [4]


@pytest.mark.parametrize(
    ("rule", "chord"),
    [
        ("round", []),
        ("absolute", [5, 9, 12]),
        ("relative", [5, 9, 12]),
        ("nearest", [5, 9, 12]),
    ],
)
def test_a_chord_of_a_softmax_and_its_silence(rule, chord):
    third = 1 / 3
    assert list(on(outputs_of(_5=third, _9=third, _12=third), rule)) == chord
    assert list(on(np.full(84, 1 / 84, "float32"), rule)) == []


def test_edges_of_the_rules():
    assert list(on(outputs_of(_1=0.15, _2=0.149), "absolute")) == [1]
    assert list(on(outputs_of(_1=0.9, _2=0.31, _3=0.29), "relative")) == [1, 2]
    assert list(on(outputs_of(_1=0.149, _2=0.14), "relative")) == []
    assert list(on(outputs_of(_1=0.4, _2=0.39), "absolute", threshold=0.4)) == [1]
    assert list(on(outputs_of(_1=0.39, _2=0.3), "relative", threshold=0.4)) == []
    assert list(on(outputs_of(_1=0.4, _2=0.3), "relative", threshold=0.4)) == [1, 2]


def nearest_by_hand(p: np.ndarray) -> list[int]:
    """The chord of at most 12 notes whose best output is nearest in squared distance."""
    order = np.argsort(-p, kind="stable")
    chords = [order[:k] for k in range(13)]
    ideal = [np.full(84, 1 / 84)]
    for chord in chords[1:]:
        ideal.append(np.zeros(84))
        ideal[-1][chord] = 1 / len(chord)
    best = int(np.argmin([((p - one) ** 2).sum() for one in ideal]))
    return sorted(chords[best])


def test_nearest_is_the_nearest_chord():
    rng = np.random.default_rng(3)
    for concentration in (0.02, 0.1, 0.5, 3):
        p = rng.dirichlet(np.full(84, concentration), 20).astype("float32")
        for one in p:
            assert list(on(one, "nearest")) == nearest_by_hand(one)


def test_bernoulli_draws_as_often_as_the_outputs_say():
    p = np.tile(np.float32([0.05, 0.3, 0.9]), (20_000, 1))
    chance = np.random.default_rng(1).random(p.shape, "float32")
    for temperature in (0.5, 1.0, 2.0):
        cooled = 1 / (1 + (1 / p[0] - 1) ** (1 / temperature))
        drawn = {"chance": chance, "temperature": np.float32(temperature)}
        found = decided(ops.convert_to_tensor(p), "bernoulli", **drawn)
        np.testing.assert_allclose(ops.convert_to_numpy(found).mean(axis=0), cooled, atol=0.015)
    cold = decided(ops.convert_to_tensor(p[:9]), "bernoulli", chance=chance[:9], temperature=0.0)
    np.testing.assert_array_equal(cold, p[:9] > 0.5)


# Training.


@slow
def test_a_file_gives_the_same_network(tmp_path):
    cells = steps(3)
    for preset, settings in (("paper", TINY), ("repo", REPO)):
        model = network(settings)
        save_model(model, tmp_path / f"{preset}.keras")
        again = load_model(tmp_path / f"{preset}.keras")
        np.testing.assert_allclose(outputs(again, cells), outputs(model, cells), atol=1e-6)


@slow
@pytest.mark.parametrize("settings", [TINY, REPO, TRIO], ids=["paper", "repo", "trio"])
def test_networks_survive_configuration_and_file(settings, tmp_path):
    cells = steps(3, settings)
    check_model(network(settings), [cells[:, :, k] for k in range(cells.shape[2])], tmp_path)


@slow
@pytest.mark.parametrize("settings", [TINY, REPO, TRIO], ids=["paper", "repo", "trio"])
def test_tensorflow_and_jax_agree(settings, tmp_path):
    model, cells = network(settings), steps(3, settings)
    x = {own.name: cells[:, :, k] for k, own in enumerate(model.inputs)}
    check_on_jax(model, x, tmp_path)


@slow
@pytest.mark.parametrize("settings", [TINY, REPO], ids=["paper", "repo"])
def test_every_weight_is_trained(settings):
    model, cells = network(settings, scale=0.3), steps(4, settings)
    compiled(model, settings, keras.optimizers.Adam(), jit_compile=False)
    model.run_eagerly = True  # faster for so few windows
    check_trains(model, [cells[:, :, k] for k in range(2)], steps(4)[:, 0].reshape(4, -1))


def test_loss_and_metrics():
    """The loss is the mean over all labels; F1 and density are of the decided notes."""
    settings = replace(TRIO, head="sigmoid", decode="absolute")
    model, cells = network(settings, scale=0.3), steps(20, settings)
    compiled(model, settings, keras.optimizers.Adam(), jit_compile=False)
    model.run_eagerly = True
    y = (RNG.random((20, 252)) < 0.3).astype("float32")
    found = model.evaluate([cells[:, :, k] for k in range(3)], y, 7, verbose=0, return_dict=True)
    p, true = outputs(model, cells), y > 0
    loss = -np.log(np.where(true, p, 1 - p)).mean()
    assert found["loss"] == pytest.approx(loss, rel=1e-4)
    p, true = (x.reshape(20, 3, 84) for x in (p >= 0.15, true))
    assert found["f1"] == pytest.approx(2 * (p & true).sum() / (p.sum() + true.sum()), rel=1e-5)
    for k, track in enumerate(settings.tracks):
        one, other = p[:, k], true[:, k]
        f1 = 2 * (one & other).sum() / (one.sum() + other.sum())
        assert found[f"f1_{track}"] == pytest.approx(f1, rel=1e-5)
        assert found[f"density_{track}"] == pytest.approx(one.mean(), rel=1e-5)


# Generation.


def continued(model: keras.Model, settings: DuetSettings, window: np.ndarray, n: int) -> dict:
    made = continuer(model, settings, n)({"window": ops.convert_to_tensor(window)})
    return {name: ops.convert_to_numpy(x) for name, x in made.items()}


def loop(model: keras.Model, settings: DuetSettings, window: np.ndarray, n: int) -> tuple:
    """Continues windows step by step with the network as it was trained, and its LSTMs alone."""
    stepping, k = with_state(model, settings), len(settings.tracks)
    lstms = [
        keras.layers.LSTM(
            settings.widths[0],
            recurrent_activation=model.get_layer(f"{name}_lstm1").recurrent_activation,
            return_sequences=True,
            return_state=True,
        )
        for name in ("melody", "accomp")
    ]
    for own, name in zip(lstms, ("melody", "accomp"), strict=True):
        own.build((None, 4, model.get_layer(f"{name}_lstm1").cell.kernel.shape[0]))
        own.set_weights(model.get_layer(f"{name}_lstm1").get_weights())
    state = np.zeros((len(window), k, 2, settings.widths[0]), "float32")
    window, cells, p = window.copy(), [], []
    for _ in range(n):
        given = state if settings.carry else np.zeros_like(state)
        out = ops.convert_to_numpy(stepping([*inputs(window), ops.convert_to_tensor(given)]))
        x = ops.convert_to_tensor(window[:, :, 0])
        state = np.zeros_like(state)
        for j, own in enumerate(lstms):
            x, h, c = own(
                x, initial_state=[*map(ops.convert_to_tensor, given[:, j].swapaxes(0, 1))]
            )
            state[:, j] = np.stack([ops.convert_to_numpy(own) for own in (h, c)], axis=1)
        p.append(out.reshape(-1, k, 84))
        cells.append(ops.convert_to_numpy(decided(ops.convert_to_tensor(p[-1]), settings.decode)))
        read = p[-1] if settings.feedback == "real" else cells[-1]
        window = np.concatenate([window[:, 1:], read[:, None]], axis=1)
    return np.stack(cells, axis=1), np.stack(p, axis=1), state


@pytest.mark.parametrize(
    ("carry", "feedback"),
    [
        (True, "real"),
        (False, "decided"),
        pytest.param(True, "decided", marks=slow),
        pytest.param(False, "real", marks=slow),
    ],
)
def test_the_loop_is_that_of_single_steps(carry, feedback):
    settings = replace(REPO, carry=carry, feedback=feedback)
    model, window = network(settings, scale=0.8), steps(3)
    made = continued(model, settings, window, 3)
    cells, p, state = loop(model, settings, window, 3)
    assert 0.02 < cells.mean() < 0.98
    np.testing.assert_allclose(made["outputs"], p, atol=1e-5)
    np.testing.assert_array_equal(made["cells"], cells)
    np.testing.assert_allclose(made["state"], state, atol=1e-5)


def test_without_carry_a_window_has_the_same_next_step_wherever_it_stands():
    """With it, it has not."""
    for carry in (False, True):
        settings = replace(REPO, carry=carry, feedback="decided")
        model, window = network(settings, scale=0.8), steps(3)
        made = continued(model, settings, window, 3)
        later = np.concatenate([window, made["cells"]], axis=1)[:, 2:6]
        again = continued(model, settings, later, 1)
        same = np.allclose(again["outputs"][:, 0], made["outputs"][:, 2], atol=1e-6)
        assert same != carry


def test_drawing_of_notes_has_a_seed_and_a_temperature():
    settings = replace(REPO, decode="bernoulli")
    model = network(settings, scale=0.3)
    play, window = continuer(model, settings, 2), steps(3)
    chance = RNG.random((3, 2, 2, 84), "float32")

    def made(chance, temperature: float) -> np.ndarray:
        given = {"window": window, "chance": chance, "temperature": np.full(3, temperature)}
        given = {name: ops.convert_to_tensor(x, "float32") for name, x in given.items()}
        return ops.convert_to_numpy(play(given)["cells"])

    drawn = made(chance, 1)
    assert (drawn != made(1 - chance, 1)).mean() > 0.1
    np.testing.assert_array_equal(
        drawn[:, 0], chance[:, 0] < outputs(model, window).reshape(3, 2, 84)
    )
    np.testing.assert_array_equal(made(chance, 0), made(1 - chance, 0))


@slow
def test_more_tracks_are_continued_in_either_wiring():
    for wiring in WIRINGS:
        settings = replace(TRIO, wiring=wiring)
        model, window = network(settings), steps(2, settings)
        made = continued(model, settings, window, 2)
        later = window
        for t in range(2):
            p = outputs(model, later).reshape(2, 3, 84)
            np.testing.assert_allclose(made["outputs"][:, t], p, atol=1e-5)
            later = np.concatenate([later[:, 1:], made["cells"][:, t][:, None]], axis=1)


def test_music_is_continued_in_mixed_precision():
    """The state that goes round is of one type, whatever the layers compute with."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for settings in (TINY, REPO):
            model = network(settings, scale=0.3)
            assert model.get_layer("melody_lstm1").compute_dtype == "bfloat16"
            made = continuer(model, settings, 2)({"window": ops.convert_to_tensor(steps(2))})
            assert {keras.backend.standardize_dtype(own.dtype) for own in made.values()} == {
                "float32"
            }
    finally:
        keras.config.set_dtype_policy("float32")
