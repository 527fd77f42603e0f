"""Reads the sustain pedal of a MIDI file, by channel.

A controller acts on its channel, whichever track its events are in: files of piano music often have
the pedal in a track of its own, or only in the track of the right hand. The parser (symusic)
assigns controllers to the track they are in and drops tracks without notes. The pedal is therefore
read from the bytes of the file.
"""

import numpy as np

from musegen import Error
from musegen.music.midi import messages
from musegen.music.midi.messages import Events
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
    events = messages.events(data)
    controls = (events.kind == messages.CONTROL) & (events.first == SUSTAIN)
    pedal = events.where(np.flatnonzero(controls))
    channel = pedal.channel
    pressed = {*np.unique(channel[pedal.second >= DOWN]).tolist()} - {messages.DRUMS}
    if not pressed:
        return np.zeros(0, PEDAL)
    # Voices whose notes never end are no instruments; few files have one.
    voices = _voices(events, np.flatnonzero(events.begins))
    if _kinds(voices) != instruments:
        voices = _voices(events, _ended(events))
    if _kinds(voices) != instruments:
        raise Error(f"{name}: damaged MIDI file (its pedal cannot be assigned to instruments)")
    rows = [np.zeros(0, PEDAL)]
    for part, (_, own, _) in enumerate(voices):
        if own in pressed:
            moves = pedal.where(channel == own)
            rows.append(_rows(moves.tick, part, moves.second))
    return np.concatenate(rows)


def _rows(tick: np.ndarray, part: int, value: np.ndarray) -> np.ndarray:
    """Returns an array of `PEDAL` from its columns."""
    rows = np.empty(len(tick), PEDAL)
    rows["tick"], rows["part"], rows["value"] = tick, part, value
    return rows


def _kinds(voices: list[tuple[int, int, int]]) -> list[tuple[int, bool]]:
    """Returns program and drum flag of voices."""
    return [(program, channel == messages.DRUMS) for _, channel, program in voices]


def _voices(events: Events, begins: np.ndarray) -> list[tuple[int, int, int]]:
    """Returns track, channel and program of each voice, in the parser's order.

    A note belongs to the program that it began with.

    Args:
        events: events of a file.
        begins: numbers of those that begin the notes of the voices.
    """
    voices = events.voices(begins) << 8 | events.programs(begins)
    voices = np.unique(voices[np.diff(voices, prepend=-1) != 0])  # few notes change the voice
    return [(voice >> 12, voice >> 8 & 15, voice & 255) for voice in voices.tolist()]


def _ended(events: Events) -> np.ndarray:
    """Returns the numbers of the events that begin notes which end.

    Notes of one track, channel and pitch end in the order in which they began, so the first ones
    do: as many as there are ends, without those that come when no note is open.
    """
    notes = events.notes_by_line()
    if not len(notes):
        return notes
    begins = events.begins[notes]
    first = np.flatnonzero(np.diff(events.lines(notes), prepend=-1))  # of each line
    counts = np.diff(first, append=len(notes))

    def so_far(values: np.ndarray) -> np.ndarray:
        total = np.cumsum(values)
        return total - np.repeat((total - values)[first], counts)

    surplus = np.minimum.reduceat(so_far(np.where(begins, 1, -1)), first)
    n_ended = np.add.reduceat(1 - begins, first) + np.minimum(surplus, 0)
    return notes[begins & (so_far(begins) <= np.repeat(n_ended, counts))]
