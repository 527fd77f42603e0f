"""Converts pieces to phrases of five tracks, and phrases and songs to pieces."""

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
    """Converts a piece in 4/4 to phrases, bool `(N, n_bars, n_steps, 84, 5)`.

    Silence fills up the last phrase. Each note is moved to the nearest step. Where a note is struck
    again, it ends one step earlier, because the two would be one run of cells otherwise. Notes
    outside the 84 pitches, and instruments of no family, are left out.

    Args:
        piece: piece in 4/4.
        n_steps: number of steps in a bar.
        n_bars: number of bars in a phrase.
        families: name of the table in `musegen.music.song.FAMILIES` that assigns programs to
            tracks.
    """
    steps_per_beat, remainder = divmod(n_steps, BEATS_PER_BAR)
    if remainder or n_steps < BEATS_PER_BAR:
        raise Error(f"{n_steps} steps a bar; give a multiple of {BEATS_PER_BAR}")
    _need_common_time(piece)
    piece = piece.quantised(steps_per_beat)
    names = [family(part.program, part.is_drum, families) for part in piece.parts]
    track = np.array([TRACKS.index(name) if name else -1 for name in names], int)
    notes = _on_tracks(piece.notes, track[piece.notes["part"]])
    notes["duration"] = np.where(
        notes["track"] == TRACKS.index("drums"), notes["duration"] > 0, _separated(notes)
    )
    phrase_steps = n_bars * n_steps
    length = -(-max(piece.length, 1) // phrase_steps) * phrase_steps
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
    """Joins phrases into a piece, one tick a step; `to_phrases` converts it back.

    Args:
        phrases: bool array `(N, bars, steps, 84, tracks)`.
        tempo: beats a minute.
        velocity: velocity of all notes.
        gap: number of silent bars after every phrase.
        name: name of the piece.
        programs: General MIDI program (from 0) of each track.
        tracks: names of the tracks.
    """
    phrases = validate(phrases, name)
    steps_per_beat, remainder = divmod(phrases.shape[2], BEATS_PER_BAR)
    if remainder or phrases.shape[-1] != len(tracks):
        raise Error(
            f"{name}: phrases of shape {phrases.shape[1:]}; a multiple of {BEATS_PER_BAR} steps a "
            f"bar and {len(tracks)} tracks are needed"
        )
    if not 4 <= tempo <= 1000:
        raise Error(f"{name}: a tempo of {tempo}; give 4 to 1000 beats a minute")
    roll = chain(phrases, gap)
    drums = np.array([track == "drums" for track in tracks])
    held = events.from_roll(roll & ~drums)
    notes = np.concatenate([held, events.hits(roll & drums)])
    pitch = notes["pitch"] + LOWEST_PITCH
    return Piece(
        name=name,
        ticks_per_quarter=steps_per_beat,
        notes=note_array(notes["onset"], notes["duration"], pitch, velocity, notes["track"]),
        parts=tuple(Part(programs.get(track, 0), track == "drums", track) for track in tracks),
        tempi=((0, round(6e7 / tempo)),),
        meters=((0, BEATS_PER_BAR, 4),),
        length=len(roll),
    )


def from_song(song: Song) -> Piece:
    """Converts a song of cells, such as an LPD file, to a piece, one tick a step.

    Consecutive cells of one pitch and velocity become a note; each cell of a drum part is a note of
    its own. The notes of a part that was stored without velocities get velocity 100.
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
    """Returns the notes of one part, which has this number in the piece."""
    step, pitch, velocity = part.cells.astype(np.int64)
    starts = np.ones(len(step), bool)
    if not part.is_drum:
        starts[1:] = (np.diff(step) != 1) | (np.diff(pitch) != 0) | (np.diff(velocity) != 0)
    first = np.flatnonzero(starts)
    duration = np.diff(np.append(first, len(step)))
    stored = velocity[first] if velocity.max(initial=0) > 1 else 100
    return note_array(step[first], duration, pitch[first], stored, number)


def _meters_of(song: Song) -> list[tuple[int, int, int]]:
    """Returns the time signatures of a song; without any, meters in quarters from its downbeats."""
    if song.signatures:
        return [(round(beat * song.resolution), *meter) for beat, *meter in song.signatures]
    quarters, remainder = np.divmod(np.diff(song.downbeats), song.resolution)
    quarters = np.where(remainder == 0, quarters, 0)
    changes = (np.diff(quarters, prepend=0) != 0) & (quarters > 0) & (quarters < 256)
    return [(int(song.downbeats[k]), int(quarters[k]), 4) for k in np.flatnonzero(changes)]


def _need_common_time(piece: Piece) -> None:
    """Raises an `Error` if a piece is not in 4/4 from start to end."""
    bar = BEATS_PER_BAR * piece.ticks_per_quarter
    for tick, top, bottom in piece.meters:
        number, remainder = divmod(tick, bar)
        if (top, bottom) != (4, 4):
            raise Error(f"{piece.name}: from bar {number + 1} it is in {top}/{bottom}, not 4/4")
        if remainder:
            raise Error(f"{piece.name}: bar {number + 1} is cut short by a new 4/4 signature")


def _on_tracks(notes: np.ndarray, track: np.ndarray) -> np.ndarray:
    """Returns notes as `musegen.music.notes` defines them, without those that no phrase can hold.

    Args:
        notes: array of `piece.NOTE`.
        track: track of each note, -1 for a note of no track.
    """
    pitch = notes["pitch"] - LOWEST_PITCH
    kept = (track >= 0) & (pitch >= 0) & (pitch < N_PITCHES)
    result = np.empty(int(kept.sum()), events.NOTE)
    columns = notes["onset"], notes["duration"], pitch, track
    for name, column in zip(events.NOTE.names, columns, strict=True):
        result[name] = column[kept]
    return result


def _separated(notes: np.ndarray) -> np.ndarray:
    """Returns durations that leave a silent step before the next note of the same pitch and track.

    A note never becomes shorter than one step.
    """
    line = notes["track"].astype(np.int64) << 7 | notes["pitch"]
    place = line << 40 | notes["onset"]
    places = np.append(np.sort(place), np.iinfo(np.int64).max)
    following = places[np.searchsorted(places, place, side="right")]
    free = np.where(following >> 40 == line, following - place - 1, notes["duration"])
    return np.minimum(notes["duration"], np.maximum(free, 1))
