"""The picture of a piece."""

import numpy as np
import pytest
from music.test_piece import anything, piece

from musegen import Error
from musegen.music.piece import Part
from musegen.plots import encoded
from musegen.plots.piece_rolls import piece as draw
from musegen.plots.piece_rolls import pieces

KINDS = [Part(0, False, "_lead"), Part(0, True), Part(5)]


def song(**options):
    rows = [(0, 50, 60, 127), (10, 20, 64, 1), (0, 9, 36, 80, 1), (9, 9, 42, 80, 1), (60, 0, 70)]
    return piece(*rows, parts=KINDS, meters=[(0, 3, 8), (36, 5, 4)], length=200, **options)


def test_rows_have_bars_of_their_meters():
    """A bar of 3/8 has 36 ticks here, one of 5/4 120."""
    first, second = draw(song(), bars_a_row=2).axes
    assert first.get_xticks().tolist() == [0, 36]
    assert [label.get_text() for label in second.get_xticklabels()] == ["3"]
    assert (first.get_xlim(), second.get_xlim()) == ((0, 156), (156, 312))
    assert [text.get_text() for text in first.texts] == ["3/8", "5/4"]


def test_blocks_stand_where_notes_do():
    axes = draw(song(), bars_a_row=1).axes[0]
    corners = np.array([path.vertices[:4] for path in axes.collections[0].get_paths()])
    spans = corners[:, :, 0].min(1), corners[:, :, 0].max(1), corners[:, :, 1].min(1)
    kick, hat = axes.get_ylim()[0], axes.get_ylim()[0] + 2
    assert [row[::2] for row in zip(*spans, strict=True)] == [
        (0, 60),
        (0, kick),
        (9, hat),
        (10, 64),
    ]
    assert spans[1][[0, 3]].tolist() == [36, 30]  # the first goes on in the next row
    colours = axes.collections[0].get_facecolors()[:, :3]
    assert (colours[0] < colours[3]).all()  # the louder one of a part is darker


def test_the_legend_names_parts_that_sound():
    (legend,) = draw(song()).subfigs[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["lead", "2: drums"]


def test_pieces_stand_below_one_another_on_one_scale():
    long, short = piece((0, 96 * 3, 60)), piece((0, 96, 70), tpq=48)
    figure = pieces([long, short], bars_a_row=2)
    assert [len(part.axes) for part in figure.subfigs] == [2, 1]
    widths = [np.ptp(axes.get_xlim()) for axes in figure.axes]
    assert widths == [2 * 96, 2 * 96, 2 * 192]  # two bars in ticks
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", "bar"]


def test_what_cannot_be_drawn():
    with pytest.raises(Error, match="song: no notes"):
        draw(piece(length=9))
    with pytest.raises(Error, match="are over 60"):
        draw(piece((0, 96 * 61, 60)), bars_a_row=1)


def test_any_piece_becomes_a_file():
    for seed in (1, 2):
        assert encoded(draw(anything(seed)), ".png")[:4] == b"\x89PNG"
    drums = piece((0, 9, 36), parts=[Part(0, True)])
    assert draw(drums).axes[0].get_yticklabels()[0].get_text() == "drums"
