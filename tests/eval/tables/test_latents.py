"""Lines through a latent space and the separation of corpora, with a code that is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from musegen import Error
from musegen.eval.tables import latents
from musegen.eval.tables.latents import Codes, smoothness


def system(corpora: dict[str, np.ndarray], offset: int = 0) -> SimpleNamespace:
    """A system whose code is the numbers of a segment, which it rounds to write them again.

    Pieces are names of corpora, and each segment is a song of its own.
    """

    def segments_of_songs(name):
        return corpora[name], np.arange(len(corpora[name])), 0

    def decode(z, seed, temperature):
        assert temperature == 0
        return np.round(z).astype(int).reshape(len(z), -1, 3) + offset

    return SimpleNamespace(
        segments_of_songs=segments_of_songs,
        encode=lambda numbers: numbers.reshape(len(numbers), -1).astype(np.float32),
        decode=decode,
    )


TWO = np.array([[[1, 1, 1]] * 4, [[1, 11, 3]] * 4])  # dT is the same, T and P differ


def test_lines_go_from_a_segment_to_another():
    """T leaves the value of A with the first of ten steps, P with the third."""
    made = latents.lines(
        system({"one": TWO[:1], "two": TWO[1:]}), {"one": "one", "two": "two"}, 5, 10
    )
    assert made.distances.shape == (5, 11, 3)
    assert made.total == 2
    (dt, t, p) = np.moveaxis(made.distances, 2, 0)
    assert (dt == 0).all()
    assert (t == ([0] + [1] * 10)).all()
    assert (p == ([0] * 3 + [1] * 8)).all()
    assert made.ends == made.whole[:, -1].mean() == pytest.approx(2 / 3)
    assert made.smoothness == pytest.approx(1 / 2)
    assert made.largest_steps == pytest.approx(1 / 2)


def test_lines_against_the_segment_or_its_reconstruction():
    corpora = {"two": "two"}
    wrong = system({"two": TWO}, offset=20)
    data = latents.lines(wrong, corpora, 4, 10)
    assert (data.distances == 1).all()
    assert (data.smoothness, data.largest_steps) == (None, None)
    own = latents.lines(wrong, corpora, 4, 10, against="reconstruction")
    assert own.whole[:, 0].tolist() == [0] * 4
    assert own.smoothness == pytest.approx(1 / 2)


def test_ends_are_two_different_segments_drawn_by_the_seed():
    numbers = np.arange(1, 9)[:, None, None] * np.ones((1, 2, 3), int)
    for n in (2, 8):
        made = [latents.lines(system({"x": numbers[:n]}), {"x": "x"}, 50, 2, s) for s in (0, 0, 1)]
        assert (made[0].whole[:, -1] == 1).all()
        assert made[0].ends == 1
        assert (made[0].distances == made[1].distances).all()
    assert (made[0].distances != made[2].distances).any()
    with pytest.raises(Error, match="x: has one segment of 100 notes"):
        latents.lines(system({"x": numbers[:1]}), {"x": "x"})


def test_many_lines_are_decoded_in_parts(monkeypatch, capsys):
    numbers = np.random.default_rng(0).integers(1, 9, (20, 4, 3))
    whole = latents.lines(system({"x": numbers}), {"x": "x"}, 30, 4)
    monkeypatch.setattr(latents, "AT_ONCE", 7)
    monkeypatch.setattr(latents, "PATIENCE", -1)
    parts = latents.lines(system({"x": numbers}), {"x": "x"}, 30, 4)
    assert (parts.distances == whole.distances).all()
    assert capsys.readouterr().err.endswith("30 of 30 lines decoded\n")


def test_smoothness():
    assert smoothness(np.linspace(0.2, 0.9, 21)) == pytest.approx(1 / 20)
    assert smoothness(np.array([0, 0, 1, 1])) == 1
    assert smoothness(np.array([0.5, 0.6, 0.5])) is None


def codes(values: list, corpus: str, song: list[int]) -> Codes:
    return Codes(np.array(values, float), np.array(list(corpus)), np.array(song))


def test_corpora_that_lie_apart_are_told_apart():
    rng = np.random.default_rng(0)
    corpus, song = np.repeat(["a", "b", "c"], 40), np.tile(np.arange(40) // 4, 3)
    centre = np.repeat(np.eye(3), 40, axis=0)
    noise = rng.normal(0, 0.1, (120, 3))
    assert latents.separation(Codes(centre + noise, corpus, song)) == {"a": 1, "b": 1, "c": 1}
    mixed = latents.separation(Codes(noise, corpus, song))
    assert np.mean([*mixed.values()]) == pytest.approx(1 / 3, abs=0.15)


def test_segments_of_a_song_are_held_out_together():
    """Each song lies at a place of its own, so that other songs say nothing about it.

    With segments of the same song among those that are learned, all would be right.
    """
    found = latents.separation(
        codes([[0], [0], [10], [10], [9], [9], [1], [1]], "aaaabbbb", [0, 0, 1, 1, 0, 0, 1, 1])
    )
    assert set(found.values()) <= {0, 1}
    assert found == latents.separation(codes([[0], [10], [9], [1]], "aabb", [0, 1, 0, 1]))
    with pytest.raises(Error, match="b: has one song of 100 notes, and a map needs two"):
        latents.separation(codes([[0], [1], [2], [3]], "aabb", [0, 1, 0, 0]))


def test_codes_know_their_corpus():
    many = np.arange(1, 11)[:, None, None] * np.ones((1, 2, 3), int)
    found = latents.codes(system({"x": many, "y": many[:2]}), {"x": "x", "y": "y"}, 3)
    assert found.corpus.tolist() == ["x"] * 3 + ["y"] * 2
    assert found.values[:, 0].tolist() == [1, 5, 10, 1, 2]
    assert found.song.tolist() == [0, 4, 9, 0, 1]
    with pytest.raises(Error, match="x: a map compares two or more corpora"):
        latents.codes(system({"x": many}), {"x": "x"})
