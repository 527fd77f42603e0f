"""The metrics of the MuseGAN family: EB, UP, UPC, QN, PP, SR, DP and TD.

H.-W. Dong, W.-Y. Hsiao, L.-C. Yang, Y.-H. Yang: "MuseGAN: Multi-track Sequential Generative
Adversarial Networks for Symbolic Music Generation and Accompaniment", AAAI 2018 (Tables 1 and 2).
H.-W. Dong, Y.-H. Yang: "Convolutional Generative Adversarial Networks with Binary Neurons for
Polyphonic Music Generation", ISMIR 2018 (Table 1). X. Liang, J. Wu, J. Cao: "MIDI-Sandwich2:
RNN-based Hierarchical Multi-modal Fusion Generation VAE networks for multi-track symbolic music
generation", 2019 (Table I). Original codes: `v1/musegan/eval/metrics.py`,
`v2/musegan/utils/metrics.py` and `src/musegan/metrics.py` of github.com/salu133445/musegan.

Conventions
    Values are fractions, never percent. A note is a run of on-cells of one pitch inside one bar; a
    note that crosses a bar line counts as two. A bar is empty for a track without an on-cell in it.
    The pitch class of pitch index p is p modulo 12, with 0 for C.

Input
    Phrases, bool `(N, bars, steps, 84, tracks)` as `musegen.music.phrases` describes them, or an
    iterable of such arrays, which is read once, one array at a time. The number of steps of a bar
    is a multiple of 4.

Values
    For each track: EB (empty bars), UP and UPC (pitches and pitch classes used in a bar), QN
    (qualified notes), PP (polyphonic steps), SR (cells in the C major scale), DP (drum events on
    the rhythmic grid). For each pair of tracks: TD (tonal distance). Each has a function below,
    which `evaluate` and `per_bar` call.

Definitions
    The papers and the three public codes differ in constants and in what they count. Each is one
    `Definition` in `DEFINITIONS`, and any of its fields can be replaced by an option:

    - `"paper"`: what the texts of the papers say, with true pitch classes.
    - `"v1"` and `"v2"`: what the codes of MuseGAN and BinaryMuseGAN compute. Their "pitch classes"
      are blocks of 7 or 8 neighbouring pitches, so that UPC, SR and TD measure registers.
    - `"v3"`: what the later code of MuseGAN computes, which MIDI-Sandwich2 shares. It has blocks of
      8 pitches, and divides sums over the whole set instead of averaging over bars, which also
      changes the meaning of EB, UP, UPC and QN (see `Definition.pooled`).

Edge cases
    All metrics but EB leave out the bars in which the track is empty; if no bar is left the value
    is NaN. By default TD leaves out each bar with a beat in which one of the two tracks is silent
    (option `td_skip`). DP is NaN for bars of a length that has no pattern. Drums have only EB, UP
    and DP (under v3 all but TD); a track of any other name is pitched.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from musegen import Error
from musegen.music.phrases import BEATS_PER_BAR, N_PITCHES, TRACKS, validate

C_MAJOR = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1])

_PAIR_ORDER = ("bass", "guitar", "strings", "piano")  # order of the tracks in the name of a pair
# Steps from one point of DP's grid to the next, by the steps of a bar.
_PERIODS = {96: 6, 72: 6, 64: 4, 48: 3, 36: 3, 32: 2, 24: 3, 16: 2}
_CHUNK = 32  # phrases counted at a time: their cells and one temporary array stay in the cache

Ratio = tuple[np.ndarray, np.ndarray]  # numerators and denominators


@dataclass(frozen=True)
class Definition:
    """The constants of one definition of the metrics.

    Args:
        chroma_block: number of neighbouring pitches that form a "pitch class"; None for true ones.
        qn_steps: smallest number of on-cells of a qualified note. It has no effect if `pooled`: v3
            pairs onsets and offsets by rank over all pitches, so that every note is qualified.
        pp_pitches: smallest number of pitches at a polyphonic step.
        dp_tolerance: weight of the steps beside the rhythmic grid.
        dp_events: what DP counts: `"onsets"`; all on-`"cells"`; or `"changes"`, which are onsets
            and also the first steps after a note.
        dp_shifts: number of shifts of the grid that are tried; the best one counts.
        dp_tracks: names of the tracks that have DP.
        unpitched: names of the tracks that have no UPC, QN, PP and SR.
        td_skip: what TD leaves out because of a silent beat: its `"bar"`, the `"beat"`, or None,
            which makes the result NaN.
        pooled: whether values are ratios of sums over the whole set, not means over the bars that
            are not empty. EB is then the share of bars that are not empty, UP the mean number of
            on-cells of a bar, and UPC the mean number of pairs of a step and a pitch class. For QN
            notes may cross bar lines inside a phrase, and the denominator leaves out a note that
            begins in the very first cell of the set.
        truncated: whether UP and UPC are truncated to integers.
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
        """The pitch class, or block, of each pitch as a matrix of 0 and 1, `(84, 12)`."""
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


def define(definition: str, **options) -> Definition:
    """Returns the definition of a name, with some of its fields replaced."""
    if definition not in DEFINITIONS:
        raise Error(f"unknown definition {definition!r}; choose {', '.join(DEFINITIONS)}")
    unknown = options.keys() - {field.name for field in fields(Definition)}
    if unknown:
        raise Error(f"definition {definition!r} has no option {', '.join(sorted(unknown))}")
    return replace(DEFINITIONS[definition], **options)


class Bars:
    """The bars of some phrases, and the counts that the metrics share, computed when first used.

    In the shapes below, b is the number of bars, T of steps and K of tracks.

    Args:
        phrases: bool array `(N, bars, steps, 84, tracks)`.
        tracks: names of the tracks.
        opening: whether the first bar is the first bar of the whole set.
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
        """The number of on-cells of each pitch in each beat, `(b, 4, 84, K)`."""
        _, n_steps, *tail = self.cells.shape
        beats = self.cells.reshape(-1, BEATS_PER_BAR, n_steps // BEATS_PER_BAR, *tail)
        return np.add.reduce(beats, axis=2, dtype=np.uint8)

    @cached_property
    def pitches(self) -> np.ndarray:
        """The number of on-cells of each pitch in each bar, `(b, 84, K)`."""
        return np.add.reduce(self.beats, axis=1, dtype=np.uint8)

    @cached_property
    def n_cells(self) -> np.ndarray:
        """The number of on-cells in each bar, `(b, K)`."""
        return self.pitches.sum(axis=1)


def _by_track(counts: np.ndarray) -> np.ndarray:
    """Moves the pitches of `(..., 84, K)` last, float64 `(..., K, 84)`, for a matrix product."""
    return np.moveaxis(counts, -1, -2).astype(float)


def _sounding(cells: np.ndarray) -> np.ndarray:
    """Counts the pitches that sound at each step, `(b, T, 84, K)` to float32 `(b, T, K)`."""
    n_bars, n_steps, _, n_tracks = cells.shape
    folded = cells[:, :, :42] + cells[:, :, 42:]  # adding halves is faster than a sum over pitches
    folded = folded[:, :, :21] + folded[:, :, 21:]
    folded = folded[:, :, :7] + folded[:, :, 7:14] + folded[:, :, 14:]
    to_track = np.tile(np.eye(n_tracks, dtype=np.float32), (7, 1))
    sums = folded.reshape(-1, len(to_track)).astype(np.float32) @ to_track
    return sums.reshape(n_bars, n_steps, n_tracks)


def _stretches(bars: Bars, longest: int) -> list[np.ndarray]:
    """Counts the stretches of 1, 2, ... `longest` successive on-cells in a bar, each `(b, K)`."""
    counts = [bars.n_cells]
    stretch = bars.cells[:, 1:] & bars.cells[:, :-1]
    for length in range(2, longest + 1):
        counts.append(np.add.reduce(stretch, axis=1, dtype=np.uint8).sum(axis=1))
        stretch = stretch[:, :-1]
        stretch &= bars.cells[:, length:]
    return counts


# Every metric takes `Bars` and a `Definition`, and returns numerators and denominators: arrays with
# a column for each track (TD: each pair of tracks) and a row for each bar, or for each beat or set
# where the definition averages over these. `evaluate` divides them and takes the mean.


def empty_bars(bars: Bars, definition: Definition) -> Ratio:
    """EB, rate of empty bars: number of empty bars / number of bars (v3: of bars that are not)."""
    empty = bars.n_cells == 0
    return empty != definition.pooled, np.ones(empty.shape)


def used_pitches(bars: Bars, definition: Definition) -> Ratio:
    """UP, pitches used: number of pitches with an on-cell in a bar (v3: number of on-cells)."""
    if definition.pooled:
        return bars.n_cells, np.ones(bars.n_cells.shape)
    return (bars.pitches > 0).sum(axis=1), bars.n_cells > 0


def used_pitch_classes(bars: Bars, definition: Definition) -> Ratio:
    """UPC, pitch classes used: number of classes with an on-cell in a bar.

    Under v3 it is the number of pairs of a step and a class with an on-cell.
    """
    if definition.pooled:
        n_tracks = len(bars.tracks)
        to_class = np.kron(definition.chroma, np.eye(n_tracks)).astype(np.float32)
        used = bars.cells.reshape(-1, len(to_class)).astype(np.float32) @ to_class > 0
        counts = used.reshape(len(bars.cells), -1, n_tracks).sum(axis=1)
        return counts, np.ones(counts.shape)
    used = _by_track(bars.pitches > 0) @ definition.chroma > 0
    return used.sum(axis=-1), bars.n_cells > 0


def qualified_notes(bars: Bars, definition: Definition) -> Ratio:
    """QN, rate of qualified notes: notes of at least `qn_steps` cells / all notes.

    They are counted without finding each note. A note of n cells has n - m + 1 stretches of m
    on-cells (none if that is negative). So the stretches of m cells minus those of m + 1 cells are
    the number of notes of at least m cells.
    """
    if definition.pooled:
        cells, held = _stretches(bars, 2)
        over_lines = bars.phrases[:, 1:, 0] & bars.phrases[:, :-1, -1]
        notes = (cells - held).sum(axis=0, keepdims=True) - over_lines.sum(axis=(0, 1, 2))
        return notes, notes - bars.opening * bars.cells[0, 0, 0]
    stretches = _stretches(bars, definition.qn_steps + 1)
    return stretches[-2] - stretches[-1], stretches[0] - stretches[1]


def polyphonic_steps(bars: Bars, definition: Definition) -> Ratio:
    """PP, polyphonicity: steps at which at least `pp_pitches` pitches sound / all steps."""
    polyphonic = (_sounding(bars.cells) >= definition.pp_pitches).sum(axis=1)
    return polyphonic, bars.n_steps * ((bars.n_cells > 0) | definition.pooled)


def scale_ratio(bars: Bars, definition: Definition) -> Ratio:
    """SR, scale ratio: on-cells in the C major scale / all on-cells."""
    return _by_track(bars.pitches) @ (definition.chroma @ C_MAJOR), bars.n_cells


def drum_pattern(bars: Bars, definition: Definition) -> Ratio:
    """DP, drum pattern: events weighted by the rhythmic grid / all events.

    With n[t] events at step t and the grid w it is max over shifts i of sum_t w[t - i] n[t],
    divided by sum_t n[t]. The grid is that of `rhythmic_grid`, the events those of `dp_events`.
    """
    chosen = [k for k, name in enumerate(bars.tracks) if name in definition.dp_tracks]
    hits = np.moveaxis(bars.cells, -1, 0)[chosen]  # (tracks of DP, b, T, 84)
    events = hits.copy()
    if definition.dp_events != "cells":
        compare = np.greater if definition.dp_events == "onsets" else np.not_equal
        compare(hits[:, :, 1:], hits[:, :, :-1], out=events[:, :, 1:], casting="unsafe")
    counts = np.add.reduce(events, axis=-1, dtype=np.uint8)  # (tracks of DP, b, T)
    scores = (counts @ _shifted_grids(bars.n_steps, definition)).max(axis=-1)
    return scores.T, counts.sum(axis=-1).T


def tonal_distance(bars: Bars, definition: Definition) -> Ratio:
    """TD, tonal distance of Harte, Sandler and Gasser (2006): a column for each of `pairs`.

    For each beat it is |M h1 - M h2|, where h is the number of on-cells of each pitch class divided
    by their sum and M the matrix of `tonal_matrix`. A bar has the mean over its 4 beats.
    """
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
    """Returns the weight of each step, `(n_steps,)`.

    It is 1 at multiples of `period`, `tolerance` at the steps just before and after them, else 0.
    """
    phase = np.arange(n_steps) % period
    return np.select([phase == 0, (phase == 1) | (phase == period - 1)], [1, tolerance], 0.0)


def _shifted_grids(n_steps: int, definition: Definition) -> np.ndarray:
    """Returns the grid under each shift, `(T, shifts)`; NaN if bars of T steps have none."""
    if n_steps not in _PERIODS:
        return np.full((n_steps, 1), np.nan)
    grid = rhythmic_grid(n_steps, _PERIODS[n_steps], definition.dp_tolerance)
    return np.stack([np.roll(grid, shift) for shift in range(definition.dp_shifts)], axis=1)


def tonal_matrix() -> np.ndarray:
    """Returns the matrix from pitch classes to the tonal space, `(6, 12)`.

    Column c is the place of class c on the circles of fifths (radius 1), minor thirds (1) and major
    thirds (0.5): sine and cosine of 7/6 pi c, of 3/2 pi c and of 2/3 pi c, times the radius.
    """
    angles = np.outer([7 / 6, 3 / 2, 2 / 3], np.arange(12)) * np.pi
    radii = np.array([[1], [1], [0.5]])
    return np.stack([radii * np.sin(angles), radii * np.cos(angles)], axis=1).reshape(6, 12)


def pairs(tracks: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Returns the pairs of tracks that have TD: names such as `"bass-guitar"`, and two indices."""
    rank = {name: i for i, name in enumerate(_PAIR_ORDER)}
    named = [(name, k) for k, name in enumerate(tracks) if name != "drums"]
    named.sort(key=lambda track: rank.get(track[0], len(rank)))
    return {f"{a}-{b}": (i, j) for (a, i), (b, j) in combinations(named, 2)}


def _columns(code: str, definition: Definition, tracks: Sequence[str]) -> dict[str, int]:
    """Returns the columns of a metric that are reported, by the names of tracks or pairs."""
    if code == "TD":
        return {name: i for i, name in enumerate(pairs(tracks))}
    if code == "DP":
        return {name: i for i, name in enumerate(n for n in tracks if n in definition.dp_tracks)}
    columns = {name: k for k, name in enumerate(tracks)}
    if code in ("UPC", "QN", "PP", "SR"):
        return {name: k for name, k in columns.items() if name not in definition.unpitched}
    return columns


def _chunks(phrases: np.ndarray | Iterable[np.ndarray], tracks: Sequence[str]) -> Iterator[Bars]:
    """Yields the bars of a few phrases at a time."""
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
    """Computes the metrics of a set of phrases.

    Args:
        phrases: bool array `(N, bars, steps, 84, tracks)`, or an iterable of such arrays.
        definition: name of a definition in `DEFINITIONS`.
        tracks: names of the tracks.
        codes: codes of the metrics to compute; by default all.
        **options: fields of the `Definition` to replace.

    Returns:
        For each code the values by track name, for TD by the name of the pair. A metric that none
        of the tracks has is left out.

    Example:
        >>> evaluate(phrases, "v1")["TD"]["bass-guitar"]
        >>> evaluate(phrases[..., [1, 4]], tracks=("piano", "strings"), td_skip="beat")
    """
    rules = define(definition, **options)
    if unknown := set(codes) - set(CODES):
        raise Error(f"no metric {', '.join(sorted(unknown))}; there are {', '.join(CODES)}")
    columns = {code: _columns(code, rules, tracks) for code in codes}
    totals = {code: np.zeros((2, len(names))) for code, names in columns.items() if names}
    for bars in _chunks(phrases, tracks):
        for code, total in totals.items():
            numerator, denominator = METRICS[code](bars, rules)
            if not rules.pooled:  # the mean over rows, each with the same weight
                defined = denominator > 0
                numerator = np.where(defined, _divide(numerator, denominator), 0)
                denominator = defined
            reported = list(columns[code].values())
            total += numerator.sum(axis=0)[reported], denominator.sum(axis=0)[reported]
    values = {code: _divide(*total) for code, total in totals.items()}
    if rules.pooled and "DP" in values:  # only v3 gives 0, not NaN, for silent drums
        values["DP"][totals["DP"][1] == 0] = 0
    for code in {"UP", "UPC"} & values.keys() if rules.truncated else ():
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
    """Computes the metrics of each bar.

    Args:
        phrases, definition, tracks, **options: as for `evaluate`; the definition is not pooled.

    Returns:
        For each code the arrays by track name, with a value for each bar in order, NaN where it is
        undefined. TD has a value for each beat unless `td_skip` is `"bar"`.
    """
    rules = define(definition, **options)
    if rules.pooled:
        raise Error(f"definition {definition!r} has no values of single bars")
    columns = {code: _columns(code, rules, tracks) for code in CODES}
    rows = [
        {code: _divide(*METRICS[code](bars, rules)) for code, names in columns.items() if names}
        for bars in _chunks(phrases, tracks)
    ]
    return {
        code: {name: np.concatenate([row[code][:, k] for row in rows]) for name, k in names.items()}
        for code, names in columns.items()
        if names
    }


def shuffled(phrases: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns the same bars, with those of each track in another random order.

    Their TD is that of randomly paired bars (row "shuffled" of MuseGAN's Table 2); the other
    metrics do not change, as they are means over the bars of one track.
    """
    rng = np.random.default_rng(seed)
    bars = phrases.reshape(-1, *phrases.shape[2:])
    mixed = np.empty_like(bars)
    for k in range(bars.shape[-1]):
        mixed[..., k] = bars[..., k][rng.permutation(len(bars))]
    return mixed.reshape(phrases.shape)
