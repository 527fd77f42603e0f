"""MuseGAN's critics: networks whose scores train the generators.

    paper   phrase (B, 4, 96, 84, 5) -> 3-D convolutions over bars, pitches, time -> score
    repo    each bar (96, 84, 5) -> convolutions over pitches, time -> features -> score
            features of four bars -> convolutions over bars -> score

Citation and original code: see `musegen.models.musegan.generators`.
"""

import keras
import numpy as np
from keras import layers, ops

from musegen import Error
from musegen.models.layers.convolutions import Conv2D, Conv3D
from musegen.models.musegan.generators import N_TRACKS, activated, weights
from musegen.models.musegan.settings import N_STEPS, Kind, Settings
from musegen.music.phrases import N_BARS, N_PITCHES, TRACKS


def critic(settings: Settings, kind: Kind, name: str = "critic") -> keras.Model:
    """Builds a critic, from phrases `(B, n_bars, 96, 84, 5)` to their scores.

    The number of scores of a phrase depends on `unit` and `scores_of`.
    """
    phrase = keras.Input((kind.n_bars, N_STEPS, N_PITCHES, N_TRACKS), name="phrase")
    if settings.critic == "phrase":
        if kind.n_bars != N_BARS:
            raise Error(
                "the critic of preset paper needs phrases of four bars; for single bars use that "
                "of preset repo"
            )
        if unit(settings, kind) == "phrase":
            return phrase_critic(settings, name=name)
        scores = [
            phrase_critic(settings, 1, f"critic-{track}")(phrase[..., k : k + 1])
            for k, track in enumerate(TRACKS) if track in kind.written
        ]  # fmt: skip
        return keras.Model(phrase, layers.Concatenate(name="scores")(scores), name=name)
    score, features = bar_critic(settings)(ops.reshape(phrase, (-1, N_STEPS, N_PITCHES, N_TRACKS)))
    if kind.independent_bars:
        return keras.Model(phrase, ops.reshape(score, (-1, kind.n_bars)), name=name)
    size = settings.wide(128)
    if settings.mixes_bars:  # (4 B, 5, 1, 512): each place in time, cut in four
        vectors = ops.reshape(features, (-1, N_BARS, 1, size))
    else:
        project = layers.Dense(size, name="project", **weights(settings))
        vectors = ops.reshape(project(ops.mean(features, axis=(1, 2))), (-1, N_BARS, 1, size))
    scores = bars_critic(settings)(vectors)
    return keras.Model(phrase, ops.reshape(scores, (-1, scores_of(settings))), name=name)


def scores_of(settings: Settings) -> int:
    """Returns how many scores a `"bar"` critic gives a phrase.

    With `mixes_bars` it scores each of the five places in time of each bar by itself.
    """
    return 5 * N_BARS if settings.mixes_bars else 1


def unit(settings: Settings, kind: Kind) -> str:
    """Returns what each score of a critic is for: a `"phrase"`, a `"track"` or a `"bar"` of it."""
    if settings.critic == "bar":
        return "bar" if kind.independent_bars else "phrase"
    return "track" if kind.model == "jamming" and settings.critic_each else "phrase"


def phrase_critic(settings: Settings, n_tracks: int = N_TRACKS, name: str = "critic"):
    """Builds the critic of phrases, `(B, 4, 96, 84, n_tracks)` to `(B, 1)`."""
    phrase = x = keras.Input((N_BARS, N_STEPS, N_PITCHES, n_tracks), name="phrase")
    convolutions = (  # filters, kernel, stride: over bars, then pitches, then time
        (128, (2, 1, 1), (1, 1, 1)),
        (128, (3, 1, 1), (1, 1, 1)),
        (128, (1, 1, 12), (1, 1, 12)),
        (128, (1, 1, 7), (1, 1, 7)),
        (128, (1, 2, 1), (1, 2, 1)),
        (128, (1, 2, 1), (1, 2, 1)),
        (256, (1, 4, 1), (1, 2, 1)),
        (512, (1, 3, 1), (1, 2, 1)),
    )
    for i, (filters, kernel, stride) in enumerate(convolutions, 1):
        x = Conv3D(settings.wide(filters), kernel, stride, name=f"conv_{i}", **weights(settings))(x)
        x = activated(x, "leaky_relu", f"conv_{i}")
    return keras.Model(phrase, scored(x, settings), name=name)


def bar_critic(settings: Settings, n_tracks: int = N_TRACKS, name: str = "bar-critic"):
    """Builds the critic of bars, `(B, 96, 84, n_tracks)` to scores `(B, 1)` and features."""
    bar = x = keras.Input((N_STEPS, N_PITCHES, n_tracks), name="bar")
    convolutions = (  # filters, kernel, stride: over pitches, then time
        (128, (1, 12), (1, 12)),
        (128, (1, 7), (1, 7)),
        (128, (2, 1), (2, 1)),
        (128, (2, 1), (2, 1)),
        (256, (4, 1), (2, 1)),
        (None, (3, 1), (2, 1)),
    )
    for i, (filters, kernel, stride) in enumerate(convolutions, 1):
        # The last one has 512 filters, in any width 4 times 128, as `critic` cuts them in four.
        filters = settings.wide(filters) if filters else 4 * settings.wide(128)
        x = Conv2D(filters, kernel, stride, name=f"conv_{i}", **weights(settings))(x)
        x = activated(x, "leaky_relu", f"conv_{i}")
        if settings.note_counts and x.shape[1] == N_STEPS // 4:
            y = Conv2D(settings.wide(128), (4, 1), (4, 1), name="counts", **weights(settings))
            y = activated(y(note_counts(bar)), "leaky_relu", "counts")
            x = layers.Concatenate(name="hear")([x, y])  # the name of version 0.1
    return keras.Model(bar, [scored(x, settings), x], name=name)


def note_counts(bar):
    """Counts the notes of each track that begin, and that sound, at each step, `(B, 96, 1, 2n)`."""
    n = bar.shape[-1]
    steps = ops.reshape(bar, (-1, N_STEPS, N_PITCHES * n))
    tracks = ops.cast(np.tile(np.eye(n), (N_PITCHES, 1)), steps.dtype)  # sums over pitches, fast
    sounding = ops.matmul((steps + 1) / 2, tracks)
    beginning = ops.matmul(ops.relu(steps[:, 1:] - steps[:, :-1]) / 2, tracks)
    # At the first step all notes that sound begin.
    beginning = ops.concatenate([sounding[:, :1], beginning], axis=1)
    return ops.concatenate([beginning, sounding], axis=-1)[:, :, None]


def scored(x, settings: Settings):
    """Applies the two dense layers that end every critic, and returns the score."""
    x = layers.Flatten(name="flat")(x)
    x = activated(
        layers.Dense(settings.wide(1024), name="dense", **weights(settings))(x),
        "leaky_relu",
        "dense",
    )
    return layers.Dense(1, name="score", dtype="float32", **weights(settings))(x)


def bars_critic(settings: Settings, name: str = "phrase-critic"):
    """Builds the critic of four vectors of bar features, `(B, 4, 1, 128)` to `(B, 1)`."""
    bars = x = keras.Input((N_BARS, 1, settings.wide(128)), name="bars")
    for i, (filters, size, stride) in enumerate(((512, 2, 1), (128, 3, 3)), 1):
        x = Conv2D(settings.wide(filters), (size, 1), (stride, 1), name=f"conv_{i}",
                          **weights(settings))(x)  # fmt: skip
        x = activated(x, "leaky_relu", f"conv_{i}")
    return keras.Model(bars, scored(x, settings), name=name)
