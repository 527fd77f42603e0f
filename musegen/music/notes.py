"""Note events: from and to piano-rolls.

Notes are a structured array with the fields `onset`, `duration` (both in steps), `pitch` (index in
the roll) and `track`. A note is a maximal run of on-cells of one pitch, and notes are ordered by
onset, then track, then pitch.
"""

import numpy as np

NOTE = np.dtype([("onset", "i4"), ("duration", "i4"), ("pitch", "i2"), ("track", "i2")])


def from_roll(roll: np.ndarray) -> np.ndarray:
    """The notes of a bool roll `(steps, pitches)` or `(steps, pitches, tracks)`."""
    cells = roll[..., None] if roll.ndim == 2 else roll
    lines = np.ascontiguousarray(cells.transpose(2, 1, 0)).view(np.int8)  # (K, P, T)
    off = np.int8(0)  # a plain 0 would make all of it int64
    edges = np.diff(lines, axis=-1, prepend=off, append=off)
    track, pitch, onset = np.nonzero(edges == 1)
    end = np.nonzero(edges == -1)[2]
    return _sorted(onset, end - onset, pitch, track)


def hits(roll: np.ndarray) -> np.ndarray:
    """Every on-cell as a note of one step: how drums are meant."""
    onset, pitch, track = np.nonzero(roll[..., None] if roll.ndim == 2 else roll)
    return _sorted(onset, 1, pitch, track)


def to_roll(notes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Paints notes on a bool roll of `shape`: `(steps, pitches)` or `(steps, pitches, tracks)`."""
    roll = np.zeros(shape, bool)
    step = spread(notes["onset"], notes["duration"])
    pitch, track = (np.repeat(notes[name], notes["duration"]) for name in ("pitch", "track"))
    inside = (step >= 0) & (step < shape[0])
    index = (step[inside], pitch[inside], track[inside])
    roll[index[: len(shape)]] = True
    return roll


def spread(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """All integers of the ranges `[start, start + length)`, one range after the other."""
    ends = np.cumsum(length)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(start - ends + length, length)


def _sorted(onset: np.ndarray, duration, pitch: np.ndarray, track: np.ndarray) -> np.ndarray:
    notes = np.empty(len(onset), NOTE)
    for name, column in zip(NOTE.names, (onset, duration, pitch, track), strict=True):
        notes[name] = column
    return notes[np.lexsort((pitch, track, onset))]
