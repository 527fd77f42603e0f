"""`predictor` gives the same as Keras's `predict`, with one graph for arrays of any length."""

import keras
import numpy as np
import pytest

from musegen.models.prediction import predictor

RNG = np.random.default_rng(0)
traced = []


@keras.saving.register_keras_serializable("tests")
class Traced(keras.layers.Layer):
    """A layer that counts its calls."""

    def call(self, x):
        traced.append(x)
        return x


def network() -> keras.Model:
    x, on = keras.Input((3,), name="x"), keras.Input((3,), dtype="bool", name="on")
    y = keras.layers.Dense(4)(Traced()(x))
    y = keras.layers.BatchNormalization()(keras.layers.Dropout(0.5, seed=1)(y))
    return keras.Model({"x": x, "on": on}, [y, keras.ops.logical_not(on)])


def arrays(n: int) -> dict[str, np.ndarray]:
    return {"x": RNG.random((n, 3), np.float32), "on": RNG.random((n, 3)) < 0.5}


@pytest.mark.parametrize("how", [{}, {"eager": True}, {"threads": True}])
@pytest.mark.parametrize("n", [1, 4, 5, 8, 11])
def test_it_is_what_predict_gives(n, how):
    model, inputs = network(), arrays(n)
    found = predictor(model, 4, **how)(inputs)
    expected = model.predict(inputs, 4, verbose=0)
    for one, other in zip(found, expected, strict=True):
        assert type(one) is np.ndarray
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_weights_learned_later_count():
    model, inputs = network(), arrays(8)
    predict = predictor(model, 4)
    before = predict(inputs)[0]
    dense = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    dense.kernel.assign(2 * dense.kernel)
    assert np.abs(predict(inputs)[0] - before).max() > 0.1


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="of TensorFlow's graphs")
def test_tensorflow_traces_once_for_all_sizes_and_not_at_all_for_one_eager_batch():
    predict = predictor(network(), 4)
    traced.clear()
    for n in (3, 4, 9, 17):
        predict(arrays(n))
    assert len(traced) == 1
    predict = predictor(network(), 4, threads=True)
    traced.clear()
    for n in (9, 17):
        predict(arrays(n))
    assert len(traced) == 1
    predict = predictor(network(), 4, eager=True)
    traced.clear()
    predict(arrays(3))
    assert [type(x).__name__ for x in traced] == ["EagerTensor"]
