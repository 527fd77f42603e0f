"""Reads the sustain pedal of a MIDI file, by channel.

A controller acts on its channel, whichever track its events are in: files of piano music often have
the pedal in a track of its own, or only in the track of the right hand. The parser (symusic)
assigns controllers to the track they are in and drops tracks without notes. The pedal is therefore
read from the bytes of the file.
"""

from collections import defaultdict, deque

import numpy as np

from musegen import Error
from musegen.music.midi import messages
from musegen.music.piece import DOWN, PEDAL

SUSTAIN = 64  # number of the controller


def read(data: bytes, instruments: list[tuple[int, bool]], name: str) -> np.ndarray:
    """Returns the pedal of each part with notes, an array of `piece.PEDAL`.

    A pedal that never goes down is left out, and so is a pedal on the channel of drums.

    Args:
        data: content of a MIDI file that the parser accepts.
        instruments: program and drum flag of the parts that the parser has found.
        name: name of the file in messages.
    """
    voices, pedals = set(), []
    for number, track in enumerate(messages.tracks(data)):
        _collect(track, number, voices, pedals)
    voices = sorted(voices)  # the parser's order
    pressed = {channel for _, channel, value in pedals if value >= DOWN} - {messages.DRUMS}
    kinds = [(program, channel == messages.DRUMS) for _, channel, program in voices]
    if pressed and kinds != instruments:
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
            pedals.append((tick, channel, second))
