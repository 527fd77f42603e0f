"""Reads MIDI files, pypianoroll and pretty_midi objects into songs and phrases.

Every note is placed on a grid of 24 steps a beat. Three rules say which cells a note fills, where
`on` and `off` are its start and end in steps:

| rule | on | off | cells of a pitched note | short notes |
|---|---|---|---|---|
| `paper` | floor | floor | on ... off - 2: each ends with a silent step | under 2: dropped |
| `lpd` | floor | floor | on ... off, as the published LPD files | one cell |
| `pypianoroll1` | round | floor | on ... off - 1, as pypianoroll 1.0.4 | nothing |

Under all of them the step before a note of the same pitch is silent, drums keep only their onsets,
notes that end before the first beat are dropped, and so are notes without an end. The first beat is
at the first time signature. In a file without a time signature it is at time 0 under `paper`, as
the MIDI standard says, and at pretty_midi's estimate under the other two; in one song of five that
estimate is after the first notes.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error, budget, reading
from musegen.music.marker import PhraseMarker
from musegen.music.midi import beats
from musegen.music.notes import ranges
from musegen.music.phrases import BEATS_PER_BAR, N_BARS, cut, resample
from musegen.music.song import STEPS_PER_BEAT, PartCells, Song, beat_tempo

if TYPE_CHECKING:
    import pretty_midi
    import pypianoroll
    import symusic

    Source = str | Path | bytes | pypianoroll.Multitrack | pretty_midi.PrettyMIDI

RULES = ("paper", "lpd", "pypianoroll1")
TEMPI = (1e-3, 1e9)  # smallest and largest accepted tempo of an object, in beats a minute


# Reading: a source is read into `_Events` in seconds, and these are converted to a song.


@dataclass(frozen=True)
class _Events:
    """The content of a source with times in seconds; its notes are sorted by line, then start.

    Args:
        start, end: times of the start and the end of each note.
        line: line of each note, which is 128 times the number of its part plus its pitch.
        velocity: velocity of each note.
        parts: program, drum flag and name of each instrument.
        tempi: times of the tempi, and their quarter notes a minute.
        meters: `(time, numerator, denominator)` of each meter in order.
        last: time of the last event of any kind.
        written: marker of the file if musegen wrote it, otherwise None.
        written_end: time of that marker.
    """

    start: np.ndarray
    end: np.ndarray
    line: np.ndarray
    velocity: np.ndarray
    parts: list[tuple[int, bool, str]]
    tempi: tuple[np.ndarray, np.ndarray]
    meters: list[tuple[float, int, int]]
    last: float
    written: PhraseMarker | None = None
    written_end: float = 0.0


def read(
    source: "Source", rule: str = "paper", resolution: int | None = None, name: str | None = None
) -> Song:
    """Reads a MIDI file, its bytes, or an object of pretty_midi or pypianoroll.

    Args:
        source: path or bytes of a MIDI file, or an object of pretty_midi or pypianoroll.
        rule: rule for the cells that a note fills, see the module; it is not used for a
            pypianoroll object, which has cells already.
        resolution: number of steps in a beat; by default 24, or that of the phrases in a file that
            musegen wrote. A pypianoroll object keeps its own.
        name: name of the source in messages; by default the file's name.
    """
    if rule not in RULES:
        raise Error(f"unknown rule {rule!r}; choose {', '.join(RULES)}")
    if isinstance(source, str | Path):
        name = name or Path(source).name
        return read(file_bytes(Path(source)), rule, resolution, name)
    name = name or "MIDI data"
    if isinstance(source, bytes):
        return replace(_song(_from_bytes(source, name), rule, resolution, name), source=source)
    if hasattr(source, "instruments"):
        with _object_of(name, "pretty_midi"):
            events = _from_pretty_midi(source, name)
        return _song(events, rule, resolution, name)
    if hasattr(source, "tracks") and hasattr(source, "resolution"):
        with _object_of(name, "pypianoroll"):
            return _from_multitrack(source, name)
    kind = type(source).__name__
    raise Error(f"{name}: a {kind} is no MIDI file, pretty_midi or pypianoroll object")


def phrases(
    source: "Source | Song",
    n_steps: int | None = None,
    n_bars: int | None = None,
    families: str = "lpd5",
    rule: str = "paper",
    gap: int | None = None,
) -> np.ndarray:
    """Reads a source as five-track phrases, bool `(N, n_bars, n_steps, 84, 5)`.

    Silence fills up the last phrase. In a file that musegen wrote, a marker says how its phrases
    are laid out, and this layout is the default.

    Args:
        source: source that `read` accepts, or a song.
        n_steps: number of steps in a bar; by default 96, or that of the marker.
        n_bars: number of bars in a phrase; by default 4, or that of the marker.
        families: name of the table in `musegen.music.song.FAMILIES` that assigns programs to
            tracks.
        rule: rule for the cells that a note fills, see the module.
        gap: number of bars to leave out after each phrase; by default 0, or that of the marker.
    """
    song = source if isinstance(source, Song) else read(source, rule)
    steps_per_bar = BEATS_PER_BAR * song.resolution
    layout = song.written or PhraseMarker(N_BARS, min(steps_per_bar, 96), gap=0, rest=1)
    n_bars = layout.n_bars if n_bars is None else n_bars
    gap = layout.gap if gap is None else gap
    roll = song.roll(families, steps_per_bar, n_bars + gap)
    return resample(cut(roll, steps_per_bar, n_bars, gap), n_steps or layout.n_steps)


def file_bytes(path: Path) -> bytes:
    """Returns the content of a MIDI file, at most one byte more than `parse` accepts."""
    try:
        with path.open("rb") as file:
            return file.read(budget.MIDI_BYTES + 1)
    except FileNotFoundError:
        raise Error(f"{path}: no such file") from None
    except OSError as error:
        raise Error(f"{path}: cannot be read ({error.strerror})") from None


def _from_bytes(data: bytes, name: str) -> _Events:
    """Reads the content of a MIDI file."""
    score = parse(data, name)
    tracks = [track for track in score.tracks if len(track.notes)]
    budget.check_song(name, notes=sum(len(track.notes) for track in tracks))
    tempo = score.tempos.numpy()
    seconds, tempi = beats.clock(score.tpq, tempo["time"], tempo["mspq"])
    start, end, line, velocity = note_ticks(tracks)
    markers = [(mark.time, PhraseMarker.of(mark.text)) for mark in score.markers]
    ends = [(time, marker) for time, marker in markers if marker]
    end_tick, written = ends[-1] if ends else (0, None)
    last = max(last_tick(score, tracks, end), end_tick)
    if start.min(initial=0) < 0:
        raise Error(f"{name}: a note before the file begins, {budget.HOSTILE}")
    budget.check_song(name, beats=-(-last // (4 * score.tpq)))  # at most four quarters a beat
    return _Events(
        seconds(start),
        seconds(end),
        line,
        velocity,
        [(track.program, track.is_drum, track.name) for track in tracks],
        tempi,
        [(float(seconds(time)), *meter) for time, *meter in _meters(score)],
        max(float(seconds(last)), tempi[0][-1]),
        written,
        float(seconds(end_tick)),
    )


def _meters(score: "symusic.Score") -> list[tuple[int, int, int]]:
    """Returns each time signature once, even if every track of the file repeats it."""
    meters = [(s.time, s.numerator, s.denominator) for s in score.time_signatures]
    return list(dict.fromkeys(meters))


def parse(data: bytes, name: str) -> "symusic.Score":
    """Parses the content of a MIDI file; a damaged or unusual one raises an `Error`."""
    import symusic

    if data[:4] != b"MThd":
        raise Error(f"{name}: not a MIDI file (it does not start with MThd)")
    if len(data) > budget.MIDI_BYTES:
        raise Error(f"{name}: too large for one song (over {budget.MIDI_BYTES:,} bytes of MIDI)")
    if len(data) >= 14 and data[12] & 0x80:
        raise Error(f"{name}: its time is in film frames, not beats; save it again with a tempo")
    try:
        score = symusic.Score.from_midi(data)
    except Exception as error:
        raise Error(f"{name}: damaged MIDI file ({str(error).strip().splitlines()[0]})") from None
    if score.tpq < 1:
        raise Error(f"{name}: damaged MIDI file (a beat of no ticks)")
    return score


def note_ticks(tracks: list) -> tuple[np.ndarray, ...]:
    """Returns the start, end, line and velocity of all notes that have a length.

    They are sorted as in `_Events`; times are in ticks.
    """
    columns = [track.notes.numpy() for track in tracks]

    def joined(name):
        return np.concatenate([column[name] for column in columns] or [np.zeros(0, int)])

    start, part = joined("time"), np.repeat(np.arange(len(tracks)), [len(t.notes) for t in tracks])
    line = part << 7 | joined("pitch")
    place = line << 32  # line and tick as one sortable number, with 32 bits for the tick
    order = np.argsort(place + start)
    start, line, place = start[order].astype(np.int64), line[order], place[order]
    end, velocity = start + joined("duration")[order], joined("velocity")[order]
    long = end > start
    if (place[:-1] + end[:-1] > place[1:] + start[1:]).any():
        # Notes of one pitch overlap. A note-off ends all open notes of its pitch, so each note ends
        # at the first note-off after its start.
        offs = np.sort(place + end)
        first = np.searchsorted(offs, place + start, side="right")
        end = offs[first.clip(max=len(offs) - 1)] - place
    return start[long], end[long], line[long], velocity[long]


def last_tick(score: "symusic.Score", tracks: list, end: np.ndarray) -> int:
    """Returns the tick at which a file ends.

    Args:
        score: the file.
        tracks: its tracks with notes; other tracks count only with their lyrics.
        end: tick at which each note ends.
    """
    return max(
        [int(end.max(initial=0))]
        + [int(times[-1]) for track in tracks for times in _control_times(track)]
        + [event.time for event in [*score.time_signatures, *score.key_signatures]]
        + [event.time for track in score.tracks for event in track.lyrics]
    )


def _control_times(track):
    """Yields the times of an instrument's controllers and pitch bends, where it has any."""
    for events in (track.controls, track.pitch_bends):
        if len(events):
            yield events.numpy()["time"]


@contextlib.contextmanager
def _object_of(name: str, library: str) -> Iterator[None]:
    """Turns the exceptions that an invalid object of another library causes into an `Error`."""
    try:
        yield
    except reading.DAMAGE as error:
        raise Error(
            f"{name}: this {library} object is not valid MIDI ({reading.reason(error)})"
        ) from error


def _from_pretty_midi(midi: "pretty_midi.PrettyMIDI", name: str) -> _Events:
    """Reads a pretty_midi object."""
    budget.check_song(name, notes=sum(len(i.notes) for i in midi.instruments))
    parts = [(_program(i.program), bool(i.is_drum), str(i.name)) for i in midi.instruments]
    notes = [
        (k, note.pitch, note.start, note.end, note.velocity)
        for k, instrument in enumerate(midi.instruments)
        for note in instrument.notes
    ]
    table = reading.finite(notes, "a note's value", -np.inf, np.inf).reshape(-1, 5)
    k, pitch, start, end, velocity = table.T
    reading.finite([start, end], "a note at a time", 0, budget.SECONDS)
    reading.finite([pitch, velocity], "a pitch or velocity", 0, 127)
    rows = sorted(zip(*(v.tolist() for v in (128 * k + pitch, start, end, velocity)), strict=True))
    for k in range(1, len(rows)):  # a note ends no earlier than the one before it on its line
        if rows[k][0] == rows[k - 1][0] and rows[k][2] < rows[k - 1][2]:
            rows[k] = (*rows[k][:2], rows[k - 1][2], rows[k][3])
    line, start, end, velocity = np.array(rows).reshape(-1, 4).T
    meters = sorted(
        (change.time, int(change.numerator), int(change.denominator))
        for change in midi.time_signature_changes
    )
    times, qpm = midi.get_tempo_changes()
    last = midi.get_end_time()
    reading.finite([*times, *(time for time, *_ in meters), last], "a time", 0, budget.SECONDS)
    reading.finite(qpm, "a tempo", *TEMPI)
    return _Events(
        start,
        end,
        line.astype(int),
        velocity.astype(int),
        parts,
        (times, qpm),
        meters,
        float(last),
    )


def _program(program: int) -> int:
    return int(reading.finite(program, "a program", 0, 127))


def _from_multitrack(multitrack: "pypianoroll.Multitrack", name: str) -> Song:
    """Reads a pypianoroll object, cell by cell."""
    resolution = int(reading.finite(multitrack.resolution, "a resolution", 1, budget.RESOLUTION))
    longest = min(budget.STEPS, budget.BEATS * resolution)
    parts, length, n_cells = [], 0, 0
    for track in multitrack.tracks:
        roll = np.asarray(track.pianoroll)
        if roll.ndim != 2 or roll.shape[1] != 128 or roll.dtype.kind not in "biuf":
            raise ValueError(f"a piano-roll of {roll.dtype} and shape {roll.shape}")
        budget.check(len(roll), longest, "steps")
        n_cells += np.count_nonzero(roll)
        budget.check(n_cells, budget.CELLS, "cells")
        pitch, step = np.nonzero(roll.T)
        velocity = reading.finite(roll[step, pitch], "a velocity", 0, 127)
        cells = np.stack([step, pitch, velocity]).astype(np.int32)
        parts.append(
            PartCells(_program(track.program), bool(track.is_drum), str(track.name), cells)
        )
        length = max(length, len(roll))
    tempo = np.zeros(0) if multitrack.tempo is None else np.ravel(multitrack.tempo)
    tempo = reading.finite(tempo, "a tempo", *TEMPI)
    return Song(name, parts, length, resolution, beat_tempo(tempo, resolution))


# The grid: seconds to steps.


def _song(events: _Events, rule: str, resolution: int | None, name: str) -> Song:
    """Places events on the grid of steps, by a rule of the module."""
    written = events.written
    if not len(events.start) and not written:
        raise Error(f"{name}: there is no note in it")
    resolution = resolution or (written.n_steps // BEATS_PER_BAR if written else STEPS_PER_BEAT)
    if not 1 <= resolution <= budget.RESOLUTION:
        raise Error(f"{resolution} steps a beat: give 1 to {budget.RESOLUTION}")
    first = _first_beat(events, rule, name)
    times = beats.beats(events.tempi, events.meters, first, events.last, name)
    if len(times) > 1 and times[-1] > times[-2]:
        grid = np.append(times, 2 * times[-1] - times[-2])
    else:
        grid = np.append(times, times[-1] + 60.0 / events.tempi[1][0])

    def steps(time):
        k = np.searchsorted(times, time) - 1
        exact = (k + (time - grid[k]) / (grid[k + 1] - grid[k])) * resolution
        return np.where(time < first, 0.0, exact)

    n_steps = resolution * len(times)
    budget.check_song(name, steps=n_steps)
    spans = _spans(events, first, steps, rule, n_steps)
    budget.check_song(name, cells=int((spans[2] - spans[1]).sum()))
    if written:
        n_steps = max(round(float(steps(np.array(events.written_end)))), spans[2].max(initial=0))
        budget.check_song(name, steps=n_steps)
    meters = tuple((float(steps(np.array(t))) / resolution, *meter) for t, *meter in events.meters)
    return Song(
        name=name,
        parts=_parts(spans, events.parts),
        n_steps=n_steps,
        resolution=resolution,
        tempo=60.0 / np.maximum(np.diff(grid), 1e-3),  # a new meter may repeat a beat's time
        signatures=meters,
        first_beat=first,
        downbeats=beats.downbeats(meters, len(times)) * resolution,
        written=written,
    )


def _first_beat(events: _Events, rule: str, name: str) -> float:
    """Returns the time of the first beat, as the module says."""
    if events.meters:
        return events.meters[0][0]
    if rule == "paper":
        return 0.0
    return beats.start(events.start, events.velocity, events.tempi, events.last, name)


def _spans(events: _Events, first: float, steps: Callable, rule: str, n_steps: int) -> np.ndarray:
    """Returns the part, start, stop, pitch and velocity of each note in the roll, int `(5, n)`.

    They are sorted by part, pitch and start. Notes of one pitch do not overlap, and a silent step
    separates them.
    """
    tolerance = 1e-6 if rule == "paper" else 0.0  # for the rounding errors in the times of beats
    start = steps(events.start)
    start = np.round(start) if rule == "pypianoroll1" else np.floor(start + tolerance)
    stop = np.floor(steps(events.end) + tolerance)
    rest = events.written.rest if events.written else 1
    stop += {"paper": -rest, "lpd": 1, "pypianoroll1": 0}[rule]
    drum = np.array([is_drum for _, is_drum, _ in events.parts], bool)[events.line >> 7]
    kept = (events.end > first) & (start < n_steps)
    if rule == "paper":
        kept &= drum | (stop > start)

    start, stop = start[kept].astype(np.int64), stop[kept].astype(np.int64)
    line, velocity, drum = events.line[kept], events.velocity[kept], drum[kept]
    repeats = line[1:] == line[:-1]
    latest = np.append(~repeats | (start[1:] > start[:-1]), True)[: len(line)]
    following = np.append(np.where(repeats, start[1:], n_steps + 1), n_steps + 1)[: len(line)]
    stop = np.where(drum, start + 1, np.minimum(stop, following - 1))
    spans = np.stack([line >> 7, start, stop, line & 127, velocity])
    return spans[:, latest & (stop > start) & (velocity > 0)]


def _parts(spans: np.ndarray, instruments: list) -> list[PartCells]:
    """Returns the cells of each instrument, from the notes that `_spans` returns."""
    part, start, stop, pitch, velocity = spans
    length = stop - start
    cells = np.empty((3, int(length.sum())), np.int32)
    cells[0] = ranges(start, length)
    cells[1] = np.repeat(pitch, length)
    cells[2] = np.repeat(velocity, length)
    bounds = np.searchsorted(part, np.arange(1, len(instruments)))
    cuts = np.concatenate([[0], np.cumsum(length)])[bounds]
    split = np.split(cells, cuts, axis=1)[: len(instruments)]
    return [PartCells(*facts, part) for facts, part in zip(instruments, split, strict=True)]
