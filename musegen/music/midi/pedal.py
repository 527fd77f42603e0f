"""The sustain pedal of a MIDI file, by channel.

A controller acts on its channel, in whatever track it stands: in files of piano music the pedal is
often in a track of its own, or in that of the right hand alone. The parser gives each track its own
controllers, and leaves out tracks without notes; so the pedal is looked for in the bytes.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from musegen.music.piece import DOWN, PEDAL

SUSTAIN = 64  # the number of the controller
_OFF, _ON, _CONTROL, _PROGRAM, _PRESSURE = 0x8, 0x9, 0xB, 0xC, 0xD
_DRUMS = 9  # the channel


def read(data: bytes, instruments: list[tuple[int, bool]]) -> np.ndarray:
    """The pedal of each sounding part, an array of `piece.PEDAL`.

    A pedal that never goes down is none, and drums have none.

    Args:
        data: a MIDI file that the parser accepts.
        instruments: program and drum flag of the parts that the parser has found.
    """
    voices, found = set(), []
    for number, track in enumerate(_tracks(data)):
        _listen(track, number, voices, found)
    voices = sorted(voices)
    if [(program, channel == _DRUMS) for _, channel, program in voices] != instruments:
        # The parser has split the tracks of a damaged file in its own way.
        return np.zeros(0, PEDAL)
    events = np.array(found, np.int64).reshape(-1, 3)
    pressed = set(events[events[:, 2] >= DOWN, 1].tolist()) - {_DRUMS}
    rows = [
        [(tick, part, value) for tick, where, value in found if where == channel]
        for part, (_, channel, _) in enumerate(voices)
        if channel in pressed
    ]
    return np.array([event for row in rows for event in row], PEDAL)


def _listen(track: bytes, number: int, voices: set, found: list) -> None:
    """Collects who sounds, as (track, channel, program), and (tick, channel, value) of pedals."""
    programs, sounding = [0] * 16, Counter()
    for tick, status, first, second in _events(track):
        kind, channel = status >> 4, status & 15
        if kind == _ON and second:
            sounding[channel, first] += 1
        elif kind in (_ON, _OFF):
            if sounding[channel, first]:
                sounding[channel, first] -= 1
                voices.add((number, channel, programs[channel]))
        elif kind == _PROGRAM:
            programs[channel] = first
        elif kind == _CONTROL and first == SUSTAIN:
            found.append((tick, channel, second))


def _tracks(data: bytes) -> Iterator[bytes]:
    """The content of each track."""
    at = 8 + int.from_bytes(data[4:8])
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8])
        if data[at : at + 4] == b"MTrk":
            yield data[at + 8 : at + 8 + size]
        at += 8 + size


def _events(track: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Tick, status and two bytes (the second 0 if there is but one) of each channel event."""
    at = tick = status = 0
    while at < len(track):
        delta, at = _number(track, at)
        tick += delta
        byte = track[at : at + 1]
        if byte >= b"\xf0":  # no channel's: a length follows
            size, at = _number(track, at + 1 + (byte == b"\xff"))
            at += size
            continue
        if byte >= b"\x80":
            status, at = byte[0], at + 1
        width = 1 if status >> 4 in (_PROGRAM, _PRESSURE) else 2
        values = track[at : at + width]
        if len(values) < width:
            return
        yield tick, status, values[0], values[1] if width == 2 else 0
        at += width


def _number(track: bytes, at: int) -> tuple[int, int]:
    """A number of MIDI's, seven bits a byte, and where it ends."""
    number = 0
    while at < len(track):
        byte = track[at]
        number, at = number << 7 | byte & 127, at + 1
        if byte < 128:
            break
    return number, at
