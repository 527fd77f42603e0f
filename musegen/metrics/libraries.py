"""The metrics of two libraries, pypianoroll 1.0.4 and muspy 0.5.0, for comparison only.

The formulas are those of `pypianoroll/metrics.py` and `muspy/metrics/metrics.py`, computed without
the libraries. Each library is a class, whose methods are its metrics under their own names and with
their own options; `evaluate` calls them all.

Input
    `Pypianoroll` takes the roll of one track, bool or integer `(steps, 128)`, of any length.
    `Muspy` takes the notes of a piece as `musegen.music.notes` has them, with MIDI pitches, and the
    numbers of its drum tracks.

Values
    Fractions and counts. Some names do not say what is computed: pypianoroll's `empty_beat_rate` is
    the share of beats that are not empty, its pitch classes are blocks of ten neighbouring MIDI
    pitches, and its scales count their root from A. A note in muspy fills also the beat or measure
    at whose first step it ends.

Edge cases
    Undefined values are NaN, but muspy's pitch range is 0 without notes and -127 with drum notes
    alone. Where pypianoroll raises an exception, these functions raise an `Error` with the reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musegen import Error
from musegen.metrics.muse import C_MAJOR, rhythmic_grid, tonal_matrix
from musegen.music.notes import ranges, to_roll

_C_MINOR = np.roll(C_MAJOR, 3)  # natural minor: the white keys from A, moved to C
# Steps from one point of the drum grid to the next, by the steps of a beat.
_PERIODS = {24: 6, 18: 6, 16: 4, 12: 3, 9: 3, 8: 2, 6: 3, 4: 2}


def evaluate(piece: "Pypianoroll | Muspy") -> dict[str, float]:
    """Computes all metrics with their default options; NaN where the library raises."""
    return {name: _value(getattr(piece, name)) for name in piece.METRICS}


def _value(metric: Callable[[], float]) -> float:
    try:
        return metric()
    except Error:
        return np.nan


def in_scale(histogram: np.ndarray, root: int, mode: str) -> np.ndarray:
    """Sums the counts of the pitch classes that are in a scale.

    Args:
        histogram: counts of the 12 pitch classes from C upwards, `(..., 12)`.
        root: pitch class of the scale's first note, 0 for C.
        mode: `"major"` or `"minor"`.
    """
    scales = {"major": C_MAJOR, "minor": _C_MINOR}
    if mode not in scales:
        raise Error(f"unknown mode {mode!r}; choose major or minor")
    return histogram @ np.roll(scales[mode], root)


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator else np.nan


def _entropy(counts: np.ndarray) -> float:
    """Returns the Shannon entropy of counts: minus the sum of p log2 p, in bits."""
    if not counts.any():
        return np.nan
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum() + 0.0)


@dataclass(frozen=True)
class Pypianoroll:
    """The metrics of pypianoroll for one track.

    Args:
        roll: piano-roll of the track, a bool or integer array `(steps, 128)`.
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
    def _with_top_added(self) -> np.ndarray:
        """The roll, with MIDI 120 to 127 added to the first eight pitches of each block of ten.

        pypianoroll adds these pitches to all twelve blocks, in the caller's own array.
        """
        roll = self.roll.copy()
        roll[:, :120].reshape(-1, 12, 10)[..., :8] += roll[:, None, 120:]
        return roll

    @cached_property
    def chroma(self) -> np.ndarray:
        """The sums over blocks of ten pitches, `(steps, 12)`."""
        return self._with_top_added[:, :120].reshape(-1, 12, 10).sum(axis=-1)

    def empty_beat_rate(self) -> float:
        """Returns the number of beats with an on-cell / number of beats."""
        n_beats, rest = divmod(len(self.roll), self.resolution)
        if rest:
            raise Error(f"{len(self.roll)} steps are no multiple of {self.resolution} steps a beat")
        beats = self.roll.reshape(n_beats, -1) if n_beats else self.roll
        return _ratio(beats.any(axis=1).sum(), n_beats)

    def n_pitches_used(self) -> int:
        """Counts the pitches that have an on-cell."""
        return int(self.roll.any(axis=0).sum())

    def n_pitch_classes_used(self) -> int:
        """Counts the blocks of ten pitches that have an on-cell."""
        return int(self.chroma.any(axis=0).sum())

    def pitch_range_tuple(self) -> tuple[float, float]:
        """Returns the lowest and the highest pitch with an on-cell."""
        used = np.flatnonzero(self.roll.any(axis=0))
        return (int(used[0]), int(used[-1])) if len(used) else (np.nan, np.nan)

    def pitch_range(self) -> float:
        """Returns the highest minus the lowest pitch with an on-cell."""
        lowest, highest = self.pitch_range_tuple()
        return highest - lowest

    def qualified_note_rate(self, threshold: float = 2) -> float:
        """Returns the number of qualified pairs / number of pairs of an onset and an offset.

        All onsets and all offsets of the roll are put in order of step, then pitch, and the i-th
        onset is paired with the i-th offset. A pair qualifies if their places in the flattened
        array, 128 for each step, differ by `threshold` or more; in practice all do.
        """
        roll = self.roll.view(np.uint8) if self.roll.dtype == bool else self.roll
        edges = np.diff(np.pad(roll, ((1, 1), (0, 0))), axis=0).ravel()
        onsets, offsets = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
        if len(onsets) != len(offsets):
            raise Error("pypianoroll finds offsets only in rolls of signed integers")
        return _ratio((offsets - onsets >= threshold).sum(), len(onsets))

    def polyphonic_rate(self, threshold: int = 2) -> float:
        """Returns the number of steps with more than `threshold` pitches / number of steps."""
        return _ratio(((self.roll != 0).sum(axis=1) > threshold).sum(), len(self.roll))

    def in_scale_rate(self, root: int = 3, mode: str = "major") -> float:
        """Returns the on-cells in the scale's blocks of pitches / all on-cells; root 0 is A."""
        in_scale_cells = in_scale(self.chroma, root - 3, mode).sum()
        return _ratio(in_scale_cells, np.count_nonzero(self._with_top_added))

    def drum_in_pattern_rate(self, tolerance: float = 0.1) -> float:
        """Returns the sum of grid weights of all on-cells / number of on-cells.

        The weights are 1 on the grid and `tolerance` beside it. The roll must be one beat long.
        """
        if self.resolution not in _PERIODS:
            raise Error(f"no drum pattern for {self.resolution} steps a beat")
        grid = rhythmic_grid(self.resolution, _PERIODS[self.resolution], tolerance)
        if len(self.roll) != len(grid):
            raise Error(f"a roll of one beat is needed, {len(grid)} steps, not {len(self.roll)}")
        return _ratio(grid @ (self.roll != 0).sum(axis=1), np.count_nonzero(self.roll))

    def tonal_distance(self, other: "Pypianoroll") -> float:
        """Returns the distance of two tracks in the tonal space of Harte et al. (2006).

        The tonal matrix multiplies the 12 steps of each beat, not the 12 groups of the chroma, as
        in the library; the distance is the Frobenius norm of the difference.
        """
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
        notes: note array as `musegen.music.notes` has it, with MIDI pitches.
        resolution: steps of a beat.
        drums: numbers of the drum tracks.
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
        """The number of pitches that sound at each step in any pitched track."""
        return to_roll(self.pitched, (self.length, 128)).sum(axis=1)

    def n_pitches_used(self) -> int:
        """Counts the pitches of the pitched notes."""
        return int(np.count_nonzero(self.pitch_counts))

    def n_pitch_classes_used(self) -> int:
        """Counts the pitch classes, pitch modulo 12, of the pitched notes."""
        return int(np.count_nonzero(self.class_counts))

    def pitch_range(self) -> int:
        """Returns the highest minus the lowest pitch of the pitched notes."""
        if not len(self.pitched):
            return -127 if len(self.hits) else 0
        return int(np.ptp(self.pitched["pitch"]))

    def empty_beat_rate(self) -> float:
        """Returns the `empty_measure_rate` of measures of one beat."""
        return self.empty_measure_rate(self.resolution)

    def empty_measure_rate(self, measure: int | None = None) -> float:
        """Returns the number of measures without a note / number of measures.

        Args:
            measure: steps of a measure; by default four beats.
        """
        if not self.length:
            return np.nan
        measure = measure or 4 * self.resolution
        first = self.notes["onset"] // measure
        last = (self.notes["onset"] + self.notes["duration"]) // measure
        n_filled = len(np.unique(ranges(first, last - first + 1)))
        return 1 - n_filled / (self.length // measure + 1)

    def polyphony(self) -> float:
        """Returns the mean number of pitches, over the steps that are not silent."""
        return _ratio(self.sounding.sum(), np.count_nonzero(self.sounding))

    def polyphony_rate(self, threshold: int = 2) -> float:
        """Returns the number of steps with more than `threshold` pitches / number of steps."""
        return _ratio((self.sounding > threshold).sum(), self.length)

    def pitch_in_scale_rate(self, root: int = 0, mode: str = "major") -> float:
        """Returns the number of pitched notes in a scale / number of pitched notes; root 0 is C."""
        return _ratio(in_scale(self.class_counts, root, mode), len(self.pitched))

    def scale_consistency(self) -> float:
        """Returns the largest `pitch_in_scale_rate` of the 12 major and 12 minor scales."""
        scales = [(root, mode) for root in range(12) for mode in ("major", "minor")]
        return max(self.pitch_in_scale_rate(*scale) for scale in scales)

    def drum_in_pattern_rate(self, meter: str = "duple") -> float:
        """Returns the number of drum notes on the grid / number of drum notes.

        Args:
            meter: `"duple"`, whose grid divides a beat by 2 and 4, or `"triple"`, by 3.
        """
        parts = {"duple": (4, 2), "triple": (3,)}
        if meter not in parts:
            raise Error(f"unknown meter {meter!r}; choose duple or triple")
        steps = [self.resolution // n for n in parts[meter] if self.resolution % n == 0]
        place = self.hits["onset"] % self.resolution
        on_grid = np.any([place == 0, *(place % step == 0 for step in steps)], axis=0)
        return _ratio(on_grid.sum(), len(self.hits))

    def drum_pattern_consistency(self) -> float:
        """Returns the larger `drum_in_pattern_rate` of both meters."""
        return max(self.drum_in_pattern_rate("duple"), self.drum_in_pattern_rate("triple"))

    def pitch_entropy(self) -> float:
        """Returns the entropy of the histogram of the 128 pitches, in bits."""
        return _entropy(self.pitch_counts)

    def pitch_class_entropy(self) -> float:
        """Returns the entropy of the histogram of the 12 pitch classes, in bits."""
        return _entropy(self.class_counts)

    def groove_consistency(self, measure: int | None = None) -> float:
        """Returns 1 - changed steps / (steps of a measure x (number of measures - 1)).

        A step changes where one of two neighbouring measures has an onset and the other has none.
        """
        measure = measure or 4 * self.resolution
        n_measures = self.length // measure + 1
        if n_measures < 2:
            return np.nan
        onsets = np.zeros(n_measures * measure, bool)
        onsets[self.notes["onset"]] = True
        return float(1 - np.diff(onsets.reshape(n_measures, measure), axis=0).mean())
