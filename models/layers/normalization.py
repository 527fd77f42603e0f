"""Batch normalization as in the original codes."""

import keras
from keras import layers, ops

from musegen.models.layers.state import State
from musegen.saving import NoStockForm


@keras.saving.register_keras_serializable("musegen")
class BatchNorm(layers.BatchNormalization):
    """Batch normalization that can use the statistics of the batch outside training, too.

    Args:
        batch_statistics: whether it does so; the moving averages are then not used.
    """

    def __init__(self, batch_statistics: bool = False, **options):
        super().__init__(**{"momentum": 0.9, "epsilon": 1e-5, **options})
        self.batch_statistics = batch_statistics

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training or self.batch_statistics, mask=mask)

    def get_config(self):
        return super().get_config() | {"batch_statistics": self.batch_statistics}

    def stock(self, expand: bool) -> layers.Layer:
        norm = layers.BatchNormalization.from_config(super().get_config())
        if not self.batch_statistics:
            return norm
        if not expand:
            raise NoStockForm(f"{self.name} normalizes by the statistics of the batch")
        shape = self.get_build_config()["input_shape"]
        x = keras.Input(shape[1:], name="x")
        axes = tuple(range(len(shape) - 1))
        mean, variance = (f(x, axis=axes, keepdims=True) for f in (ops.mean, ops.var))
        y = (x - mean) / ops.sqrt(variance + self.epsilon)
        return keras.Model(x, norm(y), name=self.name)

    def stock_weights(self) -> list:
        gamma, beta, mean, variance = self.get_weights()
        if self.batch_statistics:  # the input is normalized already: averages without effect
            mean, variance = 0 * mean, 0 * variance + 1 - self.epsilon
        return [gamma, beta, mean, variance]


@keras.saving.register_keras_serializable("musegen")
class DebiasedBatchNormalization(layers.BatchNormalization):
    """Batch normalization whose moving statistics are those of Keras 2 on TensorFlow.

    They are corrected for their initial value (`zero_debias`): after the first batch an average is
    the statistic of that batch, while in Keras 3 it is 99 % the initial value. The variance of a
    batch of n numbers is multiplied by n / (n - 1) * n / (n - 1 - epsilon) before it is averaged.
    """

    def __init__(self, **options):
        super().__init__(**options)
        # The number of batches so far. It is no weight, as the original has none for it.
        self.batches = State(0, name="batches")

    def call(self, inputs, training=None, mask=None):
        if not (training and self.trainable):
            return super().call(inputs, training=False, mask=mask)
        x = ops.cast(inputs, "float32")
        mean, variance = ops.moments(x, axes=list(range(len(x.shape) - 1)))
        n = ops.cast(ops.size(x) // x.shape[-1], "float32")
        unbiased = variance * (n / (n - 1)) * (n / (n - 1 - self.epsilon))
        before = self.batches.value
        old = self.momentum * (1 - self.momentum**before) / (1 - self.momentum ** (before + 1))
        self.moving_mean.assign(old * self.moving_mean + (1 - old) * mean)
        self.moving_variance.assign(old * self.moving_variance + (1 - old) * unbiased)
        before.assign(before + 1)
        y = ops.batch_normalization(
            x, mean, variance, axis=-1, offset=self.beta, scale=self.gamma, epsilon=self.epsilon
        )
        return ops.cast(y, self.compute_dtype)

    def stock(self, expand: bool) -> layers.Layer:
        return layers.BatchNormalization.from_config(self.get_config())
