"""Dictionaries: values and their numbers, on disk and back."""

import json

import numpy as np
import pytest

from musegen import Error
from musegen.music.tokens.dictionaries import Dictionaries
from musegen.music.tokens.triples import PRESETS, NoteTriples

PAPER, REPO = PRESETS["paper"], PRESETS["repo"]
SONGS = [
    NoteTriples("a", np.array([[12, 48, 60], [0, 24, 67]])),
    NoteTriples("b", np.array([[0, 6, 60], [3, 48, 58]])),
]


def test_values_are_in_order_of_appearance_or_ascend():
    paper = Dictionaries.of(SONGS, PAPER)
    assert (paper.unit, paper.dT, paper.T) == ("grid", (12, 0, 3), (48, 24, 6))
    transposed = sorted({*range(55, 64), *range(64, 71)})
    assert paper.P[:3] == (60, 67, 58)
    assert paper.P[3:] == tuple(p for p in transposed if p not in (60, 67, 58))
    repo = Dictionaries.of(SONGS, REPO)
    assert (repo.unit, repo.dT, repo.T, repo.P) == (
        "sixteenths", (0, 3, 12), (6, 24, 48), tuple(transposed),
    )  # fmt: skip
    assert paper.sizes == repo.sizes == (4, 4, 17)
    edge = [NoteTriples("c", np.array([[0, 3, 126]]))]
    assert Dictionaries.of(edge, PAPER).P == (126, 123, 124, 125, 127)


@pytest.mark.parametrize("settings", [PAPER, REPO], ids=["paper", "repo"])
def test_values_come_back_and_none_has_number_0(settings):
    words = Dictionaries.of(SONGS, settings)
    for song in SONGS:
        tokens, replaced = words.encode(song.rows)
        assert (tokens.min() > 0, replaced) == (True, 0)
        rows, left_out = words.decode(tokens)
        np.testing.assert_array_equal(rows, song.rows)
        assert left_out == 0
    batch, _ = words.encode(np.stack([song.rows for song in SONGS]))
    np.testing.assert_array_equal(batch[0], words.encode(SONGS[0].rows)[0])


def test_a_value_that_was_never_seen_is_replaced_by_the_nearest():
    words = Dictionaries.of(SONGS, PAPER)
    tokens, replaced = words.encode(np.array([[7, 15, 20], [8, 16, 127], [12, 9999, 60]]))
    assert words.decode(tokens)[0].tolist() == [[3, 6, 55], [12, 24, 70], [12, 48, 60]]
    assert replaced == 7


def test_notes_with_a_number_0_are_left_out():
    words = Dictionaries("grid", (0, 12), (6,), (60, 62))
    tokens = [[2, 1, 1], [0, 1, 1], [2, 0, 1], [2, 1, 0], [2, 1, 2], [2, 0, 0]]
    rows, left_out = words.decode(np.array(tokens))
    assert (rows.tolist(), left_out) == ([[12, 6, 60], [36, 6, 62]], 4)
    assert words.decode(np.zeros((0, 3), int))[0].shape == (0, 3)
    for beyond in ([3, 1, 1], [1, 2, 1], [1, 1, -1]):
        with pytest.raises(Error, match=r"tokens beyond the \(3, 2, 3\) of dT, T and P"):
            words.decode(np.array([beyond]))


def test_dictionaries_are_saved_as_json(tmp_path):
    words = Dictionaries.of(SONGS, PAPER)
    path = words.save(tmp_path / "words.json")
    assert Dictionaries.load(path) == words
    assert json.loads(path.read_text())["T"] == [48, 24, 6]


def test_nothing_has_no_dictionaries():
    with pytest.raises(Error, match="no notes to make dictionaries of"):
        Dictionaries.of([], PAPER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"P": [128]},
        {"dT": [0, 0]},
        {"dT": []},
        {"T": [-1]},
        {"T": ["a"]},
        {"T": 5},
        {"unit": "beats"},
        {"unit": []},
        {"P": None},
        {"T": [True]},
    ],
)
def test_damage_is_one_line_that_names_the_file(tmp_path, wrong):
    path = tmp_path / "words.json"
    content = {"unit": "grid", "dT": [0], "T": [3], "P": [60]}
    path.write_text(json.dumps(content))
    assert Dictionaries.load(path).sizes == (2, 2, 2)
    path.write_text(json.dumps(content | wrong))
    with pytest.raises(Error, match=r"words\.json: damaged \(.*\); copy the system") as caught:
        Dictionaries.load(path)
    assert "\n" not in str(caught.value)
