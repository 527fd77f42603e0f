"""Comparing two sets of music, and the scores of listeners.

L.-C. Yang and A. Lerch, "On the evaluation of generative models in music", Neural Computing and
Applications, 2018:

1. Measure a feature of every sample of both sets (`musegen.metrics.mgeval.measure`).
2. `intra_set`: the distances from each sample to the others of its own set (leave one out);
   `inter_set`: those from each sample of set 1 to every sample of set 2.
3. `density`: smooth each list of distances by a Gaussian kernel of Scott's bandwidth.
4. `kl_divergence` and `overlapped_area` of an intra-set density with the inter-set density say how
   close the sets are; `compare` does all of it for each feature.

A feature of a sample may be a number, a vector or a matrix; the first axis is the sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from musegen import Error
from musegen.metrics.mgeval import DEFINITIONS

POINTS = 1000
TINY = 1e-8  # stands for a zero under the logarithm of the distance "kl"
_MANY = 4096  # different values of which a density is exact
_BLOCK = 2**22  # numbers held at once


def distances(
    a: np.ndarray, b: np.ndarray, mode: str = "euclidean", normalize: bool = False
) -> np.ndarray:
    """Distances from each sample of `a` to each of `b`, `(len(a), len(b))`.

    Args:
        a, b: `(n, ...)`, one feature of two sets.
        mode: `"euclidean"`; `"emd"`, the earth mover's distance of the two lists of values (the
            place of a value in its histogram does not matter, as in the published code); or `"kl"`,
            the Kullback-Leibler divergence of a from b, each scaled to sum 1 (NaN if that is 0).
        normalize: for `"emd"` and `"kl"`, whether absolute values are scaled to sum 1 before.
    """
    from scipy.spatial.distance import cdist
    from scipy.special import xlogy

    a, b = (np.asarray(x, float).reshape(len(x), -1) for x in (a, b))
    if normalize:
        total = (np.abs(x).sum(axis=1, keepdims=True) for x in (a, b))
        a, b = (x / np.where(t == 0, 1, t) for x, t in zip((a, b), total, strict=True))
    if mode == "euclidean":
        return cdist(a, b)
    if mode == "emd":
        return cdist(np.sort(a, axis=1), np.sort(b, axis=1), "cityblock") / a.shape[1]
    if mode == "kl":
        b = np.where(b == 0, TINY, b)
        total = (x.sum(axis=1, keepdims=True) for x in (a, b))
        a, b = (x / np.where(t == 0, np.nan, t) for x, t in zip((a, b), total, strict=True))
        return xlogy(a, a).sum(axis=1)[:, None] - a @ np.log(b).T
    raise Error(f"unknown distance {mode!r}; choose euclidean, emd or kl")


def intra_set(samples: np.ndarray, mode: str = "euclidean", normalize: bool = False) -> np.ndarray:
    """Distances of each sample to the others of its set, one list of n (n - 1) values."""
    matrix = distances(samples, samples, mode, normalize)
    return matrix[~np.eye(len(matrix), dtype=bool)]


def inter_set(
    set1: np.ndarray, set2: np.ndarray, mode: str = "euclidean", normalize: bool = False
) -> np.ndarray:
    """Distances of each sample of set 1 to every sample of set 2, one list."""
    return distances(set1, set2, mode, normalize).ravel()


@dataclass(frozen=True, eq=False)
class Density:
    """A Gaussian kernel density: `weights`, which sum to 1, at ascending `centres`."""

    centres: np.ndarray
    weights: np.ndarray
    bandwidth: float

    def log(self, x: np.ndarray) -> np.ndarray:
        """Its logarithm at the points `x`, finite however far away they are."""
        blocks = np.array_split(x, -(-len(x) * len(self.centres) // _BLOCK))
        return np.concatenate([self._log(block) for block in blocks])

    def _log(self, x: np.ndarray) -> np.ndarray:
        exponents = -0.5 * ((x[:, None] - self.centres) / self.bandwidth) ** 2
        top = exponents.max(axis=1)
        sums = np.exp(exponents - top[:, None]) @ self.weights
        return top + np.log(sums / (self.bandwidth * np.sqrt(2 * np.pi)))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.exp(self.log(x))

    def masses(self, edges: np.ndarray) -> np.ndarray:
        """The integrals from each edge to the next."""
        from scipy.special import ndtr

        return np.diff(ndtr((edges[:, None] - self.centres) / self.bandwidth) @ self.weights)


def density(sample: np.ndarray) -> Density:
    """Gaussian kernel density of a list of values, with Scott's bandwidth.

    The bandwidth is n^(-1/5) sample standard deviations, so equal values have no density. More than
    4,096 different values are first gathered on points 1/64 of a bandwidth apart, which changes
    divergence and area by less than a ten-thousandth.
    """
    sample = np.ravel(sample).astype(float)
    if sample.size < 2 or not np.isfinite(sample).all() or np.ptp(sample) == 0:
        raise Error("a density needs two or more finite values that are not all equal")
    bandwidth = sample.size**-0.2 * sample.std(ddof=1)
    centres, counts = np.unique(sample, return_counts=True)
    if len(centres) > _MANY:
        n = int(np.ceil(64 * np.ptp(sample) / bandwidth))
        place = (centres - centres[0]) * (n / np.ptp(sample))
        below = np.minimum(place.astype(int), n - 1)
        centres = np.linspace(centres[0], centres[-1], n + 1)
        upper = (place - below) * counts
        counts = np.bincount(below, counts - upper, n + 1) + np.bincount(below + 1, upper, n + 1)
    return Density(centres, counts / sample.size, float(bandwidth))


def kl_divergence(a: Density, b: Density, definition: str = "mgeval") -> float:
    """Kullback-Leibler divergence (KLD) of density `a` from density `b`, in nats.

    Both densities are taken at 1,000 points and scaled to sum 1. Under `"mgeval"`, as in the
    published code, each has points of its own, from its least to its greatest value; under
    `"mgeval_fixed"` both have the same, over their joint range.
    """
    if definition not in DEFINITIONS:
        raise Error(f"unknown definition {definition!r}; choose {' or '.join(DEFINITIONS)}")
    points = [_points(a, b)] * 2 if definition == "mgeval_fixed" else [_points(a), _points(b)]
    log_a, log_b = (density.log(x) for density, x in zip((a, b), points, strict=True))
    log_a, log_b = (x - np.logaddexp.reduce(x) for x in (log_a, log_b))
    return float(np.exp(log_a) @ (log_a - log_b))


def overlapped_area(a: Density, b: Density) -> float:
    """Overlapped area (OA): the integral of min(a, b) over the joint range of the values.

    Between two crossings one density stays below the other, so its exact integral is taken there.
    """
    x = _points(a, b)
    gap = a.log(x) - b.log(x)  # logarithms tell which is greater where both are next to nothing
    at = np.flatnonzero(np.diff(np.signbit(gap)))
    crossings = x[at] + (x[at + 1] - x[at]) * gap[at] / (gap[at] - gap[at + 1])
    edges = np.concatenate([x[:1], crossings, x[-1:]])
    return float(np.minimum(a.masses(edges), b.masses(edges)).sum())


@dataclass(frozen=True, eq=False)
class Comparison:
    """One feature of two sets; `musegen.plots.histograms.yang_lerch` draws it.

    Args:
        mean1, std1, mean2, std2: over the samples of each set (ddof 0), shaped as the feature.
        intra1, intra2, inter: the distances within each set and between them, `(n,)`.
        kld, oa: KL divergence and overlapped area of the distances within set 1, and of those
            within set 2, with those between; NaN when distances are all equal: no density.
    """

    feature: str
    mean1: np.ndarray
    std1: np.ndarray
    mean2: np.ndarray
    std2: np.ndarray
    intra1: np.ndarray
    intra2: np.ndarray
    inter: np.ndarray
    kld: tuple[float, float]
    oa: tuple[float, float]

    def densities(self, margin: float = 0.0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """1,000 distances, and the densities `intra1`, `intra2`, `inter` there; NaN for none.

        The range of all distances is widened on both sides by a share, `margin`.
        """
        lists = {"intra1": self.intra1, "intra2": self.intra2, "inter": self.inter}
        low, high = min(map(np.min, lists.values())), max(map(np.max, lists.values()))
        beyond = margin * ((high - low) or 1.0)
        x = np.linspace(low - beyond, high + beyond, POINTS)
        found = {name: _density_or_none(values) for name, values in lists.items()}
        nothing = np.full(POINTS, np.nan)
        return x, {name: nothing if one is None else one(x) for name, one in found.items()}


def compare(
    set1: Mapping[str, np.ndarray],
    set2: Mapping[str, np.ndarray],
    definition: str = "mgeval",
    mode: str = "euclidean",
    normalize: bool = False,
) -> dict[str, Comparison]:
    """Compares two sets, feature by feature.

    Of the larger set only the first samples are used, as many as the smaller one has.

    Args:
        set1, set2: the features of each set, as `mgeval.measure` gives them.
        definition: that of `kl_divergence`.
        mode, normalize: those of `distances`.

    Example:
        >>> ours, _ = mgeval.measure(from_phrases(generated, "piano"), num_bar=4)
        >>> data, _ = mgeval.measure(from_phrases(held_out, "piano"), num_bar=4)
        >>> compare(ours, data)["pitch_range"].oa
    """
    if set1.keys() != set2.keys():
        raise Error(f"two sets need the same features: {', '.join(set1)} and {', '.join(set2)}")
    distance = mode, normalize
    return {name: _compare(set1[name], set2[name], name, definition, distance) for name in set1}


def _compare(
    a: np.ndarray, b: np.ndarray, name: str, definition: str, distance: tuple[str, bool]
) -> Comparison:
    a, b = np.asarray(a, float), np.asarray(b, float)
    n = min(len(a), len(b))
    if n < 2:
        raise Error(f"{name}: a comparison needs two or more samples in each set, not {n}")
    if a.shape[1:] != b.shape[1:]:
        raise Error(f"{name}: samples of shape {a.shape[1:]} and {b.shape[1:]} do not compare")
    a, b = a[:n], b[:n]
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise Error(f"{name}: undefined for some samples; leave them out, as mgeval.measure does")
    lists = intra_set(a, *distance), intra_set(b, *distance), inter_set(a, b, *distance)
    intra1, intra2, inter = map(_density_or_none, lists)
    scores = (_agreement(intra, inter, definition) for intra in (intra1, intra2))
    moments = a.mean(axis=0), a.std(axis=0), b.mean(axis=0), b.std(axis=0)
    return Comparison(name, *moments, *lists, *zip(*scores, strict=True))


def _agreement(
    intra: Density | None, inter: Density | None, definition: str
) -> tuple[float, float]:
    """KLD and OA."""
    if intra is None or inter is None:
        return np.nan, np.nan
    return kl_divergence(intra, inter, definition), overlapped_area(intra, inter)


def _density_or_none(values: np.ndarray) -> Density | None:
    try:
        return density(values)
    except Error:
        return None


def _points(*densities: Density) -> np.ndarray:
    """1,000 points over the joint range of the values of some densities."""
    low, high = zip(*((one.centres[0], one.centres[-1]) for one in densities), strict=True)
    return np.linspace(min(low), max(high), POINTS)


@dataclass(frozen=True)
class Rating:
    """Scores of one model by listeners: mean, standard deviation (ddof 1), confidence interval."""

    n: int
    mean: float
    sd: float
    low: float
    high: float


def rating(scores: np.ndarray, confidence: float = 0.95) -> Rating:
    """Summarises the scores of a listening test (Likert, mean opinion), by Student's t."""
    from scipy.stats import t

    scores = _scores(scores)
    n, mean, sd = len(scores), float(scores.mean()), float(scores.std(ddof=1))
    reach = float(t.ppf((1 + confidence) / 2, n - 1)) * sd / n**0.5
    return Rating(n, mean, sd, mean - reach, mean + reach)


@dataclass(frozen=True)
class Welch:
    """A t-test of two means whose variances may differ: statistic, degrees of freedom, p-value."""

    t: float
    df: float
    p: float


def welch(a: np.ndarray, b: np.ndarray, alternative: str = "two-sided") -> Welch:
    """Welch's t-test of the scores of two models.

    Args:
        alternative: `"two-sided"`; `"greater"` tests that a's mean is greater, `"less"` smaller.
    """
    from scipy.stats import t as student

    if alternative not in ("two-sided", "greater", "less"):
        raise Error(f"unknown alternative {alternative!r}; choose two-sided, greater or less")
    a, b = _scores(a), _scores(b)
    va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    if va + vb == 0:
        raise Error("the scores of both models are all equal, so there is no variance to test with")
    t = float((a.mean() - b.mean()) / (va + vb) ** 0.5)
    df = float((va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1)))
    tails = {"greater": student.sf(t, df), "less": student.cdf(t, df)}
    tails["two-sided"] = 2 * min(tails.values())
    return Welch(t, df, float(tails[alternative]))


def _scores(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float).ravel()
    if len(values) < 2 or not np.isfinite(values).all():
        raise Error("scores need two or more finite numbers a model")
    return values
