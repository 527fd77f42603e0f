"""Recipes: what flags leave open they settle, and the optimizers that they name."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import ops

from musegen import Error
from musegen.training.optimizers import OPTIMIZERS, optimizer, rmsprop
from musegen.training.options import option
from musegen.training.recipes import Recipe, RecipeOptions, optimizer_of, settled

RECIPES = {"paper": Recipe(100, 16), "led": Recipe(20, 6, "muon", 3e-3, "cosine", 4, 2)}


@dataclass(frozen=True)
class Training(RecipeOptions):
    recipe: str | None = option(None, "how", choices=tuple(RECIPES))


def test_a_recipe_settles_what_flags_leave_open():
    plain = settled(Training(data="phrases"), RECIPES)
    assert (plain.recipe, plain.epochs, plain.optimizer) == ("paper", 100, "rmsprop")
    assert (plain.learning_rate, plain.decay, plain.lead) == (1e-3, "none", 0)
    for demo in (settled(Training(recipe="led"), RECIPES), settled(Training(), RECIPES)):
        assert (demo.recipe, demo.epochs, demo.lead) == ("led", 6, 2)
    assert settled(Training(recipe="paper"), RECIPES).epochs == 16
    led = settled(Training(recipe="led", lead=0, epochs=3), RECIPES)
    assert (led.optimizer, led.decay, led.lead, led.epochs) == ("muon", "cosine", 0, 3)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"lead": -1}, "--lead -1: at least 0 is needed"),
        ({"learning_rate": float("nan")}, "--learning-rate nan: at least 0 is needed"),
        ({"optimizer": "sgd"}, "--optimizer sgd: choose rmsprop, adam, muon"),
        ({"recipe": "none"}, "--recipe none: choose paper, led"),
    ],
)
def test_mistakes(flags, message):
    with pytest.raises(Error, match=message):
        Training(**flags)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_rate_of_an_optimizer_falls_to_nothing(name):
    options = settled(Training(recipe="led", optimizer=name), RECIPES)
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
def test_rmsprop_steps_as_in_keras_2(gradient):
    weight, optimizer = keras.Variable(0.0), rmsprop(1e-3)
    v, expected = 0.0, 0.0
    for _ in range(3):
        optimizer.apply([ops.convert_to_tensor(gradient)], [weight])
        v = 0.9 * v + 0.1 * gradient**2
        expected -= 1e-3 * gradient / (np.sqrt(v) + 1e-7)
    assert float(weight.value) == pytest.approx(expected, rel=1e-5)
