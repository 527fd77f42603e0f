"""Figures of pieces."""

from music.test_piece import piece

from musegen.commands.outputs import table
from musegen.music.piece import Part
from musegen.music.piece_statistics import COLUMNS, facts, longest_silence, statistics

KINDS = [Part(0), Part(0, True)]


def test_facts_of_a_piece():
    song = piece(
        (24, 48, 60), (48, 24, 64), (48, 6, 36, 80, 1), (120, 24, 60), parts=KINDS, length=192,
        meters=[(0, 3, 4), (72, 4, 4)],
    )  # fmt: skip
    assert facts(song) == dict(zip(COLUMNS, (
        2, 4, 3, 4.0, "60-64", 2, 4 / 3, 96 / 72, 0.5, "3/4 4/4",
    ), strict=True))  # fmt: skip


def test_silence_at_both_ends_counts_and_an_empty_piece_has_no_figures():
    assert longest_silence(piece((48, 48, 60), length=96)) == 0.5
    assert longest_silence(piece((0, 24, 60), (3, 3, 60), length=96)) == 0.75
    assert facts(piece())["range"] is None


def test_pieces_of_one_name_have_a_row_each():
    rows = statistics([piece((0, 9, 60)), piece()])
    assert list(rows) == ["song", "song (2)"]
    assert table(rows, COLUMNS).count("\n") == 2
    assert "-" in rows["song (2)"]
