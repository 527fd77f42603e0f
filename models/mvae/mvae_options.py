"""The flags of a training on segments of notes, and the recipes with their default values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from musegen.models.mvae.settings import MVAESettings
from musegen.training import optimizers
from musegen.training.options import option
from musegen.training.recipes import OptimizerOptions, completed

if TYPE_CHECKING:
    import keras

DEMO = ("demo",)


@dataclass(frozen=True, kw_only=True)
class NoteRecipe:
    """How a network of notes is trained where no flag says otherwise.

    Args:
        epochs: number of epochs.
        batch_size: number of segments in a batch.
        optimizer, learning_rate, decay: see `musegen.training.optimizers`.
        kl_midpoint: epoch in which the KL term has half of its weight.
    """

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    decay: str
    kl_midpoint: float


ORIGINAL = NoteRecipe(
    epochs=200,
    batch_size=128,
    optimizer="rmsprop",
    learning_rate=1e-4,
    decay="none",
    kl_midpoint=10,
)
RECIPES = {
    "paper": ORIGINAL,
    "repo": ORIGINAL,
    "quick": NoteRecipe(
        epochs=10,
        batch_size=64,
        optimizer="adam",
        learning_rate=2e-3,
        decay="cosine",
        kl_midpoint=4,
    ),
}
# On the demo band, enough to see it work.
DEMO_DEFAULTS = {
    "epochs": 6,
    "batch_size": 32,
    "width": 64,
    "learning_rate": 5e-3,
    "kl_midpoint": 3,
}


@dataclass(frozen=True)
class NoteOptions(OptimizerOptions):
    """The options of every script that learns segments of notes; None comes from the recipe."""

    data: tuple[str, ...] = option(
        DEMO,
        "the music to learn, one or more of: a store of `musegen data prepare --music notes`, MIDI "
        "files, a folder or archive of them, chorales as JSON, demo or freedoom",
        metavar="D",
    )
    batch_size: int | None = option(
        None, "segments in a batch (default: by recipe)", metavar="N", least=1
    )
    recipe: str | None = option(
        None,
        "recipe of the training; quick is ours, for a machine without a GPU (default: the one of "
        "the preset's name, or quick on the demo band)",
        choices=tuple(RECIPES),
    )
    width: int | None = option(
        None, "units of every layer (default: by preset, or 64 on the demo band)",
        metavar="H", least=1,
    )  # fmt: skip


@dataclass(frozen=True)
class SegmentOptions(NoteOptions):
    """The options of `train/mvae.py`, without the variant, and of preset `paper` of BachProp."""

    snap: str = option(
        "delta",
        "time that is rounded to the grid of the preset paper: delta, the time since the note "
        "before, or onset, with which rounding errors do not add up",
        choices=("delta", "onset"),
    )
    shares: tuple[float, ...] | None = option(
        None,
        "share of each source of --data in every batch (default: with preset repo and three "
        "sources 0.3 0.2 0.5, else as large as the source is)",
        metavar="S",
    )


Given = TypeVar("Given", bound=NoteOptions)


def with_defaults(options: Given, recipes: Mapping[str, NoteRecipe] = RECIPES) -> Given:
    """Completes the options with the values of the recipe."""
    on_demo = options.data == DEMO
    name = options.recipe or ("quick" if on_demo else options.preset)
    values = asdict(recipes[name]) | (DEMO_DEFAULTS if on_demo else {})
    return completed(replace(options, recipe=name), values)


def optimizer_of(options: NoteOptions, n_batches: int) -> "keras.optimizers.Optimizer":
    """Makes the optimizer of complete options, for a training of so many batches."""
    if options.optimizer != "rmsprop":
        return optimizers.optimizer(
            options.optimizer, options.learning_rate, options.decay, n_batches
        )
    rate = optimizers.falling(options.learning_rate, options.decay, n_batches)
    return optimizers.rmsprop(rate, epsilon=1e-8)  # as PyTorch has it


def trained_settings(settings: MVAESettings, options: SegmentOptions, sizes) -> MVAESettings:
    """Returns the settings of a preset, changed by the options and for these dictionaries."""
    changed = {"width": options.width, "kl_end": getattr(options, "kl_weight", None)}
    changed |= {"kl_midpoint": getattr(options, "kl_midpoint", None)}
    given = {name: value for name, value in changed.items() if value is not None}
    return replace(settings, sizes=tuple(sizes), **given)
