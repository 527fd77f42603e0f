"""The sustain pedal of a MIDI file, by channel.

A controller acts on its channel, in whatever track it stands: in files of piano music the pedal is
often in a track of its own, or in that of the right hand alone. The parser gives each track its own
controllers, and leaves out tracks without notes; so the pedal is looked for in the bytes.
"""

from collections import defaultdict, deque
from collections.abc import Iterator

import numpy as np

from musegen import Error
from musegen.music.piece import DOWN, PEDAL

SUSTAIN = 64  # the number of the controller
_OFF, _ON, _CONTROL, _PROGRAM, _PRESSURE = 0x8, 0x9, 0xB, 0xC, 0xD
_DRUMS = 9  # the channel


def read(data: bytes, instruments: list[tuple[int, bool]], name: str) -> np.ndarray:
    """The pedal of each sounding part, an array of `piece.PEDAL`.

    A pedal that never goes down is none, and drums have none.

    Args:
        data: a MIDI file that the parser accepts.
        instruments: program and drum flag of the parts that the parser has found.
        name: what messages call the file.
    """
    voices, found = set(), []
    for number, track in enumerate(_tracks(data)):
        _listen(track, number, voices, found)
    voices = sorted(voices)  # the parser's order
    pressed = {channel for _, channel, value in found if value >= DOWN} - {_DRUMS}
    if pressed and [(kind, where == _DRUMS) for _, where, kind in voices] != instruments:
        raise Error(f"{name}: damaged MIDI file (it cannot be told whom its pedal holds)")
    rows = [
        (tick, part, value)
        for part, (_, channel, _) in enumerate(voices)
        for tick, where, value in found
        if where == channel and channel in pressed
    ]
    return np.array(rows, PEDAL)


def _listen(track: bytes, number: int, voices: set, found: list) -> None:
    """Collects who sounds, as (track, channel, program), and (tick, channel, value) of pedals."""
    programs, sounding = [0] * 16, defaultdict(deque)
    for tick, status, first, second in _events(track):
        kind, channel = status >> 4, status & 15
        if kind == _ON and second:
            sounding[channel, first].append(programs[channel])
        elif kind in (_ON, _OFF):
            if sounding[channel, first]:
                # A note belongs to the program that it began with.
                voices.add((number, channel, sounding[channel, first].popleft()))
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
