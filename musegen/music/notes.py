"""Converts piano-rolls to note events, and note events to piano-rolls.

Notes are a structured array with the fields `onset`, `duration` (both in steps), `pitch` (index in
the roll) and `track`. A note is a maximal run of on-cells of one pitch, and notes are ordered by
onset, then track, then pitch.
"""

from collections.abc import Iterable

import numpy as np

NOTE = np.dtype([("onset", "i4"), ("duration", "i4"), ("pitch", "i2"), ("track", "i2")])


def from_roll(roll: np.ndarray) -> np.ndarray:
    """Returns the notes of a bool roll `(steps, pitches)` or `(steps, pitches, tracks)`."""
    cells = roll[..., None] if roll.ndim == 2 else roll
    lines = np.ascontiguousarray(cells.transpose(2, 1, 0)).view(np.int8)  # (K, P, T)
    off = np.int8(0)  # a plain 0 would turn the whole array into int64
    edges = np.diff(lines, axis=-1, prepend=off, append=off)
    track, pitch, onset = np.nonzero(edges == 1)
    end = np.nonzero(edges == -1)[2]
    return _sorted(onset, end - onset, pitch, track)


def hits(roll: np.ndarray) -> np.ndarray:
    """Returns every on-cell as a note of one step, which is how drum tracks are read."""
    onset, pitch, track = np.nonzero(roll[..., None] if roll.ndim == 2 else roll)
    return _sorted(onset, 1, pitch, track)


def from_parts(parts: Iterable[np.ndarray], drums: bool = False) -> np.ndarray:
    """Returns the notes of one track whose roll comes in parts.

    Args:
        parts: consecutive parts of a bool roll `(steps, pitches)`.
        drums: whether the track is drums, whose notes are hits of one step.
    """
    on, off, start, last = [], [], 0, np.int8(0)
    for part in parts:
        if drums:
            step, pitch = np.nonzero(part)
            on.append((pitch, start + step))
        else:
            lines = np.ascontiguousarray(part.T).view(np.int8)  # (P, T)
            edges = np.diff(lines, axis=-1, prepend=last)
            for events, edge in ((on, 1), (off, -1)):
                pitch, step = np.nonzero(edges == edge)
                events.append((pitch, start + step))
            last = lines[:, -1:]
        start += len(part)
    if drums:
        pitch, step = np.hstack(on)
        return _sorted(step, 1, pitch, np.zeros_like(pitch))
    pitch = np.flatnonzero(last)
    off.append((pitch, np.full(len(pitch), start)))
    # The notes of one pitch end in the order in which they begin, so sorting pairs on with off.
    on, off = (events[:, np.lexsort(events[::-1])] for events in (np.hstack(on), np.hstack(off)))
    return _sorted(on[1], off[1] - on[1], on[0], np.zeros_like(on[0]))


def to_roll(notes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Paints notes on an empty bool roll and returns it.

    Args:
        notes: array of `NOTE`.
        shape: shape of the roll, `(steps, pitches)` or `(steps, pitches, tracks)`.
    """
    roll = np.zeros(shape, bool)
    step = ranges(notes["onset"], notes["duration"])
    pitch, track = (np.repeat(notes[name], notes["duration"]) for name in ("pitch", "track"))
    inside = (step >= 0) & (step < shape[0])
    index = (step[inside], pitch[inside], track[inside])
    roll[index[: len(shape)]] = True
    return roll


def ranges(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Returns all integers of the ranges `[start, start + length)`, one range after the other."""
    ends = np.cumsum(length)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(start - ends + length, length)


def _sorted(onset: np.ndarray, duration, pitch: np.ndarray, track: np.ndarray) -> np.ndarray:
    """Returns an array of `NOTE` from its columns, ordered by onset, track and pitch."""
    notes = np.empty(len(onset), NOTE)
    for name, column in zip(NOTE.names, (onset, duration, pitch, track), strict=True):
        notes[name] = column
    return notes[np.lexsort((pitch, track, onset))]
