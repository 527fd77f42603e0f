"""A song is music on a grid of steps, before it is cut into phrases.

A `Song` holds, for each part, the cells of its piano-roll that are on, with their velocities. MIDI
files, LPD `.npz` files, pypianoroll and pretty_midi objects can be read as songs. A family table
assigns the parts of a song to the five tracks. `Song.piece` has the notes from which the cells are
made.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.music.marker import PhraseMarker
from musegen.music.phrases import (
    BEATS_PER_BAR,
    LOWEST_PITCH,
    N_PITCHES,
    TRACKS,
    cut,
    resample_with_hits,
)

if TYPE_CHECKING:
    from musegen.music.piece import Piece

STEPS_PER_BEAT = 24


@dataclass(frozen=True)
class PartCells:
    """The cells of one instrument.

    Args:
        program: General MIDI program, from 0.
        is_drum: whether the instrument is drums.
        name: name of the instrument.
        cells: int32 `(3, n)`: step, MIDI pitch and velocity of every on-cell, each (step, pitch)
            once, sorted by pitch, then step (the order of LPD's sparse columns).
    """

    program: int
    is_drum: bool
    name: str
    cells: np.ndarray


@dataclass(frozen=True)
class Song:
    """A song is a list of parts on one grid of `resolution` steps a beat.

    Args:
        name: name of the song in messages.
        parts: the instruments in the order of the file.
        n_steps: length of the piano-roll.
        resolution: number of steps in a beat.
        tempo: beats a minute at each beat, float64 `(beats,)`.
        signatures: `(beat, numerator, denominator)` of every time-signature event in order.
        first_beat: seconds from the start of the file to the first beat.
        downbeats: steps at which a bar starts.
        written: marker of the file if musegen wrote it, otherwise None.
        source: bytes of the MIDI file, if the song was read from one.
    """

    name: str
    parts: list[PartCells]
    n_steps: int
    resolution: int = STEPS_PER_BEAT
    tempo: np.ndarray = field(default_factory=lambda: np.zeros(0))
    signatures: tuple[tuple[float, int, int], ...] = ()
    first_beat: float = 0.0
    downbeats: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    written: PhraseMarker | None = None
    source: bytes | None = field(default=None, repr=False, compare=False)

    @cached_property
    def piece(self) -> "Piece":
        """The notes of the song, in any meter; without a MIDI file those that its cells form."""
        from musegen.music import piece_phrases  # it imports this module
        from musegen.music.midi import read_piece

        if self.source is None:
            return piece_phrases.from_song(self)
        return read_piece(self.source, self.name)

    def roll(
        self, families: str = "lpd5", n_steps: int | None = None, whole: int = 1
    ) -> np.ndarray:
        """Returns the five-track roll, bool `(steps, 84, 5)`.

        Args:
            families: name of the table in `FAMILIES` that assigns programs to tracks.
            n_steps: number of steps in a bar; by default the song's own resolution, times four.
            whole: number of bars; silence extends the roll to a multiple of it.
        """
        n_steps = n_steps or BEATS_PER_BAR * self.resolution
        stride, remainder = divmod(BEATS_PER_BAR * self.resolution, n_steps)
        if remainder:
            raise Error(
                f"{self.name}: {self.resolution} steps a beat cannot become {n_steps} a bar"
            )
        unit = n_steps * whole
        length = -(-self.n_steps // (stride * unit)) * unit
        roll = np.zeros((length, N_PITCHES, len(TRACKS)), bool)
        flat = roll.reshape(-1)
        for k, part in self.members(families):
            step, pitch, _ = part.cells
            keep = (pitch >= LOWEST_PITCH) & (pitch < LOWEST_PITCH + N_PITCHES)
            if stride > 1:
                keep &= step % stride == 0
                step = step // stride
            index = (step * N_PITCHES + (pitch - LOWEST_PITCH)) * len(TRACKS) + k
            flat[index[keep]] = True
        return roll

    def folded(self) -> "Song":
        """Returns the song with all notes but the drums' in the range of phrases, by octaves."""
        return replace(self, parts=[_folded(part) for part in self.parts])

    @property
    def pickup(self) -> int:
        """Returns how many beats the first bar of a 4/4 song lacks, which is 0 without a pickup.

        A pickup is a first bar of fewer than four quarters. Any other meter, and a bar that a new
        time signature cuts short, is an `Error` that names the bar.
        """
        following = [beat for beat, *_ in self.signatures[1:]] + [float("inf")]
        # Of several signatures at one beat the last holds. A song without any is in 4/4.
        spans = zip(self.signatures, following, strict=False)
        meters = [(beat, meter) for (beat, *meter), end in spans if end > beat]
        lacking = 0
        if len(meters) > 1 and meters[0][1][1] == 4:
            length = meters[1][0]
            full_beats = abs(length - round(length)) < 1 / self.resolution
            if full_beats and length < BEATS_PER_BAR and length <= meters[0][1][0]:
                lacking, meters = BEATS_PER_BAR - round(length), meters[1:]
        for beat, (top, bottom) in meters:
            bar = (beat + lacking) / BEATS_PER_BAR
            if (top, bottom) != (4, 4):
                raise Error(
                    f"{self.name}: from bar {round(bar) + 1} it is in {top}/{bottom}, not 4/4"
                )
            if abs(bar - round(bar)) > 1 / self.resolution:
                raise Error(f"{self.name}: bar {int(bar) + 1} is cut short by a new 4/4 signature")
        return lacking

    def bars(self, n_steps: int, families: str = "lpd5") -> np.ndarray:
        """Returns the bars of a song in 4/4, bool `(bars, n_steps, 84, 5)`.

        Silence fills up the last bar, and the first if it is a pickup. Where several steps become
        one, a drum hit in any of them is kept.
        """
        steps_per_bar = BEATS_PER_BAR * self.resolution
        silence = np.zeros((self.pickup * self.resolution, N_PITCHES, len(TRACKS)), bool)
        roll = np.concatenate([silence, self.roll(families, steps_per_bar)[: self._end]])
        fine = cut(roll, steps_per_bar, n_bars=1)
        return resample_with_hits(fine, n_steps)[:, 0]

    def lasts(self, n_steps: int) -> np.ndarray:
        """Returns which steps of `bars` are inside the song, bool `(bars, n_steps)`."""
        steps_per_bar = BEATS_PER_BAR * self.resolution
        start = self.pickup * self.resolution
        end = start + self._end
        step = np.arange(-(-end // steps_per_bar) * n_steps) * (steps_per_bar / n_steps)
        return ((step >= start) & (step < end)).reshape(-1, n_steps)

    @property
    def _end(self) -> int:
        """Returns the end of the last beat with a note, in steps."""
        last = max((int(part.cells[0].max(initial=-1)) for part in self.parts), default=-1)
        return -(-(last + 1) // self.resolution) * self.resolution

    def members(self, families: str = "lpd5") -> list[tuple[int, PartCells]]:
        """Returns the parts that become tracks, each with the number of its track.

        All parts of a family are returned, but under `"musegan_v3"` only the one with the most
        pitches and sounding steps; between equals, the first.
        """
        parts = [(family(part.program, part.is_drum, families), part) for part in self.parts]
        members = [(TRACKS.index(track), part) for track, part in parts if track]
        if families != "musegan_v3":
            return members
        groups = {k: [part for other, part in members if other == k] for k, _ in members}
        return [(k, max(group, key=_busy)) for k, group in groups.items()]


def _folded(part: PartCells) -> PartCells:
    """Moves the notes of a part that are outside the range of phrases into it, by octaves."""
    step, pitch, velocity = part.cells
    top = LOWEST_PITCH + N_PITCHES - 1
    octaves = -(np.minimum(pitch - LOWEST_PITCH, 0) // 12) + (top - np.maximum(pitch, top)) // 12
    if part.is_drum or not octaves.any():
        return part
    pitch = pitch + 12 * octaves
    _, first = np.unique(np.stack([pitch, step]), axis=1, return_index=True)
    return replace(part, cells=np.stack([step, pitch, velocity])[:, first])


def _busy(part: PartCells) -> int:
    """Returns the number of distinct pitches plus the number of sounding steps."""
    return len(np.unique(part.cells[1])) + len(np.unique(part.cells[0]))


def beat_tempo(stored: np.ndarray, resolution: int) -> np.ndarray:
    """Returns the beats a minute at each beat, from a tempo stored for each step.

    pypianoroll and LPD files store the whole list of beats 24 times in a row instead; such a list
    is returned once.
    """
    n_beats, remainder = divmod(len(stored), STEPS_PER_BEAT)
    if n_beats and not remainder:
        copies = stored.reshape(STEPS_PER_BEAT, n_beats)
        if (copies == copies[0]).all():
            return copies[0].astype(float)
    return stored[::resolution].astype(float)


def _table(**ranges: str) -> tuple[str | None, ...]:
    """Returns the family of each of the 128 General MIDI programs.

    Args:
        ranges: programs of each family as a text such as `"0-7 16-23"`; later families win.
    """
    table: list[str | None] = [None] * 128
    for name, text in ranges.items():
        for span in text.split():
            low, high = map(int, span.split("-"))
            table[low : high + 1] = [name] * (high + 1 - low)
    return tuple(table)


FAMILIES = {
    "lpd5": _table(piano="0-7", guitar="24-31", bass="32-39", strings="8-23 40-95 104-111"),
    "musegan_v1": _table(strings="0-127", piano="0-7", guitar="24-31", bass="32-39"),
    "musegan_v3": _table(piano="0-7 16-23", guitar="24-31", bass="32-39", strings="40-51"),
}


def family(program: int, is_drum: bool, families: str = "lpd5") -> str | None:
    """Returns the track that a program belongs to, or None if the table has no track for it."""
    if families not in FAMILIES:
        raise Error(f"unknown family table {families!r}; choose {', '.join(FAMILIES)}")
    return "drums" if is_drum else FAMILIES[families][program]
