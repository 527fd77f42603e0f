"""Converts songs to training data: `musegen data prepare`.

Songs can be prepared in two forms. As **phrases**, each song becomes a five-track roll, and the
roll is cut into phrases of four bars, which are stored in shards of the splits train, val and test.
Only songs in 4/4 from start to end are used; a file without a time signature counts as 4/4. As
**notes**, a song in any meter becomes one piece in a store of notes. The split of a song depends
only on its content and the seed, so it is the same in any order, with any number of workers, and in
both forms.

`skipped.csv` lists every file that was left out, with the reason; `songs.csv` lists the number and
the name of every song that was used.

The parent process reads the source and sends a few songs at a time to the workers. The number of
songs that wait is limited, so memory does not grow with the source. A journal records each finished
file: a run that was killed continues when it is started again, and its output is the same to the
byte.
"""

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import musegen
from musegen import Error, reading
from musegen.commands.choices import SEED, SPLITS
from musegen.data.journal import NAME as JOURNAL
from musegen.data.journal import REMEDY, SKIPPED, SONGS, Journal, Record, differences
from musegen.data.one_song import (
    CLEANSING,
    CUTS,
    FAMILIES,
    PEDALS,
    RULES,
    STEPS,
    NoteSettings,
    Settings,
    song_phrases,
    song_piece,
    split_of,
)
from musegen.data.sources import Item, items
from musegen.data.workers import available, processes, threads
from musegen.files import check_folder, shown, write_bytes

# numpy and the modules that read music are imported where they are used, so that --help is quick
# and a worker can set its number of threads before numpy is imported.
if TYPE_CHECKING:
    import numpy as np

    from musegen.data.shelves import Shelf
    from musegen.music.piece import Piece

    # Packed phrases, a piece, the reason why a song is skipped, or None where no work was needed.
    Result = np.ndarray | Piece | str | None

SETTINGS = {"phrases": Settings, "notes": NoteSettings}
MAX_REASONS = 6  # in a message
CHUNK_SONGS, CHUNK_BYTES = 8, 1 << 20  # most songs, and bytes, that a worker gets at a time
CHUNK_TASKS = 64  # most files in a chunk, with those that need no work
CHUNKS_AHEAD = 3  # chunks that wait, for each worker
MAX_WRITERS = 4  # threads that compress shards, of 200 MB each


# In the workers


def _convert(songs: list[Item], settings: Settings | NoteSettings) -> "list[Result]":
    """Converts songs; the result of one that cannot be used is the reason."""
    return [_result(item, settings) for item in songs]


def _result(item: Item, settings: Settings | NoteSettings) -> "Result":
    from musegen.music.phrases import pack

    try:
        if settings.music == "notes":
            return song_piece(item, settings)
        return pack(song_phrases(item, settings))
    except Error as error:
        return str(error)


# In the parent process


@dataclass(frozen=True)
class _Task:
    """One file of the source and the work that it needs.

    Args:
        record: record of the file, not yet complete if the file has to be converted.
        at: share of the source that has been read, 0 to 1.
        in_journal: whether an earlier run has added the record to the journal.
        item: the file, if it has to be converted.
    """

    record: Record
    at: float
    in_journal: bool
    item: Item | None = None


@dataclass
class Summary:
    """The result of preparing a source.

    Args:
        manifest: content of `manifest.json`.
        files: number of music files in the source.
        skipped: number of files that were left out, by reason.
        new: whether this run has made the data; otherwise an earlier run had.
    """

    manifest: dict
    files: int
    skipped: Counter
    new: bool = True


def prepare(
    source: str | Path,
    out: str | Path,
    settings: Settings | NoteSettings | None = None,
    workers: int = 1,
    progress: Callable[[int, float, str], None] | None = None,
) -> Summary:
    """Makes shards of phrases, or a store of notes, from a source; an interrupted run continues.

    With more than one worker the calling script needs the usual `if __name__ == "__main__":`.

    Args:
        source: folder, archive, WAD or file; see `musegen.data.sources`.
        out: empty folder, or a folder that an interrupted run has left.
        settings: settings for phrases (`Settings`, the default) or notes (`NoteSettings`).
        workers: number of processes that convert songs; with 1, this process does it.
        progress: function that is called with the number of files done, their share of the source,
            and a text such as "120 phrases".
    """
    from musegen.data.shelves import SHELVES

    settings, out = settings or Settings(), Path(out)
    check_folder(out, [source])
    if done := _done(source, out, settings):
        return done
    stream = items(source)
    header = asdict(settings) | {"musegen": musegen.__version__}
    if settings.music != "phrases":  # the first journals, of phrases only, had no such entry
        header["music"] = settings.music
    with (
        Journal(out, header) as journal,
        processes(workers) as cutters,
        threads(min(workers, MAX_WRITERS)) as writers,
    ):
        shelf = SHELVES[settings.music](out, settings, writers, min(workers, MAX_WRITERS))
        tasks = _tasks(stream, source, journal, shelf, settings)
        summary = Summary({}, 0, Counter())
        ahead = CHUNKS_AHEAD * workers if workers > 1 else 0
        for task, result in _results(tasks, settings, cutters, ahead):
            _keep(task, result, shelf, journal, summary)
            if progress:
                progress(summary.files, task.at, f"{shelf.total:,} {shelf.unit}")
        shelf.close()
        return _finish(source, settings, journal, shelf, summary)


def _tasks(
    stream: Iterator[Item],
    source: str | Path,
    journal: Journal,
    shelf: "Shelf",
    settings: Settings | NoteSettings,
) -> Iterator[_Task]:
    """Yields a task for each file of a source; files that an earlier run has finished need no work.

    Args:
        stream: files of the source.
        source: path or name of the source.
        journal: journal of this run and of the one that it continues.
        shelf: shelf for the results, which knows what is on disk.
        settings: settings of this run.
    """
    names: dict[bytes, str] = {}
    earlier, amounts = journal.records(), Counter()
    for item in stream:
        digest = item.digest
        original = None if item.error else names.get(digest)
        if not item.error:
            names.setdefault(digest, item.name)
        record, finished = Record(item.name, digest.hex()), next(earlier, None)
        if finished:
            if (finished.name, finished.digest) != (record.name, record.digest):
                raise Error(
                    f"{journal.path.parent}: holds an unfinished run from another source "
                    f"({finished.name!r}, not {item.name!r}); choose another folder"
                )
            not_on_disk = False
            if not finished.reason:
                if finished.split not in SPLITS or not getattr(finished, shelf.unit):
                    raise _inconsistent(journal)
                group, amount = shelf.share(finished)
                amounts[group] += amount
                not_on_disk = amounts[group] > shelf.written[group]
            yield _Task(finished, item.at, True, item if not_on_disk else None)
        elif item.error:
            yield _Task(replace(record, reason=item.error), item.at, False)
        elif original is not None:
            yield _Task(replace(record, reason=f"duplicate (of {original})"), item.at, False)
        else:
            yield _Task(replace(record, split=split_of(digest, settings)), item.at, False, item)
    if missing := next(earlier, None):
        raise Error(
            f"{source}: {missing.name!r} is missing since the unfinished run began; restore it, or "
            "choose another folder"
        )


def _results(
    tasks: Iterator[_Task], settings: Settings | NoteSettings, cutters: Executor, ahead: int
) -> Iterator[tuple[_Task, "Result"]]:
    """Yields each task, in order, with its result; up to `ahead` chunks wait or are in work."""
    pending: deque[tuple[list[_Task], Future]] = deque()
    for chunk in _chunks(tasks):
        work = [task.item for task in chunk if task.item]
        pending.append((chunk, cutters.submit(_convert, work, settings)))
        if len(pending) > ahead:
            yield from _paired(*pending.popleft())
    while pending:
        yield from _paired(*pending.popleft())


def _chunks(tasks: Iterator[_Task]) -> Iterator[list[_Task]]:
    """Yields tasks in chunks, each of which is sent to a worker."""
    chunk, songs, size = [], 0, 0
    for task in tasks:
        chunk.append(task)
        if task.item:
            songs, size = songs + 1, size + len(task.item.data)
        if songs == CHUNK_SONGS or size >= CHUNK_BYTES or len(chunk) == CHUNK_TASKS:
            yield chunk
            chunk, songs, size = [], 0, 0
    if chunk:
        yield chunk


def _paired(chunk: list[_Task], future: Future) -> Iterator[tuple[_Task, "Result"]]:
    """Yields the tasks of a chunk with their results; one that needed no work has None."""
    results = iter(future.result())
    for task in chunk:
        yield task, next(results) if task.item else None


def _keep(
    task: _Task,
    result: "Result",
    shelf: "Shelf",
    journal: Journal,
    summary: Summary,
) -> None:
    """Puts the result for one file on the shelf and adds its record to the journal."""
    record = task.record
    if task.in_journal and result is not None and len(result) != getattr(record, shelf.unit):
        raise _inconsistent(journal)
    if isinstance(result, str):
        record = replace(record, split="", reason=result)
    elif result is not None:
        record = replace(record, **{shelf.unit: len(result)})
    if record.reason:
        summary.skipped[_kind(record.reason)] += 1
    else:
        shelf.add(record, summary.files - summary.skipped.total(), result)
    summary.files += 1
    if not task.in_journal:
        journal.add(record)


def _inconsistent(journal: Journal) -> Error:
    return Error(f"{journal.path}: does not match its source or its shards; {REMEDY}")


def _kind(reason: str) -> str:
    """Returns a reason without the details in brackets."""
    return reason.partition(" (")[0]


def _finish(
    source: str | Path,
    settings: Settings | NoteSettings,
    journal: Journal,
    shelf: "Shelf",
    summary: Summary,
) -> Summary:
    """Completes the folder: writes the tables and the manifest, and deletes the journal."""
    songs, skipped = journal.tables(shelf.unit)
    write_bytes(shelf.folder / SKIPPED, skipped)
    if not shelf.total:
        journal.complete()
        raise Error(
            f"{source}: its {summary.files:,} files gave no {shelf.unit}: "
            f"{_reasons(summary.skipped)}; {shelf.folder / SKIPPED} lists them"
        )
    write_bytes(shelf.folder / SONGS, songs)
    summary.manifest = shelf.finish(str(source), asdict(settings), journal.records())
    journal.complete()
    return summary


def _done(source: str | Path, out: Path, settings: Settings | NoteSettings) -> Summary | None:
    """Returns the summary of an earlier, complete run with the same settings, if there is one."""
    import csv

    from musegen.data.shards import MANIFEST, music_of
    from musegen.data.shelves import SHELVES

    if not (out / MANIFEST).exists():
        return None
    music = music_of(out, REMEDY)
    before, now = {"music": music}, {"music": settings.music}
    if before == now:
        manifest = SHELVES[music].manifest_of(out)
        before |= manifest["settings"] | {"source": manifest["source"]}
        now |= asdict(settings) | {"source": str(source)}
    if changed := differences(before, now):
        raise Error(
            f"{out}: holds data with other settings ({changed}); choose another folder, or delete "
            "it"
        )
    (out / JOURNAL).unlink(missing_ok=True)
    skipped = Counter()
    if (out / SKIPPED).exists():
        path = out / SKIPPED
        with (
            reading.damaged(path, "damaged", REMEDY),
            path.open(newline="", encoding="utf-8") as file,
        ):
            skipped.update(_kind(row["reason"]) for row in csv.DictReader(file))
    return Summary(manifest, manifest["songs"] + skipped.total(), skipped, new=False)


def _reasons(skipped: Counter) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in skipped.most_common(MAX_REASONS))


# The command


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the options of `musegen data prepare`."""
    parser.add_argument(
        "source", metavar="SRC", help="folder, .tar(.gz, .xz), .zip or .wad file, or freedoom"
    )
    parser.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the data")
    parser.add_argument(
        "--music", choices=SETTINGS, default="phrases",
        help="phrases of songs in 4/4, on a grid of steps, or the notes of whole songs in any "
        "meter (default: %(default)s)",
    )  # fmt: skip
    phrases = parser.add_argument_group("phrases")
    _add(phrases, Settings, "--steps", "steps in a bar", "n_steps", type=int, choices=STEPS)
    _add(phrases, Settings, "--bars", "bars in a phrase", "n_bars", type=int, metavar="N")
    _add(
        phrases, Settings, "--cut",
        "how songs are cut into phrases: fixed, one after the other; random, at random bars; the "
        "others along the sections of the song",
        choices=CUTS,
    )  # fmt: skip
    _add(
        phrases, Settings, "--phrases-per-song", "use at most N phrases of a song, at random",
        type=int, metavar="N",
    )  # fmt: skip
    _add(phrases, Settings, "--rule", "rule for the cells that a MIDI note fills", choices=RULES)
    _add(
        phrases, Settings, "--families", "table that assigns instruments to tracks",
        choices=FAMILIES,
    )  # fmt: skip
    _add(
        phrases, Settings, "--cleanse", "keep only songs that meet these rules of LPD",
        choices=CLEANSING,
    )  # fmt: skip
    notes = parser.add_argument_group("notes")
    _add(
        notes, NoteSettings, "--pedal",
        "keep the sustain pedal beside the notes, apply it to their lengths, or drop it",
        choices=PEDALS,
    )  # fmt: skip
    both = parser.add_argument_group("both")
    _add(both, Settings, "--val", "share of the songs for validation", type=float, metavar="SHARE")
    _add(both, Settings, "--test", "share of the songs for testing", type=float, metavar="SHARE")
    _add(both, Settings, "--seed", "seed of the split and of every random choice", type=SEED)
    both.add_argument(
        "--workers", type=int, metavar="N", default=available(),
        help="processes that read songs (default: all cores, here %(default)s)",
    )  # fmt: skip


def _add(parser, settings: type, flag: str, text: str, name: str | None = None, **options) -> None:
    """Adds the flag of one field of the settings; without the flag the argument is not set."""
    name = name or flag[2:].replace("-", "_")
    value = getattr(settings, name)
    text += "" if value is None else f" (default: {value})"
    parser.add_argument(flag, dest=name, default=SUPPRESS, help=text, **options)


def settings_of(args: Namespace) -> Settings | NoteSettings:
    """Returns the settings that the user has chosen; one of the other music is an `Error`."""
    allowed = {field.name for field in fields(SETTINGS[args.music])}
    known = {field.name for kind in SETTINGS.values() for field in fields(kind)}
    chosen = known & vars(args).keys()
    for name in sorted(chosen - allowed):
        flag = f"--{name.removeprefix('n_').replace('_', '-')}"
        raise Error(f"{flag}: has no effect with --music {args.music}; leave it out")
    return SETTINGS[args.music](**{name: getattr(args, name) for name in chosen})


def run(args: Namespace) -> None:
    """Prepares data and prints a report."""
    import time

    from musegen.data.progress import Progress

    settings, start = settings_of(args), time.monotonic()
    try:
        with Progress("songs") as progress:
            summary = prepare(args.source, args.out, settings, args.workers, progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command continues from here") from None
    print(report(summary, args.out, time.monotonic() - start))


def report(summary: Summary, out: str | Path, seconds: float) -> str:
    """Returns the last lines that `musegen data prepare` prints."""
    splits = summary.manifest["splits"]
    lines = [counts_line(split, counts) for split, counts in splits.items()]
    if summary.skipped:
        total = summary.skipped.total()
        lines.append(f"skipped {total:,} of {summary.files:,} files: {_reasons(summary.skipped)}")
        lines.append(f"{shown(Path(out) / SKIPPED)} lists them")
    if not splits["train"]["songs"]:
        lines.append(
            "no song is in the train split, as there are few; try --val 0 --test 0, or another "
            "--seed"
        )
    if summary.new:
        lines.append(f"{summary.files:,} files in {seconds:.1f} s, written to {shown(out)}")
    else:
        lines.append(
            f"{shown(out)} is complete already; for a source that has changed, choose a new folder"
        )
    return "\n".join(lines)


def counts_line(split: str, counts: dict[str, int]) -> str:
    """Returns a line such as `train  80 songs  1,024 phrases  1 shards`, or the same for notes."""
    units = [unit for unit in ("songs", "phrases", "notes", "shards") if unit in counts]
    widths = {"songs": 9, "phrases": 11, "notes": 11, "shards": 7}
    return f"{split:<6}" + "".join(f"{counts[u]:>{widths[u]},} {u}" for u in units)
