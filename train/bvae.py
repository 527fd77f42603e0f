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

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.files import write_bytes
from musegen.models.midi_sandwich2.bvae_options import Training, recipes
from musegen.models.midi_sandwich2.settings import PRESETS
from musegen.music.layout import TRACKS
from musegen.training.options import add_flags, prepare, read_flags, say_if_one_batch
from musegen.training.recipes import kl_weight, optimizer_of, with_defaults
from musegen.training.runs import begun

if TYPE_CHECKING:
    import keras

    from musegen.data import Data
    from musegen.models.midi_sandwich2.settings import BVAESettings
    from musegen.training.runs import Run


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
    """Trains the network of one track, or the shared one, and returns the folder of its run."""
    from musegen.models.midi_sandwich2 import bvae
    from musegen.models.midi_sandwich2.training_data import load_training_data
    from musegen.training.fit import Measures, fit
    from musegen.training.options import jit_compile
    from musegen.training.pca_warmup import pca_warmup
    from musegen.training.runs import Run, describe_data
    from musegen.training.split_batch import split_batches

    options = with_defaults(options, recipes(options.track))
    preset = PRESETS[options.preset].bvae
    settings = replace(
        preset, loss=options.loss or preset.loss, kl_weight=kl_weight(options, preset.kl_weight)
    )

    # Data.
    data, held_out = load_training_data(
        options.data, options.preset, options.steps, options.val_split, options.bars, options.seed
    )
    batches = feeder(options, settings, data)
    as_they_are = replace(options, augment=False, mix=False, unique=False, passes=1)
    # Not shuffled, so that each bar meets the same noise in every validation.
    validation = held_out and feeder(as_they_are, settings, held_out, shuffle=False)(0)

    # Model and loss.
    name = f"bvae-{options.track}"
    model = bvae.bvae(settings, options.steps, name=name)
    print(f"{name}: {model.count_params():,} parameters, {4 * len(data):,} bars of {data.name}")

    def compiled(network: "keras.Model", n_batches: int) -> "keras.Model":
        optimizer = optimizer_of(options, n_batches)
        bvae.compiled(network, settings, optimizer, jit_compile(options))
        if options.split_batch:
            split_batches(network)
        return network

    def batches_by_kl(epoch: int):
        bvae.weigh_kl(model, settings.kl_weight * (0.001 if epoch < options.kl_warmup else 1))
        return batches(epoch)

    # Loop.
    measures = Measures(f"BVAE, {options.track}", "acc_argmax", reconstruction=settings.loss)
    folder = Path(options.out or f"runs/{name}")
    with Run(folder, asdict(options), options.resume, describe_data(data)) as run:
        if options.pca_warmup:
            parts = bvae.encoder_and_decoder(model)
            pca_warmup(run, parts, compiled, batches, options, measures, validation)
        compiled(model, options.epochs * len(batches(0)))
        samples = sampler(model, settings, options, held_out or data, run)
        fit(model, batches_by_kl, run, options, measures, validation, samples)

        # What it leaves.
        bvae.weigh_kl(model, settings.kl_weight)
        networks = (model, *bvae.noiseless_parts(model))
        for part, file in zip(networks, (name, "encoder", "decoder"), strict=True):
            run.save(part, f"{file}.keras")
        write_std_of_means(model, settings, options, data, run)
        print(run.path(f"{name}.keras"))
    return folder


def feeder(
    options: Training, settings: "BVAESettings", data: "Data", shuffle: bool = True
) -> Callable:
    """Returns a function from the number of an epoch to its batches of (bars, bars)."""
    import numpy as np

    from musegen.data import pipeline
    from musegen.models.midi_sandwich2 import training_data
    from musegen.models.midi_sandwich2.bvae import as_input
    from musegen.training import array_batches

    def pair(bars):
        bars = as_input(bars, settings)
        return bars, bars

    track, size, seed = options.track, options.batch_size, options.seed
    if options.mix or options.unique or options.passes > 1 or track == "shared":
        bars = training_data.bars_of_track(data.phrases, track, options.unique, options.passes)

        def batches(epoch: int):
            rng = np.random.default_rng((seed, epoch))
            changed = training_data.augmented(bars, track, options.augment, options.mix, rng)
            return array_batches.batches((changed,), size, seed, shuffle, epoch, pair)

    else:
        bars, k = data.bars, TRACKS.index(track)

        def batches(epoch: int):
            return pipeline.batches(
                bars, size, shuffle, seed, options.augment, dtype="float32", epoch=epoch,
                map=lambda x: pair(x[:, 0, :, :, k]),
            )  # fmt: skip

    if shuffle:
        say_if_one_batch(len(bars), "bars", size)
    return batches


def sampler(
    model: "keras.Model", settings: "BVAESettings", options: Training, data: "Data", run: "Run"
) -> Callable[[int], None]:
    """Returns a function that draws and writes some phrases beside their reconstructions."""
    from musegen.models.midi_sandwich2.bvae import as_input
    from musegen.models.midi_sandwich2.training_data import of_track
    from musegen.music.phrases import bars_of, from_bars
    from musegen.training.samples import Sampler

    tracks = TRACKS if options.track == "shared" else (options.track,)
    draw = Sampler(run, of_track(next(data.blocks()), options.track), options.epochs, tracks)
    x = as_input(bars_of(draw.original), settings)

    def versions():
        written = model.predict(x, verbose=0) > settings.threshold
        return {"reconstruction": from_bars(written, len(tracks))}

    return lambda epoch: draw(epoch, versions)


def write_std_of_means(
    model: "keras.Model", settings: "BVAESettings", options: Training, data: "Data", run: "Run"
) -> None:
    """Writes the standard deviation of the encoder's means: near 0 the BVAE has collapsed."""
    from musegen.models.midi_sandwich2 import bvae
    from musegen.models.midi_sandwich2.training_data import bars_of_track
    from musegen.models.prediction import predictor

    bars = bars_of_track(next(data.blocks()), options.track)
    _, means, _ = predictor(bvae.encoder_and_decoder(model)[0])(bvae.as_input(bars, settings))
    std = float(means.std(axis=0).mean())
    content = json.dumps({"bars": len(bars), "std_of_means": std}, indent=2)
    write_bytes(run.path("latents.json"), content.encode())
    print(f"std of the encoder's means: {std:.4f}")


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
