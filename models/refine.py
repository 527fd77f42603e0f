"""The binary refine network of MIDI-Sandwich2: from what a BVAE writes to cells that are on or off.

A BVAE's output is real-valued; cutting it at a threshold leaves holes and specks. One refine
network per track learns which cells were on. The unit of the network is a note, meaning one time
step of 84 pitches, or a whole bar.

    per note: step (B, 84) -> Dense 512, 512, 256, 256 with ReLU -> Dense 84 with sigmoid
    per bar:  bar (B, T, 84, 1) -> 7 residual units of constant size -> batch norm -> sigmoid

Citation and original code: see `musegen.models.bvae`.
"""

from dataclasses import dataclass

import keras
from keras import layers, ops

from musegen.models.recurrent import HardSigmoid
from musegen.models.scores import ActiveF1, CellAccuracy
from musegen.phrases import N_PITCHES

UNITS = ("note", "bar")


@dataclass(frozen=True)
class Settings:
    """What makes one refine network differ from another.

    Args:
        widths: of the per-note network's hidden layers.
        n_units: residual units of the per-bar network.
        filters: of the first convolution of a unit; the second has one.
        kernel: steps and pitches of every convolution.
        tail: the per-bar network's end: `"sigmoid"`; or `"relu_hard_sigmoid"` as the original code
            has it, whose output is 0.5 at least, so that every cell is on after the threshold.
        bar_loss: of the per-bar network: `"bce"`, `"mse"`, or `"column"`, the original's third
            choice, which is the squared error summed over the steps of a bar.
        debiased: whether the moving statistics of the per-bar network are those of Keras 2; see
            `DebiasedBatchNormalization`.
    """

    widths: tuple[int, ...] = (512, 512, 256, 256)
    n_units: int = 7
    filters: int = 64
    kernel: tuple[int, int] = (3, 12)
    tail: str = "sigmoid"
    bar_loss: str = "bce"
    debiased: bool = False


PRESETS = {
    "paper": Settings(),
    "repo": Settings(tail="relu_hard_sigmoid", bar_loss="mse", debiased=True),
    "large": Settings(),
}

# He's normal initialiser as Keras 2 had it: Keras 3 widens it to undo what truncation takes away.
HE_NORMAL = {"scale": 2.0 * 0.87962566103423978**2, "mode": "fan_in"}
L2 = 1e-4


@keras.saving.register_keras_serializable("musegen")
class DebiasedBatchNormalization(layers.BatchNormalization):
    """Batch normalization whose moving statistics are those of Keras 2 on TensorFlow.

    There an average is corrected for its start (`zero_debias`): after the first batch it is the
    statistic of that batch, where Keras 3 still has 99 % of the initial value. The variance that is
    averaged is the batch's times n / (n - 1) * n / (n - 1 - epsilon), of n numbers.
    """

    def __init__(self, **options):
        super().__init__(**options)
        # Counts the batches seen. As the state of a random generator it belongs to the layer's
        # variables, hence to a checkpoint, but not to the weights, which are those of the original.
        self.batches = keras.random.SeedGenerator(0, name="batches")

    def call(self, inputs, training=None, mask=None):
        if not (training and self.trainable):
            return super().call(inputs, training=False, mask=mask)
        x = ops.cast(inputs, "float32")
        mean, variance = ops.moments(x, axes=list(range(len(x.shape) - 1)))
        n = ops.cast(ops.size(x) // x.shape[-1], "float32")
        unbiased = variance * (n / (n - 1)) * (n / (n - 1 - self.epsilon))
        before = ops.cast(self.batches.next()[1], "float32")  # batches that were seen before
        old = self.momentum * (1 - self.momentum**before) / (1 - self.momentum ** (before + 1))
        self.moving_mean.assign(old * self.moving_mean + (1 - old) * mean)
        self.moving_variance.assign(old * self.moving_variance + (1 - old) * unbiased)
        y = ops.batch_normalization(
            x, mean, variance, axis=-1, offset=self.beta, scale=self.gamma, epsilon=self.epsilon
        )
        return ops.cast(y, self.compute_dtype)

    def stock(self, expand: bool) -> layers.Layer:
        return layers.BatchNormalization.from_config(self.get_config())


def batch_norm(settings: Settings, name: str) -> layers.Layer:
    norm = DebiasedBatchNormalization if settings.debiased else layers.BatchNormalization
    return norm(name=name)


def per_note(settings: Settings = PRESETS["paper"], name: str = "refine-note") -> keras.Model:
    """A step of a BVAE's output `(B, 84)` to the probability that each cell is on `(B, 84)`.

    Example:
        >>> per_note().count_params()
        524884
    """
    step = keras.Input((N_PITCHES,), name="step")
    h = step
    for i, width in enumerate(settings.widths):
        h = layers.Dense(width, activation="relu", name=f"dense_{i + 1}")(h)
    y = layers.Dense(N_PITCHES, activation="sigmoid", dtype="float32", name="cells")(h)
    return keras.Model(step, y, name=name)


def per_bar(
    settings: Settings = PRESETS["paper"], n_steps: int = 48, name: str = "refine-bar"
) -> keras.Model:
    """A bar of a BVAE's output `(B, T, 84, 1)` to the probability that each cell is on.

    Example:
        >>> per_bar().count_params()
        34535
    """
    bar = keras.Input((n_steps, N_PITCHES, 1), name="bar")
    h = bar
    for i in range(settings.n_units):
        h = residual_unit(h, settings, f"unit_{i + 1}")
    h = batch_norm(settings, "norm")(h)
    if settings.tail == "relu_hard_sigmoid":
        h = layers.ReLU(name="relu")(h)
        y = HardSigmoid(dtype="float32", name="cells")(h)
    else:
        y = layers.Activation("sigmoid", dtype="float32", name="cells")(h)
    return keras.Model(bar, y, name=name)


def residual_unit(x, settings: Settings, name: str):
    """Twice batch norm, ReLU and convolution, added to what came in; the size stays."""
    h = x
    for i, filters in enumerate((settings.filters, 1)):
        h = batch_norm(settings, f"{name}_norm_{i + 1}")(h)
        h = layers.ReLU(name=f"{name}_relu_{i + 1}")(h)
        h = layers.Conv2D(
            filters,
            settings.kernel,
            padding="same",
            kernel_initializer=keras.initializers.VarianceScaling(**HE_NORMAL),
            kernel_regularizer=keras.regularizers.L2(L2),
            name=f"{name}_conv_{i + 1}",
        )(h)
    return layers.Add(name=f"{name}_add")([x, h])


def compiled(
    network: keras.Model,
    loss: str = "bce",
    learning_rate: float = 1e-3,
    jit_compile: bool | str = "auto",
) -> keras.Model:
    """Ready for `fit`, whose targets are cells, 0 or 1."""
    network.compile(
        keras.optimizers.Adam(learning_rate),
        {"bce": "binary_crossentropy", "mse": "mean_squared_error", "column": column_error}[loss],
        metrics=[CellAccuracy(0.5), ActiveF1(0.5)],
        jit_compile=jit_compile,
    )
    return network


def column_error(y_true, y_pred):
    """Squared error, a mean over pitches and a sum over the steps `(B, T, 84, 1)` of a bar."""
    return ops.sum(ops.mean(ops.square(y_true - y_pred), axis=(2, 3)), axis=1)
