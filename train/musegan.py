"""Trains MuseGAN: four bars of five tracks, from scratch or to a given track.

    python train/musegan.py
    python train/musegan.py --model composer --data phrases/
    python train/musegan.py --model hybrid --condition piano --data phrases/ --width 0.25
    python train/musegan.py --model composer --no-batchnorm   # the ablated one of the paper
    python train/musegan.py --one-bar                         # of the code alone: single bars

Writes to runs/NAME, of the system's name: the system, which `musegen generate` and `musegen
accompany` open, history.csv with losses and metrics, data.json with the metrics of the training
data, curves.png of them, and in samples/ the same music at several steps, as piano-rolls and MIDI,
and in the end the pictures that the original code draws.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error, registry
from musegen.models.musegan.settings import MODELS
from musegen.music.layout import TRACKS
from musegen.training.gan.gan_options import GANOptions
from musegen.training.optimizers import DECAYS
from musegen.training.options import add_flags, option, prepare, read_flags

if TYPE_CHECKING:
    import numpy as np

    from musegen.data import Data
    from musegen.models.musegan.settings import Kind
    from musegen.models.musegan.system import MuseGAN
    from musegen.training.gan.wgan_gp import WGANGP


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a MuseGAN is trained where no flag says otherwise.

    Args:
        steps: of the generator.
        every: so many steps it is looked at.
        same_batch: whether the critic's steps and the generator's see the same music.
        critic_warmup: whether the critic has 100 steps in the first iterations and now and then.
    """

    learning_rate: float = 1e-3
    steps: int = 10_000
    batch_size: int = 64
    width: float = 1.0
    every: int = 100
    same_batch: bool = False
    critic_warmup: bool = False


RECIPES = {
    "paper": Recipe(),
    "repo": Recipe(learning_rate=2e-4, steps=15_700, same_batch=True, critic_warmup=True),
    "narrow": Recipe(batch_size=16, width=0.25),
}
# On the demo band, where it is to be seen at work in minutes.
NARROWEST = 1 / 128  # where the narrowest layers of the paper, of 128 filters, have one left
DEMO = {"steps": 600, "batch_size": 4, "width": 1 / 16, "every": 40}
LEFT = ("learning_rate", "steps", "batch_size", "width", "every")  # to the recipe
EXCHANGED = ("piano", "guitar", "strings")  # tracks of which each could play what the others do
MONITORED_PHRASES = 64  # phrases of the fixed random vectors


@dataclass(frozen=True)
class Training(GANOptions):
    """Options of this script."""

    preset: str | None = option(
        None, "settings of the paper, of its code, or what a narrow network needs to learn "
        "(default: paper, of what the code alone has repo, on the demo narrow)",
        choices=tuple(RECIPES),
    )  # fmt: skip
    model: str = option(
        "hybrid", "which of the paper's three, or rnn, a composer of its code", choices=MODELS
    )
    one_bar: bool = option(False, "learn and write single bars, as its code can")
    condition: str | None = option(
        None, "the track that it is given (default: none, all are written)", choices=TRACKS
    )
    batchnorm: bool = option(True, "leave out batch normalization, as the paper's ablated composer")
    set: str = option(
        "", "settings of the preset to change, such as mixes_bars=no,norm_output=yes; "
        "docs/systems/musegan.md lists them", metavar="X=Y,...",
    )  # fmt: skip
    width: float | None = option(
        None, "filters, times this; 1 is the paper's (default: 1, of narrow 1/4, on the demo 1/16)",
        metavar="W",
    )  # fmt: skip
    init_from: str | None = option(
        None, "a trained system, by name or folder, from whose weights the generator starts; its "
        "critic learns from nothing, with a hundred steps in each of the first iterations",
        metavar="NAME",
    )  # fmt: skip
    batch_size: int | None = option(
        None, "phrases in a batch (default: 64, of narrow 16, on the demo 4)", metavar="N", least=1
    )
    learning_rate: float | None = option(
        None, "of Adam (default: 0.001 or 0.0002, by preset)", metavar="R", least=0
    )
    decay: str = option("none", "of the learning rate, to 0 in the end", choices=DECAYS)
    val_split: float | None = option(
        None, "share of the data that is not learned, where they have no split of their own; the "
        "tracks that a conditional model is given when it is looked at are from there (default: "
        "0.1 for such a model, but all is learned from scratch and with preset repo)", metavar="S",
    )  # fmt: skip
    augment: bool = option(False, "learn in all keys: phrases moved by -5 to 6 semitones")
    exchange: bool = option(
        False, "give it, as the --condition track, what any of piano, guitar and strings plays"
    )

    def __post_init__(self):
        super().__post_init__()
        if self.width is not None and not NARROWEST <= self.width <= 4:
            raise Error(f"--width {self.width}: {NARROWEST:g} at least, and 4 at most")
        if not self.batchnorm and self.model != "composer":
            raise Error(
                f"--no-batchnorm: the paper's ablation is of the composer, not {self.model}"
            )
        if self.exchange and self.condition not in EXCHANGED:
            raise Error(f"--exchange: with --condition {' or '.join(EXCHANGED)} only")

    def reads(self) -> list[str | Path]:
        return [*super().reads(), *([registry.place(self.init_from)] if self.init_from else [])]


def run(args: Namespace) -> None:
    options = read_flags(args, Training)
    prepare(options)
    train(with_defaults(options))


def with_defaults(options: Training) -> Training:
    """The options with all that was left to the preset and the data."""
    demo, own = options.data == "demo", kind_of(options).presets
    preset = options.preset or ("narrow" if demo else own[0])
    if preset not in own:
        raise Error(f"--preset {preset}: has no such model; choose {', '.join(own)}")
    recipe = asdict(RECIPES[preset]) | (DEMO if demo else {})
    left = {name: recipe[name] for name in LEFT if getattr(options, name) is None}
    if options.val_split is None:
        left["val_split"] = 0.1 if options.condition and preset != "repo" else 0.0
    return replace(options, preset=preset, **left)


def kind_of(options: Training) -> "Kind":
    from musegen.models.musegan.settings import N_BARS, Kind

    return Kind(options.model, options.condition, 1 if options.one_bar else N_BARS)


def unit(options: Training) -> str:
    return "bars" if options.one_bar else "phrases"


def train(options: Training) -> Path:
    """One run; gives its folder."""
    from musegen.metrics.muse import DEFINITIONS
    from musegen.models.musegan.settings import PRESETS, changed, system_name
    from musegen.models.musegan.system import MuseGAN
    from musegen.training.gan.loop import Monitor, monitored, train_gan
    from musegen.training.gan.pictures import drawer
    from musegen.training.runs import Run, describe_data

    kind = kind_of(options)
    own = changed(options.set, options.preset, kind)
    settings = replace(PRESETS[options.preset], **own)
    settings = replace(settings, width=options.width, batch_norm=options.batchnorm)
    data, held_out = music(options)
    training = wgan(settings, kind, options)
    system = MuseGAN(options.preset, kind, training.generator, own)
    if options.init_from:
        init_from(system, options.init_from)
    name = system_name(kind, ablated=not options.batchnorm)
    params = [model.count_params() for model in (training.generator, training.critic)]
    of_data = f"{len(data):,} {unit(options)} of {data.name}"
    print(f"{name}: {params[0]:,} + {params[1]:,} parameters, {of_data}")

    change = exchange(options)
    known, shown = (
        change(some.part(0, n).phrases, 0)
        for some, n in ((data, 1000), (held_out, MONITORED_PHRASES))
    )
    check(data, known, training, options)
    n = len(shown) if kind.given else MONITORED_PHRASES
    fixed = system.draw(n, options.seed) | system.condition(shown)
    folder = Path(options.out or f"runs/{name}")
    with Run(folder, asdict(options), options.resume, describe_data(data), "steps") as run:
        definition = DEFINITIONS["v1" if options.preset == "repo" else "paper"]
        goal = monitored(known)
        monitor = Monitor(
            lambda: system.values(fixed),
            system.binarised,
            goal,
            drawer(run, system.binarised, goal, definition.chroma),
        )
        batches = feeder(data, training, options)
        train_gan(training, batches, change, run, options, monitor)
        system.save(folder, options.half)
        print(f"musegen {'accompany SONG --system' if kind.given else 'generate'} {folder}")
    return folder


def music(options: Training) -> "tuple[Data, Data]":
    """What is learned, and what a conditional model is given when it is looked at."""
    from musegen.data import load
    from musegen.models.musegan.settings import N_BARS, N_STEPS

    data = load(options.data, N_STEPS).five_tracks(None if options.one_bar else N_BARS)
    if options.bars:
        data = data.part(0, -(-options.bars // data.layout.n_bars))
    data, held_out = data.split(options.val_split)
    held_out = held_out or data
    # Cut after the split, or bars of one phrase might stand on both sides of it.
    return (data.bars, held_out.bars) if options.one_bar else (data, held_out)


def check(data: "Data", known: "np.ndarray", training: "WGANGP", options: Training) -> None:
    """Raises an `Error` where there is too little to learn, or to be given."""
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


def wgan(settings, kind, options: Training) -> "WGANGP":
    """Generator and critic with their optimizers."""
    import keras

    from musegen.models.musegan import critics, generators
    from musegen.training.gan.wgan_gp import WGANGP, WGANSettings
    from musegen.training.optimizers import falling

    rules = WGANSettings(
        critics.unit(settings, kind),
        tuple(TRACKS.index(track) for track in kind.written),
        same_batch=RECIPES[options.preset].same_batch,
        given=TRACKS.index(kind.given) if kind.given else None,
        critic_warmup=RECIPES[options.preset].critic_warmup or options.init_from is not None,
    )

    def adam(steps: int):
        rate = falling(options.learning_rate, options.decay, steps)
        own = keras.optimizers.Adam(rate, 0.5, 0.9, epsilon=1e-8)
        if options.precision == "mixed_float16":
            return keras.optimizers.LossScaleOptimizer(own)
        return own

    rounds = sum(map(rules.rounds, range(options.steps)))
    return WGANGP(
        generators.generator(settings, kind),
        critics.critic(settings, kind),
        kind.latents,
        (adam(options.steps), adam(rounds * rules.critic_steps)),
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
    if getattr(trained, "kind", None) == system.kind and trained.settings == system.settings:
        weights = trained.network.get_weights()
    if [weight.shape for weight in weights] != [tuple(w.shape) for w in system.network.weights]:
        raise Error(
            f"--init-from {source}: is built differently; give the --model, --condition, --preset, "
            "--set and --width that it has"
        )
    system.network.set_weights(weights)


def feeder(data: "Data", training: "WGANGP", options: Training) -> Callable:
    """Gives a function from the number of an epoch to its batches, one for each iteration."""
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


def exchange(options: Training) -> "Callable[[np.ndarray, int], np.ndarray]":
    """Gives a function that changes phrases, as `--exchange` has it, the same way in a step."""
    import numpy as np

    from musegen.training.augment import exchanged

    def change(phrases, step):
        if not options.exchange:
            return phrases
        rng = np.random.default_rng((options.seed, step))
        return exchanged(phrases, options.condition, EXCHANGED, rng)

    return change


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
