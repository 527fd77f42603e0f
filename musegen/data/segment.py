"""Finds the sections of a song, and chooses the bars that become phrases.

Sections are found by structural features (Serrà, Müller, Grosche, Arcos: Unsupervised Detection of
Music Boundaries by Time Series Structure Features, AAAI 2012). Delay vectors, which are a few
consecutive frames of chroma, are linked if they are nearest neighbours of each other. The links are
arranged in a matrix of lag against time and smoothed, and a section begins where this matrix
changes most over time.

| method | what it is |
|---|---|
| `sf` | the parameters of the MSAF library, each vector linked to its nearest neighbours |
| `sf_msaf` | the code of that library, which keeps the earliest of the nearest neighbours |
| `sf_v1` | the MATLAB program of MuseGAN's authors: 16 frames a bar, drums included, labels |
| `uniform` | phrases that follow each other, without analysis |
| `random` | phrases anywhere in the song, by default six (BinaryMuseGAN) |

In this module a roll is bool `(bars, steps, 84, tracks)`, and its first track is the drums.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from string import ascii_uppercase

import numpy as np
from numpy.lib.stride_tricks import as_strided

from musegen import Error
from musegen.music.phrases import BEATS_PER_BAR, N_BARS, N_PITCHES

STRUCTURAL = ("sf", "sf_msaf", "sf_v1")
METHODS = (*STRUCTURAL, "uniform", "random")
RULES = ("paper", "musegan_v1")
ROLES = ("intro", "outro", "bridge", "verse", "chorus")
PHRASES_PER_SONG = 6  # default of the random method
ACTIVE_TRACKS = 3
MAX_FRAMES = 4_096  # beats; this takes a second, and the time grows with the square
MAX_V1_FRAMES = 5_120  # 320 bars of four frames a beat; this takes a second and a half

_BLOCK = 1 << 21  # cells of a square matrix that are computed at a time


@dataclass(frozen=True)
class Section:
    """A section of a song, of the bars `start ... stop - 1`; similar sections share a letter."""

    start: int
    stop: int
    letter: str


# From a roll to the bars at which its sections begin


def chroma(
    roll: np.ndarray, frames_per_bar: int = BEATS_PER_BAR, drums: bool = False
) -> np.ndarray:
    """Counts the on-cells of each pitch class (C first) in each frame, int `(frames, 12)`.

    Args:
        roll: bool array `(bars, steps, 84, tracks)`.
        frames_per_bar: number of frames in a bar; by default a frame is a beat.
        drums: whether the first track is counted as well.
    """
    n_bars, n_steps = roll.shape[:2]
    if n_steps % frames_per_bar:
        raise Error(f"{n_steps} steps a bar cannot be divided into {frames_per_bar} frames")
    n_frames = n_bars * frames_per_bar
    cell, track = np.divmod(np.flatnonzero(roll), roll.shape[3])
    if not drums:
        cell = cell[track > 0]
    step, pitch = np.divmod(cell, N_PITCHES)
    frame = step // (n_steps // frames_per_bar)
    return np.bincount(frame * 12 + pitch % 12, minlength=n_frames * 12).reshape(n_frames, 12)


def boundaries(features: np.ndarray, method: str = "sf") -> np.ndarray:
    """Returns the frames at which sections begin, and the end of the last one, as rising integers.

    The end is the last frame, or for `sf_v1` the frame after it.

    Args:
        features: chroma `(frames, 12)`; a frame is a beat, or for `sf_v1` a sixteenth of a bar.
        method: one of `STRUCTURAL`.
    """
    features = _checked(features, MAX_V1_FRAMES if method == "sf_v1" else MAX_FRAMES)
    if method == "sf_v1":
        return _v1_frames(_v1_edges(features)[0], len(features))
    if method not in STRUCTURAL:
        raise Error(f"the method {method!r} finds no sections; choose {', '.join(STRUCTURAL)}")
    peaks = _peaks(features, earliest=method == "sf_msaf") if len(features) > 20 else []
    return np.unique(np.concatenate([[0], peaks, [len(features) - 1]]).astype(int))


def bar_boundaries(roll: np.ndarray, method: str = "sf") -> np.ndarray:
    """Returns the bars at which sections begin, and the number of bars: int, `0 ... len(roll)`."""
    if method == "sf_v1":
        frames = boundaries(chroma(roll, _V1_FRAMES, drums=True), method)
        return np.unique(_bars(frames, _V1_FRAMES))
    return np.unique(_bars(boundaries(chroma(roll), method), BEATS_PER_BAR))


def sections(roll: np.ndarray) -> list[Section]:
    """Returns the sections of a song with their letters, by the method `sf_v1`."""
    features = _checked(chroma(roll, _V1_FRAMES, drums=True), MAX_V1_FRAMES)
    edges, links = _v1_edges(features)
    bars = _bars(_v1_frames(edges, len(features)), _V1_FRAMES).tolist()
    spans = zip(bars[:-1], bars[1:], _letters(_similarity(links, edges)), strict=True)
    return [Section(start, stop, letter) for start, stop, letter in spans if stop > start]


def _checked(features: np.ndarray, most: int) -> np.ndarray:
    features = np.asarray(features, float)
    if features.ndim != 2 or not len(features):
        raise Error(f"features of shape (frames, 12) are needed, these have {features.shape}")
    if len(features) > most:
        raise Error(
            f"the song is too long for structural features ({len(features):,} frames; at most "
            f"{most:,} are allowed); cut it with the method 'uniform'"
        )
    return features


def _bars(frames: np.ndarray, frames_per_bar: int) -> np.ndarray:
    """Returns the bars nearest to frames; halves are rounded up."""
    return np.floor(frames / frames_per_bar + 0.5).astype(int)


# Structural features


def _links(
    frames: np.ndarray, n: int, depth: int, nearest: int, kept: int, with_self: bool
) -> np.ndarray:
    """Returns which delay vectors are neighbours of each other, bool `(n, n)`.

    Args:
        frames: features `(frames, 12)`.
        n: number of delay vectors.
        depth: number of consecutive frames in a delay vector.
        nearest: number of nearest vectors to find; of equally near ones the earlier are taken.
        kept: number of those that count as neighbours, the earliest in time.
        with_self: whether a vector may be its own neighbour.
    """
    from scipy.spatial.distance import cdist

    links = np.zeros((n, n), bool)
    if not kept:
        return links
    block = max(1, _BLOCK // n)
    for first in range(0, n, block):
        rows = np.arange(min(block, n - first))
        frame_distance = cdist(frames[first : first + len(rows) + depth - 1], frames, "sqeuclidean")
        distance = _diagonal_sums(frame_distance, depth)
        if not with_self:
            distance[rows, first + rows] = np.inf
        furthest = np.partition(distance, nearest - 1, axis=1)[:, nearest - 1 : nearest]
        near, ties = distance < furthest, distance == furthest
        room = nearest - near.sum(axis=1, keepdims=True)
        near |= ties & (np.cumsum(ties, axis=1, dtype=np.int32) <= room)
        if kept < nearest:
            near &= np.cumsum(near, axis=1, dtype=np.int32) <= kept
        links[first + rows] = near
    return links & links.T


def _diagonal_sums(values: np.ndarray, depth: int) -> np.ndarray:
    """Returns the sums of `depth` consecutive values down each diagonal.

    All are summed in the same order. Music repeats itself, so many distances are equal, and they
    must be equal to the last bit.
    """
    if depth == 1:
        return values
    half = depth // 2
    part = _diagonal_sums(values, half)
    both = part[:-half, :-half] + part[half:, half:]
    return both[:-1, :-1] + values[2 * half :, 2 * half :] if depth % 2 else both


def _change(
    links: np.ndarray,
    over_time: Callable[[np.ndarray], np.ndarray],
    over_lag: np.ndarray,
    border: str,
) -> np.ndarray:
    """Returns the squared change of the smoothed links between successive times, float `(n - 1,)`.

    The links are arranged as a matrix of lag against time. Row `l` holds, at time `t`, whether the
    vectors `t` and `t + l` (modulo the length) are linked.

    Args:
        links: links of all vectors, bool `(n, n)`.
        over_time: function that smooths each row.
        over_lag: window of odd length that smooths the columns.
        border: rows above and below the matrix, `"symmetric"` or `"empty"`.
    """
    n, reach = len(links), len(over_lag) // 2
    time = np.arange(n)
    if border == "symmetric":
        lags = np.pad(time, reach, mode="symmetric")
    else:
        lags = np.pad(time, reach, constant_values=-1)
    change = np.zeros(n - 1)
    twice = np.concatenate([links, links], axis=1)
    by_lag = as_strided(twice, (n, n), (2 * n + 1, 1), writeable=False)  # (time, lag)
    block = max(1, _BLOCK // n)
    for first in range(0, n, block):
        lag = lags[first : first + block + 2 * reach]
        linked = by_lag[:, lag.clip(min=0)] & (lag >= 0)
        smooth = over_time(np.ascontiguousarray(linked.T, float))
        height = len(lag) - 2 * reach
        smooth = sum(weight * smooth[j : j + height] for j, weight in enumerate(over_lag))
        step = np.diff(smooth, axis=1)
        change += np.einsum("lt,lt->t", step, step)
    return change


def _gaussian(offsets: np.ndarray, sigma: float) -> np.ndarray:
    return np.exp(-0.5 * (offsets / sigma) ** 2)


# The parameters of the MSAF library

_DEPTH = 3
_TIME_SIGMA, _LAG_SIGMA = 13.5, 0.5
_NEIGHBOURS = 0.04  # share of the frames
_WINDOW, _OFFSET = 28, 0.05  # of the adaptive threshold


def _peaks(features: np.ndarray, earliest: bool) -> np.ndarray:
    """Returns the frames at which sections begin inside a song, with MSAF's parameters.

    Args:
        features: chroma `(frames, 12)`.
        earliest: whether only the earliest of the nearest neighbours are kept, as MSAF does.
    """
    from scipy.ndimage import gaussian_filter1d, median_filter

    n = len(features) - _DEPTH
    largest = np.abs(features).max(axis=1, keepdims=True)
    frames = features / np.where(largest < np.finfo(float).tiny, 1, largest)
    kept = int(_NEIGHBOURS * len(features))
    nearest = min(n - 1, kept + 2) if earliest else kept
    links = _links(frames[:-1], n, _DEPTH, nearest, kept, with_self=False)

    over_time = partial(gaussian_filter1d, sigma=_TIME_SIGMA, axis=1)
    over_lag = _gaussian(np.arange(-2, 3), _LAG_SIGMA)
    change = _change(links, over_time, over_lag / over_lag.sum(), "symmetric")
    novelty = np.append(np.sqrt(change), 0)
    threshold = median_filter(novelty, _WINDOW) + _OFFSET * novelty.mean()
    inner = novelty[1:-1]
    is_peak = (novelty[:-2] < inner) & (inner > novelty[2:]) & (inner > threshold[1:-1])
    return np.flatnonzero(is_peak) + 1 + (_DEPTH + 1) // 2


# The parameters of the MATLAB program, for which ten frames are a second

_V1_FRAMES = 16  # frames in a bar
_V1_DEPTH = 25
_V1_LEAST = 0.05  # smallest peak, as a share of the largest
_V1_REACH = 60  # frames on either side in which a peak must be the largest value
_V1_ENDS = 20  # a peak within this number of frames of the start or end is taken as that


def _v1_edges(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the delay vectors at which sections begin, with the last one, and all links."""
    from scipy.ndimage import maximum_filter1d
    from scipy.signal import fftconvolve

    n = len(features) - _V1_DEPTH + 1
    if n < 2:
        return np.zeros(2, int), np.ones((1, 1), bool)
    kept = int(np.floor(_NEIGHBOURS * n + 0.5))
    links = _links(features, n, _V1_DEPTH, kept, kept, with_self=True)
    window = _gaussian(np.arange(300) - 149.5, 60)

    def over_time(rows: np.ndarray) -> np.ndarray:
        return fftconvolve(rows, window[None], axes=1)[:, 150 : 150 + n]

    change = _change(links, over_time, _gaussian(np.arange(-1, 2), 0.6), "empty")
    change -= change.min()
    is_peak = change == maximum_filter1d(change, 2 * _V1_REACH + 1)
    edges = np.flatnonzero(is_peak & (change > 0) & (change >= _V1_LEAST * change.max()))
    edges = edges[edges < n - 1 - _V1_ENDS]
    if not len(edges) or edges[0] > _V1_ENDS:
        edges = np.append(0, edges)
    return np.append(edges, n - 1), links


def _v1_frames(edges: np.ndarray, n_frames: int) -> np.ndarray:
    """Converts edges to frames: 14 later inside the song, which is half a vector and 2 more."""
    return np.concatenate([[0], edges[1:-1] + _V1_DEPTH // 2 + 2, [n_frames]])


def _similarity(links: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Returns the similarity of all pairs of sections, float `(sections, sections)`.

    It is the length of the longest diagonal path of links between two sections, divided by the
    length of the shorter section. A path moves by (1, 1), (2, 1) or (1, 2), and each link adds one
    to its length. All pairs are computed together, row by row; `paths` and `older` hold the two
    rows before, with two columns of padding.
    """
    lengths = np.diff(edges) + 1
    offsets = np.arange(lengths.max())
    vectors = np.minimum(edges[:-1, None] + offsets, len(links) - 1)  # (sections, longest)
    inside = offsets < lengths[:, None]
    n = len(lengths)
    best = np.zeros((n, n), np.int32)
    paths = older = np.zeros((n, n, len(offsets) + 2), np.int32)
    for rows, valid in zip(vectors.T, inside.T, strict=True):
        linked = links[rows[:, None, None], vectors] & inside & valid[:, None, None]
        longest = np.maximum(paths[..., 1:-1], paths[..., :-2])
        longest = np.maximum(longest, older[..., 1:-1]) + linked
        paths, older = np.pad(longest, ((0, 0), (0, 0), (2, 0))), paths
        np.maximum(best, longest.max(axis=2), out=best)
    return best / np.minimum(lengths[:, None], lengths)


def _letters(similarity: np.ndarray) -> list[str]:
    """Returns a letter for each section, which is that of the first section it is linked to."""
    deviation = similarity.std(ddof=1) if similarity.size > 1 else 0.0
    strong = np.where(similarity >= similarity.mean() + deviation, similarity, 0)
    linked = strong @ strong >= 1
    letters = np.full(len(linked), -1)
    for k in range(len(letters)):
        if letters[k] < 0:
            group = linked[k] & (letters < 0)
            group[k] = True
            letters[group] = letters.max() + 1
    return [ascii_uppercase[k % 26] + (str(k // 26) if k > 25 else "") for k in letters.tolist()]


# The files of labelled sections


def roles(letters: Sequence[str]) -> list[int]:
    """Returns the role of each section, as an index into `ROLES`.

    A letter that occurs several times is a verse, and any other a bridge. The most frequent letter
    (of equals the latest) is the chorus. A first section whose letter occurs once is the intro, and
    a last one the outro.
    """
    counts = Counter(letters)
    role = {letter: ROLES.index("verse" if n > 1 else "bridge") for letter, n in counts.items()}
    role[max(reversed(counts), key=counts.get)] = ROLES.index("chorus")
    for end, name in ((letters[-1], "outro"), (letters[0], "intro")):
        if counts[end] == 1:
            role[end] = ROLES.index(name)
    return [role[letter] for letter in letters]


def to_lab(song: Sequence[Section], with_roles: bool = False) -> str:
    """Returns the text of a `.lab` file, with a line of start, end and letter for each section.

    Args:
        song: sections of the song in order.
        with_roles: whether each line also has the count of the letter and the role.
    """
    letters = [section.letter for section in song]
    counts = Counter(letters)
    lines = [f"{section.start:f} {section.stop:f} {section.letter}" for section in song]
    if with_roles and lines:
        ends = zip(lines, letters, roles(letters), strict=True)
        lines = [f"{line} {counts[letter]} {role}" for line, letter, role in ends]
    return "".join(line + "\n" for line in lines)


def from_lab(text: str) -> list[Section]:
    """Reads the sections of a `.lab` file, with or without roles."""
    try:
        rows = [line.split()[:3] for line in text.splitlines() if line.strip()]
        return [Section(int(float(a)), int(float(b)), letter) for a, b, letter in rows]
    except (ValueError, OverflowError):
        raise Error("not a .lab file: each line needs a start, an end and a letter") from None


# From sections to phrases


def windows(bounds: Sequence[int], n_bars: int = N_BARS, rule: str = "paper") -> np.ndarray:
    """Returns the first bars of the phrases of a song; its first and last section have none.

    Args:
        bounds: boundaries of the sections, as `bar_boundaries` returns them.
        n_bars: number of bars in a phrase.
        rule: `"paper"` to cut a section into phrases that follow each other, without remaining
            bars; `"musegan_v1"` to take 8 bars every 4 bars, after moving the section's ends by a
            bar where that makes its length a multiple of 4.
    """
    if rule not in RULES:
        raise Error(f"unknown cutting rule {rule!r}; choose {', '.join(RULES)}")
    if rule == "musegan_v1" and n_bars != 8:
        raise Error(f"the rule musegan_v1 cuts phrases of 8 bars, not of {n_bars}")
    spans = list(pairwise(np.asarray(bounds).tolist()))[1:-1]
    hop = n_bars
    if rule == "musegan_v1":
        spans, hop = [_rounded(*span) for span in spans], 4
    return np.array([k for a, b in spans for k in range(a, b - n_bars + 1, hop)], int)


def _rounded(start: int, stop: int) -> tuple[int, int]:
    """Moves the ends of a section of six bars or more so that it has a multiple of four bars."""
    length = stop - start
    if length == 6:
        return start - 1, stop + 1
    if length < 7:
        return start, stop
    first, last = {0: (0, 0), 1: (0, -1), 2: (1, -1), 3: (0, 1)}[length % 4]
    return start + first, stop + last


def starts(
    roll: np.ndarray,
    method: str = "sf",
    n_bars: int = N_BARS,
    rule: str = "paper",
    limit: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Returns the first bars of a song's phrases, as rising integers.

    Args:
        roll: bool array `(bars, steps, 84, tracks)`.
        method: one of `METHODS`.
        n_bars: number of bars in a phrase.
        rule: rule by which the sections of a structural method are cut; see `windows`.
        limit: largest number of phrases; if there are more, they are chosen at random.
        seed: seed of that choice, and of the random method.
    """
    if method not in METHODS:
        raise Error(f"unknown cutting method {method!r}; choose {', '.join(METHODS)}")
    if method == "random":
        first = np.arange(len(roll) - n_bars + 1)
        limit = PHRASES_PER_SONG if limit is None else limit
    elif method == "uniform":
        first = np.arange(0, len(roll) - n_bars + 1, n_bars)
    else:
        first = windows(bar_boundaries(roll, method), n_bars, rule) if len(roll) else []
    if limit is not None and len(first) > limit:
        first = np.sort(np.random.default_rng(seed).choice(first, limit, replace=False))
    return np.asarray(first, int)


def cut(roll: np.ndarray, method: str = "sf", n_bars: int = N_BARS, **options) -> np.ndarray:
    """Cuts a song into phrases, bool `(N, n_bars, steps, 84, tracks)`; for options see `starts`."""
    first = starts(roll, method, n_bars, **options)
    return roll[first[:, None] + np.arange(n_bars)]


def bar_set(song: Sequence[Section], seed: int = 0) -> np.ndarray:
    """Chooses the bars of a song on which MuseGAN's authors train models of single bars.

    The first and the last section are not used. Of each letter, the last section gives all its
    bars, and each other section a random half.

    Args:
        song: sections of the song in order.
        seed: seed of the random halves.
    """
    rng, used, bars = np.random.default_rng(seed), set(), [np.zeros(0, int)]
    for section in reversed(song[1:-1]):
        span = np.arange(section.start, section.stop)
        bars.append(rng.permutation(span)[: len(span) // 2] if section.letter in used else span)
        used.add(section.letter)
    return np.concatenate(bars)


def active(roll: np.ndarray) -> np.ndarray:
    """Returns which bars have at least three tracks that play, bool `(bars,)`."""
    return roll.any(axis=(1, 2)).sum(axis=1) >= ACTIVE_TRACKS
