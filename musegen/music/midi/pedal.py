"""The sustain pedal of a MIDI file, by channel.

A controller acts on its channel, in whatever track it stands: in files of piano music the pedal is
often in a track of its own, or in that of the right hand alone. The parser gives each track its own
controllers, and leaves out tracks without notes; so the pedal is looked for in the bytes.
"""

from collections import defaultdict, deque

import numpy as np

from musegen import Error
from musegen.music.midi import messages
from musegen.music.piece import DOWN, PEDAL

SUSTAIN = 64  # the number of the controller


def read(data: bytes, instruments: list[tuple[int, bool]], name: str) -> np.ndarray:
    """The pedal of each sounding part, an array of `piece.PEDAL`.

    A pedal that never goes down is none, and drums have none.

    Args:
        data: a MIDI file that the parser accepts.
        instruments: program and drum flag of the parts that the parser has found.
        name: what messages call the file.
    """
    voices, found = set(), []
    for number, track in enumerate(messages.tracks(data)):
        _listen(track, number, voices, found)
    voices = sorted(voices)  # the parser's order
    pressed = {channel for _, channel, value in found if value >= DOWN} - {messages.DRUMS}
    if pressed and [(kind, where == messages.DRUMS) for _, where, kind in voices] != instruments:
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
    for tick, status, first, second in messages.events(track):
        kind, channel = status >> 4, status & 15
        if kind == messages.ON and second:
            sounding[channel, first].append(programs[channel])
        elif kind in (messages.ON, messages.OFF):
            if sounding[channel, first]:
                # A note belongs to the program that it began with.
                voices.add((number, channel, sounding[channel, first].popleft()))
        elif kind == messages.PROGRAM:
            programs[channel] = first
        elif kind == messages.CONTROL and first == SUSTAIN:
            found.append((tick, channel, second))
