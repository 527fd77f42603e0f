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

Citation and original code: see `musegen.models.bvae`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import keras
from keras import layers, ops

from musegen import Error
from musegen.models import bvae
from musegen.models.bvae import Sampling
from musegen.phrases import N_PITCHES, TRACKS
from musegen.training import optimizers

STRATEGIES = ("vrae", "concat", "project")
PROJECT_WIDTHS = (128, 128, 64, 64, 32, 32)


@dataclass(frozen=True)
class Settings:
    """What makes one MFG-VAE differ from another.

    Args:
        strategy: the one of `STRATEGIES` that the preset is used with.
        track_latent: size L of a track's latent vector.
        width: units of the recurrent strategy's LSTMs, and of the projection of a track.
        latent: size K of the fused latent vector.
        noise: standard deviation of the noise that sampling adds.
        concat_noise: the same for the strategy `concat`.
        spread, gates: as for the BVAE.
        concat_widths: of the dense layers of the strategy `concat`; the decoder is their mirror.
        concat_end: activation of its last layer.
        projection: `"add"`, a linear layer for each track and their sum, or `"join"`, the joined
            tracks through one layer with ReLU, as the original code begins.
        kl_weight: of the KL term.
    """

    strategy: str = "vrae"
    track_latent: int = 64
    width: int = 128
    latent: int = 128
    noise: float = 0.01
    concat_noise: float = 0.01
    spread: str = "exp"
    gates: str = "sigmoid"
    concat_widths: tuple[int, ...] = (2048, 2048, 1024, 1024, 512, 256)
    concat_end: str = "linear"
    projection: str = "add"
    kl_weight: float = 1.0


PRESETS = {
    "paper": Settings(),
    "repo": Settings(
        track_latent=256,
        latent=64,
        concat_noise=1.0,
        spread="raw",
        gates="hard_sigmoid",
        concat_end="relu",
        projection="join",
    ),
    "large": Settings(
        strategy="concat",
        track_latent=128,
        latent=512,
        concat_widths=(),
        kl_weight=1e-4,
    ),
}


def mfg_vae(
    settings: Settings = PRESETS["paper"], strategy: str | None = None, name: str = "mfg-vae"
) -> keras.Model:
    """The whole autoencoder; `bvae.halves` takes it apart.

    Example:
        >>> mfg_vae().count_params()
        427776
    """
    n_tracks, n_features = len(TRACKS), 2 * settings.track_latent
    strategy = strategy or settings.strategy
    if strategy == "vrae":
        same = bvae.Settings(
            settings.width,
            settings.latent,
            settings.noise,
            settings.spread,
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


def concat_encoder(settings: Settings, name: str) -> keras.Model:
    """All tracks' latents joined, then dense layers."""
    latents = keras.Input((len(TRACKS), 2 * settings.track_latent), name="latents")
    h = layers.Flatten(name="join")(latents)
    h = dense_stack(h, settings.concat_widths)
    return keras.Model(latents, heads(h, settings, settings.concat_noise), name=name)


def project_encoder(settings: Settings, name: str) -> keras.Model:
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


def dense_decoder(settings: Settings, widths: tuple[int, ...], end: str, name: str) -> keras.Model:
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


def heads(h, settings: Settings, noise: float) -> list:
    """z, mean and sigma from the last hidden layer of an encoder."""
    mean = layers.Dense(settings.latent, name="mean")(h)
    sigma = layers.Dense(settings.latent, name="sigma")(h)
    sampling = Sampling(noise, settings.spread, kl_weight=settings.kl_weight, name="sampling")
    return [sampling([mean, sigma]), mean, sigma]


def check(bvaes: Mapping[str, keras.Model], settings: bvae.Settings) -> None:
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


def reader(bvaes: Mapping[str, keras.Model], settings: bvae.Settings) -> keras.Model:
    """Bars of all tracks, bool `(B, T, 84, 5)`, to what the MFG-VAE reads `(B, 5, 2L)`.

    Of each track the mean comes first, then the sigma; nothing is drawn at random.
    """
    n_steps = bvaes[TRACKS[0]].input_shape[1]
    bars = keras.Input((n_steps, N_PITCHES, len(TRACKS)), dtype="bool", name="bars")
    x = bvae.as_input(ops.cast(bars, "float32"), settings)
    rows = []
    for i, track in enumerate(TRACKS):
        encoder, _ = bvae.halves(bvaes[track])
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
