"""The built-in band has realistic statistics, and its songs depend only on the seed."""

import numpy as np
import pytest

from musegen import Error
from musegen.data import demo
from musegen.metrics import muse
from musegen.music.phrases import LOWEST_PITCH, TRACKS

# MuseGAN, Tables 1 and 2, training data; a tolerance for each metric.
PUBLISHED = {
    "EB": (0.03, {"bass": 0.0806, "drums": 0.0806, "guitar": 0.194, "piano": 0.248,
                  "strings": 0.101}),
    "UPC": (0.4, {"bass": 1.71, "guitar": 3.08, "piano": 3.28, "strings": 3.38}),
    "QN": (0.06, {"bass": 0.900, "guitar": 0.819, "piano": 0.884, "strings": 0.896}),
    "DP": (0.05, {"drums": 0.886}),
    "TD": (0.15, {"bass-guitar": 1.57, "bass-strings": 1.58, "bass-piano": 1.51,
                  "guitar-strings": 1.10, "guitar-piano": 1.02, "strings-piano": 1.04}),
}  # fmt: skip


@pytest.fixture(scope="module", params=[96, 48])
def phrases(request):
    return demo.phrases(500, request.param)


def test_statistics_are_close_to_the_published_training_data(phrases):
    row = muse.evaluate(phrases, definition="v1")
    for code, (tolerance, published) in PUBLISHED.items():
        for name, value in published.items():
            assert row[code][name] == pytest.approx(value, abs=tolerance), (code, name)


def test_bars_that_belong_together_are_closer_than_shuffled_ones(phrases):
    for definition in ("v1", "paper"):
        true = muse.evaluate(phrases, definition=definition)["TD"]
        pairs = muse.shuffled(phrases, seed=0)
        shuffled = muse.evaluate(pairs, definition=definition)["TD"]
        assert all(true[pair] < shuffled[pair] for pair in PUBLISHED["TD"][1])


def test_music_stands_in_c_major_and_a_minor(phrases):
    ratio = muse.evaluate(phrases, definition="paper")["SR"]
    assert min(ratio[name] for name in TRACKS[1:]) > 0.95


def test_drums_are_single_hits_of_the_kit(phrases):
    drums = phrases[..., 0].reshape(-1, *phrases.shape[2:4])
    pitches = {LOWEST_PITCH + p for p in np.flatnonzero(drums.any(axis=(0, 1)))}
    assert pitches == set(demo.KIT.values())
    neighbours = (drums[:, 1:] & drums[:, :-1]).sum()
    assert neighbours < 0.02 * drums.sum()


@pytest.mark.parametrize("n_steps", [48, 96])
def test_every_note_begins_after_a_silent_step(n_steps):
    """Each note begins after a silent step; an early note begins one step before its time."""
    for index in range(5):
        notes, early, n_phrases = demo._song(0, index)
        track, start, end, pitch = notes
        assert pitch.min() >= 24
        assert pitch.max() <= 107
        assert end.max() <= n_phrases * demo.TICKS_PER_SECTION
        roll = demo._paint(notes, early, n_phrases, n_steps)
        roll = np.pad(roll.reshape(-1, *roll.shape[3:]), ((1, 0), (0, 0), (0, 0)))
        first = np.maximum(start * n_steps // 48 - early, 0)
        onset = roll[first + 1, pitch - 24, track] & ~roll[first, pitch - 24, track]
        assert onset[track > 0].mean() > 0.999


def test_a_long_note_ends_with_one_silent_step():
    notes = np.array([[3, 0, 48, 36], [3, 48, 96, 36], [1, 0, 0, 60], [0, 12, 12, 38]]).T
    roll = demo._paint(notes, np.zeros(4, bool), 1, 96).reshape(384, 84, 5)
    np.testing.assert_array_equal(np.flatnonzero(~roll[:192, 12, 3]), [95, 191])
    np.testing.assert_array_equal(np.flatnonzero(roll[:, 36, 1]), [0])
    np.testing.assert_array_equal(np.flatnonzero(roll[:, 14, 0]), [24])


def test_a_song_does_not_depend_on_the_number_of_songs():
    few, numbers = demo.songs(2, 48, seed=7)
    many = demo.phrases(len(few) + 5, 48, seed=7)
    np.testing.assert_array_equal(many[: len(few)], few)
    blocks = list(demo.blocks(len(many), 7, 48, seed=7))
    np.testing.assert_array_equal(np.concatenate([block for block, _ in blocks]), many)
    np.testing.assert_array_equal(
        np.concatenate([number for _, number in blocks])[: len(few)], numbers
    )
    assert numbers.dtype == np.int32
    assert numbers.tolist() == sorted(numbers)
    assert set(numbers) == {0, 1}
    assert not np.array_equal(many, demo.phrases(len(many), 48, seed=8))


def test_riffs_come_back_with_their_section():
    played, different = 0, 0
    for index in range(20):
        (track, start, end, pitch), _, n_phrases = demo._song(0, index)
        notes = np.stack([start % demo.TICKS_PER_SECTION, end - start, pitch], axis=1)
        section = start // demo.TICKS_PER_SECTION
        riffs = [notes[(track == 2) & (section == k)].tobytes() for k in range(n_phrases)]
        played += sum(map(bool, riffs))
        different += len({riff for riff in riffs if riff})
    assert 0.3 * played < different < 0.75 * played


@pytest.mark.parametrize("arguments", [{"n": 0}, {"n_steps": 50}, {"n_steps": 0}, {"seed": -1}])
def test_mistakes_are_named(arguments):
    with pytest.raises(Error, match=r"^demo: "):
        demo.phrases(**{"n": 1, **arguments})


def test_chords_are_spelt_right():
    assert demo.CHORDS[demo._progression("C | F G | Am | Dm7")[2]] == "F"
    grip = demo._open(np.array([demo.CHORDS.index("C")]), demo.OPEN_STRINGS)
    np.testing.assert_array_equal(grip, [[40, 48, 52, 55, 60, 64]])
    close = demo.close(np.array([demo.CHORDS.index("Am")]), 60, 4)
    np.testing.assert_array_equal(close, [[60, 64, 69, 72]])
