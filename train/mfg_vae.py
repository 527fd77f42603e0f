"""Trains the MFG-VAE of MIDI-Sandwich2 on what five trained BVAEs read.

    python train/bvae.py --track all && python train/mfg_vae.py
    python train/mfg_vae.py --strategy concat --data phrases/ --bvaes runs

Reads runs/bvae-TRACK of all tracks, which stay as they are. Writes to runs/mfg-vae: the model,
history.csv, loss.png, and in samples/ held-out phrases beside what the whole reducer gives back.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen.phrases import TRACKS
from musegen.training.options import Options, add_flags, option, prepare, read_flags

if TYPE_CHECKING:
    import keras
    import numpy as np

    from musegen.data import Data

EPOCHS = 500
DEMO_EPOCHS = {"paper": 40, "repo": 40, "large": 12}  # enough to see it work


@dataclass(frozen=True)
class Training(Options):
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
    learning_rate: float = option(1e-3, "of RMSprop", metavar="R")


def run(args: Namespace) -> None:
    options = read_flags(args, Training)
    prepare(options)
    train(options)


def train(options: Training) -> Path:
    """One run; gives its folder."""
    from musegen.models import bvae, mfg_vae
    from musegen.models.midi_s2 import PRESETS, material
    from musegen.registry import load_model
    from musegen.training import rows
    from musegen.training.fitting import fit
    from musegen.training.options import jit_compile
    from musegen.training.runs import Run, describe_data

    settings = PRESETS[options.preset]
    names = {track: f"bvae-{track}" for track in TRACKS}
    bvaes = {
        track: load_model(Path(options.bvaes) / name / f"{name}.keras")
        for track, name in names.items()
    }
    mfg_vae.check(bvaes, settings.bvae.latent)
    n_steps = bvaes[TRACKS[0]].input_shape[1]
    model = mfg_vae.mfg_vae(settings.mfg_vae, options.strategy)
    mfg_vae.compiled(model, options.learning_rate, jit_compile(options))
    epochs = options.epochs or (DEMO_EPOCHS[options.preset] if options.data == "demo" else EPOCHS)
    data, held_out = material(
        options.data, options.preset, n_steps, options.val_split, options.bars, options.seed
    )
    print(f"mfg-vae: {model.count_params():,} parameters, {4 * len(data):,} bars of {data.name}")
    reader = mfg_vae.reader(bvaes, settings.bvae)
    latents = read(reader, data)
    held_latents = held_out and read(reader, held_out)

    def batches(epoch: int):
        return rows.batches(latents, options.batch_size, options.seed, epoch=epoch)

    folder = Path(options.out or "runs/mfg-vae")
    strategy = options.strategy or settings.mfg_vae.strategy
    told = asdict(replace(options, epochs=epochs, strategy=strategy))
    with Run(folder, told, options.resume, describe_data(data)) as run:
        fit(
            model,
            batches,
            epochs,
            run,
            held_latents and rows.batches(held_latents, 512, shuffle=False),
            accuracy="acc_argmax",
            reconstruction="mse",
            keep=options.keep,
            monitor="val_loss",
            patience=options.patience,
            samples=sampler(model, bvaes, options, held_out or data, run, epochs),
            tensorboard=options.tensorboard,
            title=f"MFG-VAE, strategy {strategy}",
        )
        run.save(model, "mfg-vae.keras")
        for half, name in zip(bvae.halves(model), ("encoder", "decoder"), strict=True):
            run.save(half, f"{name}.keras")
        print(run.path("mfg-vae.keras"))
    return folder


def read(reader: "keras.Model", data: "Data") -> "tuple[np.ndarray, np.ndarray]":
    """What the BVAEs read of each bar, float32 `(n, 5, 2L)`, as input and as target."""
    import numpy as np

    blocks = [
        reader.predict(block[:, 0], batch_size=256, verbose=0) for block in data.bars.blocks(4096)
    ]
    latents = np.concatenate(blocks)
    return latents, latents


def sampler(
    model: "keras.Model", bvaes: Mapping, options: Training, data: "Data", run, epochs: int
) -> Callable[[int], None]:
    """Gives a function that draws and writes two phrases beside what the reducer gives back."""
    from musegen.models.midi_s2 import MidiS2
    from musegen.training.samples import Sampler

    draw = Sampler(run, next(data.blocks()), epochs)
    system = MidiS2(options.preset, bvaes, model)
    return lambda epoch: draw(epoch, lambda: {"restored": system.restore(draw.original)})


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


def main(argv: list[str] | None = None) -> None:
    from musegen.cli import run_training

    run_training("mfg_vae", argv)


if __name__ == "__main__":
    from musegen.cli import guard

    sys.exit(guard(main))
