"""Trains BachProp, which writes pieces note by note without a latent vector.

    python train/bachprop.py
    python train/bachprop.py --data nottingham/ chorales.json piano/ --recipe quick --width 128
    python train/bachprop.py --data nottingham/ --preset repo

The preset paper is the baseline in the paper of the melody VAE: its decoder without z. The preset
repo is BachProp's own network and its own way of training, on whole songs.

Writes to runs/bachprop: the network and its dictionaries, which `musegen generate runs/bachprop`
and `musegen continue` use, history.csv, loss.png, evaluation.json, and in samples/ a piece of the
held-out data and a generated one, as pictures and MIDI.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.models.bachprop.settings import PRESETS
from musegen.models.mvae.mvae_options import (
    RECIPES,
    NoteRecipe,
    SegmentOptions,
    optimizer_of,
    trained_settings,
    with_defaults,
)
from musegen.models.mvae.settings import ATTRIBUTES
from musegen.training.options import add_flags, flag, prepare, read_flags, say_if_one_batch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import keras
    import numpy as np

    from musegen.models.bachprop.system import BachProp
    from musegen.training.fit import Measures
    from musegen.training.runs import Run

OWN = NoteRecipe(
    epochs=500, batch_size=32, optimizer="adam", learning_rate=1e-3, decay="none", kl_midpoint=0
)


@dataclass(frozen=True)
class Training(SegmentOptions):
    """Options of this script."""


def run(args: Namespace) -> None:
    options = read_flags(args, Training)
    if options.preset == "repo":
        for name in ("snap", "shares", "split_batch"):
            if getattr(options, name) != getattr(Training, name):
                name = name if name != "split_batch" else f"no_{name}"
                raise Error(f"{flag(name)}: only the preset paper has it; leave it out")
    prepare(options)
    options = with_defaults(options, RECIPES | {"repo": OWN})
    folder = Path(options.out or "runs/bachprop")
    (train_on_songs if options.preset == "repo" else train_on_segments)(options, folder)
    print(folder / "bachprop.keras")


def train_on_segments(options: Training, folder: Path) -> None:
    """Trains the network of the preset paper, as the melody VAE is trained."""
    from musegen.models.bachprop.system import BachProp
    from musegen.models.mvae import mvae
    from musegen.models.mvae.segment_data import batches, load_segment_data
    from musegen.models.mvae.segment_reports import sampler
    from musegen.training.fit import fit
    from musegen.training.options import jit_compile
    from musegen.training.runs import Run
    from musegen.training.split_batch import split_batches

    # Data.
    data = load_segment_data(options)
    say_if_one_batch(len(data.train), "segments", options.batch_size)
    validation = data.held_out and batches(data.held_out, data, options, 0, learn=False)

    # Model and loss.
    settings = trained_settings(PRESETS["paper"], options, data.dictionaries.sizes)
    model = mvae.mvae(settings, data.notes.length, name="bachprop")
    n_batches = len(batches(data.train, data, options, 0))
    optimizer = optimizer_of(options, options.epochs * n_batches)
    mvae.compiled(model, settings, optimizer, jit_compile(options))
    if options.split_batch:
        split_batches(model)
    print(f"bachprop: {model.count_params():,} parameters, {len(data.train):,} segments")

    # Loop.
    with Run(folder, asdict(options), options.resume, data.describe()) as run:
        system = BachProp("bachprop", options.preset, model, data.dictionaries, data.notes)
        samples = sampler(system, data.shown, options, run)
        fit(
            model,
            lambda epoch: batches(data.train, data, options, epoch),
            run,
            options,
            measures(),
            validation,
            samples,
        )
        leave(system, data.sets, run)


def train_on_songs(options: Training, folder: Path) -> None:
    """Trains BachProp's own network in its own way."""
    from musegen.models.bachprop.bachprop import bachprop
    from musegen.models.bachprop.song_data import batches, count_windows, load_song_data
    from musegen.models.bachprop.song_training import SongTraining
    from musegen.models.bachprop.system import BachProp
    from musegen.models.mvae.segment_reports import sampler
    from musegen.music.tokens.triples import BACHPROP
    from musegen.training.fit import epochs
    from musegen.training.runs import Run

    # Data.
    data = load_song_data(options)

    # Model and loss.
    own = {} if options.width is None else {"width": options.width}
    settings = replace(PRESETS["repo"], sizes=data.dictionaries.sizes, **own)
    model = bachprop(settings)
    n_updates = options.epochs * count_windows(data.train, data, options)
    optimizers = {a: own_optimizer(options, n_updates) for a in ATTRIBUTES}
    training = SongTraining(model, settings, optimizers, options.jit)
    print(f"bachprop: {model.count_params():,} parameters, {len(data.train):,} songs")

    def one_epoch(epoch: int) -> dict[str, float]:
        return training.epoch(
            batches(data.train, data, options, epoch),
            batches(data.held_out, data, options, 0, learn=False),
        )

    # Loop.
    with Run(folder, asdict(options), options.resume, data.describe()) as run:
        system = BachProp("bachprop", options.preset, model, data.dictionaries, BACHPROP)
        samples = sampler(system, data.shown, options, run)
        validates = bool(data.held_out)
        epochs(one_epoch, model, training.variables, run, options, measures(), validates, samples)
        leave(system, data.sets, run)


def own_optimizer(options: Training, n_updates: int) -> "keras.optimizers.Optimizer":
    """Makes the optimizer of one attribute; Adam without clipped gradients, as the original's."""
    import keras

    from musegen.training.optimizers import falling

    if options.optimizer != "adam":
        return optimizer_of(options, n_updates)
    return keras.optimizers.Adam(falling(options.learning_rate, options.decay, n_updates))


def measures() -> "Measures":
    """Returns what is watched in the training of either network."""
    from musegen import plots
    from musegen.training.fit import Measures

    return Measures(
        monitor="val_accuracy",
        figure=lambda history: plots.by_attribute(history, ATTRIBUTES, "BachProp"),
    )


def leave(system: "BachProp", sets: "Mapping[str, np.ndarray]", run: "Run") -> None:
    """Writes the trained system, and its figures on sets of segments."""
    from musegen.models.mvae.segment_reports import evaluate

    run.save(system.network, "bachprop.keras")
    system.describe(run.folder)
    evaluate(system, sets, run)


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
