"""Block diagrams of networks: boxes, and arrows between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from musegen import Error
from musegen.plots.style import styled

DATA, NETWORK, CHANCE = "white", "#e3edf6", "#fbead2"  # colours of boxes; CHANCE: drawn at random
INK = "0.25"  # colour of arrows and edges
MARGIN = 0.08  # inches around the drawing


@dataclass(frozen=True)
class Box:
    """A rectangle with a title and lines of smaller text; lengths are in inches.

    Args:
        at: centre of the box, from the left and from the bottom.
        size: width and height of the box.
        title: first line of text.
        notes: lines of smaller text, such as a shape and a number of parameters.
        colour: colour of the inside.
        turned: whether the text runs from bottom to top, for a tall and narrow box.
    """

    at: tuple[float, float]
    size: tuple[float, float]
    title: str
    notes: Sequence[str] = ()
    colour: object = NETWORK
    turned: bool = False

    def edges(self, axis: int) -> tuple[float, float]:
        """Returns where the box begins and ends, from the left (0) or from the bottom (1)."""
        half = self.size[axis] / 2
        return self.at[axis] - half, self.at[axis] + half


@dataclass(frozen=True)
class Arrow:
    """An arrow from one box to another.

    Args:
        start, end: names of the two boxes.
        detour: 0 for a straight line between boxes that face each other. Else the arrow leaves and
            enters through the top of the boxes, or through the bottom if negative, and runs so many
            inches away from them.
    """

    start: str
    end: str
    detour: float = 0.0


@dataclass(frozen=True)
class Text:
    """A text outside the boxes: small and grey, or a bold heading."""

    at: tuple[float, float]
    words: str
    bold: bool = False
    align: str = "center"


@styled
def diagram(
    boxes: Mapping[str, Box], arrows: Sequence[Arrow | tuple[str, str]], texts: Sequence[Text] = ()
) -> Figure:
    """Draws a block diagram; the figure is as large as its content needs.

    Args:
        boxes: boxes by their names.
        arrows: arrows, or pairs of the names of two boxes.
        texts: texts outside the boxes.
    """
    if not boxes:
        raise Error("no box to draw")
    arrows = [arrow if isinstance(arrow, Arrow) else Arrow(*arrow) for arrow in arrows]
    paths = [_path(arrow, boxes[arrow.start], boxes[arrow.end]) for arrow in arrows]
    limits = [_limits(axis, boxes, paths, texts) for axis in (0, 1)]
    figure = Figure(figsize=[high - low for low, high in limits])
    axes = figure.add_axes((0, 0, 1, 1), xlim=limits[0], ylim=limits[1])
    axes.set_axis_off()
    for path in paths:
        axes.add_patch(
            FancyArrowPatch(
                path=path, arrowstyle="-|>", mutation_scale=5, linewidth=0.7, color=INK,
                joinstyle="miter", capstyle="butt", shrinkA=0, shrinkB=0,
            )
        )  # fmt: skip
    for box in boxes.values():
        _draw_box(axes, box)
    for text in texts:
        look = {"weight": "bold", "fontsize": 7} if text.bold else {"color": "0.3", "fontsize": 5.5}
        axes.text(*text.at, text.words, ha=text.align, va="center", **look)
    return figure


def _limits(
    axis: int, boxes: Mapping[str, Box], paths: Sequence[Path], texts: Sequence[Text]
) -> tuple[float, float]:
    """Returns where the drawing begins and ends along an axis, with a margin."""
    ends = [edge for box in boxes.values() for edge in box.edges(axis)]
    ends += [value for path in paths for value in path.vertices[:, axis]]
    ends += [text.at[axis] + shift for text in texts if axis for shift in (-0.06, 0.06)]
    return min(ends) - MARGIN, max(ends) + MARGIN


def _path(arrow: Arrow, start: Box, end: Box) -> Path:
    """Returns the line of an arrow: straight, or by its detour."""
    if arrow.detour:
        up = arrow.detour > 0
        (x0, y0), (x1, y1) = ((box.at[0], box.edges(1)[up]) for box in (start, end))
        level = (max if up else min)(y0, y1) + arrow.detour
        return Path([(x0, y0), (x0, level), (x1, level), (x1, y1)])
    for axis in (0, 1):  # boxes side by side, or one above the other
        other = 1 - axis
        low = max(start.edges(other)[0], end.edges(other)[0])
        high = min(start.edges(other)[1], end.edges(other)[1])
        if low < high:
            forward = end.at[axis] > start.at[axis]
            ends = [start.edges(axis)[forward], end.edges(axis)[not forward]]
            middle = (low + high) / 2
            return Path([(x, middle) if axis == 0 else (middle, x) for x in ends])
    raise Error(f"the boxes {arrow.start} and {arrow.end} do not face each other: give a detour")


def _draw_box(axes: Axes, box: Box) -> None:
    """Draws a rectangle, with its title and notes in its middle."""
    round_corners = "round,pad=0,rounding_size=0.04"
    corner = (box.edges(0)[0], box.edges(1)[0])
    axes.add_patch(
        FancyBboxPatch(
            corner, *box.size, boxstyle=round_corners, facecolor=box.colour, edgecolor=INK,
            linewidth=0.6,
        )
    )  # fmt: skip
    lines = [(box.title, 6.5, "black"), *((note, 5.2, "0.3") for note in box.notes)]
    lines = [line for line in lines if line[0]]
    height = 0.105
    for i, (words, size, colour) in enumerate(lines):
        offset = ((len(lines) - 1) / 2 - i) * height
        x, y = (box.at[0] - offset, box.at[1]) if box.turned else (box.at[0], box.at[1] + offset)
        style = {"ha": "center", "va": "center_baseline", "rotation": 90 * box.turned}
        if box.turned:
            style |= {"va": "center", "rotation_mode": "default"}
        axes.text(x, y, words, fontsize=size, color=colour, **style)
