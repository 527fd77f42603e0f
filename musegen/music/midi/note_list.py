"""Notes one after the other, in the order in which pretty_midi lists them.

Codes that read with pretty_midi depend on three things that a `Piece` does not keep:

* Notes of an instrument stand in the order of their ends, and those that end together in the order
  of the file.
* An end closes all open notes of its track, channel and pitch that began before its tick. Notes
  that began on its tick stay open if it closed another one; otherwise they are lost.
* Tempi and time signatures count in the first track alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from musegen import budget
from musegen.music.midi import beats, messages
from musegen.music.midi.messages import Events
from musegen.music.midi.read import parse
from musegen.music.piece import Piece


@dataclass(frozen=True, eq=False)
class NoteList:
    """A list of notes in order of their onsets, and the units of their times.

    Args:
        name: name in messages.
        ticks_per_quarter: unit of all times.
        notes: whole numbers `(n, 4)`: onset, end, pitch, and whether it is of drums.
        changes: tick, and microseconds a quarter, of each tempo.
        n_meters: number of time signatures.
    """

    name: str
    ticks_per_quarter: int
    notes: np.ndarray
    changes: Sequence
    n_meters: int

    @property
    def tempi(self) -> np.ndarray:
        """Returns the tempo changes as whole numbers `(n, 2)`."""
        return np.array(self.changes, np.int64).reshape(-1, 2)

    def clock(self) -> tuple:
        """Returns a function from ticks to seconds, and the times and values of the tempi."""
        return beats.clock(self.ticks_per_quarter, *self.tempi.T)


def of_piece(piece: Piece) -> NoteList:
    """Returns the notes of a piece.

    Each ends where the first of its pitch and part ends that does so after its onset. Those that
    begin together are in order of their parts, in a part of their ends, and then of their pitches.
    Tempi and time signatures of all tracks count.
    """
    notes, ends = piece.notes, _first_ends(piece)
    # Two stable sorts of one number each; the second finds the notes almost in order.
    by_end = np.argsort(ends << 7 | notes["pitch"], kind="stable")
    place = notes["onset"] << 15 | notes["part"]
    order = by_end[np.argsort(place[by_end], kind="stable")]
    columns = [notes["onset"], ends, notes["pitch"], piece.drums]
    return NoteList(
        name=piece.name,
        ticks_per_quarter=piece.ticks_per_quarter,
        notes=np.stack([np.asarray(column, np.int64)[order] for column in columns]).T,
        changes=piece.tempi,
        n_meters=len(piece.meters),
    )


def of_file(data: bytes, name: str) -> NoteList:
    """Returns the notes of a MIDI file, given by its bytes, as pretty_midi lists them."""
    score = parse(data, name)
    budget.check_song(name, notes=sum(len(track.notes) for track in score.tracks))
    budget.check_song(name, beats=-(-max(score.end(), 0) // (4 * score.tpq)))
    events = messages.events(data)
    facts = events.where((events.status == messages.META) & (events.track == 0))
    tempi = facts.where(facts.first == messages.TEMPO)
    return NoteList(
        name=name,
        ticks_per_quarter=score.tpq,
        notes=_listed(events),
        changes=np.stack([tempi.tick, tempi.second], axis=1),
        n_meters=int((facts.first == messages.METER).sum()),
    )


def merged(data: bytes, name: str) -> NoteList:
    """Returns the notes of a MIDI file as BachProp's code finds them in all tracks together.

    Its messages are in order of tick, pitch and track. A note ends at the next end of its pitch in
    that order, in whichever track; if that is at its own tick, the note has no length.
    """
    listed, events = of_file(data, name), messages.events(data)
    events = events.where(events.begins | events.ends)
    events = events.where(np.lexsort((events.first, events.tick)))  # stable
    tick, pitch, drum = events.tick, events.first.astype(np.int64), events.channel == messages.DRUMS
    on, off = np.flatnonzero(events.begins), np.flatnonzero(events.ends)
    at = next_ends(pitch[on], on, off, pitch[off])
    on, at = on[at >= 0], at[at >= 0]
    notes = np.stack([tick[on], tick[at], pitch[on], drum[on]], axis=1)
    return replace(listed, notes=notes)


def _first_ends(piece: Piece) -> np.ndarray:
    """Returns, for each note, the first end of its pitch and part that is after its onset.

    Notes without length keep their own end.
    """
    notes, ends = piece.notes, piece.ends
    line = notes["part"].astype(np.int64) << 7 | notes["pitch"]
    # Sorting small numbers takes a fraction of the time. The notes are in order of their onsets.
    order = np.argsort(line.astype(np.min_scalar_type(line.max(initial=0))), kind="stable")
    again = line[order[1:]] == line[order[:-1]]
    if not (again & (ends[order[:-1]] > notes["onset"][order[1:]])).any():  # no notes overlap
        return ends
    return np.where(notes["duration"] > 0, next_ends(line, notes["onset"], ends), ends)


def next_ends(
    line: np.ndarray, onset: np.ndarray, end: np.ndarray, line_of_end: np.ndarray | None = None
) -> np.ndarray:
    """Returns the first end after each onset on the same line, or -1 where there is none."""
    line_of_end = line if line_of_end is None else line_of_end
    room = 40  # bits for any tick
    ends = np.append(np.sort(line_of_end << room | end), np.iinfo(np.int64).max)
    place = line << room | onset
    order = np.argsort(place)  # a search for numbers in order takes a fraction of the time
    found = np.empty_like(ends, shape=len(place))
    found[order] = ends[np.searchsorted(ends, place[order], side="right")]
    return np.where(found >> room == line, found & (1 << room) - 1, -1)


def _listed(events: Events) -> np.ndarray:
    """Returns the rows of `NoteList.notes`."""
    on, off = _pairs(events)
    order = np.lexsort((on, off, _instruments(events, off), events.tick[on]))
    drum = events.channel[on] == messages.DRUMS
    columns = events.tick[on], events.tick[off], events.first[on], drum
    return np.stack([column[order] for column in columns], axis=1)


def _instruments(events: Events, off: np.ndarray) -> np.ndarray:
    """Returns, for each note, the position of the first note end of its instrument.

    A note belongs to the program that its voice has at its end.
    """
    instrument = events.voices(off) << 8 | events.programs(off)
    found, which = np.unique(instrument, return_inverse=True)
    first = np.full(len(found), len(events.tick))
    np.minimum.at(first, which, off)
    return first[which]


def _pairs(events: Events) -> tuple[np.ndarray, np.ndarray]:
    """Returns the numbers of the events that begin notes, and of those that end them."""
    notes = events.notes_by_line()
    line, tick, begins = events.lines(notes), events.tick[notes], events.begins[notes]
    nearest = np.where(begins, len(notes), np.arange(len(notes)))
    nearest = np.minimum.accumulate(nearest[::-1])[::-1]  # where the next end is
    on = np.flatnonzero(begins & (nearest < len(notes)))
    on = on[line[nearest[on]] == line[on]]
    off = nearest[on]
    unclear = np.isin(line, line[on[tick[on] == tick[off]]])
    clear = ~unclear[on]
    pairs = [notes[on[clear]], notes[off[clear]]], _one_by_one(events, notes[unclear])
    return tuple(map(np.concatenate, zip(*pairs, strict=True)))


def _one_by_one(events: Events, notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Does the same as `_pairs` for lines with a note that begins and ends at one tick."""
    opened, on, off = defaultdict(list), [], []
    columns = notes, events.lines(notes), events.tick[notes], events.begins[notes]
    for number, line, tick, begins in zip(*(column.tolist() for column in columns), strict=True):
        if begins:
            opened[line].append((number, tick))
            continue
        begun = opened.pop(line, [])
        ended = [note for note, onset in begun if onset != tick]
        if ended:
            on += ended
            off += [number] * len(ended)
            opened[line] = begun[len(ended) :]
    return np.array(on, np.int64), np.array(off, np.int64)
