"""Makes new music from old, for arrays in memory."""

from collections.abc import Sequence

import numpy as np

from musegen.data.pipeline import SHIFTS
from musegen.music.phrases import BEATS_PER_BAR, TRACKS, transpose


def transposed(bars: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moves each of the bars `(n, steps, 84)` of a pitched track by -5 to 6 semitones."""
    shifts = rng.choice(SHIFTS, len(bars))
    moved = np.empty_like(bars)
    for shift in SHIFTS:
        rows = shifts == shift
        moved[rows] = transpose(bars[rows, ..., None], shift, ("",))[..., 0]
    return moved


def mixed(bars: np.ndarray, rng: np.random.Generator, by_pitch: bool = False) -> np.ndarray:
    """Replaces half of the bars, at random, by bars whose beats come from several others.

    Args:
        bars: bars `(n, steps, 84)` of one track.
        by_pitch: whether the pitches, and not the beats, of a bar come from several bars, as suits
            drums.
    """
    n, _, n_pitches = bars.shape
    beats = bars.reshape(n, BEATS_PER_BAR, -1, n_pitches)
    new = np.empty_like(beats)
    for beat in range(BEATS_PER_BAR):
        new[:, beat] = beats[rng.permutation(n), beat]
    if by_pitch:
        for pitch in np.flatnonzero(beats.any(axis=(0, 1, 2))):
            new[..., pitch] = beats[rng.permutation(n), ..., pitch]
    replaced = rng.random(n) < 0.5
    return np.where(replaced[:, None, None], new.reshape(bars.shape), bars)


def exchanged(
    phrases: np.ndarray, track: str, others: Sequence[str], rng: np.random.Generator
) -> np.ndarray:
    """Exchanges a track of phrases `(N, bars, steps, 84, 5)` with another.

    The other is in each phrase one of `others` that plays, at random; it may be `track` itself.
    """
    here, parts = TRACKS.index(track), [TRACKS.index(other) for other in others]
    plays = phrases.any(axis=(1, 2)).any(axis=1)[:, parts]  # in two steps 30 times faster
    chances = rng.random(plays.shape) * plays  # the highest is taken
    new = phrases.copy()
    for k, part in enumerate(parts):
        rows = plays.any(axis=1) & (chances.argmax(axis=1) == k)
        new[rows, ..., here] = phrases[rows, ..., part]
        new[rows, ..., part] = phrases[rows, ..., here]
    return new
