"""The flags of MuseGAN's training, and the recipes with their default values.

Each preset has a recipe. A flag that is not given has the value of the recipe, or of `DEMO` on the
demo band.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from musegen import Error, registry
from musegen.models.musegan.settings import MODELS, N_BARS, Kind
from musegen.music.layout import TRACKS
from musegen.training.gan.gan_options import GANOptions
from musegen.training.optimizers import DECAYS
from musegen.training.options import option
from musegen.training.recipes import completed


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a MuseGAN is trained where no flag says otherwise.

    Args:
        learning_rate: learning rate of both optimizers.
        steps: number of steps of the generator.
        batch_size: number of phrases in a batch.
        width: factor for the numbers of filters in the paper.
        every: number of steps from one report to the next.
        same_batch: whether the critic's steps and the generator's use the same music.
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
DEMO = {"steps": 600, "batch_size": 4, "width": 1 / 16, "every": 40}  # shows it in minutes
NARROWEST = 1 / 128  # at this width the narrowest layers of the paper, of 128 filters, have one
EXCHANGED = ("piano", "guitar", "strings")  # tracks of which each could play what the others do


@dataclass(frozen=True)
class Training(GANOptions):
    """The options of `train/musegan.py`."""

    preset: str | None = option(
        None, "settings of the paper, of its code, or what a narrow network needs to learn "
        "(default: paper; repo for a model that only the code has; narrow on the demo)",
        choices=tuple(RECIPES),
    )  # fmt: skip
    model: str = option(
        "hybrid", "one of the paper's three models, or rnn, a composer of its code", choices=MODELS
    )
    one_bar: bool = option(False, "learn and write single bars, as its code can")
    condition: str | None = option(
        None, "the track that the model receives (default: none, it writes all)", choices=TRACKS
    )
    batchnorm: bool = option(True, "leave out batch normalization, as the paper's ablated composer")
    set: str = option(
        "", "settings of the preset to change, such as mixes_bars=no,norm_output=yes; "
        "docs/systems/musegan.md lists them", metavar="X=Y,...",
    )  # fmt: skip
    width: float | None = option(
        None, "factor for the number of filters (default: 1, as in the paper; 1/4 for narrow; "
        "1/16 on the demo)", metavar="W",
    )  # fmt: skip
    init_from: str | None = option(
        None, "a trained system, by name or folder, whose weights the generator starts from; its "
        "critic starts from nothing, with a hundred steps in each of the first iterations",
        metavar="NAME",
    )  # fmt: skip
    batch_size: int | None = option(
        None, "phrases in a batch (default: 64; 16 for narrow; 4 on the demo)", metavar="N", least=1
    )
    learning_rate: float | None = option(
        None, "learning rate of Adam (default: 0.001, or 0.0002 for repo)", metavar="R", least=0
    )
    decay: str = option("none", "how the learning rate falls to 0", choices=DECAYS)
    val_split: float | None = option(
        None, "share of the data to hold out, where they have no split of their own; a conditional "
        "model receives its tracks from there when it is monitored (default: 0.1 for such a model, "
        "0 from scratch and for repo)", metavar="S",
    )  # fmt: skip
    augment: bool = option(False, "learn in all keys: phrases moved by -5 to 6 semitones")
    exchange: bool = option(
        False,
        "in each phrase, exchange the part of the --condition track with that of piano, "
        "guitar or strings, at random",
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


def with_defaults(options: Training) -> Training:
    """Completes the options with what the preset and the data decide."""
    demo, presets = options.data == "demo", kind_of(options).presets
    preset = options.preset or ("narrow" if demo else presets[0])
    if preset not in presets:
        raise Error(f"--preset {preset}: has no such model; choose {', '.join(presets)}")
    values = asdict(RECIPES[preset]) | (DEMO if demo else {})
    values["val_split"] = 0.1 if options.condition and preset != "repo" else 0.0
    return completed(replace(options, preset=preset), values)


def kind_of(options: Training) -> Kind:
    """Returns the kind of MuseGAN that the options ask for."""
    return Kind(options.model, options.condition, 1 if options.one_bar else N_BARS)
