"""Prediction with trained networks, for arrays of any length."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

OF_A_THREAD = 32  # rows


def predictor(
    network: keras.Model, at_once: int = 256, eager: bool = False, threads: bool = False
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
        threads: whether, on TensorFlow without a GPU, batches of 32 rows are computed on all cores
            at a time. This is faster for loops of small steps, in each of which there is too little
            work to share.

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
    if threads := threads and not tf.config.list_physical_devices("GPU"):
        at_once = min(at_once, OF_A_THREAD)

    def predict(inputs, keep=np.asarray):
        n = len(keras.tree.flatten(inputs)[0])
        step = run if eager and n <= at_once else graph

        def outputs(start: int):
            end = start + at_once
            rows = keras.tree.map_structure(lambda x: tf.constant(x[start:end]), inputs)
            return keras.tree.map_structure(lambda x: keep(np.asarray(x)), step(rows))

        starts = range(0, n, at_once)
        if threads and n > at_once:
            graph.get_concrete_function()  # traced in this thread, which has Keras's settings
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                parts = [*pool.map(outputs, starts)]
        else:
            parts = [*map(outputs, starts)]
        return keras.tree.map_structure(lambda *own: np.concatenate(own), *parts)

    return predict
