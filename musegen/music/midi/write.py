"""Writes phrases as MIDI files, pretty_midi and pypianoroll objects.

Reading makes each pitched note one step shorter; writing makes it one step longer again (`rest=1`),
unless a step is so long, a sixteenth note or more, that this would be heard.
A marker at the end of a written file says how its phrases are laid out, and reading by the default
rule follows it, so writing phrases and reading them again changes no cell.
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
    SIXTEENTHS,
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
    rest: int | None = None,
    programs: dict[str, int] = PROGRAMS,
    tracks: tuple[str, ...] = TRACKS,
):
    """Converts phrases to a `symusic.Score`, one instrument a track.

    The defaults of tempo, velocity, gap and programs are MIDI-Sandwich2's; MuseGAN's samples have
    `tempo=80, gap=0` and strings of program 49.

    Args:
        phrases: bool array `(N, bars, steps, 84, tracks)`, or packed phrases.
        tempo: beats a minute.
        velocity: velocity of all notes, 1 to 127.
        gap: number of silent bars after every phrase; 0 plays them as one piece.
        rest: number of steps by which a pitched note is longer than its cells; the original code
            has 0. By default it is 1, or 0 where a step is a sixteenth note or longer.
        programs: General MIDI program (from 0) of each track.
        tracks: names of the tracks.
    """
    import symusic

    phrases, steps_per_beat = _checked(phrases, tempo, velocity, tracks)
    if rest is None:
        rest = int(phrases.shape[2] > SIXTEENTHS)
    tick = -(-STEPS_PER_BEAT // steps_per_beat)  # old players need at least 24 ticks a beat
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
    """Returns phrases and their steps a beat; an `Error` says what cannot be written."""
    if not isinstance(phrases, Packed):
        phrases = validate(phrases)
    if phrases.shape[-1] != len(tracks):
        raise Error(f"the phrases have {phrases.shape[-1]} tracks, but {len(tracks)} names")
    steps_per_beat, remainder = divmod(phrases.shape[2], BEATS_PER_BAR)
    if remainder or not 0 < phrases.shape[2] <= MAX_STEPS:
        raise Error(
            f"{phrases.shape[2]} steps a bar cannot be written; a multiple of {BEATS_PER_BAR} up "
            f"to {MAX_STEPS} is needed"
        )
    if not (4 <= tempo <= 1000 and 1 <= velocity <= 127):
        raise Error(
            f"tempo {tempo} and velocity {velocity}: give 4 to 1000 beats a minute and a velocity "
            "of 1 to 127"
        )
    return phrases, steps_per_beat


def to_pretty_midi(phrases: np.ndarray, **options) -> "pretty_midi.PrettyMIDI":
    """Converts phrases to a pretty_midi object; `options` are those of `to_score`."""
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
    """Converts phrases to a pypianoroll object, cell by cell; see `to_score` for the arguments."""
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
