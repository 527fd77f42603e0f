"""The names and numbers of a phrase, apart from its arrays: what `--help` needs is read at once."""

import math
from dataclasses import dataclass

TRACKS = ("drums", "piano", "guitar", "bass", "strings")
LOWEST_PITCH = 24
N_PITCHES = 84
N_BARS = 4
BEATS_PER_BAR = 4


@dataclass(frozen=True)
class Layout:
    """The shape of one phrase: `(bars, steps, 84, tracks)`, and the name of each track."""

    n_bars: int = N_BARS
    n_steps: int = 96
    tracks: tuple[str, ...] = TRACKS

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return self.n_bars, self.n_steps, N_PITCHES, len(self.tracks)

    @property
    def n_cells(self) -> int:
        return math.prod(self.shape)

    @property
    def n_bytes(self) -> int:
        """Bytes of one packed phrase."""
        return -(-self.n_cells // 8)
