"""Figures of two tracks, without a paper."""

import numpy as np
import pytest

from musegen import Error, plots
from musegen.plots.two_tracks import BLUE, GROUND, NOTE


def test_heights_are_relative_and_silence_has_none():
    figure = plots.bar_row({"x": np.array([1, 4]), "silent": np.zeros(2), "none": None}, "ab")
    heights = [[bar.get_height() for bar in axes.patches] for axes in figure.axes]
    assert heights == [[0.25, 1], [0, 0], []]
    assert not figure.legends
    assert not figure.axes[0].get_yticks().size


def test_a_panel_as_printed():
    picture = plots.bar_image(np.array([1.0, 0.5]), "ab")
    assert (picture.shape, picture.dtype) == ((480, 640, 3), np.uint8)
    blue = tuple(int(BLUE[k : k + 2], 16) for k in (1, 3, 5))
    is_blue = (picture == blue).all(axis=-1)
    left, right = is_blue[:, :320].sum(), is_blue[:, 320:].sum()
    assert right / left == pytest.approx(0.5, abs=0.02)


def test_a_matrix_as_printed():
    picture = plots.matrix_image(np.array([[1.0, 0.0], [0.5, 0.5]]), "ab")
    assert picture.shape == (480, 640, 3)
    half = picture[100:140, 150:200].mean(axis=(0, 1))
    assert half == pytest.approx((128, 0, 0), abs=1)  # from the first state, downwards
    assert picture[320:360, 150:200].mean(axis=(0, 1))[1] > 200


def test_unknown_entries_are_grey_and_named():
    known = np.array([[1.0, np.nan], [0, 0]])
    figure = plots.matrix_rows({"x": np.eye(2)}, "ab", {"x": known})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["not known"]
    assert not plots.matrix_rows({"x": np.eye(2)}, "ab", {"x": np.eye(2)}).legends
    missing = plots.matrix_rows({"x": None}, "ab")
    assert missing.axes[0].texts[0].get_text() == "not measured"


def test_a_track_without_notes_is_ground():
    phrases = np.zeros((2, 1, 4, 84, 2), bool)
    phrases[1, 0, 1:3, 40, 0] = True
    figure = plots.editor_rows({"x": phrases}, gap=2)
    piano, strings = (np.asarray(row.get_array()) for row in figure.axes[0].images)
    assert piano.shape == (1, 16, 3)  # one bar, two of silence, one bar
    assert np.flatnonzero((piano[0] == NOTE).all(axis=-1)).tolist() == [13, 14]
    assert strings.shape == (84, 16, 3)
    assert (strings == GROUND).all()


def test_mistakes():
    with pytest.raises(Error, match=r"x: 2 values are needed, not \(3,\)"):
        plots.bar_row({"x": None}, "ab", {"x": np.ones(3)})
    with pytest.raises(Error, match=r"x: 2 x 2 values are needed, not \(2, 3\)"):
        plots.matrix_rows({"x": np.ones((2, 3))}, "ab")
    with pytest.raises(Error, match="no set to draw"):
        plots.bar_row({}, "ab")
    with pytest.raises(Error, match="no phrases to draw"):
        plots.editor_rows({})
