"""MIDI-Sandwich2, preset `repo`, against the original code run in its own versions.

Weights, inputs and noise are drawn by name and seed (`tests/golden/sandwich/recipe.py`); the file
holds evenly taken samples of what the original computed of them. See `tests/golden/README.md`.
"""

import json
from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest
import reference
from keras import ops

from musegen.metrics import muse
from musegen.models.midi_sandwich2 import bvae, mfg_vae, refine
from musegen.models.midi_sandwich2 import system as midi_s2
from musegen.models.midi_sandwich2.settings import PRESETS
from musegen.music.phrases import TRACKS

pytestmark = pytest.mark.golden
slow = pytest.mark.slow

GOLDEN = reference.arrays("sandwich/sandwich_golden.npz")
SEED = json.loads(GOLDEN["about"].tobytes())["seed"]
recipe = reference.recipe("sandwich/recipe.py")
REPO = PRESETS["repo"]


def rows(name: str) -> int:
    """How many examples the file has of an array."""
    return int(GOLDEN[f"{name}|shape"][0])


def bars(seed: int, n: int, n_steps: int = 48) -> np.ndarray:
    """So many bars of phrases that the recipe draws, cells 0 and 1."""
    phrases = recipe.phrases(seed, n // 4, n_steps)
    return phrases.reshape(n, n_steps, 84, 5).astype("float32")


BARS = 2 * bars(SEED, rows("bvae/z")) - 1
BARS_96 = 2 * bars(SEED + 100, rows("bvae96/z"), 96) - 1
LATENTS = recipe.between(SEED, "rows", (rows("mfg/z"), 5, 512), -0.8, 0.8)  # of the MFG-VAE
N_ROUGH = rows("refine_bar/output")
ROUGH = recipe.between(SEED, "rough", (N_ROUGH, 48, 84), -0.999, 0.999)  # of refine networks
TARGET = bars(SEED + 200, N_ROUGH)[..., 1]

BCE = replace(REPO.bvae, loss="bce")
CASES = {  # of each autoencoder: how it is built, the recipe's names of its variables, its input
    "bvae": (lambda: bvae.bvae(REPO.bvae), recipe.VRAE_ENCODER, recipe.VRAE_DECODER, BARS[..., 3]),
    "bvae96": (
        lambda: bvae.bvae(REPO.bvae, 96), recipe.VRAE_ENCODER, recipe.VRAE_DECODER, BARS_96[..., 1],
    ),
    "bvae_p": (
        lambda: bvae.bvae(BCE), recipe.VRAE_ENCODER, recipe.VRAE_DECODER,
        (BARS[: rows("bvae_p/z"), ..., 2] + 1) / 2,
    ),
    "mfg": (
        lambda: mfg_vae.mfg_vae(REPO.mfg_vae), recipe.VRAE_ENCODER, recipe.VRAE_DECODER, LATENTS,
    ),
    "concat": (
        lambda: mfg_vae.mfg_vae(REPO.mfg_vae, "concat"),
        recipe.CONCAT_ENCODER, recipe.CONCAT_DECODER, LATENTS,
    ),
    "project": (  # the original has no decoder of it
        lambda: mfg_vae.mfg_vae(REPO.mfg_vae, "project"), recipe.PROJECT_ENCODER, None, LATENTS,
    ),
}  # fmt: skip
LEARNING = [name for name in CASES if f"{name}/loss" in GOLDEN]


def quick(names: list[str], *quick_ones: str) -> list:
    """Parameters of a test, all but some of them slow."""
    return [name if name in quick_ones else pytest.param(name, marks=slow) for name in names]


def close(name: str, ours, tolerance: float = 1e-5) -> None:
    """Fails unless ours is within a share of the largest value of the original's sample."""
    stored, ours = GOLDEN[name], reference.numbers(ours)
    assert ours.size == np.prod(GOLDEN[f"{name}|shape"], dtype=int)
    reference.compare(name, recipe.sample(ours, stored.size), stored, tolerance)


def cells(name: str) -> np.ndarray:
    return reference.bits(GOLDEN[f"{name}|bits"], GOLDEN[f"{name}|shape"])


def fill(model: keras.Model, part: str, names: list[str]) -> dict[str, keras.Variable]:
    """Gives the layers of a model the recipe's weights; gives the variables by their names."""
    own = {
        f"{layer.name}/{variable.path.rsplit('/', 1)[-1]}": variable
        for layer in model.layers
        for variable in layer.weights
    }
    assert sorted(own) == sorted(names)
    for name, variable in own.items():
        variable.assign(recipe.weight(SEED, f"{part}/{name}", tuple(variable.shape)))
    return own


def built(name: str):
    """An autoencoder, its halves, and its variables by the recipe's names."""
    make, encoder_names, decoder_names, _ = CASES[name]
    model = make()
    encoder, decoder = bvae.encoder_and_decoder(model)
    own = fill(encoder, f"{name}/encoder", encoder_names)
    own = {f"encoder/{key}": variable for key, variable in own.items()}
    if decoder_names:
        written = fill(decoder, f"{name}/decoder", decoder_names)
        own |= {f"decoder/{key}": variable for key, variable in written.items()}
    return model, encoder, decoder, own


@pytest.fixture
def noise(monkeypatch):
    """Lets sampling layers draw the recipe's noise of a name; collects the deviations asked for."""
    asked = {}

    def use(name: str) -> dict[str, float]:
        size = tuple(GOLDEN[f"{name}/z|shape"])

        def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
            asked[name] = stddev
            return ops.convert_to_tensor(
                recipe.noise(SEED, f"noise/{name}", size) * np.float32(stddev)
            )

        monkeypatch.setattr(keras.random, "normal", normal)
        return asked

    return use


# The autoencoders.


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", quick(CASES, "bvae_p", "mfg"))
def test_outputs(name, training, noise):
    model, encoder, decoder, _ = built(name)
    x, size = CASES[name][3], tuple(GOLDEN[f"{name}/z|shape"])
    asked = noise(name)
    for part, value in zip(("z", "mean", "sigma"), encoder(x, training=training), strict=True):
        close(f"{name}/{part}", value)
    assert asked[name] == pytest.approx(float(GOLDEN[f"{name}/noise_std"]))
    if CASES[name][2]:
        close(f"{name}/output", model(x, training=training))
        z = recipe.noise(SEED, f"{name}/other_z", size)
        close(f"{name}/decoded", decoder(z, training=training))


def compiled(name: str, model: keras.Model) -> keras.Model:
    if name in ("mfg", "concat"):
        return mfg_vae.compiled(model, jit_compile=False)
    return bvae.compiled(model, BCE if name == "bvae_p" else REPO.bvae, jit_compile=False)


@pytest.mark.parametrize("name", LEARNING)
def test_losses_and_metrics(name, noise):
    model, *_ = built(name)
    x = CASES[name][3]
    noise(name)
    logs = compiled(name, model).evaluate(x, x, batch_size=len(x), verbose=0, return_dict=True)
    names = [str(column) for column in GOLDEN[f"{name}/logs|names"]]
    stored = dict(zip(names, GOLDEN[f"{name}/evaluated"], strict=True))
    reference.compare("loss", logs["loss"], stored["loss"], 1e-5)
    kl = logs["loss"] - logs["bce" if name == "bvae_p" else "mse"]
    reference.compare("kl", kl, GOLDEN[f"{name}/kl"], 1e-4)
    if "acc" in stored:
        assert logs["acc_argmax"] == pytest.approx(stored["acc"], abs=1e-6)


def gradients(model: keras.Model, own: dict, before: dict) -> dict[str, np.ndarray]:
    """The gradients of the first batch, by the recipe's names, from the optimizer's averages."""
    optimizer, found = model.optimizer, {}
    places = {id(variable): k for k, variable in enumerate(optimizer._trainable_variables)}
    for name, variable in own.items():
        if (k := places.get(id(variable))) is None:
            continue
        if isinstance(optimizer, keras.optimizers.Adam):
            average = ops.convert_to_numpy(optimizer._momentums[k])
            found[name] = average / (1 - optimizer.beta_1)
        else:
            average = ops.convert_to_numpy(optimizer.velocities[k])
            down = before[name] - ops.convert_to_numpy(variable)
            found[name] = np.sign(down) * np.sqrt(average / (1 - optimizer.rho))
    return found


def values(own: dict) -> dict[str, np.ndarray]:
    return {name: ops.convert_to_numpy(variable).copy() for name, variable in own.items()}


@pytest.mark.parametrize("name", quick(LEARNING, "mfg"))
def test_gradients_and_updates(name, noise):
    """RMSprop divides by the root of a gradient's square: a tiny one may move a weight far."""
    model, *_, own = built(name)
    x = CASES[name][3]
    noise(name)
    compiled(name, model)
    before = values(own)
    for step in (1, 2):
        if f"{name}/after_{step}/{next(iter(own))}" not in GOLDEN:
            continue
        model.train_on_batch(x, x)
        if step == 1:
            for key, gradient in gradients(model, own, before).items():
                close(f"{name}/gradient/{key}", gradient, 1e-4)
        for key, variable in own.items():
            stored = GOLDEN[f"{name}/after_{step}/{key}"]
            ours = recipe.sample(reference.numbers(variable), stored.size)
            reference.compare(f"after_{step}/{key}", ours, stored, 2e-5 * step**4, scale=1.0)


# The refine networks.


def test_refine_per_note():
    model = refine.per_note(REPO.refine)
    own = fill(model, "refine_note", recipe.REFINE_NOTE)
    x, y = ROUGH.reshape(-1, 84), TARGET.reshape(-1, 84)
    close("refine_note/output", model(x))
    refine.compiled(model, "bce", jit_compile=False)
    before = values(own)
    for step in (1, 2):
        logs = model.train_on_batch(x, y, return_dict=True)
        model.reset_metrics()
        if step == 1:
            for key, gradient in gradients(model, own, before).items():
                close(f"refine_note/gradient/{key}", gradient)
        stored = GOLDEN["refine_note/logs"][2 * step - 2 : 2 * step]
        assert [logs["loss"], logs["accuracy"]] == pytest.approx(stored, rel=1e-5)
        for key, variable in own.items():
            close(f"refine_note/after_{step}/{key}", variable)


def per_bar() -> tuple[keras.Model, dict]:
    model = refine.per_bar(REPO.refine)
    return model, fill(model, "refine_bar", recipe.REFINE_BAR)


def test_refine_per_bar():
    model, _ = per_bar()
    x = ROUGH[..., None]
    output = model(x, training=False)
    close("refine_bar/output", output, 1e-4)
    # Every cell is on after the threshold, as in the original.
    assert reference.numbers(output).min() == 0.5
    before_end = keras.Model(model.input, model.get_layer("norm").output)
    close("refine_bar/before_end", before_end(x, training=False))
    close("refine_bar/output_training", model(x, training=True), 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("loss", quick(["mse", "bce", "column"], "mse"))
def test_refine_per_bar_learns(loss):
    """Gradients of deeper layers jump where the input of a ReLU rounds to another sign."""
    model, own = per_bar()
    part = f"refine_bar_{loss}"
    refine.compiled(model, loss, jit_compile=False)
    for step in (1, 2):
        logs = model.train_on_batch(ROUGH[..., None], TARGET[..., None], return_dict=True)
        model.reset_metrics()
        stored = GOLDEN[f"{part}/logs"][2 * step - 2 : 2 * step]
        rel = 1e-5 if step == 1 else 5e-3
        assert [logs["loss"], logs["accuracy"]] == pytest.approx(stored.tolist(), rel=rel)
        for key, variable in own.items():
            if key in ("norm/gamma", "norm/beta"):
                close(f"{part}/after_{step}/{key}", variable, 1e-5 * step**4)
            if "moving" in key and step == 1:  # those of the second step follow changed weights
                close(f"{part}/after_{step}/{key}", variable, 1e-3)


# The whole script.


@cache
def system() -> midi_s2.MidiS2:
    made = midi_s2.untrained("repo")
    for track in TRACKS:
        encoder, decoder = bvae.encoder_and_decoder(made.bvaes[track])
        fill(encoder, f"bvae-{track}/encoder", recipe.VRAE_ENCODER)
        fill(decoder, f"bvae-{track}/decoder", recipe.VRAE_DECODER)
        fill(made.refiners[track], f"refine-{track}", recipe.REFINE_NOTE)
    encoder, decoder = bvae.encoder_and_decoder(made.fusion)
    fill(encoder, "mfg-vae/encoder", recipe.VRAE_ENCODER)
    fill(decoder, "mfg-vae/decoder", recipe.VRAE_DECODER)
    return made


@slow
def test_every_mode_of_the_script():
    """32 bars through all that the original's `main()` does, by its own noise."""
    made = system()
    n = rows("main/rows")
    music = cells("main/phrases").reshape(-1, 48, 84, 5)[:n]
    close("main/rows", mfg_vae.reader(made.bvaes, REPO.bvae)(music))
    drawn = {
        name: GOLDEN[f"main/{name}_all"].astype(np.float32).transpose(1, 0, 2)
        for name in ("apart_z", "restore_noise", "generate_noise")
    }
    own = drawn["restore_noise"]
    z, sampled = GOLDEN["main/z_gen_all"], drawn["generate_noise"]
    std = np.float32(0.01)
    fused = recipe.noise(SEED, "noise/mfg-vae", (n, 64)) * std
    alone = np.stack([recipe.noise(SEED, f"noise/bvae-{t}", (n, 256)) for t in TRACKS], 1) * std
    for name, graph, inputs, refined in (
        ("reconstructed", "tracks_restored", [music, alone], False),
        ("refined_apart", "tracks_restored", [music, alone], True),
        ("restored_apart", "tracks_restored", [music, own], False),
        ("restored", "restored", [music, fused, own], False),
        ("random_apart", "tracks_decoded", drawn["apart_z"], False),
        ("generated", "decoded", [z, sampled], False),
        ("generated_refined", "decoded", [z, sampled], True),
    ):
        differ = (made._play(graph, inputs, refined) != cells(f"main/{name}_on")).sum()
        # Of 645,120 cells: those that lie on the threshold.
        reference.compare(f"{name}, cells that differ", differ, 0, 4, scale=1.0)


def test_noise_of_a_restored_song():
    """Strategy 1, `concat`, samples its fused vector with a noise of its own, of deviation 1."""
    made = system()
    joined = midi_s2.MidiS2("repo", made.bvaes, mfg_vae.mfg_vae(REPO.mfg_vae, "concat"))
    for own, name in ((made, "mfg"), (joined, "concat")):
        drawn = own._fusion_noise(np.random.default_rng(0), 500)
        assert drawn.std() == pytest.approx(float(GOLDEN[f"{name}/noise_std"]), rel=0.02)


# Metrics.

CODES = {
    "empty_bar_rate": "EB", "n_pitches_used": "UP", "n_pitch_classes_used": "UPC",
    "polyphonic_rate": "PP", "in_scale_ratio": "SR", "qualified_note_rate": "QN",
    "drum_in_pattern_rate": "DP", "harmonicity": "TD",
}  # fmt: skip


def measured() -> dict[str, np.ndarray]:
    """The phrases that were measured, by name."""
    drawn = recipe.unit(SEED, "metrics", (3, 4, 48, 84, 5))
    odd = drawn < 0.02
    odd[..., 0] = odd[..., 2] = odd[0, 1] = False
    odd[0, 0, 0, 0, 1] = True
    drawn96 = recipe.unit(SEED, "m96", (2, 4, 96, 84, 5))
    made = {"sparse": drawn < 0.05, "dense": drawn < 0.6, "odd": odd, "steps96": drawn96 < 0.05}
    songs = {name.split("/")[1] for name in GOLDEN if name.startswith("metrics/song_")}
    return made | {name: cells(f"metrics/{name}/cells") for name in songs}


def test_metrics():
    """By definition `v3`, in float32 as the original."""
    for name, phrases in measured().items():
        found = muse.evaluate(phrases, "v3")
        for key, code in CODES.items():
            stored = GOLDEN[f"metrics/{name}/{key}"].astype(float)
            if code == "TD":
                pairs = muse.pairs(TRACKS)
                stored = [stored.reshape(4, 4)[i - 1, j - 1] for i, j in pairs.values()]
                ours = [found[code][pair] for pair in pairs]
            else:
                ours = [found[code][t] for t in (TRACKS if code != "DP" else ("drums",))]
            np.testing.assert_array_equal(np.isnan(ours), np.isnan(np.atleast_1d(stored)))
            both = [(a, b) for a, b in zip(ours, np.atleast_1d(stored), strict=True) if a == a]
            for one, other in both:
                reference.compare(f"{name} {code}", one, other, 1e-5)
