"""Latent spaces of systems of notes: what lies between two segments, and where corpora lie."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from musegen import Error
from musegen.eval.tables import segments
from musegen.eval.tables.segments import Segments
from musegen.music.piece import Piece
from musegen.system import SegmentSystem

PAIRS, STEPS = 500, 20  # lines between segments, and steps from one end to the other
MOST = 500  # segments of a corpus in a map
FOLDS = 4  # parts of the songs, each of which is held out once
AGAINST = ("data", "reconstruction")
AT_ONCE = 64  # lines that are decoded together
PATIENCE = 5.0  # seconds until progress is shown

Corpora = Mapping[str, Sequence[Piece]]


@dataclass(frozen=True, eq=False)
class Lines:
    """What a system decodes on straight lines between the codes of two segments A and B.

    Args:
        distances: Hamming distance from A at evenly spaced points, which is the share of values
            that differ, `(lines, points, 3)`: of dT, T and P.
        ends: mean distance of the segments A and B themselves.
        total: number of segments among which A and B were drawn.
    """

    distances: np.ndarray
    ends: float
    total: int

    @property
    def whole(self) -> np.ndarray:
        """The distance in all values together, `(lines, points)`."""
        return self.distances.mean(axis=2)

    @property
    def smoothness(self) -> float | None:
        """The largest rise between two points of the mean line, as a share of its whole rise."""
        return smoothness(self.whole.mean(axis=0))

    @property
    def largest_steps(self) -> float | None:
        """The largest step of each line as a share of all its steps, the mean over the lines.

        The mean line of many lines hides the jumps of each.
        """
        steps = np.abs(np.diff(self.whole, axis=1))
        moving = steps.any(axis=1)
        shares = steps[moving].max(axis=1) / steps[moving].sum(axis=1)
        return float(shares.mean()) if len(shares) else None


def smoothness(line: np.ndarray) -> float | None:
    """Returns the largest rise between neighbouring points, divided by the rise from end to end.

    1 / steps is perfectly even, 1 is one jump. A line that does not rise has none.

    Example:
        >>> smoothness(np.array([0, 0.1, 0.7, 0.8]))
        0.75
    """
    rise = line[-1] - line[0]
    return round(float(np.diff(line).max() / rise), 12) if rise > 0 else None


def lines(
    system: SegmentSystem,
    corpora: Corpora,
    n: int = PAIRS,
    steps: int = STEPS,
    seed: int = 0,
    against: str = "data",
) -> Lines:
    """Decodes lines between random segments of all corpora together, as Lines explains.

    Args:
        system: a system that can `encode`.
        corpora: pieces by name.
        n: number of lines.
        steps: number of steps of a line.
        seed: seed of the choice of segments.
        against: `"data"`, the distance from segment A, or `"reconstruction"`, from what the system
            decodes at the end A.
    """
    numbers = np.concatenate([s.numbers for s in _cut(system, corpora, segments.MOST).values()])
    if len(numbers) < 2:
        raise Error(f"{' '.join(corpora)}: has one segment of 100 notes, and a line needs two")
    rng = np.random.default_rng(seed)
    first = rng.integers(len(numbers), size=n)
    last = (first + rng.integers(1, len(numbers), size=n)) % len(numbers)
    used, place = np.unique(np.concatenate([first, last]), return_inverse=True)
    start, end = np.split(system.encode(numbers[used])[place], 2)
    share = np.linspace(0, 1, steps + 1, dtype=np.float32)[:, None]
    found, begin = [], time.monotonic()
    for k in range(0, n, AT_ONCE):
        rows = slice(k, k + AT_ONCE)
        z = (1 - share) * start[rows, None] + share * end[rows, None]  # (lines, points, H)
        written = system.decode(z.reshape(-1, z.shape[-1]), seed, 0.0)
        written = written.reshape(*z.shape[:2], *written.shape[1:])
        goal = numbers[first[rows], None] if against == "data" else written[:, :1]
        found.append((written != goal).mean(axis=2))
        _progress(begin, k + len(z), n)
    apart = (numbers[first] != numbers[last]).mean()
    return Lines(np.concatenate(found), float(apart), len(numbers))


def _progress(begin: float, done: int, n: int) -> None:
    if time.monotonic() - begin > PATIENCE:
        end = "\n" * (done == n)
        print(f"\r{done:,} of {n:,} lines decoded", end=end, file=sys.stderr, flush=True)


def _cut(system: SegmentSystem, corpora: Corpora, most: int) -> dict[str, Segments]:
    return {name: segments.cut(system, pieces, name, most) for name, pieces in corpora.items()}


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of segments, without noise.

    Args:
        values: the codes `(k, H)`.
        corpus: name of the corpus of each.
        song: number of the song of each in its corpus.
    """

    values: np.ndarray
    corpus: np.ndarray
    song: np.ndarray


def codes(system: SegmentSystem, corpora: Corpora, most: int = MOST) -> Codes:
    """Encodes at most `most` segments of each corpus, evenly spaced and not transposed."""
    if len(corpora) < 2:
        raise Error(f"{' '.join(corpora)}: a map compares two or more corpora; name them all")
    cut = _cut(system, corpora, most)
    return Codes(
        system.encode(np.concatenate([own.numbers for own in cut.values()])),
        np.repeat([*cut], [len(own) for own in cut.values()]),
        np.concatenate([own.song for own in cut.values()]),
    )


def separation(found: Codes, seed: int = 0) -> dict[str, float]:
    """Returns how often the nearest centroid is that of the true corpus, by corpus.

    The centroids are those of other songs: the songs of each corpus are cut at random into parts,
    each of which is held out once.
    """
    rng, names = np.random.default_rng(seed), list(dict.fromkeys(found.corpus))
    fold = np.zeros(len(found.values), int)
    for name in names:
        own = found.corpus == name
        songs, place = np.unique(found.song[own], return_inverse=True)
        if len(songs) < 2:
            raise Error(f"{name}: has one song of 100 notes, and a map needs two or more")
        fold[own] = (rng.permutation(len(songs)) % FOLDS)[place]
    nearest = np.empty(len(found.values), int)
    for k in np.unique(fold):
        learned, held_out = fold != k, fold == k
        centroids = [found.values[learned & (found.corpus == name)].mean(axis=0) for name in names]
        gaps = np.linalg.norm(found.values[held_out, None] - np.array(centroids), axis=-1)
        nearest[held_out] = gaps.argmin(axis=1)
    right = np.array(names)[nearest] == found.corpus
    return {name: float(right[found.corpus == name].mean()) for name in names}
