"""Comparison of two sets (golden values, SciPy, analytic cases), and scores of listeners."""

import tarfile
from itertools import pairwise

import numpy as np
import pytest
from golden import GOLDEN, agree
from scipy import integrate
from scipy import stats as scipy_stats

from musegen import Error
from musegen.metrics import mgeval, stats
from musegen.metrics.events import from_midi


@pytest.fixture(scope="module")
def golden_sets(shared_data):
    """The golden case and the features of its two sets."""
    case = next(case for case in GOLDEN["cases"] if case["id"] == "mgeval/sets")
    names = {name for files in case["input"].values() for name in files}
    with tarfile.open(shared_data / "nottingham.tar.xz") as archive:
        members = {m.name.split("/")[-1]: m for m in archive}
        data = {name: archive.extractfile(members[name]).read() for name in sorted(names)}
    sets = []
    for files in case["input"].values():
        features, left_out = mgeval.measure(from_midi(data[name], name) for name in files)
        assert not left_out
        sets.append(features)
    return case["result"], *sets


@pytest.mark.golden
def test_golden_sets(golden_sets):
    wanted, set1, set2 = golden_sets
    found = stats.compare(set1, set2)
    assert found.keys() == wanted.keys()
    for name, one in found.items():
        row = wanted[name]
        for moment in ("mean", "std"):
            for number in "12":
                got = getattr(one, moment + number)
                agree(np.ravel(got), np.ravel(row[f"set{number}_{moment}"]))
        for distances in ("intra1", "intra2", "inter"):
            agree(getattr(one, distances).mean(), row[f"{distances}_mean"])
        agree(one.kld, [row["kl1"], row["kl2"]], 1e-5)
        agree(one.oa, [row["oa1"], row["oa2"]], 1e-5)


@pytest.mark.golden
@pytest.mark.parametrize("mode", ["emd", "kl"])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", ["total_pitch_class_histogram", "note_length_hist"])
def test_golden_distances(golden_sets, name, mode, normalize):
    wanted, set1, set2 = golden_sets
    key = f"c_dist({mode.upper()},normalize={int(normalize)}), first of set 1 to set 2"
    agree(stats.distances(set1[name][:1], set2[name], mode, normalize)[0], wanted[name][key])


@pytest.fixture
def matrices():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (6, 3, 4)).astype(float), rng.integers(0, 5, (4, 3, 4)).astype(float)
    return a, b


@pytest.mark.parametrize("normalize", [False, True])
def test_distances_one_by_one(matrices, normalize):
    a, b = matrices
    unchanged = b.copy()
    scale = (lambda x: x / x.sum()) if normalize else (lambda x: x)
    plain = {
        "emd": lambda x, y: scipy_stats.wasserstein_distance(scale(x), scale(y)),
        "kl": lambda x, y: scipy_stats.entropy(x, np.where(scale(y) == 0, 1e-8, scale(y))),
    }
    for mode, distance in plain.items():
        wanted = [[distance(x.ravel(), y.ravel()) for y in b] for x in a]
        agree(stats.distances(a, b, mode, normalize), wanted, 1e-9)
    assert (b == unchanged).all()


def test_leave_one_out(matrices):
    a, b = matrices
    wanted = [np.linalg.norm(x - y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j]
    agree(stats.intra_set(a), wanted)
    agree(stats.inter_set(a, b), [np.linalg.norm(x - y) for x in a for y in b])
    assert np.isnan(stats.distances(np.zeros((1, 3)), b[:, 0, :3], "kl")).all()
    with pytest.raises(Error, match="unknown distance 'cosine'"):
        stats.distances(a, b, "cosine")


# Densities -------------------------------------------------------------------------------------


def test_density_is_scotts():
    values = np.random.default_rng(0).poisson(3, 200).astype(float)
    x = np.linspace(-2, 14, 50)
    wanted = scipy_stats.gaussian_kde(values)
    agree(stats.density(values)(x), wanted(x), 1e-12)
    agree(stats.density(values).masses(np.array([-9, 1, 99])).sum(), 1, 1e-12)
    agree(stats.density(values).masses(np.array([1, 4])), wanted.integrate_box_1d(1, 4), 1e-12)
    far = stats.density(values).log(np.array([1e4]))
    assert -1e10 < far[0] < -1e6
    for equal in ([2, 2, 2], [1], [1, np.nan]):
        with pytest.raises(Error, match="not all equal"):
            stats.density(equal)


def test_density_of_many_values_is_gathered():
    values = np.random.default_rng(0).gamma(2, size=10_000)
    one, wanted = stats.density(values), scipy_stats.gaussian_kde(values)
    assert len(one.centres) < 5000
    x = np.linspace(0, values.max(), 100)
    agree(one(x), wanted(x), 1e-4)
    agree([one.weights.sum(), one.centres @ one.weights], [1, values.mean()], 1e-12)


@pytest.mark.slow
def test_overlapped_area_is_the_integral():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 80), np.append(rng.normal(2, 0.4, 60), rng.normal(-3, 0.1, 9))
    p, q = scipy_stats.gaussian_kde(a), scipy_stats.gaussian_kde(b)
    edges = np.linspace(min(a.min(), b.min()), max(a.max(), b.max()), 40)
    wanted = sum(
        integrate.quad(lambda x: min(p(x)[0], q(x)[0]), low, high, epsabs=1e-9, limit=200)[0]
        for low, high in pairwise(edges)
    )
    got = stats.overlapped_area(stats.density(a), stats.density(b))
    agree(got, wanted)
    agree(stats.overlapped_area(stats.density(b), stats.density(a)), got, 1e-12)
    apart = stats.overlapped_area(stats.density(a), stats.density(a + 100))
    assert abs(apart) < 1e-9


def test_divergence_on_own_and_on_common_points():
    """The published divergence does not depend on a shift; the corrected one does, and can be 0."""
    values = np.random.default_rng(2).normal(0, 1, 300)
    here, there = stats.density(values), stats.density(values + 0.5)
    agree(stats.kl_divergence(here, there), 0)
    agree(stats.kl_divergence(here, here, "mgeval_fixed"), 0)
    # Two Gaussians of variance 1 + bandwidth squared, half apart: 0.125 / variance.
    variance = values.var() + here.bandwidth**2
    got = stats.kl_divergence(here, there, "mgeval_fixed")
    assert got == pytest.approx(0.125 / variance, rel=0.1)
    assert np.isfinite(stats.kl_divergence(here, stats.density(values + 500), "mgeval_fixed"))
    with pytest.raises(Error, match="unknown definition 'v1'"):
        stats.kl_divergence(here, there, "v1")


# Whole comparisons -----------------------------------------------------------------------------


def test_compare():
    rng = np.random.default_rng(3)
    set1 = {"near": rng.normal(0, 1, (30, 2)), "far": rng.normal(0, 1, (30, 3, 3))}
    set2 = {"near": rng.normal(0, 1, (20, 2)), "far": rng.normal(5, 1, (20, 3, 3))}
    found = stats.compare(set1, set2, "mgeval_fixed")
    near, far = found["near"], found["far"]
    agree(near.mean1, set1["near"][:20].mean(axis=0))  # as many as the smaller set has
    assert far.std2.shape == (3, 3)
    assert [len(x) for x in (near.intra1, near.intra2, near.inter)] == [380, 380, 400]
    assert min(near.oa) > 0.8 > 0.1 > max(far.oa)
    assert max(near.kld) < 0.2 < 2 < min(far.kld)
    x, densities = near.densities()
    agree(densities["inter"], stats.density(near.inter)(x))
    assert x[-1] == max(near.intra1.max(), near.intra2.max(), near.inter.max())


def test_equal_distances_have_no_density():
    """A set of equal values has NaN; the other set has a value."""
    rng = np.random.default_rng(4)
    one = stats.compare({"PC": np.full(12, 7)}, {"PC": rng.integers(3, 9, 12)})["PC"]
    assert np.isnan([one.kld[0], one.oa[0]]).all()
    assert np.isfinite([one.kld[1], one.oa[1]]).all()
    assert np.isnan(one.densities()[1]["intra1"]).all()
    assert (one.mean1, one.std1) == (7, 0)


def test_compare_refuses():
    good = {"PC": np.arange(4.0)}
    for other, message in [
        ({"PR": np.arange(4.0)}, "the same features: PC and PR"),
        ({"PC": np.arange(1.0)}, "PC: a comparison needs two"),
        ({"PC": np.zeros((4, 2))}, r"PC: samples of shape \(\) and \(2,\)"),
        ({"PC": np.array([1, 2, 3, np.nan])}, "PC: undefined for some samples"),
    ]:
        with pytest.raises(Error, match=message):
            stats.compare(good, other)


# Listeners -------------------------------------------------------------------------------------


def test_rating():
    """Scores 1, 2, 3, 4, 5: sd sqrt(2.5); t at 97.5 % and 4 degrees of freedom is 2.776445."""
    got = stats.rating([1, 2, 3, 4, 5])
    assert (got.n, got.mean) == (5, 3)
    agree([got.sd, got.high], [2.5**0.5, 3 + 2.7764451 * 0.5**0.5])
    agree(got.mean - got.low, got.high - got.mean)
    assert stats.rating([1, 2, 3, 4, 5], 0.8).high < got.high
    for few in ([3], [3, np.nan]):
        with pytest.raises(Error, match="two or more finite"):
            stats.rating(few)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_welch(alternative):
    a, b = [5, 4, 6, 5, 3, 6], [3, 4, 2, 5, 3, 1, 2, 2]
    wanted = scipy_stats.ttest_ind(a, b, equal_var=False, alternative=alternative)
    got = stats.welch(a, b, alternative)
    agree([got.t, got.df, got.p], [wanted.statistic, wanted.df, wanted.pvalue], 1e-12)


def test_welch_refuses():
    with pytest.raises(Error, match="unknown alternative"):
        stats.welch([1, 2], [2, 3], "both")
    with pytest.raises(Error, match="all equal"):
        stats.welch([3, 3], [4, 4])
