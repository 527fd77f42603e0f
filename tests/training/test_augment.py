"""Tracks that exchange their parts, and bars that are put together anew."""

import numpy as np
import pytest

from musegen.data import demo
from musegen.music.phrases import TRACKS
from musegen.training.augment import exchanged, mixed

PARTS = ("piano", "guitar", "strings")
PIANO, GUITAR, STRINGS = map(TRACKS.index, PARTS)


def exchange(phrases: np.ndarray, seed: int = 0) -> np.ndarray:
    return exchanged(phrases, "piano", PARTS, np.random.default_rng(seed))


def test_each_part_comes_to_the_track_and_the_others_stay():
    phrases = demo.phrases(60, n_steps=48, seed=1)
    before = phrases.copy()
    new = exchange(phrases)
    np.testing.assert_array_equal(phrases, before)
    np.testing.assert_array_equal(new[..., [0, 3]], phrases[..., [0, 3]])
    came = dict.fromkeys((PIANO, GUITAR, STRINGS), 0)
    for old, made in zip(phrases, new, strict=True):
        (part,) = [p for p in came if np.array_equal(made[..., PIANO], old[..., p])]
        came[part] += 1
        np.testing.assert_array_equal(made[..., part], old[..., PIANO])
    assert min(came.values()) > 10  # a third each
    np.testing.assert_array_equal(exchange(phrases), new)
    assert not np.array_equal(exchange(phrases, seed=1), new)


def test_a_silent_part_does_not_come():
    phrases = demo.phrases(40, n_steps=48, seed=1)
    phrases[..., [PIANO, GUITAR]] = False
    new = exchange(phrases)
    np.testing.assert_array_equal(new[..., PIANO], phrases[..., STRINGS])
    assert not new[..., STRINGS].any()
    phrases[..., STRINGS] = False
    np.testing.assert_array_equal(exchange(phrases), phrases)


@pytest.mark.parametrize("by_pitch", [False, True])
def test_half_of_the_bars_are_put_together_of_parts_of_several(by_pitch):
    """Every cell says in which bar it began: a beat comes from one, or a pitch does."""
    n = 200
    bars = np.broadcast_to(1 + np.arange(n)[:, None, None], (n, 8, 5)).copy()
    bars[..., 3] = 0  # a pitch that nobody plays
    new = mixed(bars, np.random.default_rng(0), by_pitch)
    assert not new[..., 3].any()
    changed = (new != bars).any(axis=(1, 2))
    assert 0.4 < changed.mean() < 0.6
    beats = new[changed][..., [0, 1, 2, 4]].reshape(-1, 4, 2, 4)
    assert (beats[:, :, :1] == beats).all()  # both steps of a beat
    beat_from_one = (beats == beats[..., :1]).all(axis=(1, 2, 3))
    pitch_from_one = (beats == beats[:, :1]).all(axis=(1, 2, 3))
    of_one, of_several = (pitch_from_one, beat_from_one) if by_pitch else (
        beat_from_one, pitch_from_one
    )  # fmt: skip
    assert of_one.all()
    assert of_several.mean() < 0.05
    assert np.mean([len(np.unique(own)) for own in beats]) > 3
