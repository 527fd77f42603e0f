"""New music from old, for arrays in memory."""

from collections.abc import Sequence

import numpy as np

from musegen.data.pipeline import SHIFTS
from musegen.music.phrases import BEATS_PER_BAR, TRACKS, transpose


def transposed(bars: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bars `(n, steps, 84)` of a pitched track, each moved by -5 to 6 semitones."""
    shifts = rng.choice(SHIFTS, len(bars))
    moved = np.empty_like(bars)
    for shift in SHIFTS:
        mine = shifts == shift
        moved[mine] = transpose(bars[mine, ..., None], shift, ("",))[..., 0]
    return moved


def mixed(bars: np.ndarray, rng: np.random.Generator, by_pitch: bool = False) -> np.ndarray:
    """Every other bar at random is put together anew, each beat from another bar.

    Args:
        bars: `(n, steps, 84)`.
        by_pitch: each pitch from another bar, and no beats apart, as suits drums.
    """
    n, _, n_pitches = bars.shape
    beats = bars.reshape(n, BEATS_PER_BAR, -1, n_pitches)
    new = np.empty_like(beats)
    for beat in range(BEATS_PER_BAR):
        new[:, beat] = beats[rng.permutation(n), beat]
    if by_pitch:
        for pitch in np.flatnonzero(beats.any(axis=(0, 1, 2))):
            new[..., pitch] = beats[rng.permutation(n), ..., pitch]
    chosen = rng.random(n) < 0.5
    return np.where(chosen[:, None, None], new.reshape(bars.shape), bars)


def exchanged(
    phrases: np.ndarray, track: str, others: Sequence[str], rng: np.random.Generator
) -> np.ndarray:
    """Phrases `(N, bars, steps, 84, 5)` in which a track has changed parts with another.

    In each phrase the other is one of `others` that plays, at random; it may be `track` itself.
    """
    own, parts = TRACKS.index(track), [TRACKS.index(other) for other in others]
    plays = phrases.any(axis=(1, 2)).any(axis=1)[:, parts]  # in two steps 30 times faster
    chances = rng.random(plays.shape) * plays  # the highest is taken
    new = phrases.copy()
    for k, part in enumerate(parts):
        mine = plays.any(axis=1) & (chances.argmax(axis=1) == k)
        new[mine, ..., own] = phrases[mine, ..., part]
        new[mine, ..., part] = phrases[mine, ..., own]
    return new
