"""Batch normalization as the original codes have it."""

import keras
from keras import layers, ops

from musegen.models.layers.state import State
from musegen.saving import NoStockForm


@keras.saving.register_keras_serializable("musegen")
class BatchNorm(layers.BatchNormalization):
    """Batch normalization that may use the batch at hand outside training, too.

    Args:
        batch_statistics: whether it does; the moving averages are then of no use.
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
            raise NoStockForm(f"{self.name} normalizes by the batch at hand")
        shape = self.get_build_config()["input_shape"]
        x = keras.Input(shape[1:], name="x")
        axes = tuple(range(len(shape) - 1))
        mean, variance = (f(x, axis=axes, keepdims=True) for f in (ops.mean, ops.var))
        y = (x - mean) / ops.sqrt(variance + self.epsilon)
        return keras.Model(x, norm(y), name=self.name)

    def stock_weights(self) -> list:
        gamma, beta, mean, variance = self.get_weights()
        if self.batch_statistics:  # normalized already: the averages shall change nothing
            mean, variance = 0 * mean, 0 * variance + 1 - self.epsilon
        return [gamma, beta, mean, variance]


@keras.saving.register_keras_serializable("musegen")
class DebiasedBatchNormalization(layers.BatchNormalization):
    """Batch normalization whose moving statistics are those of Keras 2 on TensorFlow.

    There an average is corrected for its start (`zero_debias`): after the first batch it is the
    statistic of that batch, where Keras 3 still has 99 % of the initial value. The variance that is
    averaged is the batch's times n / (n - 1) * n / (n - 1 - epsilon), of n numbers.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.batches = State(0, name="batches")  # seen; no weight, as the original has none for it

    def call(self, inputs, training=None, mask=None):
        if not (training and self.trainable):
            return super().call(inputs, training=False, mask=mask)
        x = ops.cast(inputs, "float32")
        mean, variance = ops.moments(x, axes=list(range(len(x.shape) - 1)))
        n = ops.cast(ops.size(x) // x.shape[-1], "float32")
        unbiased = variance * (n / (n - 1)) * (n / (n - 1 - self.epsilon))
        before = self.batches.value  # batches that were seen before
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
