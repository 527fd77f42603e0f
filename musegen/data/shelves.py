"""What has been prepared and is not on disk yet: phrases for shards, pieces for a store of notes.

A shelf takes what came of each song, in the order of the source, and writes a file whenever there
is enough for one. A run that goes on after an interruption finds the full files and makes the rest
anew, so its files are the same bytes.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path

import numpy as np

from musegen import Error, reading
from musegen.data import note_store, shards
from musegen.data.journal import Record
from musegen.music.phrases import Layout


class Shelf:
    """What waits for each group of files, and how much of it earlier runs have written.

    A kind of shelf says `unit`, what is counted of a song; `groups`, the names of its rows of
    files; `size`, how many of its rows make a file; and what the methods below leave open.

    Args:
        folder: folder that the files are written to.
        settings: how the songs are prepared.
        writers: threads that write files.
        ahead: number of files that may wait to be written.
    """

    unit: str
    groups: tuple[str, ...]
    size: int

    def __init__(self, folder: Path, settings, writers: Executor, ahead: int):
        self.folder, self.settings, self.writers, self.ahead = folder, settings, writers, ahead
        self.count = dict.fromkeys(self.groups, 0)
        self.index = {group: self._on_disk(group) for group in self.groups}
        self.written = {group: index * self.size for group, index in self.index.items()}
        self.waiting = {group: [] for group in self.groups}
        self.writes: deque[Future] = deque()
        self.total = 0  # of the unit

    def share(self, record: Record) -> tuple[str, int]:
        """The group that a song belongs to, and how many rows it has there."""
        raise NotImplementedError

    def file(self, group: str, index: int) -> Path:
        """The path of one file."""
        raise NotImplementedError

    def rows_in(self, file: Path) -> int:
        """How many rows a file on disk has."""
        raise NotImplementedError

    def write(self, group: str, index: int, rows: np.ndarray, songs: np.ndarray) -> None:
        """Writes one file."""
        raise NotImplementedError

    def finish(self, source: str, settings: dict, records: Iterator[Record]) -> dict:
        """Writes the manifest, which makes the folder whole, and returns it."""
        raise NotImplementedError

    def _on_disk(self, group: str) -> int:
        """Full files that an earlier run has left; a short last one is made anew."""
        index = 0
        while self.file(group, index).exists():
            index += 1
        return index - (index and self.rows_in(self.file(group, index - 1)) < self.size)

    def add(self, record: Record, song: int, rows: np.ndarray | None) -> None:
        """Takes the rows of a song; those that an earlier run has written may be missing."""
        group, amount = self.share(record)
        start = self.count[group]
        self.count[group] += amount
        self.total += getattr(record, self.unit)
        if self.count[group] <= self.written[group]:
            return
        rows = rows[max(0, self.written[group] - start) :]
        self.waiting[group].append((rows, np.full(len(rows), song, np.int32)))
        while self.count[group] >= (self.index[group] + 1) * self.size:
            self._shift(group)

    def _shift(self, group: str) -> None:
        """Hands the first rows that wait to a writer."""
        rows, songs = map(np.concatenate, zip(*self.waiting[group], strict=True))
        n = self.size
        self.waiting[group] = [(rows[n:].copy(), songs[n:])]  # no view: what is written can go
        index = self.index[group]
        self.index[group] += 1
        self.writes.append(self.writers.submit(self._write, group, index, rows[:n], songs[:n]))
        while len(self.writes) > self.ahead:
            self.writes.popleft().result()

    def _write(self, *job) -> None:
        try:
            self.write(*job)
        except Error as error:
            raise Error(
                f"{error}; once that is mended the same command goes on from here"
            ) from error

    def close(self) -> None:
        """Writes what is left."""
        for group, count in self.count.items():
            if count > self.index[group] * self.size:
                self._shift(group)
        while self.writes:
            self.writes.popleft().result()


class PhraseShelf(Shelf):
    """Packed phrases for the shards of three splits."""

    unit = "phrases"
    groups = shards.SPLITS

    def __init__(self, folder: Path, settings, writers: Executor, ahead: int):
        self.size, self.layout = shards.SIZE, Layout(settings.n_bars, settings.n_steps)
        super().__init__(folder, settings, writers, ahead)

    def share(self, record: Record) -> tuple[str, int]:
        return record.split, record.phrases

    def file(self, group: str, index: int) -> Path:
        return self.folder / f"{group}-{index:05d}.npz"

    def rows_in(self, file: Path) -> int:
        *_, songs = shards.read(file)
        return len(songs)

    def write(self, group: str, index: int, rows: np.ndarray, songs: np.ndarray) -> None:
        shards.write_rows(self.folder, group, index, rows, self.layout.shape, songs)

    def finish(self, source: str, settings: dict, records: Iterator[Record]) -> dict:
        return shards.write_manifest(self.folder, self.layout, source, settings)

    @staticmethod
    def manifest_of(folder: Path) -> dict:
        """The manifest of a whole folder; an `Error` if a file is missing."""
        opened = shards.Shards(folder)
        for split in shards.SPLITS:
            opened.files(split)
        return opened.manifest


class NoteShelf(Shelf):
    """Pieces for the files of a store of notes, those of all splits in one row."""

    unit = "notes"
    groups = ("notes",)

    def __init__(self, folder: Path, settings, writers: Executor, ahead: int):
        self.size = note_store.SIZE
        super().__init__(folder, settings, writers, ahead)

    def share(self, record: Record) -> tuple[str, int]:
        return "notes", 1

    def file(self, group: str, index: int) -> Path:
        return note_store.file_of(self.folder, index)

    def rows_in(self, file: Path) -> int:
        return len(note_store.NotesFile(file))

    def add(self, record: Record, song: int, piece) -> None:
        rows = np.empty(1, object)
        rows[0] = piece
        super().add(record, song, rows)

    def write(self, group: str, index: int, rows: np.ndarray, songs: np.ndarray) -> None:
        note_store.write_pieces(self.file(group, index), rows.tolist())

    def finish(self, source: str, settings: dict, records: Iterator[Record]) -> dict:
        kept = [(record.split, record.notes) for record in records if not record.reason]
        splits, counts = zip(*kept, strict=True)
        return note_store.write_index(self.folder, splits, counts, source, settings)

    @staticmethod
    def manifest_of(folder: Path) -> dict:
        """The manifest of a whole folder; an `Error` if a file is missing."""
        return note_store.NoteStore(folder).manifest


SHELVES = {"phrases": PhraseShelf, "notes": NoteShelf}


def manifest_of(folder: str | Path) -> dict:
    """The manifest of a whole folder of phrases or notes."""
    content = reading.read_json(Path(folder) / shards.MANIFEST, shards.REMEDY)
    shelf = SHELVES.get(content.get("music", "phrases"), PhraseShelf)
    return shelf.manifest_of(Path(folder))
