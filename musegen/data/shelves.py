"""Shelves hold prepared music until there is enough for a file: phrases for shards, or pieces.

A shelf takes the result for each song, in the order of the source, and writes a file whenever there
is enough for one. A run that continues after an interruption keeps the full files and makes the
others again, so its files are the same to the byte.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path

import numpy as np

from musegen import Error
from musegen.data import note_store, shards
from musegen.data.journal import Record
from musegen.music.phrases import Layout


class Shelf:
    """A shelf collects rows for each group of files, and knows what earlier runs have written.

    A row is a packed phrase or a piece. A subclass defines `unit`, the name of what is counted in a
    song; `groups`, the names of the groups of files; `size`, the number of rows in a file; and the
    methods below that are not implemented.

    Args:
        folder: folder that the files are written to.
        settings: settings by which the songs are prepared.
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
        self.total = 0  # number of units

    def share(self, record: Record) -> tuple[str, int]:
        """Returns the group that a song belongs to, and its number of rows there."""
        raise NotImplementedError

    def file(self, group: str, index: int) -> Path:
        """Returns the path of one file."""
        raise NotImplementedError

    def rows_in(self, file: Path) -> int:
        """Returns the number of rows in a file on disk."""
        raise NotImplementedError

    def write(self, group: str, index: int, rows: np.ndarray, songs: np.ndarray) -> None:
        """Writes one file."""
        raise NotImplementedError

    def finish(self, source: str, settings: dict, records: Iterator[Record]) -> dict:
        """Writes the manifest, which completes the folder, and returns it."""
        raise NotImplementedError

    def _on_disk(self, group: str) -> int:
        """Returns the number of full files of an earlier run; a last one with fewer rows is not."""
        n_files = 0
        while self.file(group, n_files).exists():
            n_files += 1
        is_short = n_files and self.rows_in(self.file(group, n_files - 1)) < self.size
        return n_files - is_short

    def add(self, record: Record, song: int, rows: np.ndarray | None) -> None:
        """Takes the rows of a song; they may be None if an earlier run has written them."""
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
        """Gives the rows of the next file to a writer."""
        rows, songs = map(np.concatenate, zip(*self.waiting[group], strict=True))
        n = self.size
        # A copy, because a view would keep the rows of the written file in memory.
        self.waiting[group] = [(rows[n:].copy(), songs[n:])]
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
                f"{error}; after this is solved, the same command continues from here"
            ) from error

    def close(self) -> None:
        """Writes the rows that are left."""
        for group, count in self.count.items():
            if count > self.index[group] * self.size:
                self._shift(group)
        while self.writes:
            self.writes.popleft().result()


class PhraseShelf(Shelf):
    """A shelf of packed phrases, with a group of shards for each split."""

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
        """Returns the manifest of a complete folder; a missing file raises an `Error`."""
        opened = shards.Shards(folder)
        for split in shards.SPLITS:
            opened.files(split)
        return opened.manifest


class NoteShelf(Shelf):
    """A shelf of pieces for a store of notes, with one group of files for all splits."""

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
        """Returns the manifest of a complete folder; a missing file raises an `Error`."""
        return note_store.NoteStore(folder).manifest


SHELVES = {"phrases": PhraseShelf, "notes": NoteShelf}


def manifest_of(folder: str | Path) -> dict:
    """Returns the manifest of a complete folder of phrases or notes."""
    return SHELVES.get(shards.music_of(folder), PhraseShelf).manifest_of(Path(folder))
