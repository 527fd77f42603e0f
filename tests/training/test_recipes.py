"""Recipes: what flags leave open they settle, and the optimizers that they name."""

from argparse import ArgumentParser
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import ops

from musegen import Error
from musegen.training.optimizers import OPTIMIZERS, optimizer, rmsprop
from musegen.training.options import add_flags, option
from musegen.training.recipes import Recipe, RecipeOptions, optimizer_of, with_defaults

RECIPES = {
    "paper": Recipe(epochs=100, demo_epochs=16),
    "pca-warmup": Recipe(
        epochs=20,
        demo_epochs=6,
        optimizer="muon",
        learning_rate=3e-3,
        decay="cosine",
        pca_warmup=4,
        demo_pca_warmup=2,
    ),
}


@dataclass(frozen=True)
class Training(RecipeOptions):
    recipe: str | None = option(None, "how", choices=tuple(RECIPES))


def test_a_recipe_settles_what_flags_leave_open():
    plain = with_defaults(Training(data="phrases"), RECIPES)
    assert (plain.recipe, plain.epochs, plain.optimizer) == ("paper", 100, "rmsprop")
    assert (plain.learning_rate, plain.decay, plain.pca_warmup) == (1e-3, "none", 0)
    for demo in (
        with_defaults(Training(recipe="pca-warmup"), RECIPES),
        with_defaults(Training(), RECIPES),
    ):
        assert (demo.recipe, demo.epochs, demo.pca_warmup) == ("pca-warmup", 6, 2)
    assert with_defaults(Training(recipe="paper"), RECIPES).epochs == 16
    changed = with_defaults(Training(recipe="pca-warmup", pca_warmup=0, epochs=3), RECIPES)
    assert (changed.optimizer, changed.decay, changed.pca_warmup, changed.epochs) == (
        "muon",
        "cosine",
        0,
        3,
    )


def test_flags_of_version_0_1_are_understood():
    parser = ArgumentParser()
    add_flags(parser, Training)
    for words in ("--recipe led --lead 3", "--recipe pca-warmup --pca-warmup 3"):
        args = parser.parse_args(words.split())
        assert (args.recipe, args.pca_warmup) == ("pca-warmup", 3)
    assert "--lead" not in parser.format_help()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"pca_warmup": -1}, "--pca-warmup -1: at least 0 is needed"),
        ({"learning_rate": float("nan")}, "--learning-rate nan: at least 0 is needed"),
        ({"optimizer": "sgd"}, "--optimizer sgd: choose rmsprop, adam, muon"),
        ({"recipe": "none"}, "--recipe none: choose paper, pca-warmup"),
    ],
)
def test_mistakes(flags, message):
    with pytest.raises(Error, match=message):
        Training(**flags)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_rate_of_an_optimizer_falls_to_nothing(name):
    options = with_defaults(Training(recipe="pca-warmup", optimizer=name), RECIPES)
    weight = keras.Variable(np.eye(3, dtype="float32"))
    moving = optimizer_of(options, n_batches=10)
    moves = []
    for _ in range(11):
        former = ops.convert_to_numpy(weight)
        moving.apply([ops.convert_to_tensor(np.eye(3, dtype="float32"))], [weight])
        moves.append(np.abs(ops.convert_to_numpy(weight) - former).max())
    assert moves[0] > 1e-4
    assert moves[10] == 0
    assert float(optimizer(name, 0.5).learning_rate) == 0.5


@pytest.mark.parametrize("gradient", [1e-5, 1e-7, 1e-9])
@pytest.mark.parametrize("epsilon", [1e-7, 1e-8])
def test_rmsprop_steps_as_in_keras_2_and_pytorch(gradient, epsilon):
    weight, optimizer = keras.Variable(0.0), rmsprop(1e-3, epsilon)
    v, expected = 0.0, 0.0
    for _ in range(3):
        optimizer.apply([ops.convert_to_tensor(gradient)], [weight])
        v = 0.9 * v + 0.1 * gradient**2
        expected -= 1e-3 * gradient / (np.sqrt(v) + epsilon)
    assert float(weight.value) == pytest.approx(expected, rel=1e-5)
