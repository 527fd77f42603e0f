"""The note events of one sample of Yang and Lerch's method: a MIDI file, a phrase or a piece.

A sample holds its notes twice, as the published code reads them twice. Some features read the note
events of a file track, whose times are in ticks. The others read the notes of an instrument, whose
times are in seconds, or its piano-roll of 100 columns a second, which is made as pretty_midi does.
"""

import io
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from musegen import Error
from musegen.music import notes
from musegen.music.phrases import BEATS_PER_BAR, LOWEST_PITCH, TRACKS, validate
from musegen.music.piece import Piece

FRAMES = 100  # columns of a roll in a second
LONGEST = 4 * 3600  # seconds that a file may last, so that a roll stays below 1 GB


@dataclass(frozen=True, eq=False)
class FileTrack:
    """The note events of one track of a MIDI file, in order.

    Args:
        tick: times in ticks from the start of the file, int64 `(n,)`.
        on: whether each event starts a note, bool `(n,)`.
        pitch: MIDI pitches, int64 `(n,)`.
        end: tick of the last event of any kind.
        signatures: time signatures, int64 `(m, 6)`. The columns are the tick, the number of note
            events before it, the numerator, log2 of the denominator, MIDI clocks a click, and 32nd
            notes a quarter.
    """

    tick: np.ndarray
    on: np.ndarray
    pitch: np.ndarray
    end: int
    signatures: np.ndarray

    def bar_lengths(self, resolution: int, entry: int = 0) -> np.ndarray:
        """Gives the ticks of a bar of 4/4, then of a bar under each time signature.

        Args:
            resolution: ticks of a quarter note.
            entry: number of the signature's value that is read as its numerator. 0 is the true
                numerator; the published code reads other values too.
        """
        if entry > 3 and len(self.signatures):
            raise Error(f"a time signature has no entry {entry}: measure file track 0, 1, 2 or 3")
        numerator, power = self.signatures.T[[2 + min(entry, 3), 3]]
        return np.append(4 * resolution, 4 * resolution * numerator >> np.minimum(power, 62))


@dataclass(frozen=True, eq=False)
class Instrument:
    """The notes of one instrument.

    Args:
        is_drum: whether it is a drum set.
        start, end: times of each note in seconds, float64 `(n,)`.
        pitch, velocity: MIDI numbers of each note, int64 `(n,)`.
        duration: seconds up to the last event.
        pedal: time and value of each sustain pedal event, `(m, 2)`.
        bends: time and amount (-8192 to 8191) of each pitch bend in order, `(m, 2)`.
    """

    is_drum: bool
    start: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    duration: float
    pedal: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    bends: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    def roll(self) -> np.ndarray:
        """Returns the summed velocities `(128, frames)`, with pedal and bends; 0 for drums."""
        n = int(FRAMES * self.duration)
        if self.is_drum:
            return np.zeros((128, n), np.int32)
        change = np.zeros((128, n + 1), np.int32)
        np.add.at(change, (self.pitch, (FRAMES * self.start).astype(int)), self.velocity)
        np.add.at(change, (self.pitch, (FRAMES * self.end).astype(int)), -self.velocity)
        roll = change.cumsum(axis=1, out=change)[:, :n]
        return _bend(_sustain(roll, self.pedal), self.bends, self.duration)

    @cached_property
    def weight(self) -> np.ndarray:
        """The sum of the roll over time, `(128,)`."""
        return self.roll().sum(axis=1)


@dataclass(frozen=True, eq=False)
class Events:
    """One sample, as file tracks and as instruments."""

    name: str
    resolution: int  # ticks of a quarter note
    tracks: tuple[FileTrack, ...]
    instruments: tuple[Instrument, ...]

    def track(self, number: int) -> FileTrack:
        return self._pick(self.tracks, number, "file track")

    def instrument(self, number: int) -> Instrument:
        return self._pick(self.instruments, number, "instrument")

    def _pick(self, parts: tuple, number: int, what: str):
        if not 0 <= number < len(parts):
            raise Error(f"{self.name}: no {what} {number}, there are {len(parts)}")
        return parts[number]


def from_midi(source: str | os.PathLike | bytes, name: str | None = None) -> Events:
    """Reads a MIDI file as mido and pretty_midi do.

    Args:
        source: path or bytes of the file.
        name: name of the sample in messages; by default that of the file.
    """
    import mido
    import pretty_midi

    in_memory = isinstance(source, bytes)
    name = name or ("MIDI data" if in_memory else Path(source).name)
    try:
        data = source if in_memory else Path(source).read_bytes()
        midi = mido.MidiFile(file=io.BytesIO(data))
        tracks = tuple(_file_track(track) for track in midi.tracks)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Tempo, Key or Time", RuntimeWarning)
            parsed = pretty_midi.PrettyMIDI(mido_object=midi)
        if parsed.resolution < 1 or parsed.get_end_time() > LONGEST:
            raise ValueError("no ticks in a beat" if parsed.resolution < 1 else "hours too long")
    except (
        OSError, EOFError, ValueError, LookupError, ZeroDivisionError, mido.KeySignatureError
    ) as error:  # fmt: skip
        raise Error(f"{name}: cannot be read as MIDI ({error}); leave the file out") from error
    return Events(name, parsed.resolution, tracks, tuple(map(_instrument, parsed.instruments)))


def _file_track(messages: Sequence) -> FileTrack:
    tick = np.cumsum([message.time for message in messages], dtype=np.int64)
    # The published code ignores a note-off that is the very first event of the track.
    events = [
        (index, message.type == "note_on" and message.velocity > 0, message.note)
        for index, message in enumerate(messages)
        if message.type == "note_on" or (message.type == "note_off" and index > 0)
    ]
    index, on, pitch = np.array(events, np.int64).reshape(-1, 3).T
    meters = [
        (at, np.searchsorted(index, at), message.numerator, message.denominator.bit_length() - 1,
         message.clocks_per_click, message.notated_32nd_notes_per_beat)
        for at, message in enumerate(messages) if message.type == "time_signature"
    ]  # fmt: skip
    signatures = np.array(meters, np.int64).reshape(-1, 6)
    signatures[:, 0] = tick[signatures[:, 0]]
    end = int(tick[-1]) if len(tick) else 0
    return FileTrack(tick[index], on.astype(bool), pitch, end, signatures)


def _instrument(parsed) -> Instrument:
    """Converts a `pretty_midi.Instrument`."""
    start, end, pitch, velocity = np.array(
        [(note.start, note.end, note.pitch, note.velocity) for note in parsed.notes]
    ).T
    pedal = [(event.time, event.value) for event in parsed.control_changes if event.number == 64]
    bends = sorted(((bend.time, bend.pitch) for bend in parsed.pitch_bends), key=lambda b: b[0])
    return Instrument(
        parsed.is_drum, start, end, pitch.astype(int), velocity.astype(int),
        float(parsed.get_end_time()),
        np.array(pedal, float).reshape(-1, 2), np.array(bends, float).reshape(-1, 2),
    )  # fmt: skip


def from_phrases(
    phrases: np.ndarray,
    track: str | int = 0,
    tracks: Sequence[str] = TRACKS,
    tempo: float = 120.0,
    rest: int = 1,
) -> Iterator[Events]:
    """Makes one sample of each phrase, with the notes that `musegen.music.midi.write` writes.

    A note is a run of on-cells, which may cross bar lines; a drum hit is one cell. Every track
    becomes an instrument and a file track. The features of one track measure the first of them.

    Args:
        phrases: bool array `(N, bars, steps, 84, tracks)`.
        track: name or index of the track that comes first, the one to measure.
        tracks: names of the tracks; the one named `"drums"` holds hits.
        tempo: beats a minute.
        rest: steps by which each note but drum hits is longer than its run of cells.
    """
    phrases = validate(phrases)
    if track in tracks:
        track = list(tracks).index(track)
    if len(tracks) != phrases.shape[4] or track not in range(len(tracks)):
        raise Error(f"no track {track!r} in {phrases.shape[4]} tracks named {', '.join(tracks)}")
    resolution, odd = divmod(phrases.shape[2], BEATS_PER_BAR)
    if odd:
        raise Error(f"{phrases.shape[2]} steps a bar are not {BEATS_PER_BAR} equal beats")
    order = [track, *(k for k in range(len(tracks)) if k != track)]
    step_seconds = 60.0 / (tempo * resolution)
    for number, phrase in enumerate(phrases):
        roll = phrase.reshape(-1, *phrase.shape[2:])
        parts = [
            _phrase_part(roll[..., k], tracks[k] == "drums", step_seconds, rest, k == track)
            for k in order
        ]
        yield Events(f"phrase {number}", resolution, *zip(*parts, strict=True))


def _phrase_part(
    roll: np.ndarray, is_drum: bool, step_seconds: float, rest: int, is_first: bool
) -> tuple[FileTrack, Instrument]:
    """Makes one track of a phrase, where a tick is a step."""
    events = notes.hits(roll) if is_drum else notes.from_roll(roll)
    start, pitch = events["onset"].astype(int), events["pitch"].astype(int) + LOWEST_PITCH
    end = start + events["duration"] + (0 if is_drum else rest)
    return _part(start, end, pitch, len(roll), step_seconds, is_drum, is_first)


def from_pieces(pieces: Iterable[Piece], tempo: float = 120.0) -> Iterator[Events]:
    """Makes one sample of each piece: all its notes but drums as one instrument and file track.

    All samples have one tempo and bars of 4/4, whatever the tempo and the meter of the piece. So
    equal note values of two sets are equal lengths.

    Args:
        pieces: the pieces.
        tempo: quarters a minute.
    """
    for piece in pieces:
        kept = ~piece.drums
        sounding, end = piece.notes[kept], piece.ends[kept]
        start, pitch = sounding["onset"], sounding["pitch"].astype(int)
        tick_seconds = 60.0 / (tempo * piece.ticks_per_quarter)
        track, instrument = _part(start, end, pitch, piece.length, tick_seconds)
        yield Events(piece.name, piece.ticks_per_quarter, (track,), (instrument,))


def _part(
    start: np.ndarray,
    end: np.ndarray,
    pitch: np.ndarray,
    length: int,
    tick_seconds: float,
    is_drum: bool = False,
    has_meter: bool = True,
) -> tuple[FileTrack, Instrument]:
    """Makes one track of notes, whose times are in ticks; the meter is 4/4."""
    tick, on = np.concatenate([start, end]), np.repeat([True, False], len(start))
    order = np.lexsort((np.tile(pitch, 2), on, tick))  # ends before starts
    meter = np.array([[0, 0, 4, 2, 24, 8]] if has_meter else [], np.int64).reshape(-1, 6)
    track = FileTrack(tick[order], on[order], np.tile(pitch, 2)[order], length, meter)
    velocity = np.full_like(pitch, 100)
    starts, ends = tick_seconds * start, tick_seconds * end
    return track, Instrument(
        is_drum, starts, ends, pitch, velocity, float(tick_seconds * end.max(initial=0))
    )


def _sustain(roll: np.ndarray, pedal: np.ndarray) -> np.ndarray:
    """Holds each pitch at its greatest velocity so far while the sustain pedal is down."""
    down = np.append(False, pedal[:, 1] >= 64)
    frame = (FRAMES * pedal[:, 0]).astype(int)
    pressed, released = frame[down[1:] & ~down[:-1]], frame[~down[1:] & down[:-1]]
    for begin, end in zip(pressed, released, strict=False):  # the last one may stay down
        np.maximum.accumulate(roll[:, begin:end], axis=1, out=roll[:, begin:end])
    return roll


def _bend(roll: np.ndarray, bends: np.ndarray, duration: float) -> np.ndarray:
    """Moves the roll by each pitch bend; a part of a semitone is divided between two pitches."""
    if not bends[:, 1].any():
        return roll
    roll = roll.astype(float)
    frame = (FRAMES * np.append(bends[:, 0], duration)).astype(int)
    for amount, begin, end in zip(bends[:, 1], frame[:-1], frame[1:], strict=True):
        whole, part = divmod(abs(2.0 * amount / 8192), 1)
        # A bend downwards is a bend upwards in the roll with its pitches in reverse order.
        section = roll[:: 1 if amount >= 0 else -1, begin:end]
        moved = np.zeros_like(section)
        moved[int(whole) :] = section[: 128 - int(whole)]
        moved[1:] = (1 - part) * moved[1:] + part * moved[:-1]
        section[:] = moved
    return roll
