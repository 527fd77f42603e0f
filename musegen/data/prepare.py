"""Songs to phrase shards: what `musegen data prepare` does.

Each file of a source becomes a song, the song a five-track roll, the roll phrases of four bars, and
the phrases stand in shards of train, val or test. Which split a song goes to depends on its content
and the seed alone, so it is the same in any order and with any number of workers.

Songs are kept if they are in 4/4 from end to end; a file without a time signature counts as 4/4.
Whatever is left out stands in `skipped.csv` with the reason; `songs.csv` says what each song number
of the shards stands for.

The parent process reads the source and hands a few songs at a time to the workers, never more than
they can chew, so memory does not grow with the source. It keeps a journal: a run that was killed
and is started again goes on, and ends with the same bytes as one that was not.
"""

from argparse import ArgumentParser, Namespace
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import asdict, dataclass, fields, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import musegen
from musegen import Error, reading
from musegen.commands.choices import SEED
from musegen.data.journal import NAME as JOURNAL
from musegen.data.journal import REMEDY, SKIPPED, SONGS, Journal, Record, differences
from musegen.data.sources import Item, items
from musegen.data.workers import available, processes, threads
from musegen.files import check_folder, shown, write_bytes

# numpy and all that reads music are imported where they are used: help does not wait for them, and
# a worker can say how many threads it wants first.
if TYPE_CHECKING:
    import numpy as np

    from musegen.music.song import Song

    Result = np.ndarray | str | None  # packed phrases, why there are none, or no work done

STEPS = (96, 48)
CUTS = {
    "fixed": "uniform", "structural": "sf", "sf_msaf": "sf_msaf", "sf_v1": "sf_v1",
    "random": "random",
}  # fmt: skip
RULES = ("paper", "lpd", "pypianoroll1")
FAMILIES = ("lpd5", "musegan_v1", "musegan_v3")
CLEANSING = ("docs", "code", "paper", "musegan_v1")
MAX_REASONS = 6  # in a message
MAX_BARS = 64  # of a phrase: a shard of those is 330 MB unpacked
CHUNK_SONGS, CHUNK_BYTES = 8, 1 << 20  # what a worker is given at a time
CHUNK_TASKS = 64  # files that need no work among them
CHUNKS_AHEAD = 3  # for each worker
MAX_WRITERS = 4  # threads that compress shards, 200 MB each


@dataclass(frozen=True)
class Settings:
    """How songs become phrases.

    Args:
        n_steps: steps of a bar, 96 or 48.
        n_bars: bars of a phrase.
        cut: `"fixed"` every `n_bars` bars, `"structural"` along the sections of the song;
            `"random"`, `"sf_msaf"` and `"sf_v1"` are those of `musegen.data.segment`.
        phrases_per_song: at most so many of a song, chosen at random; None for all.
        val, test: shares of the songs.
        rule: how MIDI notes become cells; see `musegen.music.midi`.
        families: how instruments become tracks; see `musegen.music.song`.
        cleanse: rules of the cleansed LPD that songs must meet; see `musegen.data.lpd.rejected`.
        seed: of the split and of every random choice.
    """

    n_steps: int = 96
    n_bars: int = 4
    cut: str = "fixed"
    phrases_per_song: int | None = None
    val: float = 0.1
    test: float = 0.1
    rule: str = "paper"
    families: str = "lpd5"
    cleanse: str | None = None
    seed: int = 0

    def __post_init__(self):
        for value, choices, what in (
            (self.cut, CUTS, "cut"),
            (self.rule, RULES, "rule"),
            (self.families, FAMILIES, "family table"),
            (self.cleanse, (None, *CLEANSING), "cleansing rules"),
        ):
            if value not in choices:
                raise Error(f"unknown {what} {value!r}; choose {', '.join(filter(None, choices))}")
        if not (self.val >= 0 and self.test >= 0 and self.val + self.test <= 1):  # NaN is none
            raise Error(f"val {self.val} and test {self.test} are no shares of a whole")
        if self.n_bars < 1 or (self.phrases_per_song is not None and self.phrases_per_song < 1):
            raise Error("a phrase needs at least one bar, and a song one phrase")
        if self.n_bars > MAX_BARS:
            raise Error(f"{self.n_bars} bars are too long a phrase; it has {MAX_BARS} at most")
        if self.n_steps < 4 or 96 % self.n_steps:
            raise Error(f"{self.n_steps} steps a bar: 96 must be a multiple of them")


# One song


def song_phrases(item: Item, settings: Settings) -> "np.ndarray":
    """The phrases of a file, bool `(n, bars, steps, 84, 5)`; an `Error` says why there are none."""
    if item.error:
        raise Error(item.error)
    try:
        return _phrases(_song(item, settings), item, settings)
    except Error as error:
        raise Error(str(error).removeprefix(f"{item.name}: ")) from None
    except Exception as error:  # one odd file among a hundred thousand does not stop a run
        raise Error(f"cannot be read ({type(error).__name__}: {error})") from error


def _song(item: Item, settings: Settings) -> "Song":
    """The song, if it is to be used."""
    from musegen.data import lpd
    from musegen.music import midi
    from musegen.music.song import STEPS_PER_BEAT

    if item.kind == "npz":
        song = lpd.read(item.data, item.name)
    else:
        song = midi.read(item.data, settings.rule, STEPS_PER_BEAT, item.name)
    if settings.cleanse and (reason := lpd.rejected(song, settings.cleanse)):
        raise Error(f"not in the cleansed set ({reason})")
    for beat, top, bottom in song.signatures:
        if (top, bottom) != (4, 4):
            raise Error(f"not in 4/4 throughout ({top}/{bottom})")
        if abs(beat - 4 * round(beat / 4)) > 1 / song.resolution:
            raise Error(f"a bar is not whole (4/4 starts anew on beat {beat:.5g})")
    return song


def _phrases(song: "Song", item: Item, settings: Settings) -> "np.ndarray":
    import numpy as np

    from musegen.data import segment
    from musegen.music.phrases import BEATS_PER_BAR

    # Sections are found on the song's own grid, so they are the same for any number of steps.
    fine = song.roll(settings.families)
    fine = fine.reshape(-1, BEATS_PER_BAR * song.resolution, *fine.shape[1:])
    if len(fine) < settings.n_bars:
        raise Error(f"shorter than {settings.n_bars} bars ({len(fine)})")
    method = CUTS[settings.cut]
    starts = segment.starts(fine, method, settings.n_bars, limit=len(fine))
    if not len(starts):
        raise Error(f"no section of {settings.n_bars} bars ({len(fine)} bars)")
    if fine.shape[1] % settings.n_steps:
        raise Error(f"{fine.shape[1]} steps a bar cannot become {settings.n_steps}")
    bars = fine[:, :: fine.shape[1] // settings.n_steps]
    sounds = bars.any(axis=(1, 2, 3))
    within = starts[:, None] + np.arange(settings.n_bars)
    within = within[sounds[within].any(axis=1)]
    if not len(within):
        raise Error("silent (no note of a family in the range of pitches)")
    limit = settings.phrases_per_song or (segment.PHRASES_PER_SONG if method == "random" else None)
    if limit and len(within) > limit:
        rng = np.random.default_rng([settings.seed, int.from_bytes(item.digest[:8], "big")])
        within = within[np.sort(rng.choice(len(within), limit, replace=False))]
    return bars[within]


def split_of(digest: bytes, settings: Settings) -> str:
    """The split that a file falls to, by its content and the seed alone."""
    lot = blake2b(digest + str(settings.seed).encode(), digest_size=8).digest()
    share = int.from_bytes(lot, "big") / 2**64
    if share < settings.test:
        return "test"
    return "val" if share < settings.test + settings.val else "train"


# What workers do


def _cut(songs: list[Item], settings: Settings) -> list["np.ndarray | str"]:
    """Of each song its packed phrases, or the reason why there are none."""
    return [_packed_or_reason(item, settings) for item in songs]


def _packed_or_reason(item: Item, settings: Settings) -> "np.ndarray | str":
    from musegen.music.phrases import pack

    try:
        return pack(song_phrases(item, settings))
    except Error as error:
        return str(error)


# What the parent does


@dataclass(frozen=True)
class _Task:
    """One file on its way: what is known of it, and the file itself if it has to be cut."""

    record: Record
    at: float
    known: bool
    item: Item | None = None


class _Shelf:
    """The phrases of each split, written as a shard whenever there are enough for one."""

    def __init__(self, folder: Path, settings: Settings, writers: Executor, ahead: int):
        from musegen.data import shards
        from musegen.music.phrases import Layout

        self.folder, self.writers, self.ahead = folder, writers, ahead
        self.layout = Layout(settings.n_bars, settings.n_steps)
        self.size = shards.SIZE
        self.count = dict.fromkeys(shards.SPLITS, 0)
        self.index = {split: self._on_disk(split) for split in shards.SPLITS}
        self.written = {split: index * self.size for split, index in self.index.items()}
        self.waiting = {split: [] for split in shards.SPLITS}
        self.writes: deque[Future] = deque()

    def _on_disk(self, split: str) -> int:
        """Full shards that an earlier run has left; a short last one is made anew."""
        from musegen.data import shards

        index = 0
        while (self.folder / f"{split}-{index:05d}.npz").exists():
            index += 1
        if index:
            *_, songs = shards.read(self.folder / f"{split}-{index - 1:05d}.npz")
            index -= len(songs) < self.size
        return index

    def add(self, record: Record, song: int, rows: "np.ndarray | None") -> None:
        """Takes the phrases of a song; those that an earlier run has written may be missing."""
        import numpy as np

        split, start = record.split, self.count[record.split]
        self.count[split] += record.phrases
        if self.count[split] <= self.written[split]:
            return
        rows = rows[max(0, self.written[split] - start) :]
        self.waiting[split].append((rows, np.full(len(rows), song, np.int32)))
        while self.count[split] >= (self.index[split] + 1) * self.size:
            self._shift(split)

    def _shift(self, split: str) -> None:
        """Has the first phrases that wait written."""
        import numpy as np

        rows, songs = map(np.concatenate, zip(*self.waiting[split], strict=True))
        n = self.size
        self.waiting[split] = [(rows[n:].copy(), songs[n:])]  # no view: what is written can go
        job = self.folder, split, self.index[split], rows[:n], songs[:n], self.layout.shape
        self.index[split] += 1
        self.writes.append(self.writers.submit(_write, *job))
        while len(self.writes) > self.ahead:
            self.writes.popleft().result()

    def close(self) -> None:
        """Writes what is left."""
        for split, count in self.count.items():
            if count > self.index[split] * self.size:
                self._shift(split)
        while self.writes:
            self.writes.popleft().result()


def _write(
    folder: Path, split: str, index: int, rows: "np.ndarray", songs: "np.ndarray", shape: tuple
) -> None:
    from musegen.data import shards

    try:
        shards.write_rows(folder, split, index, rows, shape, songs)
    except Error as error:
        raise Error(f"{error}; once that is mended the same command goes on from here") from error


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
    settings: Settings | None = None,
    workers: int = 1,
    progress: Callable[[int, float, str], None] | None = None,
) -> Summary:
    """Makes shards of a source, or goes on making them.

    With more than one worker the calling script needs the usual `if __name__ == "__main__":`.

    Args:
        source: a folder, archive, WAD or file; see `musegen.data.sources`.
        out: an empty folder, or one that an interrupted run has left.
        workers: processes that cut songs; 1 for none but this.
        progress: is told songs done, share of the source, and phrases found.
    """
    settings, out = settings or Settings(), Path(out)
    check_folder(out, [source])
    if done := _done(source, out, settings):
        return done
    stream = items(source)
    header = asdict(settings) | {"musegen": musegen.__version__}
    with (
        Journal(out, header) as journal,
        processes(workers) as cutters,
        threads(min(workers, MAX_WRITERS)) as writers,
    ):
        shelf = _Shelf(out, settings, writers, ahead=min(workers, MAX_WRITERS))
        tasks = _tasks(stream, source, journal, shelf, settings)
        summary = Summary({}, 0, Counter())
        ahead = CHUNKS_AHEAD * workers if workers > 1 else 0
        for task, result in _results(tasks, settings, cutters, ahead):
            _keep(task, result, shelf, journal, summary)
            if progress:
                progress(summary.files, task.at, f"{sum(shelf.count.values()):,} phrases")
        shelf.close()
        return _finish(source, settings, journal, shelf, summary)


def _tasks(
    stream: Iterator[Item],
    source: str | Path,
    journal: Journal,
    shelf: _Shelf,
    settings: Settings,
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
            if not known.reason and (known.split not in shelf.count or not known.phrases):
                raise _torn(journal)
            passed[known.split] += known.phrases
            again = known.phrases and passed[known.split] > shelf.written[known.split]
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
    tasks: Iterator[_Task], settings: Settings, cutters: Executor, ahead: int
) -> Iterator[tuple[_Task, "Result"]]:
    """Each task, in order, with what `_cut` made of it; `ahead` chunks are being worked on."""
    pending: deque[tuple[list[_Task], Future]] = deque()
    for chunk in _chunks(tasks):
        work = [task.item for task in chunk if task.item]
        pending.append((chunk, cutters.submit(_cut, work, settings)))
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
    shelf: _Shelf,
    journal: Journal,
    summary: Summary,
) -> None:
    """Puts the phrases of a song on the shelf and notes what became of it."""
    record = task.record
    if task.known and result is not None and len(result) != record.phrases:
        raise _torn(journal)
    if isinstance(result, str):
        record = replace(record, split="", reason=result)
    elif result is not None:
        record = replace(record, phrases=len(result))
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
    source: str | Path, settings: Settings, journal: Journal, shelf: _Shelf, summary: Summary
) -> Summary:
    """Makes the folder whole: tables, manifest, no journal."""
    from musegen.data import shards

    folder = shelf.folder
    songs, skipped = journal.tables()
    write_bytes(folder / SKIPPED, skipped)
    if not any(shelf.count.values()):
        journal.complete()
        raise Error(
            f"{source}: no phrase came of its {summary.files:,} files: "
            f"{_reasons(summary.skipped)}; {folder / SKIPPED} names each"
        )
    write_bytes(folder / SONGS, songs)
    summary.manifest = shards.write_manifest(folder, shelf.layout, str(source), asdict(settings))
    journal.complete()
    return summary


def _done(source: str | Path, out: Path, settings: Settings) -> Summary | None:
    """What a complete run with the same settings has left."""
    import csv

    from musegen.data import shards

    if not (out / shards.MANIFEST).exists():
        return None
    opened = shards.Shards(out)
    for split in shards.SPLITS:
        opened.files(split)  # an Error if one is missing
    manifest = opened.manifest
    before = manifest["settings"] | {"source": manifest["source"]}
    if changed := differences(before, asdict(settings) | {"source": str(source)}):
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
    default = Settings()

    def setting(flag: str, text: str, field: str | None = None, **options) -> None:
        field = field or flag[2:].replace("-", "_")
        value = getattr(default, field)
        text += "" if value is None else " (default: %(default)s)"
        parser.add_argument(flag, dest=field, default=value, help=text, **options)

    parser.add_argument(
        "source", metavar="SRC", help="folder, .tar(.gz, .xz), .zip, .wad, or the word freedoom"
    )
    parser.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the shards")
    setting("--steps", "steps of a bar", "n_steps", type=int, choices=STEPS)
    setting("--bars", "bars of a phrase", "n_bars", type=int, metavar="N")
    setting("--cut", "every 4 bars, or along the sections of a song", choices=CUTS)
    setting("--phrases-per-song", "at most N of a song, at random", type=int, metavar="N")
    setting("--val", "share of the songs for validation", type=float, metavar="SHARE")
    setting("--test", "share of the songs for testing", type=float, metavar="SHARE")
    setting("--rule", "how MIDI notes become cells", choices=RULES)
    setting("--families", "how instruments become tracks", choices=FAMILIES)
    setting("--cleanse", "keep only songs that meet these rules of LPD", choices=CLEANSING)
    setting("--seed", "of the split and of every choice", type=SEED)
    parser.add_argument(
        "--workers", type=int, metavar="N", default=available(),
        help="processes that cut songs (default: all cores, here %(default)s)",
    )  # fmt: skip


def run(args: Namespace) -> None:
    """Prepares data and says what came of it."""
    import time

    from musegen.data.progress import Progress

    options = {f.name: getattr(args, f.name) for f in fields(Settings) if hasattr(args, f.name)}
    start = time.monotonic()
    try:
        with Progress("songs") as progress:
            summary = prepare(args.source, args.out, Settings(**options), args.workers, progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on from here") from None
    print(report(summary, args.out, time.monotonic() - start))


def report(summary: Summary, out: str | Path, seconds: float) -> str:
    """The closing lines of `musegen data prepare`."""
    splits = summary.manifest["splits"]
    lines = [f"{split:<6}{n['songs']:>9,} songs{n['phrases']:>11,} phrases{n['shards']:>7,} shards"
             for split, n in splits.items()]  # fmt: skip
    if summary.skipped:
        total = summary.skipped.total()
        lines.append(f"skipped {total:,} of {summary.files:,} files: {_reasons(summary.skipped)}")
        lines.append(f"{shown(Path(out) / SKIPPED)} names each")
    if not splits["train"]["phrases"]:
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
