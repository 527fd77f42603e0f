"""MuseGAN: four bars of five tracks by a generative adversarial network, alone or to a given track.

A generator is made of small networks. A temporal generator unrolls one latent vector into one for
each bar; a bar generator turns a vector into a bar. Who shares them makes the three models:

    jamming    each track has its own latent vectors and generators: five players who do not listen
    composer   one vector and one bar generator write all tracks
    hybrid     each track has its own bar generator, which hears its own vectors and shared ones

    z, z_i (B, L); z_t, z_it (B, L) -> temporal generators -> (B, 4, L)
    all of them side by side (B, 4, 128) -> bar generators -> phrase (B, 4, 96, 84, 5) in (-1, 1)
    phrase -> critic: 3-D convolutions over bars, time, pitch -> score

Given one track of a phrase, the conditional models write the others: an encoder reads each of its
bars, and the bar generators read what it found at every size, on their way from vector to bar.

Dong, Hsiao, Yang, Yang: "MuseGAN: Multi-track Sequential Generative Adversarial Networks for
Symbolic Music Generation and Accompaniment", AAAI 2018. Original code:
github.com/salu133445/musegan, folder v1.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from musegen import Error
from musegen.files import write_bytes
from musegen.models.convolutions import Conv2D, Conv2DTranspose, Conv3D
from musegen.phrases import N_BARS, N_PITCHES, TRACKS, binarise, validate
from musegen.registry import SYSTEM_FILE, load_model

N_STEPS = 96
N_TRACKS = len(TRACKS)
MODELS = ("jamming", "composer", "hybrid")
ALONG = {"time": lambda n: (n, 1), "pitch": lambda n: (1, n)}  # the kernel of a layer of a bar
PHRASES_AT_ONCE = 64

Rows = tuple[tuple[int | None, int, str], ...]  # filters, None for one a track; size; axis


@dataclass(frozen=True)
class Settings:
    """What makes one MuseGAN differ from another.

    Args:
        rows: layers of a bar generator; each makes its axis as many times longer as its size.
        unfold: the first layer's filters are cut in so many steps of time.
        encoder: layers of the encoder, from bar to vector, sizes and axes.
        encoder_filters: of each of them.
        temporal: `"separate"` gives each latent vector a temporal generator of its own, `"joint"`
            one to the shared vector and one to all tracks' vectors, `"shared"` one to all.
        critic: `"phrase"` sees four bars at once; `"bar"` sees each bar, and then what it found.
        mixes_bars: whether a `"bar"` critic shows each item of four vectors of one bar to its last
            layers, as the original code does by mistake, or the four bars.
        critic_each: whether each track of jamming has a critic of its own.
        batch_norm: of the generators; critics never have any.
        norm_output: whether there is one before the last tanh too.
        batch_statistics: normalizes by the batch at hand when music is generated, too.
        writes_all: whether a conditional composer writes the given track too.
        monophonic_bass: keeps the strongest pitch of the bass at each step.
        width: all filters but the encoder's, times this; 1 is the paper's.
        z_std: standard deviation of the latent vectors.
    """

    rows: Rows = (
        (1024, 2, "time"),
        (256, 2, "time"),
        (256, 2, "time"),
        (256, 2, "time"),
        (256, 2, "time"),
        (128, 3, "time"),
        (64, 7, "pitch"),
        (None, 12, "pitch"),
    )
    unfold: int = 1
    encoder: tuple[tuple[int, str], ...] = (
        (12, "pitch"),
        (7, "pitch"),
        (3, "time"),
        *((2, "time"),) * 5,
    )
    encoder_filters: int = 16
    temporal: str = "separate"
    critic: str = "phrase"
    mixes_bars: bool = True
    critic_each: bool = True
    batch_norm: bool = True
    norm_output: bool = True
    batch_statistics: bool = False
    writes_all: bool = False
    monophonic_bass: bool = False
    width: float = 1.0
    z_std: float = 0.1

    def wide(self, filters: int) -> int:
        """Filters of this width."""
        return max(1, round(self.width * filters))


PRESETS = {
    "paper": Settings(),
    "repo": Settings(
        rows=(
            (1024, 1, "time"),
            (512, 2, "time"),
            (256, 2, "time"),
            (256, 2, "time"),
            (128, 2, "time"),
            (128, 3, "time"),
            (64, 7, "pitch"),
            (None, 12, "pitch"),
        ),
        unfold=2,
        encoder=((12, "pitch"), (7, "pitch"), (3, "time"), *((2, "time"),) * 4),
        temporal="shared",
        critic="bar",
        critic_each=False,
        norm_output=False,
        batch_statistics=True,
        writes_all=True,
        monophonic_bass=True,
    ),
}


@dataclass(frozen=True)
class Kind:
    """One of the models, and the track it is given, if any.

    Args:
        model: a name of `MODELS`.
        given: the track that it accompanies; None writes all from scratch.
    """

    model: str
    given: str | None = None

    def __post_init__(self):
        if self.model not in MODELS:
            raise Error(f"there is no model {self.model!r} of MuseGAN; choose {', '.join(MODELS)}")
        if self.given is not None and self.given not in TRACKS:
            raise Error(f"there is no track {self.given!r}; choose {', '.join(TRACKS)}")

    @property
    def written(self) -> tuple[str, ...]:
        """The tracks that private generators write."""
        return tuple(track for track in TRACKS if track != self.given)

    @property
    def latents(self) -> dict[str, tuple[int, ...]]:
        """The shape of each random vector of one phrase, all of which are drawn alike.

        `z` is heard by all tracks, `z_tracks` has one for each; `_time` marks those that a temporal
        generator unrolls. Of a given track each bar is written apart, with vectors of its own.
        """
        shared, private = self.model != "jamming", self.model != "composer"
        n, parts = len(self.written), (shared + private) * (1 if self.given else 2)
        size, bars = 128 // parts, (N_BARS,) if self.given else ()
        shapes = {}
        if shared:
            shapes["z"] = (*bars, size)
        if private:
            shapes["z_tracks"] = (*bars, n, size)
        if self.given:
            return shapes
        return shapes | {f"{name}_time": shape for name, shape in shapes.items()}


# Layers.


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


def weights() -> dict:
    return {"kernel_initializer": keras.initializers.TruncatedNormal(stddev=0.02)}


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
    x = layers.Conv1DTranspose(settings.wide(1024), 2, 2, name="time_1", **weights())(x)
    x = normalized(x, settings, "relu", "time_1")
    x = layers.Conv1DTranspose(n * length, 3, name="time_2", **weights())(x)
    return keras.Model(z, normalized(x, settings, "relu", "time_2"), name=name)


def bar_generator(
    settings: Settings, n_tracks: int, conditional: bool = False, name: str = "bar"
) -> keras.Model:
    """A vector to a bar: `(B, 128)` to `(B, 96, 84, n_tracks)`.

    If conditional it also reads what an encoder of the same settings found, size by size.

    Example:
        >>> bar_generator(PRESETS["paper"], 1).output_shape
        (None, 96, 84, 1)
    """
    z = keras.Input((128,), name="z")
    found = {}
    if conditional:
        for shape in encoded_shapes(settings):
            found[shape[:2]] = keras.Input(shape, name=f"found_{shape[0]}_{shape[1]}")
    x = layers.Reshape((1, 1, 128), name="start")(z)
    for i, (filters, size, axis) in enumerate(settings.rows, 1):
        if x.shape[1:3] in found:
            x = layers.Concatenate(name=f"hear_{i}")([x, found[x.shape[1:3]]])
        last = filters is None
        filters = n_tracks if last else settings.wide(filters)
        x = Conv2DTranspose(filters, ALONG[axis](size), ALONG[axis](size), name=f"{axis}_{i}",
                                   **weights())(x)  # fmt: skip
        norm = settings.norm_output if last else True
        x = normalized(x, settings, "tanh" if last else "relu", f"{axis}_{i}", norm)
        if i == 1 and settings.unfold > 1:
            n = settings.unfold
            x = layers.Reshape((n, 1, filters // n), name="unfold")(x)
    return keras.Model([z, *found.values()] if found else z, x, name=name)


def encoder(settings: Settings, name: str = "encoder") -> keras.Model:
    """What a bar `(B, 96, 84, 1)` is at every size, from the largest to the smallest."""
    bar = keras.Input((N_STEPS, N_PITCHES, 1), name="bar")
    x, found = bar, []
    for i, (size, axis) in enumerate(settings.encoder):
        kernel = ALONG[axis](size)
        x = Conv2D(settings.encoder_filters, kernel, kernel, name=f"{axis}_{i}",
                          **weights())(x)  # fmt: skip
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


def phrase_critic(settings: Settings, n_tracks: int = N_TRACKS, name: str = "critic"):
    """The score of a phrase: `(B, 4, 96, 84, n_tracks)` to `(B, 1)`."""
    phrase = x = keras.Input((N_BARS, N_STEPS, N_PITCHES, n_tracks), name="phrase")
    rows = (  # filters, kernel, stride: over bars, then pitches, then time
        (128, (2, 1, 1), (1, 1, 1)),
        (128, (3, 1, 1), (1, 1, 1)),
        (128, (1, 1, 12), (1, 1, 12)),
        (128, (1, 1, 7), (1, 1, 7)),
        (128, (1, 2, 1), (1, 2, 1)),
        (128, (1, 2, 1), (1, 2, 1)),
        (256, (1, 4, 1), (1, 2, 1)),
        (512, (1, 3, 1), (1, 2, 1)),
    )
    for i, (filters, kernel, stride) in enumerate(rows, 1):
        x = Conv3D(settings.wide(filters), kernel, stride, name=f"conv_{i}", **weights())(x)
        x = activated(x, "leaky_relu", f"conv_{i}")
    return keras.Model(phrase, scored(x, settings), name=name)


def bar_critic(settings: Settings, n_tracks: int = N_TRACKS, name: str = "bar-critic"):
    """The score of a bar `(B, 96, 84, n_tracks)`, `(B, 1)`, and what it was found from."""
    bar = x = keras.Input((N_STEPS, N_PITCHES, n_tracks), name="bar")
    rows = (
        (128, (1, 12), (1, 12)),
        (128, (1, 7), (1, 7)),
        (128, (2, 1), (2, 1)),
        (128, (2, 1), (2, 1)),
        (256, (4, 1), (2, 1)),
        (None, (3, 1), (2, 1)),
    )
    for i, (filters, kernel, stride) in enumerate(rows, 1):
        # The last, 512, are four times 128 in any width, since four bars are put together of them.
        filters = settings.wide(filters) if filters else 4 * settings.wide(128)
        x = Conv2D(filters, kernel, stride, name=f"conv_{i}", **weights())(x)
        x = activated(x, "leaky_relu", f"conv_{i}")
    return keras.Model(bar, [scored(x, settings), x], name=name)


def scored(x, settings: Settings):
    """The two dense layers at the end of every critic."""
    x = layers.Flatten(name="flat")(x)
    x = activated(
        layers.Dense(settings.wide(1024), name="dense", **weights())(x), "leaky_relu", "dense"
    )
    return layers.Dense(1, name="score", dtype="float32", **weights())(x)


def bars_critic(settings: Settings, name: str = "phrase-critic"):
    """The score of four bars that a bar critic has read: `(B, 4, 1, 128)` to `(B, 1)`."""
    bars = x = keras.Input((N_BARS, 1, settings.wide(128)), name="bars")
    for i, (filters, size, stride) in enumerate(((512, 2, 1), (128, 3, 3)), 1):
        x = Conv2D(settings.wide(filters), (size, 1), (stride, 1), name=f"conv_{i}",
                          **weights())(x)  # fmt: skip
        x = activated(x, "leaky_relu", f"conv_{i}")
    return keras.Model(bars, scored(x, settings), name=name)


# The models.


def generator(settings: Settings, kind: Kind, name: str = "generator") -> keras.Model:
    """The whole generator: random vectors, and of a conditional one the given track, to a phrase.

    Its inputs are a dictionary: the `latents` of its kind and, if it is given a track,
    `given` `(B, 4, 96, 84, 1)`. Its output `(B, 4, 96, 84, 5)` is in (-1, 1); the given track is
    in its place in it.

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
    heard = bar_vectors(settings, kind, inputs)  # (B, 4, 128), one for each bar generator
    written = {}
    if kind.model == "composer":
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
    """What one bar generator makes of the vectors `(B, 4, 128)`: a phrase of its tracks."""
    network = bar_generator(settings, n_tracks, bool(found), name)
    z = ops.reshape(vectors, (-1, 128))
    bars = network([z, *found] if found else z)
    return ops.reshape(bars, (-1, N_BARS, N_STEPS, N_PITCHES, n_tracks))


def bar_vectors(settings: Settings, kind: Kind, z: dict) -> list:
    """What each bar generator hears, `(B, 4, 128)` each."""
    parts = {name: [z[name]] for name in z if name in ("z", "z_time")}
    for name in ("z_tracks", "z_tracks_time"):
        if name in z:
            parts[name] = [z[name][..., k, :] for k in range(z[name].shape[-2])]
    if not kind.given:
        parts |= unrolled(settings, parts)
        order = ("z", "z_time", "z_tracks", "z_tracks_time")
    else:
        order = ("z_tracks", "z")
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


def critic(settings: Settings, kind: Kind, name: str = "critic") -> keras.Model:
    """The whole critic: phrases `(B, 4, 96, 84, 5)` to scores.

    There are as many scores of a phrase as `unit` says it has parts.
    """
    phrase = keras.Input((N_BARS, N_STEPS, N_PITCHES, N_TRACKS), name="phrase")
    if settings.critic == "phrase":
        if unit(settings, kind) == "phrase":
            return phrase_critic(settings, name=name)
        own = [
            phrase_critic(settings, 1, f"critic-{track}")(phrase[..., k : k + 1])
            for k, track in enumerate(TRACKS) if track in kind.written
        ]  # fmt: skip
        return keras.Model(phrase, layers.Concatenate(name="scores")(own), name=name)
    score, found = bar_critic(settings)(ops.reshape(phrase, (-1, N_STEPS, N_PITCHES, N_TRACKS)))
    if kind.given:
        return keras.Model(phrase, ops.reshape(score, (-1, N_BARS)), name=name)
    size = settings.wide(128)
    if settings.mixes_bars:  # (4 B, 5, 1, 512): each row of time, cut in four
        items = ops.reshape(found, (-1, N_BARS, 1, size))
    else:
        own = layers.Dense(size, name="project", **weights())(ops.mean(found, axis=(1, 2)))
        items = ops.reshape(own, (-1, N_BARS, 1, size))
    scores = bars_critic(settings)(items)
    return keras.Model(phrase, ops.reshape(scores, (-1, scores_of(settings))), name=name)


def scores_of(settings: Settings) -> int:
    """How many scores a `"bar"` critic gives a phrase: five times of four quarters of each bar."""
    return 5 * N_BARS if settings.mixes_bars else 1


def unit(settings: Settings, kind: Kind) -> str:
    """What each score of a critic is of: the phrase, each of its tracks, or each of its bars."""
    if settings.critic == "bar":
        return "bar" if kind.given else "phrase"
    return "track" if kind.model == "jamming" and settings.critic_each else "phrase"


BINARISATIONS = ("threshold", "monophonic", "bernoulli")


class MuseGAN:
    """A trained generator. All music is bool phrases `(N, 4, 96, 84, 5)`.

    Args:
        preset: a name of `PRESETS`.
        kind: which model it is, and what track it is given.
        generator: what `generator` built for this kind, trained.

    Example:
        >>> import musegen
        >>> musegen.load("runs/musegan-hybrid").generate(2, seed=1).shape
        (2, 4, 96, 84, 5)
    """

    n_steps = N_STEPS
    evaluation_phrases = 5000  # 20,000 bars, as in the paper's tables

    def __init__(self, preset: str, kind: Kind, generator: keras.Model):
        self.preset, self.settings, self.kind = preset, PRESETS[preset], kind
        self.network = generator
        shapes = {name: tensor.shape[1:] for name, tensor in generator.input.items()}
        if kind.given:
            shapes.pop("given", None)
        if shapes != kind.latents:
            raise Error(
                f"{generator.name}: takes {shapes}, which is not what the {kind.model} takes "
                f"{'given the ' + kind.given if kind.given else 'from scratch'}"
            )

    def generate(
        self,
        n: int,
        seed: int = 0,
        z_std: float | None = None,
        binarisation: str | None = None,
    ) -> np.ndarray:
        """`n` new phrases.

        Args:
            z_std: standard deviation of the random vectors; by default that of the training.
            binarisation: `"threshold"` turns on what is above 0; `"monophonic"` the same, but of
                the bass no more than one pitch at a time; `"bernoulli"` draws each cell. By default
                as the preset has it.
        """
        self._check_alone()
        return self.play(self.draw(n, seed, z_std), seed, binarisation)

    def accompany(
        self,
        phrases: np.ndarray,
        seed: int = 0,
        z_std: float | None = None,
        binarisation: str | None = None,
    ) -> np.ndarray:
        """The given track of some phrases, cell by cell as it is, and new other tracks to it."""
        given = self.kind.given
        if not given:
            raise Error(
                "this system is given no track: musegen generate, or accompany with one of the "
                "-conditional systems"
            )
        phrases = validate(phrases)
        if phrases.shape[1:] != (N_BARS, N_STEPS, N_PITCHES, N_TRACKS):
            raise Error(
                f"phrases of {phrases.shape[1:]} bars, steps, pitches and tracks; this system "
                f"takes {(N_BARS, N_STEPS, N_PITCHES, N_TRACKS)}"
            )
        z = self.draw(len(phrases), seed, z_std) | self.hear(phrases)
        cells = self.play(z, seed, binarisation)
        k = TRACKS.index(given)
        cells[..., k] = phrases[..., k]
        return cells

    def hear(self, phrases: np.ndarray) -> dict[str, np.ndarray]:
        """The given track of some phrases as the generator takes it; nothing from scratch."""
        if not self.kind.given:
            return {}
        k = TRACKS.index(self.kind.given)
        return {"given": 2 * phrases[..., k : k + 1].astype(np.float32) - 1}

    def interpolate_seeds(
        self,
        seeds: tuple[int, int],
        n: int,
        way: str = "lerp",
        z_std: float | None = None,
        binarisation: str | None = None,
    ) -> np.ndarray:
        """`n` phrases on the way from the phrase of one seed to that of another, both included.

        Args:
            way: `"lerp"`, a straight line, or `"slerp"`, along the sphere.
        """
        if way not in WAYS:
            raise Error(f"unknown way {way!r}; choose {', '.join(WAYS)}")
        self._check_alone()
        start, end = (self.draw(1, seed, z_std) for seed in seeds)
        share = np.linspace(0, 1, n, dtype=np.float32)
        z = {name: WAYS[way](start[name], end[name], share) for name in start}
        return self.play(z, seeds[0], binarisation)

    def grid(
        self, n: int = 8, reach: float = 0.0005, binarisation: str | None = None
    ) -> np.ndarray:
        """`n * n` phrases, row by row: shared vectors grow down the rows, private along them.

        All their numbers are the same, from `-reach` to `reach`, as in the original's picture.
        """
        self._check_alone()
        steps = np.linspace(-reach, reach, n, dtype=np.float32)
        shared, private = np.repeat(steps, n), np.tile(steps, n)
        z = {}
        for name, shape in self.kind.latents.items():
            own = private if name.startswith("z_tracks") else shared
            z[name] = np.broadcast_to(own.reshape(-1, *[1] * len(shape)), (n * n, *shape))
        return self.play(z, 0, binarisation)

    def evaluation_sets(
        self, phrases: np.ndarray, n: int, seed: int = 0, z_std: float | None = None
    ) -> dict[str, np.ndarray]:
        """The rows of the paper's tables 1 and 2: `n` phrases of its own, or to the given ones."""
        if not self.kind.given:
            return {f"from scratch, {self.kind.model}": self.generate(n, seed, z_std)}
        return {f"track-conditional, {self.kind.model}": self.accompany(phrases, seed, z_std)}

    def _check_alone(self) -> None:
        if self.kind.given:
            raise Error(
                f"this system writes nothing alone: it accompanies a given {self.kind.given}; "
                "musegen accompany SONG"
            )

    def draw(self, n: int, seed: int, z_std: float | None = None) -> dict[str, np.ndarray]:
        """Random vectors of `n` phrases."""
        if isinstance(z_std, str):
            raise Error(f"z_std {z_std!r}: this system measures no vectors; give a number")
        rng = np.random.default_rng(seed)
        std = np.float32(self.settings.z_std if z_std is None else z_std)
        return {
            name: rng.standard_normal((n, *shape), np.float32) * std
            for name, shape in self.kind.latents.items()
        }

    def values(self, z: dict[str, np.ndarray]) -> np.ndarray:
        """What the generator writes, real numbers in (-1, 1)."""
        return self.network.predict(z, PHRASES_AT_ONCE, verbose=0)

    def play(
        self, z: dict[str, np.ndarray], seed: int = 0, binarisation: str | None = None
    ) -> np.ndarray:
        """Phrases of random vectors and, for a conditional system, the given track."""
        n = len(next(iter(z.values())))
        cells = np.empty((n, N_BARS, N_STEPS, N_PITCHES, N_TRACKS), bool)
        for start in range(0, n, 8 * PHRASES_AT_ONCE):  # 20,000 bars of floats do not fit memory
            rows = slice(start, start + 8 * PHRASES_AT_ONCE)
            values = self.values({name: own[rows] for name, own in z.items()})
            cells[rows] = self.binarised(values, binarisation, [seed, 1, start])
        return cells

    def binarised(
        self, values: np.ndarray, binarisation: str | None = None, seed: int | list[int] = 0
    ) -> np.ndarray:
        """Cells of real numbers in (-1, 1)."""
        default = "monophonic" if self.settings.monophonic_bass else "threshold"
        binarisation = binarisation or default
        if binarisation not in BINARISATIONS:
            known = ", ".join(BINARISATIONS)
            raise Error(f"unknown binarisation {binarisation!r}; choose {known}")
        if binarisation == "bernoulli":
            return binarise((values + 1) / 2, rule="bernoulli", seed=seed)
        return binarise(values, monophonic_bass=binarisation == "monophonic")

    def save(self, folder: str | Path) -> Path:
        """Writes the system into a folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.network.save(folder / "generator.keras")
        ablated = not self.network.non_trainable_variables  # no moving averages, no normalization
        told = {"system": system_name(self.kind, ablated), "preset": self.preset}
        told |= {"given": self.kind.given}
        write_bytes(folder / SYSTEM_FILE, (json.dumps(told, indent=2) + "\n").encode())
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> "MuseGAN":
        """Reads what `save` wrote."""
        folder = Path(folder)
        told = {"preset": None, "given": None} | json.loads((folder / SYSTEM_FILE).read_text())
        if told["preset"] not in PRESETS:
            raise Error(f"{folder}: of an unknown preset {told['preset']!r}")
        _, model, *_ = told["system"].replace("ablated", "composer").split("-")
        return cls(
            told["preset"], Kind(model, told["given"]), load_model(folder / "generator.keras")
        )


def system_name(kind: Kind, ablated: bool = False) -> str:
    """As `musegen info` lists it; ablated is a composer without batch normalization."""
    if ablated and not kind.given:
        return "musegan-ablated"
    return f"musegan-{kind.model}{'-conditional' if kind.given else ''}"


def lerp(start: np.ndarray, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Points at shares of the straight line between two sets of vectors `(1, ...)`."""
    share = share.reshape(-1, *[1] * (start.ndim - 1))
    return (1 - share) * start + share * end


def slerp(start: np.ndarray, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Points at shares of the arc between two sets of vectors `(1, ..., L)`, each by itself."""
    share = share.reshape(-1, *[1] * (start.ndim - 1))
    lengths = np.linalg.norm(start, axis=-1, keepdims=True) * np.linalg.norm(
        end, axis=-1, keepdims=True
    )
    cosine = (start * end).sum(axis=-1, keepdims=True) / np.maximum(lengths, 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    sine = np.sin(angle)
    straight = sine < 1e-6
    a = np.where(straight, 1 - share, np.sin((1 - share) * angle) / np.where(straight, 1, sine))
    b = np.where(straight, share, np.sin(share * angle) / np.where(straight, 1, sine))
    return (a * start + b * end).astype(np.float32)


WAYS = {"lerp": lerp, "slerp": slerp}


def models(model: str, conditional: bool, batch_norm: bool, preset: str) -> list[keras.Model]:
    """The untrained networks of one system, as `musegen info` shows them."""
    settings = replace(PRESETS[preset], batch_norm=batch_norm)
    kind = Kind(model, "piano" if conditional else None)
    return [generator(settings, kind), critic(settings, kind)]
