"""MFG-VAE, the Multi-modal Fusion Generation VAE of MIDI-Sandwich2: one bar of all tracks.

It learns which latent vectors of the tracks belong together. For each track it reads the mean and
the sigma of the track's BVAE, joined to 2L numbers, and it writes them again. The latent vectors of
the tracks are sampled from what it writes. There are three strategies to fuse the tracks:

| strategy | encoder | decoder |
|---|---|---|
| `vrae` (3, the paper's choice) | a BVAE whose time axis is the tracks | the same |
| `concat` (1) | all tracks joined, 6 dense layers | 6 dense layers |
| `project` (2) | a projection of each track, added (or joined), narrow dense layers | mirrored |

    latents (B, 5, 2L) -> encoder -> mean, sigma (B, K) -> z (B, K) -> decoder -> (B, 5, 2L)

Citation and original code: see `musegen.models.midi_sandwich2.bvae`.
"""

from collections.abc import Mapping

import keras
from keras import layers, ops

from musegen import Error
from musegen.models.layers.sampling import Sampling
from musegen.models.midi_sandwich2 import bvae
from musegen.models.midi_sandwich2.settings import (
    PAPER,
    PRESETS,
    PROJECT_WIDTHS,
    BVAESettings,
    MFGVAESettings,
)
from musegen.music.phrases import N_PITCHES, TRACKS
from musegen.training import optimizers


def mfg_vae(
    settings: MFGVAESettings = PAPER.mfg_vae, strategy: str | None = None, name: str = "mfg-vae"
) -> keras.Model:
    """Builds the whole autoencoder; `bvae.encoder_and_decoder` returns its two parts.

    Args:
        settings: settings of the MFG-VAE.
        strategy: name of the strategy; by default that of the settings.
        name: name of the network.

    Example:
        >>> mfg_vae().count_params()
        427776
    """
    n_tracks, n_features = len(TRACKS), 2 * settings.track_latent
    strategy = strategy or settings.strategy
    if strategy == "vrae":
        vrae = BVAESettings(
            settings.width,
            settings.latent,
            settings.noise,
            settings.noise_scale,
            settings.gates,
            kl_weight=settings.kl_weight,
        )
        return bvae.bvae(vrae, n_tracks, n_features, name)
    encoder = {"concat": concat_encoder, "project": project_encoder}[strategy]
    widths = settings.concat_widths if strategy == "concat" else PROJECT_WIDTHS
    end = settings.concat_end if strategy == "concat" else "linear"
    latents = keras.Input((n_tracks, n_features), name="latents")
    z, _, _ = encoder(settings, f"{name}-encoder")(latents)
    y = dense_decoder(settings, widths[::-1], end, f"{name}-decoder")(z)
    return keras.Model(latents, y, name=name)


def networks(name: str, preset: str, n_steps: int) -> list[keras.Model]:
    """Builds the untrained network, which `musegen info` shows; its name may end in a strategy."""
    strategy = name.removeprefix("mfg-vae").lstrip("-") or None
    return [mfg_vae(PRESETS[preset].mfg_vae, strategy, name)]


def concat_encoder(settings: MFGVAESettings, name: str) -> keras.Model:
    """Builds the encoder of `concat`: all tracks' latents joined, then dense layers."""
    latents = keras.Input((len(TRACKS), 2 * settings.track_latent), name="latents")
    h = layers.Flatten(name="join")(latents)
    h = dense_stack(h, settings.concat_widths)
    return keras.Model(latents, heads(h, settings, settings.concat_noise), name=name)


def project_encoder(settings: MFGVAESettings, name: str) -> keras.Model:
    """Builds the encoder of `project`: projections of each track to `width` numbers, added."""
    latents = keras.Input((len(TRACKS), 2 * settings.track_latent), name="latents")
    if settings.projection == "join":
        h = dense_stack(layers.Flatten(name="join")(latents), PROJECT_WIDTHS)
    else:
        projected = [
            layers.Dense(settings.width, name=f"project_{track}")(latents[:, i])
            for i, track in enumerate(TRACKS)
        ]
        h = dense_stack(layers.Add(name="add")(projected), PROJECT_WIDTHS[1:])
    return keras.Model(latents, heads(h, settings, settings.noise), name=name)


def dense_decoder(
    settings: MFGVAESettings, widths: tuple[int, ...], end: str, name: str
) -> keras.Model:
    """Builds a decoder of dense layers, from z `(B, K)` to the latents of all tracks `(B, 5, 2L)`.

    Args:
        settings: settings of the MFG-VAE.
        widths: widths of the hidden layers.
        end: activation of the last layer.
        name: name of the network.
    """
    n_tracks, n_features = len(TRACKS), 2 * settings.track_latent
    z = keras.Input((settings.latent,), name="z")
    h = dense_stack(z, widths)
    h = layers.Dense(n_tracks * n_features, activation=end, dtype="float32", name="part")(h)
    return keras.Model(z, layers.Reshape((n_tracks, n_features), name="latents")(h), name=name)


def dense_stack(x, widths: tuple[int, ...]):
    """Applies dense layers with ReLU."""
    for i, width in enumerate(widths):
        x = layers.Dense(width, activation="relu", name=f"dense_{i + 1}")(x)
    return x


def heads(h, settings: MFGVAESettings, noise: float) -> list:
    """Applies the last layers of an encoder, and returns z, mean and sigma."""
    mean = layers.Dense(settings.latent, name="mean")(h)
    sigma = layers.Dense(settings.latent, name="sigma")(h)
    sampling = Sampling(noise, settings.noise_scale, kl_weight=settings.kl_weight, name="sampling")
    return [sampling([mean, sigma]), mean, sigma]


def check(bvaes: Mapping[str, keras.Model], settings: BVAESettings) -> None:
    """Raises an `Error` if BVAEs are of another preset, or their bars of different lengths."""
    first = bvaes[TRACKS[0]].input_shape
    for track in TRACKS:
        shape = bvaes[track].input_shape
        if shape != first:
            raise Error(
                f"BVAE of the {track}: bars of {shape[1]} steps, that of the drums {first[1]}; "
                "train both with the same --steps"
            )
        bvae.check(bvaes[track], settings, track)


def reader(bvaes: Mapping[str, keras.Model], settings: BVAESettings) -> keras.Model:
    """Builds a network from bars, bool `(B, T, 84, 5)`, to the input of the MFG-VAE `(B, 5, 2L)`.

    It consists of the encoders of all BVAEs. For each track the mean comes first, then the sigma;
    nothing is drawn at random.
    """
    n_steps = bvaes[TRACKS[0]].input_shape[1]
    bars = keras.Input((n_steps, N_PITCHES, len(TRACKS)), dtype="bool", name="bars")
    x = bvae.as_input(ops.cast(bars, "float32"), settings)
    latents = []
    for i, track in enumerate(TRACKS):
        encoder, _ = bvae.encoder_and_decoder(bvaes[track])
        _, mean, sigma = encoder(x[..., i])
        latents.append(ops.concatenate([mean, sigma], axis=-1))  # (B, 2L)
    return keras.Model(bars, ops.stack(latents, axis=1), name="reader")


def compiled(
    autoencoder: keras.Model,
    optimizer: keras.optimizers.Optimizer | None = None,
    jit_compile: bool | str = "auto",
) -> keras.Model:
    """Compiles an MFG-VAE for `fit`; the logged loss includes the KL term, `mse` does not."""
    autoencoder.compile(
        optimizer or optimizers.rmsprop(1e-3),
        keras.losses.MeanSquaredError(),
        metrics=[
            keras.metrics.MeanSquaredError(name="mse"),
            keras.metrics.CategoricalAccuracy(name="acc_argmax"),
        ],
        jit_compile=jit_compile,
    )
    return autoencoder
