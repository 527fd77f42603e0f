"""Writes the bars of a song back into the time of the MIDI file that they were read from."""

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
from musegen.music.song import STEPS_PER_BEAT, Song, family

if TYPE_CHECKING:
    import symusic

MAX_TPQ = 32_767  # ticks a beat that a MIDI file can tell


def write_like(bars: np.ndarray, source: str | Path | bytes, path: str | Path, **options) -> Path:
    """Writes the bars of a song as a MIDI file that keeps its time; see `to_score_like`."""
    return write_bytes(path, to_score_like(bars, source, **options).dumps_midi())


def to_score_like(
    bars: np.ndarray,
    source: str | Path | bytes,
    keep: Collection[str] = (),
    velocity: int = 100,
    programs: dict[str, int] = PROGRAMS,
):
    """The bars of a song as a `symusic.Score` that plays in step with the file they come from.

    Tempi, meters, keys and markers are the source's, bar lines stand at the same seconds, and the
    last event comes at the same time.

    Args:
        bars: bool `(bars, steps, 84, 5)` on the grid of `Song.bars`; what lies before or behind
            the song is left out.
        source: the MIDI file, or its bytes.
        keep: tracks to take over from the source, note by note, with their instruments.
    """
    import symusic

    name = "MIDI data" if isinstance(source, bytes) else Path(source).name
    data = source if isinstance(source, bytes) else file_bytes(Path(source))
    song = read(data, name=name)
    lasts = song.lasts(bars.shape[1])
    if bars.shape[1] % BEATS_PER_BAR or len(bars) != len(lasts):
        raise Error(
            f"{name}: has {len(lasts)} bars, but {bars.shape[:2]} bars and steps were given"
        )
    steps_per_beat = bars.shape[1] // BEATS_PER_BAR
    score = _in_steps(parse(data, name), steps_per_beat)
    sounding = [track for track in score.tracks if len(track.notes)]
    end = last_tick(score, sounding, note_ticks(sounding)[1])
    tick = _ticks_of(song, score, end)

    score.markers = [mark for mark in score.markers if not PhraseMarker.of(mark.text)]
    score.tracks = [t for t in sounding if family(t.program, t.is_drum) in keep]
    roll = (bars & lasts[..., None, None]).reshape(-1, *bars.shape[2:])
    for k, track in enumerate(TRACKS):
        if track not in keep:
            drums = track == "drums"
            own = symusic.Track(name=track, program=programs[track], is_drum=drums)
            start, stop, pitch = _beats_of(roll[..., k], drums, steps_per_beat)
            start, stop = tick(start - song.lead), tick(stop - song.lead)
            own.notes = _until(end, start, stop, pitch, velocity)
            # "All notes off" makes it last to the end, however early its last note is over.
            own.controls.append(symusic.ControlChange(end, 123, 0))
            score.tracks.append(own)
    return score


def _beats_of(roll: np.ndarray, drums: bool, steps_per_beat: int) -> tuple[np.ndarray, ...]:
    """Start and end in beats, and MIDI pitch, of the notes of one track."""
    events = notes.hits(roll) if drums else notes.from_roll(roll)
    # Reading takes the last of 24 steps a beat from a note; of longer steps that takes none away.
    rest = 0 if drums or steps_per_beat < STEPS_PER_BEAT else 1
    stop = events["onset"] + events["duration"] + rest
    return events["onset"] / steps_per_beat, stop / steps_per_beat, events["pitch"] + LOWEST_PITCH


def _ticks_of(song: Song, score: "symusic.Score", end: int) -> Callable:
    """The way back from reading: a function from beats after the song's first one to ticks.

    Inside a beat the grid runs with the seconds, also where the tempo changes there.
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
    """Notes of times in ticks; those past `end` are cut off or left out."""
    import symusic

    heard = start < end
    columns = start, np.minimum(stop, end) - start, pitch.astype(np.int8)
    columns += (np.full(len(start), velocity, np.int8),)
    return symusic.Note.from_numpy(*(column[heard] for column in columns))


def _in_steps(score: "symusic.Score", steps_per_beat: int) -> "symusic.Score":
    """The same with more ticks a beat, so that a step is a whole number of ticks if it can be."""
    finer = math.lcm(score.tpq, steps_per_beat)
    return score.resample(finer) if score.tpq < finer <= MAX_TPQ else score
