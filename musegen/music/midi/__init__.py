"""Reads and writes MIDI files, pypianoroll and pretty_midi objects.

read        reads songs and phrases; three rules say which cells a note fills
write       writes phrases so that reading them again changes no cell
retime      writes the bars of a song with the tempo and meter of the file they were read from
pieces      reads and writes pieces of notes without loss
pedal       reads the sustain pedal of each part
beats       converts ticks to seconds and beats
"""

from musegen.music.midi.pieces import PEDALS, piece_to_score, read_piece, write_piece
from musegen.music.midi.read import RULES, phrases, read
from musegen.music.midi.retime import to_score_like, write_like
from musegen.music.midi.write import PROGRAMS, to_multitrack, to_pretty_midi, to_score, write

__all__ = [
    "PEDALS",
    "PROGRAMS",
    "RULES",
    "phrases",
    "piece_to_score",
    "read",
    "read_piece",
    "to_multitrack",
    "to_pretty_midi",
    "to_score",
    "to_score_like",
    "write",
    "write_like",
    "write_piece",
]
