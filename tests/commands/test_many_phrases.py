"""Many phrases stay packed and are written in blocks, with the same bytes as few at once."""

import tracemalloc

import numpy as np
import pytest

from musegen.commands import calls, phrase_format
from musegen.music import midi, phrases


@pytest.fixture
def music():
    return np.random.default_rng(0).random((300, 4, 48, 84, 5)) < 0.003


@pytest.mark.parametrize("gap", [0, 1])
def test_packed_phrases_are_written_as_those_at_once(gap, music, tmp_path):
    packed = phrases.Packed(phrases.pack(music), music.shape[1:])
    score = midi.to_score(packed, gap=gap)
    assert score.dumps_midi() == midi.to_score(music, gap=gap).dumps_midi()
    assert phrase_format.statistics(packed) == phrase_format.statistics(music)
    picture = phrase_format.phrase_picture(packed)
    assert np.array_equal(picture, phrase_format.phrase_picture(music))
    phrase_format.write_array(tmp_path / "x.npy", packed)
    np.save(tmp_path / "y.npy", music)
    assert (tmp_path / "x.npy").read_bytes() == (tmp_path / "y.npy").read_bytes()


def test_packed_phrases_need_little_memory(tmp_path):
    packed = phrases.Packed(np.zeros((1000, 10_080), np.uint8), (4, 48, 84, 5))
    phrase_format.write_array(tmp_path / "x.npy", packed[:1])  # what is loaded once
    tracemalloc.start()
    phrase_format.write_array(tmp_path / "x.npy", packed)
    phrase_format.statistics(packed)
    midi.to_score(packed)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80_640_000 / 2  # what they take as bools, of which a block is an eighth


@pytest.mark.slow
def test_systems_give_the_same_packed(system, composing):
    for name, choices in ((system, {}), (system, {"fusion": False}), (composing, {})):
        opened = calls.open_system(name)
        packed = opened.generate(3, seed=5, packed=True, **choices)
        whole = opened.generate(3, seed=5, **choices)
        assert packed.shape == whole.shape
        assert np.array_equal(packed[:], whole)
