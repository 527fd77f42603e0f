"""Songs to training data: what `musegen data prepare` does.

Two views of the same songs can be prepared. As **phrases**, each song becomes a five-track roll and
the roll phrases of four bars, in shards of train, val or test; songs are kept if they are in 4/4
from end to end, and a file without a time signature counts as 4/4. As **notes**, a song in any
meter becomes one piece in a store of notes. Which split a song goes to depends on its content and
the seed alone, so it is the same in any order, with any number of workers, and in both views.

Whatever is left out stands in `skipped.csv` with the reason; `songs.csv` says what each song number
stands for.

The parent process reads the source and hands a few songs at a time to the workers, never more than
they can take, so memory does not grow with the source. It keeps a journal: a run that was killed
and is started again goes on, and ends with the same bytes as one that was not.
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

# numpy and all that reads music are imported where they are used: help does not wait for them, and
# a worker can say how many threads it wants first.
if TYPE_CHECKING:
    import numpy as np

    from musegen.data.shelves import Shelf
    from musegen.music.piece import Piece

    # What came of a song (packed phrases or a piece), why nothing did, or no work done.
    Result = np.ndarray | Piece | str | None

SETTINGS = {"phrases": Settings, "notes": NoteSettings}
MAX_REASONS = 6  # in a message
CHUNK_SONGS, CHUNK_BYTES = 8, 1 << 20  # what a worker is given at a time
CHUNK_TASKS = 64  # files that need no work among them
CHUNKS_AHEAD = 3  # for each worker
MAX_WRITERS = 4  # threads that compress shards, 200 MB each


# What workers do


def _convert(songs: list[Item], settings: Settings | NoteSettings) -> "list[Result]":
    """What each song gives, or the reason why it gives nothing."""
    return [_result(item, settings) for item in songs]


def _result(item: Item, settings: Settings | NoteSettings) -> "Result":
    from musegen.music.phrases import pack

    try:
        if settings.music == "notes":
            return song_piece(item, settings)
        return pack(song_phrases(item, settings))
    except Error as error:
        return str(error)


# What the parent does


@dataclass(frozen=True)
class _Task:
    """One file on its way: what is known of it, and the file itself if it has to be read."""

    record: Record
    at: float
    known: bool
    item: Item | None = None


@dataclass
class Summary:
    """What came of a source.

    Args:
        manifest: as in `manifest.json`.
        files: music files in the source.
        skipped: how many of them were left out, by reason.
        new: whether this run has done anything.
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
    """Makes shards of phrases of a source, or a store of its notes, or goes on making them.

    With more than one worker the calling script needs the usual `if __name__ == "__main__":`.

    Args:
        source: a folder, archive, WAD or file; see `musegen.data.sources`.
        out: an empty folder, or one that an interrupted run has left.
        workers: processes that cut songs; 1 for none but this.
        settings: how songs become phrases (`Settings`, the default) or notes (`NoteSettings`).
        progress: called with the number of songs done, the share of the source, and what they gave.
    """
    settings, out = settings or Settings(), Path(out)
    check_folder(out, [source])
    if done := _done(source, out, settings):
        return done
    stream = items(source)
    from musegen.data.shelves import SHELVES

    header = asdict(settings) | {"musegen": musegen.__version__}
    if settings.music != "phrases":  # journals of phrases had no such line at first
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
    """The files of a source in order; those that an earlier run has finished need no work."""
    names: dict[bytes, str] = {}
    before, passed = journal.records(), Counter()
    for item in stream:
        digest = item.digest
        twin = None if item.error else names.get(digest)
        if not item.error:
            names.setdefault(digest, item.name)
        record, known = Record(item.name, digest.hex()), next(before, None)
        if known:
            if (known.name, known.digest) != (record.name, record.digest):
                raise Error(
                    f"{journal.path.parent}: an unfinished run from another source stands there "
                    f"({known.name!r}, not {item.name!r}); choose another folder"
                )
            again = False
            if not known.reason:
                if known.split not in SPLITS or not getattr(known, shelf.unit):
                    raise _torn(journal)
                group, amount = shelf.share(known)
                passed[group] += amount
                again = passed[group] > shelf.written[group]
            yield _Task(known, item.at, True, item if again else None)
        elif item.error:
            yield _Task(replace(record, reason=item.error), item.at, False)
        elif twin is not None:
            yield _Task(replace(record, reason=f"duplicate (of {twin})"), item.at, False)
        else:
            yield _Task(replace(record, split=split_of(digest, settings)), item.at, False, item)
    if known := next(before, None):
        raise Error(f"{source}: has lost {known.name!r} since the unfinished run began")


def _results(
    tasks: Iterator[_Task], settings: Settings | NoteSettings, cutters: Executor, ahead: int
) -> Iterator[tuple[_Task, "Result"]]:
    """Each task, in order, with what `_convert` made of it; `ahead` chunks are being worked on."""
    pending: deque[tuple[list[_Task], Future]] = deque()
    for chunk in _chunks(tasks):
        work = [task.item for task in chunk if task.item]
        pending.append((chunk, cutters.submit(_convert, work, settings)))
        if len(pending) > ahead:
            yield from _paired(*pending.popleft())
    while pending:
        yield from _paired(*pending.popleft())


def _chunks(tasks: Iterator[_Task]) -> Iterator[list[_Task]]:
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
    """Puts what came of a song on the shelf and notes what became of it."""
    record = task.record
    if task.known and result is not None and len(result) != getattr(record, shelf.unit):
        raise _torn(journal)
    if isinstance(result, str):
        record = replace(record, split="", reason=result)
    elif result is not None:
        record = replace(record, **{shelf.unit: len(result)})
    if record.reason:
        summary.skipped[_kind(record.reason)] += 1
    else:
        shelf.add(record, summary.files - summary.skipped.total(), result)
    summary.files += 1
    if not task.known:
        journal.add(record)


def _torn(journal: Journal) -> Error:
    return Error(f"{journal.path}: does not fit its source or its shards; {REMEDY}")


def _kind(reason: str) -> str:
    """A reason without its particulars, which stand in brackets."""
    return reason.partition(" (")[0]


def _finish(
    source: str | Path,
    settings: Settings | NoteSettings,
    journal: Journal,
    shelf: "Shelf",
    summary: Summary,
) -> Summary:
    """Makes the folder whole: tables, manifest, no journal."""
    songs, skipped = journal.tables(shelf.unit)
    write_bytes(shelf.folder / SKIPPED, skipped)
    if not shelf.total:
        journal.complete()
        what = {"phrases": "phrase", "notes": "note"}[shelf.unit]
        raise Error(
            f"{source}: no {what} came of its {summary.files:,} files: "
            f"{_reasons(summary.skipped)}; {shelf.folder / SKIPPED} names each"
        )
    write_bytes(shelf.folder / SONGS, songs)
    summary.manifest = shelf.finish(str(source), asdict(settings), journal.records())
    journal.complete()
    return summary


def _done(source: str | Path, out: Path, settings: Settings | NoteSettings) -> Summary | None:
    """What a complete run with the same settings has left."""
    import csv

    from musegen.data.shards import MANIFEST
    from musegen.data.shelves import SHELVES

    if not (out / MANIFEST).exists():
        return None
    music = reading.read_json(out / MANIFEST, REMEDY).get("music", "phrases")
    before, now = {"music": music}, {"music": settings.music}
    if before == now:
        manifest = SHELVES[music].manifest_of(out)
        before |= manifest["settings"] | {"source": manifest["source"]}
        now |= asdict(settings) | {"source": str(source)}
    if changed := differences(before, now):
        raise Error(
            f"{out}: holds data prepared otherwise ({changed}); choose another folder, or delete it"
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
    """The options of `musegen data prepare`."""
    parser.add_argument(
        "source", metavar="SRC", help="folder, .tar(.gz, .xz), .zip, .wad, or the word freedoom"
    )
    parser.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the data")
    parser.add_argument(
        "--music", choices=SETTINGS, default="phrases",
        help="phrases of songs in 4/4, on a grid of steps, or the notes of whole songs in any "
        "meter (default: %(default)s)",
    )  # fmt: skip
    phrases = parser.add_argument_group("phrases")
    _add(phrases, Settings, "--steps", "steps of a bar", "n_steps", type=int, choices=STEPS)
    _add(phrases, Settings, "--bars", "bars of a phrase", "n_bars", type=int, metavar="N")
    _add(phrases, Settings, "--cut", "every 4 bars, or along the sections of a song", choices=CUTS)
    _add(
        phrases, Settings, "--phrases-per-song", "at most N of a song, at random",
        type=int, metavar="N",
    )  # fmt: skip
    _add(phrases, Settings, "--rule", "how MIDI notes become cells", choices=RULES)
    _add(phrases, Settings, "--families", "how instruments become tracks", choices=FAMILIES)
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
    _add(both, Settings, "--seed", "seed of the split and of every choice", type=SEED)
    both.add_argument(
        "--workers", type=int, metavar="N", default=available(),
        help="processes that read songs (default: all cores, here %(default)s)",
    )  # fmt: skip


def _add(parser, settings: type, flag: str, text: str, name: str | None = None, **options) -> None:
    """Adds the flag of one field of the settings; it has no value unless the user gives one."""
    name = name or flag[2:].replace("-", "_")
    value = getattr(settings, name)
    text += "" if value is None else f" (default: {value})"
    parser.add_argument(flag, dest=name, default=SUPPRESS, help=text, **options)


def settings_of(args: Namespace) -> Settings | NoteSettings:
    """The settings that the user has chosen; an `Error` for one that the music does not have."""
    own = {field.name for field in fields(SETTINGS[args.music])}
    other = {field.name for kind in SETTINGS.values() for field in fields(kind)} - own
    for name in sorted(other & vars(args).keys()):
        flag = f"--{name.removeprefix('n_').replace('_', '-')}"
        raise Error(f"{flag}: is of no use with --music {args.music}; leave it out")
    return SETTINGS[args.music](**{name: getattr(args, name) for name in own & vars(args).keys()})


def run(args: Namespace) -> None:
    """Prepares data and says what came of it."""
    import time

    from musegen.data.progress import Progress

    settings, start = settings_of(args), time.monotonic()
    try:
        with Progress("songs") as progress:
            summary = prepare(args.source, args.out, settings, args.workers, progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on from here") from None
    print(report(summary, args.out, time.monotonic() - start))


def report(summary: Summary, out: str | Path, seconds: float) -> str:
    """The closing lines of `musegen data prepare`."""
    splits = summary.manifest["splits"]
    lines = [counts_line(split, counts) for split, counts in splits.items()]
    if summary.skipped:
        total = summary.skipped.total()
        lines.append(f"skipped {total:,} of {summary.files:,} files: {_reasons(summary.skipped)}")
        lines.append(f"{shown(Path(out) / SKIPPED)} names each")
    if not splits["train"]["songs"]:
        lines.append(
            "no song fell to train: there are few; try --val 0 --test 0, or another --seed"
        )
    if summary.new:
        lines.append(f"{summary.files:,} files in {seconds:.1f} s, written to {shown(out)}")
    else:
        lines.append(
            f"{shown(out)} is complete already; for a source that has changed, choose a new folder"
        )
    return "\n".join(lines)


def counts_line(split: str, counts: dict[str, int]) -> str:
    """`train  80 songs  1,024 phrases  1 shards`, or the same of notes."""
    units = [unit for unit in ("songs", "phrases", "notes", "shards") if unit in counts]
    widths = {"songs": 9, "phrases": 11, "notes": 11, "shards": 7}
    return f"{split:<6}" + "".join(f"{counts[u]:>{widths[u]},} {u}" for u in units)
