"""Trains the BVAE of MIDI-Sandwich2 on the bars of one track.

    python train/bvae.py --track bass
    python train/bvae.py --track all --data phrases/ --out runs
    python train/bvae.py --track drums --data phrases/ --preset repo --resume
    python train/bvae.py --track shared --epochs 30

Writes to runs/bvae-TRACK: the model and its halves, history.csv, loss.png, and in samples/ phrases
of the held-out data beside their reconstructions, as pictures and MIDI. With --track all, --out is
the folder in which those of the tracks are made.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen.phrases import TRACKS
from musegen.training.options import Options, add_flags, option, prepare, read_flags
from musegen.training.runs import begun

if TYPE_CHECKING:
    import keras
    import numpy as np

    from musegen.data import Data

EPOCHS = {"paper": 100, "repo": 100, "large": 100}
SHARED_EPOCHS = 30
DEMO_EPOCHS = {"paper": 16, "repo": 16, "large": 6}  # enough to see it work
# At its full weight from the start the KL term keeps the encoder silent for many epochs before the
# decoder has learned to listen, on sparse tracks above all. So it begins at a thousandth.
KL_WARMUP = {"paper": 8, "repo": 0, "large": 0}


@dataclass(frozen=True)
class Training(Options):
    """Options of this script."""

    preset: str = option(
        "paper", "settings of the paper, of its code, or a larger network of ours",
        choices=tuple(EPOCHS),
    )  # fmt: skip
    track: str = option(
        "bass",
        "the track to learn, all five in turn, or one network shared by all",
        choices=(*TRACKS, "all", "shared"),
    )
    steps: int = option(48, "steps of a bar", choices=(48, 96))
    learning_rate: float = option(1e-3, "of the optimizer", metavar="R")
    loss: str | None = option(
        None, "squared error or cross-entropy (default: as the preset has)", choices=("mse", "bce")
    )
    kl_warmup: int | None = option(
        None, "epochs with a thousandth of the KL term (default: 8 for paper, else 0)", metavar="N"
    )
    augment: bool = option(False, "move bars by -5 to 6 semitones, anew each epoch; never drums")
    unique: bool = option(False, "learn every different bar once an epoch, repeats left out")
    mix: bool = option(
        False, "put half of the bars together from beats of several, anew each epoch"
    )


def run(args: Namespace) -> None:
    options = read_flags(args, Training)
    prepare(options)
    if options.track != "all":
        train(options)
        return
    for track in TRACKS:
        folder = Path(options.out or "runs") / f"bvae-{track}"
        resume = options.resume and begun(folder)
        train(replace(options, track=track, out=str(folder), resume=resume))


def train(options: Training) -> Path:
    """One run; gives its folder."""
    from musegen.models import bvae
    from musegen.models.midi_s2 import material
    from musegen.training.fitting import fit
    from musegen.training.options import jit_compile
    from musegen.training.runs import Run, describe_data

    settings = bvae.PRESETS[options.preset]
    settings = replace(settings, loss=options.loss or settings.loss)
    data, held_out = material(
        options.data, options.preset, options.steps, options.val_split, options.bars, options.seed
    )
    epochs = options.epochs or default_epochs(options)
    warmup = KL_WARMUP[options.preset] if options.kl_warmup is None else options.kl_warmup
    name = f"bvae-{options.track}"
    model = bvae.bvae(settings, options.steps, name=name)
    bvae.compiled(model, settings, options.learning_rate, jit_compile(options))
    print(f"{name}: {model.count_params():,} parameters, {4 * len(data):,} bars of {data.name}")

    feed = feeder(options, settings, data)
    plain = replace(options, augment=False, mix=False, unique=False)
    validation = feeder(plain, settings, held_out)

    def batches(epoch: int):
        bvae.weigh_kl(model, settings.kl_weight * (0.001 if epoch < warmup else 1))
        return feed(epoch)

    folder = Path(options.out or f"runs/{name}")
    told = asdict(replace(options, epochs=epochs, kl_warmup=warmup))
    with Run(folder, told, options.resume, describe_data(data)) as run:
        fit(
            model,
            batches,
            epochs,
            run,
            validation and validation(0),
            accuracy="acc_argmax",
            reconstruction=settings.loss,
            keep=options.keep,
            patience=options.patience,
            samples=sampler(model, settings, options, held_out or data, run, epochs),
            tensorboard=options.tensorboard,
            title=f"BVAE, {options.track}",
        )
        bvae.weigh_kl(model, settings.kl_weight)
        encoder, decoder = bvae.halves(model)
        for part, file in ((model, name), (encoder, "encoder"), (decoder, "decoder")):
            run.save(part, f"{file}.keras")
        spread(model, settings, options, data, run)
        print(run.path(f"{name}.keras"))
    return folder


def default_epochs(options: Training) -> int:
    if options.data == "demo":
        return DEMO_EPOCHS[options.preset]
    return SHARED_EPOCHS if options.track == "shared" else EPOCHS[options.preset]


def feeder(options: Training, settings, data: "Data | None") -> Callable | None:
    """Gives a function from the number of an epoch to its batches of (bars, bars)."""
    import numpy as np

    from musegen.data import pipeline
    from musegen.models.bvae import as_input
    from musegen.phrases import bars_of, pack, unpack
    from musegen.training import rows

    if data is None:
        return None

    def target(bars):
        bars = as_input(bars, settings)
        return bars, bars

    size, seed = options.batch_size, options.seed
    if options.mix or options.unique or options.track == "shared":
        bars = bars_of(chosen(data.phrases, options.track))  # (n, T, 84), in memory
        if options.unique:
            packed = np.unique(pack(bars), axis=0)
            bars = unpack(packed, bars.shape[1:])
        return lambda epoch: rows.batches(
            (anew(bars, options, epoch),), size, seed, epoch=epoch,
            map=target,
        )  # fmt: skip
    k = TRACKS.index(options.track)
    return lambda epoch: pipeline.batches(
        data.bars, size, seed=seed, augment=options.augment, dtype="float32", epoch=epoch,
        map=lambda x: target(x[:, 0, :, :, k]),
    )  # fmt: skip


def chosen(phrases: "np.ndarray", track: str) -> "np.ndarray":
    """The phrases of one track, `(N, bars, T, 84, 1)`, or of all where one network is shared."""
    return phrases if track == "shared" else phrases[..., [TRACKS.index(track)]]


def anew(bars: "np.ndarray", options: Training, epoch: int) -> "np.ndarray":
    """The bars as this epoch has them."""
    import numpy as np

    from musegen.training import augment

    rng = np.random.default_rng((options.seed, epoch))
    drums = options.track == "drums"
    if options.augment and not drums:
        bars = augment.transposed(bars, rng)
    return augment.mixed(bars, rng, by_pitch=drums) if options.mix else bars


def sampler(
    model: "keras.Model", settings, options: Training, data: "Data", run, epochs: int
) -> Callable[[int], None]:
    """Gives a function that draws and writes some phrases beside their reconstructions."""
    from musegen.models.bvae import as_input
    from musegen.phrases import bars_of, from_bars
    from musegen.training.samples import Sampler

    tracks = TRACKS if options.track == "shared" else (options.track,)
    draw = Sampler(run, chosen(next(data.blocks()), options.track), epochs, tracks)
    x = as_input(bars_of(draw.original), settings)

    def versions():
        written = model.predict(x, verbose=0) > settings.threshold
        return {"reconstruction": from_bars(written, len(tracks))}

    return lambda epoch: draw(epoch, versions)


def spread(model: "keras.Model", settings, options: Training, data: "Data", run) -> None:
    """Writes how wide the encoder's means lie: near 0 the BVAE has collapsed and says nothing."""
    import json

    from musegen.files import write_bytes
    from musegen.models import bvae
    from musegen.phrases import bars_of

    bars = bars_of(chosen(next(data.blocks()), options.track))
    x = bvae.as_input(bars, settings)
    _, means, _ = bvae.halves(model)[0].predict(x, batch_size=256, verbose=0)
    told = {"bars": len(bars), "std_of_means": float(means.std(axis=0).mean())}
    write_bytes(run.path("latents.json"), json.dumps(told, indent=2).encode())
    print(f"std of the encoder's means: {told['std_of_means']:.4f}")


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


def main(argv: list[str] | None = None) -> None:
    from musegen.cli import run_training

    run_training("bvae", argv)


if __name__ == "__main__":
    from musegen.cli import guard

    sys.exit(guard(main))
