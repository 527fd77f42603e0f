"""Measures of what the DuetHLSTM report claims of its music, and of its training samples.

J. Huang, M. Ji, D. Martin: "DuetHLSTM: A Hierarchical LSTM Model for Two-Track Music Generation",
class project, Carnegie Mellon University, 2019: sections 1, 4 and 5. The report states its claims
in words and gives no numbers for them; the measures are musegen's own.

| claim of the report | measure |
|---|---|
| the accompaniment harmonises with the melody | `consonance`, `unison` |
| it often starts together with the melody | `shared_onsets` |
| notes are held as long as in the data | `unchanged` |
| a copy of the last step is the first thing that is learned | `copying` |
| the music is not a copy of the training data | `distances`, `originals` |
| (course of the training) | `density`, `silent`, `sounding_notes`, `most_notes`, `bursts` |

Conventions
    Track 0 is the melody (piano), track 1 the accompaniment (strings). A bar has eight steps. A
    pitch class is a pitch modulo 12. An onset is a step at which a pitch sounds that was silent one
    step before in the same phrase; the first step of a phrase has none before it and is not counted
    there.

Input
    `rolls`, bool `(N, steps, 84, 2)`; the function `rolls` makes them from phrases. Every measure
    has an argument `start`, the first step that counts: 4 leaves out the half bar that the system
    was given, of which the steps after it are the continuation.

Values
    Shares are fractions. A value of two tracks is an array `(2,)`. A pair of values is the measure,
    and the same by chance. Without anything to count a value is NaN.
"""

import math
from collections.abc import Sequence

import numpy as np

from musegen import Error
from musegen.metrics.cell_f1 import CellF1
from musegen.metrics.duet import pitch_classes
from musegen.music.phrases import N_PITCHES, TRACKS, reorder, resample, validate

PAIR = ("piano", "strings")  # melody and accompaniment
N_STEPS = 8  # steps of a bar
SEED = 4  # steps that the system is given
CONSONANT = (0, 3, 4, 5, 7, 8, 9)  # semitones: the same note, thirds, fourth, fifth, sixths
MANY = 10  # a step with more notes of one track is a burst

Pair = tuple[float, float]


def rolls(phrases: np.ndarray, tracks: Sequence[str] = TRACKS) -> np.ndarray:
    """Turns phrases into rolls of melody and accompaniment, bool `(N, steps, 84, 2)`.

    Of bars with more than eight steps every sixth, twelfth, ... step is kept, as the original does.

    Args:
        phrases: bool array `(N, bars, steps, 84, tracks)`.
        tracks: names of all tracks; of more than two, piano and strings are taken.
    """
    phrases = validate(phrases)
    if phrases.shape[-1] != len(tracks):
        raise Error(f"phrases of {phrases.shape[-1]} tracks, but {len(tracks)} names: {[*tracks]}")
    if len(tracks) != 2:
        phrases = reorder(phrases, tracks, PAIR)
    phrases = resample(phrases, N_STEPS, tracks=PAIR)
    return phrases.reshape(len(phrases), -1, N_PITCHES, 2)


# Claims.


def consonance(rolls: np.ndarray, start: int = 0) -> Pair:
    """Computes the share of consonant intervals between melody and accompaniment.

    At every step each pitch class of the melody makes a pair with each of the accompaniment. The
    share is that of pairs (m, a) with (a - m) modulo 12 in `CONSONANT`. By chance: the same over
    the melodies of all phrases paired with the accompaniments of all other phrases.
    """
    return _interval_share(rolls, start, CONSONANT)


def unison(rolls: np.ndarray, start: int = 0) -> Pair:
    """Computes the share of pairs of pitch classes, as in `consonance`, that are the same class."""
    return _interval_share(rolls, start, (0,))


def shared_onsets(rolls: np.ndarray, start: int = 0) -> Pair:
    """Computes how many onsets of the accompaniment are together with one of the melody.

    It is a share of the steps at which a note of the accompaniment begins. By chance: the share of
    all steps at which a note of the melody begins.
    """
    onset = (rolls[:, 1:] & ~rolls[:, :-1]).any(axis=2)[:, max(start - 1, 0) :]  # (N, steps, 2)
    melody, accompaniment = onset[..., 0], onset[..., 1]
    return _mean(melody[accompaniment]), _mean(melody)


def unchanged(rolls: np.ndarray, start: int = 0) -> np.ndarray:
    """Computes the share of steps at which a track sounds exactly as one step before, `(2,)`."""
    same = (rolls[:, 1:] == rolls[:, :-1]).all(axis=2)[:, max(start - 1, 0) :]
    return _by_track(same)


def copying(rolls: np.ndarray, start: int = SEED, end: int | None = -1) -> np.ndarray:
    """Computes the F1 of active cells if each step is predicted to be as the one before, `(3,)`.

    With the default, targets are the 27 steps that the original code trains on: those of a phrase
    of 32 steps from the fifth to the last but one.

    Returns:
        The F1 of both tracks together, of the melody, and of the accompaniment.
    """
    truth, predicted = rolls[:, 1:end], rolls[:, : -1 if end is None else end - 1]
    truth, predicted = truth[:, start - 1 :], predicted[:, start - 1 :]
    f1 = CellF1(truth.shape[-1]).add(truth, predicted)
    return np.array([f1.all(), *f1.by_track()])


def distances(rolls: np.ndarray, others: np.ndarray, start: int = SEED) -> np.ndarray:
    """Counts the cells in which each phrase differs from each of the others, `(N, others)`."""
    a, b = (_flat(x[:, start:]).astype(np.float32) for x in (rolls, others))
    return a.sum(axis=1)[:, None] + b.sum(axis=1) - 2 * a @ b.T


def originals(rolls: np.ndarray, others: np.ndarray, seed: int = SEED) -> np.ndarray:
    """Finds the phrase of `others` that begins with the same steps as each phrase, `(N,)`.

    The phrase continues this original. If there are several, it is the first one; if there is none,
    or if the phrase begins with silence, it is -1.
    """
    same = distances(rolls[:, :seed], others[:, :seed], 0) == 0
    found = same.any(axis=1) & rolls[:, :seed].any(axis=(1, 2, 3))
    return np.where(found, same.argmax(axis=1), -1) if len(others) else np.full(len(rolls), -1)


# The course of a training.


def density(rolls: np.ndarray, start: int = 0) -> np.ndarray:
    """Computes the share of cells that are on, `(2,)`."""
    return _by_track(rolls[:, start:].mean(axis=2))


def silent(rolls: np.ndarray, start: int = 0) -> np.ndarray:
    """Computes the share of steps without a note, `(2,)`."""
    return _by_track(_notes(rolls, start) == 0)


def sounding_notes(rolls: np.ndarray, start: int = 0) -> np.ndarray:
    """Computes the mean number of notes of a step that sounds, `(2,)`."""
    notes = _notes(rolls, start)
    return _divided(notes.sum(axis=(0, 1)), (notes > 0).sum(axis=(0, 1)))


def most_notes(rolls: np.ndarray, start: int = 0) -> np.ndarray:
    """Computes the largest number of notes of one step, `(2,)`."""
    return _notes(rolls, start).max(axis=(0, 1), initial=0)


def bursts(rolls: np.ndarray, start: int = 0) -> float:
    """Computes the share of phrases in which some step of a track has more than ten notes."""
    return _mean((_notes(rolls, start) > MANY).any(axis=(1, 2)))


def history_columns(
    rolls: np.ndarray, tracks: Sequence[str] = PAIR, start: int = SEED
) -> dict[str, float]:
    """Computes the columns of a `history.csv` that tell how the samples of an epoch look.

    The columns are `density`, `silent`, `unchanged`, `notes` and `most`, each with `_piano` and
    `_strings`, or the names of other tracks.
    """
    values = {
        "density": density(rolls, start),
        "silent": silent(rolls, start),
        "unchanged": unchanged(rolls, start),
        "notes": sounding_notes(rolls, start),
        "most": most_notes(rolls, start),
    }
    return {
        f"{name}_{track}": float(value)
        for name, both in values.items()
        for track, value in zip(tracks, both, strict=True)
    }


def _interval_share(rolls: np.ndarray, start: int, intervals: Sequence[int]) -> Pair:
    """Computes the shares of pairs of pitch classes with these intervals, as in `consonance`."""
    classes = pitch_classes(np.moveaxis(rolls[:, start:], -1, 0)).astype(np.float32)
    melody, accompaniment = classes  # (N, steps, 12) each
    together = melody.reshape(-1, 12).T @ accompaniment.reshape(-1, 12)
    # Each melody with each accompaniment, without the pairs that belong together.
    apart = melody.sum(axis=0, dtype=float).T @ accompaniment.sum(axis=0, dtype=float) - together
    k = np.arange(12)
    chosen = np.isin((k - k[:, None]) % 12, intervals)
    return tuple(
        _divided((pairs * chosen).sum(), pairs.sum()).item() for pairs in (together, apart)
    )


def _notes(rolls: np.ndarray, start: int) -> np.ndarray:
    """Counts the notes of each step, `(N, steps, 2)`."""
    return rolls[:, start:].sum(axis=2)


def _flat(rolls: np.ndarray) -> np.ndarray:
    """Flattens each phrase to `(N, cells)`."""
    return rolls.reshape(len(rolls), math.prod(rolls.shape[1:]))


def _by_track(values: np.ndarray) -> np.ndarray:
    """Computes the mean of `(N, steps, 2)` by track."""
    total = values.sum(axis=(0, 1))
    return _divided(total, np.full(total.shape, values.shape[0] * values.shape[1]))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan


def _divided(amount: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Divides, with NaN where the total is 0."""
    total = np.asarray(total, float)
    return np.divide(amount, total, out=np.full(total.shape, np.nan), where=total > 0)
