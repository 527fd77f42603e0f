"""The journal of `musegen data prepare` lets a run continue after it was killed.

The journal is a file in the output folder while a run is unfinished. Its first line has the
settings; then follows a line of JSON for each file of the source, in the source's order. When the
run is complete, `songs.csv` and `skipped.csv` are made from it and it is deleted.
"""

import contextlib
import csv
import io
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from musegen import Error, reading
from musegen.files import cell, making

NAME = "journal.jsonl"
REMEDY = "delete the folder, and prepare the data again"
FLUSH_EVERY = 0.2  # seconds between two writes to disk, which is the work that a kill can lose
SONGS, SKIPPED = "songs.csv", "skipped.csv"


@dataclass(frozen=True)
class Record:
    """The result for one file of the source.

    Args:
        name: name of the file in the source.
        digest: hash of its content.
        split: split that it belongs to; empty if it was skipped.
        phrases: number of phrases that were cut from it.
        reason: reason why it was skipped; empty if it was not.
        notes: number of its notes, if it became a piece.
    """

    name: str
    digest: str
    split: str = ""
    phrases: int = 0
    reason: str = ""
    notes: int = 0

    def __post_init__(self):
        texts = self.name, self.digest, self.split, self.reason
        counts = self.phrases, self.notes
        if not all(isinstance(text, str) for text in texts) or {*map(type, counts)} != {int}:
            raise TypeError("a record with values of the wrong types")
        if min(counts) < 0 or (any(counts) and (self.reason or not self.split)):
            raise ValueError("a record that contradicts itself")


class Journal:
    """The journal of a folder, which is new or was left by an interrupted run.

    Args:
        folder: output folder of the run.
        header: settings of the run; an interrupted run must have had the same.
    """

    def __init__(self, folder: Path, header: dict):
        self.path, self._complete, self._flushed = folder / NAME, False, 0.0
        with contextlib.ExitStack() as undone:
            try:
                undone.enter_context(making(folder))
                undone.enter_context(_locked(folder))
                first = self._resumed(folder, header)
                self._file = self.path.open("ab")
            except OSError as error:
                raise Error(f"{folder}: cannot be written ({error.strerror})") from None
            self._start = len(first) or self._write(header)
            self._lock = undone.pop_all()

    def _resumed(self, folder: Path, header: dict) -> bytes:
        """Returns the first line of an interrupted run's journal; it is empty for a new journal."""
        if not self.path.exists() and {p.name for p in folder.iterdir()} - {SKIPPED}:
            raise Error(
                f"{folder}: holds other files and no unfinished data; choose an empty folder"
            )
        for partial in folder.glob(".*.part"):  # files that a killed run was writing
            partial.unlink()
        first = self._first_line()
        with reading.damaged(self.path, "damaged", REMEDY):
            before = reading.parse(first) if first else header
        if before != header:
            raise Error(
                f"{folder}: holds an unfinished run with other settings "
                f"({differences(before, header)}); repeat those, or choose another folder"
            )
        return first

    def _first_line(self) -> bytes:
        """Returns the line of settings; an incomplete last line, left by a kill, is removed."""
        with self.path.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            tail = file.seek(max(0, size - (1 << 16)))
            file.truncate(tail + file.read().rfind(b"\n") + 1)
            file.seek(0)
            return file.readline()

    def _write(self, content: dict) -> int:
        """Writes one line and returns its length."""
        line = json.dumps(content).encode() + b"\n"
        with self._writing():
            self._file.write(line)
            if time.monotonic() > self._flushed + FLUSH_EVERY:
                self._file.flush()
                self._flushed = time.monotonic()
        return len(line)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns a failure to write into an `Error`."""
        try:
            yield
        except OSError as error:
            raise Error(
                f"{self.path}: cannot be written ({error.strerror}); after this is solved, the "
                "same command continues from here"
            ) from None

    def add(self, record: Record) -> None:
        """Adds the record of the next file."""
        self._write(asdict(record))

    def records(self) -> Iterator[Record]:
        """Yields the records that have been added so far, in order."""
        with self._writing():
            self._file.flush()
        end = self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(self._start)
            while file.tell() < end:
                with reading.damaged(self.path, "damaged", REMEDY):
                    record = Record(**reading.parse(file.readline()))
                yield record

    def tables(self, unit: str) -> tuple[bytes, bytes]:
        """Returns the text of `songs.csv` and of `skipped.csv`; `unit` is phrases or notes."""
        songs, skipped = io.StringIO(), io.StringIO()
        song_rows, skipped_rows = (
            csv.writer(text, lineterminator="\n") for text in (songs, skipped)
        )
        song_rows.writerow(("song", "name", "split", unit))
        skipped_rows.writerow(("name", "reason"))
        n_songs = 0
        for record in self.records():
            if record.reason:
                skipped_rows.writerow((cell(record.name), record.reason))
            else:
                amount = getattr(record, unit)
                song_rows.writerow((n_songs, cell(record.name), record.split, amount))
                n_songs += 1
        return songs.getvalue().encode(), skipped.getvalue().encode()

    def complete(self) -> None:
        """Marks the run as complete, so that the journal is deleted when it is closed."""
        self._complete = True

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_) -> None:
        with contextlib.suppress(OSError):  # the next run repeats what a full disk has lost
            self._file.close()
        empty = self.path.stat().st_size <= self._start
        if empty or self._complete:
            self.path.unlink()
        self._lock.close()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Locks a folder against a second run; the system frees the lock if the process is killed."""
    try:
        import fcntl
    except ImportError:  # Windows has no such locks
        yield
        return
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Error(f"{folder}: another run is writing there; wait until it ends") from None
    finally:
        os.close(lock)


def differences(before: dict, now: dict) -> str:
    """Returns the settings in which two runs differ, as text."""
    text = ", ".join(
        f"{key} was {before.get(key)} and is now {now.get(key)}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    )
    return reading.printable(text)
