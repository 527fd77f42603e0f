"""A song on a grid of steps, before it is cut into phrases.

A `Song` holds, for each part, the cells of its piano-roll that are on, with their velocities. MIDI
files, LPD `.npz` files, pypianoroll and pretty_midi objects all become songs, and a song becomes a
five-track roll by one of the family tables. The notes of the same files are a
`musegen.music.piece.Piece`.
"""

from dataclasses import dataclass, field

import numpy as np

from musegen import Error
from musegen.music.marker import PhraseMarker
from musegen.music.phrases import BEATS_PER_BAR, LOWEST_PITCH, N_PITCHES, TRACKS, cut, resample

STEPS_PER_BEAT = 24


@dataclass(frozen=True)
class PartCells:
    """The cells of one instrument.

    Args:
        cells: int32 `(3, n)`: step, MIDI pitch and velocity of every on-cell, each (step, pitch)
            once, sorted by pitch, then step (the order of LPD's sparse columns).
    """

    program: int
    is_drum: bool
    name: str
    cells: np.ndarray


@dataclass(frozen=True)
class Song:
    """Parts on one grid of `resolution` steps a beat.

    Args:
        parts: the instruments in the order of the file.
        n_steps: length of the piano-roll.
        tempo: beats a minute at each beat, float64 `(beats,)`.
        signatures: `(beat, numerator, denominator)` of every time-signature event in order.
        first_beat: seconds from the start of the file to the first beat.
        downbeats: steps at which a bar starts.
        written: of a file that we wrote, how.
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

    def roll(
        self, families: str = "lpd5", n_steps: int | None = None, whole: int = 1
    ) -> np.ndarray:
        """The five-track roll, bool `(steps, 84, 5)`.

        Args:
            families: the table of `FAMILIES` that sorts programs into tracks.
            n_steps: steps of a bar; by default the song's own resolution, times four.
            whole: silence fills the end up to a multiple of so many bars.
        """
        n_steps = n_steps or BEATS_PER_BAR * self.resolution
        every, rest = divmod(BEATS_PER_BAR * self.resolution, n_steps)
        if rest:
            raise Error(
                f"{self.name}: {self.resolution} steps a beat cannot become {n_steps} a bar"
            )
        unit = n_steps * whole
        length = -(-self.n_steps // (every * unit)) * unit
        roll = np.zeros((length, N_PITCHES, len(TRACKS)), bool)
        flat = roll.reshape(-1)
        for k, part in self.members(families):
            step, pitch, _ = part.cells
            keep = (pitch >= LOWEST_PITCH) & (pitch < LOWEST_PITCH + N_PITCHES)
            if every > 1:
                keep &= step % every == 0
                step = step // every
            where = (step * N_PITCHES + (pitch - LOWEST_PITCH)) * len(TRACKS) + k
            flat[where[keep]] = True
        return roll

    @property
    def lead(self) -> int:
        """Beats that a pickup lacks to be a whole bar, of a song that is in 4/4.

        A pickup is a first bar of fewer quarters. Any other meter, and a bar that the next one cuts
        short, is an `Error` that says where it stands.
        """
        following = [beat for beat, *_ in self.signatures[1:]] + [float("inf")]
        spans = zip(self.signatures, following, strict=False)  # none is told of at all: 4/4
        told = [(beat, meter) for (beat, *meter), end in spans if end > beat]
        lead = 0
        if len(told) > 1 and told[0][1][1] == 4:
            length = told[1][0]
            whole = abs(length - round(length)) < 1 / self.resolution
            if whole and length < BEATS_PER_BAR and length <= told[0][1][0]:
                lead, told = BEATS_PER_BAR - round(length), told[1:]
        for beat, (top, bottom) in told:
            bar = (beat + lead) / BEATS_PER_BAR
            if (top, bottom) != (4, 4):
                raise Error(
                    f"{self.name}: from bar {round(bar) + 1} it is in {top}/{bottom}, not 4/4"
                )
            if abs(bar - round(bar)) > 1 / self.resolution:
                raise Error(f"{self.name}: bar {int(bar) + 1} is cut short, 4/4 starts anew in it")
        return lead

    def bars(self, n_steps: int, families: str = "lpd5") -> np.ndarray:
        """The bars of a song in 4/4, bool `(bars, n_steps, 84, 5)`.

        Silence fills up the last bar, and the first if it is a pickup. Where steps are joined, no
        drum hit is lost, however late it is played.
        """
        own = BEATS_PER_BAR * self.resolution
        pickup = np.zeros((self.lead * self.resolution, N_PITCHES, len(TRACKS)), bool)
        roll = np.concatenate([pickup, self.roll(families, own)[: self._end]])
        fine = cut(roll, own, n_bars=1)
        bars = resample(fine, n_steps)
        drums = TRACKS.index("drums")
        bars[..., drums] = resample(fine, n_steps, "any")[..., drums]
        return bars[:, 0]

    def lasts(self, n_steps: int) -> np.ndarray:
        """Which steps of `bars` are inside the song, bool `(bars, n_steps)`."""
        own = BEATS_PER_BAR * self.resolution
        start = self.lead * self.resolution
        end = start + self._end
        step = np.arange(-(-end // own) * n_steps).reshape(-1, n_steps) * (own / n_steps)
        return (step >= start) & (step < end)

    @property
    def _end(self) -> int:
        """The end of the last beat with a note, in steps."""
        last = max((int(part.cells[0].max(initial=-1)) for part in self.parts), default=-1)
        return -(-(last + 1) // self.resolution) * self.resolution

    def members(self, families: str = "lpd5") -> list[tuple[int, PartCells]]:
        """The parts that become tracks, each with the number of its track.

        Parts of a family are merged, but under `"musegan_v3"` only the one with the most pitches
        and sounding steps (of equals the first) stands for its family.
        """
        parts = [(family(part.program, part.is_drum, families), part) for part in self.parts]
        members = [(TRACKS.index(track), part) for track, part in parts if track]
        if families != "musegan_v3":
            return members
        groups = {k: [part for other, part in members if other == k] for k, _ in members}
        return [(k, max(group, key=_busy)) for k, group in groups.items()]


def _busy(part: PartCells) -> int:
    return len(np.unique(part.cells[1])) + len(np.unique(part.cells[0]))


def beat_tempo(stored: np.ndarray, resolution: int) -> np.ndarray:
    """Beats a minute at each beat, of a tempo stored for each step.

    pypianoroll and LPD files store the list of beats 24 times over, which is undone.
    """
    n_beats, rest = divmod(len(stored), STEPS_PER_BEAT)
    if n_beats and not rest and (stored.reshape(STEPS_PER_BEAT, n_beats) == stored[:n_beats]).all():
        return stored[:n_beats].astype(float)
    return stored[::resolution].astype(float)


def _table(**ranges: str) -> tuple[str | None, ...]:
    """Family of each of the 128 General MIDI programs from texts such as `"0-7 16-23"`."""
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
    """The track a program belongs to, or None where the table drops it."""
    if families not in FAMILIES:
        raise Error(f"unknown family table {families!r}; choose {', '.join(FAMILIES)}")
    return "drums" if is_drum else FAMILIES[families][program]
