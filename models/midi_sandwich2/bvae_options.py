"""The flags of the BVAE's training, and the recipes with their default values."""

from dataclasses import dataclass, replace

from musegen.music.layout import TRACKS
from musegen.training.options import option
from musegen.training.recipes import PCA_WARMUP, RECIPE_HELP, Recipe, RecipeOptions


@dataclass(frozen=True, kw_only=True)
class BVAERecipe(Recipe):
    """How a BVAE is trained where no flag says otherwise.

    Args:
        loss: name of the loss, or None for that of the preset.
        kl_warmup: number of epochs with a thousandth of the KL term. At full weight from the start
            this term makes all means equal for many epochs, before the decoder has learned to use
            them.
    """

    loss: str | None = None
    kl_warmup: int = 0


RECIPES = {
    "paper": BVAERecipe(epochs=100, demo_epochs=16, kl_warmup=8),
    "repo": BVAERecipe(epochs=100, demo_epochs=16),
    "large": BVAERecipe(epochs=100, demo_epochs=6, optimizer="adam"),
    "pca-warmup": BVAERecipe(
        epochs=20, demo_epochs=4, pca_warmup=4, demo_pca_warmup=2, loss="nll", **PCA_WARMUP
    ),
}
SHARED_EPOCHS = 30  # of one network for all tracks: an epoch has five times as many bars


@dataclass(frozen=True)
class Training(RecipeOptions):
    """The options of `train/bvae.py`."""

    preset: str = option(
        "paper", "settings of the paper, of its code, or a larger network of ours",
        choices=("paper", "repo", "large"),
    )  # fmt: skip
    track: str = option(
        "bass",
        "the track to learn, all five in turn, or one network shared by all",
        choices=(*TRACKS, "all", "shared"),
    )
    steps: int = option(48, "steps of a bar", choices=(48, 96))
    recipe: str | None = option(None, RECIPE_HELP, choices=tuple(RECIPES))
    loss: str | None = option(
        None, "squared error, likelihood, or cross-entropy after a sigmoid (default: by recipe)",
        choices=("mse", "nll", "bce"),
    )  # fmt: skip
    kl_warmup: int | None = option(
        None, "first epochs, in which the KL term has a thousandth of its weight (default: by "
        "recipe)", metavar="N", least=0,
    )  # fmt: skip
    augment: bool = option(
        False, "transpose bars by -5 to 6 semitones at random in each epoch, but never drums"
    )
    unique: bool = option(False, "learn every different bar once an epoch, without repeats")
    mix: bool = option(
        False,
        "in each epoch, replace half of the bars, at random, by bars whose beats come from several "
        "bars; for drums also bars whose pitches do",
    )
    passes: int = option(
        1, "number of times that an epoch goes through the bars", metavar="N", least=1
    )


def recipes(track: str) -> dict[str, BVAERecipe]:
    """Returns the recipes for a track, or for `"shared"`."""
    if track != "shared":
        return RECIPES
    return {
        name: replace(recipe, epochs=min(recipe.epochs, SHARED_EPOCHS))
        for name, recipe in RECIPES.items()
    }
