"""Convolutions along one axis have the values and gradients of Keras's layers, also on JAX."""

import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from backends import environment
from keras import layers, ops

from musegen.models.layers import convolutions
from musegen.models.layers.convolutions import Conv2D, Conv2DTranspose, Conv3D, kernel_axis
from musegen.training.autodiff import gradients

# input (without the batch), kernel, stride
PLANE = [
    ((6, 8, 3), (1, 4), (1, 4)),  # side by side in memory
    ((6, 1, 3), (2, 1), (2, 1)),
    ((6, 2, 3), (3, 1), (3, 1)),  # as long as its stride, but not side by side
    ((7, 5, 3), (1, 3), (1, 1)),
    ((11, 1, 3), (4, 1), (2, 1)),
    ((12, 4, 3), (3, 1), (2, 1)),  # a step is left over
    ((7, 1, 3), (2, 1), (2, 1)),
    ((3, 7, 3), (1, 2), (1, 2)),
    ((5, 4, 3), (1, 1), (1, 1)),
]
SPACE = [
    ((4, 6, 5, 2), (2, 1, 1), (1, 1, 1)),
    ((3, 6, 1, 2), (3, 1, 1), (1, 1, 1)),
    ((2, 3, 6, 2), (1, 1, 3), (1, 1, 3)),
    ((1, 6, 1, 2), (1, 2, 1), (1, 2, 1)),
    ((2, 6, 3, 2), (1, 2, 1), (1, 2, 1)),
    ((1, 11, 1, 2), (1, 4, 1), (1, 2, 1)),
    ((2, 3, 4, 2), (1, 1, 1), (1, 1, 1)),
]
TRANSPOSED = [
    ((1, 1, 3), (2, 1), (2, 1)),
    ((4, 1, 3), (3, 1), (3, 1)),
    ((4, 1, 3), (1, 7), (1, 7)),
    ((3, 2, 3), (1, 5), (1, 5)),
    ((3, 2, 3), (2, 1), (2, 1)),  # pitches stand between its steps of time
    ((1, 1, 3), (1, 1), (1, 1)),
]
ALL = [
    *((layers.Conv2D, Conv2D, *case) for case in PLANE),
    *((layers.Conv3D, Conv3D, *case) for case in SPACE),
    *((layers.Conv2DTranspose, Conv2DTranspose, *case) for case in TRANSPOSED),
]
CASES = ALL[::3] if keras.config.backend() == "jax" else ALL  # JAX compiles each one


def pair(first: type, second: type, shape, kernel, stride, dtype="float32"):
    """Returns Keras's layer and that of musegen, with the same weights."""
    rng = np.random.default_rng(0)
    both = [kind(4, kernel, stride, dtype=dtype) for kind in (first, second)]
    for layer in both:
        layer.build((None, *shape))
    weights = [rng.normal(size=w.shape).astype("float32") for w in both[0].get_weights()]
    for layer in both:
        layer.set_weights(weights)
    return both


def example(shape, n: int = 3) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, *shape)).astype("float32")


def slopes(layer, x: np.ndarray) -> list[np.ndarray]:
    """Returns the gradients of a weighted sum of the outputs, for the weights and the input."""
    rng = np.random.default_rng(2)
    target = rng.normal(size=layer.compute_output_shape(x.shape)).astype("float32")
    x = keras.Variable(x)
    wanted = [*layer.trainable_variables, x]
    assert len(wanted) == 3
    (_, _), found = gradients(lambda: (ops.sum(target * layer(x.value)), {}), wanted, wanted)
    return [ops.convert_to_numpy(gradient) for gradient in found]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: "-".join(map(str, (case[1].__name__, *case[2:])))
)
def test_same_values_and_gradients(case):
    first, second = pair(*case)
    x = example(case[2])
    expected = ops.convert_to_numpy(first(x))
    found = ops.convert_to_numpy(second(x))
    assert found.shape == expected.shape == (3, *first.compute_output_shape((3, *case[2]))[1:])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    for one, other in zip(slopes(first, x), slopes(second, x), strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", [ALL[0], ALL[3], ALL[-2]])
def test_same_in_mixed_bfloat16(case):
    first, second = pair(*case, dtype="mixed_bfloat16")
    x = example(case[2])
    one, other = first(x), second(x)
    assert keras.backend.standardize_dtype(other.dtype) == "bfloat16"
    one, other = (ops.convert_to_numpy(ops.cast(y, "float32")) for y in (one, other))
    np.testing.assert_allclose(other, one, rtol=0.03, atol=0.1)


@pytest.mark.parametrize("case", [ALL[0], ALL[4], ALL[9], ALL[-3]])
def test_any_batch(case):
    """A model with such a layer takes batches of any size."""
    _, layer = pair(*case)
    x = keras.Input(case[2])
    model = keras.Model(x, layer(x))
    assert model.output_shape[0] is None
    for n in (1, 5):
        x = example(case[2], n)
        np.testing.assert_allclose(
            model.predict(x, verbose=0), ops.convert_to_numpy(layer(x)), atol=1e-5
        )


def test_the_axis_is_the_one_along_which_a_kernel_extends():
    assert [kernel_axis(kernel) for kernel in ((2, 1), (1, 2), (1, 1))] == [0, 1, 1]
    assert [kernel_axis(kernel) for kernel in ((2, 1, 1), (1, 3, 1), (1, 1, 4))] == [0, 1, 2]


@pytest.mark.parametrize(
    ("kind", "kernel", "shape"),
    [(Conv2D, (2, 2), (4, 4, 1)), (Conv3D, (2, 1, 3), (4, 4, 4, 1)),
     (Conv2DTranspose, (2, 2), (4, 4, 1))],
)  # fmt: skip
def test_a_kernel_along_two_axes_is_refused(kind, kernel, shape):
    with pytest.raises(ValueError, match="extends along 2 axes"):
        kind(2, kernel, kernel)(example(shape))


@pytest.mark.parametrize("stride", [(1, 1), (3, 1)])
def test_a_transposed_kernel_is_as_long_as_its_stride(stride):
    with pytest.raises(ValueError, match=r"stride .* is not the size of the kernel, \(2, 1\)"):
        Conv2DTranspose(2, (2, 1), stride)(example((4, 1, 1)))


@pytest.mark.parametrize("case", [ALL[4], ALL[9], ALL[-4]])
def test_configuration_and_file_give_the_same_layer(case, tmp_path):
    _, layer = pair(*case)
    again = type(layer).from_config(layer.get_config())
    again.build((None, *case[2]))
    again.set_weights(layer.get_weights())
    x = example(case[2])
    expected = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(ops.convert_to_numpy(again(x)), expected)
    model = keras.Sequential([keras.Input(case[2]), layer])
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    assert type(loaded.layers[-1]) is type(layer)
    assert type(loaded.layers[-1]).__module__ == convolutions.__name__
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(x)), expected)


@pytest.mark.slow
@pytest.mark.skipif(keras.config.backend() == "jax", reason="run by the test of another backend")
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_values_and_gradients_on_jax():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "gradients",
    ]
    variables = environment("jax")
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
