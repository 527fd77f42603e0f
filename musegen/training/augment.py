"""New bars from old ones, for arrays of bars in memory."""

import numpy as np

from musegen.data.pipeline import SHIFTS
from musegen.phrases import BEATS_PER_BAR, transpose


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
        by_pitch: each pitch of a beat from another bar too, as suits drums.
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
