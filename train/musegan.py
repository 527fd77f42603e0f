"""Trains MuseGAN: four bars of five tracks, from scratch or to a given track.

    python train/musegan.py
    python train/musegan.py --model composer --data phrases/
    python train/musegan.py --model hybrid --condition piano --data phrases/ --width 0.25
    python train/musegan.py --model composer --no-batchnorm   # the ablated one of the paper
    python train/musegan.py --one-bar                         # single bars, which only the code has

Writes to runs/NAME, where NAME is the system's: the system, which `musegen generate` and `musegen
accompany` open, history.csv with losses and metrics, data.json with the metrics of the training
data, curves.png of them, and in samples/ the same music at several steps, as piano-rolls and MIDI,
and in the end the pictures that the original code draws.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.models.musegan.musegan_options import (
    EXCHANGED,
    RECIPES,
    Training,
    kind_of,
    with_defaults,
)
from musegen.music.layout import TRACKS
from musegen.training.options import add_flags, prepare, read_flags

if TYPE_CHECKING:
    import numpy as np

    from musegen.data import Data
    from musegen.models.musegan.settings import Kind, Settings
    from musegen.models.musegan.system import MuseGAN
    from musegen.training.gan.wgan_gp import WGANGP

MONITORED_PHRASES = 64  # phrases of the fixed random vectors


def run(args: Namespace) -> None:
    options = read_flags(args, Training)
    prepare(options)
    train(with_defaults(options))


def train(options: Training) -> Path:
    """Trains one model and returns the folder of its run."""
    from musegen.metrics.muse import DEFINITIONS
    from musegen.models.musegan.settings import PRESETS, changed, system_name
    from musegen.models.musegan.system import MuseGAN
    from musegen.training.gan.loop import Monitor, monitored, train_gan
    from musegen.training.gan.pictures import drawer
    from musegen.training.runs import Run, describe_data

    kind = kind_of(options)
    changes = changed(options.set, options.preset, kind)
    settings = replace(PRESETS[options.preset], **changes)
    settings = replace(settings, width=options.width, batch_norm=options.batchnorm)

    # Data: what is learned, and what a conditional model receives when it is monitored.
    data, held_out = music(options)
    change = partial(exchange, options)
    known = change(data.part(0, 1000).phrases, 0)
    given = change(held_out.part(0, MONITORED_PHRASES).phrases, 0)

    # Model and losses.
    training = wgan(settings, kind, options)
    system = MuseGAN(options.preset, kind, training.generator, changes)
    if options.init_from:
        init_from(system, options.init_from)
    name = system_name(kind, ablated=not options.batchnorm)
    params = [model.count_params() for model in (training.generator, training.critic)]
    of_data = f"{len(data):,} {unit(options)} of {data.name}"
    print(f"{name}: {params[0]:,} + {params[1]:,} parameters, {of_data}")
    check(data, known, training, options)

    # Loop: it reports the metrics of the music of fixed random vectors, beside the data's.
    batches = feeder(data, training, options)
    n = len(given) if kind.given else MONITORED_PHRASES
    z = system.draw(n, options.seed) | system.condition(given)
    goal = monitored(known)
    chroma = DEFINITIONS["v1" if options.preset == "repo" else "paper"].chroma
    folder = Path(options.out or f"runs/{name}")
    with Run(folder, asdict(options), options.resume, describe_data(data), "steps") as run:
        draw = drawer(run, system.binarised, goal, chroma)
        monitor = Monitor(lambda: system.values(z), system.binarised, goal, draw)
        train_gan(training, batches, change, run, options, monitor)
        system.save(folder, options.half)
        print(f"musegen {'accompany SONG --system' if kind.given else 'generate'} {folder}")
    return folder


# Data.


def music(options: Training) -> "tuple[Data, Data]":
    """Returns what is learned, and what a conditional model receives when it is monitored."""
    from musegen.data import load
    from musegen.models.musegan.settings import N_BARS, N_STEPS

    data = load(options.data, N_STEPS).five_tracks(None if options.one_bar else N_BARS)
    if options.bars:
        data = data.part(0, -(-options.bars // data.layout.n_bars))
    data, held_out = data.split(options.val_split)
    held_out = held_out or data
    # Cut after the split, or bars of one phrase might stand on both sides of it.
    return (data.bars, held_out.bars) if options.one_bar else (data, held_out)


def feeder(data: "Data", training: "WGANGP", options: Training) -> Callable:
    """Returns a function from the number of an epoch to its batches, one for each iteration."""
    from musegen.data import pipeline

    return lambda epoch: pipeline.batches(
        data,
        training.settings.batches * options.batch_size,
        shuffle=options.preset != "repo",
        seed=options.seed,
        augment=options.augment,
        drop_remainder=True,
        epoch=epoch,
    )


def exchange(options: Training, phrases: "np.ndarray", step: int) -> "np.ndarray":
    """Exchanges the given track with others if `--exchange` is on, always alike in a step."""
    import numpy as np

    from musegen.training.augment import exchanged

    if not options.exchange:
        return phrases
    rng = np.random.default_rng((options.seed, step))
    return exchanged(phrases, options.condition, EXCHANGED, rng)


def check(data: "Data", known: "np.ndarray", training: "WGANGP", options: Training) -> None:
    """Raises an `Error` where the data are too few, or the given track is silent."""
    n_batches = training.settings.batches
    if len(data) < n_batches * options.batch_size:
        raise Error(
            f"{data.name}: {len(data)} {unit(options)} are too few, a step takes {n_batches} "
            f"batches of {options.batch_size}; give more --data or a smaller --batch-size"
        )
    if options.condition and not known[..., TRACKS.index(options.condition)].any():
        raise Error(
            f"{data.name}: its {options.condition} is silent in the first {len(known):,} phrases; "
            "choose another --condition, or --exchange"
        )


def unit(options: Training) -> str:
    return "bars" if options.one_bar else "phrases"


# Model and losses.


def wgan(settings: "Settings", kind: "Kind", options: Training) -> "WGANGP":
    """Returns generator and critic with their optimizers."""
    import keras

    from musegen.models.musegan import critics, generators
    from musegen.training.gan.wgan_gp import WGANGP, WGANSettings
    from musegen.training.optimizers import falling

    recipe = RECIPES[options.preset]
    rules = WGANSettings(
        critics.unit(settings, kind),
        tuple(TRACKS.index(track) for track in kind.written),
        same_batch=recipe.same_batch,
        given=TRACKS.index(kind.given) if kind.given else None,
        critic_warmup=recipe.critic_warmup or options.init_from is not None,
    )

    def adam(steps: int):
        rate = falling(options.learning_rate, options.decay, steps)
        optimizer = keras.optimizers.Adam(rate, 0.5, 0.9, epsilon=1e-8)
        if options.precision == "mixed_float16":
            return keras.optimizers.LossScaleOptimizer(optimizer)
        return optimizer

    critic_steps = rules.critic_steps * sum(map(rules.rounds, range(options.steps)))
    return WGANGP(
        generators.generator(settings, kind),
        critics.critic(settings, kind),
        kind.latents,
        (adam(options.steps), adam(critic_steps)),
        rules,
        settings.z_std,
        options.seed,
        options.jit,
    )


def init_from(system: "MuseGAN", source: str) -> None:
    """Gives a generator the weights of a trained system of its kind that is built alike."""
    from musegen.registry import load

    # Presets may differ in what a number means and not in how many there are.
    trained, weights = load(source), []
    alike = isinstance(trained, type(system)) and trained.kind == system.kind
    if alike and trained.settings == system.settings:
        weights = trained.network.get_weights()
    if [weight.shape for weight in weights] != [tuple(w.shape) for w in system.network.weights]:
        raise Error(
            f"--init-from {source}: is built differently; give the --model, --condition, --preset, "
            "--set and --width that it has"
        )
    system.network.set_weights(weights)


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
