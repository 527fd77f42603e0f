"""Trains the MFG-VAE of MIDI-Sandwich2 on the latent vectors of five trained BVAEs.

    python train/bvae.py --track all && python train/mfg_vae.py
    python train/mfg_vae.py --strategy concat --data phrases/ --bvaes runs
    python train/mfg_vae.py --recipe pca-warmup --data phrases/   # ours: faster

Reads runs/bvae-TRACK of all tracks, which stay as they are. Writes to runs/mfg-vae: the model,
history.csv, loss.png, and in samples/ held-out phrases beside their reconstructions.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    import keras
    import numpy as np

    from musegen.data import Data
    from musegen.training.runs import Run

RECIPES = {
    "paper": Recipe(epochs=500, demo_epochs=40),
    "repo": Recipe(epochs=500, demo_epochs=40),
    "large": Recipe(epochs=500, demo_epochs=12),
    "pca-warmup": Recipe(
        epochs=100, demo_epochs=10, pca_warmup=20, demo_pca_warmup=5, **PCA_WARMUP
    ),
}


@dataclass(frozen=True)
class Training(RecipeOptions):
    """Options of this script."""

    preset: str = option(
        "paper", "settings of the paper, of its code, or a larger network of ours",
        choices=("paper", "repo", "large"),
    )  # fmt: skip
    strategy: str | None = option(
        None,
        "how the tracks are fused (default: vrae, and concat for large)",
        choices=("vrae", "concat", "project"),
    )
    bvaes: str = option("runs", "folder that holds the runs bvae-TRACK", metavar="DIR")
    recipe: str | None = option(None, RECIPE_HELP, choices=tuple(RECIPES))
    augment: bool = option(
        False, "learn the bars in all twelve keys, moved by -5 to 6 semitones; never drums"
    )

    def reads(self) -> list[str | Path]:
        return [*super().reads(), *(Path(self.bvaes) / f"bvae-{track}" for track in TRACKS)]


def run(args: Namespace) -> None:
    options = read_flags(args, Training)
    prepare(options)
    train(options)


def train(options: Training) -> Path:
    """Trains the model and returns the folder of its run."""
    from musegen.data.pipeline import SHIFTS
    from musegen.models.midi_sandwich2 import bvae, mfg_vae
    from musegen.models.midi_sandwich2.settings import PRESETS
    from musegen.models.midi_sandwich2.training_data import load_training_data
    from musegen.saving import load_model
    from musegen.training import array_batches
    from musegen.training.fit import Measures, fit
    from musegen.training.options import jit_compile
    from musegen.training.pca_warmup import pca_warmup
    from musegen.training.runs import Run, describe_data
    from musegen.training.split_batch import split_batches

    options = with_defaults(options, RECIPES)
    settings = PRESETS[options.preset]
    options = replace(options, strategy=options.strategy or settings.mfg_vae.strategy)

    # Data: the latent vectors of the BVAEs.
    bvaes = {
        track: load_model(Path(options.bvaes) / f"bvae-{track}" / f"bvae-{track}.keras")
        for track in TRACKS
    }
    mfg_vae.check(bvaes, settings.bvae)
    n_steps = bvaes[TRACKS[0]].input_shape[1]
    data, held_out = load_training_data(
        options.data, options.preset, n_steps, options.val_split, options.bars, options.seed
    )
    reader = mfg_vae.reader(bvaes, settings.bvae)
    latents = read(reader, data, SHIFTS if options.augment else (0,))
    say_if_one_batch(len(latents[0]), "bars", options.batch_size)
    held_latents = held_out and read(reader, held_out)
    validation = held_latents and array_batches.batches(held_latents, 512, shuffle=False)

    def batches(epoch: int):
        return array_batches.batches(latents, options.batch_size, options.seed, epoch=epoch)

    # Model and loss.
    fusion = settings.mfg_vae
    fusion = replace(fusion, kl_weight=kl_weight(options, fusion.kl_weight))
    model = mfg_vae.mfg_vae(fusion, options.strategy)

    def compiled(network: "keras.Model", n_batches: int) -> "keras.Model":
        optimizer = optimizer_of(options, n_batches)
        mfg_vae.compiled(network, optimizer, jit_compile(options))
        if options.split_batch:
            split_batches(network)
        return network

    print(f"mfg-vae: {model.count_params():,} parameters, {4 * len(data):,} bars of {data.name}")

    # Loop.
    measures = Measures(f"MFG-VAE, strategy {options.strategy}", "acc_argmax", "mse", "val_loss")
    folder = Path(options.out or "runs/mfg-vae")
    with Run(folder, asdict(options), options.resume, describe_data(data)) as run:
        if options.pca_warmup:
            parts = bvae.encoder_and_decoder(model)
            pca_warmup(run, parts, compiled, batches, options, measures, validation)
        compiled(model, options.epochs * len(batches(0)))
        samples = sampler(model, bvaes, options, held_out or data, run)
        fit(model, batches, run, options, measures, validation, samples)

        # What it leaves.
        networks = (model, *bvae.noiseless_parts(model))
        for part, name in zip(networks, ("mfg-vae", "encoder", "decoder"), strict=True):
            run.save(part, f"{name}.keras")
        print(run.path("mfg-vae.keras"))
    return folder


def read(
    reader: "keras.Model", data: "Data", shifts: Sequence[int] = (0,)
) -> "tuple[np.ndarray, np.ndarray]":
    """Returns the means and sigmas of each bar, float32 `(n, 5, 2L)`, as input and as target.

    Args:
        reader: network that computes means and sigmas by the BVAEs of all tracks.
        shifts: numbers of semitones; the bars are moved by each of them in turn.
    """
    import numpy as np

    from musegen.models.prediction import predictor
    from musegen.music.phrases import transpose

    means_and_sigmas = predictor(reader)
    blocks = [
        means_and_sigmas(transpose(block[:, 0], shift))
        for block in data.bars.blocks(4096)
        for shift in shifts
    ]
    latents = np.concatenate(blocks)
    return latents, latents


def sampler(
    model: "keras.Model", bvaes: Mapping, options: Training, data: "Data", run: "Run"
) -> Callable[[int], None]:
    """Returns a function that draws and writes phrases beside their reconstructions."""
    from musegen.models.midi_sandwich2.system import MidiS2
    from musegen.training.samples import Sampler

    draw = Sampler(run, next(data.blocks()), options.epochs)
    system = MidiS2(options.preset, bvaes, model)
    return lambda epoch: draw(epoch, lambda: {"restored": system.restore(draw.original)})


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
