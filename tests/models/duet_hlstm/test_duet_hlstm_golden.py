"""DuetHLSTM against the original code in TensorFlow 1.13: outputs, states, training, generation.

`repo` is the original as it was published. `paper` is the same in its framework with the sigmoid
gates and the softmax of the report. See `tests/golden/README.md`.
"""

from collections.abc import Iterator
from functools import cache

import keras
import numpy as np
import pytest
import reference

from musegen.models.duet_hlstm.continuation import continuer, run_cell
from musegen.models.duet_hlstm.duet_hlstm import compiled, duet_hlstm, with_state
from musegen.models.duet_hlstm.settings import PRESETS
from musegen.models.duet_hlstm.step_windows import StepTable, as_steps, batches, reduced

pytestmark = pytest.mark.golden
slow = pytest.mark.slow

GOLDEN = reference.arrays("duet/duet_golden.npz")
SAMPLE = reference.arrays("duet/duet_sample.npz")
PHRASES = reference.bits(SAMPLE["packed"], SAMPLE["shape"])
STEPS = as_steps(PHRASES)  # (50, 32, 2, 84)
JIT = keras.config.backend() == "jax"  # without it a step on JAX takes seconds
FIRSTS = ("melody_lstm1", "accomp_lstm1")
WEIGHTS = [("repo", "uniform", 1e-5), ("repo", "trained", 5e-5), ("paper", "uniform", 1e-5)]
by_weights = pytest.mark.parametrize(("preset", "kind", "tolerance"), WEIGHTS)


def shapes() -> list[tuple[int, ...]]:
    return [weight.shape for weight in duet_hlstm().weights]


def sines(a: float) -> list[np.ndarray]:
    """Weights by the fill rule: element k of array j, from 1, is a sin(k + j)."""
    return [
        (a * np.sin(np.arange(np.prod(shape)) + j + 1)).astype("float32").reshape(shape)
        for j, shape in enumerate(shapes())
    ]


def uniform(seed: int = 1901, a: float = 0.3) -> list[np.ndarray]:
    r = np.random.RandomState(seed)
    return [(r.random_sample(shape) * 2 * a - a).astype("float32") for shape in shapes()]


@cache
def network(preset: str, kind: str) -> keras.Model:
    model = duet_hlstm(PRESETS[preset])
    if kind == "trained":
        names = [weight.path.replace("/lstm_cell", "") for weight in model.weights]
        model.set_weights([GOLDEN[f"trained/{name}"].astype("float32") for name in names])
    else:
        model.set_weights(uniform() if kind == "uniform" else sines(float(kind)))
    return model


def window(t: int, n: int = 50) -> list[np.ndarray]:
    return [STEPS[:n, t : t + 4, k].astype("float32") for k in range(2)]


def near(what: str, ours, theirs, tolerance: float) -> None:
    reference.compare(what, reference.numbers(ours), theirs, tolerance, scale=1.0)


def test_the_sample_is_what_the_loader_makes():
    stored = reference.arrays("lpd_piano_strings_50.npz")
    fine = reference.bits(stored["packed"], stored["shape"])
    tracks = ("piano", "strings")
    assert fine.shape == (50, 4, 48, 84, 2)
    np.testing.assert_array_equal(reduced(fine, tracks, tracks), PHRASES)


@pytest.mark.parametrize("preset", PRESETS)
def test_outputs_with_the_weights_of_the_specification(preset):
    model, stepping = network(preset, "0.5"), with_state(network(preset, "0.5"), PRESETS[preset])
    for t in (0, 1):
        near(f"forward {t}", model(window(t, 1))[0], SAMPLE[f"forward_{preset}"][t], 1e-5)
    state = state_after(model, window(0, 1))
    near("carried", stepping([*window(1, 1), state])[0], SAMPLE[f"carried_{preset}"][1], 1e-5)


def state_after(model: keras.Model, windows: list, state: np.ndarray | None = None) -> np.ndarray:
    """The state of the first LSTMs after a window, `(B, 2, 2, 84)`."""
    n = len(windows[0])
    state = np.zeros((n, 2, 2, 84), "float32") if state is None else state
    source, states = [windows[0][:, t] for t in range(4)], []
    for k, name in enumerate(FIRSTS):
        source, own = run_cell(model.get_layer(name), source, [state[:, k, 0], state[:, k, 1]])
        states.append([reference.numbers(part) for part in own])
    return np.array(states).transpose(2, 0, 1, 3)


@by_weights
def test_every_layer(preset, kind, tolerance):
    model = network(preset, kind)
    names = (*FIRSTS, "melody_lstm2", "accomp_lstm2")
    inside = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    for name, ours in zip(names, inside(window(0, 2)), strict=True):
        near(name, ours, GOLDEN[f"{preset}/{kind}/hidden_window0/{name}"], tolerance)


@by_weights
def test_windows_with_a_state_of_zero_and_a_carried_one(preset, kind, tolerance):
    model, key = network(preset, kind), f"{preset}/{kind}"
    for ours, t in enumerate((1, 13, 26)):
        theirs = GOLDEN[f"{key}/zero_windows_1_13_26"][ours]
        near(f"window {t}", model(window(t, 8)), theirs, tolerance)
    stepping, state = with_state(model, PRESETS[preset]), np.zeros((8, 2, 2, 84), "float32")
    for t in range(3):
        theirs = GOLDEN[f"{key}/carried_windows_0_1_2"][t]
        near(f"carried {t}", stepping([*window(t, 8), state]), theirs, tolerance)
        state = state_after(model, window(t, 8), state)
    theirs = GOLDEN[f"{key}/states_after_0_1_2"]  # h, c of one, h, c of the other
    near("state", state[:2].transpose(1, 2, 0, 3).reshape(4, 2, 84), theirs, tolerance)


@pytest.mark.parametrize("kind", ["uniform", "trained"])
def test_generation(kind):
    """With trained weights both move apart over the steps, as float32 does from float64."""
    settings = PRESETS["repo"]
    made = continuer(network("repo", kind), settings, 28).predict(
        {"window": STEPS[:, :4].astype("float32")}, verbose=0, batch_size=50
    )
    theirs = GOLDEN[f"repo/{kind}/generated"].transpose(0, 1, 3, 2)  # (6, 28, 2, 84)
    near("step 1", made["outputs"][:6, :1], theirs[:, :1], 1e-5)
    near("all steps", made["outputs"][:6], theirs, 1e-5 if kind == "uniform" else 2e-2)
    on = reference.bits(GOLDEN[f"repo/{kind}/generated_rounded_packed"], (50, 28, 84, 2))
    on = on.transpose(0, 1, 3, 2)
    differ = (made["cells"] > 0) != on
    if kind == "uniform":
        phrase, step, pitch, track = GOLDEN[f"repo/{kind}/near_half"].T
        unsure = np.zeros_like(differ)
        unsure[phrase, step, track, pitch] = True
        assert not (differ & ~unsure).any()
    else:
        assert differ.sum() <= 50
    counts = made["cells"].sum(axis=(1, 3))
    theirs = GOLDEN[f"repo/{kind}/generated_on_per_phrase_track"]
    assert np.abs(counts - theirs).sum() <= differ.sum()


def test_notes_of_every_window():
    windows = [np.concatenate(track) for track in zip(*map(window, range(27)), strict=True)]
    p = network("repo", "trained").predict(windows, batch_size=50 * 27, verbose=0)
    counts = (p > 0.5).reshape(27, -1).sum(axis=1)
    near("notes", counts, GOLDEN["repo/trained/teacher_forced_on_per_window"], 1)


# Training.


def adam() -> keras.optimizers.Adam:
    return keras.optimizers.Adam(1e-3)


def sampled(arrays: list) -> np.ndarray:
    """What is stored of 16 arrays: biases whole, of matrices every 23rd element."""
    flat = [reference.numbers(array) for array in arrays]
    return np.concatenate([a.ravel()[:: 23 if a.ndim > 1 else 1] for a in flat])


def trained(preset: str, n_updates: int) -> Iterator[tuple[int, float, keras.Model]]:
    """Yields number, loss before it, and the network after it, of each of some updates."""
    model = duet_hlstm(PRESETS[preset])
    model.set_weights(sines(0.1))
    compiled(model, PRESETS[preset], adam(), jit_compile=JIT)
    # Faster than a graph for so few.
    model.run_eagerly = n_updates < 10 and keras.config.backend() == "tensorflow"
    y = STEPS.astype("float32").reshape(50, 32, 168)
    for n in range(n_updates):
        t = int(GOLDEN["train_windows"][n])
        logs = model.train_on_batch(window(t), y[:, t + 4], return_dict=True)
        model.reset_metrics()
        yield n + 1, logs["loss"], model


@pytest.mark.parametrize("preset", PRESETS)
def test_first_updates(preset):
    start = None
    for n, loss, model in trained(preset, 3):
        near(f"loss {n}", loss, GOLDEN[f"{preset}/loss"][n - 1], 1e-5)
        m = model.optimizer._momentums
        if n == 1:
            gradient = [reference.numbers(own) / np.float32(0.1) for own in m]
            theirs = GOLDEN[f"{preset}/gradient_update1"]
            np.testing.assert_allclose(sampled(gradient), theirs, rtol=1e-4, atol=1e-8)
            norms = [np.linalg.norm(own) for own in gradient]
            theirs = GOLDEN[f"{preset}/gradient_update1_sum_norm"][:, 1]
            np.testing.assert_allclose(norms, theirs, rtol=1e-4)
        if n != 2:
            near(
                f"weights {n}", sampled(model.weights), GOLDEN[f"{preset}/weights_after_{n}"], 1e-6
            )
        start = model
    for own, name, atol in (
        (start.optimizer._momentums, "adam_m_after_3", 1e-8),
        (start.optimizer._velocities, "adam_v_after_3", 1e-12),
    ):
        theirs = GOLDEN[f"{preset}/{name}"]
        np.testing.assert_allclose(sampled(own), theirs, rtol=1e-3, atol=atol)


@slow
@pytest.mark.parametrize("preset", PRESETS)
def test_540_updates(preset):
    found = list(trained(preset, 540))
    near("losses", [loss for _, loss, _ in found], GOLDEN[f"{preset}/loss"], 1e-5)
    near("of the sample", [loss for _, loss, _ in found], SAMPLE[f"loss_{preset}"], 1e-5)
    model = found[-1][-1]
    # TensorFlow 1.13 rounded Adam's 0.999 to float32, which moves weights by up to 2e-4.
    near("weights", sampled(model.weights), GOLDEN[f"{preset}/weights_after_540"], 5e-4)


@slow
def test_the_published_script():
    """Two epochs as `music_gen.py` runs them, with its random orders: losses and samples.

    The first update of the second epoch begins in the state in which the samples of the first
    epoch left the LSTMs.
    """
    settings, size = PRESETS["repo"], 24
    model = duet_hlstm(settings)
    model.set_weights(uniform())
    learner = compiled(with_state(model, settings), settings, adam(), jit_compile=JIT)
    play = continuer(model, settings, 28)
    order, state, losses = np.arange(50), np.zeros((size, 2, 2, 84), "float32"), []
    rounded = reference.bits(GOLDEN["script/rounded_packed"], (2, size, 28, 84, 2))
    for epoch in range(2):
        order = order[GOLDEN["script/phrase_order"][epoch]]
        table = StepTable.of_steps(STEPS[order])
        windows = GOLDEN["script/window_order"][2 * epoch : 2 * epoch + 2]
        starts = [(b * size + np.arange(size)) * 32 + t for b in range(2) for t in windows[b]]
        for x, y in batches(table, np.concatenate(starts), settings, size, state):
            x, y = keras.tree.map_structure(np.asarray, (x, y))
            losses.append(learner.train_on_batch(x, y))
            learner.reset_metrics()
        seeds = STEPS[order][:size, :4].astype("float32")
        made = play.predict({"window": seeds}, verbose=0, batch_size=size)
        state = made["state"]
        differ = made["cells"].transpose(0, 1, 3, 2).astype(bool) != rounded[epoch]
        assert differ.mean() < 1e-3
    losses = [loss[0] if isinstance(loss, list) else loss for loss in losses]
    near("losses", losses, GOLDEN["script/loss"], 1e-5)
    assert abs(losses[54] - 0.2187249) < 1e-5
