"""Notes one after the other, in the order in which pretty_midi lists them.

Codes that read with pretty_midi depend on three things that a `Piece` does not keep:

* Notes of an instrument stand in the order of their ends, and those that end together in the order
  of the file.
* An end closes all open notes of its track, channel and pitch that began before its tick. Notes
  that began on its tick stay open if it closed another one; otherwise they are lost.
* Tempi and time signatures count in the first track alone.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from musegen import budget
from musegen.music.midi import beats, messages
from musegen.music.midi.read import parse
from musegen.music.piece import Piece


@dataclass(frozen=True, eq=False)
class NoteList:
    """Notes in order of their onsets, and what their times mean.

    Args:
        name: what messages call them.
        ticks_per_quarter: unit of all times.
        notes: whole numbers `(n, 4)`: onset, end, pitch, and whether it is of drums.
        tempi: whole numbers `(n, 2)`: tick, and microseconds a quarter.
        n_meters: how many time signatures there are.
    """

    name: str
    ticks_per_quarter: int
    notes: np.ndarray
    tempi: np.ndarray
    n_meters: int

    def clock(self) -> tuple:
        """A function from ticks to seconds; times of changes and quarters a minute of tempi."""
        return beats.clock(self.ticks_per_quarter, *self.tempi.T)


def of_piece(piece: Piece) -> NoteList:
    """The notes of a piece.

    Each ends where the first of its pitch and part ends that does so after its onset. Those that
    begin together are in order of their parts, in a part of their ends, and then of their pitches.
    Tempi and time signatures of all tracks count.
    """
    notes = piece.notes
    line = notes["part"].astype(np.int64) << 7 | notes["pitch"]
    ends = np.where(notes["duration"] > 0, next_ends(line, notes["onset"], piece.ends), piece.ends)
    order = np.lexsort((notes["pitch"], ends, notes["part"], notes["onset"]))
    columns = [notes["onset"], ends, notes["pitch"], piece.drums]
    return NoteList(
        name=piece.name,
        ticks_per_quarter=piece.ticks_per_quarter,
        notes=np.stack([np.asarray(column, np.int64)[order] for column in columns], axis=1),
        tempi=np.array(piece.tempi, np.int64).reshape(-1, 2),
        n_meters=len(piece.meters),
    )


def of_file(data: bytes, name: str) -> NoteList:
    """The notes of a MIDI file, given by its bytes, as pretty_midi lists them."""
    score = parse(data, name)
    budget.check_song(name, notes=sum(len(track.notes) for track in score.tracks))
    budget.check_song(name, beats=-(-max(score.end(), 0) // (4 * score.tpq)))
    found, instruments = [], {}
    for number, track in enumerate(messages.tracks(data)):
        _listen(track, number, instruments, found)
    rows = np.array(found, np.int64).reshape(-1, 5)
    rows = rows[np.lexsort((rows[:, 0], rows[:, 1]))]  # stable: what is equal stays in order
    first = messages.events(next(messages.tracks(data), b""))
    facts = [event for event in first if event[1] == messages.META]
    tempi = [(tick, value) for tick, _, about, value in facts if about == messages.TEMPO]
    return NoteList(
        name=name,
        ticks_per_quarter=score.tpq,
        notes=rows[:, 1:],
        tempi=np.array(tempi, np.int64).reshape(-1, 2),
        n_meters=sum(about == messages.METER for _, _, about, _ in facts),
    )


def merged(data: bytes, name: str) -> NoteList:
    """The notes of a MIDI file as BachProp's code finds them in all tracks together.

    Its messages are in order of tick, pitch and track. A note ends at the next end of its pitch in
    that order, whosever it is; if that is at its own tick, the note has no length.
    """
    listed, rows = of_file(data, name), []
    for track in messages.tracks(data):
        for tick, status, pitch, velocity in messages.events(track):
            if (kind := status >> 4) in (messages.ON, messages.OFF):
                begins = kind == messages.ON and velocity > 0
                rows.append((tick, pitch, begins, status & 15 == messages.DRUMS))
    rows = np.array(rows, np.int64).reshape(-1, 4)
    tick, pitch, begins, drum = rows[np.lexsort((rows[:, 1], rows[:, 0]))].T  # stable
    on, off = np.flatnonzero(begins), np.flatnonzero(1 - begins)
    at = next_ends(pitch[on], on, off, pitch[off])
    on, at = on[at >= 0], at[at >= 0]
    notes = np.stack([tick[on], tick[at], pitch[on], drum[on]], axis=1)
    return replace(listed, notes=notes)


def next_ends(
    line: np.ndarray, onset: np.ndarray, end: np.ndarray, line_of_end: np.ndarray | None = None
) -> np.ndarray:
    """The first end after each onset on the same line, or -1 where there is none."""
    line_of_end = line if line_of_end is None else line_of_end
    room = 40  # bits for any tick
    ends = np.append(np.sort(line_of_end << room | end), np.iinfo(np.int64).max)
    found = ends[np.searchsorted(ends, line << room | onset, side="right")]
    return np.where(found >> room == line, found & (1 << room) - 1, -1)


def _listen(track: bytes, number: int, instruments: dict, found: list) -> None:
    """Collects instrument, onset, end, pitch and drum flag of the notes of a track as they end."""
    programs, opened = [0] * 16, defaultdict(list)
    for tick, status, first, second in messages.events(track):
        kind, channel = status >> 4, status & 15
        if kind == messages.ON and second:
            opened[channel, first].append(tick)
        elif kind in (messages.ON, messages.OFF):
            begun = opened.pop((channel, first), [])
            ended = [onset for onset in begun if onset != tick]
            if ended:
                key = (programs[channel], channel, number)
                instrument = instruments.setdefault(key, len(instruments))
                drum = channel == messages.DRUMS
                found += [(instrument, onset, tick, first, drum) for onset in ended]
                opened[channel, first] = begun[len(ended) :]
        elif kind == messages.PROGRAM:
            programs[channel] = first
