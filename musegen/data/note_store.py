"""A store of notes: the pieces of a corpus on disk, each read when it is asked for.

A folder holds `notes-00000.npz`, `notes-00001.npz`, ..., 256 pieces each, and `index.npz`, which is
written last and makes it whole. In a file of notes all pieces stand in one table, whole numbers of
shape `(notes, 5)` in the order of `piece.NOTE`, and `notes_starts` says where each piece begins;
so it is with `pedal`, `tempi`, `meters`, `keys` and `parts` (program, drum flag). The length and
the ticks a quarter of each piece are arrays, names are JSON. The index has the split of each piece
and how many notes it has. Which split a song falls to depends on its content and the seed alone.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.lib.recfunctions import structured_to_unstructured, unstructured_to_structured

from musegen import Error, reading
from musegen.data.prepare import Settings, split_of
from musegen.data.shards import SPLITS
from musegen.data.sources import items
from musegen.files import check_folder, write_npz
from musegen.music.midi import read_piece
from musegen.music.piece import NOTE, PEDAL, Part, Piece

FORMAT = 1
SIZE = 256  # pieces of a file
OPEN = 4  # files that a store keeps in memory
INDEX = "index.npz"
TABLES = {"notes": 5, "pedal": 3, "tempi": 2, "meters": 3, "keys": 3, "parts": 2}  # their columns
REMEDY = "make the store again"


def build(
    source: str | Path,
    out: str | Path,
    pedal: str = "keep",
    val: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
) -> Counter:
    """Makes a store of the MIDI files of a source; how many were left out, by reason.

    Args:
        source: a folder, archive or file; see `musegen.data.sources`.
        out: a folder without a store.
        pedal: what becomes of it; see `musegen.music.midi.read_piece`.
        val, test: shares of the songs.
        seed: of the split.
    """
    out, settings, skipped = Path(out), Settings(val=val, test=test, seed=seed), Counter()
    check_folder(out, [source])
    write(_songs(source, settings, pedal, skipped), out)
    return skipped


def _songs(
    source: str | Path, settings: Settings, pedal: str, skipped: Counter
) -> Iterator[tuple[Piece, str]]:
    """The pieces of a source, each once, with their splits."""
    seen = set()
    for item in items(source):
        if item.error or item.kind != "midi":
            skipped[item.error or "no MIDI file"] += 1
        elif item.digest in seen:
            skipped["duplicate"] += 1
        else:
            seen.add(item.digest)
            try:
                piece = read_piece(item.data, item.name, pedal)
            except Error as error:
                skipped[str(error).removeprefix(f"{item.name}: ")] += 1
                continue
            if len(piece):
                yield piece, split_of(item.digest, settings)
            else:
                skipped["there is no note in it"] += 1


def write(pieces: Iterable[tuple[Piece, str]], folder: str | Path) -> None:
    """Writes pieces and the split of each as a store; an `Error` if there are none."""
    folder, waiting, splits, counts = Path(folder), [], [], []
    if (folder / INDEX).exists():
        raise Error(f"{folder}: holds a store of notes already; choose another folder")
    for piece, split in pieces:
        splits.append(SPLITS.index(split))
        counts.append(len(piece))
        waiting.append(piece)
        if len(waiting) == SIZE:
            _write(folder, len(splits) // SIZE - 1, waiting)
            waiting = []
    if not splits:
        raise Error(f"{folder}: no piece to store")
    if waiting:
        _write(folder, len(splits) // SIZE, waiting)
    index = {"split": np.array(splits, np.uint8), "notes": np.array(counts, np.int64)}
    write_npz(folder / INDEX, index | {"format": np.array(FORMAT)})


def _write(folder: Path, number: int, pieces: list[Piece]) -> None:
    arrays = {
        "length": np.array([piece.length for piece in pieces], np.int64),
        "ticks_per_quarter": np.array([piece.ticks_per_quarter for piece in pieces], np.int64),
    }
    for name, width in TABLES.items():
        tables = [_table(getattr(piece, name), width) for piece in pieces]
        arrays[name] = np.concatenate(tables)
        arrays[f"{name}_starts"] = np.cumsum([0, *map(len, tables)])
    names = {
        "pieces": [piece.name for piece in pieces],
        "parts": [part.name for piece in pieces for part in piece.parts],
    }
    write_npz(_file(folder, number), arrays, {"names.json": json.dumps(names)})


def _table(rows, width: int) -> np.ndarray:
    """Notes, pedal, events or parts as whole numbers, int64 `(n, width)`."""
    if isinstance(rows, np.ndarray):
        return structured_to_unstructured(rows, np.int64)
    rows = [(row.program, row.is_drum) if isinstance(row, Part) else row for row in rows]
    return np.array(rows, np.int64).reshape(-1, width)


def _file(folder: Path, number: int) -> Path:
    return folder / f"notes-{number:05d}.npz"


class NoteStore:
    """A store of notes, opened for reading: `len`, `piece(i)` and `of(split)`.

    Args:
        folder: what `build` has made.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        path = self.folder / INDEX
        if not path.exists():
            raise Error(f"{self.folder}: no {INDEX}, and so no whole store of notes")
        with reading.damaged(path, "damaged", REMEDY), reading.arrays(path) as arrays:
            version = arrays.array("format", "iu", most=1).item()
            if version != FORMAT:
                raise ValueError(f"format {version}, this musegen reads {FORMAT}")
            self.splits, self.counts = arrays.array("split", "iu"), arrays.array("notes", "iu")
            if self.splits.shape != self.counts.shape or self.splits.ndim != 1:
                raise ValueError(f"splits of shape {self.splits.shape}")
        self._opened = lru_cache(OPEN)(self._open)

    def __len__(self) -> int:
        """How many pieces there are."""
        return len(self.splits)

    def of(self, split: str) -> np.ndarray:
        """The numbers of the pieces of a split."""
        if split not in SPLITS:
            raise Error(f"unknown split {split!r}; choose {', '.join(SPLITS)}")
        return np.flatnonzero(self.splits == SPLITS.index(split))

    def piece(self, i: int) -> Piece:
        """One piece by its number."""
        if not 0 <= i < len(self):
            raise IndexError(f"no piece {i} among {len(self)}")
        number, k = divmod(int(i), SIZE)
        tables, starts, names = self._opened(number)
        with reading.damaged(_file(self.folder, number), "damaged", REMEDY):
            rows = {n: tables[n][starts[n][k] : starts[n][k + 1]] for n in TABLES}
            called = names["parts"][starts["parts"][k] : starts["parts"][k + 1]]
            parts = zip(rows["parts"].tolist(), called, strict=True)
            return Piece(
                name=names["pieces"][k],
                ticks_per_quarter=int(tables["ticks_per_quarter"][k]),
                notes=unstructured_to_structured(rows["notes"], NOTE),
                pedal=unstructured_to_structured(rows["pedal"], PEDAL),
                parts=tuple(Part(program, bool(drums), name) for (program, drums), name in parts),
                length=int(tables["length"][k]),
                **{n: rows[n].tolist() for n in ("tempi", "meters", "keys")},
            )

    def _open(self, number: int) -> tuple[dict, dict, dict]:
        """The tables of a file, where the pieces begin in them, and names."""
        path = _file(self.folder, number)
        n = min(SIZE, len(self) - number * SIZE)
        with reading.damaged(path, "damaged", REMEDY), reading.arrays(path) as arrays:
            names, facts = arrays.json("names.json"), ("length", "ticks_per_quarter")
            tables = {name: arrays.array(name, "iu") for name in (*TABLES, *facts)}
            starts = {name: arrays.array(f"{name}_starts", "iu") for name in TABLES}
            for name, width in TABLES.items():
                ends = np.append(starts[name], len(tables[name]))
                if tables[name].shape[1:] != (width,) or ends.shape != (n + 2,) or ends[0]:
                    raise ValueError(f"{name} of shape {tables[name].shape}")
                if (np.diff(ends) < 0).any() or ends[-2] != ends[-1]:
                    raise ValueError(f"{name} that begin before others end")
            if any(tables[name].shape != (n,) for name in facts):
                raise ValueError(f"facts of other than {n} pieces")
        return tables, starts, names
