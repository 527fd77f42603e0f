"""Recipes: how a network is trained where no flag says otherwise.

A script has a table of recipes by name. A recipe with the name of a preset belongs to that preset;
`pca-warmup` is for any of the recurrent presets.

    RECIPES = {
        "paper": Recipe(epochs=100, demo_epochs=16),
        "pca-warmup": Recipe(epochs=20, demo_epochs=6, pca_warmup=4, demo_pca_warmup=2),
    }

    @dataclass(frozen=True)
    class Training(RecipeOptions):
        recipe: str | None = option(None, RECIPE_HELP, choices=tuple(RECIPES))

    options = with_defaults(read_flags(args, Training), RECIPES)
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from musegen.training.optimizers import DECAYS, OPTIMIZERS, optimizer
from musegen.training.options import Options, PhraseOptions, option

if TYPE_CHECKING:
    import keras

RECIPE_HELP = (
    "recipe of the training; pca-warmup is ours and learns ten times faster than the paper's "
    "(default: the one of the preset's name; on the demo band pca-warmup, except for preset large)"
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Args:
        epochs: number of epochs.
        demo_epochs, demo_pca_warmup: numbers of epochs on the demo band, enough to see it work.
        optimizer: name of the optimizer, one of `optimizers.OPTIMIZERS`.
        learning_rate: learning rate at the start.
        decay: name of the schedule by which the learning rate falls; see `optimizers.falling`.
        pca_warmup: number of epochs before the first, in which principal components replace the
            latent vector; see `musegen.training.pca_warmup`.
        kl_weight: weight of the KL term, or None for that of the preset.
    """

    epochs: int
    demo_epochs: int
    optimizer: str = "rmsprop"
    learning_rate: float = 1e-3
    decay: str = "none"
    pca_warmup: int = 0
    demo_pca_warmup: int = 0
    kl_weight: float | None = None


# The settings of the recipe `pca-warmup` that are the same in every script.
PCA_WARMUP = {"optimizer": "muon", "learning_rate": 3e-3, "decay": "cosine", "kl_weight": 1e-3}


@dataclass(frozen=True)
class OptimizerOptions(Options):
    """The flags of the optimizer; a value that is None comes from the recipe."""

    optimizer: str | None = option(
        None, "optimizer (default: by recipe)", choices=tuple(OPTIMIZERS)
    )
    learning_rate: float | None = option(
        None, "learning rate of the optimizer (default: by recipe)", metavar="R", least=0
    )
    decay: str | None = option(
        None, "how the learning rate falls to 0 (default: by recipe)", choices=DECAYS
    )
    split_batch: bool = option(
        True, "do not split each batch between two threads, by which recurrent networks train "
        "faster on JAX and a CPU",
    )  # fmt: skip


@dataclass(frozen=True)
class RecipeOptions(PhraseOptions, OptimizerOptions):
    """The flags of a recipe; a value that is None comes from the recipe."""

    recipe: str | None = option(None, RECIPE_HELP)
    pca_warmup: int | None = option(
        None,
        "number of epochs beforehand, in which principal components replace the latent vector "
        "(default: by recipe)",
        metavar="N",
        least=0,
    )
    kl_weight: float | None = option(
        None, "weight of the KL term (default: by recipe)", metavar="W", least=0
    )


def recipe_name(options: Any) -> str:
    """Returns the name of the recipe; on the demo band one that shows something in a minute."""
    quick = options.data == "demo" and options.preset != "large"
    return options.recipe or ("pca-warmup" if quick else options.preset)


Given = TypeVar("Given", bound=Options)


def completed(options: Given, values: Mapping[str, Any]) -> Given:
    """Returns the options with these values in place of those that are None."""
    known = {field.name for field in fields(options)}
    missing = {
        k: value for k, value in values.items() if k in known and getattr(options, k) is None
    }
    return replace(options, **missing)


def with_defaults(options: Given, recipes: Mapping[str, Recipe]) -> Given:
    """Completes the options with the values of the recipe."""
    name = recipe_name(options)
    recipe = asdict(recipes[name])
    on_demo = {part: recipe.pop(f"demo_{part}") for part in ("epochs", "pca_warmup")}
    if options.data == "demo":
        recipe |= on_demo
    return completed(replace(options, recipe=name), recipe)


def optimizer_of(options: RecipeOptions, n_batches: int) -> "keras.optimizers.Optimizer":
    """Makes the optimizer of complete options, for a training of so many batches."""
    return optimizer(options.optimizer, options.learning_rate, options.decay, n_batches)


def kl_weight(options: RecipeOptions, of_preset: float) -> float:
    """Returns the weight of the KL term in complete options, or that of the preset."""
    return of_preset if options.kl_weight is None else options.kl_weight
