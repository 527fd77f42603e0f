"""Notes as triples (dT, T, P): the time since the onset before, the duration, and the MIDI pitch.

All instruments of a song are one row of notes. There are no bars, velocities or tempi, and rests
are expressed only by dT. The dT of the first note is its onset; in a segment that is cut from a
song, the first note keeps the dT to the note before the segment.

Times are whole numbers of one of two units, and each preset of `PRESETS` has its own:

* `paper`, `"grid"`: 1/48 of a quarter, of which multiples of 3 and 4 are allowed (1/16 and 1/12 of
  a quarter), at most 63 15/16 quarters. Times are those of the score, so tempi do not matter.
  This is the grid of BachProp (Colombo, arXiv 1802.05162), on which the paper of the melody VAE
  builds (Wang et al., "Modeling Melodic Feature Dependency with Modularized Variational
  Auto-Encoder", arXiv 1811.00162).
* `repo`, `"sixteenths"`: seconds times the tempo, rounded to whole sixteenths, as
  github.com/MiuLab/MVAE_Music does. Each defect of that code is a field of `TripleSettings`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from musegen import Error
from musegen.music.midi import note_list
from musegen.music.midi.note_list import NoteList
from musegen.music.piece import TEMPO, Part, Piece, note_array

PER_QUARTER = 48  # parts of a quarter on the grid
LONGEST = 64 * PER_QUARTER - 3  # time that the grid can represent
SHORTEST = 3  # duration
_GRID = np.array([k for k in range(PER_QUARTER + 1) if not k % 3 or not k % 4])  # of a quarter
TICKS = {"grid": (240, 5), "sixteenths": (220, 55)}  # a quarter and a unit, in a written piece
P = 2  # the column of the pitch

_CHOICES = {
    "unit": ("grid", "sixteenths"),
    "snap": ("delta", "onset"),
    "ties": ("lower", "decimals"),
    "chords": ("pitch", "file"),
    "dictionaries": ("appearance", "ascending"),
    "ends": ("track", "merged"),
}


@dataclass(frozen=True)
class TripleSettings:
    """The settings by which notes become triples, and songs become segments.

    Args:
        unit: unit of dT and T, `"grid"` or `"sixteenths"`; see the module.
        snap: `"delta"` puts dT on the grid, whose errors add up; `"onset"` the onset, whose
            differences are dT.
        ties: rounding of a time in the middle between two of the grid: to the `"lower"`, or as in
            BachProp's code, which rounds the grid to five `"decimals"`.
        shortest: least duration on the grid.
        ends: event that ends a note: an end of its pitch in its `"track"`, or as in BachProp's code
            the next one in all tracks `"merged"`, where dT also counts from notes without length.
            Only `of_file` knows the difference.
        chords: order of notes that begin together: by `"pitch"`, or as in the `"file"`.
        drums: whether drums are notes, too.
        one_meter: whether songs with more than one time signature are refused.
        tempo_lag: whether the tempo of sixteenths moves on by one change a note at most.
        repeat_last: whether the last segment of a song is there twice where segments end with it.
        dictionaries: order of values, by `"appearance"` or `"ascending"`.
        copies: whether each song is there once for each of `shifts`; otherwise shifts are drawn.
        shifts: semitones of transposition.
        length, hop: notes of a segment, and from one segment to the next.
    """

    unit: str = "grid"
    snap: str = "delta"
    ties: str = "lower"
    shortest: int = SHORTEST
    ends: str = "track"
    chords: str = "pitch"
    drums: bool = False
    one_meter: bool = False
    tempo_lag: bool = False
    repeat_last: bool = False
    dictionaries: str = "appearance"
    copies: bool = False
    shifts: tuple[int, ...] = (-3, -2, -1, 0, 1, 2, 3)
    length: int = 100
    hop: int = 50

    def __post_init__(self):
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise Error(f"unknown {name} {value!r}; choose {', '.join(choices)}")
        if self.length < 1 or self.hop < 1:
            raise Error(f"segments of {self.length} notes every {self.hop}: 1 is the least")

    @property
    def of_pieces(self) -> bool:
        """Returns whether pieces keep all that the triples of a MIDI file depend on."""
        return self.chords != "file" and self.ends != "merged"


PRESETS = {
    "paper": TripleSettings(),
    "repo": TripleSettings(
        unit="sixteenths",
        chords="file",
        drums=True,
        one_meter=True,
        tempo_lag=True,
        repeat_last=True,
        dictionaries="ascending",
        copies=True,
    ),
}

# What github.com/FlorianColombo/BachProp reads. Its dictionary of P has all pitches of a range.
BACHPROP = TripleSettings(
    ties="decimals",
    shortest=0,
    ends="merged",
    drums=True,
    dictionaries="ascending",
    shifts=(0,),
)


@dataclass(frozen=True, eq=False)
class NoteTriples:
    """The triples of a song.

    Args:
        name: name in messages.
        rows: whole numbers `(n, 3)`.
        counts: numbers of the notes that were left out as `drums` or as `without length`, and of
            the others that have a time that was `clipped`.
    """

    name: str
    rows: np.ndarray
    counts: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Returns the number of notes."""
        return len(self.rows)


# Notes to triples


def of_piece(piece: Piece, settings: TripleSettings = PRESETS["paper"]) -> NoteTriples:
    """Returns the triples of a piece; if there are none, an `Error` is raised.

    A piece does not keep all that the code of preset `repo` depends on; where that matters, use
    `of_file`, and see `musegen.music.midi.note_list`.

    Example:
        >>> from musegen.music.piece import Part, Piece, note_array
        >>> notes = note_array([0, 24, 24], [24, 12, 12], [60, 67, 64])
        >>> of_piece(Piece("song", 24, notes, (Part(),))).rows.tolist()
        [[0, 48, 60], [48, 24, 64], [0, 24, 67]]
    """
    return _triples(note_list.of_piece(piece), settings)


def of_file(data: bytes, name: str, settings: TripleSettings = PRESETS["repo"]) -> NoteTriples:
    """Returns the triples of the bytes of a MIDI file, as they are for a reader of pretty_midi.

    If there are none, an `Error` is raised.
    """
    merged = settings.ends == "merged"
    return _triples((note_list.merged if merged else note_list.of_file)(data, name), settings)


def collect(
    songs: Iterable[Piece | tuple[bytes, str]], settings: TripleSettings
) -> tuple[list[NoteTriples], list[tuple[str, str]]]:
    """Returns the triples of many songs, and name and reason of each song that has none.

    Args:
        songs: pieces, or content and name of MIDI files.
        settings: rules by which notes become triples.
    """
    found, skipped = [], []
    for song in songs:
        name = song.name if isinstance(song, Piece) else song[1]
        try:
            read = of_piece(song, settings) if isinstance(song, Piece) else of_file(*song, settings)
            found.append(read)
        except Error as error:
            skipped.append((name, str(error).removeprefix(f"{name}: ")))
    if not found:
        why = "".join(f"; {name}: {reason}" for name, reason in skipped[:1])
        raise Error(f"no song has notes ({len(skipped)} skipped{why})")
    return found, skipped


def _triples(listed: NoteList, settings: TripleSettings) -> NoteTriples:
    if settings.one_meter and listed.n_meters > 1:
        raise Error(f"{listed.name}: has {listed.n_meters} time signatures, and one is allowed")
    onset, end, pitch, drum = listed.notes.T
    drum = (drum > 0) & (not settings.drums)
    void = (end <= onset) & ~drum
    counts = {"drums": int(drum.sum()), "without length": int(void.sum())}
    kept = np.flatnonzero(~(drum | void))
    if not len(kept):
        why = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        raise Error(f"{listed.name}: there is no note in it{why and f' ({why})'}")
    gap = np.diff(onset, prepend=0)[kept]  # of `merged`, whose gaps begin at notes left out, too
    if settings.chords == "pitch":
        place = onset << 8 | pitch  # as one number, by which most notes are in order already
        kept = kept[np.argsort(place[kept], kind="stable")]
    onset, end, pitch = onset[kept], end[kept], pitch[kept]
    if settings.ends != "merged":
        gap = np.diff(onset, prepend=0)
    if settings.unit == "grid":
        times, clipped = _on_grid(gap, end - onset, listed.ticks_per_quarter, settings)
        counts["clipped"] = int(clipped.sum())
    else:
        times = _in_sixteenths(onset, end, listed, settings)
    counts = {what: count for what, count in counts.items() if count}
    return NoteTriples(listed.name, np.stack([*times, pitch], axis=1), counts)


def _on_grid(gap, length, ticks_per_quarter: int, settings: TripleSettings) -> tuple:
    """Returns dT and T, and a mask of the notes of which the grid cannot represent one of them."""

    def nearest(ticks):
        return snapped(ticks, ticks_per_quarter, settings.ties)

    onset = np.cumsum(gap)
    step = nearest(gap) if settings.snap == "delta" else np.diff(nearest(onset), prepend=0)
    length = np.maximum(nearest(length), settings.shortest)
    clipped = (step > LONGEST) | (length > LONGEST)
    return (np.minimum(step, LONGEST), np.minimum(length, LONGEST)), clipped


def snapped(ticks: np.ndarray, ticks_per_quarter: int, ties: str = "lower") -> np.ndarray:
    """Returns the time on the grid that is nearest to each of some ticks, in 1/48 of a quarter.

    Example:
        >>> snapped(np.array([24, 35, 480]), 480).tolist()
        [3, 3, 48]
    """
    quarters, rest = np.divmod(ticks, ticks_per_quarter)
    middles = _GRID[1:] + _GRID[:-1]  # twice the times that are as near to one as to the other
    # Five decimals of 1/12, 1/3, 7/12 and 5/6 are less than these are, so both middles beside one
    # of them are nearer to the higher time.
    less = (_GRID % 12 == 4) & (ties == "decimals")
    higher = less[1:] | less[:-1]
    bounds = 2 * middles * ticks_per_quarter - higher
    return PER_QUARTER * quarters + _GRID[np.searchsorted(bounds, 4 * PER_QUARTER * rest)]


def _in_sixteenths(onset, end, listed: NoteList, settings: TripleSettings) -> tuple:
    """Computes dT and T with exactly the arithmetic of the code: rounding depends on each bit."""
    seconds, (times, tempi) = listed.clock()
    start, stop = seconds(onset), seconds(end)
    change = np.searchsorted(times[1:], start, side="right")  # the last one at or before the onset
    if settings.tempo_lag:
        note = np.arange(len(start))
        change = note + np.minimum(1, np.minimum.accumulate(change - note))
    tempo = tempi[change]
    lengths = np.diff(start, prepend=0.0), stop - start
    return tuple(np.round(length / 60 * tempo * 4).astype(np.int64) for length in lengths)


# Segments and transposition


def segment_starts(n_notes: int, settings: TripleSettings) -> np.ndarray:
    """Returns the notes with which the segments of a song begin; the last ends with the song.

    A song with fewer notes than a segment has none.
    """
    last = n_notes - settings.length
    if last < 0:
        return np.zeros(0, np.int64)
    starts = np.arange(0, last + 1, settings.hop)
    if settings.repeat_last or starts[-1] < last:
        starts = np.append(starts, last)
    return starts


def segments(
    songs: Sequence[NoteTriples], settings: TripleSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Returns all segments of some songs, `(k, length, 3)`, and the number of the song of each.

    Songs with fewer notes than a segment give none; if no song gives any, an `Error` is raised.
    Segments of one song are in order of its copies, if there are, and then of their starts.
    """
    found = []
    for song in songs:
        within = segment_starts(len(song), settings)[:, None] + np.arange(settings.length)
        copies = transposed(song, settings.shifts) if settings.copies else song.rows[None]
        found.append(copies.take(within, axis=1).reshape(-1, settings.length, 3))
    owner = np.repeat(np.arange(len(songs)), [len(cut) for cut in found])
    if not len(owner):
        longest = max(map(len, songs), default=0)
        raise Error(
            f"no song has {settings.length} notes, which a segment needs: the longest of "
            f"{len(songs)} has {longest}"
        )
    return np.concatenate(found), owner


def transposed(song: NoteTriples, shifts: Sequence[int]) -> np.ndarray:
    """Returns copies of a song, one for each shift in semitones: `(len(shifts), n, 3)`.

    If a pitch leaves MIDI's range, an `Error` is raised.
    """
    copies = shifted(song.rows[None], np.array(shifts))
    worst = copies[..., P]
    if worst.size and not 0 <= worst.min() <= worst.max() <= 127:
        raise Error(
            f"{song.name}: pitches {song.rows[:, P].min()} to {song.rows[:, P].max()} cannot be "
            f"transposed by {min(shifts)} to {max(shifts)} semitones"
        )
    return copies


def shift_range(
    rows: np.ndarray, most: int | None = 3, lowest: int = 0, highest: int = 127
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the least and the greatest shift of each song or segment `(..., n, 3)`.

    Draw one with `rng.integers(low, high, endpoint=True)`.

    Args:
        rows: triples.
        most: semitones up or down; None for all that the pitches allow, as in BachProp.
        lowest, highest: pitches that exist.
    """
    low, high = lowest - rows[..., P].min(axis=-1), highest - rows[..., P].max(axis=-1)
    return (low, high) if most is None else (np.maximum(low, -most), np.minimum(high, most))


def shifted(rows: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Returns triples `(..., n, 3)`, each song or segment transposed by its own shift `(...)`."""
    return rows + shifts[..., None, None] * (np.arange(3) == P)


# Triples to notes


def to_piece(
    rows: np.ndarray,
    settings: TripleSettings = PRESETS["paper"],
    name: str = "notes",
    tempo: float = 120.0,
    hanging: bool = False,
) -> Piece:
    """Converts triples to a piece for one piano, of velocity 100.

    Args:
        rows: triples `(n, 3)`.
        settings: settings with the unit of the triples.
        name: name of the piece in messages.
        tempo: quarters a minute.
        hanging: whether a defect of the original code is repeated: a note ends where any note of
            its pitch ends, but not at its own onset, and one that nothing ends is lost. So a note
            with T = 0 lasts until the next one of its pitch ends. Otherwise it lasts one tick.
    """
    per_quarter, unit = TICKS[settings.unit]
    if not 4 <= tempo <= 1000:
        raise Error(f"{name}: a tempo of {tempo} quarters a minute; 4 to 1000 can be heard")
    rows = np.asarray(rows, np.int64).reshape(-1, 3)
    onset, pitch = unit * np.cumsum(rows[:, 0]), rows[:, P]
    end = onset + unit * rows[:, 1]
    if hanging:
        end = note_list.next_ends(pitch, onset, end)
        onset, end, pitch = onset[end > 0], end[end > 0], pitch[end > 0]
    return Piece(
        name=name,
        ticks_per_quarter=per_quarter,
        notes=note_array(onset, np.maximum(end - onset, 1), pitch),
        parts=(Part(),),
        tempi=((0, round(TEMPO * 120 / tempo)),),
    )
