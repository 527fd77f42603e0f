"""Reads MIDI files as pieces of notes, and writes pieces as MIDI files, with exact times.

Read are notes with their velocities, the programs, drum flags and names of instruments, tempi,
meters, keys, and the sustain pedal. Dropped are other controllers, pitch bends, pressure, lyrics
and markers, instruments without notes, and notes without an end. A program change within a track
starts another part.

Writing a piece that was read, and reading it again, changes nothing. The same is true of any other
piece, with three exceptions that are due to MIDI: parts without notes are lost, a pedal that never
goes down is lost, and of overlapping notes of one pitch in one part the first to begin becomes the
first to end.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error, budget
from musegen.files import write_bytes
from musegen.music.midi import pedal as pedals
from musegen.music.midi.read import file_bytes, parse
from musegen.music.piece import PEDAL, Part, Piece, note_array

if TYPE_CHECKING:
    import symusic

PEDALS = ("keep", "apply", "drop")
MAX_TICKS = (1 << 28) - 1  # largest time between two events of a MIDI file
CHANNELS = 15  # channels of a MIDI file that are not drums
END = "musegen: end"  # text of the marker at the end of a piece that ends with silence


def read_piece(source: str | Path | bytes, name: str | None = None, pedal: str = "keep") -> Piece:
    """Reads a MIDI file, or its bytes, as a piece.

    Args:
        source: path or content of the file.
        name: name of the piece in messages; by default the file's name.
        pedal: treatment of the sustain pedal: `"keep"` stores it beside the notes, `"apply"` makes
            the notes as long as it held them, `"drop"` leaves it out.
    """
    if pedal not in PEDALS:
        raise Error(f"unknown treatment of the pedal {pedal!r}; choose {', '.join(PEDALS)}")
    name = name or ("MIDI data" if isinstance(source, bytes) else Path(source).name)
    data = source if isinstance(source, bytes) else file_bytes(Path(source))
    score = parse(data, name)
    tracks = [track for track in score.tracks if len(track.notes)]
    budget.check_song(name, notes=sum(len(track.notes) for track in tracks))
    length = max(score.end(), 0)
    budget.check_song(name, beats=-(-length // (4 * score.tpq)))  # at most four quarters a beat
    notes = _notes(tracks)
    if notes["onset"].min(initial=0) < 0:
        raise Error(f"{name}: a note before the file begins, {budget.HOSTILE}")
    kinds = [(track.program, track.is_drum) for track in tracks]
    tempo = score.tempos.numpy()
    piece = Piece(
        name=name,
        ticks_per_quarter=score.tpq,
        notes=notes,
        parts=tuple(Part(track.program, track.is_drum, track.name) for track in tracks),
        tempi=np.stack([tempo["time"], tempo["mspq"]], axis=1),
        meters=tuple((m.time, m.numerator, m.denominator) for m in score.time_signatures),
        keys=tuple((k.time, k.key, k.tonality) for k in score.key_signatures if _is_valid(k)),
        pedal=np.zeros(0, PEDAL) if pedal == "drop" else pedals.read(data, kinds, name),
        length=length,
    )
    return piece.pedalled() if pedal == "apply" else piece


def _notes(tracks: list["symusic.Track"]) -> np.ndarray:
    """Returns the notes of all tracks as an array of `piece.NOTE`."""
    columns = [track.notes.numpy() for track in tracks]
    names = ("time", "duration", "pitch", "velocity")
    joined = [np.concatenate([c[name] for c in columns] or [np.zeros(0, int)]) for name in names]
    return note_array(*joined, np.repeat(np.arange(len(tracks)), [len(c["time"]) for c in columns]))


def _is_valid(key: "symusic.KeySignature") -> bool:
    return abs(key.key) <= 7 and key.tonality in (0, 1)


def write_piece(piece: Piece, path: str | Path) -> Path:
    """Writes a piece as a MIDI file."""
    return write_bytes(path, piece_to_score(piece).dumps_midi())


def piece_to_score(piece: Piece) -> "symusic.Score":
    """Converts a piece to a `symusic.Score`, one track a part."""
    import symusic

    if piece.length > MAX_TICKS:
        raise Error(
            f"{piece.name}: lasts {piece.length:,} ticks; a MIDI file can hold {MAX_TICKS:,}"
        )
    if len(piece.pedal) and len(piece.parts) > CHANNELS:
        raise Error(
            f"{piece.name}: {len(piece.parts)} parts with a pedal need as many channels, and a "
            f"MIDI file has {CHANNELS}; apply the pedal, or drop it"
        )
    score = symusic.Score(piece.ticks_per_quarter)
    ticks, lengths = np.array(piece.tempi, np.int32).reshape(-1, 2).T
    score.tempos = symusic.Tempo.from_numpy(ticks.copy(), lengths.copy())
    score.time_signatures.extend([symusic.TimeSignature(*meter) for meter in piece.meters])
    score.key_signatures.extend([symusic.KeySignature(*key) for key in piece.keys])
    for number in range(len(piece.parts)):
        score.tracks.append(_track(piece, number))
    if piece.length > piece.ends.max(initial=0):
        score.markers.append(symusic.TextMeta(piece.length, END))
    return score


def _track(piece: Piece, number: int) -> "symusic.Track":
    """Returns one part of a piece as a track."""
    import symusic

    part = piece.parts[number]
    track = symusic.Track(name=part.name, program=part.program, is_drum=part.is_drum)
    notes = piece.notes[piece.notes["part"] == number]
    track.notes = symusic.Note.from_numpy(
        notes["onset"].astype(np.int32),
        notes["duration"].astype(np.int32),
        notes["pitch"].astype(np.int8),
        notes["velocity"].astype(np.int8),
    )
    pedal = piece.pedal[piece.pedal["part"] == number]
    track.controls = symusic.ControlChange.from_numpy(
        pedal["tick"].astype(np.int32),
        np.full(len(pedal), pedals.SUSTAIN, np.uint8),
        pedal["value"].astype(np.uint8),
    )
    return track
