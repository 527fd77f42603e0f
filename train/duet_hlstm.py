"""Trains DuetHLSTM, which plays two tracks step by step.

    python train/duet_hlstm.py
    python train/duet_hlstm.py --data phrases/ --tracks guitar piano
    python train/duet_hlstm.py --data phrases/ --preset repo --resume
    python train/duet_hlstm.py --data phrases/ --tracks piano strings guitar bass drums

Writes to runs/duet-hlstm: the network, which `musegen generate` and `musegen continue` use,
history.csv, loss.png, evaluation.json, generated.csv with figures of the phrases generated after
each epoch, and in samples/ phrases of the held-out data beside what the network makes of their
first half bar, as pictures and MIDI.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.models.duet_hlstm.duet_options import (
    Training,
    changes_of,
    settings_of,
    with_defaults,
)
from musegen.music.layout import N_PITCHES
from musegen.training.options import add_flags, prepare, read_flags

if TYPE_CHECKING:
    import keras

    from musegen.data import Data
    from musegen.models.duet_hlstm.duet_reports import Samples
    from musegen.models.duet_hlstm.settings import DuetSettings
    from musegen.models.duet_hlstm.step_windows import StepTable


def run(args: Namespace) -> None:
    options = with_defaults(read_flags(args, Training))
    settings_of(options)  # a mistake is found before Keras is loaded
    prepare(options)
    train(options)


def train(options: Training) -> Path:
    """Trains one network and returns the folder of its run."""
    from musegen.models.duet_hlstm.duet_hlstm import duet_hlstm
    from musegen.models.duet_hlstm.duet_reports import Samples, evaluate
    from musegen.models.duet_hlstm.step_windows import StepTable
    from musegen.models.duet_hlstm.system import BEGINNINGS_KEPT, NETWORK, DuetHLSTM
    from musegen.training.fit import Measures, fit
    from musegen.training.runs import Run, describe_data

    settings = settings_of(options)

    # Data.
    data, held_out = phrases(options)
    learned = StepTable.of_data(data, settings)
    validated = held_out and StepTable.of_data(held_out, settings)
    check(data, learned, settings)
    size = min(options.batch_size, len(learned)) if settings.by_phrases else options.batch_size

    # Model and loss.
    network = duet_hlstm(settings)
    learner, n_batches = learner_of(network, settings, options, learned, size)
    print(f"duet-hlstm: {network.count_params():,} parameters, {len(learned):,} phrases of "
          f"{data.name}, {n_batches:,} updates an epoch")  # fmt: skip

    # Loop.
    measures = Measures("DuetHLSTM", "f1")
    folder = Path(options.out or "runs/duet-hlstm")
    with Run(folder, asdict(options), options.resume, describe_data(data)) as run:
        shown = learned if settings.by_phrases or not validated else validated
        system = DuetHLSTM(options.preset, network, changes_of(options))
        samples = Samples(system, shown, options, run)
        batches = feeder(learned, settings, options, size, samples)
        validation = validated and all_windows(validated, settings, size)
        fit(learner, batches, run, options, measures, validation, samples)

        # What it leaves.
        run.save(network, NETWORK)
        system.beginnings = system.sounding(shown)[:BEGINNINGS_KEPT]
        system.describe(folder)
        evaluate(system, {"train": learned, "held out": validated}, run)
        print(run.path(NETWORK))
    return folder


# Data.


def phrases(options: Training) -> "tuple[Data, Data | None]":
    """Returns the phrases to learn and to validate with."""
    from musegen.data import load

    data, held_out = load(options.data).split(options.val_split)
    if options.bars:
        data = data.part(0, -(-options.bars // data.layout.n_bars))
    return data, held_out


def check(data: "Data", table: "StepTable", settings: "DuetSettings") -> None:
    """Prints how full each track is, and raises an `Error` for music that cannot be learned.

    Such are phrases that are too short for a window, and a track without any note.
    """
    if settings.n_windows(table.n_steps) < 1:
        raise Error(
            f"{data.name}: phrases of {table.n_steps} eighths of a bar are too short for "
            f"--window {settings.window}"
        )
    counts = table.counts()
    sounds = counts.any(axis=0)
    if not sounds.all():
        silent = [name for name, own in zip(settings.tracks, sounds, strict=True) if not own]
        raise Error(f"{data.name}: there is no note of {', '.join(silent)}; choose other --tracks")
    density = counts.mean(axis=0) / (table.n_steps * N_PITCHES)
    for track, share, n_silent in zip(
        settings.tracks, density, (counts == 0).sum(axis=0), strict=True
    ):
        print(f"{track}: {100 * share:.2f} % of the cells are on; silent in {n_silent:,} phrases")


def feeder(
    table: "StepTable",
    settings: "DuetSettings",
    options: Training,
    batch_size: int,
    samples: "Samples",
) -> Callable:
    """Returns a function from the number of an epoch to its batches.

    With the preset `repo` an epoch begins with the state that the samples before it left.
    """
    from musegen.models.duet_hlstm.step_windows import batches, window_order, zero_state

    def of_epoch(epoch: int):
        starts = window_order(table, settings, batch_size, options.seed, epoch)
        state = zero_state(settings, batch_size)
        if state is not None and samples.state is not None:
            state[: len(samples.state)] = samples.state[:batch_size]
        return batches(table, starts, settings, batch_size, state)

    return of_epoch


def all_windows(table: "StepTable", settings: "DuetSettings", batch_size: int):
    """Returns batches of all windows in order, for validation."""
    from musegen.models.duet_hlstm.step_windows import batches, in_order, zero_state

    state = zero_state(settings, batch_size)
    return batches(table, in_order(table, settings), settings, batch_size, state)


# Model.


def learner_of(
    network: "keras.Model",
    settings: "DuetSettings",
    options: Training,
    table: "StepTable",
    batch_size: int,
) -> "tuple[keras.Model, int]":
    """Returns the compiled network that is trained, and the number of updates in an epoch."""
    import keras

    from musegen.models.duet_hlstm.duet_hlstm import compiled, with_state
    from musegen.models.duet_hlstm.step_windows import count_batches
    from musegen.training.optimizers import falling, muon
    from musegen.training.options import jit_compile
    from musegen.training.split_batch import split_batches

    n_batches = count_batches(table, settings, batch_size)
    rate = falling(options.learning_rate, options.decay, options.epochs * n_batches)
    learner = with_state(network, settings) if settings.by_phrases else network
    # Unlike `optimizers.adam` that of the original code does not clip gradients.
    make = {"adam": keras.optimizers.Adam, "muon": muon}[options.optimizer]
    compiled(learner, settings, make(rate), jit_compile(options))
    if options.split_batch:
        split_batches(learner)
    return learner, n_batches


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
