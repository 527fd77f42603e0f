"""Block diagrams, and images pixel by pixel."""

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from PIL import Image

from musegen import Error, plots
from musegen.plots import Arrow, Box, Text

BOXES = {
    "in": Box((0, 0), (1, 0.4), "in", ("48 × 84",)),
    "tall": Box((2, 1), (0.4, 2.4), "network", ("1,234",), turned=True),
    "out": Box((4, 0.1), (1, 0.4), "out"),
    "above": Box((0, 1), (0.6, 0.4), "above"),
}


def vertices(figure) -> list:
    arrows = figure.findobj(FancyArrowPatch)
    return [arrow._path_original.vertices.tolist() for arrow in arrows]


def test_arrows_are_straight_where_boxes_face_each_other():
    pairs = [("in", "tall"), ("tall", "in"), ("above", "in"), ("in", "above")]
    right, left, down, up = vertices(plots.diagram(BOXES, pairs))
    assert np.allclose(right, [[0.5, 0], [1.8, 0]])
    assert left == right[::-1]
    assert np.allclose(down, [[0, 0.8], [0, 0.2]])
    assert up == down[::-1]


def test_a_detour_goes_around():
    (under,) = vertices(plots.diagram(BOXES, [Arrow("in", "out", detour=-0.3)]))
    assert np.allclose(under, [[0, -0.2], [0, -0.5], [4, -0.5], [4, -0.1]])
    (over,) = vertices(plots.diagram(BOXES, [Arrow("in", "out", detour=3)]))
    assert np.allclose(over, [[0, 0.2], [0, 3.3], [4, 3.3], [4, 0.3]])


def test_the_figure_is_as_large_as_its_boxes_and_arrows():
    figure = plots.diagram(BOXES, [Arrow("in", "out", detour=-0.3)], [Text((2, -1), "below")])
    margins = 2 * 0.08
    assert figure.get_size_inches() == pytest.approx([5 + margins, 2.2 + 1.06 + margins])
    (axes,) = figure.axes
    assert len(axes.findobj(FancyBboxPatch)) == len(BOXES)
    words = [text.get_text() for text in axes.texts]
    assert words == ["in", "48 × 84", "network", "1,234", "out", "above", "below"]
    assert [text.get_rotation() for text in axes.texts[:4]] == [0, 0, 90, 90]
    assert axes.texts[0].get_position()[1] > axes.texts[1].get_position()[1]


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(Error, match="no box to draw"):
        plots.diagram({}, [])
    apart = {"a": Box((0, 0), (1, 1), "a"), "b": Box((2, 2), (1, 1), "b")}
    with pytest.raises(Error, match="a and b do not face each other"):
        plots.diagram(apart, [("a", "b")])


def test_images_are_saved_pixel_by_pixel(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (5, 7), np.uint8)
    with Image.open(plots.save_image(image, tmp_path / "new" / "grey.png")) as saved:
        assert saved.mode == "L"
        assert (np.asarray(saved) == image).all()
    with pytest.raises(Error, match=r"written as \.png"):
        plots.save_image(image, tmp_path / "grey.pdf")
