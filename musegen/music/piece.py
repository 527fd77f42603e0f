"""A piece is music as notes, of any length, in any meter, with the exact times of its file.

Times are integers in ticks. Each piece has its own number of ticks a quarter, that of its file, so
reading rounds nothing. Notes are a structured array `NOTE`: `onset` and `duration` in ticks,
`pitch` and `velocity` as in MIDI, and `part`, the number of an instrument in `Piece.parts`. They
are sorted by onset, part, pitch, duration and velocity, so equal music gives equal arrays. Two
notes of one pitch and part may overlap, and a note may have a duration of 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from musegen import Error, budget
from musegen.music.layout import BEATS_PER_BAR
from musegen.music.notes import ranges

NOTE = np.dtype(
    [("onset", "i8"), ("duration", "i8"), ("pitch", "i2"), ("velocity", "i2"), ("part", "i2")]
)
PEDAL = np.dtype([("tick", "i8"), ("part", "i2"), ("value", "i2")])
ORDER = ("onset", "part", "pitch", "duration", "velocity")  # of the notes, by what comes first
TEMPO = 500_000  # microseconds a quarter in a piece without a tempo, as the MIDI standard says
MAX_TPQ = 32_767  # largest number of ticks a quarter that a MIDI file can store
DOWN = 64  # smallest value that means that the pedal is down


@dataclass(frozen=True)
class Part:
    """One instrument of a piece.

    Args:
        program: General MIDI program, from 0.
        is_drum: whether the instrument is drums.
        name: name of the instrument.
    """

    program: int = 0
    is_drum: bool = False
    name: str = ""


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece holds notes, the instruments that play them, and their tempo, meter and key.

    Notes, pedal, tempi, meters and keys are sorted by time; of several tempi, meters or keys at one
    tick the last counts. A value that no MIDI file can store is an `Error`. Two pieces are equal if
    they agree in everything but their name.

    Args:
        name: name of the piece in messages.
        ticks_per_quarter: number of ticks in a quarter note, the unit of all times.
        notes: array of `NOTE`.
        parts: the instruments.
        tempi: `(tick, microseconds a quarter)` of each tempo; 120 quarters a minute hold before
            the first one. Like meters and keys they may be given as rows of an array.
        meters: `(tick, numerator, denominator)` of each meter, which starts a bar; 4/4 holds
            before the first one.
        keys: `(tick, sharps, minor)` of each key; flats are negative sharps, `minor` is 0 or 1.
        pedal: array of `PEDAL`, the sustain pedal of each part, which is down at values of 64 and
            more.
        length: number of ticks that the piece lasts; it is extended to the end of the last event.
    """

    name: str
    ticks_per_quarter: int
    notes: np.ndarray
    parts: tuple[Part, ...]
    tempi: tuple[tuple[int, int], ...] = ()
    meters: tuple[tuple[int, int, int], ...] = ()
    keys: tuple[tuple[int, int, int], ...] = ()
    pedal: np.ndarray = field(default_factory=lambda: np.zeros(0, PEDAL))
    length: int = 0

    def __post_init__(self):
        def assign(**values):  # the way to set fields of a frozen dataclass
            for name, value in values.items():
                object.__setattr__(self, name, value)

        notes, pedal = np.asarray(self.notes, NOTE), np.asarray(self.pedal, PEDAL)
        widths = {"tempi": 2, "meters": 3, "keys": 3}
        events = {name: _ordered(getattr(self, name), width) for name, width in widths.items()}
        assign(notes=notes, pedal=pedal, parts=tuple(self.parts), **events)
        _check(self)
        # A stable sort: of several pedal values at one tick the last counts.
        in_order = np.lexsort((pedal["part"], pedal["tick"]))
        # `take` is several times as fast as an index, where elements are structures.
        assign(notes=notes.take(_order(notes)), pedal=pedal.take(in_order))
        ticks = self.ends, pedal["tick"], *(rows[:, 0] for rows in events.values())
        assign(
            length=max(self.length, *(int(own.max(initial=0)) for own in ticks)),
            **{name: tuple(zip(*rows.T.tolist(), strict=True)) for name, rows in events.items()},
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Piece):
            return NotImplemented
        arrays = all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("notes", "pedal")
        )
        names = ("ticks_per_quarter", "parts", "tempi", "meters", "keys", "length")
        return arrays and all(getattr(self, name) == getattr(other, name) for name in names)

    __hash__ = None  # arrays cannot be hashed

    def __len__(self) -> int:
        """Returns the number of notes."""
        return len(self.notes)

    @property
    def ends(self) -> np.ndarray:
        """Returns the tick at which each note ends."""
        return self.notes["onset"] + self.notes["duration"]

    @property
    def drums(self) -> np.ndarray:
        """Returns, for each note, whether a drum part plays it."""
        return np.array([part.is_drum for part in self.parts], bool)[self.notes["part"]]

    # Time

    def seconds(self, ticks: np.ndarray | int) -> np.ndarray:
        """Converts ticks to seconds from the start, float64, equal to pretty_midi's to the bit."""
        from musegen.music.midi import beats  # here, because music.midi imports this module

        at, lengths = np.array(self.tempi, np.int64).reshape(-1, 2).T
        return beats.clock(self.ticks_per_quarter, at, lengths)[0](np.asarray(ticks))

    def ticks(self, seconds: np.ndarray | float) -> np.ndarray:
        """Returns the ticks nearest to times in seconds; the inverse of `seconds`."""
        tempi = self.tempi if self.tempi and not self.tempi[0][0] else ((0, TEMPO), *self.tempi)
        at, lengths = np.array(tempi, np.int64).T
        starts, seconds = self.seconds(at), np.asarray(seconds)
        k = np.maximum(np.searchsorted(starts, seconds, side="right") - 1, 0)
        exact = at[k] + (seconds - starts[k]) * self.ticks_per_quarter / (lengths[k] * 1e-6)
        return np.round(exact).astype(np.int64)

    def bars(self, closed: bool = False) -> np.ndarray:
        """Returns the ticks at which bars start, in any meter; a new meter starts a new bar.

        Args:
            closed: whether the end of the last bar, which may be after the end of the piece, is
                returned as well.
        """
        meters = self.meters
        if not meters or meters[0][0]:
            meters = ((0, BEATS_PER_BAR, 4), *meters)
        starts, tops, bottoms = np.array(meters, np.int64).T
        # A bar lasts `scaled / bottoms` ticks, which need not be a whole number.
        scaled = 4 * self.ticks_per_quarter * tops
        spans = np.append(starts[1:], self.length) - starts
        counts = -(-spans * bottoms // scaled)
        budget.check_song(self.name, beats=int(counts.sum()))
        which, number = np.repeat(np.arange(len(starts)), counts), ranges(0 * counts, counts)
        if closed and len(which):
            which, number = np.append(which, which[-1]), np.append(number, number[-1] + 1)
        return starts[which] + number * scaled[which] // bottoms[which]

    def in_bars(self, ticks: np.ndarray) -> np.ndarray:
        """Converts ticks to bars, counted from 0: the middle of the second bar is 1.5."""
        lines = self.bars(closed=True)
        return np.interp(ticks, lines, np.arange(len(lines))) if len(lines) else 0.0 * ticks

    def quantised(self, ticks_per_quarter: int) -> "Piece":
        """Returns the piece with another number of ticks a quarter.

        Each time is rounded to the nearest new tick, halves upwards. A note with a duration keeps
        a duration of at least one tick.
        """
        new, old = ticks_per_quarter, self.ticks_per_quarter
        if not 1 <= new <= MAX_TPQ:
            raise Error(f"{self.name}: {new} ticks a quarter; give 1 to {MAX_TPQ:,}")

        def nearest(tick):
            return (2 * tick * new + old) // (2 * old)

        onset, end = nearest(self.notes["onset"]), nearest(self.ends)
        length = np.maximum(end - onset, self.notes["duration"] > 0)
        return self._at(nearest, _with(self.notes, onset=onset, duration=length), self.pedal, new)

    def cut(self, start: int, end: int, held: bool = True) -> "Piece":
        """Returns the music from tick `start` until before `end` as a piece that starts at 0.

        Notes are cut off at both ends. Tempo, meter, key and pedal are those that hold at `start`,
        where the first bar of the new piece begins.

        Args:
            start: first tick of the music.
            end: tick after its last one.
            held: whether notes that began before `start` and still sound there are kept.
        """
        if not 0 <= start <= end:
            raise Error(f"{self.name}: cannot be cut from tick {start} to tick {end}")
        onset, ends = self.notes["onset"], self.ends
        inside = (onset < end) & ((onset >= start) | (held & (ends > start)))
        onset, ends = onset[inside].clip(start) - start, ends[inside].clip(max=end) - start
        notes = _with(self.notes[inside], onset=onset, duration=ends - onset)
        pedal = self.pedal[np.argsort(self.pedal["part"], kind="stable")]
        early, part = pedal["tick"] < start, pedal["part"]
        # Of the pedal values before `start` only the last of each part still holds there.
        replaced = early[:-1] & early[1:] & (part[:-1] == part[1:])
        pedal = pedal[(pedal["tick"] < end) & ~np.append(replaced, False)[: len(pedal)]]
        kept = {
            name: [event for event in getattr(self, name) if event[0] < end]
            for name in ("tempi", "meters", "keys")
        }
        shortened = replace(self, notes=self.notes[:0], pedal=pedal, length=end, **kept)
        return shortened._at(lambda tick: np.maximum(tick - start, 0), notes, pedal)

    def _at(self, moved: Callable, notes: np.ndarray, pedal: np.ndarray, tpq: int = 0) -> "Piece":
        """Returns the piece with other notes and pedal, and its events at other times.

        Args:
            moved: function from an old tick to the new one.
            notes: notes of the new piece, at their new times.
            pedal: pedal of the new piece, still at its old times.
            tpq: ticks a quarter of the new piece; 0 keeps those of this one.
        """
        events = {
            name: [(int(moved(tick)), *rest) for tick, *rest in getattr(self, name)]
            for name in ("tempi", "meters", "keys")
        }
        return replace(
            self,
            ticks_per_quarter=tpq or self.ticks_per_quarter,
            notes=notes,
            pedal=_with(pedal, tick=moved(pedal["tick"])),
            length=int(moved(self.length)),
            **events,
        )

    def first_bars(self, n: int) -> "Piece":
        """Returns the first `n` bars of the piece, or all of them if it has fewer."""
        lines = self.bars(closed=True)
        return self.cut(0, int(lines[min(n, len(lines) - 1)])) if len(lines) else self

    # Notes

    def transposed(self, semitones: int) -> tuple["Piece", int]:
        """Returns the piece some semitones higher, and how many notes left MIDI's range.

        Those notes are dropped. Drums stay as they are.
        """
        pitch = self.notes["pitch"] + semitones * ~self.drums
        inside = (pitch >= 0) & (pitch < 128)
        notes = _with(self.notes[inside], pitch=pitch[inside])
        # A semitone is seven steps on the circle of fifths, modulo 12; of the two names of a key
        # the one with fewer accidentals is taken.
        keys = [(t, (key + 7 * semitones + 5) % 12 - 5, minor) for t, key, minor in self.keys]
        moved = replace(self, notes=notes, keys=keys if semitones % 12 else self.keys)
        return moved, int((~inside).sum())

    def only(self, parts: Sequence[int]) -> "Piece":
        """Returns the piece with these parts only, in this order; its length stays the same."""
        number = np.full(len(self.parts), -1)
        number[list(parts)] = np.arange(len(parts))
        notes, pedal = (
            _with(array, part=number[array["part"]])[number[array["part"]] >= 0]
            for array in (self.notes, self.pedal)
        )
        return replace(self, notes=notes, pedal=pedal, parts=[self.parts[k] for k in parts])

    def merged(self) -> "Piece":
        """Returns the piece with its pitched parts merged into one part, and its drums into one.

        Each merged part has the instrument of its first part. The pedal is dropped, because it
        would hold the notes of other parts; `pedalled` applies it before.
        """
        first = [k for k, part in enumerate(self.parts) if not part.is_drum][:1]
        first += [k for k, part in enumerate(self.parts) if part.is_drum][:1]
        is_drum = [self.parts[k].is_drum for k in first]
        part = [is_drum.index(part.is_drum) for part in self.parts]
        notes = _with(self.notes, part=np.array(part, int)[self.notes["part"]])
        return replace(self, notes=notes, parts=[self.parts[k] for k in first], pedal=_NO_PEDAL)

    def melody(self) -> "Piece":
        """Returns the highest voice of the pitched parts as one part, one note at a time.

        A note belongs to the melody if no higher note sounds when it begins. It ends at the latest
        where the next note of the melody begins, and does not sound again after that.
        """
        notes = self.notes[~self.drums]
        notes = notes[np.lexsort((-notes["duration"], -notes["pitch"], notes["onset"]))]
        onset, pitch = notes["onset"], notes["pitch"]
        end = onset + notes["duration"]
        highest = np.ones(len(notes), bool)
        higher_end = np.zeros(len(notes), np.int64)  # latest end of the higher notes begun by then
        for p in np.unique(pitch)[::-1]:
            same = pitch == p
            highest[same] = higher_end[same] <= onset[same]
            higher_end = np.maximum(higher_end, np.maximum.accumulate(np.where(same, end, 0)))
        notes = notes[highest]
        notes = notes[np.unique(notes["onset"], return_index=True)[1]]
        following = np.append(notes["onset"][1:], self.length)[: len(notes)]
        length = np.minimum(notes["duration"], following - notes["onset"])
        notes = _with(notes, duration=length, part=0)
        parts = [part for part in self.parts if not part.is_drum][:1]
        return replace(self, notes=notes, parts=parts, pedal=_NO_PEDAL)

    def pedalled(self) -> "Piece":
        """Returns the piece without a pedal, with its notes as long as the pedal held them.

        A note that ends while the pedal is down is extended until the pedal goes up or its pitch
        is struck again in the same part. The pedal does not act on drums.
        """
        notes, pedal = self.notes, self.pedal
        by_part = pedal[np.argsort(pedal["part"], kind="stable")]
        # Part and tick as one sortable number, with 40 bits for the tick.
        place = by_part["part"].astype(np.int64) << 40 | by_part["tick"]
        part, pitch = notes["part"].astype(np.int64), notes["pitch"].astype(np.int64)
        last = np.searchsorted(place, part << 40 | self.ends, side="right") - 1
        states = np.append(by_part["value"] >= DOWN, False)  # the last: notes before any event
        down = states[last] & (np.append(by_part["part"], -1)[last] == part) & ~self.drums
        up = np.append(np.where(states[:-1], np.iinfo(np.int64).max, place), np.iinfo(np.int64).max)
        up = np.minimum.accumulate(up[::-1])[::-1][last + 1]  # where the pedal next goes up
        release = np.where(up >> 40 == part, up & ((1 << 40) - 1), self.length)

        line = (part << 7 | pitch) << 40
        strikes = np.append(np.sort(line | notes["onset"]), np.iinfo(np.int64).max)
        again = strikes[np.searchsorted(strikes, line | notes["onset"], side="right")]
        again = np.where(again >> 40 == line >> 40, again & ((1 << 40) - 1), self.length)
        end = np.where(down, np.maximum(self.ends, np.minimum(release, again)), self.ends)
        held = _with(notes, duration=end - notes["onset"])
        return replace(self, notes=held, pedal=_NO_PEDAL)


_NO_PEDAL = np.zeros(0, PEDAL)


def note_array(onset, duration, pitch, velocity=100, part=0) -> np.ndarray:
    """Returns an array of `NOTE` from its columns, each an array or one value for all notes."""
    columns = np.broadcast_arrays(onset, duration, pitch, velocity, part)
    notes = np.empty(columns[0].shape, NOTE)
    for name, column in zip(NOTE.names, columns, strict=True):
        notes[name] = column
    return notes


def _with(array: np.ndarray, **columns) -> np.ndarray:
    """Returns a copy of a structured array with some columns replaced."""
    copy = array.copy()
    for name, column in columns.items():
        copy[name] = column
    return copy


def _order(notes: np.ndarray) -> np.ndarray:
    """Returns the order of the notes of a piece, sorted by the fields of `ORDER`."""
    columns = [notes[name].astype(np.int64) for name in ORDER]
    onset, part, pitch, *_ = columns
    # One number is sorted in a fraction of the time of five. Few pieces need the other fields.
    place = onset << 22 | part << 7 | pitch
    order = np.argsort(place, kind="stable")
    place = place[order]
    if (place[1:] == place[:-1]).any() or onset.max(initial=0) >> 41:
        return np.lexsort(columns[::-1])
    return order


def _ordered(events: Sequence[tuple], width: int) -> np.ndarray:
    """Returns events `(n, width)` sorted by time, with only the last one of each tick."""
    rows = np.asarray(events, np.int64).reshape(len(events), width)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    replaced = rows[1:, 0] == rows[:-1, 0]
    return rows[~np.append(replaced, False)[: len(rows)]]


def _check(piece: Piece) -> None:
    """Raises an `Error` if a piece holds a value that no MIDI file can store.

    Its tempi, meters and keys are still arrays.
    """

    def need(condition: bool, problem: str) -> None:
        if not condition:
            raise Error(f"{piece.name}: {problem}")

    def within(values, low: int, high: int, what: str) -> None:
        values = np.asarray(values)
        for extreme in (values.min(initial=low), values.max(initial=low)):
            need(low <= extreme <= high, f"{what} of {extreme}; MIDI allows {low} to {high:,}")

    # Numbers that stand side by side are compared in a fraction of the time.
    notes, pedal = (
        {name: array[name].astype(np.int64) for name in array.dtype.names}
        for array in (piece.notes, piece.pedal)
    )
    n = len(piece.parts)
    within(piece.ticks_per_quarter, 1, MAX_TPQ, "ticks a quarter")
    need(notes["onset"].min(initial=0) >= 0, "a note before the piece begins")
    need(notes["duration"].min(initial=0) >= 0, "a note that ends before it begins")
    within(notes["pitch"], 0, 127, "a pitch")
    within(notes["velocity"], 1, 127, "a velocity")
    within(pedal["value"], 0, 127, "a value of the pedal")
    for array in (notes, pedal):
        valid = array["part"].min(initial=0) >= 0 and array["part"].max(initial=-1) < n
        need(valid, f"a note or a pedal value of a part beyond its {n} parts")
    within([part.program for part in piece.parts], 0, 127, "a program")
    ticks = pedal["tick"], *(rows[:, 0] for rows in (piece.tempi, piece.meters, piece.keys))
    need(all(own.min(initial=0) >= 0 for own in ticks), "an event before the piece begins")
    within(piece.tempi[:, 1], 1, (1 << 24) - 1, "microseconds a quarter")
    for _, top, bottom in piece.meters:
        valid = 1 <= top <= 255 and bottom in (1, 2, 4, 8, 16, 32, 64, 128)
        need(valid, f"{top}/{bottom} is no meter that MIDI can store")
    for _, sharps, minor in piece.keys:
        need(abs(sharps) <= 7 and minor in (0, 1), f"a key of {sharps} sharps; MIDI allows -7 to 7")
