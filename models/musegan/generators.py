"""MuseGAN: four bars of five tracks by a generative adversarial network, alone or to a given track.

A generator consists of small networks. A temporal generator turns one latent vector into one for
each bar; a bar generator turns a vector into a bar. The three models differ in what tracks share:

    jamming    each track has its own latent vectors and its own generators; nothing is shared
    composer   one set of vectors and one bar generator write all tracks
    hybrid     each track has its own bar generator, which receives its own and the shared vectors

    z, z_i (B, L); z_t, z_it (B, L) -> temporal generators -> (B, 4, L)
    all of them side by side (B, 4, 128) -> bar generators -> phrase (B, 4, 96, 84, 5) in (-1, 1)
    phrase -> critic (see `musegen.models.musegan.critics`) -> score

The conditional models are given one track of a phrase and write the others. An encoder reads each
bar of the given track. The layers of the bar generators, which go from a vector to the size of a
bar, receive the output of the encoder's layer of the same size, as in a U-Net.

The original code also has models of single bars, without temporal generators, and `rnn`, a composer
with one vector for each bar, which an LSTM reads in order.

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
ALONG = {"time": lambda n: (n, 1), "pitch": lambda n: (1, n)}  # from size to kernel, by axis


# Layers.


def weights(settings: Settings, inputs: int | None = None) -> dict:
    """Returns the initializer of a layer's weights, as arguments of the layer.

    Args:
        settings: settings of the model.
        inputs: number of inputs of each output, which a transposed layer must state; the other
            layers count them themselves.
    """
    if not settings.he:
        return {"kernel_initializer": keras.initializers.TruncatedNormal(stddev=0.02)}
    if inputs is None:
        return {"kernel_initializer": keras.initializers.HeNormal()}
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=(2 / inputs) ** 0.5)}


def normalized(x, settings: Settings, activation: str, name: str, norm: bool = True):
    """Applies batch normalization, if `norm` and the settings say so, and an activation."""
    if settings.batch_norm and norm:
        x = BatchNorm(settings.batch_statistics, name=f"{name}_norm")(x)
    return activated(x, activation, name)


def activated(x, activation: str, name: str):
    """Applies an activation, in a layer of its own."""
    if activation == "leaky_relu":
        return layers.LeakyReLU(0.2, name=f"{name}_{activation}")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x)


# Networks.


def temporal_generator(
    settings: Settings, length: int, n: int = 1, name: str = "temporal"
) -> keras.Model:
    """Builds a temporal generator, from a vector `(B, L)` to one of each bar `(B, 4, n L)`.

    Example:
        >>> from musegen.models.musegan.settings import PRESETS
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
    """Builds the LSTM of `rnn`, from vectors of bars `(B, 4, 128)` to vectors of the same shape."""
    z = keras.Input((N_BARS, LATENT_WIDTH), name="z")
    # The original has one kernel for inputs and state, so its limit is that of 256 inputs.
    limit = (6 / (2 * LATENT_WIDTH + 4 * LATENT_WIDTH)) ** 0.5
    initial = {
        f"{kernel}_initializer": keras.initializers.RandomUniform(-limit, limit)
        for kernel in ("kernel", "recurrent")
    }
    x = layers.LSTM(LATENT_WIDTH, return_sequences=True, unroll=True, name="bars", **initial)(z)
    return keras.Model(z, x, name=name)


def bar_generator(
    settings: Settings, n_tracks: int, conditional: bool = False, name: str = "bar"
) -> keras.Model:
    """Builds a bar generator, from a vector `(B, 128)` to a bar `(B, 96, 84, n_tracks)`.

    Args:
        settings: settings of the model.
        n_tracks: number of tracks that it writes.
        conditional: whether it also receives the outputs of an encoder of the same settings.
        name: name of the network.

    Example:
        >>> from musegen.models.musegan.settings import PRESETS
        >>> bar_generator(PRESETS["paper"], 1).output_shape
        (None, 96, 84, 1)
    """
    z = keras.Input((LATENT_WIDTH,), name="z")
    encoded = {}  # inputs from the encoder, by their time and pitch
    if conditional:
        for shape in encoded_shapes(settings):
            encoded[shape[:2]] = keras.Input(shape, name=f"found_{shape[0]}_{shape[1]}")
    x = layers.Reshape((1, 1, LATENT_WIDTH), name="start")(z)
    for i, (filters, size, axis) in enumerate(settings.layers, 1):
        if x.shape[1:3] in encoded:
            x = layers.Concatenate(name=f"hear_{i}")([x, encoded[x.shape[1:3]]])
        last, parts = filters is None, settings.unfold if i == 1 else 1
        filters = n_tracks if last else parts * settings.wide(filters // parts)
        initial = weights(settings, x.shape[-1])
        if last:
            initial["bias_initializer"] = keras.initializers.Constant(settings.first_bias)
        kernel = ALONG[axis](size)
        x = Conv2DTranspose(filters, kernel, kernel, name=f"{axis}_{i}", **initial)(x)
        norm = settings.norm_output if last else True
        x = normalized(x, settings, "tanh" if last else "relu", f"{axis}_{i}", norm)
        if parts > 1:
            x = layers.Reshape((parts, 1, filters // parts), name="unfold")(x)
    return keras.Model([z, *encoded.values()] if encoded else z, x, name=name)


def encoder(settings: Settings, name: str = "encoder") -> keras.Model:
    """Builds the encoder of a given track, from bars `(B, 96, 84, 1)` to all layers' outputs."""
    bar = keras.Input((N_STEPS, N_PITCHES, 1), name="bar")
    x, outputs = bar, []
    for i, (size, axis) in enumerate(settings.encoder):
        kernel = ALONG[axis](size)
        x = Conv2D(settings.encoder_filters, kernel, kernel, name=f"{axis}_{i}",
                          **weights(settings))(x)  # fmt: skip
        x = normalized(x, settings, "leaky_relu", f"{axis}_{i}")
        outputs.append(x)
    return keras.Model(bar, outputs, name=name)


def encoded_shapes(settings: Settings) -> list[tuple[int, int, int]]:
    """Returns time, pitch and filters of each output of the encoder, the largest first."""
    time, pitch, shapes = N_STEPS, N_PITCHES, []
    for size, axis in settings.encoder:
        time, pitch = (time // size, pitch) if axis == "time" else (time, pitch // size)
        shapes.append((time, pitch, settings.encoder_filters))
    return shapes


# The models.


def generator(settings: Settings, kind: Kind, name: str = "generator") -> keras.Model:
    """Builds a whole generator, from random vectors, and perhaps a given track, to phrases.

    Its inputs are a dictionary: the `latents` of its kind and, for a conditional model, `given`
    `(B, 4, 96, 84, 1)`. Its output `(B, n_bars, 96, 84, 5)` is in (-1, 1) and contains the given
    track.

    Example:
        >>> from musegen.models.musegan.settings import PRESETS, Kind
        >>> generator(PRESETS["paper"], Kind("composer")).output_shape
        (None, 4, 96, 84, 5)
    """
    inputs = {name: keras.Input(shape, name=name) for name, shape in kind.latents.items()}
    encoded, given = [], None
    if kind.given:
        given = keras.Input((N_BARS, N_STEPS, N_PITCHES, 1), name="given")
        inputs["given"] = given
        encoded = encoder(settings)(ops.reshape(given, (-1, N_STEPS, N_PITCHES, 1)))
    vectors = bar_vectors(settings, kind, inputs)  # (B, n_bars, 128) for each bar generator
    written = {}
    if len(vectors) == 1:
        tracks = TRACKS if settings.writes_all else kind.written
        phrase = phrase_of(settings, vectors[0], encoded, len(tracks), "bar")
        written = {track: phrase[..., k : k + 1] for k, track in enumerate(tracks)}
    else:
        for track, track_vectors in zip(kind.written, vectors, strict=True):
            written[track] = phrase_of(settings, track_vectors, encoded, 1, f"bar-{track}")
    tracks = [written.get(track, given) for track in TRACKS]
    phrase = layers.Concatenate(name="phrase", dtype="float32")(tracks)
    return keras.Model(inputs, phrase, name=name)


def phrase_of(settings: Settings, vectors, encoded: list, n_tracks: int, name: str):
    """Builds a bar generator and applies it to vectors `(B, n_bars, 128)`.

    Args:
        settings: settings of the model.
        vectors: vector of each bar.
        encoded: outputs of the encoder for the bars of the given track, or an empty list.
        n_tracks: number of tracks that the bar generator writes.
        name: name of the bar generator.

    Returns:
        The tracks of the phrases, `(B, n_bars, 96, 84, n_tracks)`.
    """
    network = bar_generator(settings, n_tracks, bool(encoded), name)
    if settings.norm_each_bar and not encoded:  # one call, and so one batch, for each bar
        return ops.stack([network(vectors[:, k]) for k in range(vectors.shape[1])], axis=1)
    z = ops.reshape(vectors, (-1, LATENT_WIDTH))
    bars = network([z, *encoded] if encoded else z)
    return ops.reshape(bars, (-1, vectors.shape[1], N_STEPS, N_PITCHES, n_tracks))


def bar_vectors(settings: Settings, kind: Kind, z: dict) -> list:
    """Returns the input of each bar generator, vectors `(B, n_bars, 128)`.

    Args:
        settings: settings of the model.
        kind: kind of the model.
        z: random vectors by name, as in `kind.latents`; other inputs are ignored.
    """
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
    vectors = []
    for k in range(max(map(len, parts.values()))):
        track = [parts[name][k % len(parts[name])] for name in order if name in parts]
        vectors.append(ops.concatenate(track, axis=-1) if len(track) > 1 else track[0])
    return vectors


def unrolled(settings: Settings, parts: dict[str, list]) -> dict[str, list]:
    """Turns each vector into one for each bar: by repetition, or by a temporal generator."""
    bars = {}
    for name in ("z", "z_tracks"):
        if name in parts:
            bars[name] = [ops.repeat(z[:, None], N_BARS, axis=1) for z in parts[name]]
    timed = {name: parts[name] for name in ("z_time", "z_tracks_time") if name in parts}
    length = next(iter(timed.values()))[0].shape[-1]
    if settings.temporal == "shared":
        network = temporal_generator(settings, length)
        return bars | {name: [network(z) for z in vectors] for name, vectors in timed.items()}
    for name, vectors in timed.items():
        n = len(vectors)
        if settings.temporal == "joint" and n > 1:
            # One network writes the vectors of all tracks, from that of the first track.
            network = temporal_generator(settings, length, n, f"temporal-{name}")
            bars[name] = ops.split(network(vectors[0]), n, axis=-1)
        else:
            networks = [f"temporal-{track}" for track in TRACKS] if n > 1 else ["temporal"]
            bars[name] = [
                temporal_generator(settings, length, name=network)(z)
                for network, z in zip(networks, vectors, strict=True)
            ]
    return bars
