"""Figures of two tracks, as the DuetHLSTM report has them: statistics of several sets in panels.

`bar_row` and `matrix_rows` draw one statistic of several sets beside published values, and
`bar_image` and `matrix_image` one panel as the report prints it, 640 x 480 pixels. `editor_rows`
draws phrases as a MIDI editor shows them. `course` draws the course of a training.
"""

from collections.abc import Callable, Mapping, Sequence

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from musegen import Error
from musegen.music.phrases import chain
from musegen.plots.style import COLOURS, MARKERS, PAGE, new_figure, styled

BLUE = "#1f77b4"  # matplotlib's own, as in the report
UNKNOWN = "0.85"  # grey of entries of a matrix that are not published
GROUND, NOTE = np.array([(64, 122, 57), (155, 199, 156)], np.uint8)  # greens of the MIDI editor
SIZE = (6.4, 4.8)  # inches of a panel of the report, at 100 dots an inch

Sets = Mapping[str, np.ndarray | None]  # values by the title of a panel; None if there are none


@styled
def bar_row(
    sets: Sets,
    labels: Sequence[str],
    published: Mapping[str, np.ndarray | None] = {},
    width: float = PAGE,
) -> Figure:
    """Draws a histogram of each set as bars, and the published heights as outlines over them.

    All heights are relative to the largest of their set.

    Args:
        sets: values of each set by the title of its panel.
        labels: labels of the bins.
        published: published values by the same titles.
        width: width of the figure in inches.
    """
    figure = new_figure(width, 0.75 * width / max(len(sets), 1) + 0.15)
    for axes, title in zip(_panels(figure, 1, len(sets))[0], sets, strict=True):
        _draw_bars(axes, sets[title], labels)
        if (heights := published.get(title)) is not None:
            middle = np.arange(len(labels))
            axes.bar(middle, _relative(heights, labels, title), 0.8, fill=False, edgecolor="black")
        axes.set_title(title)
    _name(figure, [Patch(color=BLUE)], ["measured"], published)
    return figure


@styled
def matrix_rows(
    sets: Sets,
    labels: Sequence[str],
    published: Mapping[str, np.ndarray | None] = {},
    width: float = PAGE,
) -> Figure:
    """Draws a matrix of transitions of each set, and the published ones in a row below.

    Args:
        sets: square matrix of each set by the title of its panel, values from 0 to 1, from the
            row's state to the column's.
        labels: labels of the states.
        published: published matrices by the same titles; NaN where a value is not known.
        width: width of the figure in inches.
    """
    rows = [sets, published] if published else [sets]
    figure = new_figure(width, len(rows) * 0.93 * width / max(len(sets), 1), layout="compressed")
    panels = _panels(figure, len(rows), len(sets))
    for row, kind, matrices in zip(panels, ("measured", "published"), rows, strict=False):
        for axes, title in zip(row, sets, strict=True):
            image = _draw_matrix(axes, matrices.get(title), labels, title)
            if matrices is sets:
                axes.set_title(title)
            axes.label_outer(remove_inner_ticks=True)
        row[0].set_ylabel(f"{kind}, from")
    for axes in panels[-1]:
        axes.set_xlabel("to")
    figure.colorbar(image, ax=panels, shrink=0.7, aspect=30, pad=0.01)
    if any(matrix is not None and np.isnan(matrix).any() for matrix in published.values()):
        legend = [Patch(color=UNKNOWN)], ["not known"]
        figure.legend(*legend, loc="outside lower right")
    return figure


def bar_image(values: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Draws a histogram as the report prints it: uint8 RGB, 480 x 640 pixels."""
    return _image(lambda axes: _draw_bars(axes, values, labels))


def matrix_image(matrix: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Draws a matrix with its colour bar as the report prints it: uint8 RGB, 480 x 640 pixels."""
    return _image(
        lambda axes: axes.figure.colorbar(_draw_matrix(axes, matrix, labels, "matrix"), ax=axes)
    )


@styled
def editor_rows(
    sets: Mapping[str, np.ndarray],
    ranges: Mapping[str, np.ndarray] = {},
    tracks: Sequence[str] = ("piano", "strings"),
    gap: int = 1,
    width: float = PAGE,
) -> Figure:
    """Draws phrases of two tracks as a MIDI editor shows them, a panel below the other.

    Silent bars lie between the phrases. Each track is scaled to the pitches that it uses.

    Args:
        sets: phrases `(n, bars, steps, 84, 2)` by the title of their panel.
        ranges: larger sets by the same titles, whose pitches the tracks are scaled to.
        tracks: names of the two tracks.
        gap: number of silent bars.
        width: width of the figure in inches.
    """
    if not sets:
        raise Error("no phrases to draw")
    figure = new_figure(width, (0.24 * width + 0.16) * len(sets))
    for row, (title, phrases) in zip(_panels(figure, len(sets), 1), sets.items(), strict=True):
        axes = row[0]
        n_bars = len(phrases) * (phrases.shape[1] + gap) - gap
        roll = chain(phrases, gap)[: n_bars * phrases.shape[2]]
        used = ranges.get(title, phrases).any(axis=(0, 1, 2))  # (84, 2)
        for k in range(2):
            pitches = np.flatnonzero(used[:, k])
            low, high = (pitches[0], pitches[-1] + 1) if len(pitches) else (0, 84)
            cells = roll[:, low:high, k].T[::-1]
            picture = np.where(cells[..., None], NOTE, GROUND)
            axes.imshow(picture, extent=(0, n_bars, 1 - k, 2 - k), aspect="auto",
                        interpolation="nearest")  # fmt: skip
        axes.axhline(1, color="black", linewidth=2.5)
        axes.set(xlim=(0, n_bars), ylim=(0, 2), xticks=[])
        axes.set_yticks([1.5, 0.5], tracks, rotation=90, va="center")
        axes.tick_params(length=0)
        axes.set_title(title, loc="left")
    return figure


@styled
def course(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    published: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    data: Mapping[str, Mapping[str, float]] = {},
    columns: int = 3,
    width: float = PAGE,
) -> Figure:
    """Draws values of several tracks over a training as lines, and published ones as markers.

    Args:
        panels: for each panel by its label, epochs and values of each track by its name; there may
            be none.
        published: the same of published samples.
        data: values of the training data, drawn as dashed lines.
        columns: number of panels in a row.
        width: width of the figure in inches.
    """
    n_rows = -(-(len(published) + 1) // columns)
    figure = new_figure(width, n_rows * 0.68 * width / columns)
    spaces = _panels(figure, n_rows, columns).ravel()
    for axes, label in zip(spaces, published, strict=False):
        for i, (track, points) in enumerate(published[label].items()):
            look = {"color": COLOURS[i % len(COLOURS)]}
            marker = MARKERS[i % len(MARKERS)]
            axes.plot(*points, linestyle="", marker=marker, fillstyle="none", **look)
            if track in panels.get(label, {}):
                axes.plot(*panels[label][track], **look)
            if track in data.get(label, {}):
                axes.axhline(data[label][track], linestyle=(0, (4, 2)), linewidth=0.6, **look)
        axes.set(xlabel="epoch", ylabel=label)
        axes.margins(y=0.1)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
    for axes in spaces[len(published) :]:
        axes.set_axis_off()
    _name_course(spaces[len(published)], next(iter(published.values())), any(panels.values()))
    return figure


def _name_course(axes: Axes, tracks: Sequence[str], with_run: bool) -> None:
    """Draws the legend into an empty panel."""
    handles, names = [], []
    for i, track in enumerate(tracks):
        look = {"color": COLOURS[i % len(COLOURS)]}
        marker = {"marker": MARKERS[i % len(MARKERS)], "fillstyle": "none"}
        handles.append(Line2D([], [], linestyle="", **marker, **look))
        names.append(f"{track}, published samples")
        if with_run:
            handles.append(Line2D([], [], **look))
            names.append(f"{track}, this training")
        handles.append(Line2D([], [], linestyle=(0, (4, 2)), linewidth=0.6, **look))
        names.append(f"{track}, data of the published training")
    axes.legend(handles, names, loc="center left")


def _panels(figure: Figure, n_rows: int, columns: int) -> np.ndarray:
    if not columns or not n_rows:
        raise Error("no set to draw")
    return figure.subplots(n_rows, columns, squeeze=False)


def _draw_bars(axes: Axes, values: np.ndarray | None, labels: Sequence[str]) -> None:
    middle = np.arange(len(labels))
    if values is not None:
        axes.bar(middle, _relative(values, labels, "histogram"), 0.8, color=BLUE)
    axes.set_xticks(middle, labels)
    axes.set(yticks=[], ylim=(0, 1.05), xlim=(-0.6, len(labels) - 0.4))
    axes.tick_params(axis="x", length=0)
    axes.spines[:].set_visible(True)


def _draw_matrix(axes: Axes, matrix: np.ndarray | None, labels: Sequence[str], title: str):
    """Draws a matrix and returns its image; without one, a text says so."""
    n = len(labels)
    if matrix is None:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", va="center")
        matrix = np.full((n, n), np.nan)
    elif np.shape(matrix) != (n, n):
        raise Error(f"{title}: {n} x {n} values are needed, not {np.shape(matrix)}")
    colours = matplotlib.colormaps["jet"].with_extremes(bad=UNKNOWN)
    image = axes.imshow(matrix, cmap=colours, vmin=0, vmax=1)
    axes.set_xticks(range(n), labels)
    axes.set_yticks(range(n), labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(True)
    return image


def _relative(values: np.ndarray, labels: Sequence[str], what: str) -> np.ndarray:
    """Returns values relative to the largest one."""
    if np.shape(values) != (len(labels),):
        raise Error(f"{what}: {len(labels)} values are needed, not {np.shape(values)}")
    return np.asarray(values, float) / (np.max(values) or 1)


def _name(figure: Figure, handles: list, names: list[str], published: Sets) -> None:
    """Adds a legend below the panels that names what is measured and what is published."""
    if published:
        handles.append(Patch(fill=False, edgecolor="black"))
        figure.legend(handles, [*names, "published"], loc="outside lower center", ncols=2)


@matplotlib.style.context("default")
def _image(draw: Callable[[Axes], object]) -> np.ndarray:
    """Returns the pixels of one panel in matplotlib's own style."""
    figure = Figure(SIZE, dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    draw(figure.add_subplot())
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
