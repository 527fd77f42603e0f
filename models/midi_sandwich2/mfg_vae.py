"""MFG-VAE, the Multi-modal Fusion Generation VAE of MIDI-Sandwich2: one bar of all tracks.

It learns how the latent vectors of the tracks go together. Of every track it sees the mean and the
sigma that the track's BVAE gives a bar, joined to 2L numbers, and it writes them again; sampling
the tracks' latent vectors comes after it. Three strategies fuse the tracks:

| strategy | encoder | decoder |
|---|---|---|
| `vrae` (3, the paper's choice) | a BVAE whose time axis is the tracks | the same |
| `concat` (1) | all tracks joined, 6 dense layers | 6 dense layers |
| `project` (2) | one projection a track, added (or joined), narrow dense layers | their mirror |

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
    """The whole autoencoder; `bvae.encoder_and_decoder` takes it apart.

    Example:
        >>> mfg_vae().count_params()
        427776
    """
    n_tracks, n_features = len(TRACKS), 2 * settings.track_latent
    strategy = strategy or settings.strategy
    if strategy == "vrae":
        same = BVAESettings(
            settings.width,
            settings.latent,
            settings.noise,
            settings.noise_scale,
            settings.gates,
            kl_weight=settings.kl_weight,
        )
        return bvae.bvae(same, n_tracks, n_features, name)
    encoder = {"concat": concat_encoder, "project": project_encoder}[strategy]
    widths = settings.concat_widths if strategy == "concat" else PROJECT_WIDTHS
    end = settings.concat_end if strategy == "concat" else "linear"
    latents = keras.Input((n_tracks, n_features), name="latents")
    z, _, _ = encoder(settings, f"{name}-encoder")(latents)
    y = dense_decoder(settings, widths[::-1], end, f"{name}-decoder")(z)
    return keras.Model(latents, y, name=name)


def networks(name: str, preset: str, n_steps: int) -> list[keras.Model]:
    """The untrained network, as `musegen info` shows it; its name may end in a strategy."""
    strategy = name.removeprefix("mfg-vae").lstrip("-") or None
    return [mfg_vae(PRESETS[preset].mfg_vae, strategy, name)]


def concat_encoder(settings: MFGVAESettings, name: str) -> keras.Model:
    """All tracks' latents joined, then dense layers."""
    latents = keras.Input((len(TRACKS), 2 * settings.track_latent), name="latents")
    h = layers.Flatten(name="join")(latents)
    h = dense_stack(h, settings.concat_widths)
    return keras.Model(latents, heads(h, settings, settings.concat_noise), name=name)


def project_encoder(settings: MFGVAESettings, name: str) -> keras.Model:
    """Each track's latents projected to `width` numbers, the projections added."""
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
    """z `(B, K)` through dense layers to the latents of all tracks `(B, 5, 2L)`."""
    n_tracks, n_features = len(TRACKS), 2 * settings.track_latent
    z = keras.Input((settings.latent,), name="z")
    h = dense_stack(z, widths)
    h = layers.Dense(n_tracks * n_features, activation=end, dtype="float32", name="part")(h)
    return keras.Model(z, layers.Reshape((n_tracks, n_features), name="latents")(h), name=name)


def dense_stack(x, widths: tuple[int, ...]):
    """Dense layers with ReLU."""
    for i, width in enumerate(widths):
        x = layers.Dense(width, activation="relu", name=f"dense_{i + 1}")(x)
    return x


def heads(h, settings: MFGVAESettings, noise: float) -> list:
    """z, mean and sigma from the last hidden layer of an encoder."""
    mean = layers.Dense(settings.latent, name="mean")(h)
    sigma = layers.Dense(settings.latent, name="sigma")(h)
    sampling = Sampling(noise, settings.noise_scale, kl_weight=settings.kl_weight, name="sampling")
    return [sampling([mean, sigma]), mean, sigma]


def check(bvaes: Mapping[str, keras.Model], settings: BVAESettings) -> None:
    """Raises an `Error` for BVAEs of another preset, or of bars of different lengths."""
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
    """Bars of all tracks, bool `(B, T, 84, 5)`, to what the MFG-VAE reads `(B, 5, 2L)`.

    Of each track the mean comes first, then the sigma; nothing is drawn at random.
    """
    n_steps = bvaes[TRACKS[0]].input_shape[1]
    bars = keras.Input((n_steps, N_PITCHES, len(TRACKS)), dtype="bool", name="bars")
    x = bvae.as_input(ops.cast(bars, "float32"), settings)
    rows = []
    for i, track in enumerate(TRACKS):
        encoder, _ = bvae.encoder_and_decoder(bvaes[track])
        _, mean, sigma = encoder(x[..., i])
        rows.append(ops.concatenate([mean, sigma], axis=-1))  # (B, 2L)
    return keras.Model(bars, ops.stack(rows, axis=1), name="reader")


def compiled(
    autoencoder: keras.Model,
    optimizer: keras.optimizers.Optimizer | None = None,
    jit_compile: bool | str = "auto",
) -> keras.Model:
    """Ready for `fit`; the loss that is logged has the KL term in it, `mse` has not."""
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
