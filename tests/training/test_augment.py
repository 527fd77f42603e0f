"""Tracks that exchange their parts."""

import numpy as np

from musegen.data import demo
from musegen.music.phrases import TRACKS
from musegen.training.augment import exchanged

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
