"""Defines the names and sizes of a phrase, without numpy, so that `--help` answers quickly."""

import math
from dataclasses import dataclass

TRACKS = ("drums", "piano", "guitar", "bass", "strings")
LOWEST_PITCH = 24
N_PITCHES = 84
N_BARS = 4
BEATS_PER_BAR = 4


@dataclass(frozen=True)
class Layout:
    """A `Layout` holds the shape of one phrase and the name of each track.

    Args:
        n_bars: number of bars in a phrase.
        n_steps: number of steps in a bar.
        tracks: names of the tracks.
    """

    n_bars: int = N_BARS
    n_steps: int = 96
    tracks: tuple[str, ...] = TRACKS

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Returns the shape of one phrase, `(bars, steps, 84, tracks)`."""
        return self.n_bars, self.n_steps, N_PITCHES, len(self.tracks)

    @property
    def n_cells(self) -> int:
        """Returns the number of cells in one phrase."""
        return math.prod(self.shape)

    @property
    def n_bytes(self) -> int:
        """Returns the number of bytes in one packed phrase."""
        return -(-self.n_cells // 8)
