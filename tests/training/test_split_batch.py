"""Two threads for a batch learn what one learns; it needs JAX on a CPU."""

import inspect
import os
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from backends import environment
from keras import layers, ops

from musegen.models.layers.sampling import Sampling
from musegen.training.split_batch import KERAS, split_batches, train_function
from musegen.training.split_batch import layers as all_layers

on_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="run again on JAX, below")


def network(*between, noise: float = 0.0) -> keras.Model:
    """A small recurrent network, of the same weights every time."""
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 3))
    y = layers.LSTM(8, name="lstm")(x)
    for layer in (layers.GaussianNoise(noise, seed=1), *between):
        y = layer(y)
    model = keras.Model(x, layers.Dense(2, name="dense")(y))
    model.compile(
        keras.optimizers.RMSprop(1e-2, epsilon=1e-4),
        "mse",
        metrics=["mae", keras.metrics.MeanMetricWrapper(largest, name="largest")],
    )
    return model


def largest(y_true, y_pred):
    """Not a mean over rows: the mean of the two parts would differ."""
    return ops.max(ops.abs(y_pred), axis=-1) * ops.cast(len(y_true), "float32")


def examples(n: int):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 6, 3)).astype("float32"), rng.normal(size=(n, 2)).astype("float32")


@on_jax
@pytest.mark.parametrize("n", [24, 15, 9])  # batches of 8; the last has 8, 7 or 1
def test_weights_losses_and_metrics_are_those_of_whole_batches(n):
    x, y = examples(n)
    whole, split = network(), network()
    assert split_batches(split)
    fitting = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0}
    expected, found = (model.fit(x, y, **fitting).history for model in (whole, split))
    assert list(found) == list(expected) == ["largest", "loss", "mae"]
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5)
    for one, other in zip(whole.variables, split.variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@on_jax
def test_the_parts_draw_different_noise_and_new_noise_each_batch():
    model = network(noise=1.0)
    model.get_layer("dense").set_weights([np.eye(8, 2, dtype="float32"), np.zeros(2, "float32")])
    drawn = []
    model.compute_metrics = lambda x, y, outputs, weight: drawn.append(outputs) or {"o": outputs}
    x, y = examples(1)
    state = [model.trainable_variables, model.non_trainable_variables, [], []]
    model.optimizer.build(model.trainable_variables)
    state[2:] = model.optimizer.variables, model.metrics_variables
    state = tuple([variable.value for variable in variables] for variables in state)
    step = train_function(model)
    batch = np.repeat(x, 4, axis=0), np.repeat(y, 4, axis=0)
    outputs = []
    for _ in range(2):
        logs, state = step(state, iter([batch]))
        outputs.extend(np.asarray(logs["o"]))
    assert len({output.tobytes() for output in outputs}) == 8


@on_jax
def test_training_again_gives_the_same_bit_for_bit():
    def trained():
        model = network(noise=0.5)
        split_batches(model)
        model.fit(*examples(20), batch_size=8, epochs=2, shuffle=False, verbose=0)
        return [np.asarray(variable) for variable in model.variables]

    for one, other in zip(trained(), trained(), strict=True):
        np.testing.assert_array_equal(one, other)


@on_jax
def test_a_train_function_that_is_made_again_has_two_threads():
    model = network()
    split_batches(model)
    model.make_train_function()
    former = model.train_function
    model.make_train_function()
    assert model.train_function is former
    model.make_train_function(force=True)
    assert model.train_function is not former
    assert model.train_function.__module__ == "musegen.training.split_batch"


# What looks at all of a batch: half of it has half of a sum.
WHOLE_BATCH = {
    "batch normalization": lambda: [layers.BatchNormalization()],
    "summed KL term": lambda: [lambda y: Sampling(kl_reduction="batch_sum")([y, y])],
}


@on_jax
@pytest.mark.parametrize(
    "what", [*WHOLE_BATCH, "no recurrence", "no jit", "one core", "unknown Keras"]
)
def test_left_alone_where_it_does_not_apply(what, monkeypatch):
    model = network(*WHOLE_BATCH.get(what, lambda: [])())
    if what == "no recurrence":
        model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
        model.compile("adam", "mse")
    if what == "no jit":
        model.jit_compile = False
    if what == "one core":
        monkeypatch.setattr(os, "cpu_count", lambda: 1)
    if what == "unknown Keras":
        monkeypatch.setattr(keras, "__version__", "3.99.0")
    assert not split_batches(model)
    assert "make_train_function" not in vars(model)
    if what == "unknown Keras":  # trains all the same
        model.fit(*examples(8), batch_size=8, verbose=0)


def test_the_releases_of_keras_that_are_known():
    """A new one is added to `KERAS` after `test_all_of_it_on_jax` has passed with it."""
    assert KERAS == ("3.13", "3.14", "3.15")


@on_jax
def test_the_method_that_keras_does_not_document():
    """Where it is as it was in the known releases, a new release is likely to do as well."""
    names = list(inspect.signature(keras.Model.compute_loss_and_updates).parameters)
    assert names[1:] == [
        "trainable_variables", "non_trainable_variables", "metrics_variables", "x", "y",
        "sample_weight", "training", "optimizer_variables",
    ]  # fmt: skip


def test_layers_of_inner_models_are_found():
    inner = network()
    model = keras.Sequential([keras.Input((6, 3)), inner])
    assert {"lstm", "dense"} <= {layer.name for layer in all_layers(model)}


@pytest.mark.skipif(keras.config.backend() == "jax", reason="the tests above run on JAX")
def test_other_backends_are_left_alone():
    assert not split_batches(network())


@pytest.mark.slow
@pytest.mark.skipif(keras.config.backend() == "jax", reason="the tests above run on JAX")
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_all_of_it_on_jax():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    variables = environment("jax")
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "skipped" in done.stdout
    assert " passed" in done.stdout
