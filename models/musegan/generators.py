"""MuseGAN: four bars of five tracks by a generative adversarial network, alone or to a given track.

A generator is made of small networks. A temporal generator unrolls one latent vector into one for
each bar; a bar generator turns a vector into a bar. Who shares them makes the three models:

    jamming    each track has its own latent vectors and generators: five players who do not listen
    composer   one vector and one bar generator write all tracks
    hybrid     each track has its own bar generator, which hears its own vectors and shared ones

    z, z_i (B, L); z_t, z_it (B, L) -> temporal generators -> (B, 4, L)
    all of them side by side (B, 4, 128) -> bar generators -> phrase (B, 4, 96, 84, 5) in (-1, 1)
    phrase -> critic (see `musegen.models.musegan.critics`) -> score

Given one track of a phrase, the conditional models write the others: an encoder reads each of its
bars, and the bar generators read what it found at every size, on their way from vector to bar.

The original code has more: models of single bars, without temporal generators, and `rnn`, a
composer with a vector for each bar, which an LSTM hears one after the other.

Dong, Hsiao, Yang, Yang: "MuseGAN: Multi-track Sequential Generative Adversarial Networks for
Symbolic Music Generation and Accompaniment", AAAI 2018. Original code:
github.com/salu133445/musegan, folder v1.
"""

import keras
from keras import layers, ops

from musegen.models.layers.convolutions import Conv2D, Conv2DTranspose
from musegen.models.layers.normalization import BatchNorm
from musegen.models.musegan.settings import LATENT_WIDTH, N_STEPS, Kind, Settings
from musegen.music.phrases import N_BARS, N_PITCHES, TRACKS

N_TRACKS = len(TRACKS)
ALONG = {"time": lambda n: (n, 1), "pitch": lambda n: (1, n)}  # the kernel of a layer of a bar


# Layers.


def weights(settings: Settings, inputs: int | None = None) -> dict:
    """How a layer starts; a transposed one says of how many inputs each of its outputs is made."""
    if not settings.he:
        return {"kernel_initializer": keras.initializers.TruncatedNormal(stddev=0.02)}
    if inputs is None:
        return {"kernel_initializer": keras.initializers.HeNormal()}
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=(2 / inputs) ** 0.5)}


def normalized(x, settings: Settings, activation: str, name: str, norm: bool = True):
    """Batch normalization, where the settings have it, and an activation."""
    if settings.batch_norm and norm:
        x = BatchNorm(settings.batch_statistics, name=f"{name}_norm")(x)
    return activated(x, activation, name)


def activated(x, activation: str, name: str):
    if activation == "leaky_relu":
        return layers.LeakyReLU(0.2, name=f"{name}_{activation}")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x)


# Networks.


def temporal_generator(
    settings: Settings, length: int, n: int = 1, name: str = "temporal"
) -> keras.Model:
    """A latent vector to one of each bar: `(B, L)` to `(B, 4, n L)`, none of it negative.

    Example:
        >>> temporal_generator(PRESETS["paper"], 32).output_shape
        (None, 4, 32)
    """
    z = keras.Input((length,), name="z")
    x = layers.Reshape((1, length), name="start")(z)
    x = layers.Conv1DTranspose(settings.wide(1024), 2, 2, name="time_1", **weights(settings))(x)
    x = normalized(x, settings, "relu", "time_1")
    x = layers.Conv1DTranspose(n * length, 3, name="time_2", **weights(settings))(x)
    return keras.Model(z, normalized(x, settings, "relu", "time_2"), name=name)


def recurrent_generator(name: str = "temporal") -> keras.Model:
    """A vector of each bar to one that knows those before it: `(B, 4, 128)` to the same shape."""
    z = keras.Input((N_BARS, LATENT_WIDTH), name="z")
    # The original's single kernel is drawn as one of all its 256 inputs.
    limit = (6 / (2 * LATENT_WIDTH + 4 * LATENT_WIDTH)) ** 0.5
    first = {
        f"{kernel}_initializer": keras.initializers.RandomUniform(-limit, limit)
        for kernel in ("kernel", "recurrent")
    }
    x = layers.LSTM(LATENT_WIDTH, return_sequences=True, unroll=True, name="bars", **first)(z)
    return keras.Model(z, x, name=name)


def bar_generator(
    settings: Settings, n_tracks: int, conditional: bool = False, name: str = "bar"
) -> keras.Model:
    """A vector to a bar: `(B, 128)` to `(B, 96, 84, n_tracks)`.

    If conditional it also reads what an encoder of the same settings found, size by size.

    Example:
        >>> bar_generator(PRESETS["paper"], 1).output_shape
        (None, 96, 84, 1)
    """
    z = keras.Input((LATENT_WIDTH,), name="z")
    found = {}
    if conditional:
        for shape in encoded_shapes(settings):
            found[shape[:2]] = keras.Input(shape, name=f"found_{shape[0]}_{shape[1]}")
    x = layers.Reshape((1, 1, LATENT_WIDTH), name="start")(z)
    for i, (filters, size, axis) in enumerate(settings.rows, 1):
        if x.shape[1:3] in found:
            x = layers.Concatenate(name=f"hear_{i}")([x, found[x.shape[1:3]]])
        last, parts = filters is None, settings.unfold if i == 1 else 1
        filters = n_tracks if last else parts * settings.wide(filters // parts)
        first = weights(settings, x.shape[-1])
        if last:
            first["bias_initializer"] = keras.initializers.Constant(settings.first_bias)
        kernel = ALONG[axis](size)
        x = Conv2DTranspose(filters, kernel, kernel, name=f"{axis}_{i}", **first)(x)
        norm = settings.norm_output if last else True
        x = normalized(x, settings, "tanh" if last else "relu", f"{axis}_{i}", norm)
        if parts > 1:
            x = layers.Reshape((parts, 1, filters // parts), name="unfold")(x)
    return keras.Model([z, *found.values()] if found else z, x, name=name)


def encoder(settings: Settings, name: str = "encoder") -> keras.Model:
    """What a bar `(B, 96, 84, 1)` is at every size, from the largest to the smallest."""
    bar = keras.Input((N_STEPS, N_PITCHES, 1), name="bar")
    x, found = bar, []
    for i, (size, axis) in enumerate(settings.encoder):
        kernel = ALONG[axis](size)
        x = Conv2D(settings.encoder_filters, kernel, kernel, name=f"{axis}_{i}",
                          **weights(settings))(x)  # fmt: skip
        x = normalized(x, settings, "leaky_relu", f"{axis}_{i}")
        found.append(x)
    return keras.Model(bar, found, name=name)


def encoded_shapes(settings: Settings) -> list[tuple[int, int, int]]:
    """Time, pitch, filters of each output of the encoder."""
    time, pitch, shapes = N_STEPS, N_PITCHES, []
    for size, axis in settings.encoder:
        time, pitch = (time // size, pitch) if axis == "time" else (time, pitch // size)
        shapes.append((time, pitch, settings.encoder_filters))
    return shapes


# The models.


def generator(settings: Settings, kind: Kind, name: str = "generator") -> keras.Model:
    """The whole generator: random vectors, and of a conditional one the given track, to a phrase.

    Its inputs are a dictionary: the `latents` of its kind and, if it is given a track,
    `given` `(B, 4, 96, 84, 1)`. Its output `(B, n_bars, 96, 84, 5)` is in (-1, 1); the given track
    is in its place in it.

    Example:
        >>> generator(PRESETS["paper"], Kind("composer")).output_shape
        (None, 4, 96, 84, 5)
    """
    inputs = {name: keras.Input(shape, name=name) for name, shape in kind.latents.items()}
    found, given = [], None
    if kind.given:
        given = keras.Input((N_BARS, N_STEPS, N_PITCHES, 1), name="given")
        inputs["given"] = given
        found = encoder(settings)(ops.reshape(given, (-1, N_STEPS, N_PITCHES, 1)))
    heard = bar_vectors(settings, kind, inputs)  # (B, n_bars, 128), one for each bar generator
    written = {}
    if len(heard) == 1:
        tracks = TRACKS if settings.writes_all else kind.written
        phrase = phrase_of(settings, heard[0], found, len(tracks), "bar")
        written = {track: phrase[..., k : k + 1] for k, track in enumerate(tracks)}
    else:
        for track, vectors in zip(kind.written, heard, strict=True):
            written[track] = phrase_of(settings, vectors, found, 1, f"bar-{track}")
    parts = [written.get(track, given) for track in TRACKS]
    phrase = layers.Concatenate(name="phrase", dtype="float32")(parts)
    return keras.Model(inputs, phrase, name=name)


def phrase_of(settings: Settings, vectors, found: list, n_tracks: int, name: str):
    """What one bar generator makes of the vectors `(B, n_bars, 128)`: a phrase of its tracks."""
    network = bar_generator(settings, n_tracks, bool(found), name)
    if settings.norm_each_bar and not found:  # one call for each bar, so that each is a batch
        return ops.stack([network(vectors[:, k]) for k in range(vectors.shape[1])], axis=1)
    z = ops.reshape(vectors, (-1, LATENT_WIDTH))
    bars = network([z, *found] if found else z)
    return ops.reshape(bars, (-1, vectors.shape[1], N_STEPS, N_PITCHES, n_tracks))


def bar_vectors(settings: Settings, kind: Kind, z: dict) -> list:
    """What each bar generator hears, `(B, n_bars, 128)` each."""
    if kind.model == "rnn":
        return [recurrent_generator()(z["z_time"])]
    parts = {name: [z[name]] for name in z if name in ("z", "z_time")}
    for name in ("z_tracks", "z_tracks_time"):
        if name in z:
            parts[name] = [z[name][..., k, :] for k in range(z[name].shape[-2])]
    if kind.independent_bars:
        order = ("z_tracks", "z")
    else:
        parts |= unrolled(settings, parts)
        order = ("z", "z_time", "z_tracks", "z_tracks_time")
        if settings.unrolled_first:
            order = ("z_time", "z_tracks_time", "z", "z_tracks")
    n = max(map(len, parts.values()))
    heard = []
    for k in range(n):
        own = [parts[name][k % len(parts[name])] for name in order if name in parts]
        heard.append(ops.concatenate(own, axis=-1) if len(own) > 1 else own[0])
    return heard


def unrolled(settings: Settings, parts: dict[str, list]) -> dict[str, list]:
    """All vectors, one for each bar: repeated, or by the temporal generators."""
    bars = {}
    for name in ("z", "z_tracks"):
        if name in parts:
            bars[name] = [ops.repeat(z[:, None], N_BARS, axis=1) for z in parts[name]]
    timed = {name: parts[name] for name in ("z_time", "z_tracks_time") if name in parts}
    length = next(iter(timed.values()))[0].shape[-1]
    if settings.temporal == "shared":
        network = temporal_generator(settings, length)
        return bars | {name: [network(z) for z in own] for name, own in timed.items()}
    for name, own in timed.items():
        if settings.temporal == "joint" and len(own) > 1:
            # One network writes the vectors of all tracks, from the first track's.
            network = temporal_generator(settings, length, len(own), f"temporal-{name}")
            bars[name] = ops.split(network(own[0]), len(own), axis=-1)
        else:
            names = [f"temporal-{track}" for track in TRACKS] if len(own) > 1 else ["temporal"]
            bars[name] = [
                temporal_generator(settings, length, name=name)(z)
                for name, z in zip(names, own, strict=True)
            ]
    return bars
