"""Dictionaries of triples: the values of dT, T and P that a corpus has, numbered from 1.

Number 0 is no value. It never occurs in data; decoders begin with it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musegen import Error, budget, reading
from musegen.files import write_bytes
from musegen.music.tokens.triples import TICKS, NoteTriples, TripleSettings

NAMES = ("dT", "T", "P")
REMEDY = "copy the system again, or train it again"


@dataclass(frozen=True)
class Dictionaries:
    """The values of each attribute in the order of their numbers.

    Args:
        unit: unit of dT and T; see `musegen.music.tokens.triples`.
        dT, T, P: values, the first of which has number 1.
    """

    unit: str
    dT: tuple[int, ...]
    T: tuple[int, ...]
    P: tuple[int, ...]

    def __post_init__(self):
        if self.unit not in TICKS:
            raise ValueError(f"a unit of {self.unit!r:.40}")
        for name in NAMES:
            values = getattr(self, name)
            budget.check(len(values), budget.SIZE, f"values of {name}")
            right = all(type(value) is int and value >= 0 for value in values)
            if not right or not values or len(set(values)) < len(values):
                raise ValueError(f"{name} that are no different whole numbers")
        if max(self.P) > 127:
            raise ValueError(f"a pitch of {max(self.P)}")

    @classmethod
    def of(cls, songs: Sequence[NoteTriples], settings: TripleSettings) -> "Dictionaries":
        """Makes the dictionaries of some songs, from all their notes and all transposed pitches.

        By appearance, the pitches that only transposition gives follow the others, ascending.
        """
        if not sum(map(len, songs)):
            raise Error("there are no notes to make dictionaries of")
        columns = np.concatenate([song.rows for song in songs]).T
        values = [_appearing(column) for column in columns]
        moved = np.unique(np.add.outer(values[2], settings.shifts))
        moved = moved[(moved >= 0) & (moved <= 127)]
        values[2] = np.append(values[2], np.setdiff1d(moved, values[2]))
        if settings.dictionaries == "ascending":
            values = map(np.sort, values)
        return cls(settings.unit, *(tuple(column.tolist()) for column in values))

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Returns how many numbers each attribute has, number 0 included."""
        return tuple(len(getattr(self, name)) + 1 for name in NAMES)

    def encode(self, rows: np.ndarray) -> tuple[np.ndarray, int]:
        """Converts triples `(..., 3)` to numbers; also returns how many values are not exact.

        A value that the dictionary lacks is replaced by the nearest one, or by the smaller of two
        that are equally near.
        """
        columns, replaced = [], 0
        for column, name in zip(np.moveaxis(rows, -1, 0), NAMES, strict=True):
            values = np.array(getattr(self, name))
            order = np.argsort(values)
            ascending = values[order]
            # Beyond the middle between two values the higher one is nearer.
            nearest = np.searchsorted(ascending[1:] + ascending[:-1], 2 * column)
            columns.append(order[nearest] + 1)
            replaced += int((ascending[nearest] != column).sum())
        return np.stack(columns, axis=-1).astype(np.int32), replaced

    def decode(self, tokens: np.ndarray) -> tuple[np.ndarray, int]:
        """Converts numbers `(n, 3)` to triples; also returns how many notes were left out.

        Notes are left out of which a number is 0: without dT they take no time, without T or P they
        are rests, unless nothing follows them.
        """
        table = [np.array([0, *getattr(self, name)]) for name in NAMES]
        tokens = np.asarray(tokens).reshape(-1, 3)
        if tokens.size and (tokens.min() < 0 or (tokens.max(axis=0) >= self.sizes).any()):
            raise Error(f"tokens beyond the {self.sizes} of dT, T and P that there are")
        onset, *rest = (values[column] for values, column in zip(table, tokens.T, strict=True))
        onset = np.cumsum(onset)
        kept = (tokens > 0).all(axis=1)
        rows = np.stack([np.diff(onset[kept], prepend=0), *(c[kept] for c in rest)], axis=1)
        return rows, int((~kept).sum())

    def save(self, path: str | Path) -> Path:
        """Writes the dictionaries as JSON."""
        content = {"unit": self.unit, **{name: getattr(self, name) for name in NAMES}}
        return write_bytes(path, json.dumps(content).encode())

    @classmethod
    def load(cls, path: str | Path) -> "Dictionaries":
        """Reads what `save` has written."""
        content = reading.read_json(path, REMEDY)
        with reading.damaged(path, "damaged", REMEDY):
            return cls(content["unit"], *(tuple(content[name]) for name in NAMES))


def _appearing(column: np.ndarray) -> np.ndarray:
    """Returns the different values of an array, in order of their first appearance."""
    values, first = np.unique(column, return_index=True)
    return values[np.argsort(first)]
