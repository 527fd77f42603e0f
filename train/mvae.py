"""Trains the melody VAE on pieces of notes, or one of the networks it is compared with.

    python train/mvae.py
    python train/mvae.py --data nottingham/ chorales.json piano/ --recipe quick --width 128
    python train/mvae.py --data nottingham/ chorales.json piano/ --preset repo --resume
    python train/mvae.py --variant autoencoder

Writes to runs/mvae: the network and its dictionaries, which `musegen generate runs/mvae` uses,
history.csv, loss.png, evaluation.json, and in samples/ a piece of the held-out data, the same
restored, and a generated one, as pictures and MIDI.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from pathlib import Path

from musegen import Error
from musegen.models.mvae.mvae_options import (
    SegmentOptions,
    optimizer_of,
    trained_settings,
    with_defaults,
)
from musegen.models.mvae.settings import ATTRIBUTES, kl_weight, settings_of
from musegen.training.options import (
    add_flags,
    flag,
    option,
    prepare,
    read_flags,
    say_if_one_batch,
)

VARIANTS = {"unrolling": "mvae", "flat": "mvae-flat", "autoencoder": "mvae-autoencoder"}


@dataclass(frozen=True)
class Training(SegmentOptions):
    """Options of this script."""

    variant: str = option(
        "unrolling",
        "the network: with note unrolling, without it (flat), or with unrolling and a z without "
        "noise (autoencoder)",
        choices=tuple(VARIANTS),
    )
    kl_weight: float | None = option(
        None, "weight of the KL term at the end (default: by preset)", metavar="W", least=0
    )
    kl_midpoint: float | None = option(
        None, "epoch in which the KL term has half of that weight (default: by recipe)",
        metavar="E", least=0,
    )  # fmt: skip


def run(args: Namespace) -> None:
    options = read_flags(args, Training)
    check(options)
    prepare(options)
    train(with_defaults(options))


def check(options: Training) -> None:
    """Raises an `Error` if a flag would have no effect."""
    if options.preset == "repo" and options.snap != Training.snap:
        raise Error(f"--snap {options.snap}: the preset repo has another grid; leave it out")
    for name in ("kl_weight", "kl_midpoint"):
        if options.variant == "autoencoder" and getattr(options, name) is not None:
            raise Error(f"{flag(name)}: the autoencoder has no KL term; leave it out")


def train(options: Training) -> Path:
    """Trains one network and returns the folder of its run."""
    from musegen import plots
    from musegen.models.mvae import mvae
    from musegen.models.mvae.segment_data import batches, load_segment_data, mean_size
    from musegen.models.mvae.segment_reports import evaluate, sampler
    from musegen.models.mvae.system import MVAE
    from musegen.training.fit import Measures, fit
    from musegen.training.options import jit_compile
    from musegen.training.runs import Run
    from musegen.training.split_batch import split_batches

    # Data.
    name = VARIANTS[options.variant]
    data = load_segment_data(options)
    say_if_one_batch(len(data.train), "segments", options.batch_size)
    validation = data.held_out and batches(data.held_out, data, options, 0, learn=False)

    # Model and loss.
    settings = trained_settings(settings_of(name, options.preset), options, data.dictionaries.sizes)
    model = mvae.mvae(settings, data.notes.length, name=name)
    first = batches(data.train, data, options, 0)
    optimizer = optimizer_of(options, options.epochs * len(first))
    mvae.compiled(model, settings, optimizer, jit_compile(options))
    if options.split_batch:
        split_batches(model)
    print(
        f"{name}: {model.count_params():,} parameters, {len(data.train):,} segments of "
        f"{data.n_songs:,} songs, dictionaries of {data.dictionaries.sizes} values"
    )

    has_kl = settings.latent == "gaussian"
    summed = settings.kl_reduction == "batch_sum"

    def batches_by_kl(epoch: int):
        if has_kl:
            mvae.weigh_kl(model, kl_weight(settings, epoch + 1))
        return batches(data.train, data, options, epoch)

    # Loop.
    title = f"melody VAE, {options.variant}"
    measures = Measures(
        reconstruction="rec" if has_kl else None,
        kl_weight=(lambda epoch: kl_weight(settings, epoch + 1)) if has_kl else None,
        kl_examples=(mean_size(first), mean_size(validation)) if summed else (1.0, 1.0),
        figure=lambda history: plots.by_attribute(history, ATTRIBUTES, title),
        monitor="val_accuracy",
    )
    folder = Path(options.out or f"runs/{name}")
    with Run(folder, asdict(options), options.resume, data.describe()) as run:
        system = MVAE(name, options.preset, model, data.dictionaries, data.notes)
        samples = sampler(system, data.shown, options, run)
        fit(model, batches_by_kl, run, options, measures, validation, samples)

        # What it leaves.
        run.save(model, f"{name}.keras")
        system.describe(folder)
        evaluate(system, data.sets, run)
        print(run.path(f"{name}.keras"))
    return folder


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
