"""How well systems write segments of 100 notes again: Rec., KL and accuracy.

Teacher-forced figures are those of a system that is given the true notes before each note.
Free-running ones compare a segment with what the system decodes from its latent vector alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musegen import Error
from musegen.eval.tables.phrase_samples import spaced
from musegen.eval.tables.report import Metrics, Row, clean
from musegen.music.piece import Piece
from musegen.system import SegmentSystem

MOST = 2000  # segments that are measured
VALUES = ("dT", "T", "P")  # of a note
NATS = "Rec."  # the figure that is a sum over notes and values


@dataclass(frozen=True, eq=False)
class Segments:
    """Segments of pieces, evenly spaced among all of them.

    Args:
        numbers: numbers of their values, `(k, length, 3)`.
        song: number of the song of each, `(k,)`.
        total: number of segments among which they were chosen.
        replaced: share of all values that the system does not know; they are replaced by the
            nearest that it knows.
    """

    numbers: np.ndarray
    song: np.ndarray
    total: int
    replaced: float

    def __len__(self) -> int:
        return len(self.numbers)


def cut(system: SegmentSystem, pieces: Sequence[Piece], name: str, most: int = MOST) -> Segments:
    """Cuts pieces into segments as a system does, and chooses at most `most` of them.

    Args:
        system: a system that can `measure`.
        pieces: the pieces.
        name: name of the pieces in messages.
        most: number of segments.
    """
    try:
        numbers, song, replaced = system.segments_of_songs(pieces)
    except Error as error:
        raise Error(f"{name}: {error}") from None
    chosen = spaced(len(numbers), most)
    return Segments(numbers[chosen], song[chosen], len(numbers), replaced / numbers.size)


def measured(label: str, system: SegmentSystem, segments: Segments, seed: int = 0) -> Row:
    """Measures a system on segments.

    Args:
        label: name of the row.
        system: a system that can `measure`.
        segments: segments that were cut for this system.
        seed: seed of the noise of z.
    """
    _, length, n_values = segments.numbers.shape
    metrics: Metrics = {}
    for key, value in system.measure(segments.numbers, seed).items():
        code, _, part = key.partition(" ")
        whole = "all" if code == "accuracy" else "segment"
        metrics.setdefault(code, {})[part or whole] = clean(value)
    if "encode" in system.can:
        written = system.decode(system.encode(segments.numbers), seed)
        shares = (written == segments.numbers).mean(axis=(0, 1))
        parts = dict(zip(VALUES, shares, strict=True))
        metrics["restored"] = {
            part: clean(value) for part, value in {"all": shares.mean(), **parts}.items()
        }
    return with_units(Row(label, "generated", len(segments), metrics), length, n_values)


def with_units(row: Row, length: int = 100, n_values: int = 3) -> Row:
    """Adds to the reconstruction error of a segment that of a note and that of a value."""
    nats = row.metrics.get(NATS, {})
    if (whole := nats.get("segment")) is not None:
        nats |= {"note": whole / length, "value": whole / (length * n_values)}
    return row
