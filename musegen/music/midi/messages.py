"""Reads the messages of a MIDI file from its bytes, as arrays.

Where an event ends depends on its own bytes alone, unless an earlier event of one data byte lends
it its status. So it is computed at once, for each byte of the file, where an event that began there
would end; a loop steps from one event to the next; and arrays decode all events that it met. Tracks
for which this does not hold, and damaged ones, are read event by event (`one_by_one`).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

OFF, ON, CONTROL, PROGRAM, PRESSURE = 0x8, 0x9, 0xB, 0xC, 0xD  # kinds, the upper half of a status
META = 0xFF  # the status of a message about the file
TEMPO, METER = 0x51, 0x58  # what such a message is about
DRUMS = 9  # the channel

LONGEST = 4  # bytes of a number; more are damage
NOWHERE = np.iinfo(np.int32).max  # position after all tracks
LATEST = np.iinfo(np.int64).max  # last tick
PADDING = bytes(16)  # bytes after the file that are looked at


class Events(NamedTuple):
    """Events of a file as columns, track by track, in the order of the file.

    A message about the file has the status `META`, its kind as the first byte, and the first
    three bytes of its content as a number in place of the second. Messages to one device are left
    out.

    Args:
        track: number of the track of each event.
        tick: time of each event.
        status: status of each event, 0 if its track has not told any.
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

    @property
    def voice(self) -> np.ndarray:
        """Returns one number for the track and channel of each event."""
        return self.track << 4 | self.channel

    @property
    def line(self) -> np.ndarray:
        """Returns one number for the track, channel and pitch of each event that is of a note."""
        return self.voice << 8 | self.first

    def programs(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the program that the voice of some events has by then; the first is 0."""
        changes = np.flatnonzero(self.kind == PROGRAM)
        room = 32  # bits for the number of an event
        places = np.sort(self.voice[changes] << room | changes)
        places = np.append(places, np.iinfo(np.int64).max)  # the last one, before all others
        voice = self.voice[numbers]
        last = places[np.searchsorted(places, voice << room | numbers, side="right") - 1]
        known = last >> room == voice
        return np.where(known, self.first[np.where(known, last & (1 << room) - 1, 0)], 0)

    def notes_by_line(self) -> np.ndarray:
        """Returns the numbers of the events that begin or end notes, line by line."""
        room = 32  # bits for the number of an event; sorting one number is faster than `argsort`
        notes = np.flatnonzero(self.begins | self.ends)
        return np.sort(self.line[notes] << room | notes) & (1 << room) - 1

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
    """Returns where events begin, and the tracks that are not made of whole events."""
    following = memoryview(_following(padded))
    met, odd = bytearray(len(padded)), set()
    for number, (start, end) in enumerate(spans):
        at = start
        while at < end:
            met[at] = 1
            at = following[at]
        if at != end:
            met[start:end] = bytes(end - start)
            odd.add(number)
    return np.flatnonzero(np.frombuffer(met, np.uint8)), odd


def _following(padded: np.ndarray) -> np.ndarray:
    """Returns, for each byte of a file, where the event after one that began there would begin."""
    n = len(padded) - len(PADDING)
    more = padded >= 128
    length, lead = np.ones(n, np.uint8), padded[1 : n + 1].copy()
    for k in range(1, LONGEST):  # the number of the time goes on as long as bytes are 128 or more
        goes_on = (length == k) & more[k - 1 : n + k - 1]
        length += goes_on
        np.copyto(lead, padded[k + 1 : n + k + 1], where=goes_on)
    endless = (length == LONGEST) & more[LONGEST - 1 : n + LONGEST - 1]
    following = np.arange(n, dtype=np.int32)
    following += length
    following += _WIDTHS[lead]
    about = np.flatnonzero((lead >= 0xF0) & ~endless)
    at = about + length[about] + 1 + (lead[about] == META)
    size, width = _numbers(padded, at)
    following[about] = np.where(width > LONGEST, NOWHERE, at + width + size)
    following[endless] = NOWHERE
    return following


def _widths() -> np.ndarray:
    """Returns the number of bytes of an event by the first byte after its time."""
    first = np.arange(256)
    narrow = np.isin(first >> 4, (PROGRAM, PRESSURE))
    return (2 + (first >= 128) - narrow).astype(np.uint8)


_WIDTHS = _widths()


def _numbers(padded: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns numbers of seven bits a byte, and how many bytes they take, `LONGEST + 1` if more."""
    value, width = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    goes_on = np.ones(len(at), bool)
    for k in range(LONGEST):
        byte = padded[at + k]
        value = np.where(goes_on, value << 7 | byte & 127, value)
        width += goes_on
        goes_on &= byte >= 128
        if not goes_on.any():
            break
    return value, width + goes_on


def _decoded(
    padded: np.ndarray, begins: np.ndarray, spans: list[tuple[int, int]]
) -> tuple[Events, set[int]]:
    """Returns the events that begin at some positions, and the tracks where they do not.

    They do not after an event of one data byte that lends its status, because two were assumed.
    """
    bounds = np.searchsorted(begins, np.array(spans, np.int64).reshape(-1, 2))
    counts = bounds[:, 1] - bounds[:, 0]
    track = np.repeat(np.arange(len(spans)), counts)
    opening = np.repeat(bounds[:, 0], counts)  # number of the first event of the same track
    delta, width = _numbers(padded, begins)
    at = begins + width
    lead = padded[at]
    tells = (lead >= 128) & (lead < 0xF0)
    teller = np.maximum.accumulate(np.where(tells, np.arange(len(at)), -1))
    status = np.where(teller >= opening, lead[teller], 0).astype(np.uint8)
    narrow = np.isin(status >> 4, (PROGRAM, PRESSURE))
    wrong = narrow & (lead < 128)
    status[lead == META] = META
    at += lead >= 128
    second = np.where(narrow, 0, padded[at + 1]).astype(np.int32)
    about = np.flatnonzero(lead == META)
    second[about] = _contents(padded, at[about] + 1)
    ticks = np.cumsum(delta)
    ticks -= (ticks - delta)[opening]
    found = Events(track, ticks, status, padded[at], second)
    return found.where((lead < 0xF0) | (lead == META)), set(track[wrong].tolist())


def _contents(padded: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Returns the first three bytes, or fewer, of contents that stand behind their sizes."""
    size, width = _numbers(padded, at)
    value = np.zeros(len(at), np.int64)
    for k in range(3):
        byte = padded[np.minimum(at + width + k, len(padded) - 1)]
        value = np.where(k < size, value << 8 | byte, value)
    return value


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
