"""Trained networks put to use, on arrays of any length."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np


def predictor(
    network: keras.Model, at_once: int = 256, eager: bool = False
) -> Callable[[Any], Any]:
    """A function from arrays to what a network makes of them, `at_once` rows at a time.

    On TensorFlow, Keras's `predict` traces a network, for seconds, for the first batch and again
    for one of another size, as the last often is. Here one graph takes batches of any size.

    The function's argument `keep` makes of the arrays of a batch what is kept of them.

    Args:
        eager: whether a single batch goes without a graph there. A network that has no loops is
            sooner done layer by layer than traced.
    """
    if keras.config.backend() != "tensorflow":
        return lambda inputs, keep=np.asarray: keras.tree.map_structure(
            keep, network.predict(inputs, at_once, verbose=0)
        )
    import tensorflow as tf

    def run(inputs):
        return network(inputs, training=False)

    taken = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), network.input)
    graph = tf.function(run, input_signature=[taken], autograph=False)

    def predict(inputs, keep=np.asarray):
        def rows(start: int):
            end = start + at_once
            return keras.tree.map_structure(lambda x: tf.constant(x[start:end]), inputs)

        n = len(keras.tree.flatten(inputs)[0])
        step = run if eager and n <= at_once else graph
        outputs = [
            keras.tree.map_structure(lambda x: keep(np.asarray(x)), step(rows(start)))
            for start in range(0, n, at_once)
        ]
        return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *outputs)

    return predict
