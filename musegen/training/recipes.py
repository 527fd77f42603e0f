"""Recipes: how a network is trained where no flag says otherwise.

A script holds a table of them by name. Those that bear the name of a preset are that preset's;
`pca-warmup` is for any of the recurrent ones.

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
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from musegen.training.optimizers import DECAYS, OPTIMIZERS, optimizer
from musegen.training.options import Options, option

if TYPE_CHECKING:
    import keras

RECIPE_HELP = (
    "how to train; pca-warmup is ours and learns ten times faster than the paper's (default: the "
    "one of the preset's name, and instead of the paper's on the demo band pca-warmup)"
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Args:
        demo_epochs, demo_pca_warmup: the same on the demo band, enough to see it work.
        optimizer: a name of `optimizers.OPTIMIZERS`.
        decay: of the learning rate: `"none"`, or along a `"cosine"` to 0 in the end.
        pca_warmup: epochs before the first, in which principal components stand for the latent
            vector; see `musegen.training.pca_warmup`.
        kl_weight: of the KL term; None as the preset has it.
    """

    epochs: int
    demo_epochs: int
    optimizer: str = "rmsprop"
    learning_rate: float = 1e-3
    decay: str = "none"
    pca_warmup: int = 0
    demo_pca_warmup: int = 0
    kl_weight: float | None = None


# What the recipe `pca-warmup` is in every script, beside its numbers of epochs.
PCA_WARMUP = {"optimizer": "muon", "learning_rate": 3e-3, "decay": "cosine", "kl_weight": 1e-3}


@dataclass(frozen=True)
class RecipeOptions(Options):
    """The flags of a recipe; what is None comes from it."""

    recipe: str | None = option(None, RECIPE_HELP)
    optimizer: str | None = option(
        None, "what moves the weights (default: by recipe)", choices=tuple(OPTIMIZERS)
    )
    learning_rate: float | None = option(
        None, "of the optimizer (default: by recipe)", metavar="R", least=0
    )
    decay: str | None = option(
        None, "of the learning rate, to 0 in the end (default: by recipe)", choices=DECAYS
    )
    pca_warmup: int | None = option(
        None,
        "epochs beforehand, in which principal components stand for the latent vector (default: by "
        "recipe)",
        metavar="N",
        least=0,
    )
    kl_weight: float | None = option(
        None, "of the KL term (default: by recipe)", metavar="W", least=0
    )
    split_batch: bool = option(
        True, "on JAX and a CPU, do not train a recurrent network on half a batch in each of two "
        "threads",
    )  # fmt: skip


def recipe_name(options: Any) -> str:
    """The name of the recipe by flags; on the demo band one that shows something in a minute."""
    quick = options.data == "demo" and options.preset != "large"
    return options.recipe or ("pca-warmup" if quick else options.preset)


Given = TypeVar("Given", bound=RecipeOptions)


def with_defaults(options: Given, recipes: Mapping[str, Recipe]) -> Given:
    """The options with all that was left to the recipe."""
    name = recipe_name(options)
    recipe = asdict(recipes[name])
    on_demo = {part: recipe.pop(f"demo_{part}") for part in ("epochs", "pca_warmup")}
    if options.data == "demo":
        recipe |= on_demo
    left = {name: value for name, value in recipe.items() if getattr(options, name) is None}
    return replace(options, recipe=name, **left)


def optimizer_of(options: RecipeOptions, n_batches: int) -> "keras.optimizers.Optimizer":
    """The optimizer of complete options, for a training of so many batches."""
    return optimizer(options.optimizer, options.learning_rate, options.decay, n_batches)


def kl_weight(options: RecipeOptions, of_preset: float) -> float:
    """The weight of the KL term in complete options, or that of the preset."""
    return of_preset if options.kl_weight is None else options.kl_weight
