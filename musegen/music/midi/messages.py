"""Reads the messages of a MIDI file from its bytes, as arrays.

Where an event ends depends on its own bytes alone, unless an earlier event of one data byte lends
it its status. So it is computed at once, for each byte of the file, where an event that began there
would end, and where the eight events after it would; a loop goes on by eight events at a time; and
arrays find the events between and decode all of them. Tracks for which this does not hold, and
damaged ones, are read event by event (`one_by_one`).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

OFF, ON, CONTROL, PROGRAM, PRESSURE = 0x8, 0x9, 0xB, 0xC, 0xD  # kinds, the upper half of a status
META = 0xFF  # the status of a message about the file
TEMPO, METER = 0x51, 0x58  # what such a message is about
DRUMS = 9  # the channel

LONGEST = 4  # bytes of a number; more are damage
LATEST = np.iinfo(np.int64).max  # last tick
PADDING = bytes(16)  # bytes after the file that are looked at
DOUBLINGS = 3  # of the way that the loop goes in one turn


class Events(NamedTuple):
    """Events of a file as columns, track by track, in the order of the file.

    A message about the file has the status `META`, its kind as the first byte, and the first
    three bytes of its content as a number in place of the second. Messages to one device are left
    out.

    Args:
        track: number of the track of each event.
        tick: time of each event.
        status: status of each event, 0 before the first status of its track.
        first: first byte.
        second: second byte, 0 if there is only one.
    """

    track: np.ndarray
    tick: np.ndarray
    status: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @property
    def kind(self) -> np.ndarray:
        """Returns the upper half of each status."""
        return self.status >> 4

    @property
    def channel(self) -> np.ndarray:
        """Returns the lower half of each status."""
        return self.status & 15

    @property
    def begins(self) -> np.ndarray:
        """Returns whether each event begins a note."""
        return (self.kind == ON) & (self.second > 0)

    @property
    def ends(self) -> np.ndarray:
        """Returns whether each event ends notes; some files end them by a velocity of 0."""
        return (self.kind == OFF) | ((self.kind == ON) & (self.second == 0))

    def voices(self, numbers: np.ndarray) -> np.ndarray:
        """Returns one number for the track and channel of some events."""
        return self.track[numbers] << 4 | self.status[numbers] & 15

    def lines(self, numbers: np.ndarray) -> np.ndarray:
        """Returns one number for the track, channel and pitch of some events that are of notes."""
        return self.voices(numbers) << 8 | self.first[numbers]

    def programs(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the program that the voice of some events has by then; the first is 0."""
        changes = np.flatnonzero(self.kind == PROGRAM)
        room = 32  # bits for the number of an event
        places = np.sort(self.voices(changes) << room | changes)
        places = np.append(places, np.iinfo(np.int64).max)  # the last one, before all others
        voice = self.voices(numbers)
        last = places[np.searchsorted(places, voice << room | numbers, side="right") - 1]
        known = last >> room == voice
        return np.where(known, self.first[np.where(known, last & (1 << room) - 1, 0)], 0)

    def notes_by_line(self) -> np.ndarray:
        """Returns the numbers of the events that begin or end notes, line by line."""
        room = 32  # bits for the number of an event; sorting one number is faster than `argsort`
        notes = np.flatnonzero(self.begins | self.ends)
        return np.sort(self.lines(notes) << room | notes) & (1 << room) - 1

    def where(self, chosen: np.ndarray) -> "Events":
        """Returns some of the events, given by a mask or by their numbers."""
        return Events(*(column[chosen] for column in self))


def events(data: bytes) -> Events:
    """Returns the events of all tracks of a file."""
    spans = list(_spans(data))
    padded = np.frombuffer(data + PADDING, np.uint8)
    begins, odd = _begins(padded, spans)
    found, wrong = _decoded(padded, begins, spans)
    odd |= wrong
    if not odd:
        return found
    kept = found.where(~np.isin(found.track, list(odd)))
    others = _plain({number: data[slice(*spans[number])] for number in odd})
    found = Events(*map(np.concatenate, zip(kept, others, strict=True)))
    return found.where(np.argsort(found.track, kind="stable"))


def _spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Yields the position at which the content of each track begins, and that after its end."""
    at = 8 + int.from_bytes(data[4:8])
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8])
        if data[at : at + 4] == b"MTrk":
            yield at + 8, min(at + 8 + size, len(data))
        at += 8 + size


# In arrays


def _begins(padded: np.ndarray, spans: list[tuple[int, int]]) -> tuple[np.ndarray, set[int]]:
    """Returns where events begin, and the tracks that are not made of whole events.

    The loop makes `1 << DOUBLINGS` events a turn, and arrays find the events between.
    """
    jumps = [_following(padded, np.array([end for _, end in spans], int))]
    for _ in range(DOUBLINGS):
        jumps.append(jumps[-1].take(jumps[-1], mode="clip"))  # several times as fast as `raise`
    far, found, odd = memoryview(jumps[-1]), [], set()
    for number, (start, end) in enumerate(spans):
        at, own = start, []
        while at < end:
            own.append(at)
            at = far[at]
        if at == end:
            found += own
        else:
            odd.add(number)
    begins = np.array(found, np.int32)
    for jump in reversed(jumps[:-1]):
        begins = np.stack([begins, jump.take(begins, mode="clip")], axis=1).ravel()
    return begins[jumps[0].take(begins, mode="clip") > begins].astype(np.intp), odd


def _following(padded: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Returns, for each byte of a file, where the event after one that began there would begin.

    After the end of a track there is no other event: that place leads to itself. So does the one
    two bytes after the file, to which damage leads.
    """
    n = len(padded) - len(PADDING)
    more, lead = padded >= 128, padded[1 : n + 3]  # lead: after a time of one byte
    following = np.arange(1, n + 3, dtype=np.int32)
    following += _widths(lead)
    about = np.flatnonzero((lead[:n] >= 0xF0) & ~more[:n])
    at = about + 2 + (lead[about] == META)
    size, width = _numbers(padded, at)
    following[about] = np.where(width > LONGEST, n + 1, at + width + size)
    # A byte of 128 or more is within a time, which ends with the first byte below 128.
    np.copyto(following[:n], following[1 : n + 1], where=more[:n])
    within = np.flatnonzero(more[:n] & more[1 : n + 1])
    for k in range(2, LONGEST):
        goes_on = more[within + k]
        near = within[~goes_on]
        following[near] = following[near + k]
        within = within[goes_on]
    following[within] = n + 1
    np.minimum(following, n + 1, out=following)
    following[n + 1] = n + 1
    following[ends] = ends
    return following


def _widths(lead: np.ndarray) -> np.ndarray:
    """Returns the bytes of an event without its time, given the first; two are of data if any."""
    return np.uint8(2) + (lead >= 128) - _is_narrow(lead)


def _is_narrow(status: np.ndarray) -> np.ndarray:
    """Returns whether a status has one byte of data: those of `PROGRAM` and `PRESSURE`."""
    return status & 0xE0 == 0xC0


def _numbers(padded: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns numbers of seven bits a byte, and how many bytes they take, `LONGEST + 1` if more."""
    byte = padded[at]
    value, width = (byte & 127).astype(np.int32), np.ones(len(at), np.uint8)
    longer = np.flatnonzero(byte >= 128)
    for k in range(1, LONGEST):
        if not len(longer):
            break
        byte = padded[at[longer] + k]
        value[longer] = value[longer] << 7 | byte & 127
        width[longer] = k + 1
        longer = longer[byte >= 128]
    width[longer] = LONGEST + 1
    return value, width


def _decoded(
    padded: np.ndarray, begins: np.ndarray, spans: list[tuple[int, int]]
) -> tuple[Events, set[int]]:
    """Returns the events that begin at some positions, and the tracks where they do not.

    They do not after an event of one data byte that lends its status, because two were assumed.
    """
    bounds = np.searchsorted(begins, np.array(spans, np.int64).reshape(-1, 2))
    counts = bounds[:, 1] - bounds[:, 0]
    track = np.repeat(np.arange(len(spans)), counts)
    delta, width = _numbers(padded, begins)
    at = begins + width
    lead = padded[at]
    tells = (lead >= 128) & (lead < 0xF0)
    status = lead * tells
    tells[bounds[counts > 0, 0]] = True  # the first event of a track borrows nothing
    tellers = np.flatnonzero(tells)
    status = np.repeat(status[tellers], np.diff(tellers, append=len(at)))
    narrow = _is_narrow(status)
    wrong = narrow & (lead < 128)
    status[lead == META] = META
    at += lead >= 128
    second = (padded[at + 1] * ~narrow).astype(np.int32)
    about = np.flatnonzero(lead == META)
    second[about] = _contents(padded, at[about] + 1)
    ticks = np.cumsum(delta, dtype=np.int64)
    ticks -= np.repeat(np.append(0, ticks)[bounds[:, 0]], counts)
    found = Events(track, ticks, status, padded[at], second)
    kept = (lead < 0xF0) | (lead == META)
    return found if kept.all() else found.where(kept), set(track[wrong].tolist())


def _contents(padded: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Returns the first three bytes, or fewer, of contents that stand behind their sizes."""
    size, width = _numbers(padded, at)
    first, second, third = (padded[at + width + k].astype(np.int32) for k in range(3))
    return (first << 16 | second << 8 | third) >> 8 * (3 - np.minimum(size, 3))


# Event by event


def _plain(tracks: dict[int, bytes]) -> Events:
    """Returns the events of some tracks, given by their numbers, read one by one."""
    rows = [(number, *found) for number, track in tracks.items() for found in one_by_one(track)]
    columns = np.array(rows, np.int64).reshape(-1, len(Events._fields)).T
    track, tick, status, first, second = columns
    return Events(track, tick, *(x.astype(np.uint8) for x in (status, first)), second)


def one_by_one(track: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yields tick, status, first and second byte of the events of a track, as in `Events`."""
    at = tick = status = 0
    while at < len(track):
        delta, at = _number(track, at)
        tick = min(tick + delta, LATEST)
        byte = track[at : at + 1]
        if byte >= b"\xf0":  # no channel's: a length follows
            about = track[at + 1 : at + 2] if byte == b"\xff" else b""
            size, at = _number(track, at + 1 + len(about))
            if about:
                yield tick, META, about[0], int.from_bytes(track[at : at + min(size, 3)])
            at += size
            continue
        if byte >= b"\x80":
            status, at = byte[0], at + 1
        width = 1 if status >> 4 in (PROGRAM, PRESSURE) else 2
        values = track[at : at + width]
        if len(values) < width:
            return
        yield tick, status, values[0], values[1] if width == 2 else 0
        at += width


def _number(track: bytes, at: int) -> tuple[int, int]:
    """Returns a number of MIDI, seven bits a byte, at most `LATEST`, and the position after it."""
    number = 0
    while at < len(track):
        byte = track[at]
        number, at = min(number << 7 | byte & 127, LATEST), at + 1
        if byte < 128:
            break
    return number, at
