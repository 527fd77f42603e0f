"""MuseGAN, preset `repo`, against the original code (folder `v1`), all ten systems of it.

Weights are drawn by name and seed (`tests/golden/musegan/recipe.py`); the file holds inputs, and
some hundred numbers of each array that the original computed from them in float64. See
`tests/golden/README.md`. Musegen computes in float32, so a ReLU whose input is near 0 may be open
on one side and shut on the other; tolerances of gradients are shares of a network's norm.
"""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import reference
from keras import ops

from musegen import plots
from musegen.metrics import muse
from musegen.models.musegan import critics, generators
from musegen.models.musegan import system as musegan_system
from musegen.models.musegan.settings import PRESETS, Kind
from musegen.models.musegan.system import MuseGAN
from musegen.music.phrases import binarise
from musegen.training.gan import pictures as drawing
from musegen.training.gan.wgan_gp import WGANGP, WGANSettings

pytestmark = pytest.mark.golden

GOLDEN = reference.arrays("musegan/musegan_golden.npz")
SEED = int(GOLDEN["seed"])
LAYERS = json.loads(str(GOLDEN["layers"]))  # of each system: original variable, ours, change
recipe = reference.recipe("musegan/recipe.py")
QUICK = ("composer-conditional",)
TO_ORIGINAL = np.argsort(recipe.ORDER)  # ours in the original's order of tracks
LATENTS = {
    "z_inter_i": "z", "z_inter_v": "z_time", "z_intra_i": "z_tracks", "z_intra_v": "z_tracks_time",
    "z_inter": "z", "z_intra": "z_tracks",
}  # fmt: skip


class Reference:
    """The values of one system in the file, in the layout of musegen."""

    def __init__(self, system: str):
        self.system = system
        self.found = {
            name.removeprefix(f"{system}/"): array
            for name, array in GOLDEN.items()
            if name.startswith(f"{system}/")
        }
        model, given, n_bars, *_ = recipe.SYSTEMS[system]
        self.kind = Kind(model, given, n_bars)
        music = reference.bits(self.found["in/x"], self.found["in/x/shape"])
        self.music = music[..., recipe.ORDER].reshape(-1, n_bars, 96, 84, 5)
        # Where between real and fake: one number a phrase, or a bar of a critic of bars.
        share = self.found["in/alpha"].reshape(len(self.music), -1)
        self.share = share.astype("float32")[..., None, None, None]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [tuple(int(n) for n in row if n) for row in self.found["weights/shapes"]]

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """Random vectors and, of a conditional system, the given track."""
        kind, z = self.kind, {}
        tracks = [recipe.ORIGINAL.index(track) for track in kind.written]
        for name, own in self.found.items():
            if not name.startswith("in/z"):
                continue
            own = own.astype("float32")
            if "intra" in name:  # (B, L, 5) to (B, tracks, L)
                own = np.moveaxis(own[..., tracks], -1, 1)
            if kind.independent_bars:
                own = own.reshape(-1, kind.n_bars, *own.shape[1:])
            z["z_time" if kind.model == "rnn" else LATENTS[name[3:]]] = own
        if kind.given:
            k = recipe.MUSEGEN.index(kind.given)
            z["given"] = 2 * self.music[..., k : k + 1].astype("float32") - 1
        return z

    def original(self, phrases) -> np.ndarray:
        """Converts phrases, or bars, from the layout of musegen to that of the original."""
        shape = (-1, 96, 84, 5) if self.kind.independent_bars else (-1, 384, 84, 5)
        return reference.numbers(phrases)[..., TO_ORIGINAL].reshape(shape)

    def close(self, name: str, ours, tolerance: float, least: float = 1e-3) -> None:
        """Fails unless ours is within a share of the original's greatest number, or of `least`."""
        ours = reference.numbers(ours).astype(float)
        if name in self.found:
            theirs = self.found[name]
            reference.compare(name, ours, theirs, tolerance, max(least, np.abs(theirs).max()))
            return
        assert ours.shape == tuple(self.found[f"{name}/shape"]), name
        _, norm, low, high = self.found[f"{name}/told"]
        picks, scale = ours.ravel()[self.found[f"{name}/at"]], max(-low, high)
        reference.compare(name, picks, self.found[f"{name}/picks"], tolerance, scale)
        reference.compare(f"{name}, range", [ours.min(), ours.max()], [low, high], tolerance, scale)
        reference.compare(f"{name}, norm", np.sqrt((ours**2).sum()), norm, tolerance)


class Built:
    """Generator and critic of a system with the recipe's weights."""

    def __init__(self, known: Reference, **settings):
        self.settings = replace(PRESETS["repo"], **settings)
        self.generator = generators.generator(self.settings, known.kind)
        self.critic = critics.critic(self.settings, known.kind)
        whole = (self.generator, self.critic)
        inner = [layer for model in whole for layer in model.layers]
        self.networks = {x.name: x for x in (*whole, *inner) if isinstance(x, keras.Model)}
        assert [list(row) for row in recipe.layers(known.system)] == LAYERS[known.system]
        filled = set()
        rows = zip(LAYERS[known.system], known.shapes, strict=True)
        for k, ((name, path, change), shape) in enumerate(rows):
            values = recipe.weight(SEED, known.system, name, shape)
            kept = values.ravel()[known.found["weights/at"][k]]
            np.testing.assert_allclose(kept, known.found["weights/start"][k], rtol=1e-6)
            for variable, value in zip(
                self.variables(path, change), changed(values, change), strict=True
            ):
                variable.assign(value)
                filled.add(id(variable))
        assert filled == {id(weight) for model in whole for weight in model.weights}

    def variables(self, path: str, change: str) -> list[keras.Variable]:
        """Returns the variables of musegen for one of the original."""
        if change.startswith("lstm"):
            cell = self.networks["temporal"].get_layer("bars").cell
            return [cell.bias] if change == "lstm-bias" else [cell.kernel, cell.recurrent_kernel]
        network, layer, kind = path.split("/")
        return [getattr(self.networks[network].get_layer(layer), kind)]


def changed(values: np.ndarray, change: str, forget: float = 1.0) -> list[np.ndarray]:
    """Converts an original variable to the layout of musegen.

    The original adds `forget` to the bias of an LSTM's forget gate whenever it runs.
    """
    if not change.startswith("lstm"):
        return [recipe.changed(values, change)]
    i, j, f, o = np.split(values, 4, axis=-1)
    if change == "lstm-bias":
        return [np.concatenate([i, f + forget, j, o])]
    kernel = np.concatenate([i, f, j, o], axis=-1)
    return [kernel[:128], kernel[128:]]


def picked(values: list, shape: tuple, change: str, at: np.ndarray, forget: float) -> np.ndarray:
    """Returns the numbers of musegen's arrays at given flat places of the original arrays."""
    places = np.arange(np.prod(shape)).reshape(shape)
    where = np.concatenate([part.ravel() for part in changed(places, change, 0)])
    flat = np.empty(len(where))
    flat[where] = np.concatenate([reference.numbers(part).ravel() for part in values])
    if change == "lstm-bias":
        flat[256:384] -= forget
    return flat[at]


def systems(*quick: str) -> list:
    return [s if s in quick else pytest.param(s, marks=pytest.mark.slow) for s in LAYERS]


# Networks.


@pytest.mark.parametrize("system", systems(*QUICK))
def test_outputs(system):
    known = Reference(system)
    z, near = known.inputs, 2e-4 if known.kind.given else 5e-5
    still = Built(known, batch_statistics=False).generator  # by moving averages
    known.close("inference/prediction", known.original(still(z, training=False)), near)
    built = Built(known)
    player = MuseGAN("repo", known.kind, built.generator)
    values = player.values(z)
    known.close("training/prediction", known.original(values), near)
    counts = known.original(player.binarised(values)).sum(axis=(1, 2))
    theirs = known.found["training/binary/count"]
    reference.compare("cells that are on", counts, theirs, 1e-3)
    for name, hat in unrolled(known, built).items():
        known.close(f"training/{name}", hat, 5e-5)
    if known.kind.given:
        maps = built.networks["encoder"](z["given"].reshape(-1, 96, 84, 1), training=True)
        for k, found in enumerate(maps):
            known.close(f"training/encoded_{k}", found, 1e-4)
    known.close("training/D_real", built.critic(2 * known.music.astype("float32") - 1), 5e-5)
    known.close("training/D_fake", built.critic(values), near)


def unrolled(known: Reference, built: Built) -> dict[str, np.ndarray]:
    """Returns the outputs of the temporal generators, in the layout of the original."""
    z, network = known.inputs, built.networks.get("temporal")
    if known.kind.model == "rnn":
        return {"z_inter_v_hat": reference.numbers(network(z["z_time"], training=True))}
    hats = {}
    if "z_time" in z:  # (B, 4, L) to (B, L, 4)
        hat = reference.numbers(network(z["z_time"], training=True))
        hats["z_inter_v_hat"] = hat.swapaxes(1, 2)
    if "z_tracks_time" in z:
        given = [z["z_tracks_time"][:, k] for k in range(5)]
        own = [reference.numbers(network(part, training=True)) for part in given]
        hats["z_intra_v_hat"] = np.stack(own, axis=-1)[..., TO_ORIGINAL].swapaxes(1, 2)
    return hats


# Training.


@pytest.mark.parametrize("system", systems())
def test_losses_gradients_and_updates(system):
    """Two iterations of one critic step and one generator step each."""
    known = Reference(system)
    built, kind = Built(known), known.kind
    given = recipe.MUSEGEN.index(kind.given) if kind.given else None
    unit = critics.unit(built.settings, kind)
    game = WGANSettings(unit, same_batch=True, critic_steps=1, given=given)
    adam = [keras.optimizers.Adam(2e-4, 0.5, 0.9, epsilon=1e-8) for _ in range(2)]
    training = WGANGP(built.generator, built.critic, kind.latents, adam, game, jit=False)
    z = {name: ops.convert_to_tensor(known.inputs[name]) for name in kind.latents}
    real = ops.convert_to_tensor(2 * known.music.astype("float32") - 1)
    share = ops.convert_to_tensor(known.share)

    def generator_loss() -> float:
        return -float(ops.mean(built.critic(training._generate(z, real))))

    fake = training._generate(z, real)
    known.close("training/slopes", training._slope(real + share * (fake - real)), 2e-3)
    known.close("training/g_loss", generator_loss(), 2e-3, least=1.0)
    losses = training._learn_critic_once(real, z, share)
    known.close("training/d_loss", losses["critic_loss"], 2e-3, least=1.0)
    known.close("training/penalty", losses["penalty"], 2e-3)
    learned(known, built, training.critic_optimizer, "D")
    training._learn_generator(z, real)
    learned(known, built, training.generator_optimizer, "G")
    # Adam has made steps of some size where a gradient is but rounding.
    known.close("step-1/g_loss", generator_loss(), 5e-2, least=1.0)
    losses = training._learn_critic_once(real, z, share)
    known.close("step-1/d_loss", losses["critic_loss"], 5e-2, least=1.0)
    known.close("step-1/penalty", losses["penalty"], 0.1)


def learned(known: Reference, built: Built, optimizer, part: str) -> None:
    """Compares gradients, from Adam's first moments, and the first step of the weights."""
    variables = zip(optimizer._trainable_variables, optimizer._momentums, strict=True)
    moments = {id(variable): moment for variable, moment in variables}
    norms = known.found["weights/gradient/norms"][:, 1]
    rows = [
        (k, *row, shape)
        for k, (row, shape) in enumerate(zip(LAYERS[known.system], known.shapes, strict=True))
        if "moving" not in row[0] and (row[0][0] == "D") == (part == "D")
    ]
    total = np.sqrt(np.nansum(norms[[k for k, *_ in rows]] ** 2))
    off = whole = 0.0
    for k, name, path, change, shape in rows:
        at, variables = known.found["weights/at"][k], built.variables(path, change)
        start = recipe.weight(SEED, known.system, name, shape).ravel()[at]
        after = picked([ops.convert_to_numpy(v) for v in variables], shape, change, at, 1.0)
        own = [ops.convert_to_numpy(moments[id(v)]) / 0.5 for v in variables]  # beta 1 is 0.5
        if np.isnan(norms[k]):  # layers of the critic that the original builds and never uses
            assert not any(gradient.any() for gradient in own), name
            np.testing.assert_allclose(after, start, atol=1e-6)
            continue
        norm = np.sqrt(sum((gradient.astype(float) ** 2).sum() for gradient in own))
        reference.compare(f"norm of the gradient of {name}", norm, norms[k], 2e-2, total)
        deviation = max(norms[k], 1e-3 * total) / np.sqrt(np.prod(shape))
        theirs = known.found["weights/gradient"][k]
        gaps = picked(own, shape, change, at, 0.0) - theirs
        assert np.abs(gaps).max() < 0.5 * deviation, name
        stands_for = np.prod(shape) / len(at)  # numbers, each of those that are kept
        off, whole = off + stands_for * (gaps**2).sum(), whole + stands_for * (theirs**2).sum()
        clear = np.abs(theirs) > 0.3 * deviation  # Adam makes the same step of a tiny gradient
        moved = known.found["weights/step-1"][k] - start
        reference.compare(f"first step of {name}", (after - start)[clear], moved[clear], 1e-2, 2e-4)
    reference.compare(f"gradients of {part}", np.sqrt(off / whole), 0, 0.2, 1.0)


# Music.

BARS = sorted(name[8:-5] for name in GOLDEN if name.startswith("metrics/") and name[-5:] == "/bars")
CODES = ("EB", "UP", "QN", "PP", "SR", "DP", "UPC")
PAIRS = [(0, 2), (0, 3), (0, 4), (2, 3), (2, 4), (3, 4)]


@pytest.mark.parametrize("name", BARS)
def test_metrics(name):
    """By definition `v1`, of each bar and in the mean; the original has NaN where there is none."""
    found = {key: GOLDEN[f"metrics/{name}/{key}"] for key in ("matrix", "matrix_mean")}
    pairs = {key: GOLDEN[f"metrics/{name}/{key}"] for key in ("pairs", "pairs_mean")}
    bars = reference.bits(GOLDEN[f"metrics/{name}/bars"], GOLDEN[f"metrics/{name}/shape"])
    phrases = bars[:, None][..., recipe.ORDER]
    each, mean = muse.per_bar(phrases, "v1"), muse.evaluate(phrases, "v1")
    for row, code in enumerate(CODES):
        for k, track in enumerate(recipe.ORIGINAL):
            theirs, theirs_mean = found["matrix"][row, k], found["matrix_mean"][row, k]
            if track not in each[code]:
                assert np.isnan(theirs).all()
                continue
            agree(code, each[code][track], theirs, 1e-9)
            agree(code, mean[code][track], theirs_mean, 1e-9)
    for row, (i, j) in enumerate(PAIRS):
        pair = f"{recipe.ORIGINAL[i]}-{recipe.ORIGINAL[j]}"
        agree("TD", each["TD"][pair], pairs["pairs"][row], 1e-5)
        agree("TD", mean["TD"][pair], pairs["pairs_mean"][row], 1e-5)


def agree(code: str, ours, theirs, tolerance: float) -> None:
    """All numbers agree, and NaN stands in the same places."""
    ours, theirs = np.atleast_1d(reference.numbers(ours).astype(float)), np.atleast_1d(theirs)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    there = ~np.isnan(ours)
    reference.compare(code, ours[there], theirs[there], tolerance, scale=1.0)


def test_binarisation_and_chroma(monkeypatch):
    values = GOLDEN["metrics/binarisation/values"][..., recipe.ORDER]
    cells = binarise(values, monophonic_bass=True)
    theirs = GOLDEN["metrics/binarisation/binary"][..., recipe.ORDER]
    np.testing.assert_array_equal(cells, theirs)
    monkeypatch.setattr(plots, "image_musegan", lambda own: own)
    chroma = muse.DEFINITIONS["v1"].chroma
    drawn = drawing.images(values[:, None], cells[:, None], chroma)["chroma"][:, 0]
    theirs = GOLDEN["metrics/binarisation/chroma"][..., recipe.ORDER]
    reference.compare("chroma", drawn, theirs, 1e-12)


@pytest.mark.parametrize("way", ["lerp", "slerp"])
def test_ways_between_two_vectors(way):
    start, end = GOLDEN["metrics/ways/a"][None], GOLDEN["metrics/ways/b"][None]
    theirs = GOLDEN[f"metrics/ways/{way}"]  # interior points
    share = np.linspace(0, 1, len(theirs) + 2, dtype=np.float32)
    ours = getattr(musegan_system, way)(start, end, share)[1:-1]
    reference.compare(way, ours, theirs, 1e-5)
