"""MVAE against the original code: networks, losses, gradients, updates, and notes it writes.

The original was run in float64, as released, whose note unrolling always uses the GRU of the
duration (`q1`), and with that mended (`fixed`). See `tests/golden/mvae/README.md`.
"""

from functools import cache

import keras
import numpy as np
import pytest
import reference
from keras import ops

from musegen.models.mvae import mvae, writer
from musegen.models.mvae.settings import ATTRIBUTES, PAPER, PRESETS, MVAESettings, kl_weight

pytestmark = pytest.mark.golden
slow = pytest.mark.slow

GOLDEN = reference.arrays("mvae/mvae_golden.npz")
NOTES, SIZES = GOLDEN["x"].astype("int32"), tuple(int(size) for size in GOLDEN["V"])
N_NOTES, WIDTH = NOTES.shape[1], GOLDEN["z_gen"].shape[1]
VARIANTS = {
    "q1": {"own_cells": False},
    "fixed": {},
    "flat": {"unrolling": False},
    "ae_q1": {"latent": "plain", "own_cells": False},
    "ae_fixed": {"latent": "plain"},
}
LAYERS = {  # of the original: the network and the layer of ours
    "_encoder.context_gru": ("encoder", "read_context"),
    "_encoder.linear": ("encoder", "join"),
    "_encoder.mu": ("encoder", "mean"),
    "_encoder.logvar": ("encoder", "log_variance"),
    "_decoder.hidden": ("decoder", "start"),
    "_decoder.context": ("decoder", "context"),
}
for i, attribute in enumerate(ATTRIBUTES):
    LAYERS |= {
        f"embeddings.{i}": ("embeddings", f"embed_{attribute}"),
        f"_encoder.NE_grus.{i}": ("encoder", f"read_{attribute}"),
        f"_decoder.gru1.{i}": ("decoder", f"attribute_{attribute}"),
        f"_decoder.gru2.{i}": ("decoder", f"write_{attribute}"),
        f"_decoder.outputs.{i}": ("decoder", f"logits_{attribute}"),
    }
PLAIN = {"_encoder.linear": ("encoder", "narrow"), "_encoder.out_linear": ("encoder", "z")}


def settings(variant: str, preset: str = "repo") -> MVAESettings:
    own = {"kl_reduction": "batch_sum", "kl_end": 0.01} if preset == "repo" else {}
    return MVAESettings(WIDTH, SIZES, **VARIANTS[variant], **own)


def layers_of(network: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers of ours by the names of the original."""
    table = dict(LAYERS)
    if len(network.get_layer("encoder").outputs) == 1:
        del table["_encoder.mu"], table["_encoder.logvar"]
        table |= PLAIN
    return {name: network.get_layer(part).get_layer(own) for name, (part, own) in table.items()}


def converted(arrays: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    """The arrays of one layer of the original, as Keras has them."""
    own = {
        key.removeprefix(f"{name}.").removesuffix("_l0"): array
        for key, array in arrays.items()
        if key.startswith(f"{name}.")
    }
    if name.startswith("embeddings"):
        return [own["weight"]]
    if "weight" in own:
        return [own["weight"].T, own["bias"]]

    def gates(part: str) -> np.ndarray:  # reset, update, new -> update, reset, new
        reset, update, new = np.split(own[part], 3)
        return np.concatenate([update, reset, new])

    biases = np.stack([gates("bias_ih"), gates("bias_hh")])
    return [gates("weight_ih").T, gates("weight_hh").T, biases]


def weights(variant: str) -> dict[str, np.ndarray]:
    found = {key[2:]: array for key, array in GOLDEN.items() if key.startswith("w/")}
    if variant.startswith("ae"):
        found |= {key[5:]: array for key, array in GOLDEN.items() if key.startswith("w_ae/")}
    return found


def unpacked(key: str) -> dict[str, np.ndarray]:
    """Gradients or moves of weights, which lie behind one another in the file."""
    names = [str(name) for name in GOLDEN["param_names"]]
    shapes = [GOLDEN[f"w/{name}"].shape for name in names]
    parts = np.split(GOLDEN[key], np.cumsum([np.prod(shape) for shape in shapes])[:-1])
    return {
        name: part.reshape(shape) for name, part, shape in zip(names, parts, shapes, strict=True)
    }


@cache
def untrained(variant: str) -> keras.Model:
    return built(variant)


def built(variant: str, preset: str = "repo") -> keras.Model:
    network = mvae.mvae(settings(variant, preset), N_NOTES)
    for name, layer in layers_of(network).items():
        layer.set_weights(converted(weights(variant), name))
    return network


@pytest.fixture(autouse=True)
def noise(monkeypatch):
    """Lets the sampling layer draw the noise of the original."""
    monkeypatch.setattr(
        keras.random, "normal",
        lambda shape, mean=0.0, stddev=1.0, **_: ops.convert_to_tensor(
            GOLDEN["eps"].astype("float32") * np.float32(stddev)
        ),
    )  # fmt: skip


def close(key: str, ours, tolerance: float = 1e-5) -> None:
    reference.compare(key, reference.numbers(ours), GOLDEN[key], tolerance)


@pytest.mark.parametrize("variant", ["q1", "ae_q1"])
def test_encoder(variant):
    network = untrained(variant)
    encoder = network.get_layer("encoder")
    embedded = network.get_layer("embeddings")(NOTES)
    inside = {f"E{i + 1}_seq": f"read_{a}" for i, a in enumerate((*ATTRIBUTES, "context"))}
    outside = {"q1": ("z", "mu", "logvar"), "ae_q1": ("z",)}[variant]
    inside["E5_out" if variant == "q1" else "F1_out"] = "join" if variant == "q1" else "narrow"
    outputs = [encoder.get_layer(layer).output for layer in inside.values()]
    found = keras.Model(encoder.inputs, [*outputs, *encoder.outputs])(embedded)
    for key, value in zip((*inside, *outside), found, strict=True):
        close(f"{variant}/{key}", value)
    mean = mvae.reader(network)(NOTES)
    close(f"{variant}/{'mu' if variant == 'q1' else 'z'}", mean)


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_and_losses(variant):
    network = untrained(variant)
    logits = network(NOTES)
    for attribute, own in zip(ATTRIBUTES, mvae.by_attribute(logits, SIZES), strict=True):
        close(f"{variant}/logits_{attribute}", own)
    if f"{variant}/s" in GOLDEN:
        start = network.get_layer("decoder").get_layer("start")
        close(f"{variant}/s", start(GOLDEN[f"{variant}/z"].astype("float32")))
    parts = [ops.mean(mvae.cross_entropy(NOTES, logits, SIZES, (a,))) for a in ATTRIBUTES]
    close(f"{variant}/ce_sums", [reference.numbers(own) for own in parts])
    rec = ops.mean(mvae.cross_entropy(NOTES, logits, SIZES))
    close(f"{variant}/rec", rec)
    close(f"{variant}/accuracy", ops.mean(mvae.accuracy(NOTES, logits, SIZES)))
    if variant.startswith("ae"):
        assert not network.losses
    else:
        kl = network.losses[0] / kl_weight(settings(variant), 1)
        close(f"{variant}/kl_repo", kl)
        close(f"{variant}/total_epoch10", rec + kl_weight(settings(variant), 10) * kl)


def test_loss_of_the_paper():
    network = built("fixed", "paper")
    mvae.weigh_kl(network, kl_weight(PAPER, 10))
    rec = ops.mean(mvae.cross_entropy(NOTES, network(NOTES), SIZES))
    close("fixed/total_paper_derived_epoch10", rec + network.losses[0])


def test_weights_of_the_kl_term():
    for epoch, repo, paper in GOLDEN["kl_weight_epochs"]:
        assert kl_weight(PRESETS["repo"], epoch) == pytest.approx(repo, rel=1e-5)
        assert kl_weight(PRESETS["paper"], epoch) == pytest.approx(paper, rel=1e-5)


def trained(variant: str) -> tuple[keras.Model, dict, dict]:
    """A network to train at the KL weight of epoch 10, its layers, their weights before."""
    own = settings(variant)
    network = mvae.compiled(built(variant), own, jit_compile=False)
    network.run_eagerly = keras.config.backend() == "tensorflow"  # faster for so few notes
    if own.latent == "gaussian":
        mvae.weigh_kl(network, kl_weight(own, 10))
    found = layers_of(network)
    return network, found, {name: layer.get_weights() for name, layer in found.items()}


def gradients(network: keras.Model, found: dict, before: dict) -> dict[str, list[np.ndarray]]:
    """The gradients of the first batch, from the averages of the optimizer."""
    optimizer, computed = network.optimizer, {}
    places = {id(variable): k for k, variable in enumerate(optimizer._trainable_variables)}
    for name, layer in found.items():
        computed[name] = []
        for variable, former in zip(layer.weights, before[name], strict=True):
            average = reference.numbers(optimizer.velocities[places[id(variable)]])
            down = former - reference.numbers(variable)
            computed[name].append(np.sign(down) * np.sqrt(average / (1 - optimizer.rho)))
    return computed


@slow
@pytest.mark.parametrize("variant", ["ae_fixed", "ae_q1"])
def test_norms_of_gradients(variant):
    network, found, before = trained(variant)
    network.train_on_batch(NOTES, NOTES)
    norms = GOLDEN[f"{variant}/gradnorms_epoch10"]
    theirs = dict(zip(map(str, GOLDEN["param_names_ae"]), norms, strict=True))
    for name, computed in gradients(network, found, before).items():
        own = [norm for key, norm in theirs.items() if key.startswith(f"{name}.")]
        ours = [np.linalg.norm(array) for array in computed]
        if len(own) == 4:  # the two biases of a GRU are one array of ours
            own = [own[0], own[1], np.hypot(own[2], own[3])]
        reference.compare(f"{variant}/{name}", ours, own, 1e-5)


@pytest.mark.parametrize(
    "variant", ["q1", *(pytest.param(v, marks=slow) for v in ("fixed", "flat"))]
)
def test_gradients_and_updates(variant):
    """Three steps of RMSprop; the first changes a weight by about 3e-4."""
    network, found, before = trained(variant)
    for step in (1, 2, 3):
        logs = network.train_on_batch(NOTES, NOTES, return_dict=True)
        network.reset_metrics()
        if step == 1:
            theirs = unpacked(f"{variant}/grad_epoch10")
            for name, computed in gradients(network, found, before).items():
                for ours, stored in zip(computed, converted(theirs, name), strict=True):
                    reference.compare(f"{variant}/{name}", ours, stored, 1e-5)
        if variant == "flat":
            break
        close(f"{variant}/loss_before_update{step}", logs["loss"])
        if step != 2:
            check_moves(f"{variant}/moved{step}", found, before)


def check_moves(key: str, found: dict, before: dict) -> None:
    theirs = unpacked(key)
    for name, layer in found.items():
        moves = converted(theirs, name)
        for ours, former, moved in zip(layer.get_weights(), before[name], moves, strict=True):
            reference.compare(f"{key}/{name}", ours - former, moved, 1e-6, scale=1.0)


@pytest.mark.parametrize("masked", [False, pytest.param(True, marks=slow)])
@pytest.mark.parametrize("variant", ["q1", "fixed", pytest.param("flat", marks=slow)])
def test_written_notes(variant, masked):
    theirs = GOLDEN[f"gen/{'mask_' if masked else ''}{variant}"]
    own = MVAESettings(WIDTH, SIZES, **VARIANTS[variant], zero_written=not masked)
    n, n_notes = theirs.shape[:2]
    play = writer.player(untrained(variant), own, n_notes)
    z = GOLDEN["z_gen"].astype("float32")
    inputs = {"z": z, "temperature": np.zeros(n), "chance": np.zeros((n, n_notes, 3))}
    inputs["given"] = np.full((n, n_notes, 3), -1)
    np.testing.assert_array_equal(play.predict(inputs, verbose=0), theirs)
    if variant == "q1" and not masked:
        alone = {name: array[:1] for name, array in inputs.items()}
        ours = play.predict(alone, verbose=0)
        np.testing.assert_array_equal(ours.ravel(), GOLDEN["gen/sample_method"].ravel())
