"""BVAE, the Binary Variational Autoencoder of MIDI-Sandwich2: one bar of one track.

A recurrent encoder reads a bar step by step and gives a mean and a sigma for each latent number. A
recurrent decoder receives the same latent vector at every step and writes the bar. Each track has
its own BVAE; the BVAE called `shared` is trained on all tracks.

    bar (B, T, 84) in -1, 1 -> LSTM -> mean, sigma (B, L) -> z (B, L)
    z -> repeated T times -> LSTM -> LSTM (84 units: its tanh is the output) -> bar (B, T, 84)

The preset `large` is not from the paper. It has dense layers that read and write one beat at a
time, and its output is a probability. It learns faster and reconstructs bars better; see
docs/systems/midi-sandwich2.md.

Liang, Wu, Cao: "MIDI-Sandwich2: RNN-based Hierarchical Multi-modal Fusion Generation VAE networks
for multi-track symbolic music generation", 2019. Original code: github.com/LiangHsia/MIDI-S2.
"""

import keras
from keras import layers

from musegen import Error
from musegen.models.layers.cell_metrics import ActiveF1, CellAccuracy
from musegen.models.layers.lstm import LSTM, hard_sigmoid
from musegen.models.layers.sampling import Sampling
from musegen.models.midi_sandwich2.settings import PAPER, PRESETS, BVAESettings
from musegen.music.phrases import BEATS_PER_BAR, N_PITCHES
from musegen.training import optimizers


def encoder(settings: BVAESettings, n_steps: int, n_features: int, name: str) -> keras.Model:
    """Builds an encoder, from bars `(B, T, features)` to z, mean and sigma, each `(B, L)`."""
    bars = keras.Input((n_steps, n_features), name="bars")
    if settings.unit == "beat":
        h = layers.Reshape((BEATS_PER_BAR, -1), name="beats")(bars)  # (B, 4, T/4 * features)
        h = layers.Dense(settings.width, activation="gelu", name="read")(h)
        h = layers.Dense(settings.latent // BEATS_PER_BAR, name="narrow")(h)
        h = layers.Flatten(name="join")(h)  # (B, L)
    else:
        gate = gates(settings)
        h = LSTM(settings.width, recurrent_activation=gate, name="read")(bars)  # (B, H)
    mean = layers.Dense(settings.latent, name="mean")(h)
    sigma = layers.Dense(settings.latent, name="sigma")(h)
    z = Sampling(
        settings.noise,
        settings.noise_scale,
        settings.kl_reduction,
        settings.kl_weight,
        name="sampling",
    )([mean, sigma])
    return keras.Model(bars, [z, mean, sigma], name=name)


def decoder(settings: BVAESettings, n_steps: int, n_features: int, name: str) -> keras.Model:
    """Builds a decoder, from z `(B, L)` to bars `(B, T, features)`.

    The values are in (-1, 1), or with the loss `"bce"` in (0, 1).
    """
    z = keras.Input((settings.latent,), name="z")
    if settings.unit == "beat":
        h = layers.Dense(settings.latent, name="widen")(z)
        h = layers.Reshape((BEATS_PER_BAR, -1), name="beats")(h)  # (B, 4, L/4)
        h = layers.Dense(settings.width, activation="gelu", name="unfold")(h)
        mostly_off = keras.initializers.Constant(-4.0)  # as most cells of music are
        size = n_steps // BEATS_PER_BAR * n_features
        y = layers.Dense(size, bias_initializer=mostly_off, name="write")(h)
        y = layers.Reshape((n_steps, n_features), name="steps")(y)
    else:
        lstm = {"recurrent_activation": gates(settings), "return_sequences": True}
        # The first LSTM receives z at every step.
        h = LSTM(settings.width, n_steps=n_steps, **lstm, name="unfold")(z)  # (B, T, H)
        y = LSTM(n_features, **lstm, name="write")(h)
    last = "sigmoid" if settings.loss == "bce" else "linear"
    y = layers.Activation(last, dtype="float32", name="bars")(y)
    return keras.Model(z, y, name=name)


def bvae(
    settings: BVAESettings = PAPER.bvae,
    n_steps: int = 48,
    n_features: int = N_PITCHES,
    name: str = "bvae",
) -> keras.Model:
    """Builds the whole autoencoder; `encoder_and_decoder` returns its two parts.

    Args:
        settings: settings of the BVAE.
        n_steps: number of steps of a bar.
        n_features: number of values at each step: pitches, or numbers of another kind.
        name: name of the network.

    Example:
        >>> bvae().count_params()
        295952
    """
    bars = keras.Input((n_steps, n_features), name="bars")
    z, _, _ = encoder(settings, n_steps, n_features, f"{name}-encoder")(bars)
    y = decoder(settings, n_steps, n_features, f"{name}-decoder")(z)
    return keras.Model(bars, y, name=name)


def networks(name: str, preset: str, n_steps: int) -> list[keras.Model]:
    """Builds the untrained network, which `musegen info` shows."""
    return [bvae(PRESETS[preset].bvae, n_steps)]


def encoder_and_decoder(autoencoder: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Returns the encoder and the decoder of a BVAE or MFG-VAE."""
    name = autoencoder.name
    return autoencoder.get_layer(f"{name}-encoder"), autoencoder.get_layer(f"{name}-decoder")


def noiseless_parts(autoencoder: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Returns the encoder to mean and sigma, without z, and the decoder of a BVAE or MFG-VAE."""
    encoder, decoder = encoder_and_decoder(autoencoder)
    return keras.Model(encoder.input, encoder.output[1:], name=encoder.name), decoder


def check(autoencoder: keras.Model, settings: BVAESettings, track: str) -> None:
    """Raises an `Error` if a BVAE was trained with other settings."""
    _, decoder = encoder_and_decoder(autoencoder)
    latent = decoder.input_shape[-1]
    if latent != settings.latent:
        raise Error(
            f"BVAE of the {track}: {latent} latent numbers where {settings.latent} are expected; "
            "it was trained with another preset"
        )
    if (decoder.layers[-1].activation is keras.activations.sigmoid) != (settings.loss == "bce"):
        raise Error(
            f"BVAE of the {track}: trained with another --loss than that of its preset; the other "
            "networks need that of the preset, so train it again"
        )


def as_input(cells, settings: BVAESettings):
    """Converts cells, 0 and 1 or False and True, to the values that a BVAE reads and writes."""
    if hasattr(cells, "astype"):
        cells = cells.astype("float32")
    return cells if settings.loss == "bce" else 2 * cells - 1


def gates(settings: BVAESettings):
    """Returns the activation of the gates of all LSTMs."""
    return hard_sigmoid if settings.gates == "hard_sigmoid" else "sigmoid"


@keras.saving.register_keras_serializable("musegen")
def nll(y_true, y_pred):
    """Computes -ln q(X | Z) of the paper's equation 6, as a mean over pitches.

    A cell with the output y in (-1, 1) is on with probability (1 + y) / 2. The squared error has
    nearly no gradient for an output near -1, because of the tanh. This loss has, so that a missing
    note is learned.
    """
    return keras.losses.binary_crossentropy((1 + y_true) / 2, (1 + y_pred) / 2)


LOSSES = {
    "mse": keras.losses.mean_squared_error,
    "nll": nll,
    "bce": keras.losses.binary_crossentropy,
}


def compiled(
    autoencoder: keras.Model,
    settings: BVAESettings,
    optimizer: keras.optimizers.Optimizer | None = None,
    jit_compile: bool | str = "auto",
) -> keras.Model:
    """Compiles a BVAE for `fit`.

    The loss that training logs includes the KL term; the metric named as the loss does not.

    Args:
        autoencoder: the BVAE.
        settings: settings of the BVAE.
        optimizer: optimizer; by default with rate 1e-3, RMSprop for networks that read steps, Adam
            for those that read beats.
        jit_compile: whether Keras compiles the training step.
    """
    if optimizer is None:
        optimizer = optimizers.adam(1e-3) if settings.unit == "beat" else optimizers.rmsprop(1e-3)
    loss = LOSSES[settings.loss]
    autoencoder.compile(
        optimizer,
        loss,
        metrics=[
            keras.metrics.MeanMetricWrapper(loss, name=settings.loss),
            keras.metrics.CategoricalAccuracy(name="acc_argmax"),
            CellAccuracy(settings.threshold),
            ActiveF1(settings.threshold),
        ],
        jit_compile=jit_compile,
    )
    return autoencoder


def weigh_kl(autoencoder: keras.Model, weight: float) -> None:
    """Changes the weight of the KL term between two epochs of training."""
    encoder, _ = encoder_and_decoder(autoencoder)
    encoder.get_layer("sampling").present_kl_weight.value.assign(weight)
