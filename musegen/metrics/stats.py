"""Comparisons of two sets of music, and of the scores that listeners give.

L.-C. Yang and A. Lerch, "On the evaluation of generative models in music", Neural Computing and
Applications, 2018. Original code: `mgeval/utils.py` of github.com/RichardYang40148/mgeval. Their
method has four steps, which `compare` takes for each feature:

1. Measure the feature of every sample of both sets (`musegen.metrics.mgeval.measure`).
2. Compute the distances from each sample to the others of its own set (`intra_set`), and from each
   sample of set 1 to every sample of set 2 (`inter_set`).
3. Smooth each list of distances with a Gaussian kernel (`density`).
4. Compare the intra-set density of each set with the inter-set density (`kl_divergence` and
   `overlapped_area`). The smaller the divergence and the larger the area, the closer the sets are.

Input
    Features are arrays whose first axis is the sample; a feature of one sample may be a number, a
    vector or a matrix. Scores are lists of numbers, one for each answer of a listener.

Edge cases
    Distances that are all equal have no density: `density` raises an `Error`, and `compare` gives
    NaN. Undefined features and fewer than two samples or scores raise an `Error`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from musegen import Error
from musegen.metrics.mgeval import DEFINITIONS

POINTS = 1000
TINY = 1e-8  # replaces a zero under the logarithm of the distance "kl"
_MANY = 4096  # different values up to which a density is exact
_BLOCK = 2**22  # numbers in one temporary array


def distances(
    a: np.ndarray, b: np.ndarray, mode: str = "euclidean", normalize: bool = False
) -> np.ndarray:
    """Returns the distances from each sample of `a` to each of `b`, `(len(a), len(b))`.

    Args:
        a, b: arrays `(n, ...)` of one feature of two sets.
        mode: kind of distance. `"euclidean"` is the root of the sum of squared differences. `"emd"`
            is the earth mover's distance of the two lists of values, where, as in the published
            code, the place of a value in its histogram does not matter. `"kl"` is the
            Kullback-Leibler divergence sum a ln(a / b) of a from b, after both are divided by their
            sums (NaN if a sum is 0).
        normalize: whether, for `"emd"` and `"kl"`, each sample is first divided by the sum of its
            absolute values.
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
    """Returns the distances from each sample to the others of its set, n (n - 1) values."""
    matrix = distances(samples, samples, mode, normalize)
    return matrix[~np.eye(len(matrix), dtype=bool)]


def inter_set(
    set1: np.ndarray, set2: np.ndarray, mode: str = "euclidean", normalize: bool = False
) -> np.ndarray:
    """Returns the distances from each sample of set 1 to every sample of set 2, n1 n2 values."""
    return distances(set1, set2, mode, normalize).ravel()


@dataclass(frozen=True, eq=False)
class Density:
    """A Gaussian kernel density, the sum of weighted normal densities of one deviation.

    Args:
        centres: means of the normal densities, ascending.
        weights: weight of each, of sum 1.
        bandwidth: standard deviation of all of them.
    """

    centres: np.ndarray
    weights: np.ndarray
    bandwidth: float

    def log(self, x: np.ndarray) -> np.ndarray:
        """Returns the logarithm of the density at `x`, which is finite however far x is."""
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
        """Returns the integrals of the density from each edge to the next."""
        from scipy.special import ndtr

        return np.diff(ndtr((edges[:, None] - self.centres) / self.bandwidth) @ self.weights)


def density(sample: np.ndarray) -> Density:
    """Estimates the density of a list of values by a Gaussian kernel with Scott's bandwidth.

    The bandwidth is n^(-1/5) times the sample standard deviation (ddof 1), so values that are all
    equal have no density. If there are more than 4,096 different values they are first moved to
    points at intervals of 1/64 of the bandwidth, each value shared between its two neighbours. This
    changes divergence and area by less than 0.0001.
    """
    sample = np.ravel(sample).astype(float)
    if sample.size < 2 or not np.isfinite(sample).all() or np.ptp(sample) == 0:
        raise Error("a density needs two or more finite values that are not all equal")
    bandwidth = sample.size**-0.2 * sample.std(ddof=1)
    centres, counts = np.unique(sample, return_counts=True)
    if len(centres) > _MANY:
        n = int(np.ceil(64 * np.ptp(sample) / bandwidth))
        position = (centres - centres[0]) * (n / np.ptp(sample))
        below = np.minimum(position.astype(int), n - 1)
        centres = np.linspace(centres[0], centres[-1], n + 1)
        upper = (position - below) * counts
        counts = np.bincount(below, counts - upper, n + 1) + np.bincount(below + 1, upper, n + 1)
    return Density(centres, counts / sample.size, float(bandwidth))


def kl_divergence(a: Density, b: Density, definition: str = "mgeval") -> float:
    """KLD, the Kullback-Leibler divergence of density `a` from density `b`, in nats.

    It is sum p ln(p / q), where p and q are the densities at 1,000 points, divided by their sums.
    Under `"mgeval"`, as in the published code, the points of each density lie evenly over its own
    range of values. Under `"mgeval_fixed"` both have the same points, over their joint range.
    """
    if definition not in DEFINITIONS:
        raise Error(f"unknown definition {definition!r}; choose {' or '.join(DEFINITIONS)}")
    points = [_points(a, b)] * 2 if definition == "mgeval_fixed" else [_points(a), _points(b)]
    log_a, log_b = (density.log(x) for density, x in zip((a, b), points, strict=True))
    log_a, log_b = (x - np.logaddexp.reduce(x) for x in (log_a, log_b))
    return float(np.exp(log_a) @ (log_a - log_b))


def overlapped_area(a: Density, b: Density) -> float:
    """OA, the overlapped area: the integral of min(a, b) over the joint range of the values.

    Between two crossings the same density is the smaller one, and its integral there is exact.
    """
    x = _points(a, b)
    gap = a.log(x) - b.log(x)  # logarithms show which is greater even where both are nearly 0
    i = np.flatnonzero(np.diff(np.signbit(gap)))
    crossings = x[i] + (x[i + 1] - x[i]) * gap[i] / (gap[i] - gap[i + 1])
    edges = np.concatenate([x[:1], crossings, x[-1:]])
    return float(np.minimum(a.masses(edges), b.masses(edges)).sum())


@dataclass(frozen=True, eq=False)
class Comparison:
    """The comparison of one feature of two sets; `musegen.plots.histograms.yang_lerch` draws it.

    Args:
        feature: name of the feature.
        mean1, std1, mean2, std2: mean and standard deviation (ddof 0) over the samples of each set,
            in the shape of the feature.
        intra1, intra2, inter: distances within set 1, within set 2 and between them, `(n,)`.
        kld, oa: divergence and overlapped area, each of the distances within set 1 with those
            between the sets, and of those within set 2; NaN where distances are all equal.
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
        """Evaluates the densities of the distances for a drawing.

        Args:
            margin: share of the range of all distances that is added on both sides.

        Returns:
            1,000 distances, and the densities `intra1`, `intra2` and `inter` at them, NaN for a
            list that has no density.
        """
        lists = {"intra1": self.intra1, "intra2": self.intra2, "inter": self.inter}
        low, high = min(map(np.min, lists.values())), max(map(np.max, lists.values()))
        extra = margin * ((high - low) or 1.0)
        x = np.linspace(low - extra, high + extra, POINTS)
        densities = {name: _density_or_none(values) for name, values in lists.items()}
        undefined = np.full(POINTS, np.nan)
        return x, {name: undefined if f is None else f(x) for name, f in densities.items()}


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
        set1, set2: features of each set by name, as `mgeval.measure` returns them.
        definition: definition of the divergence, see `kl_divergence`.
        mode, normalize: kind of distance, see `distances`.

    Returns:
        The comparison of each feature by its name.

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
    means_and_stds = a.mean(axis=0), a.std(axis=0), b.mean(axis=0), b.std(axis=0)
    return Comparison(name, *means_and_stds, *lists, *zip(*scores, strict=True))


def _agreement(
    intra: Density | None, inter: Density | None, definition: str
) -> tuple[float, float]:
    """Returns KLD and OA of two densities, NaN if one of them does not exist."""
    if intra is None or inter is None:
        return np.nan, np.nan
    return kl_divergence(intra, inter, definition), overlapped_area(intra, inter)


def _density_or_none(values: np.ndarray) -> Density | None:
    try:
        return density(values)
    except Error:
        return None


def _points(*densities: Density) -> np.ndarray:
    """Returns 1,000 points over the joint range of the values of some densities."""
    low, high = zip(*((f.centres[0], f.centres[-1]) for f in densities), strict=True)
    return np.linspace(min(low), max(high), POINTS)


@dataclass(frozen=True)
class Rating:
    """The summary of the scores of one model by listeners."""

    n: int
    mean: float
    sd: float  # standard deviation (ddof 1)
    low: float  # lower end of the confidence interval of the mean
    high: float


def rating(scores: np.ndarray, confidence: float = 0.95) -> Rating:
    """Summarises the scores of a listening test, with a confidence interval by Student's t.

    Args:
        scores: list of scores, such as Likert or mean opinion scores.
        confidence: probability that the interval covers the true mean.
    """
    from scipy.stats import t

    scores = _scores(scores)
    n, mean, sd = len(scores), float(scores.mean()), float(scores.std(ddof=1))
    half_width = float(t.ppf((1 + confidence) / 2, n - 1)) * sd / n**0.5
    return Rating(n, mean, sd, mean - half_width, mean + half_width)


@dataclass(frozen=True)
class Welch:
    """The result of Welch's t-test of two means."""

    t: float  # statistic
    df: float  # degrees of freedom
    p: float  # p-value


def welch(a: np.ndarray, b: np.ndarray, alternative: str = "two-sided") -> Welch:
    """Tests by Welch's t-test whether the mean scores of two models differ.

    Args:
        a, b: lists of scores of the two models; their variances may differ.
        alternative: hypothesis to test: that the means differ (`"two-sided"`), or that the mean of
            `a` is `"greater"` or `"less"` than that of `b`.
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
