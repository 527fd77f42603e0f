"""Writes phrases as MIDI files, pretty_midi and pypianoroll objects.

Each pitched note gets back the silent step that reading took from it (`rest=1`). A marker at the
end of a written file tells how its phrases stand in it, and reading by the default rule goes by
that: phrases to MIDI to phrases changes no cell.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.files import write_bytes
from musegen.music import notes
from musegen.music.marker import MAX_STEPS, PhraseMarker
from musegen.music.phrases import (
    BEATS_PER_BAR,
    LOWEST_PITCH,
    N_PITCHES,
    TRACKS,
    Packed,
    blocks,
    chain,
    validate,
)
from musegen.music.song import STEPS_PER_BEAT

if TYPE_CHECKING:
    import pretty_midi
    import pypianoroll

PROGRAMS = {"drums": 0, "piano": 0, "guitar": 25, "bass": 33, "strings": 48}


def write(phrases: np.ndarray, path: str | Path, **options) -> Path:
    """Writes phrases as a MIDI file; `options` are those of `to_score`."""
    return write_bytes(path, to_score(phrases, **options).dumps_midi())


def to_score(
    phrases: np.ndarray | Packed,
    tempo: float = 100,
    velocity: int = 100,
    gap: int = 1,
    rest: int = 1,
    programs: dict[str, int] = PROGRAMS,
    tracks: tuple[str, ...] = TRACKS,
):
    """Phrases as a `symusic.Score`, one instrument a track.

    The defaults of tempo, velocity, gap and programs are MIDI-Sandwich2's; MuseGAN's samples have
    `tempo=80, gap=0` and strings of program 49.

    Args:
        phrases: bool `(N, bars, steps, 84, tracks)`, or the same packed.
        tempo: beats a minute.
        velocity: of every note, 1 to 127.
        gap: bars of silence after every phrase; 0 plays them as one piece.
        rest: silent steps at the end of a note that belong to it and sound; 0 as the originals.
        programs: General MIDI program (from 0) of each track.
    """
    import symusic

    phrases, steps_per_beat = _checked(phrases, tempo, velocity, tracks)
    tick = -(-STEPS_PER_BEAT // steps_per_beat)  # old players want at least 24 ticks a beat
    score = symusic.Score(tick * steps_per_beat)
    score.tempos.append(symusic.Tempo(0, tempo))
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    for k, name in enumerate(tracks):
        track = symusic.Track(name=name, program=programs.get(name, 0), is_drum=name == "drums")
        rolls = (chain(block[..., k], gap) for block in blocks(phrases))
        events = notes.from_parts(rolls, drums=name == "drums")
        tail = 0 if name == "drums" else rest
        track.notes = symusic.Note.from_numpy(
            events["onset"] * np.int32(tick),
            (events["duration"] + np.int32(tail)) * np.int32(tick),
            (events["pitch"] + LOWEST_PITCH).astype(np.int8),
            np.full(len(events), velocity, np.int8),
        )
        score.tracks.append(track)
    n, n_bars, n_steps, *_ = phrases.shape
    mark = PhraseMarker(n_bars, n_steps, gap, rest).text
    score.markers.append(symusic.TextMeta((n * (n_bars + gap) - gap) * n_steps * tick, mark))
    return score


def _checked(phrases, tempo: float, velocity: int, tracks) -> "tuple[np.ndarray | Packed, int]":
    """Phrases that can be written, and their steps a beat."""
    if not isinstance(phrases, Packed):
        phrases = validate(phrases)
    if phrases.shape[-1] != len(tracks):
        raise Error(f"{phrases.shape[-1]} tracks were given and {len(tracks)} named")
    steps_per_beat, odd = divmod(phrases.shape[2], BEATS_PER_BAR)
    if odd or not 0 < phrases.shape[2] <= MAX_STEPS:
        raise Error(f"{phrases.shape[2]} steps a bar are no whole number of steps a beat")
    if not (4 <= tempo <= 1000 and 1 <= velocity <= 127):
        raise Error(f"tempo {tempo} and velocity {velocity}: 4 to 1000, and 1 to 127, can be heard")
    return phrases, steps_per_beat


def to_pretty_midi(phrases: np.ndarray, **options) -> "pretty_midi.PrettyMIDI":
    """Phrases as a pretty_midi object; `options` are those of `to_score`."""
    import pretty_midi

    return pretty_midi.PrettyMIDI(io.BytesIO(to_score(phrases, **options).dumps_midi()))


def to_multitrack(
    phrases: np.ndarray,
    tempo: float = 100,
    velocity: int = 100,
    gap: int = 1,
    programs: dict[str, int] = PROGRAMS,
    tracks: tuple[str, ...] = TRACKS,
) -> "pypianoroll.Multitrack":
    """Phrases as a pypianoroll object, cell by cell; the arguments are those of `to_score`."""
    import pypianoroll

    phrases, steps_per_beat = _checked(phrases, tempo, velocity, tracks)
    roll = chain(phrases, gap)
    wide = np.zeros((len(roll), 128, len(tracks)), np.uint8)
    wide[:, LOWEST_PITCH : LOWEST_PITCH + N_PITCHES] = roll * np.uint8(velocity)
    return pypianoroll.Multitrack(
        resolution=steps_per_beat,
        tempo=np.full((len(roll), 1), float(tempo)),
        tracks=[
            pypianoroll.StandardTrack(
                name=name,
                program=programs.get(name, 0),
                is_drum=name == "drums",
                pianoroll=wide[..., k],
            )
            for k, name in enumerate(tracks)
        ],
    )
