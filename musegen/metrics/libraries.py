"""What the metrics of pypianoroll 1.0.4 and muspy 0.5.0 compute, for comparison only.

Input
    `Pypianoroll`: the roll of one track, bool or integer `(steps, 128)`, of any length. `Muspy`:
    the notes of a piece as `musegen.music.notes` has them, with MIDI numbers as pitches, and which
    of their tracks are drums. Each has its library's metrics as methods, with their options.

Values
    Fractions and counts under the libraries' own names, which often say more than they hold:
    pypianoroll's `empty_beat_rate` is the share of beats that are not empty, its pitch classes are
    blocks of ten neighbouring MIDI pitches, and its scales begin on A; muspy counts the cell in
    which a note ends as filled even if the note ends where the cell begins.

Edge cases
    NaN where undefined, but 0 or -127 for muspy's pitch range without pitched notes. Where
    pypianoroll raises, these functions raise an `Error` that says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musegen import Error
from musegen.metrics.muse import C_MAJOR, rhythmic_grid, tonal_matrix
from musegen.music.notes import ranges, to_roll

_C_MINOR = np.roll(C_MAJOR, 3)  # the white keys from A, moved to C
_PERIODS = {24: 6, 18: 6, 16: 4, 12: 3, 9: 3, 8: 2, 6: 3, 4: 2}  # of the drum grid, by resolution


def evaluate(piece: "Pypianoroll | Muspy") -> dict[str, float]:
    """All metrics with their default options; NaN where the library raises."""
    return {name: _value(getattr(piece, name)) for name in piece.METRICS}


def _value(metric: Callable[[], float]) -> float:
    try:
        return metric()
    except Error:
        return np.nan


def in_scale(histogram: np.ndarray, root: int, mode: str) -> np.ndarray:
    """Sum of the classes `(..., 12)` that are in a scale; class 0 is C and root 0, too."""
    scales = {"major": C_MAJOR, "minor": _C_MINOR}
    if mode not in scales:
        raise Error(f"unknown mode {mode!r}; choose major or minor")
    return histogram @ np.roll(scales[mode], root)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else np.nan


def _entropy(counts: np.ndarray) -> float:
    """Shannon entropy in bits."""
    if not counts.any():
        return np.nan
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum() + 0.0)


@dataclass(frozen=True)
class Pypianoroll:
    """The metrics of pypianoroll for one track.

    Args:
        roll: bool or integer `(steps, 128)`.
        resolution: steps of a beat.
    """

    roll: np.ndarray
    resolution: int

    METRICS = (
        "empty_beat_rate",
        "n_pitches_used",
        "n_pitch_classes_used",
        "pitch_range",
        "qualified_note_rate",
        "polyphonic_rate",
        "in_scale_rate",
        "drum_in_pattern_rate",
    )

    @cached_property
    def _spread(self) -> np.ndarray:
        """The roll with MIDI 120 to 127 added to the first pitches of each block of ten."""
        roll = self.roll.copy()
        roll[:, :120].reshape(-1, 12, 10)[..., :8] += roll[:, None, 120:]
        return roll

    @cached_property
    def chroma(self) -> np.ndarray:
        """Sums over blocks of ten pitches, `(steps, 12)`."""
        return self._spread[:, :120].reshape(-1, 12, 10).sum(axis=-1)

    def empty_beat_rate(self) -> float:
        """Share of beats that are not empty."""
        n_beats, rest = divmod(len(self.roll), self.resolution)
        if rest:
            raise Error(f"{len(self.roll)} steps are no multiple of {self.resolution} steps a beat")
        beats = self.roll.reshape(n_beats, -1) if n_beats else self.roll
        return _share(beats.any(axis=1).sum(), n_beats)

    def n_pitches_used(self) -> int:
        return int(self.roll.any(axis=0).sum())

    def n_pitch_classes_used(self) -> int:
        """Blocks of ten pitches in use."""
        return int(self.chroma.any(axis=0).sum())

    def pitch_range_tuple(self) -> tuple[float, float]:
        """Lowest and highest pitch."""
        used = np.flatnonzero(self.roll.any(axis=0))
        return (int(used[0]), int(used[-1])) if len(used) else (np.nan, np.nan)

    def pitch_range(self) -> float:
        lowest, highest = self.pitch_range_tuple()
        return highest - lowest

    def qualified_note_rate(self, threshold: float = 2) -> float:
        """Share of pairs of an onset and an offset, paired by rank, that are far enough apart."""
        roll = self.roll.view(np.uint8) if self.roll.dtype == bool else self.roll
        edges = np.diff(np.pad(roll, ((1, 1), (0, 0))), axis=0).ravel()
        onsets, offsets = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
        if len(onsets) != len(offsets):
            raise Error("pypianoroll finds offsets only in rolls of signed integers")
        return _share((offsets - onsets >= threshold).sum(), len(onsets))

    def polyphonic_rate(self, threshold: int = 2) -> float:
        """Share of steps at which more than `threshold` pitches sound."""
        return _share(((self.roll != 0).sum(axis=1) > threshold).sum(), len(self.roll))

    def in_scale_rate(self, root: int = 3, mode: str = "major") -> float:
        """Share of cells in the blocks of a scale; root 0 is A."""
        in_scale_cells = in_scale(self.chroma, root - 3, mode).sum()
        return _share(in_scale_cells, np.count_nonzero(self._spread))

    def drum_in_pattern_rate(self, tolerance: float = 0.1) -> float:
        """Weighted share of cells on the grid, of a roll of one beat."""
        if self.resolution not in _PERIODS:
            raise Error(f"no drum pattern for {self.resolution} steps a beat")
        grid = rhythmic_grid(self.resolution, _PERIODS[self.resolution], tolerance)
        if len(self.roll) != len(grid):
            raise Error(f"a roll of one beat is needed, {len(grid)} steps, not {len(self.roll)}")
        return _share(grid @ (self.roll != 0).sum(axis=1), np.count_nonzero(self.roll))

    def tonal_distance(self, other: "Pypianoroll") -> float:
        """Distance of two tracks, whose 12 steps of a beat, not the chroma, become tonal places."""
        if self.resolution != 12:
            raise Error(f"12 steps a beat are needed, not {self.resolution}")
        places = []
        for track in (self, other):
            with np.errstate(invalid="ignore"):
                chroma = track.chroma / track.chroma.sum(axis=1, keepdims=True)
            places.append(np.einsum("cs,bsk->bck", tonal_matrix(), chroma.reshape(-1, 12, 12)))
        return float(np.linalg.norm(places[0] - places[1]))


class Muspy:
    """The metrics of muspy for one piece; "pitched" notes are those that are not drums.

    Args:
        notes: as `musegen.music.notes` has them, with MIDI numbers as pitches.
        resolution: steps of a beat.
        drums: the numbers of the tracks that are drums.
    """

    METRICS = (
        "n_pitches_used",
        "n_pitch_classes_used",
        "pitch_range",
        "empty_beat_rate",
        "empty_measure_rate",
        "polyphony",
        "polyphony_rate",
        "pitch_in_scale_rate",
        "scale_consistency",
        "drum_in_pattern_rate",
        "drum_pattern_consistency",
        "pitch_entropy",
        "pitch_class_entropy",
        "groove_consistency",
    )

    def __init__(self, notes: np.ndarray, resolution: int, drums: Sequence[int] = ()):
        is_drum = np.isin(notes["track"], drums)
        self.notes, self.pitched, self.hits = notes, notes[~is_drum], notes[is_drum]
        self.resolution = resolution
        self.length = int((notes["onset"] + notes["duration"]).max(initial=0))
        self.pitch_counts = np.bincount(self.pitched["pitch"], minlength=128)
        self.class_counts = np.bincount(self.pitched["pitch"] % 12, minlength=12)

    @cached_property
    def sounding(self) -> np.ndarray:
        """Pitches that sound at each step in any pitched track."""
        return to_roll(self.pitched, (self.length, 128)).sum(axis=1)

    def n_pitches_used(self) -> int:
        return int(np.count_nonzero(self.pitch_counts))

    def n_pitch_classes_used(self) -> int:
        return int(np.count_nonzero(self.class_counts))

    def pitch_range(self) -> int:
        if not len(self.pitched):
            return -127 if len(self.hits) else 0
        return int(np.ptp(self.pitched["pitch"]))

    def empty_beat_rate(self) -> float:
        return self.empty_measure_rate(self.resolution)

    def empty_measure_rate(self, measure: int | None = None) -> float:
        """Share of cells of `measure` steps, by default four beats, in which no note is."""
        if not self.length:
            return np.nan
        measure = measure or 4 * self.resolution
        first = self.notes["onset"] // measure
        last = (self.notes["onset"] + self.notes["duration"]) // measure
        n_filled = len(np.unique(ranges(first, last - first + 1)))
        return 1 - n_filled / (self.length // measure + 1)

    def polyphony(self) -> float:
        """Mean number of pitches at the steps that are not silent."""
        return _share(self.sounding.sum(), np.count_nonzero(self.sounding))

    def polyphony_rate(self, threshold: int = 2) -> float:
        """Share of steps at which more than `threshold` pitches sound."""
        return _share((self.sounding > threshold).sum(), self.length)

    def pitch_in_scale_rate(self, root: int = 0, mode: str = "major") -> float:
        """Share of pitched notes in a scale; root 0 is C."""
        return _share(in_scale(self.class_counts, root, mode), len(self.pitched))

    def scale_consistency(self) -> float:
        """The largest `pitch_in_scale_rate` of all scales."""
        scales = [(root, mode) for root in range(12) for mode in ("major", "minor")]
        return max(self.pitch_in_scale_rate(*scale) for scale in scales)

    def drum_in_pattern_rate(self, meter: str = "duple") -> float:
        """Share of drum notes on the beat and its `"duple"` or `"triple"` subdivisions."""
        parts = {"duple": (4, 2), "triple": (3,)}
        if meter not in parts:
            raise Error(f"unknown meter {meter!r}; choose duple or triple")
        steps = [self.resolution // n for n in parts[meter] if self.resolution % n == 0]
        place = self.hits["onset"] % self.resolution
        on_grid = np.any([place == 0, *(place % step == 0 for step in steps)], axis=0)
        return _share(on_grid.sum(), len(self.hits))

    def drum_pattern_consistency(self) -> float:
        """The larger `drum_in_pattern_rate` of both meters."""
        return max(self.drum_in_pattern_rate("duple"), self.drum_in_pattern_rate("triple"))

    def pitch_entropy(self) -> float:
        return _entropy(self.pitch_counts)

    def pitch_class_entropy(self) -> float:
        return _entropy(self.class_counts)

    def groove_consistency(self, measure: int | None = None) -> float:
        """Share of steps that have onsets in both or neither of two neighbouring measures."""
        measure = measure or 4 * self.resolution
        n_measures = self.length // measure + 1
        if n_measures < 2:
            return np.nan
        onsets = np.zeros(n_measures * measure, bool)
        onsets[self.notes["onset"]] = True
        return float(1 - np.diff(onsets.reshape(n_measures, measure), axis=0).mean())
