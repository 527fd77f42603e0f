"""The songs of the built-in band as tunes with chords: whole pieces in two parts, without drums.

Song k has the form, the chords and the melodies of song k of `musegen.data.demo`. Under the melody
of each section lie its chords in close position over the roots, held or struck in a pattern that
mostly comes back with that section. A last bar ends the song on its tonic. Each song has its own
key, which puts its melody near the middle of the treble staff, and its own tempo and instruments.

Grace notes and early attacks are left out, so that few note values remain. A song depends only on
the seed and its number.
"""

from dataclasses import replace

import numpy as np

from musegen.data import demo
from musegen.music.layout import N_BARS
from musegen.music.piece import Part, Piece, note_array

N_SONGS = 100

# What is played under a section: a bar of its roots, and one of its chords, as `demo` writes them.
HELD = "0---------------", "x---------------"
HALVES = "0-------0-------", "x-------x-------"
MARCH = "0-------0-------", "....x-......x-.."
STRUM = "0-----0-0-------", "x-----x-x-------"
BROKEN = "0-------0-------", "..0-1-2-..0-1-2-"
PUSHED = "0-----0---------", "x-----x---------"
STYLES = {
    "i": (HELD, HALVES, BROKEN),
    "v": (HALVES, MARCH, BROKEN, PUSHED),
    "c": (MARCH, STRUM, HALVES),
    "b": (HELD, BROKEN, PUSHED),
    "s": (MARCH, STRUM, BROKEN),
    "o": (HELD, HALVES),
}
MELODY_PROGRAMS = (73, 40, 71, 68, 0)  # flute, violin, clarinet, oboe, piano
CHORD_PROGRAMS = (0, 24, 21, 48)  # piano, guitar, accordion, strings
VELOCITIES = (96, 70)  # of melody and chords
LOWEST_CENTRE = 65  # the centre of a melody is one of the twelve pitches from here on
CHORDS_BELOW = 22  # semitones from there down to the chords, and so they stay below any melody
SLOWEST, FASTEST = 90, 140  # quarters a minute


def split(index: int) -> str:
    """Returns the split of a song: of ten songs one is for validation and one for testing."""
    return {8: "val", 9: "test"}.get(index % 10, "train")


def song(index: int, seed: int = 0) -> Piece:
    """Makes a song from its number, from 0, and the seed of the band.

    Example:
        >>> tune = song(3)
        >>> [part.name for part in tune.parts]
        ['melody', 'chords']
    """
    rng, form, sections = demo.planned(seed, index)
    styles, notes = {}, []
    for position, kind in enumerate(form):
        if kind not in styles or rng.random() < demo.NEW_TAKE:
            styles[kind] = demo.pick(rng, STYLES[kind])
        notes.append(_section(sections[kind], styles[kind], position * demo.TICKS_PER_SECTION))
    end = len(form) * demo.TICKS_PER_SECTION
    notes.append(_last_bar(sections[form[-1]], end))
    onset, end, pitch, part = np.concatenate(notes, axis=1)
    velocity = np.array(VELOCITIES)[part]
    lines = demo.pick(rng, MELODY_PROGRAMS), demo.pick(rng, CHORD_PROGRAMS)
    piece = Piece(
        name=f"demo song {index + 1}",
        ticks_per_quarter=demo.TICKS_PER_BEAT,
        notes=note_array(onset, end - onset, pitch, velocity, part),
        parts=tuple(map(Part, lines, (False, False), ("melody", "chords"))),
        tempi=((0, round(60e6 / rng.integers(SLOWEST, FASTEST + 1))),),
        meters=((0, 4, 4),),
        keys=((0, 0, sections[form[0]].minor),),
    )
    return piece.transposed(_shift(sections[form[0]], rng.integers(12)))[0]


def _section(section: demo.Section, style: tuple[str, str], begin: int) -> np.ndarray:
    """Returns the notes of a section from a tick on, int `(4, n)`: start, end, pitch and part."""
    melody = section.tune[:, section.tune[0] < section.tune[1]]  # without grace notes
    return _joined(melody, _chords(section, style), begin)


def _last_bar(section: demo.Section, begin: int) -> np.ndarray:
    """Returns the bar after the last section, in which the tonic is held."""
    tonic = demo.CHORDS.index("Am" if section.minor else "C")
    last = section.tune[2, np.argmax(section.tune[0])]
    lowest = max(last - 5, section.low["tune"] - 8)  # which is above all chords
    melody = np.array([[0], [demo.TICKS_PER_BAR], [demo.ROOT[tonic, lowest]]])
    resting = replace(section, chords=np.full_like(section.chords, tonic))
    chords = _chords(resting, HELD)
    return _joined(melody, chords[:, chords[0] == 0], begin)


def _joined(melody: np.ndarray, chords: np.ndarray, begin: int) -> np.ndarray:
    """Returns melody and chords, each int `(3, n)`, as notes that are `begin` ticks later."""
    part = np.repeat((0, 1), (melody.shape[1], chords.shape[1]))
    notes = np.concatenate([melody, chords], axis=1) + np.array([[begin], [begin], [0]])
    return np.concatenate([notes, part[None]])


def _chords(section: demo.Section, style: tuple[str, str]) -> np.ndarray:
    """Plays the roots and the chords of a section, int `(3, n)`: start, end and pitch."""
    low = section.low["tune"] - CHORDS_BELOW
    roots = demo.ROOT[section.chords, low - 12][:, None]
    voicings = roots, demo.close(section.chords, low, 3)
    played = [
        demo.play(section, N_BARS * [bar], voicing)
        for bar, voicing in zip(style, voicings, strict=True)
    ]
    return np.concatenate(played, axis=1)


def _shift(section: demo.Section, key: int) -> int:
    """Returns by how many semitones a song moves to a key, counted from the lowest of twelve."""
    return LOWEST_CENTRE + int(key) - int(section.low["tune"])
