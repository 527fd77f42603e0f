"""The metrics of the MuseGAN family: EB, UP, UPC, QN, PP, SR, DP and TD.

Input
    Phrases, bool `(N, bars, steps, 84, tracks)` as `musegen.music.phrases` describes them, or an
    iterable of such blocks, which is read once and never held as a whole. A bar has a multiple of 4
    steps.

Values
    Fractions, never percent. Per track: EB (empty bars), UP and UPC (pitches and pitch classes used
    in a bar), QN (notes that are long enough), PP (steps at which enough pitches sound), SR (cells
    in the C major scale), DP (drum events on the rhythmic grid). Per pair of tracks: TD (tonal
    distance of Harte et al., 2006). A note is a run of on-cells of one pitch inside one bar.

Definitions
    The papers and the three public codes differ in constants and in what they count. Each is one
    `Definition` in `DEFINITIONS`, and any of its fields can be given as an option:

    - `"paper"` (or `"fixed"`): what the texts say, with true pitch classes.
    - `"v1"` and `"v2"`: as the codes of MuseGAN and BinaryMuseGAN compute. Their "pitch classes"
      are blocks of 7 or 8 neighbouring pitches, so that UPC, SR and TD measure register.
    - `"v3"`: as the later MuseGAN code, which MIDI-Sandwich2 shares: blocks of 8 pitches, and sums
      over the whole set, not means over bars, which also changes what EB, UP, UPC and QN mean
      (`Definition.pooled`).

Edge cases
    Every metric but EB skips the bars in which its track is silent; without any bar left it is NaN.
    Unless `td_skip` says otherwise a beat in which either track is silent removes its bar from TD.
    DP is NaN for bars of a length that has no pattern. The drums have only EB, UP and DP (v3: all
    but TD); a track of any other name is pitched.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from musegen import Error
from musegen.music.phrases import BEATS_PER_BAR, N_PITCHES, TRACKS, validate

C_MAJOR = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1])

_PAIR_ORDER = ("bass", "guitar", "strings", "piano")  # the paper's order of naming a pair
_PERIODS = {96: 6, 72: 6, 64: 4, 48: 3, 36: 3, 32: 2, 24: 3, 16: 2}  # of DP's grid, by bar length
_CHUNK = 32  # phrases counted at a time: their cells and one temporary array stay in the cache

Ratio = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Definition:
    """The constants in which the definitions differ.

    Args:
        chroma_block: pitches in a block of the chroma, or None for true pitch classes.
        qn_steps: on-cells of the shortest qualified note. When `pooled` it has no effect: v3 pairs
            onsets and offsets by rank over all pitches, which makes every note qualified.
        pp_pitches: pitches that make a step polyphonic.
        dp_tolerance: weight of the neighbours of the rhythmic grid.
        dp_events: what DP counts: `"onsets"`, `"cells"`, or `"changes"`, which are the onsets and
            the steps after the end of a note.
        dp_shifts: shifts of the grid of which the best counts.
        dp_tracks: names of the tracks that DP is for.
        unpitched: names of the tracks that have no UPC, QN, PP and SR.
        td_skip: what a silent beat removes from TD: its `"bar"`, the `"beat"`, or None, in which
            case it makes the result NaN.
        pooled: ratios of sums over the whole set, not means over the bars that are not empty. EB
            is then the share of bars that are not empty, UP the mean number of on-cells of a bar,
            UPC of pairs of a step and a pitch class; notes are held over bar lines, and the count
            of all notes misses one that starts on the very first cell.
        truncated: cut the means UP and UPC to integers.
    """

    chroma_block: int | None = None
    qn_steps: int = 3
    pp_pitches: int = 3
    dp_tolerance: float = 0.3
    dp_events: str = "onsets"
    dp_shifts: int = 6
    dp_tracks: tuple[str, ...] = ("drums",)
    unpitched: tuple[str, ...] = ("drums",)
    td_skip: str | None = "bar"
    pooled: bool = False
    truncated: bool = False

    def __post_init__(self):
        for field, choices in (
            ("dp_events", ("onsets", "changes", "cells")),
            ("td_skip", ("bar", "beat", None)),
        ):
            if getattr(self, field) not in choices:
                raise Error(f"{field}={getattr(self, field)!r} is none of {choices}")
        for field in ("qn_steps", "pp_pitches", "dp_shifts"):
            if getattr(self, field) < 1:
                raise Error(f"{field}={getattr(self, field)} is below 1")

    @cached_property
    def chroma(self) -> np.ndarray:
        """0/1 matrix `(84, 12)`: the group of each pitch."""
        pitch = np.arange(N_PITCHES)
        group = pitch // self.chroma_block if self.chroma_block else pitch % 12
        return np.eye(12)[group]


DEFINITIONS = {
    "paper": Definition(),
    "v1": Definition(chroma_block=7, qn_steps=2, pp_pitches=2),
    "v2": Definition(
        chroma_block=8, qn_steps=2, pp_pitches=2, dp_tolerance=0.1, dp_events="changes"
    ),
    "v3": Definition(
        chroma_block=8,
        dp_tolerance=0.1,
        dp_events="cells",
        dp_shifts=1,
        unpitched=(),
        td_skip=None,
        pooled=True,
        truncated=True,
    ),
}
DEFINITIONS["fixed"] = DEFINITIONS["paper"]


def define(definition: str, **options) -> Definition:
    """The named definition with some of its fields replaced."""
    if definition not in DEFINITIONS:
        raise Error(f"unknown definition {definition!r}; choose {', '.join(DEFINITIONS)}")
    unknown = options.keys() - {field.name for field in fields(Definition)}
    if unknown:
        raise Error(f"definition {definition!r} has no option {', '.join(sorted(unknown))}")
    return replace(DEFINITIONS[definition], **options)


class Bars:
    """The bars of some phrases, and the counts that the metrics share, each made when first used.

    Below, b is the number of bars, T of steps and K of tracks.

    Args:
        phrases: bool `(N, bars, steps, 84, tracks)`.
        tracks: the name of each track.
        opening: whether the first bar is the first of the whole set.
    """

    def __init__(self, phrases: np.ndarray, tracks: Sequence[str] = TRACKS, opening: bool = True):
        phrases = validate(phrases)
        n_steps, n_tracks = phrases.shape[2], phrases.shape[4]
        if n_tracks != len(tracks):
            raise Error(f"phrases of {n_tracks} tracks, but {len(tracks)} names: {list(tracks)}")
        if n_steps % BEATS_PER_BAR or not 0 < n_steps < 256:
            raise Error(f"bars of {n_steps} steps: {BEATS_PER_BAR}, 8, 12, ... or 252 are needed")
        self.phrases = np.ascontiguousarray(phrases).view(np.uint8)
        self.cells = self.phrases.reshape(-1, *phrases.shape[2:])  # (b, T, 84, K)
        self.tracks = tuple(tracks)
        self.opening = opening

    @property
    def n_steps(self) -> int:
        return self.cells.shape[1]

    @cached_property
    def beats(self) -> np.ndarray:
        """On-cells of each pitch in each beat, `(b, 4, 84, K)`."""
        _, n_steps, *tail = self.cells.shape
        beats = self.cells.reshape(-1, BEATS_PER_BAR, n_steps // BEATS_PER_BAR, *tail)
        return np.add.reduce(beats, axis=2, dtype=np.uint8)

    @cached_property
    def pitches(self) -> np.ndarray:
        """On-cells of each pitch, `(b, 84, K)`."""
        return np.add.reduce(self.beats, axis=1, dtype=np.uint8)

    @cached_property
    def n_cells(self) -> np.ndarray:
        """On-cells `(b, K)`."""
        return self.pitches.sum(axis=1)


def _by_track(counts: np.ndarray) -> np.ndarray:
    """Counts of pitches `(..., 84, K)` to float64 `(..., K, 84)`, ready for a matrix product."""
    return np.moveaxis(counts, -1, -2).astype(float)


def _sounding(cells: np.ndarray) -> np.ndarray:
    """Pitches that sound at each step, `(b, T, 84, K)` to float32 `(b, T, K)`."""
    n_bars, n_steps, _, n_tracks = cells.shape
    folded = cells[:, :, :42] + cells[:, :, 42:]  # whole rows at a time, a sum over pitches is slow
    folded = folded[:, :, :21] + folded[:, :, 21:]
    folded = folded[:, :, :7] + folded[:, :, 7:14] + folded[:, :, 14:]
    to_track = np.tile(np.eye(n_tracks, dtype=np.float32), (7, 1))
    sums = folded.reshape(-1, len(to_track)).astype(np.float32) @ to_track
    return sums.reshape(n_bars, n_steps, n_tracks)


def _stretches(bars: Bars, longest: int) -> list[np.ndarray]:
    """How often 1, 2, ... `longest` successive cells are on in a bar, each `(b, K)`."""
    counts = [bars.n_cells]
    stretch = bars.cells[:, 1:] & bars.cells[:, :-1]
    for length in range(2, longest + 1):
        counts.append(np.add.reduce(stretch, axis=1, dtype=np.uint8).sum(axis=1))
        stretch = stretch[:, :-1]
        stretch &= bars.cells[:, length:]
    return counts


# Every metric takes `Bars` and a `Definition` and returns numerators and denominators, a column for
# each track (TD: each pair) and a row for each bar, or for what else the definition averages.


def empty_bars(bars: Bars, definition: Definition) -> Ratio:
    """EB: bars without an on-cell (v3: with one), of all bars."""
    empty = bars.n_cells == 0
    return empty != definition.pooled, np.ones(empty.shape)


def used_pitches(bars: Bars, definition: Definition) -> Ratio:
    """UP: pitches used in a bar (v3: on-cells of a bar)."""
    if definition.pooled:
        return bars.n_cells, np.ones(bars.n_cells.shape)
    return (bars.pitches > 0).sum(axis=1), bars.n_cells > 0


def used_pitch_classes(bars: Bars, definition: Definition) -> Ratio:
    """UPC: pitch classes used in a bar (v3: pairs of a step and a class)."""
    if definition.pooled:
        n_tracks = len(bars.tracks)
        to_class = np.kron(definition.chroma, np.eye(n_tracks)).astype(np.float32)
        used = bars.cells.reshape(-1, len(to_class)).astype(np.float32) @ to_class > 0
        counts = used.reshape(len(bars.cells), -1, n_tracks).sum(axis=1)
        return counts, np.ones(counts.shape)
    used = _by_track(bars.pitches > 0) @ definition.chroma > 0
    return used.sum(axis=-1), bars.n_cells > 0


def qualified_notes(bars: Bars, definition: Definition) -> Ratio:
    """QN: notes of at least `qn_steps` cells, of all notes.

    A note of n cells has n - m + 1 stretches of m cells if that is positive, so the stretches of m
    cells outnumber those of m + 1 by the notes of at least m cells.
    """
    if definition.pooled:
        cells, held = _stretches(bars, 2)
        over_lines = bars.phrases[:, 1:, 0] & bars.phrases[:, :-1, -1]
        notes = (cells - held).sum(axis=0, keepdims=True) - over_lines.sum(axis=(0, 1, 2))
        return notes, notes - bars.opening * bars.cells[0, 0, 0]
    stretches = _stretches(bars, definition.qn_steps + 1)
    return stretches[-2] - stretches[-1], stretches[0] - stretches[1]


def polyphonic_steps(bars: Bars, definition: Definition) -> Ratio:
    """PP: steps at which at least `pp_pitches` sound, of all steps."""
    polyphonic = (_sounding(bars.cells) >= definition.pp_pitches).sum(axis=1)
    return polyphonic, bars.n_steps * ((bars.n_cells > 0) | definition.pooled)


def scale_ratio(bars: Bars, definition: Definition) -> Ratio:
    """SR: on-cells of the C major scale, of all on-cells."""
    return _by_track(bars.pitches) @ (definition.chroma @ C_MAJOR), bars.n_cells


def drum_pattern(bars: Bars, definition: Definition) -> Ratio:
    """DP: drum events on the rhythmic grid, its neighbours weighted with `dp_tolerance`."""
    chosen = [k for k, name in enumerate(bars.tracks) if name in definition.dp_tracks]
    hits = np.moveaxis(bars.cells, -1, 0)[chosen]  # (tracks of DP, b, T, 84)
    events = hits.copy()
    if definition.dp_events != "cells":
        new = np.greater if definition.dp_events == "onsets" else np.not_equal
        new(hits[:, :, 1:], hits[:, :, :-1], out=events[:, :, 1:], casting="unsafe")
    counts = np.add.reduce(events, axis=-1, dtype=np.uint8)  # (tracks of DP, b, T)
    scores = (counts @ _shifted_grids(bars.n_steps, definition)).max(axis=-1)
    return scores.T, counts.sum(axis=-1).T


def tonal_distance(bars: Bars, definition: Definition) -> Ratio:
    """TD: distance of two tracks' chroma in the tonal space, a column for each of `pairs`."""
    first, second = np.array(list(pairs(bars.tracks).values()), int).reshape(-1, 2).T
    chroma = _by_track(bars.beats) @ definition.chroma  # (b, 4, K, 12)
    with np.errstate(invalid="ignore"):
        places = chroma / chroma.sum(axis=-1, keepdims=True) @ tonal_matrix().T
    steps = places[:, :, first] - places[:, :, second]
    distances = np.sqrt((steps * steps).sum(axis=-1))  # (b, 4, pairs)
    if definition.td_skip == "bar":
        distances = distances.mean(axis=1)
    distances = distances.reshape(-1, len(first))
    silent = np.isnan(distances) & (definition.td_skip is not None)
    return np.where(silent, 0, distances), ~silent


METRICS: dict[str, Callable[[Bars, Definition], Ratio]] = {
    "EB": empty_bars,
    "UP": used_pitches,
    "UPC": used_pitch_classes,
    "QN": qualified_notes,
    "PP": polyphonic_steps,
    "SR": scale_ratio,
    "DP": drum_pattern,
    "TD": tonal_distance,
}
CODES = tuple(METRICS)


def rhythmic_grid(n_steps: int, period: int, tolerance: float) -> np.ndarray:
    """Weight of each step: 1 at multiples of the period, `tolerance` just before and after them."""
    place = np.arange(n_steps) % period
    return np.select([place == 0, (place == 1) | (place == period - 1)], [1, tolerance], 0.0)


def _shifted_grids(n_steps: int, definition: Definition) -> np.ndarray:
    """The grid under each shift, `(T, shifts)`."""
    if n_steps not in _PERIODS:
        return np.full((n_steps, 1), np.nan)
    grid = rhythmic_grid(n_steps, _PERIODS[n_steps], definition.dp_tolerance)
    return np.stack([np.roll(grid, shift) for shift in range(definition.dp_shifts)], axis=1)


def tonal_matrix() -> np.ndarray:
    """The circles of fifths, minor thirds and major thirds, `(6, 12)`."""
    angles = np.outer([7 / 6, 3 / 2, 2 / 3], np.arange(12)) * np.pi
    radii = np.array([[1], [1], [0.5]])
    return np.stack([radii * np.sin(angles), radii * np.cos(angles)], axis=1).reshape(6, 12)


def pairs(tracks: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Name and track indices of each pair that TD is for, such as `"bass-guitar"`."""
    rank = {name: i for i, name in enumerate(_PAIR_ORDER)}
    named = [(name, k) for k, name in enumerate(tracks) if name != "drums"]
    named.sort(key=lambda track: rank.get(track[0], len(rank)))
    return {f"{a}-{b}": (i, j) for (a, i), (b, j) in combinations(named, 2)}


def _columns(code: str, definition: Definition, tracks: Sequence[str]) -> dict[str, int]:
    """Which columns of a metric are reported, by name."""
    if code == "TD":
        return {name: i for i, name in enumerate(pairs(tracks))}
    if code == "DP":
        return {name: i for i, name in enumerate(n for n in tracks if n in definition.dp_tracks)}
    columns = {name: k for k, name in enumerate(tracks)}
    if code in ("UPC", "QN", "PP", "SR"):
        return {name: k for name, k in columns.items() if name not in definition.unpitched}
    return columns


def _chunks(phrases: np.ndarray | Iterable[np.ndarray], tracks: Sequence[str]) -> Iterator[Bars]:
    """A few phrases at a time."""
    opening = True
    for block in [phrases] if isinstance(phrases, np.ndarray) else phrases:
        for start in range(0, len(block), _CHUNK):
            yield Bars(block[start : start + _CHUNK], tracks, opening)
            opening = False


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.true_divide(numerator, denominator)


def evaluate(
    phrases: np.ndarray | Iterable[np.ndarray],
    definition: str = "paper",
    tracks: Sequence[str] = TRACKS,
    codes: Sequence[str] = CODES,
    **options,
) -> dict[str, dict[str, float]]:
    """The metrics of a set of phrases.

    Args:
        phrases: bool `(N, bars, steps, 84, tracks)`, or an iterable of such blocks.
        definition: a name of `DEFINITIONS`.
        tracks: the name of each track.
        codes: the metrics to compute.
        **options: fields of `Definition` to replace.

    Returns:
        For each code the value by track name, for TD by pair name. A metric that none of the
        tracks has is left out.

    Example:
        >>> evaluate(phrases, "v1")["TD"]["bass-guitar"]
        >>> evaluate(phrases[..., [1, 4]], tracks=("piano", "strings"), td_skip="beat")
    """
    wanted = define(definition, **options)
    if unknown := set(codes) - set(CODES):
        raise Error(f"no metric {', '.join(sorted(unknown))}; there are {', '.join(CODES)}")
    columns = {code: _columns(code, wanted, tracks) for code in codes}
    totals = {code: np.zeros((2, len(names))) for code, names in columns.items() if names}
    for bars in _chunks(phrases, tracks):
        for code, total in totals.items():
            numerator, denominator = METRICS[code](bars, wanted)
            if not wanted.pooled:  # the mean of the rows' values: each counts once
                defined = denominator > 0
                numerator = np.where(defined, _divide(numerator, denominator), 0)
                denominator = defined
            shown = list(columns[code].values())
            total += numerator.sum(axis=0)[shown], denominator.sum(axis=0)[shown]
    values = {code: _divide(*total) for code, total in totals.items()}
    if wanted.pooled and "DP" in values:  # v3 alone gives 0, not NaN, for silent drums
        values["DP"][totals["DP"][1] == 0] = 0
    for code in {"UP", "UPC"} & values.keys() if wanted.truncated else ():
        values[code] = np.trunc(values[code])
    return {
        code: dict(zip(columns[code], row.tolist(), strict=True)) for code, row in values.items()
    }


def per_bar(
    phrases: np.ndarray | Iterable[np.ndarray],
    definition: str = "paper",
    tracks: Sequence[str] = TRACKS,
    **options,
) -> dict[str, dict[str, np.ndarray]]:
    """The values of single bars in order, NaN where undefined; arguments as of `evaluate`.

    TD has values of single beats unless `td_skip` is `"bar"`.
    """
    wanted = define(definition, **options)
    if wanted.pooled:
        raise Error(f"definition {definition!r} has no values of single bars")
    columns = {code: _columns(code, wanted, tracks) for code in CODES}
    rows = [
        {code: _divide(*METRICS[code](bars, wanted)) for code, names in columns.items() if names}
        for bars in _chunks(phrases, tracks)
    ]
    return {
        code: {name: np.concatenate([row[code][:, k] for row in rows]) for name, k in names.items()}
        for code, names in columns.items()
        if names
    }


def shuffled(phrases: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same bars, those of each track in an order of their own.

    Its TD is that of randomly paired bars ("shuffled" in the paper's Table 2); whatever else is a
    mean over bars stays as it was.
    """
    rng = np.random.default_rng(seed)
    bars = phrases.reshape(-1, *phrases.shape[2:])
    mixed = np.empty_like(bars)
    for k in range(bars.shape[-1]):
        mixed[..., k] = bars[..., k][rng.permutation(len(bars))]
    return mixed.reshape(phrases.shape)
