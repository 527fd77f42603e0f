"""Trains a refine network of MIDI-Sandwich2 on what a trained BVAE writes.

    python train/bvae.py --track bass && python train/refine.py --track bass
    python train/refine.py --track bass --unit bar --loss bce
    python train/refine.py --track all --data phrases/ --bvaes runs

Reads runs/bvae-TRACK, the BVAE, which stays as it is. Writes to runs/refine-note-TRACK or
runs/refine-bar-TRACK: the model, history.csv, loss.png, and in samples/ held-out bars as the BVAE
writes them and refined.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.models.midi_sandwich2.settings import PRESETS
from musegen.music.layout import N_PITCHES, TRACKS
from musegen.training.options import (
    PhraseOptions,
    add_flags,
    option,
    prepare,
    read_flags,
    say_if_one_batch,
)
from musegen.training.runs import begun

if TYPE_CHECKING:
    import keras

    from musegen.data import Data
    from musegen.training.runs import Run

EPOCHS = 100
DEMO_EPOCHS = 2  # enough to see it work


@dataclass(frozen=True)
class Training(PhraseOptions):
    """Options of this script."""

    preset: str = option(
        "paper", "settings of the paper, of its code, or a larger network of ours",
        choices=("paper", "repo", "large"),
    )  # fmt: skip
    track: str = option("bass", "the track, or all five in turn", choices=(*TRACKS, "all"))
    unit: str = option(
        "note", "what the network reads at a time: a step or a bar", choices=("note", "bar")
    )
    bvaes: str = option("runs", "folder that holds the run bvae-TRACK", metavar="DIR")
    learning_rate: float = option(1e-3, "learning rate of Adam", metavar="R")
    loss: str | None = option(
        None,
        "cross-entropy, squared error, or the latter summed over steps (default: cross-entropy "
        "for --unit note, else by preset)",
        choices=("bce", "mse", "column"),
    )

    def reads(self) -> list[str | Path]:
        tracks = TRACKS if self.track == "all" else (self.track,)
        return [*super().reads(), *(Path(self.bvaes) / f"bvae-{track}" for track in tracks)]


def run(args: Namespace) -> None:
    options = read_flags(args, Training)
    prepare(options)
    if options.loss == "column" and options.unit == "note":
        raise Error("--loss column: sums over the steps of a bar, so it needs --unit bar")
    if options.track != "all":
        train(options)
        return
    for track in TRACKS:
        folder = Path(options.out or "runs") / f"refine-{options.unit}-{track}"
        resume = options.resume and begun(folder)
        train(replace(options, track=track, out=str(folder), resume=resume))


def train(options: Training) -> Path:
    """Trains the network of one track, and returns the folder of its run."""
    from musegen.models.midi_sandwich2 import bvae, refine
    from musegen.models.midi_sandwich2.training_data import load_training_data
    from musegen.saving import load_model
    from musegen.training import array_batches
    from musegen.training.fit import Measures, fit
    from musegen.training.options import jit_compile
    from musegen.training.runs import Run, describe_data

    settings = PRESETS[options.preset].refine
    per_bar = options.unit == "bar"
    options = replace(
        options,
        loss=options.loss or (settings.bar_loss if per_bar else "bce"),
        epochs=options.epochs or (DEMO_EPOCHS if options.data == "demo" else EPOCHS),
    )

    # Data: what the BVAE writes, and what it should have written.
    name = f"bvae-{options.track}"
    autoencoder = load_model(Path(options.bvaes) / name / f"{name}.keras")
    bvae.check(autoencoder, PRESETS[options.preset].bvae, options.track)
    n_steps = autoencoder.input_shape[1]
    data, held_out = load_training_data(
        options.data, options.preset, n_steps, options.val_split, options.bars, options.seed
    )
    pairs = written(autoencoder, data, options)
    say_if_one_batch(len(pairs[0]), "bars" if per_bar else "steps", options.batch_size)
    held_pairs = held_out and written(autoencoder, held_out, options)
    validation = held_pairs and array_batches.batches(held_pairs, 512, shuffle=False, map=as_floats)

    def batches(epoch: int):
        return array_batches.batches(
            pairs, options.batch_size, options.seed, epoch=epoch, map=as_floats
        )

    # Model and loss.
    name = f"refine-{options.track}"
    model = refine.per_bar(settings, n_steps, name) if per_bar else refine.per_note(settings, name)
    refine.compiled(model, options.loss, options.learning_rate, jit_compile(options))
    print(f"{name}: {model.count_params():,} parameters, {4 * len(data):,} bars of {data.name}")

    # Loop.
    measures = Measures(f"refine network per {options.unit}, {options.track}")
    folder = Path(options.out or f"runs/refine-{options.unit}-{options.track}")
    with Run(folder, asdict(options), options.resume, describe_data(data)) as run:
        samples = sampler(model, held_pairs or pairs, n_steps, options, run)
        fit(model, batches, run, options, measures, validation, samples)
        run.save(model, f"{name}.keras")
        print(run.path(f"{name}.keras"))
    return folder


def as_floats(*arrays):
    return tuple(array.astype("float32") for array in arrays)


def written(autoencoder: "keras.Model", data: "Data", options: Training) -> tuple:
    """Returns what the BVAE writes for each bar, float16, and the true cells, bool.

    Rows are steps `(n, 84)` or bars `(n, T, 84, 1)`.
    """
    import numpy as np

    from musegen.models.midi_sandwich2.bvae import as_input
    from musegen.models.prediction import predictor

    k, settings = TRACKS.index(options.track), PRESETS[options.preset].bvae
    write = predictor(autoencoder)
    outputs, targets = [], []
    for block in data.bars.blocks(1024):
        cells = block[:, 0, :, :, k]  # (n, T, 84)
        outputs.append(write(as_input(cells, settings)).astype("float16"))
        targets.append(cells)
    unit = (*cells.shape[1:], 1) if options.unit == "bar" else cells.shape[2:]
    return tuple(np.concatenate(parts).reshape(-1, *unit) for parts in (outputs, targets))


def sampler(
    model: "keras.Model", pairs: tuple, n_steps: int, options: Training, run: "Run"
) -> Callable[[int], None]:
    """Returns a function that draws and writes bars: original, by the BVAE, and refined."""
    from musegen.music.phrases import from_bars
    from musegen.training.samples import Sampler

    output, cells = (from_bars(array.reshape(-1, n_steps, N_PITCHES), 1) for array in pairs)
    draw = Sampler(run, cells, options.epochs, (options.track,))
    output = output[draw.indices]
    rough = output > PRESETS[options.preset].bvae.threshold

    def versions():
        rows = output.astype("float32").reshape(-1, *pairs[0].shape[1:])
        refined = model.predict(rows, batch_size=512, verbose=0) >= 0.5
        return {"BVAE": rough, "refined": refined.reshape(output.shape)}

    return lambda epoch: draw(epoch, versions)


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
