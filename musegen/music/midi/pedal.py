"""Reads the sustain pedal of a MIDI file, by channel.

A controller acts on its channel, whichever track its events are in: files of piano music often have
the pedal in a track of its own, or only in the track of the right hand. The parser (symusic)
assigns controllers to the track they are in and drops tracks without notes. The pedal is therefore
read from the bytes of the file.
"""

from collections import defaultdict, deque
from collections.abc import Iterator

import numpy as np

from musegen import Error
from musegen.music.piece import DOWN, PEDAL

SUSTAIN = 64  # number of the controller
_OFF, _ON, _CONTROL, _PROGRAM, _PRESSURE = 0x8, 0x9, 0xB, 0xC, 0xD
_DRUMS = 9  # number of the channel of drums


def read(data: bytes, instruments: list[tuple[int, bool]], name: str) -> np.ndarray:
    """Returns the pedal of each part with notes, an array of `piece.PEDAL`.

    A pedal that never goes down is left out, and so is a pedal on the channel of drums.

    Args:
        data: content of a MIDI file that the parser accepts.
        instruments: program and drum flag of the parts that the parser has found.
        name: name of the file in messages.
    """
    voices, pedals = set(), []
    for number, track in enumerate(_tracks(data)):
        _collect(track, number, voices, pedals)
    voices = sorted(voices)  # the parser's order
    pressed = {channel for _, channel, value in pedals if value >= DOWN} - {_DRUMS}
    if pressed and [(program, channel == _DRUMS) for _, channel, program in voices] != instruments:
        raise Error(f"{name}: damaged MIDI file (its pedal cannot be assigned to instruments)")
    rows = [
        (tick, part, value)
        for part, (_, channel, _) in enumerate(voices)
        for tick, pedal_channel, value in pedals
        if pedal_channel == channel and channel in pressed
    ]
    return np.array(rows, PEDAL)


def _collect(track: bytes, number: int, voices: set, pedals: list) -> None:
    """Collects the voices and the pedal events of one track.

    Args:
        track: content of the track.
        number: number of the track.
        voices: set to which (track, channel, program) of each sounding voice is added.
        pedals: list to which (tick, channel, value) of each pedal event is added.
    """
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
            pedals.append((tick, channel, second))


def _tracks(data: bytes) -> Iterator[bytes]:
    """Yields the content of each track."""
    at = 8 + int.from_bytes(data[4:8])
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8])
        if data[at : at + 4] == b"MTrk":
            yield data[at + 8 : at + 8 + size]
        at += 8 + size


def _events(track: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yields the tick, the status and two data bytes of each channel event.

    The second byte is 0 where an event has only one.
    """
    at = tick = status = 0
    while at < len(track):
        delta, at = _number(track, at)
        tick += delta
        byte = track[at : at + 1]
        if byte >= b"\xf0":  # a system or meta event, which says its length
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
    """Returns a variable-length number of MIDI, seven bits a byte, and the position after it."""
    number = 0
    while at < len(track):
        byte = track[at]
        number, at = number << 7 | byte & 127, at + 1
        if byte < 128:
            break
    return number, at
