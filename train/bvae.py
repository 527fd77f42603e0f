"""Trains the BVAE of MIDI-Sandwich2 on the bars of one track.

    python train/bvae.py --track bass
    python train/bvae.py --track all --data phrases/ --out runs
    python train/bvae.py --track drums --data phrases/ --preset repo --resume
    python train/bvae.py --track shared
    python train/bvae.py --track piano --data phrases/ --recipe pca-warmup   # ours: faster

Writes to runs/bvae-TRACK: the model, its encoder and decoder, history.csv, loss.png, and in
samples/ phrases of the held-out data beside their reconstructions, as pictures and MIDI. With
--track all, --out is the folder in which those of the tracks are made.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.models.midi_sandwich2.settings import PRESETS
from musegen.music.layout import TRACKS
from musegen.training.options import add_flags, option, prepare, read_flags, say_if_one_batch
from musegen.training.recipes import (
    PCA_WARMUP,
    RECIPE_HELP,
    Recipe,
    RecipeOptions,
    kl_weight,
    optimizer_of,
    with_defaults,
)
from musegen.training.runs import begun

if TYPE_CHECKING:
    import keras
    import numpy as np

    from musegen.data import Data


@dataclass(frozen=True, kw_only=True)
class BVAERecipe(Recipe):
    """How a BVAE is trained where no flag says otherwise.

    Args:
        loss: None as the preset has it.
        kl_warmup: epochs with a thousandth of the KL term. At its full weight from the start it
            keeps the encoder silent for many epochs, before the decoder has learned to listen.
    """

    loss: str | None = None
    kl_warmup: int = 0


RECIPES = {
    "paper": BVAERecipe(epochs=100, demo_epochs=16, kl_warmup=8),
    "repo": BVAERecipe(epochs=100, demo_epochs=16),
    "large": BVAERecipe(epochs=100, demo_epochs=6, optimizer="adam"),
    "pca-warmup": BVAERecipe(
        epochs=20, demo_epochs=4, pca_warmup=4, demo_pca_warmup=2, loss="nll", **PCA_WARMUP
    ),
}
SHARED_EPOCHS = 30  # of a network that all tracks share, which sees five times as many bars


@dataclass(frozen=True)
class Training(RecipeOptions):
    """Options of this script."""

    preset: str = option(
        "paper", "settings of the paper, of its code, or a larger network of ours",
        choices=("paper", "repo", "large"),
    )  # fmt: skip
    track: str = option(
        "bass",
        "the track to learn, all five in turn, or one network shared by all",
        choices=(*TRACKS, "all", "shared"),
    )
    steps: int = option(48, "steps of a bar", choices=(48, 96))
    recipe: str | None = option(None, RECIPE_HELP, choices=tuple(RECIPES))
    loss: str | None = option(
        None, "squared error, likelihood, or cross-entropy after a sigmoid (default: by recipe)",
        choices=("mse", "nll", "bce"),
    )  # fmt: skip
    kl_warmup: int | None = option(
        None, "epochs with a thousandth of the KL term (default: by recipe)", metavar="N", least=0
    )
    augment: bool = option(False, "move bars by -5 to 6 semitones, anew each epoch; never drums")
    unique: bool = option(False, "learn every different bar once an epoch, repeats left out")
    mix: bool = option(
        False,
        "put half of the bars together from beats of several, of drums from pitches of several, "
        "anew each epoch",
    )
    passes: int = option(1, "times that an epoch goes through the bars", metavar="N", least=1)


def run(args: Namespace) -> None:
    options = read_flags(args, Training)
    prepare(options)
    if options.augment and options.track == "shared":
        raise Error("--augment: would move the drums too where all tracks share one network")
    if options.track != "all":
        train(options)
        return
    for track in TRACKS:
        folder = Path(options.out or "runs") / f"bvae-{track}"
        resume = options.resume and begun(folder)
        train(replace(options, track=track, out=str(folder), resume=resume))


def train(options: Training) -> Path:
    """One run; gives its folder."""
    from musegen.models.midi_sandwich2 import bvae
    from musegen.models.midi_sandwich2.training_data import load_training_data
    from musegen.training.fit import fit
    from musegen.training.options import jit_compile
    from musegen.training.pca_warmup import pca_warmup
    from musegen.training.runs import Run, describe_data

    options = with_defaults(options, recipes(options.track))
    preset = PRESETS[options.preset].bvae
    settings = replace(
        preset, loss=options.loss or preset.loss, kl_weight=kl_weight(options, preset.kl_weight)
    )
    data, held_out = load_training_data(
        options.data, options.preset, options.steps, options.val_split, options.bars, options.seed
    )
    name, about = f"bvae-{options.track}", f"BVAE, {options.track}"
    model = bvae.bvae(settings, options.steps, name=name)
    parts = bvae.encoder_and_decoder(model)
    print(f"{name}: {model.count_params():,} parameters, {4 * len(data):,} bars of {data.name}")

    feed = feeder(options, settings, data)
    plain = replace(options, augment=False, mix=False, unique=False, passes=1)
    validate = feeder(plain, settings, held_out, shuffle=False)  # the same noise meets each bar
    validation = validate and validate(0)
    fitting = {"accuracy": "acc_argmax", "reconstruction": settings.loss}

    def compiled(network, n_batches: int):
        optimizer = optimizer_of(options, n_batches)
        return bvae.compiled(network, settings, optimizer, jit_compile(options))

    def batches(epoch: int):
        bvae.weigh_kl(model, settings.kl_weight * (0.001 if epoch < options.kl_warmup else 1))
        return feed(epoch)

    folder = Path(options.out or f"runs/{name}")
    with Run(folder, asdict(options), options.resume, describe_data(data)) as run:
        if options.pca_warmup:
            title = f"{about}, PCA warm-up"
            pca_warmup(
                run, parts, compiled, feed, options.pca_warmup, validation, title=title, **fitting
            )
        fit(
            compiled(model, options.epochs * len(feed(0))),
            batches,
            options.epochs,
            run,
            validation,
            keep=options.keep,
            patience=options.patience,
            samples=sampler(model, settings, options, held_out or data, run),
            tensorboard=options.tensorboard,
            title=about,
            **fitting,
        )
        bvae.weigh_kl(model, settings.kl_weight)
        networks = (model, *bvae.noiseless_parts(model))
        for part, file in zip(networks, (name, "encoder", "decoder"), strict=True):
            run.save(part, f"{file}.keras")
        write_spread(model, settings, options, data, run)
        print(run.path(f"{name}.keras"))
    return folder


def recipes(track: str) -> dict[str, BVAERecipe]:
    if track != "shared":
        return RECIPES
    return {
        name: replace(recipe, epochs=min(recipe.epochs, SHARED_EPOCHS))
        for name, recipe in RECIPES.items()
    }


def feeder(
    options: Training, settings, data: "Data | None", shuffle: bool = True
) -> Callable | None:
    """Gives a function from the number of an epoch to its batches of (bars, bars)."""
    import numpy as np

    from musegen.data import pipeline
    from musegen.models.midi_sandwich2.bvae import as_input
    from musegen.music.phrases import bars_of, pack, unpack
    from musegen.training import array_batches

    if data is None:
        return None

    def target(bars):
        bars = as_input(bars, settings)
        return bars, bars

    size, seed = options.batch_size, options.seed
    if options.mix or options.unique or options.passes > 1 or options.track == "shared":
        bars = bars_of(of_track(data.phrases, options.track))  # (n, T, 84), in memory
        if options.unique:
            packed = np.unique(pack(bars), axis=0)
            bars = unpack(packed, bars.shape[1:])
        bars = np.tile(bars, (options.passes, 1, 1))
        if shuffle:
            say_if_one_batch(len(bars), "bars", size)
        return lambda epoch: array_batches.batches(
            (augmented(bars, options, epoch),), size, seed, shuffle, epoch, target
        )  # fmt: skip
    if shuffle:
        say_if_one_batch(len(data.bars), "bars", size)
    k = TRACKS.index(options.track)
    return lambda epoch: pipeline.batches(
        data.bars, size, shuffle, seed, options.augment, dtype="float32", epoch=epoch,
        map=lambda x: target(x[:, 0, :, :, k]),
    )  # fmt: skip


def of_track(phrases: "np.ndarray", track: str) -> "np.ndarray":
    """The phrases of one track, `(N, bars, T, 84, 1)`, or of all where one network is shared."""
    return phrases if track == "shared" else phrases[..., [TRACKS.index(track)]]


def augmented(bars: "np.ndarray", options: Training, epoch: int) -> "np.ndarray":
    """The bars as this epoch has them."""
    import numpy as np

    from musegen.training import augment

    rng = np.random.default_rng((options.seed, epoch))
    drums = options.track == "drums"
    if options.augment and not drums:
        bars = augment.transposed(bars, rng)
    return augment.mixed(bars, rng, by_pitch=drums) if options.mix else bars


def sampler(
    model: "keras.Model", settings, options: Training, data: "Data", run
) -> Callable[[int], None]:
    """Gives a function that draws and writes some phrases beside their reconstructions."""
    from musegen.models.midi_sandwich2.bvae import as_input
    from musegen.music.phrases import bars_of, from_bars
    from musegen.training.samples import Sampler

    tracks = TRACKS if options.track == "shared" else (options.track,)
    draw = Sampler(run, of_track(next(data.blocks()), options.track), options.epochs, tracks)
    x = as_input(bars_of(draw.original), settings)

    def versions():
        written = model.predict(x, verbose=0) > settings.threshold
        return {"reconstruction": from_bars(written, len(tracks))}

    return lambda epoch: draw(epoch, versions)


def write_spread(model: "keras.Model", settings, options: Training, data: "Data", run) -> None:
    """Writes how wide the encoder's means lie: near 0 the BVAE has collapsed and says nothing."""
    import json

    from musegen.files import write_bytes
    from musegen.models.midi_sandwich2 import bvae
    from musegen.models.prediction import predictor
    from musegen.music.phrases import bars_of

    bars = bars_of(of_track(next(data.blocks()), options.track))
    x = bvae.as_input(bars, settings)
    _, means, _ = predictor(bvae.encoder_and_decoder(model)[0])(x)
    told = {"bars": len(bars), "std_of_means": float(means.std(axis=0).mean())}
    write_bytes(run.path("latents.json"), json.dumps(told, indent=2).encode())
    print(f"std of the encoder's means: {told['std_of_means']:.4f}")


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
