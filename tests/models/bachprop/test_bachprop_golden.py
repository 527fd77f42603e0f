"""BachProp, preset `repo`, against the original code: probabilities, losses, updates, notes.

See `tests/golden/mvae/README.md`.
"""

import keras
import numpy as np
import pytest
import reference
from keras import ops

from musegen.models.bachprop import bachprop, tag_writer
from musegen.models.bachprop.settings import LEVELS, READS, BachPropSettings
from musegen.models.mvae.settings import ATTRIBUTES
from musegen.training import autodiff

pytestmark = pytest.mark.golden

GOLDEN = reference.arrays("mvae/bachprop_golden.npz")
NOTES, NEXT = GOLDEN["notes"].astype("int32"), GOLDEN["next"].astype("int32")  # -1: no note
SIZES, WIDTH, WINDOW = tuple(int(n) for n in GOLDEN["sizes"]), 6, 8
N_WINDOWS = GOLDEN["hard_sigmoid/loss_acc_dT_per_window"].size // 2
LAYERS = {f"R{k}": f"read_{k}" for k in LEVELS}
for attribute in ATTRIBUTES:
    LAYERS |= {f"head{attribute}1": f"hidden_{attribute}", f"Y{attribute}": f"write_{attribute}"}
KINDS = ("kernel", "recurrent_kernel", "bias")


def settings(gates: str) -> BachPropSettings:
    return BachPropSettings(WIDTH, SIZES, gates)


def weights(prefix: str, name: str) -> list[np.ndarray]:
    keys = [f"{prefix}/{name}/{kind}" for kind in KINDS]
    return [GOLDEN[key] for key in keys if key in GOLDEN]


def built(gates: str = "hard_sigmoid", n_notes: int = WINDOW) -> keras.Model:
    network = bachprop.bachprop(settings(gates), n_notes)
    for name, own in LAYERS.items():
        network.get_layer(own).set_weights(weights("w", name))
    return network


def windows(names) -> list[dict[str, np.ndarray]]:
    """The inputs of each window but the states."""
    arrays = {"notes": NOTES, "next": NEXT}
    places = [slice(k * WINDOW, (k + 1) * WINDOW) for k in range(N_WINDOWS)]
    return [
        {name: ops.convert_to_tensor(arrays[name][:, place]) for name in names if name in arrays}
        for place in places
    ]


def states(names) -> dict:
    zero = ops.zeros((len(NOTES), WIDTH))
    return {name: zero for name in names if name.startswith("state")}


def close(key: str, ours, theirs, tolerance: float = 1e-5) -> None:
    reference.compare(key, reference.numbers(ours), theirs, tolerance, scale=1.0)


@pytest.mark.parametrize("gates", ["hard_sigmoid", pytest.param("sigmoid", marks=pytest.mark.slow)])
def test_windows(gates):
    """States go on from window to window; where a song has ended there is nothing to compare."""
    network = built(gates)
    inside = [network.get_layer(f"read_{k}").output[0] for k in LEVELS]
    whole = keras.Model(network.input, [network.output, inside])
    before = states(network.input)
    for w, inputs in enumerate(windows(network.input)):
        found, read = whole(inputs | before)
        before = {name: found[name] for name in before}
        for k in LEVELS:
            there = (reference.numbers(inputs["notes"]) >= 0).all(axis=-1)
            key = f"{gates}/R{k}/window{w}"
            close(key, reference.numbers(read[k - 1])[there], GOLDEN[key][there])
        for attribute in ATTRIBUTES:
            there = bachprop.counted(inputs["notes"], inputs["next"], attribute)
            there = reference.numbers(there)
            key = f"{gates}/prob_{attribute}/window{w}"
            close(key, reference.numbers(found[attribute])[there], GOLDEN[key][there])
            loss = bachprop.loss(inputs["notes"], inputs["next"], found[attribute], attribute)
            stored = GOLDEN[f"{gates}/loss_acc_{attribute}_per_window"].reshape(-1, 2)[w, 0]
            close(f"{gates}/loss_{attribute}/window{w}", loss, stored)


@pytest.mark.slow
def test_updates():
    """One batch: all windows for dT, then for T, then for P, each with an Adam of its own."""
    network = built()
    expected = {name: weights("w", name) for name in LAYERS}
    for attribute in ATTRIBUTES:
        own, adam = bachprop.part(network, attribute), keras.optimizers.Adam(1e-3)
        assert len(own.trainable_weights) == 3 * len(READS[attribute]) + 4
        adam.build(own.trainable_variables)

        def step(inputs, before, own=own, adam=adam, attribute=attribute):
            def function():
                given = {name: value for name, value in inputs.items() if name in own.input}
                found = own(given | before)
                loss = bachprop.loss(inputs["notes"], inputs["next"], found[attribute], attribute)
                return loss, {name: found[name] for name in before}

            value, found = autodiff.gradients(function, own.trainable_variables, own.variables)
            adam.apply(found, own.trainable_variables)
            return value

        on_jax = keras.config.backend() == "jax"  # where it is slow unless compiled
        step = autodiff.compiled(step, [*own.variables, *adam.variables], jit=on_jax)
        carried = states(own.input)
        for w, inputs in enumerate(windows(("notes", "next"))):
            loss, carried = step(inputs, carried)
            stored = GOLDEN[f"hard_sigmoid/train_loss_acc_{attribute}"].reshape(-1, 2)[w, 0]
            close(f"train_loss_{attribute}/window{w}", loss, stored)
        for name, layer in LAYERS.items():
            expected[name] = weights(f"hard_sigmoid/w_after_{attribute}", name) or expected[name]
            for ours, stored in zip(network.get_layer(layer).weights, expected[name], strict=True):
                close(f"after_{attribute}/{name}", ours, stored)


@pytest.mark.parametrize("gates", ["hard_sigmoid", pytest.param("sigmoid", marks=pytest.mark.slow)])
def test_written_notes(gates):
    """As likely as can be, up to the first tag of each song."""
    theirs = np.stack([GOLDEN[f"{gates}/gen/tok_{a}"] for a in ATTRIBUTES], axis=-1)[:, 1:]
    n, n_notes = theirs.shape[:2]
    play = tag_writer.player(built(gates), settings(gates), n_notes)
    inputs = {"temperature": np.zeros(n), "chance": np.zeros((n, n_notes, 3))}
    inputs["given"] = np.full((n, n_notes, 3), -1)
    ours = play.predict(inputs, verbose=0)
    tags = np.array(SIZES) - 1
    for song, stored in zip(ours, theirs, strict=True):
        ends = np.flatnonzero((stored == tags).any(axis=-1))
        end = ends[0] if len(ends) else n_notes
        np.testing.assert_array_equal(song[:end], stored[:end])
    assert (theirs < tags).all(axis=-1).sum() > 5
