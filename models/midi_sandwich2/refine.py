"""The refine networks of MIDI-Sandwich2, which turn the output of a BVAE into cells.

The output of a BVAE is real-valued. If it is cut at a threshold, notes have holes and single cells
are wrongly on. A refine network of each track learns which cells were on. It reads a "note", which
means one time step of 84 pitches, or a whole bar.

    per note: step (B, 84) -> Dense 512, 512, 256, 256 with ReLU -> Dense 84 with sigmoid
    per bar:  bar (B, T, 84, 1) -> 7 residual units of constant size -> batch norm -> sigmoid

Citation and original code: see `musegen.models.midi_sandwich2.bvae`.
"""

import keras
from keras import layers, ops

from musegen.models.layers.cell_metrics import ActiveF1, CellAccuracy
from musegen.models.layers.lstm import HardSigmoid
from musegen.models.layers.normalization import DebiasedBatchNormalization
from musegen.models.midi_sandwich2.settings import PAPER, PRESETS, RefineSettings
from musegen.music.phrases import N_PITCHES

# He's normal initializer as in Keras 2; Keras 3 has a larger deviation to make up for truncation.
HE_NORMAL = {"scale": 2.0 * 0.87962566103423978**2, "mode": "fan_in"}
L2 = 1e-4


def batch_norm(settings: RefineSettings, name: str) -> layers.Layer:
    """Returns a layer of batch normalization, of Keras 2 or 3 as the settings say."""
    norm = DebiasedBatchNormalization if settings.debiased else layers.BatchNormalization
    return norm(name=name)


def per_note(settings: RefineSettings = PAPER.refine, name: str = "refine-note") -> keras.Model:
    """Builds the network per note, from steps `(B, 84)` to probabilities of the cells `(B, 84)`.

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
    settings: RefineSettings = PAPER.refine, n_steps: int = 48, name: str = "refine-bar"
) -> keras.Model:
    """Builds the network per bar, from bars `(B, T, 84, 1)` to probabilities of the cells.

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


def networks(name: str, preset: str, n_steps: int) -> list[keras.Model]:
    """Builds the untrained network, which `musegen info` shows."""
    settings = PRESETS[preset].refine
    return [per_bar(settings, n_steps) if name == "refine-bar" else per_note(settings)]


def residual_unit(x, settings: RefineSettings, name: str):
    """Applies batch norm, ReLU and convolution, all twice, and adds the input."""
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
    """Compiles a refine network for `fit`; the targets are cells, 0 or 1."""
    network.compile(
        keras.optimizers.Adam(learning_rate),
        {"bce": "binary_crossentropy", "mse": "mean_squared_error", "column": column_error}[loss],
        metrics=[CellAccuracy(0.5), ActiveF1(0.5)],
        jit_compile=jit_compile,
    )
    return network


def column_error(y_true, y_pred):
    """Computes the squared error of bars `(B, T, 84, 1)`: mean over pitches, sum over steps."""
    return ops.sum(ops.mean(ops.square(y_true - y_pred), axis=(2, 3)), axis=1)
