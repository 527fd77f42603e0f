"""LSTM equals keras.layers.LSTM on the running backend and on JAX; the hard sigmoid of Keras 2."""

import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from backends import environment
from keras import layers, ops

from musegen.models.layers.lstm import LSTM, hard_sigmoid

STEPS, FEATURES, UNITS = 7, 6, 5


def pair(gates, dtype="float32", n_steps=None, **options):
    """Returns models of Keras's layer and of that of musegen, with the same weights."""
    rng = np.random.default_rng(0)
    options = {"recurrent_activation": gates, "dtype": dtype, **options}
    x = keras.Input((STEPS, FEATURES) if n_steps is None else (FEATURES,))
    sequence = x if n_steps is None else layers.RepeatVector(n_steps, dtype=dtype)(x)
    first = keras.Model(x, layers.LSTM(UNITS, **options)(sequence))
    if n_steps is not None:
        options["n_steps"] = n_steps
    second = keras.Model(x, LSTM(UNITS, **options)(x))
    weights = [rng.normal(size=w.shape).astype("float32") for w in first.get_weights()]
    for model in (first, second):
        model.set_weights(weights)
    return first, second


def example(model, n: int = 4) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, *model.input_shape[1:])).astype("float32")


def moved(model, x) -> list[np.ndarray]:
    """Returns the gradient of a weighted sum of the outputs, from the change by one step of SGD.

    A layer before it makes its input, so that the gradient of the input is compared, too.
    """
    n = model.input_shape[-1]
    whole = keras.Sequential([layers.Dense(n, kernel_initializer="identity"), model])
    y = whole(x)
    former = whole.get_weights()
    target = np.random.default_rng(2).normal(size=y.shape).astype("float32")
    whole.compile(keras.optimizers.SGD(1.0), loss=lambda t, y: ops.sum(t * y))
    whole.train_on_batch(x, target)
    return [a - b for a, b in zip(former, whole.get_weights(), strict=True)]


@pytest.mark.parametrize(
    ("gates", "return_sequences", "n_steps"),
    [
        pytest.param("sigmoid", False, None, marks=pytest.mark.slow),
        ("sigmoid", True, 3),
        pytest.param(hard_sigmoid, True, None, marks=pytest.mark.slow),
        (hard_sigmoid, False, 3),
    ],
)
def test_same_outputs_and_gradients(gates, return_sequences, n_steps):
    first, second = pair(gates, n_steps=n_steps, return_sequences=return_sequences)
    assert second.layers[-1].is_plain  # so JAX takes its fast path
    x = example(first)
    np.testing.assert_allclose(first.predict(x, verbose=0), second.predict(x, verbose=0), atol=1e-6)
    for one, other in zip(moved(first, x), moved(second, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_other_options_use_the_lstm_of_keras():
    x = np.random.default_rng(3).normal(size=(4, STEPS, FEATURES)).astype("float32")
    mask = np.arange(STEPS) < np.array([[7], [3], [5], [1]])
    state = [np.ones((4, UNITS), "float32")] * 2
    for options, given in (
        ({}, {"mask": mask}),
        ({}, {"initial_state": state}),
        ({"go_backwards": True}, {}),
        ({"use_bias": False}, {}),
        ({"activation": "relu"}, {}),
        ({"recurrent_activation": "hard_sigmoid"}, {}),
    ):
        first, second = layers.LSTM(UNITS, **options), LSTM(UNITS, **options)
        second.build(x.shape)
        first.build(x.shape)
        second.set_weights(first.get_weights())
        np.testing.assert_allclose(
            ops.convert_to_numpy(first(x, **given)),
            ops.convert_to_numpy(second(x, **given)),
            atol=1e-6,
        )


@pytest.mark.parametrize("n_steps", [None, 3])
def test_same_in_mixed_bfloat16(n_steps):
    first, second = pair("sigmoid", dtype="mixed_bfloat16", n_steps=n_steps)
    x = example(first)
    one, other = (ops.convert_to_numpy(ops.cast(m(x), "float32")) for m in (first, second))
    np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("n_steps", [None, 3])
def test_survives_file(n_steps, tmp_path):
    _, model = pair(hard_sigmoid, n_steps=n_steps, return_sequences=True)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[-1]) is LSTM
    assert again.layers[-1].is_plain
    x = example(model)
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


def test_hard_sigmoid_is_that_of_keras_2():
    values = ops.convert_to_numpy(hard_sigmoid(ops.array([1.0, 2.5, -2.5, 0.0, 9.0])))
    np.testing.assert_allclose(values, [0.7, 1.0, 0.0, 0.5, 1.0], atol=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(keras.config.backend() == "jax", reason="the tests above run on JAX")
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_same_on_jax():
    variables = environment("jax")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "gradients",
        __file__,
    ]
    run = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
