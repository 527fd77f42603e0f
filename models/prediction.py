"""Prediction with trained networks, for arrays of any length."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np


def predictor(
    network: keras.Model, at_once: int = 256, eager: bool = False
) -> Callable[[Any], Any]:
    """Returns a function from inputs to the outputs of a network.

    On TensorFlow, Keras's `predict` takes seconds to trace a network for the first batch, and again
    for a batch of another size, as the last one often is. This function traces one graph, which
    takes batches of any size.

    Args:
        network: the network.
        at_once: number of rows in a batch.
        eager: whether, on TensorFlow, inputs of a single batch are computed layer by layer without
            a graph. This is faster for networks without loops, since nothing is traced.

    Returns:
        A function `predict(inputs, keep)`. Its argument `keep` is applied to the outputs of each
        batch, for example to turn them into bits before they are joined.
    """
    if keras.config.backend() != "tensorflow":
        return lambda inputs, keep=np.asarray: keras.tree.map_structure(
            keep, network.predict(inputs, at_once, verbose=0)
        )
    import tensorflow as tf

    def run(inputs):
        return network(inputs, training=False)

    signature = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), network.input)
    graph = tf.function(run, input_signature=[signature], autograph=False)

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
