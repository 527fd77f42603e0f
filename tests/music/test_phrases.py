"""The phrase array: packing, transposition, resampling, binarisation, chaining."""

import numpy as np
import pytest

from musegen import Error
from musegen.music import phrases
from musegen.music.phrases import Layout


@pytest.fixture
def some() -> np.ndarray:
    return np.random.default_rng(0).random((3, 4, 48, 84, 5)) < 0.03


def test_layout_counts_cells_and_bytes():
    assert Layout().shape == (4, 96, 84, 5)
    assert Layout(n_steps=48).n_bytes == 4 * 48 * 84 * 5 // 8


def test_pack_is_numpys_and_lossless(some):
    packed = phrases.pack(some)
    assert np.array_equal(packed[1], np.packbits(some[1]))
    back = phrases.unpack(packed, some.shape[1:])
    assert back.dtype == bool
    assert np.array_equal(back, some)


@pytest.mark.parametrize("semitones", [0, 1, -5, 6, 83, 84, -200])
def test_transpose_moves_pitches_but_not_drums(some, semitones):
    moved = phrases.transpose(some, semitones)
    n, bar, step, pitch, track = np.nonzero(some)
    new = np.where(track == 0, pitch, pitch + semitones)
    keep = (new >= 0) & (new < 84)
    expected = np.zeros_like(some)
    expected[n[keep], bar[keep], step[keep], new[keep], track[keep]] = True
    assert np.array_equal(moved, expected)


def test_reorder_by_name(some):
    turned = phrases.reorder(some, phrases.TRACKS, ("bass", "drums"))
    assert np.array_equal(turned, some[..., [3, 0]])
    with pytest.raises(Error, match="no track named flute"):
        phrases.reorder(some, phrases.TRACKS, ("flute",))


def test_resample_down_keeps_any_or_majority():
    x = np.zeros((1, 1, 12, 84, 5), bool)
    x[0, 0, [0, 4, 5, 9, 10, 11], 0, 1] = True
    line = {
        rule: phrases.resample(x, 4, rule)[0, 0, :, 0, 1].tolist()
        for rule in ("keep", "any", "majority")
    }
    assert line["keep"] == [True, False, False, True]
    assert line["any"] == [True, True, False, True]
    assert line["majority"] == [False, True, False, True]
    with pytest.raises(Error, match="neither divides"):
        phrases.resample(x, 5)


def test_resample_up_and_down_again_is_the_same(some):
    up = phrases.resample(some, 96)
    assert np.array_equal(phrases.resample(up, 48), some)
    assert up[..., 0].sum() == some[..., 0].sum()  # a drum hit stays one step
    assert up[..., 1:].sum() == 2 * some[..., 1:].sum()


def test_binarise():
    x = np.zeros((1, 2, 84, 5))
    x[0, 0, [3, 5], 3] = [0.2, 0.7]
    x[0, 1, 3, 1] = -0.1
    assert phrases.binarise(x).sum() == 2
    assert np.argwhere(phrases.binarise(x, monophonic_bass=True)).tolist() == [[0, 0, 5, 3]]
    p = np.full((100, 100), 0.3)
    drawn = phrases.binarise(p, rule="bernoulli", seed=1)
    assert 0.27 < drawn.mean() < 0.33
    assert np.array_equal(drawn, phrases.binarise(p, rule="bernoulli", seed=1))


@pytest.mark.parametrize("gap", [0, 1, 2])
def test_chain_and_cut_are_inverse(some, gap):
    roll = phrases.chain(some, gap)
    assert roll.shape == (3 * (4 + gap) * 48, 84, 5)
    assert np.array_equal(phrases.cut(roll, 48, gap=gap), some)
    assert len(phrases.cut(roll[: 4 * 48 + 1], 48)) == 2


def test_validate_says_what_is_wrong():
    with pytest.raises(Error, match=r"x\.npy: an array of shape"):
        phrases.validate(np.zeros((2, 4, 48, 128, 5)), "x.npy")
    assert phrases.validate(-np.ones((1, 4, 48, 84, 5))).sum() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        np.full((1, 4, 8, 84, 5), np.nan), np.full((1, 4, 8, 84, 5), np.inf, np.float16),
        np.zeros((1, 0, 8, 84, 5)), np.zeros((1, 4, 0, 84, 5)), np.zeros((1, 4, 8, 84, 0)),
        np.zeros((1, 4, 8, 84, 5), "S2"), np.zeros((1, 4, 8, 84, 5), complex),
        np.zeros((1, 4, 8, 84, 5), object), np.zeros((1, 4, 8, 84, 5), "M8[s]"),
    ],
)  # fmt: skip
def test_what_is_neither_on_nor_off_is_refused(wrong):
    with pytest.raises(Error, match=r"^x\.npy: [^\n]+$"):
        phrases.validate(wrong, "x.npy")


def test_packed_phrases_come_in_blocks(some):
    packed = phrases.Packed(phrases.pack(some), some.shape[1:])
    assert (len(packed), packed.shape) == (3, some.shape)
    assert np.array_equal(packed[1:], some[1:])
    parts = list(phrases.blocks(packed, 2))
    assert [len(part) for part in parts] == [2, 1]
    assert np.array_equal(np.concatenate(parts), some)
    coarse = packed.changed(lambda block: phrases.resample(block, 16))
    assert np.array_equal(coarse[:], phrases.resample(some, 16))
    assert coarse.shape == coarse[:].shape
    assert next(phrases.blocks(some)) is some
