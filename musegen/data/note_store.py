"""A store of notes holds the pieces of a corpus on disk, and reads each piece when it is used.

`musegen data prepare --music notes` makes a folder with three kinds of files: `notes-00000.npz`,
`notes-00001.npz`, ..., with 256 pieces each; `index.npz`, with the split and the number of notes of
each piece; and `manifest.json`, which is written last and marks the folder as complete.

In a file of notes, the notes of all pieces are one table, integers of shape `(notes, 5)` with the
columns of `piece.NOTE`, and `notes_starts` says where each piece begins. The tables `pedal`,
`tempi`, `meters`, `keys` and `parts` (program, drum flag) are stored in the same way. The lengths
and the ticks a quarter of the pieces are arrays; the names are JSON. `-o new.npz` of the commands
writes such a file.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.lib.recfunctions import structured_to_unstructured, unstructured_to_structured

import musegen
from musegen import Error, reading
from musegen.data.shards import MANIFEST, SPLITS
from musegen.files import write_bytes, write_npz
from musegen.music.piece import NOTE, PEDAL, Part, Piece

FORMAT = 1
SIZE = 256  # pieces in a file
OPEN = 4  # files that a store keeps in memory
INDEX = "index.npz"
NAMES = "names.json"
TABLES = {"notes": 5, "pedal": 3, "tempi": 2, "meters": 3, "keys": 3, "parts": 2}  # columns of each
FACTS = ("length", "ticks_per_quarter")
REMEDY = "prepare the data again"


def write(pieces: Iterable[tuple[Piece, str]], folder: str | Path) -> None:
    """Writes a store of pieces, given with the split of each; without any it raises an `Error`."""
    folder, waiting, splits, counts = Path(folder), [], [], []
    if (folder / MANIFEST).exists():
        raise Error(f"{folder}: holds prepared data already; choose another folder")
    for piece, split in pieces:
        splits.append(split)
        counts.append(len(piece))
        waiting.append(piece)
        if len(waiting) == SIZE:
            write_pieces(file_of(folder, len(splits) // SIZE - 1), waiting)
            waiting = []
    if not splits:
        raise Error(f"{folder}: no piece to store")
    if waiting:
        write_pieces(file_of(folder, len(splits) // SIZE), waiting)
    write_index(folder, splits, counts)


def write_index(
    folder: Path,
    splits: Sequence[str],
    counts: Sequence[int],
    source: str = "",
    settings: dict | None = None,
) -> dict:
    """Completes a store: writes its index and its manifest, and returns the manifest.

    Args:
        folder: folder that holds all files of notes.
        splits: split of each piece.
        counts: number of notes of each piece.
        source: path or name of the corpus.
        settings: settings that the pieces were made with.
    """
    numbers, counts = np.array([SPLITS.index(split) for split in splits]), np.array(counts)
    arrays = {"split": numbers.astype(np.uint8), "notes": counts.astype(np.int64)}
    write_npz(folder / INDEX, arrays)
    manifest = {
        "format": FORMAT,
        "music": "notes",
        "splits": {
            split: {"notes": int(counts[numbers == k].sum()), "songs": int((numbers == k).sum())}
            for k, split in enumerate(SPLITS)
        },
        "songs": len(splits),
        "source": source,
        "settings": settings or {},
        "musegen": musegen.__version__,
    }
    write_bytes(folder / MANIFEST, json.dumps(manifest, indent=2).encode())
    return manifest


def file_of(folder: Path, number: int) -> Path:
    """Returns the path of one file of notes in a store."""
    return folder / f"notes-{number:05d}.npz"


def write_pieces(path: str | Path, pieces: Sequence[Piece]) -> Path:
    """Writes pieces as one file of notes."""
    arrays = {
        name: np.array([getattr(piece, name) for piece in pieces], np.int64) for name in FACTS
    }
    for name, width in TABLES.items():
        tables = [_table(getattr(piece, name), width) for piece in pieces]
        arrays[name] = np.concatenate(tables)
        arrays[f"{name}_starts"] = np.cumsum([0, *map(len, tables)])
    names = {
        "pieces": [piece.name for piece in pieces],
        "parts": [part.name for piece in pieces for part in piece.parts],
    }
    return write_npz(path, arrays, {NAMES: json.dumps(names)})


def _table(rows, width: int) -> np.ndarray:
    """Returns notes, pedal, events or parts as integers, int64 `(n, width)`."""
    if isinstance(rows, np.ndarray):
        return structured_to_unstructured(rows, np.int64)
    rows = [(row.program, row.is_drum) if isinstance(row, Part) else row for row in rows]
    return np.array(rows, np.int64).reshape(-1, width)


class NotesFile:
    """One file of notes, read into memory.

    Args:
        path: path of a file that `write_pieces` has written.
    """

    def __init__(self, path: str | Path):
        self.path = path
        with reading.damaged(path, "damaged", REMEDY), reading.arrays(path) as arrays:
            self._names = arrays.json(NAMES)
            self._tables = {name: arrays.array(name, "iu") for name in (*TABLES, *FACTS)}
            self._starts = {name: arrays.array(f"{name}_starts", "iu") for name in TABLES}
            for name, width in TABLES.items():
                table, ends = self._tables[name], np.append(self._starts[name], -1)
                ends[-1] = len(table)
                if table.shape[1:] != (width,) or ends.shape != (len(self) + 2,) or ends[0]:
                    raise ValueError(f"{name} of shape {table.shape}")
                if (np.diff(ends) < 0).any() or ends[-2] != ends[-1]:
                    raise ValueError(f"{name} that begin before others end")
            if any(self._tables[name].shape != (len(self),) for name in FACTS):
                raise ValueError(f"facts of other than {len(self)} pieces")

    def __len__(self) -> int:
        """Returns the number of pieces."""
        return len(self._tables["length"])

    def piece(self, k: int) -> Piece:
        """Returns one piece by its number in the file."""
        with reading.damaged(self.path, "damaged", REMEDY):
            spans = {name: slice(*self._starts[name][k : k + 2]) for name in TABLES}
            rows = {name: self._tables[name][span] for name, span in spans.items()}
            part_names = self._names["parts"][spans["parts"]]
            parts = zip(rows["parts"].tolist(), part_names, strict=True)
            return Piece(
                name=self._names["pieces"][k],
                notes=unstructured_to_structured(rows["notes"], NOTE),
                pedal=unstructured_to_structured(rows["pedal"], PEDAL),
                parts=tuple(Part(program, bool(drums), name) for (program, drums), name in parts),
                **{name: int(self._tables[name][k]) for name in FACTS},
                **{name: rows[name].tolist() for name in ("tempi", "meters", "keys")},
            )


class NoteStore:
    """A store of notes, opened for reading.

    Args:
        folder: folder that `musegen data prepare --music notes` has made.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if not (self.folder / MANIFEST).exists():
            raise Error(f"{self.folder}: no {MANIFEST}; run `musegen data prepare` to its end")
        self.manifest = _manifest(self.folder / MANIFEST)
        path = self.folder / INDEX
        with reading.damaged(path, "damaged", REMEDY), reading.arrays(path) as arrays:
            self.splits, self.counts = arrays.array("split", "iu"), arrays.array("notes", "iu")
            if self.splits.shape != self.counts.shape or self.splits.ndim != 1:
                raise ValueError(f"splits of shape {self.splits.shape}")
        for number in range(-(-len(self) // SIZE)):
            if not (missing := file_of(self.folder, number)).exists():
                raise Error(f"{missing}: is missing; {REMEDY}")
        self._opened = lru_cache(OPEN)(self._open)

    def __len__(self) -> int:
        """Returns the number of pieces."""
        return len(self.splits)

    def of(self, split: str) -> np.ndarray:
        """Returns the numbers of the pieces of a split."""
        if split not in SPLITS:
            raise Error(f"unknown split {split!r}; choose {', '.join(SPLITS)}")
        return np.flatnonzero(self.splits == SPLITS.index(split))

    def piece(self, i: int) -> Piece:
        """Returns one piece by its number."""
        if not 0 <= i < len(self):
            raise IndexError(f"no piece {i} among {len(self)}")
        number, k = divmod(int(i), SIZE)
        return self._opened(number).piece(k)

    def _open(self, number: int) -> NotesFile:
        file = NotesFile(file_of(self.folder, number))
        if len(file) != min(SIZE, len(self) - number * SIZE):
            raise Error(
                f"{file.path}: has {len(file)} pieces, which is not what the index says; {REMEDY}"
            )
        return file


def _manifest(path: Path) -> dict:
    """Reads and checks the manifest of a store of notes; phrases raise an `Error`."""
    with reading.damaged(path, "damaged", REMEDY):
        manifest = reading.read_json(path, REMEDY)
        if manifest.get("music") != "notes":
            raise Error(
                f"{path.parent}: holds phrases; `musegen data prepare --music notes` makes notes"
            )
        if (version := manifest["format"]) != FORMAT:
            raise Error(
                f"{path}: format {version!r:.40}, but this musegen reads {FORMAT}; {REMEDY}"
            )
        for split in SPLITS:
            counts = manifest["splits"][split]
            if not all(type(counts[unit]) is int for unit in ("notes", "songs")):
                raise TypeError("counts of the wrong type")
        texts = isinstance(manifest["source"], str) and isinstance(manifest["settings"], dict)
        if type(manifest["songs"]) is not int or not texts:
            raise TypeError("a source, settings or songs of the wrong type")
    return manifest
