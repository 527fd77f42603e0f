"""Checks that every network of every system must pass."""

import json
import subprocess
import sys
from functools import cache
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from backends import environment

ON_JAX = """
import json, sys, numpy as np
from musegen.saving import load_model
for model, given, made in map(json.loads, sys.stdin):
    inputs = np.load(given, allow_pickle=True)
    inputs = inputs if inputs.ndim else inputs.item()  # a dictionary
    outputs = load_model(model).predict(inputs, verbose=0)
    outputs = [outputs[k] for k in sorted(outputs)] if isinstance(outputs, dict) else outputs
    np.savez(made, *(outputs if isinstance(outputs, (list, tuple)) else [outputs]))
    print("made", flush=True)
"""


def check_model(model: keras.Model, inputs: np.ndarray | list[np.ndarray], folder) -> None:
    """Checks that configuration and file give the same model again.

    The model must have no random output.
    """
    outputs = _list(model.predict(inputs, verbose=0))
    for output, tensor in zip(outputs, model.outputs, strict=True):
        assert output.shape == (len(_list(inputs)[0]), *tensor.shape[1:])
        assert np.isfinite(output).all()

    again = type(model).from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert_same(outputs, _list(again.predict(inputs, verbose=0)))

    path = folder / f"{model.name}.keras"
    model.save(path)
    assert_same(outputs, _list(keras.saving.load_model(path).predict(inputs, verbose=0)))


def check_trains(model: keras.Model, x: np.ndarray, y: np.ndarray) -> None:
    """Checks that one step of training changes every trainable weight."""
    before = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    model.fit(x, y, batch_size=len(x), epochs=2, verbose=0)
    for weight, former in zip(model.trainable_weights, before, strict=True):
        assert not np.array_equal(keras.ops.convert_to_numpy(weight), former), weight.path


def check_on_jax(
    model: keras.Model, inputs: np.ndarray | dict, folder, tolerance: float = 1e-4
) -> None:
    """Checks that the saved model gives the same outputs on JAX."""
    if find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    path, given, made = (folder / f"{model.name}-jax{end}" for end in (".keras", ".npy", ".npz"))
    model.save(path)
    np.save(given, inputs)  # a dictionary as one object
    process = _jax()
    print(json.dumps([str(path), str(given), str(made)]), file=process.stdin, flush=True)
    assert process.stdout.readline() == "made\n"  # else what it says on the error stream
    with np.load(made) as outputs:
        assert_same(_list(model.predict(inputs, verbose=0)), list(outputs.values()), tolerance)


@cache
def _jax() -> subprocess.Popen:
    """A process that serves all tests, since its start takes seconds."""
    variables = environment("jax")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", ON_JAX], env=variables, text=True, **pipes)


def assert_same(expected: list, found: list, tolerance: float = 1e-6) -> None:
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def parameters(model: keras.Model) -> tuple[int, int]:
    """Returns the numbers of all parameters and of the trainable ones."""
    return model.count_params(), sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def _list(x) -> list:
    x = [x[name] for name in sorted(x)] if isinstance(x, dict) else x  # JAX sorts them
    return list(x) if isinstance(x, list | tuple) else [x]
