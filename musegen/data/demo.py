"""The built-in rock band makes five-track phrases by rules from a seed.

The music is synthetic. Progressions, grooves and patterns are drawn from the tables below and
combined as a small band would: a form of four-bar sections, riffs that come back with their
section, a bass that follows the kick drum, fills before the next section, and instruments that are
silent for a section. The band needs no download and can make any number of songs, so every command
can be tried at once. It is no substitute for real music: results on it show that a system runs, not
that it is good.

Its statistics are realistic, however. Under the `v1` definition of the metrics, its empty bars,
pitch classes, qualified notes, drum patterns and tonal distances are close to those of MuseGAN's
training data (Tables 1 and 2 of the paper). The strokes of one step (dead strums, grace notes,
early attacks), the width of the voicings and the probabilities of silence were tuned for that.

Songs are in C major or A minor; `musegen.music.phrases.transpose` moves them to other keys. A song
depends only on the seed and its own number, so it is the same however many songs are made.
`musegen.data.demo_tunes` makes pieces of the same songs: their tunes, with chords.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count, islice

import numpy as np

from musegen import Error
from musegen.music.phrases import BEATS_PER_BAR, LOWEST_PITCH, N_BARS, N_PITCHES, TRACKS, Layout

# Patterns are written in sixteenth notes; times are in ticks, the steps of a grid of 48 a bar.
TICKS_PER_BEAT = 12
TICKS_PER_HALF = 2 * TICKS_PER_BEAT
TICKS_PER_BAR = BEATS_PER_BAR * TICKS_PER_BEAT
TICKS_PER_SECTION = N_BARS * TICKS_PER_BAR

# The ticks of the four sixteenths of a beat: mostly straight, else a shuffle or swung sixteenths.
FEELS = 12 * ((0, 3, 6, 9),) + ((0, 4, 8, 10), (0, 4, 6, 10))

# A form is a word with a letter for each four-bar section: intro, verse, chorus, bridge, solo,
# outro. Intro and solo have the chords of the verse, and the outro has those of the chorus.
FORMS = ("ivvcvvcbcco", "vvcvvcscc", "ivcvcbcco", "vvbvvbvo", "iivvccvvccsscco", "vcvcbvcc")
CHORDS_OF = {"i": "v", "v": "v", "s": "v", "c": "c", "o": "c", "b": "b"}

# Four bars of one or two chords.
MAJOR = {
    "v": ("C | F | C | G", "C | Am | F | G", "C | G | Am | F", "C | C | F | C G",
          "C | Em | F | G", "C | Bb | F | C", "C | C7 | F | Fm", "Am | F | C | G"),
    "c": ("F | G | C | Am", "C | G | Am | F", "F | C | G | Am", "C | F | G | F G",
          "F G | C Am | F G | C", "Am | F | C | G"),
    "b": ("Am | Em | F | G", "Dm | Am | Bb | G", "F | Fm | C | G7", "Dm7 | G | Em7 | Am"),
}  # fmt: skip
MINOR = {
    "v": ("Am | G | F | E", "Am | F | C | G", "Am | Am | Dm | E7", "Am | C | G | D",
          "Am G | F | Am G | F", "Am | Dm7 | G | Am"),
    "c": ("F | G | Am | Am", "Am | F | G | Em", "C | G | Am | F", "Dm | F | Am | G"),
    "b": ("Dm | Am | E | Am", "F | C | Dm | E7", "F | Em | Dm | E", "C | D | F | E"),
}  # fmt: skip
ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "Bb": 10}
QUALITIES = {"": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "m7": (0, 3, 7, 10)}
PENTATONIC = {0, 2, 4, 7, 9}

# Drums: each letter is a hit, and each pattern is one limb of the drummer. A fill replaces the end
# of the section.
KIT = {"k": 36, "i": 37, "s": 38, "f": 43, "m": 45, "h": 48, "x": 42, "o": 46, "c": 49, "r": 51}
HITS = np.zeros(128, np.int64)
HITS[[ord(letter) for letter in KIT]] = list(KIT.values())
KICKS = ("k.......k.......", "k.......k.k.....", "k.....k.k.......", "k..k..k.k.......",
         "k...k...k...k...", "k.k.....k.k.....", "k.....k...k.....",
         "k..k......k..k..")  # fmt: skip
SNARES = ("....s.......s...", "....s.......s...", "....s.......s...", "....s..s.s..s...",
          "........s.......", "....i.......i...")  # fmt: skip
QUIET = ("x.x.x.x.x.x.x.x.", "x.x.x.x.x.x.x.o.", "x...x...x...x...", "xxxxxxxxxxxxxxxx")
LOUD = ("r.r.r.r.r.r.r.r.", "o.o.o.o.o.o.o.o.", "r...r...r...r...", "x.xxx.xxx.xxx.xx",
        "c...o...o...o...")  # fmt: skip
FILLS = ("ssss", "s.s.hhmf", "sshhmmff", "ss", "s.ss", "s.mf", "s.s.h.h.m.f.", "h.hhm.mf")

# Pitched instruments: `x` strikes the whole chord, a digit strikes one voice of it, `-` holds, `.`
# is silent. Muted strokes last one step: `o` is the whole chord, `q` its lowest voice.
BASS = ("0-0-0-0-0-0-0-0-", "0---0---0---1---", "0-------0-----1-", "0--0--0-0--0--2-",
        "0-0-0-2-0-0-0-2-", "0---1---2---1---", "0-.q0-.q0-.q0-1-", "0--q..0-.q0-..q.",
        "0---------------", "0q0-.q0-0q0-.q2-")  # fmt: skip
BASS_ENDS = ("0---0---1---3---", "0-0-0-0-2-1-3-3-", "0-------1---3---", "0-----0-3---....")
POWER = ("x-x-x-x-x-x-x-x-", "x-------x-------", "x--x--x-..x-x-x-", "x---------------",
         "x-ooxoo-x-ooxoo-", "x-o.x-o.x-o.x-x-")  # fmt: skip
STRUM = ("x---x---x---x---", "x---x-x-..x-x-x-", "x-o-x-x-.ox-x-x-", "x-o.xox-.ox-xox-",
         "..x-..x-..x-..x-", "..o.x-o...o.x-o.")  # fmt: skip
PICK = ("0-1-2-3-4-3-2-1-", "0-2-3-4-3-2-3-2-", "0---2-3-4---3-2-", "0-1-2-1-0-1-2-1-",
        "0q2q3q2q4q3q2q1q")  # fmt: skip
LEFT = ("0---------------", "0---------------", "x---------------", "0-------0-------",
        "0-------1-------", "0---0---0---0---", "0-1-2-1-0-1-2-1-", "................")  # fmt: skip
RIGHT = ("x---x---x---x---", "x---------------", "x-------x-------", "x--x--x-x--x--x-",
         "0-1-2-1-0-1-2-1-", "..x-..x-..x-..x-", "2-1-0-1-2-1-0-1-", "x-x-x-x-x-x-x-x-",
         "x...ox..x...ox..", "x-o.x-o.x-o.x-x-")  # fmt: skip
PADS = ("x---------------", "x---------------", "x-------x-------", "x-----------x---",
        "x--x--x-....x-x-", "x.o.x.o.x.o.x.o.")  # fmt: skip
RUNS = ("0-1-2-1-3-2-1-2-", "0---1---2---3---", "0-1-2-3-2-1-0-1-", "3---2---1---2---",
        "0-0-1-1-2-2-3-3-")  # fmt: skip
LINES = ("x---x-x-x---x---", "x-----x-x-------", "..x-x-x-x-----x-", "x-x-x---x-x-x---",
         "x-------..x-x-x-", "....x-x-x---x-x-", "x--x--x-x-------",
         "x---------x-x-x-")  # fmt: skip
LINE_ENDS = ("x-----------....", "x---x---x-------", "x-x-x-----------", "x---------------")

POWER_CHORD = np.array((0, 7, 12))
OPEN_STRINGS = np.array((40, 45, 50, 55, 59, 64))
# The approximate lowest note of each instrument, and the middle of the melody; a song moves all of
# them together.
REGISTERS = {"bass": 29, "guitar": 44, "piano": 36, "strings": 51, "tune": 70}

# Which instruments play the melody in a section; "-" is none.
LEADS = {
    "i": ("strings", "piano", "guitar", "strings+piano", "-", "-", "-"),
    "v": ("strings", "strings", "piano", "strings+piano", "guitar", *5 * ("-",)),
    "c": ("strings", "strings", "strings+piano", "strings+guitar", *4 * ("-",)),
    "b": ("strings", "piano", "strings+piano", "guitar", "-", "-", "-"),
    "s": ("guitar", "guitar", "guitar", "guitar", "guitar+strings", "piano"),
    "o": ("strings", "piano", "strings+piano", "guitar", "-", "-", "-"),
}
# The probability that drums, piano, guitar, bass and strings are silent in a section.
SILENCE = {
    "i": (0.40, 0.50, 0.40, 0.40, 0.30),
    "v": (0.03, 0.28, 0.22, 0.03, 0.10),
    "c": (0.00, 0.12, 0.08, 0.01, 0.03),
    "b": (0.12, 0.22, 0.25, 0.08, 0.08),
    "s": (0.02, 0.30, 0.00, 0.02, 0.10),
    "o": (0.10, 0.25, 0.20, 0.10, 0.08),
}
# More probabilities.
WIDE = 0.6  # pads are in open position
LATE_ENTRY = 0.04  # a track is silent in the first two bars of a section
BREAK = 0.03  # a track is silent in the last bar of a section
NEW_TAKE = 0.25  # a part is new when its section comes back
FLAM = 0.1  # a snare hit has a stroke just before it
GRACE = 0.2  # a note of the melody on the beat has a grace note
EARLY = np.array((0.4, 0.7, 0.5, 0.5, 0.6))  # at most: an attack of each track is one step early


def _chord_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns, by chord and pitch, the next chord tone, root and passing tone at or above it."""
    tables = np.zeros((3, len(CHORDS), 128), np.int64)
    for chord, name in enumerate(CHORDS):
        letter = name[: 2 if name[1:2] == "b" else 1]
        tones = {(ROOTS[letter] + step) % 12 for step in QUALITIES[name.removeprefix(letter)]}
        clashes = {(tone + step) % 12 for tone in tones for step in (-1, 1)}
        for table, classes in enumerate((tones, {ROOTS[letter]}, tones | (PENTATONIC - clashes))):
            for pitch in range(128):
                up = next(up for up in range(12) if (pitch + up) % 12 in classes)
                tables[table, chord, pitch] = pitch + up
    return tuple(tables)


_NAMES = " ".join(text for mode in (MAJOR, MINOR) for texts in mode.values() for text in texts)
CHORDS = sorted(set(_NAMES.split()) - {"|"})
TONE, ROOT, PASSING = _chord_tables()


@dataclass(frozen=True)
class Section:
    """One section of a song, which all instruments share.

    Args:
        chords: index of the chord of each half bar.
        feel: tick of each of the four sixteenths of a beat.
        groove: drum patterns of kick, snare and cymbal.
        tune: notes of the melody, int `(3, notes)`: start, end and pitch.
        lead: names of the instruments that play the melody.
        low: lowest pitch of each instrument.
        minor: whether the song is in A minor; otherwise it is in C major.
    """

    chords: np.ndarray
    feel: tuple[int, ...]
    groove: tuple[str, str, str]
    tune: np.ndarray
    lead: str
    low: dict[str, int]
    minor: bool


def pick(rng: np.random.Generator, table: Sequence):
    """Draws an entry of a table."""
    return table[int(rng.random() * len(table))]


def pick_bars(rng: np.random.Generator, table: Sequence[str], ends: Sequence[str]) -> list[str]:
    """Draws four bars: a pattern, its answer, the pattern again and an end; often all are equal."""
    call = pick(rng, table)
    answer = call if rng.random() < 0.7 else pick(rng, table)
    return [call, answer, call, pick(rng, ends) if rng.random() < 0.4 else answer]


@cache
def _progression(text: str) -> np.ndarray:
    """Returns the chord of each half bar of a text such as `"C | F G | ..."`."""
    bars = [bar.split() for bar in text.split("|")]
    return np.array([CHORDS.index(name) for bar in bars for name in (bar[0], bar[-1])])


@cache
def _strokes(pattern: str, feel: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the start and end in ticks, and the letter, of every stroke of a pattern."""
    letters = np.frombuffer(pattern.encode(), np.uint8).astype(np.int64)
    edges = np.append(np.flatnonzero(letters != ord("-")), len(letters))
    beat, sixteenth = np.divmod(edges, 4)
    ticks = beat * TICKS_PER_BEAT + np.array(feel)[sixteenth]
    letter = letters[edges[:-1]]
    struck = letter != ord(".")
    return ticks[:-1][struck], ticks[1:][struck], letter[struck]


def _restruck(bar: str) -> str:
    """Returns a pattern that strikes again, in the middle of the bar, what it would hold there.

    It is for bars whose chord changes in the middle.
    """
    return bar if bar[8] != "-" else bar[:8] + bar[:8].rstrip("-")[-1] + bar[9:]


def play(section: Section, bars: Sequence[str], voicing: np.ndarray) -> np.ndarray:
    """Returns the notes of four patterns, int `(3, notes)`: start, end and pitch.

    Args:
        section: section that the notes belong to.
        bars: pattern of each bar.
        voicing: pitches of the chord of each half bar, int `(half bars, voices)`; 0 is no voice.
    """
    changes = section.chords[::2] != section.chords[1::2]
    text = "".join(_restruck(b) if c else b for b, c in zip(bars, changes, strict=True))
    start, end, letter = _strokes(text, section.feel)
    end = np.where((letter == ord("o")) | (letter == ord("q")), start, end)
    voice = np.where(letter == ord("q"), 0, letter - ord("0"))
    full_chord = (letter == ord("x")) | (letter == ord("o"))
    struck = full_chord[:, None] | (voice[:, None] == np.arange(voicing.shape[1]))
    pitch = voicing[start // TICKS_PER_HALF]  # (strokes, voices)
    stroke, voice = np.nonzero(struck & (pitch > 0))
    return np.array([start[stroke], end[stroke], pitch[stroke, voice]])


def close(chords: np.ndarray, low: int, n: int) -> np.ndarray:
    """Returns the lowest `n` chord tones from `low` on, int `(half bars, n)`.

    Between chords the voices move by small steps.
    """
    voices = [TONE[chords, low]]
    while len(voices) < n:
        voices.append(TONE[chords, voices[-1] + 1])
    return np.stack(voices, axis=1)


def _open(chords: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Returns voices that are each the lowest chord tone from an anchor on."""
    return TONE[chords[:, None], anchors]


def _tune(
    rng: np.random.Generator, chords: np.ndarray, feel: tuple[int, ...], centre: int
) -> np.ndarray:
    """Draws a melody around `centre`: chord tones on beats, passing tones between, grace notes."""
    start, end, _ = _strokes("".join(pick_bars(rng, LINES, LINE_ENDS)), feel)
    # A random walk folded into +-8 semitones. It is two bars long: the second half of the section
    # takes up the contour of the first.
    walk = 8 - np.abs(np.cumsum(rng.integers(-3, 4, 2 * 16)) % 32 - 16)
    aim = centre + walk[start * 16 // TICKS_PER_BAR % len(walk)]
    chord = chords[start // TICKS_PER_HALF]
    on_beat = start % TICKS_PER_BEAT == 0
    pitch = np.where(on_beat, TONE[chord, aim], PASSING[chord, aim])
    graced = on_beat & (rng.random(len(start)) < GRACE)
    ahead, below = start[graced] - 1, PASSING[chord, pitch - 3][graced]
    return np.concatenate([[start, end, pitch], [ahead, ahead, below]], axis=1)


def _drums(rng: np.random.Generator, section: Section, crash: bool) -> np.ndarray:
    """Plays the groove with a fill, flams, and a crash on the first beat if `crash` is true."""
    lines = [line * N_BARS for line in section.groove]
    if rng.random() < 0.75:
        fill = pick(rng, FILLS)
        lines = [line[: -len(fill)].ljust(len(line), ".") for line in lines]
        lines.append(fill.rjust(len(lines[0]), "."))
    if crash:
        lines.append("c".ljust(len(lines[0]), "."))
    hits = [_strokes(line, section.feel) for line in lines]
    start = np.concatenate([start for start, _, _ in hits])
    pitch = HITS[np.concatenate([letter for _, _, letter in hits])]
    flam = (pitch == KIT["s"]) & (rng.random(len(pitch)) < FLAM)
    start, pitch = np.append(start, start[flam] - 1), np.append(pitch, pitch[flam])
    return np.array([start, start, pitch])


def _bass(rng: np.random.Generator, section: Section) -> np.ndarray:
    """Plays roots, fifths, octaves and a step to the next root; or the roots with the kick drum."""
    root = ROOT[section.chords, section.low["bass"]]
    towards = PASSING[section.chords, np.roll(root, -1) - 2]
    voicing = np.stack([root, root + 7, root + 12, towards], axis=1)
    with_kick = section.groove[0].replace("k", "0").replace(".", "-")
    table = (with_kick,) if rng.random() < 0.3 else BASS
    return play(section, pick_bars(rng, table, BASS_ENDS), voicing)


def _guitar(rng: np.random.Generator, section: Section) -> np.ndarray:
    """Plays power chords, open chords, picked chords, or the melody."""
    low = section.low["guitar"]
    if "guitar" in section.lead:
        return section.tune - np.array([[0], [0], [12]])
    root = ROOT[section.chords, low][:, None]
    table = pick(rng, (POWER, STRUM, PICK))
    if table is POWER:
        voicing = root + POWER_CHORD
    elif table is STRUM:
        # Each string plays its lowest chord tone; strings below the one with the root are silent.
        # These are the usual chords in first position (C x32010, G 320003, Am x02210, Dm xx0231),
        # with a capo if the song is high.
        capo = max(low - REGISTERS["guitar"], 0)
        voicing = _open(section.chords, OPEN_STRINGS + capo)
        voicing = voicing * np.logical_or.accumulate((voicing - root) % 12 == 0, axis=1)
    else:
        voicing = close(section.chords, low + 5, 5)
    return play(section, pick_bars(rng, table, table), voicing)


def _piano(rng: np.random.Generator, section: Section) -> np.ndarray:
    """Plays roots, fifths and octaves with the left hand, chords or the melody with the right."""
    low = section.low["piano"]
    root = ROOT[section.chords, low]
    lower = np.stack([root, root + 7, root + 12], axis=1)
    left = play(section, pick_bars(rng, LEFT, LEFT), lower)
    if "piano" in section.lead:
        right = section.tune
    else:
        upper = close(section.chords, low + 20, 3)
        right = play(section, pick_bars(rng, RIGHT, RIGHT), upper)
    return np.concatenate([left, right], axis=1)


def _strings(rng: np.random.Generator, section: Section) -> np.ndarray:
    """Plays pads in close or open position, runs, or the melody over two low voices."""
    low = section.low["strings"]
    if "strings" in section.lead:
        pad = play(section, PADS[:1] * N_BARS, _open(section.chords, np.array((low, low + 7))))
        return np.concatenate([pad, section.tune], axis=1)
    table = pick(rng, (PADS, PADS, RUNS))
    if rng.random() < WIDE:
        voicing = _open(section.chords, low + 7 * np.arange(4))
    else:
        voicing = close(section.chords, low + 7, 4 if table is RUNS else 3)
    return play(section, pick_bars(rng, table, PADS[:2]), voicing)


PLAYERS = {"piano": _piano, "guitar": _guitar, "bass": _bass, "strings": _strings}


def _arrange(rng: np.random.Generator, kind: str, progress: float) -> np.ndarray:
    """Draws which track plays in which bar, bool `(4, 5)`.

    Args:
        rng: random generator.
        kind: letter of the section.
        progress: position in the song, 0 to 1; fewer tracks are silent towards its end.
    """
    chance = rng.random((3, len(TRACKS)))
    joins = chance[0] >= np.array(SILENCE[kind]) * (1.4 - 0.8 * progress)
    plays = np.tile(joins | (joins.sum() < 2), (N_BARS, 1))
    plays[:2] &= chance[1] >= LATE_ENTRY
    plays[3] &= chance[2] >= BREAK
    return plays


def _sections(rng: np.random.Generator, form: str) -> dict[str, Section]:
    """Draws the sections of a song, by their letter."""
    mode = MAJOR if rng.random() < 0.6 else MINOR
    chords = {kind: _progression(pick(rng, texts)) for kind, texts in mode.items()}
    feel = pick(rng, FEELS)
    bright = rng.integers(-3, 4)
    low = {name: base + bright + rng.integers(-1, 2) for name, base in REGISTERS.items()}
    sections = {}
    for kind in dict.fromkeys(form):
        groove = pick(rng, KICKS), pick(rng, SNARES), pick(rng, LOUD if kind in "cso" else QUIET)
        harmony = chords[CHORDS_OF[kind]]
        tune = _tune(rng, harmony, feel, low["tune"])
        lead = pick(rng, LEADS[kind])
        sections[kind] = Section(harmony, feel, groove, tune, lead, low, mode is MINOR)
    return sections


def planned(seed: int, index: int) -> tuple[np.random.Generator, str, dict[str, Section]]:
    """Draws the form of a song and its sections by their letter.

    Returns them with the generator, from which the players draw the rest.
    """
    if seed < 0:
        raise Error(f"demo: seed {seed}; choose 0 or more")
    rng = np.random.default_rng((seed, index))
    form = pick(rng, FORMS)
    return rng, form, _sections(rng, form)


def _song(seed: int, index: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Makes one song from a seed and its number.

    Returns its notes, int `(4, n)` (track, start, end, pitch), which of them are early, and its
    number of sections.
    """
    rng, form, sections = planned(seed, index)
    takes, tracks, parts = {}, [], []
    for position, kind in enumerate(form):
        plays = _arrange(rng, kind, position / len(form))
        begin = np.array([[1], [1], [0]]) * position * TICKS_PER_SECTION
        for track in np.flatnonzero(plays.any(axis=0)):
            name = TRACKS[track]
            if name == "drums":
                part = _drums(rng, sections[kind], rng.random() < (0.9 if kind in "cs" else 0.3))
            elif (kind, name) in takes and rng.random() >= NEW_TAKE:
                part = takes[kind, name]
            else:
                part = takes[kind, name] = PLAYERS[name](rng, sections[kind])
            part = part[:, plays[np.maximum(part[0], 0) // TICKS_PER_BAR, track]]
            parts.append(part + begin)
            tracks.append(track)
    track = np.repeat(tracks, [part.shape[1] for part in parts])
    notes = np.concatenate([track[None], np.concatenate(parts, axis=1)])
    # Each player has a share of early attacks; all strokes of a player at one tick are early, or
    # none of them.
    share = EARLY * rng.random(len(TRACKS)) ** 2
    early = rng.random((len(TRACKS), len(form) * TICKS_PER_SECTION)) < share[:, None]
    return notes, early[notes[0], notes[1]], len(form)


def _paint(notes: np.ndarray, early: np.ndarray, n_phrases: int, n_steps: int) -> np.ndarray:
    """Paints the notes of a song on phrases."""
    track, start, end, pitch = notes
    scale = n_steps // TICKS_PER_BAR
    first = np.maximum(start * scale - early, 0)
    # The last step of a note is silent, but a note has at least one step.
    length = np.where(track == 0, 1, np.maximum(end * scale - 1 - first, 1))
    stride = N_PITCHES * len(TRACKS)
    cell = first * stride + (pitch - LOWEST_PITCH) * len(TRACKS) + track
    roll = np.zeros(n_phrases * N_BARS * n_steps * stride, bool)
    note = np.repeat(np.arange(len(length)), length)
    step = np.arange(len(note)) - (np.cumsum(length) - length)[note]
    roll[cell[note] + step * stride] = True
    # A note that still sounds when its pitch is struck again (by the other hand, or early) ends one
    # step before.
    roll[(cell - stride)[(track > 0) & (first > 0)]] = False
    return roll.reshape(n_phrases, *Layout(n_steps=n_steps).shape)


def _songs(n_steps: int, seed: int) -> Iterator[np.ndarray]:
    """Yields the phrases of one song after the other, without end."""
    if n_steps < 1 or n_steps % TICKS_PER_BAR:
        raise Error(f"demo: {n_steps} steps a bar; choose a multiple of {TICKS_PER_BAR}")
    for index in count():
        yield _paint(*_song(seed, index), n_steps)


def blocks(
    n: int, size: int = 1024, n_steps: int = 96, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the first `n` phrases in blocks, with the number of the song of each phrase.

    A block is bool `(size, 4, n_steps, 84, 5)`, and the numbers are int32 `(size,)`; the last block
    may be smaller.
    """
    stream = _songs(n_steps, seed)
    song, remaining = -1, ()
    for done in range(0, n, size):
        block = np.empty((min(size, n - done), *Layout(n_steps=n_steps).shape), bool)
        numbers = np.empty(len(block), np.int32)
        filled = 0
        while filled < len(block):
            if not len(remaining):
                song, remaining = song + 1, next(stream)
            part, remaining = np.split(remaining, [len(block) - filled])
            block[filled : filled + len(part)] = part
            numbers[filled : filled + len(part)] = song
            filled += len(part)
        yield block, numbers


def phrases(n: int = 1000, n_steps: int = 96, seed: int = 0) -> np.ndarray:
    """Returns the first `n` phrases, bool `(n, 4, n_steps, 84, 5)`; `n_steps` is 48, 96, ..."""
    if n < 1:
        raise Error(f"demo: {n} phrases; give 1 or more")
    return next(blocks(n, n, n_steps, seed))[0]


def songs(n: int = 100, n_steps: int = 96, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns all phrases of the first `n` songs, and the song number of each phrase, int32."""
    if n < 1:
        raise Error(f"demo: {n} songs; give 1 or more")
    rolls = list(islice(_songs(n_steps, seed), n))
    return np.concatenate(rolls), np.repeat(np.arange(n, dtype=np.int32), [len(r) for r in rolls])
