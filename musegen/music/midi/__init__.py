"""MIDI files, pypianoroll and pretty_midi objects: from and to songs, phrases and pieces.

read        which cells a note fills, by three rules
write       phrases as MIDI; reading them again changes no cell
retime      the bars of a song back into the time of the file that they were read from
pieces      pieces of notes, from and to MIDI without loss; pedal finds who the pedal holds
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
