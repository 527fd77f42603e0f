"""GRU and UnrollingGRU equal keras.layers.GRU on the running backend and on JAX."""

import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from backends import environment
from keras import layers, ops

from musegen.models.layers.gru import GRU, UnrollingGRU
from musegen.saving import NoStockForm, load_model, save_model, stock

STEPS, FEATURES, UNITS = 5, 4, 3
SHAPES = {"sequence": (STEPS, FEATURES), "state": (UNITS,), "constant": (2,)}


def inputs(names=SHAPES, n: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=(n, *SHAPES[name])).astype("float32") for name in names}


def weighted(model: keras.Model, weights=None) -> keras.Model:
    """The model with random weights, of its biases too; they would be 0."""
    rng = np.random.default_rng(0)
    model.set_weights(weights or [rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def pair(names=("sequence",), **options) -> tuple[keras.Model, keras.Model]:
    """Models of Keras's layer and of that of musegen, with the same weights.

    Keras's layer is given the constant beside the input of each step.
    """
    given = {name: keras.Input(SHAPES[name], name=name) for name in names}
    x, state, constant = (given.get(name) for name in SHAPES)
    beside = x
    if constant is not None:
        beside = layers.Concatenate()([x, layers.RepeatVector(STEPS)(constant)])
    start = {} if state is None else {"initial_state": state}
    first = keras.Model(given, layers.GRU(UNITS, **options)(beside, **start))
    own = start if constant is None else start | {"constant": constant}
    second = keras.Model(given, GRU(UNITS, **options)(x, **own))
    weighted(first)
    return first, weighted(second, first.get_weights())


def unrolling_pair() -> tuple[keras.Model, keras.Model]:
    """The steps of note unrolling, put together one after the other, and the layer for it."""
    shapes = {"before": (STEPS, 3 * UNITS), "after": (STEPS, 2 * UNITS), "state": (UNITS,)}
    given = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    old, new = ops.split(given["before"], 3, axis=-1), ops.split(given["after"], 2, axis=-1)
    steps = [
        ops.concatenate(three, axis=-1)
        for three in ([old[0], old[1], old[2]], [new[0], old[1], old[2]], [new[0], new[1], old[2]])
    ]
    sequence = ops.reshape(ops.stack(steps, axis=2), (-1, 3 * STEPS, 3 * UNITS))
    y = layers.GRU(UNITS, return_sequences=True)(sequence, initial_state=given["state"])
    first = keras.Model(given, ops.reshape(y, (-1, STEPS, 3, UNITS)))
    layer = UnrollingGRU(UNITS, return_sequences=True)
    y = layer(given["before"], given["after"], initial_state=given["state"])
    weighted(first)
    return first, weighted(keras.Model(given, y), first.get_weights())


def moved(model: keras.Model, x: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The gradient of a weighted sum of the outputs, from the change by one step of SGD.

    A layer before each input makes it, so that the gradients of inputs are compared, too.
    """
    given = {name: keras.Input(value.shape[1:], name=name) for name, value in x.items()}
    made = {
        name: layers.Dense(tensor.shape[-1], kernel_initializer="identity")(tensor)
        for name, tensor in given.items()
    }
    whole = keras.Model(given, model(made))
    former = whole.get_weights()
    target = np.random.default_rng(2).normal(size=(4, *model.output_shape[1:])).astype("float32")
    whole.compile(
        keras.optimizers.SGD(1.0),
        loss=lambda t, y: ops.sum(t * y),
        run_eagerly=keras.config.backend() == "tensorflow",  # faster than to trace one step
    )
    whole.train_on_batch(x, target)
    return [a - b for a, b in zip(former, whole.get_weights(), strict=True)]


def assert_same(first: keras.Model, second: keras.Model, x: dict[str, np.ndarray]) -> None:
    own = next(layer for layer in second.layers if isinstance(layer, GRU))
    assert own.is_plain  # so JAX takes its fast path
    one, other = (ops.convert_to_numpy(model(x)) for model in (first, second))
    np.testing.assert_allclose(one, other, atol=1e-6)
    moves = moved(first, x), moved(second, x)
    assert len(moves[0]) == 3 + 2 * len(x)
    for one, other in zip(*moves, strict=True):
        assert np.abs(one).max() > 1e-3
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("names", "return_sequences"),
    [
        (("sequence",), False),
        (("sequence", "state"), True),
        (("sequence", "constant"), False),
        (("sequence", "state", "constant"), True),
    ],
)
def test_same_outputs_and_gradients(names, return_sequences):
    assert_same(*pair(names, return_sequences=return_sequences), inputs(names))


def test_same_outputs_and_gradients_of_note_unrolling():
    first, second = unrolling_pair()
    rng = np.random.default_rng(3)
    x = {tensor.name: rng.normal(size=(4, *tensor.shape[1:])) for tensor in second.inputs}
    assert_same(first, second, {name: value.astype("float32") for name, value in x.items()})


def test_other_options_use_the_gru_of_keras():
    x = inputs()
    mask = np.arange(STEPS) < np.array([[5], [3], [4], [1]])
    plain = GRU(UNITS)
    for options, given in (
        ({}, {"mask": mask}),
        ({"go_backwards": True}, {}),
        ({"use_bias": False}, {}),
        ({"reset_after": False}, {}),
        ({"activation": "relu"}, {}),
        ({"recurrent_activation": "hard_sigmoid"}, {}),
        ({"return_state": True}, {}),
    ):
        first, second = layers.GRU(UNITS, **options), GRU(UNITS, **options)
        first.build(x["sequence"].shape)
        second.build(x["sequence"].shape)
        second.set_weights(first.get_weights())
        assert given or not second.is_plain
        found = (keras.tree.flatten(layer(x["sequence"], **given)) for layer in (first, second))
        for one, other in zip(*found, strict=True):
            np.testing.assert_allclose(
                ops.convert_to_numpy(one), ops.convert_to_numpy(other), atol=1e-6
            )
    assert plain.is_plain
    half = GRU(UNITS, dtype="mixed_bfloat16")
    assert not half.is_plain
    y = half(x["sequence"], initial_state=x["state"], constant=x["constant"])
    assert (keras.backend.standardize_dtype(y.dtype), y.shape) == ("bfloat16", (4, UNITS))


def test_stock_form_opens_without_musegen(tmp_path):
    _, model = pair(("sequence", "state"), return_sequences=True)
    save_model(model, tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert {type(layer) for layer in again.layers} == {layers.InputLayer, layers.GRU}
    x = inputs(("sequence", "state"))
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)


@pytest.mark.parametrize("kind", ["constant", "unrolling"])
def test_what_keras_has_no_layer_for_is_saved_as_it_is(kind, tmp_path):
    _, model = pair(("sequence", "constant")) if kind == "constant" else unrolling_pair()
    with pytest.raises(NoStockForm):
        stock(model)
    save_model(model, tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    x = {t.name: np.ones((2, *t.shape[1:]), "float32") for t in model.inputs}
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)
    with pytest.raises(NoStockForm):
        stock(again)


@pytest.mark.slow
@pytest.mark.skipif(keras.config.backend() == "jax", reason="the tests above run on JAX")
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_same_on_jax():
    variables = environment("jax")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "gradients"]
    run = subprocess.run(
        [*command, __file__], env=variables, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-3000:]
