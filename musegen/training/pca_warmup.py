"""A warm-up for autoencoders, in which principal components replace the latent vector.

From random weights, encoder and decoder have to agree on a code while neither makes sense yet. In
this warm-up the principal components of the data are the code: the encoder learns to compute them,
and the decoder, at the same time, to write from them. Training from end to end starts from there.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen.training.fit import Measures, fit
from musegen.training.recipes import RecipeOptions
from musegen.training.runs import Run

if TYPE_CHECKING:
    import keras

CODE_STD = 0.3  # far above the noise of sampling, and inside the (-1, 1) that a tanh can write
SAMPLE = 4096  # number of inputs that the components are computed from
ITERATIONS = 4


def pca_warmup(
    run: Run,
    parts: tuple["keras.Model", "keras.Model"],
    compiled: Callable[["keras.Model", int], "keras.Model"],
    batches: Callable[[int], Any],
    options: RecipeOptions,
    measures: Measures,
    validation: Any = None,
) -> None:
    """Trains encoder and decoder in this way, in the folder `pca-warmup` of their run.

    Args:
        parts: the encoder and the decoder.
        compiled: function that makes a model ready for `fit` over so many batches.
        batches, measures, validation: the same as for `fit`.
        options: options of the script, of which `pca_warmup` is the number of epochs.
    """
    data, epochs = batches(0), options.pca_warmup
    model = compiled(with_components(*parts, _some(data)), epochs * len(data))
    name = "lead" if run.path("lead").is_dir() else "pca-warmup"  # the name in version 0.1
    options = replace(options, epochs=epochs, keep="last", patience=None, tensorboard=False)
    measures = replace(measures, title=f"{measures.title}, PCA warm-up")
    with run.inner(name) as inner:
        fit(model, batches, inner, options, measures, validation)


def with_components(
    encoder: "keras.Model", decoder: "keras.Model", examples: np.ndarray
) -> "keras.Model":
    """Makes a network of the same weights in which components replace the latent vector.

    Args:
        encoder: network that returns z, mean and sigma.
        examples: some thousand inputs `(n, ...)` of the encoder.
    """
    import keras
    from keras import layers

    kernel, bias = components(examples.reshape(len(examples), -1), decoder.input_shape[-1])
    code = layers.Dense(len(bias), trainable=False, dtype="float32", name="components")
    x = keras.Input(encoder.input_shape[1:], name="examples")
    _, mean, _ = encoder(x)
    y = decoder(_follow()([mean, code(layers.Flatten(name="flat")(x))]))
    code.set_weights([kernel, bias])
    return keras.Model(x, y, name=f"{encoder.name}-pca-warmup")


def _follow() -> "keras.layers.Layer":
    from keras import layers, ops

    class Follow(layers.Layer):
        """Returns the second of its inputs; the squared difference of the two is a loss."""

        def call(self, inputs):
            follower, leader = inputs
            self.add_loss(ops.mean(ops.square(follower - leader)) / (10 * CODE_STD**2))
            return leader

        def compute_output_shape(self, input_shape):
            return input_shape[1]

    return Follow(dtype="float32", name="follow")


def _some(data: Any) -> np.ndarray:
    """Returns the first inputs of batches `(inputs, targets)`."""
    inputs, n = [], 0
    for batch, _ in data:
        inputs.append(np.asarray(batch))
        n += len(batch)
        if n >= SAMPLE:
            break
    return np.concatenate(inputs)


def components(rows: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns kernel and bias that turn rows into their `n` main components, all of one scale.

    It uses the power iterations of Halko, Martinsson and Tropp (2011), from a fixed start, so that
    a training begins in the same way every time. If the rows have fewer components, the others are
    0.
    """
    rows = rows.astype(np.float32)
    mean = rows.mean(axis=0)
    rows = rows - mean
    k = min(n, min(rows.shape) - 1)
    first = np.random.default_rng(0).standard_normal((rows.shape[1], min(k + 16, *rows.shape)))
    span = first.astype(np.float32)
    for _ in range(ITERATIONS):
        span, _ = np.linalg.qr(rows @ span)
        span, _ = np.linalg.qr(rows.T @ span)
    _, sizes, turn = np.linalg.svd(rows @ span, full_matrices=False)
    deviation = np.sqrt(np.square(sizes[:k]).sum() / (len(rows) * k))
    kernel = np.zeros((rows.shape[1], n), np.float32)
    kernel[:, :k] = span @ turn[:k].T * (CODE_STD / max(deviation, 1e-6))
    return kernel, -mean @ kernel
