"""MuseGAN's critics: the scores by which its generators learn.

    paper   phrase (B, 4, 96, 84, 5) -> 3-D convolutions over bars, pitches, time -> score
    repo    each bar (96, 84, 5) -> convolutions over pitches, time -> score, and what it was found
            from, of which more convolutions make the scores of a phrase

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
    """The whole critic: phrases `(B, n_bars, 96, 84, 5)` to scores.

    There are as many scores of a phrase as `unit` says it has parts.
    """
    phrase = keras.Input((kind.n_bars, N_STEPS, N_PITCHES, N_TRACKS), name="phrase")
    if settings.critic == "phrase":
        if kind.n_bars != N_BARS:
            raise Error("the paper's critic compares four bars; that of its code, repo, takes one")
        if unit(settings, kind) == "phrase":
            return phrase_critic(settings, name=name)
        own = [
            phrase_critic(settings, 1, f"critic-{track}")(phrase[..., k : k + 1])
            for k, track in enumerate(TRACKS) if track in kind.written
        ]  # fmt: skip
        return keras.Model(phrase, layers.Concatenate(name="scores")(own), name=name)
    score, found = bar_critic(settings)(ops.reshape(phrase, (-1, N_STEPS, N_PITCHES, N_TRACKS)))
    if kind.independent_bars:
        return keras.Model(phrase, ops.reshape(score, (-1, kind.n_bars)), name=name)
    size = settings.wide(128)
    if settings.mixes_bars:  # (4 B, 5, 1, 512): each row of time, cut in four
        items = ops.reshape(found, (-1, N_BARS, 1, size))
    else:
        own = layers.Dense(size, name="project", **weights(settings))(ops.mean(found, axis=(1, 2)))
        items = ops.reshape(own, (-1, N_BARS, 1, size))
    scores = bars_critic(settings)(items)
    return keras.Model(phrase, ops.reshape(scores, (-1, scores_of(settings))), name=name)


def scores_of(settings: Settings) -> int:
    """How many scores a `"bar"` critic gives a phrase: five times of four quarters of each bar."""
    return 5 * N_BARS if settings.mixes_bars else 1


def unit(settings: Settings, kind: Kind) -> str:
    """What each score of a critic is of: the phrase, each of its tracks, or each of its bars."""
    if settings.critic == "bar":
        return "bar" if kind.independent_bars else "phrase"
    return "track" if kind.model == "jamming" and settings.critic_each else "phrase"


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
        x = Conv3D(settings.wide(filters), kernel, stride, name=f"conv_{i}", **weights(settings))(x)
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
        x = Conv2D(filters, kernel, stride, name=f"conv_{i}", **weights(settings))(x)
        x = activated(x, "leaky_relu", f"conv_{i}")
        if settings.hears_onsets and x.shape[1] == N_STEPS // 4:
            y = Conv2D(settings.wide(128), (4, 1), (4, 1), name="counts", **weights(settings))
            y = activated(y(counts(bar)), "leaky_relu", "counts")
            x = layers.Concatenate(name="hear")([x, y])
    return keras.Model(bar, [scored(x, settings), x], name=name)


def counts(bar):
    """How many notes of each track begin, and how many sound, at each step: `(B, 96, 1, 2 n)`."""
    n = bar.shape[-1]
    steps = ops.reshape(bar, (-1, N_STEPS, N_PITCHES * n))
    tracks = ops.cast(np.tile(np.eye(n), (N_PITCHES, 1)), steps.dtype)  # products sum fast
    sound = ops.matmul((steps + 1) / 2, tracks)
    begin = ops.matmul(ops.relu(steps[:, 1:] - steps[:, :-1]) / 2, tracks)
    begin = ops.concatenate([sound[:, :1], begin], axis=1)  # in the first step all that sound
    return ops.concatenate([begin, sound], axis=-1)[:, :, None]


def scored(x, settings: Settings):
    """The two dense layers at the end of every critic."""
    x = layers.Flatten(name="flat")(x)
    x = activated(
        layers.Dense(settings.wide(1024), name="dense", **weights(settings))(x),
        "leaky_relu",
        "dense",
    )
    return layers.Dense(1, name="score", dtype="float32", **weights(settings))(x)


def bars_critic(settings: Settings, name: str = "phrase-critic"):
    """The score of four bars that a bar critic has read: `(B, 4, 1, 128)` to `(B, 1)`."""
    bars = x = keras.Input((N_BARS, 1, settings.wide(128)), name="bars")
    for i, (filters, size, stride) in enumerate(((512, 2, 1), (128, 3, 3)), 1):
        x = Conv2D(settings.wide(filters), (size, 1), (stride, 1), name=f"conv_{i}",
                          **weights(settings))(x)  # fmt: skip
        x = activated(x, "leaky_relu", f"conv_{i}")
    return keras.Model(bars, scored(x, settings), name=name)
