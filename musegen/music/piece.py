"""A piece of music as notes: of any length, in any meter, at the times of its file.

Times are integers, in ticks of which a piece has its own number a quarter, and so nothing is
rounded before somebody asks for it. Notes are a structured array `NOTE`: `onset` and `duration` in
ticks, `pitch` and `velocity` as in MIDI, and `part`, the number of an instrument in `Piece.parts`.
They are in order of onset, part, pitch, duration and velocity, so equal music is equal arrays. Two
notes of one pitch and part may overlap, and a note may have no length.
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
TEMPO = 500_000  # microseconds a quarter where a piece tells none, as MIDI has it
MAX_TPQ = 32_767  # ticks a quarter that a MIDI file can tell
DOWN = 64  # values from here on say that the pedal is down


@dataclass(frozen=True)
class Part:
    """One instrument: its General MIDI program (from 0), whether it is drums, and its name."""

    program: int = 0
    is_drum: bool = False
    name: str = ""


@dataclass(frozen=True, eq=False)
class Piece:
    """Notes, who plays them, and how fast.

    Notes, pedal, tempi, meters and keys are brought into order; of several tempi, meters or keys
    at one tick the last counts. What no MIDI file can tell is an `Error`. Two pieces are equal if
    they agree in all but their name.

    Args:
        name: what messages call it.
        ticks_per_quarter: unit of all times.
        notes: array of `NOTE`.
        parts: the instruments.
        tempi: `(tick, microseconds a quarter)`; before the first it is 120 quarters a minute.
        meters: `(tick, numerator, denominator)`, each starts a bar; before the first it is 4/4.
        keys: `(tick, sharps, minor)`; flats are negative sharps, `minor` is 0 or 1.
        pedal: array of `PEDAL`, the sustain pedal of each part: it is down from a value of 64 on.
        length: ticks that the piece lasts; at least until its last event ends.
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
        def put(**values):
            for name, value in values.items():
                object.__setattr__(self, name, value)

        notes, pedal = np.asarray(self.notes, NOTE), np.asarray(self.pedal, PEDAL)
        put(notes=np.sort(notes, order=["onset", "part", "pitch", "duration", "velocity"]))
        put(pedal=pedal[np.lexsort((pedal["part"], pedal["tick"]))])  # stable, as the last counts
        put(parts=tuple(self.parts))
        put(**{name: _ordered(getattr(self, name)) for name in ("tempi", "meters", "keys")})
        _check(self)
        events = [event[0] for event in (*self.tempi, *self.meters, *self.keys)]
        ends = [int(self.ends.max(initial=0)), int(self.pedal["tick"].max(initial=0))]
        put(length=max(self.length, *ends, *events))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Piece):
            return NotImplemented
        arrays = np.array_equal(self.notes, other.notes) and np.array_equal(self.pedal, other.pedal)
        names = ("ticks_per_quarter", "parts", "tempi", "meters", "keys", "length")
        return arrays and all(getattr(self, name) == getattr(other, name) for name in names)

    __hash__ = None  # arrays have none

    def __len__(self) -> int:
        """How many notes there are."""
        return len(self.notes)

    @property
    def ends(self) -> np.ndarray:
        """The tick at which each note ends."""
        return self.notes["onset"] + self.notes["duration"]

    @property
    def drums(self) -> np.ndarray:
        """Whether each note is one of drums."""
        return np.array([part.is_drum for part in self.parts], bool)[self.notes["part"]]

    # Time

    def seconds(self, ticks: np.ndarray | int) -> np.ndarray:
        """Ticks as seconds from the start, float64: to the last bit those of pretty_midi."""
        from musegen.music.midi import beats  # music.midi stands on this module

        at, lengths = np.array(self.tempi, np.int64).reshape(-1, 2).T
        return beats.clock(self.ticks_per_quarter, at, lengths)[0](np.asarray(ticks))

    def ticks(self, seconds: np.ndarray | float) -> np.ndarray:
        """The ticks nearest to times in seconds; the inverse of `seconds`."""
        tempi = self.tempi if self.tempi and not self.tempi[0][0] else ((0, TEMPO), *self.tempi)
        at, lengths = np.array(tempi, np.int64).T
        starts, seconds = self.seconds(at), np.asarray(seconds)
        k = np.maximum(np.searchsorted(starts, seconds, side="right") - 1, 0)
        exact = at[k] + (seconds - starts[k]) * self.ticks_per_quarter / (lengths[k] * 1e-6)
        return np.round(exact).astype(np.int64)

    def bars(self, closed: bool = False) -> np.ndarray:
        """The ticks at which bars start, in any meter; a new meter starts one at once.

        Args:
            closed: also gives the end of the last bar, which may lie behind that of the piece.
        """
        meters = self.meters
        if not meters or meters[0][0]:
            meters = ((0, BEATS_PER_BAR, 4), *meters)
        starts, tops, bottoms = np.array(meters, np.int64).T
        whole = 4 * self.ticks_per_quarter * tops  # of a bar, in shares of a tick
        spans = np.append(starts[1:], self.length) - starts
        counts = -(-spans * bottoms // whole)
        budget.check_song(self.name, beats=int(counts.sum()))
        which, number = np.repeat(np.arange(len(starts)), counts), ranges(0 * counts, counts)
        if closed and len(which):
            which, number = np.append(which, which[-1]), np.append(number, number[-1] + 1)
        return starts[which] + number * whole[which] // bottoms[which]

    def in_bars(self, ticks: np.ndarray) -> np.ndarray:
        """Where ticks stand, counted in bars from 0: the middle of the second bar is 1.5."""
        lines = self.bars(closed=True)
        return np.interp(ticks, lines, np.arange(len(lines))) if len(lines) else 0.0 * ticks

    def quantised(self, ticks_per_quarter: int) -> "Piece":
        """The same piece in other ticks, each time the nearest; halves go up.

        A note that has a length keeps one tick of it at least.
        """
        new, old = ticks_per_quarter, self.ticks_per_quarter
        if not 1 <= new <= MAX_TPQ:
            raise Error(f"{self.name}: {new} ticks a quarter; 1 to {MAX_TPQ:,} can be told")

        def nearest(tick):
            return (2 * tick * new + old) // (2 * old)

        onset, end = nearest(self.notes["onset"]), nearest(self.ends)
        length = np.maximum(end - onset, self.notes["duration"] > 0)
        return self._at(nearest, _with(self.notes, onset=onset, duration=length), self.pedal, new)

    def cut(self, start: int, end: int, held: bool = True) -> "Piece":
        """What sounds from tick `start` until before `end`, as a piece that starts at 0.

        Notes are cut off at both ends. Tempo, meter, key and pedal are those that hold at `start`;
        a bar begins there.

        Args:
            held: whether notes that began before `start` go on in it.
        """
        if not 0 <= start <= end:
            raise Error(f"{self.name}: no piece lies between ticks {start} and {end}")
        onset, ends = self.notes["onset"], self.ends
        inside = (onset < end) & ((onset >= start) | (held & (ends > start)))
        onset, ends = onset[inside].clip(start) - start, ends[inside].clip(max=end) - start
        notes = _with(self.notes[inside], onset=onset, duration=ends - onset)
        pedal = self.pedal[np.argsort(self.pedal["part"], kind="stable")]
        early, part = pedal["tick"] < start, pedal["part"]
        old = early[:-1] & early[1:] & (part[:-1] == part[1:])  # another one follows in time
        pedal = pedal[(pedal["tick"] < end) & ~np.append(old, False)[: len(pedal)]]
        parts = {name: getattr(self, name) for name in ("tempi", "meters", "keys")}
        kept = {name: [e for e in events if e[0] < end] for name, events in parts.items()}
        whole = replace(self, notes=self.notes[:0], pedal=pedal, length=end, **kept)
        return whole._at(lambda tick: np.maximum(tick - start, 0), notes, pedal)

    def _at(self, moved: Callable, notes: np.ndarray, pedal: np.ndarray, tpq: int = 0) -> "Piece":
        """A piece of these notes, whose other events are at the times that `moved` gives."""
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

    # Notes

    def transposed(self, semitones: int) -> tuple["Piece", int]:
        """The piece so many semitones higher, and how many notes left MIDI's range and are lost.

        Drums stay as they are.
        """
        pitch = self.notes["pitch"] + semitones * ~self.drums
        inside = (pitch >= 0) & (pitch < 128)
        notes = _with(self.notes[inside], pitch=pitch[inside])
        # A semitone is seven fifths; of two names of a key the one with fewer signs is taken.
        keys = [(t, (key + 7 * semitones + 5) % 12 - 5, minor) for t, key, minor in self.keys]
        moved = replace(self, notes=notes, keys=keys if semitones % 12 else self.keys)
        return moved, int((~inside).sum())

    def only(self, parts: Sequence[int]) -> "Piece":
        """The piece with these parts alone, in this order; it lasts as long as before."""
        number = np.full(len(self.parts), -1)
        number[list(parts)] = np.arange(len(parts))
        notes, pedal = (
            _with(array, part=number[array["part"]])[number[array["part"]] >= 0]
            for array in (self.notes, self.pedal)
        )
        return replace(self, notes=notes, pedal=pedal, parts=[self.parts[k] for k in parts])

    def merged(self) -> "Piece":
        """All parts but drums as one, with the first one's instrument, and the drums as another.

        The pedal is dropped, as it would hold the notes of other parts; `pedalled` applies it.
        """
        first = [k for k, part in enumerate(self.parts) if not part.is_drum][:1]
        first += [k for k, part in enumerate(self.parts) if part.is_drum][:1]
        drum = [self.parts[k].is_drum for k in first]
        part = [drum.index(part.is_drum) for part in self.parts]
        notes = _with(self.notes, part=np.array(part, int)[self.notes["part"]])
        return replace(self, notes=notes, parts=[self.parts[k] for k in first], pedal=_NO_PEDAL)

    def melody(self) -> "Piece":
        """The highest voice of all parts but drums: one part, one note at a time.

        A note belongs to it if nothing higher sounds when it begins, and ends where the next one
        begins. A voice that was cut off by a higher one does not come back.
        """
        notes = self.notes[~self.drums]
        notes = notes[np.lexsort((-notes["duration"], -notes["pitch"], notes["onset"]))]
        onset, pitch = notes["onset"], notes["pitch"]
        end = onset + notes["duration"]
        highest = np.ones(len(notes), bool)
        until = np.zeros(len(notes), np.int64)  # at each note, the end of all higher ones by then
        for own in (pitch == p for p in np.unique(pitch)[::-1]):
            highest[own] = until[own] <= onset[own]
            until = np.maximum(until, np.maximum.accumulate(np.where(own, end, 0)))
        notes = notes[highest]
        notes = notes[np.unique(notes["onset"], return_index=True)[1]]
        following = np.append(notes["onset"][1:], self.length)[: len(notes)]
        length = np.minimum(notes["duration"], following - notes["onset"])
        notes = _with(notes, duration=length, part=0)
        parts = [part for part in self.parts if not part.is_drum][:1]
        return replace(self, notes=notes, parts=parts, pedal=_NO_PEDAL)

    def pedalled(self) -> "Piece":
        """The piece without a pedal: notes last as long as it held them.

        A note that ends while the pedal is down sounds on until the pedal goes up or its pitch is
        struck again in the same part. Drums do not listen to it.
        """
        notes, pedal = self.notes, self.pedal
        by_part = pedal[np.argsort(pedal["part"], kind="stable")]
        place = by_part["part"].astype(np.int64) << 40 | by_part["tick"]  # room for any tick
        part, pitch = notes["part"].astype(np.int64), notes["pitch"].astype(np.int64)
        last = np.searchsorted(place, part << 40 | self.ends, side="right") - 1
        states = np.append(by_part["value"] >= DOWN, False)  # the last is of notes without events
        down = states[last] & (np.append(by_part["part"], -1)[last] == part) & ~self.drums
        up = np.append(np.where(states[:-1], np.iinfo(np.int64).max, place), np.iinfo(np.int64).max)
        up = np.minimum.accumulate(up[::-1])[::-1][last + 1]  # the place where it next goes up
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
    """An array of `NOTE` from its columns, each an array or one value for all notes."""
    columns = np.broadcast_arrays(onset, duration, pitch, velocity, part)
    notes = np.empty(columns[0].shape, NOTE)
    for name, column in zip(NOTE.names, columns, strict=True):
        notes[name] = column
    return notes


def _with(array: np.ndarray, **columns) -> np.ndarray:
    """A copy of a structured array in which some columns are others."""
    copy = array.copy()
    for name, column in columns.items():
        copy[name] = column
    return copy


def _ordered(events: Sequence[tuple]) -> tuple[tuple[int, ...], ...]:
    """Events in order of time, the last one of each tick."""
    events = sorted((tuple(map(int, event)) for event in events), key=lambda event: event[0])
    return tuple({event[0]: event for event in events}.values())


def _check(piece: Piece) -> None:
    """Raises an `Error` if a piece holds what no MIDI file can tell."""

    def need(right: bool, what: str) -> None:
        if not right:
            raise Error(f"{piece.name}: {what}")

    def within(values, low: int, high: int, what: str) -> None:
        for worst in (np.min(values, initial=low), np.max(values, initial=low)):
            need(low <= worst <= high, f"{what} of {worst}; {low} to {high:,} can be told")

    notes, pedal, n = piece.notes, piece.pedal, len(piece.parts)
    within(piece.ticks_per_quarter, 1, MAX_TPQ, "ticks a quarter")
    need(notes["onset"].min(initial=0) >= 0, "a note before the piece begins")
    need(notes["duration"].min(initial=0) >= 0, "a note that ends before it begins")
    within(notes["pitch"], 0, 127, "a pitch")
    within(notes["velocity"], 1, 127, "a velocity")
    within(pedal["value"], 0, 127, "a value of the pedal")
    for array in (notes, pedal):
        need(((array["part"] >= 0) & (array["part"] < n)).all(), f"a part beyond the {n} it has")
    within([part.program for part in piece.parts], 0, 127, "a program")
    events = (*piece.tempi, *piece.meters, *piece.keys)
    first = min([int(pedal["tick"].min(initial=0)), *(event[0] for event in events)])
    need(first >= 0, "an event before the piece begins")
    within([length for _, length in piece.tempi], 1, (1 << 24) - 1, "microseconds a quarter")
    for _, top, bottom in piece.meters:
        exists = 1 <= top <= 255 and bottom in (1, 2, 4, 8, 16, 32, 64, 128)
        need(exists, f"there is no meter of {top}/{bottom}")
    for _, sharps, minor in piece.keys:
        need(abs(sharps) <= 7 and minor in (0, 1), f"there is no key of {sharps} sharps")
