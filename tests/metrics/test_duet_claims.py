"""What the DuetHLSTM report claims, measured on public phrases, and on cells placed by hand."""

from itertools import product

import numpy as np
import pytest
import reference

from musegen import Error
from musegen.metrics import duet_claims as claims
from musegen.music.phrases import TRACKS


@pytest.fixture(scope="module")
def public() -> np.ndarray:
    """Fifty phrases of the Lakh Pianoroll Dataset."""
    stored = reference.arrays("duet/duet_sample.npz")
    return claims.rolls(reference.bits(stored["packed"], stored["shape"]), claims.PAIR)


def near(got, *wanted: float, digits: int = 3) -> None:
    np.testing.assert_array_equal(np.round(np.array(got, float), digits), wanted)


@pytest.mark.golden
def test_claims_on_public_phrases(public):
    """The figures of the specification; those by chance were drawn there at random."""
    near(claims.consonance(public), 0.888, 0.589)
    near(claims.unison(public), 0.277, 0.087)
    near(claims.shared_onsets(public), 0.616, 0.272)
    near(claims.unchanged(public), 0.607, 0.753)
    near(claims.copying(public), 0.811, 0.783, 0.840)


@pytest.mark.golden
def test_texture_of_public_phrases(public):
    near(claims.density(public), 0.0305, 0.0288, digits=4)
    near(claims.silent(public), 0.1325, 0.1306, digits=4)
    near(claims.sounding_notes(public), 2.957, 2.781)
    assert claims.most_notes(public).tolist() == [10, 8]
    assert claims.bursts(public) == 0
    shares = [(public.sum(axis=2) == n).mean(axis=(0, 1)) for n in range(5)]
    near(np.transpose(shares)[0], 0.132, 0.186, 0.117, 0.263, 0.202)


@pytest.mark.golden
def test_finer_bars_are_sampled(public):
    stored = reference.arrays("lpd_piano_strings_50.npz")
    fine = reference.bits(stored["packed"], stored["shape"])
    np.testing.assert_array_equal(claims.rolls(fine, claims.PAIR), public)
    five = np.zeros((*fine.shape[:-1], 5), bool)
    five[..., TRACKS.index("piano")] = fine[..., 0]
    five[..., TRACKS.index("strings")] = fine[..., 1]
    np.testing.assert_array_equal(claims.rolls(five), public)


@pytest.fixture
def placed() -> np.ndarray:
    """Two phrases. The first has C, then E over C; the second a long D flat over G."""
    x = np.zeros((2, 32, 84, 2), bool)
    x[0, 4, 36, 0] = x[0, 4:6, 24, 1] = x[0, 5, 40, 0] = True
    x[1, 8:16, 37, 0] = x[1, 10:16, 43, 1] = True
    return x


def test_intervals(placed):
    # C-C, E-C, and six steps of D flat and G, a tritone.
    assert claims.consonance(placed)[0] == 2 / 8
    assert claims.unison(placed)[0] == 1 / 8
    assert np.isnan(claims.unison(placed)[1])  # the two phrases sound at different steps
    placed[1, 4, 76, 0] = True  # E over the C of the first phrase, whose C is over silence
    np.testing.assert_array_equal(claims.consonance(placed), [2 / 8, 1])
    np.testing.assert_array_equal(claims.unison(placed), [1 / 8, 0])


def test_by_chance_is_the_mean_of_all_other_pairs():
    x = np.random.default_rng(0).random((4, 8, 84, 2)) < 0.02
    x[1] = False
    classes = x.reshape(4, 8, 7, 12, 2).any(axis=2)
    pairs = [
        (int(a) - int(m)) % 12
        for i, j, t in product(range(4), range(4), range(3, 8))
        if i != j
        for m, a in product(*(np.flatnonzero(classes[k, t, :, c]) for k, c in ((i, 0), (j, 1))))
    ]
    expected = np.isin(pairs, claims.CONSONANT).mean()
    assert claims.consonance(x, start=3)[1] == pytest.approx(expected)
    assert np.isnan(claims.consonance(x[:1])[1])


def test_onsets(placed):
    # Melody: steps 4, 5 and 8; accompaniment: 4 and 10.
    assert claims.shared_onsets(placed) == (1 / 2, 3 / 62)
    assert claims.shared_onsets(placed, start=5) == (0, 2 / 54)
    placed[0, 0, 0] = True  # nothing is known of the step before
    placed[0, 1, 0] = True
    assert claims.shared_onsets(placed) == (1 / 2, 3 / 62)


def test_unchanged_steps(placed):
    np.testing.assert_allclose(claims.unchanged(placed), [1 - 5 / 62, 1 - 4 / 62])
    np.testing.assert_allclose(claims.unchanged(placed, start=6), [1 - 3 / 52, 1 - 3 / 52])


def test_copying(placed):
    # Of the melody, 10 cells are on, 10 are predicted, and 7 of these are right.
    np.testing.assert_allclose(claims.copying(placed), [26 / 36, 14 / 20, 12 / 16])
    placed[:] = False
    placed[0, 30:, 0, 0] = True
    np.testing.assert_allclose(claims.copying(placed), [0, 0, np.nan])
    np.testing.assert_allclose(claims.copying(placed, end=None)[1], 2 / 3)


def test_texture(placed):
    np.testing.assert_allclose(claims.density(placed), np.array([10, 8]) / (64 * 84))
    np.testing.assert_allclose(claims.silent(placed, start=4), 1 - np.array([10, 8]) / 56)
    placed[0, 0, :11, 1] = placed[1, 20, :4, 0] = True
    np.testing.assert_allclose(claims.sounding_notes(placed), [14 / 11, 19 / 9])
    assert claims.most_notes(placed).tolist() == [4, 11]
    assert claims.most_notes(placed, start=21).tolist() == [0, 0]
    assert claims.bursts(placed) == 0.5
    assert claims.bursts(placed, start=1) == 0


def test_columns_of_a_history(placed):
    placed[:, :4] = True  # what the system was given does not count
    columns = claims.history_columns(placed)
    assert columns["density_strings"] == pytest.approx(8 / (56 * 84))
    assert columns["most_piano"] == 1
    assert columns["notes_piano"] == 1
    assert [*columns] == [
        f"{name}_{track}"
        for name in ("density", "silent", "unchanged", "notes", "most")
        for track in ("piano", "strings")
    ]
    alone = claims.history_columns(placed[..., :1], ["bass"], start=6)
    assert (alone["density_bass"], alone["most_bass"]) == (pytest.approx(8 / (52 * 84)), 1)


def test_distances_and_originals():
    rng = np.random.default_rng(0)
    data = rng.random((5, 32, 84, 2)) < 0.03
    made = data[[3, 1, 4]].copy()
    made[0, 4:] = False
    made[2, 0, 0, 0] ^= True
    wanted = [[(a[4:] ^ b[4:]).sum() for b in data] for a in made]
    np.testing.assert_array_equal(claims.distances(made, data), wanted)
    assert claims.originals(made, data).tolist() == [3, 1, -1]
    made[:, :4] = data[0, :4] = False  # silence says nothing of where a phrase comes from
    assert claims.originals(made, data).tolist() == [-1, -1, -1]
    assert claims.originals(made, data[:0]).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("n", [0, 1])
def test_silence_is_undefined(n):
    x = np.zeros((n, 32, 84, 2), bool)
    for measure in (claims.consonance, claims.unison, claims.copying, claims.sounding_notes):
        assert np.isnan(measure(x)).all()
    assert np.isnan(claims.shared_onsets(x)[0])
    for measure in (claims.density, claims.silent, claims.unchanged, claims.bursts):
        assert np.isnan(measure(x)).all() == (n == 0)


def test_mistakes():
    with pytest.raises(Error, match="2 tracks, but 5 names"):
        claims.rolls(np.zeros((1, 4, 8, 84, 2), bool))
    with pytest.raises(Error, match="no track named strings"):
        claims.rolls(np.zeros((1, 4, 8, 84, 3), bool), TRACKS[:3])
    with pytest.raises(Error, match="12 steps a bar cannot become 8"):
        claims.rolls(np.zeros((1, 4, 12, 84, 2), bool), claims.PAIR)
