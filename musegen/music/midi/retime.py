"""Writes the bars of a song with the tempo and meter of the MIDI file they were read from."""

import math
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.files import write_bytes
from musegen.music import notes
from musegen.music.marker import PhraseMarker
from musegen.music.midi import beats
from musegen.music.midi.read import file_bytes, last_tick, note_ticks, parse, read
from musegen.music.midi.write import PROGRAMS
from musegen.music.phrases import BEATS_PER_BAR, LOWEST_PITCH, TRACKS
from musegen.music.piece import MAX_TPQ
from musegen.music.song import STEPS_PER_BEAT, Song, family

if TYPE_CHECKING:
    import symusic


def write_like(bars: np.ndarray, source: str | Path | bytes, path: str | Path, **options) -> Path:
    """Writes the bars of a song as a MIDI file in step with its source; see `to_score_like`."""
    return write_bytes(path, to_score_like(bars, source, **options).dumps_midi())


def to_score_like(
    bars: np.ndarray,
    source: str | Path | bytes,
    keep: Collection[str] = (),
    velocity: int = 100,
    programs: dict[str, int] = PROGRAMS,
):
    """Converts the bars of a song to a `symusic.Score` in step with the file they come from.

    The score has the tempi, meters, keys and markers of the source. Its bars start at the same
    times in seconds, and its last event comes at the same time.

    Args:
        bars: bool array `(bars, steps, 84, 5)` on the grid of `Song.bars`; cells before or after
            the song are left out.
        source: path of the MIDI file, or its bytes.
        keep: names of the tracks to copy from the source, note by note, with their instruments.
        velocity: velocity of the notes of `bars`.
        programs: General MIDI program (from 0) of each track.
    """
    import symusic

    name = "MIDI data" if isinstance(source, bytes) else Path(source).name
    data = source if isinstance(source, bytes) else file_bytes(Path(source))
    song = read(data, name=name)
    lasts = song.lasts(bars.shape[1])
    if bars.shape[1] % BEATS_PER_BAR or len(bars) != len(lasts):
        raise Error(
            f"{name}: an array of {len(lasts)} bars of a multiple of {BEATS_PER_BAR} steps is "
            f"needed, this one has {len(bars)} bars of {bars.shape[1]} steps"
        )
    steps_per_beat = bars.shape[1] // BEATS_PER_BAR
    score = _in_steps(parse(data, name), steps_per_beat)
    sounding = [track for track in score.tracks if len(track.notes)]
    end = last_tick(score, sounding, note_ticks(sounding)[1])
    tick = _ticks_of(song, score, end)

    score.markers = [mark for mark in score.markers if not PhraseMarker.of(mark.text)]
    score.tracks = [t for t in sounding if family(t.program, t.is_drum) in keep]
    roll = (bars & lasts[..., None, None]).reshape(-1, *bars.shape[2:])
    for k, name in enumerate(TRACKS):
        if name not in keep:
            drums = name == "drums"
            track = symusic.Track(name=name, program=programs[name], is_drum=drums)
            start, stop, pitch = _beats_of(roll[..., k], drums, steps_per_beat)
            start, stop = tick(start - song.pickup), tick(stop - song.pickup)
            track.notes = _until(end, start, stop, pitch, velocity)
            # "All notes off" at the end makes the track as long as the source's.
            track.controls.append(symusic.ControlChange(end, 123, 0))
            score.tracks.append(track)
    return score


def _beats_of(roll: np.ndarray, drums: bool, steps_per_beat: int) -> tuple[np.ndarray, ...]:
    """Returns the start and end in beats, and the MIDI pitch, of the notes of one track."""
    events = notes.hits(roll) if drums else notes.from_roll(roll)
    # On a grid of 24 steps a beat, reading makes a note one step shorter, which is undone here.
    # On a coarser grid it loses no step.
    rest = 0 if drums or steps_per_beat < STEPS_PER_BEAT else 1
    stop = events["onset"] + events["duration"] + rest
    return events["onset"] / steps_per_beat, stop / steps_per_beat, events["pitch"] + LOWEST_PITCH


def _ticks_of(song: Song, score: "symusic.Score", end: int) -> Callable:
    """Returns a function that undoes reading: from beats after the song's first beat to ticks.

    Inside a beat, positions are proportional to seconds, even where the tempo changes.
    """
    tempo = score.tempos.numpy()
    seconds, _ = beats.clock(score.tpq, tempo["time"], tempo["mspq"])
    ticks = np.unique([0, *tempo["time"].tolist(), 2 * end + score.tpq])
    grid = song.first_beat + np.cumsum(np.append(0.0, 60.0 / song.tempo))

    def tick(beat: np.ndarray) -> np.ndarray:
        time = np.interp(beat, np.arange(len(grid)), grid)
        return np.ceil(np.interp(time, seconds(ticks), ticks) - 1e-6).astype(np.int32)

    return tick


def _until(end: int, start: np.ndarray, stop: np.ndarray, pitch: np.ndarray, velocity: int):
    """Returns notes from times in ticks; they are cut off at `end`, and later ones are left out."""
    import symusic

    kept = start < end
    columns = start, np.minimum(stop, end) - start, pitch.astype(np.int8)
    columns += (np.full(len(start), velocity, np.int8),)
    return symusic.Note.from_numpy(*(column[kept] for column in columns))


def _in_steps(score: "symusic.Score", steps_per_beat: int) -> "symusic.Score":
    """Returns the score with more ticks a beat, if that makes a step a whole number of ticks."""
    finer = math.lcm(score.tpq, steps_per_beat)
    return score.resample(finer) if score.tpq < finer <= MAX_TPQ else score
