"""Pieces as phrases of five tracks, phrases as pieces, and songs on a grid as pieces."""

from collections.abc import Mapping, Sequence

import numpy as np

from musegen import Error
from musegen.music import notes as events
from musegen.music.layout import BEATS_PER_BAR, LOWEST_PITCH, N_BARS, N_PITCHES, TRACKS
from musegen.music.midi.write import PROGRAMS
from musegen.music.phrases import chain, cut, validate
from musegen.music.piece import Part, Piece, note_array
from musegen.music.song import PartCells, Song, family


def to_phrases(
    piece: Piece, n_steps: int = 96, n_bars: int = N_BARS, families: str = "lpd5"
) -> np.ndarray:
    """A piece in 4/4 as phrases, bool `(N, n_bars, n_steps, 84, 5)`; silence fills up the last.

    Each note stands at the nearest step, and a note that is struck again ends one step earlier, or
    it would be one with the next. What lies outside the 84 pitches, or is of no family, is left
    out.

    Args:
        families: the table of `musegen.music.song.FAMILIES` that sorts programs into tracks.
    """
    steps_per_beat, odd = divmod(n_steps, BEATS_PER_BAR)
    if odd or n_steps < BEATS_PER_BAR:
        raise Error(f"{n_steps} steps a bar are no whole number of steps a beat")
    _need_common_time(piece)
    piece = piece.quantised(steps_per_beat)
    names = [family(part.program, part.is_drum, families) for part in piece.parts]
    track = np.array([TRACKS.index(name) if name else -1 for name in names], int)
    notes = _on_tracks(piece.notes, track[piece.notes["part"]])
    notes["duration"] = np.where(
        notes["track"] == TRACKS.index("drums"), notes["duration"] > 0, _apart(notes)
    )
    whole = n_bars * n_steps
    length = -(-max(piece.length, 1) // whole) * whole
    roll = events.to_roll(notes, (length, N_PITCHES, len(TRACKS)))
    return cut(roll, n_steps, n_bars)


def from_phrases(
    phrases: np.ndarray,
    tempo: float = 100,
    velocity: int = 100,
    gap: int = 0,
    name: str = "phrases",
    programs: Mapping[str, int] = PROGRAMS,
    tracks: Sequence[str] = TRACKS,
) -> Piece:
    """Phrases one after the other as a piece, one tick a step; `to_phrases` gives them back.

    Args:
        phrases: bool `(N, bars, steps, 84, tracks)`.
        tempo: beats a minute.
        velocity: of every note.
        gap: bars of silence after every phrase.
        programs: General MIDI program (from 0) of each track.
    """
    phrases = validate(phrases, name)
    steps_per_beat, odd = divmod(phrases.shape[2], BEATS_PER_BAR)
    if odd or phrases.shape[-1] != len(tracks):
        raise Error(f"{name}: phrases of shape {phrases.shape[1:]} have no beats, or other tracks")
    if not 4 <= tempo <= 1000:
        raise Error(f"{name}: a tempo of {tempo}; 4 to 1000 can be heard")
    roll = chain(phrases, gap)
    drums = np.array([track == "drums" for track in tracks])
    held = events.from_roll(roll & ~drums)
    found = np.concatenate([held, events.hits(roll & drums)])
    pitch = found["pitch"] + LOWEST_PITCH
    return Piece(
        name=name,
        ticks_per_quarter=steps_per_beat,
        notes=note_array(found["onset"], found["duration"], pitch, velocity, found["track"]),
        parts=tuple(Part(programs.get(track, 0), track == "drums", track) for track in tracks),
        tempi=((0, round(6e7 / tempo)),),
        meters=((0, BEATS_PER_BAR, 4),),
        length=len(roll),
    )


def from_song(song: Song) -> Piece:
    """The notes of a song that was stored as cells, such as an LPD file; one tick a step.

    Cells of one pitch and velocity that follow each other are a note, and every cell of drums is
    one. A part that was stored without velocities gets 100.
    """
    notes = [_notes_of(part, number) for number, part in enumerate(song.parts)]
    lengths = np.round(6e7 / np.maximum(song.tempo, 4)).astype(int)
    new = np.flatnonzero(np.diff(lengths, prepend=0))
    return Piece(
        name=song.name,
        ticks_per_quarter=song.resolution,
        notes=np.concatenate([note_array([], [], []), *notes]),
        parts=tuple(Part(part.program, part.is_drum, part.name) for part in song.parts),
        tempi=tuple(zip((new * song.resolution).tolist(), lengths[new].tolist(), strict=True)),
        meters=_meters_of(song),
        length=song.n_steps,
    )


def _notes_of(part: PartCells, number: int) -> np.ndarray:
    step, pitch, velocity = part.cells.astype(np.int64)
    starts = np.ones(len(step), bool)
    if not part.is_drum:
        starts[1:] = (np.diff(step) != 1) | (np.diff(pitch) != 0) | (np.diff(velocity) != 0)
    first = np.flatnonzero(starts)
    duration = np.diff(np.append(first, len(step)))
    loud = velocity[first] if velocity.max(initial=0) > 1 else 100
    return note_array(step[first], duration, pitch[first], loud, number)


def _meters_of(song: Song) -> list[tuple[int, int, int]]:
    """The meters that a song was told in, or those that its bar lines show, in quarters."""
    if song.signatures:
        return [(round(beat * song.resolution), *meter) for beat, *meter in song.signatures]
    bars, odd = np.divmod(np.diff(song.downbeats), song.resolution)
    bars = np.where(odd == 0, bars, 0)
    new = np.flatnonzero((np.diff(bars, prepend=0) != 0) & (bars > 0) & (bars < 256))
    return [(int(song.downbeats[k]), int(bars[k]), 4) for k in new]


def _need_common_time(piece: Piece) -> None:
    bar = BEATS_PER_BAR * piece.ticks_per_quarter
    for tick, top, bottom in piece.meters:
        number, rest = divmod(tick, bar)
        if (top, bottom) != (4, 4):
            raise Error(f"{piece.name}: from bar {number + 1} it is in {top}/{bottom}, not 4/4")
        if rest:
            raise Error(f"{piece.name}: bar {number + 1} is cut short, 4/4 starts anew in it")


def _on_tracks(notes: np.ndarray, track: np.ndarray) -> np.ndarray:
    """Notes as `musegen.music.notes` has them, of the tracks and pitches of a phrase."""
    pitch = notes["pitch"] - LOWEST_PITCH
    kept = (track >= 0) & (pitch >= 0) & (pitch < N_PITCHES)
    found = np.empty(int(kept.sum()), events.NOTE)
    columns = notes["onset"], notes["duration"], pitch, track
    for name, column in zip(events.NOTE.names, columns, strict=True):
        found[name] = column[kept]
    return found


def _apart(notes: np.ndarray) -> np.ndarray:
    """Durations with a silent step before the next note of the same pitch and track.

    A note of one step that another follows at once keeps it.
    """
    line = notes["track"].astype(np.int64) << 7 | notes["pitch"]
    place = line << 40 | notes["onset"]
    places = np.append(np.sort(place), np.iinfo(np.int64).max)
    following = places[np.searchsorted(places, place, side="right")]
    free = np.where(following >> 40 == line, following - place - 1, notes["duration"])
    return np.minimum(notes["duration"], np.maximum(free, 1))
