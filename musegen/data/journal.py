"""What a run of `musegen data prepare` has done so far, so that it can go on after being killed.

The journal stands among the shards while they are made: a line of JSON for each file of the source,
in the source's order, after a first line with the settings. It becomes `songs.csv` and
`skipped.csv` once the run is complete.
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
PATIENCE = 0.2  # seconds of work that a killed run does again
SONGS, SKIPPED = "songs.csv", "skipped.csv"


@dataclass(frozen=True)
class Record:
    """What became of one file.

    Args:
        digest: of its content.
        split: the split that it belongs to; empty if it was skipped.
        phrases: number of phrases that it gave.
        reason: why it was skipped.
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
            raise TypeError("a record of the wrong types")
        if min(counts) < 0 or (any(counts) and (self.reason or not self.split)):
            raise ValueError("a record that contradicts itself")


class Journal:
    """The journal of a folder: a new one, or the one that an interrupted run has left.

    Args:
        header: settings; an interrupted run must have had the same.
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
        """The first line of the journal that an interrupted run has left; empty for a new one."""
        if not self.path.exists() and {p.name for p in folder.iterdir()} - {SKIPPED}:
            raise Error(
                f"{folder}: holds other files and no unfinished data; choose an empty folder"
            )
        for torn in folder.glob(".*.part"):  # what a killed run was just writing
            torn.unlink()
        first = self._first_line()
        with reading.damaged(self.path, "damaged", REMEDY):
            before = reading.parse(first) if first else header
        if before != header:
            raise Error(
                f"{folder}: an unfinished run with other settings stands there "
                f"({differences(before, header)}); repeat those, or choose another folder"
            )
        return first

    def _first_line(self) -> bytes:
        """The settings; of a killed run's journal half a line at the end is dropped."""
        with self.path.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            tail = file.seek(max(0, size - (1 << 16)))
            file.truncate(tail + file.read().rfind(b"\n") + 1)
            file.seek(0)
            return file.readline()

    def _write(self, content: dict) -> int:
        line = json.dumps(content).encode() + b"\n"
        with self._writing():
            self._file.write(line)
            if time.monotonic() > self._flushed + PATIENCE:
                self._file.flush()
                self._flushed = time.monotonic()
        return len(line)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Error(
                f"{self.path}: cannot be written ({error.strerror}); once that is mended the same "
                "command goes on from here"
            ) from None

    def add(self, record: Record) -> None:
        """Notes what became of the next file."""
        self._write(asdict(record))

    def records(self) -> Iterator[Record]:
        """What has been noted up to this moment, in order."""
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
        """The text of `songs.csv` and of `skipped.csv`; `unit` is phrases or notes."""
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
        """No run has to go on from here."""
        self._complete = True

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_) -> None:
        with contextlib.suppress(OSError):  # what a full disk did not take is done again
            self._file.close()
        empty = self.path.stat().st_size <= self._start
        if empty or self._complete:
            self.path.unlink()
        self._lock.close()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps a second run out of a folder; a killed process lets go by itself."""
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
        raise Error(f"{folder}: another run is writing there; wait for it") from None
    finally:
        os.close(lock)


def differences(before: dict, now: dict) -> str:
    """The settings in which two runs differ, as a text."""
    told = ", ".join(
        f"{key} was {before.get(key)} and is now {now.get(key)}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    )
    return reading.printable(told)
