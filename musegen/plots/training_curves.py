"""Curves over training.

`training` draws the values that MuseGAN monitors, `comparison` those of several runs, `history` the
loss and the accuracy of a run as MIDI-Sandwich2 does, and `by_attribute` those of a system of
notes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from musegen import Error
from musegen.plots.style import COLOURS, COLUMN, LINES, PAGE, new_figure, styled

Limits = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """The curve of one value over training.

    Args:
        label: label of the vertical axis.
        steps: steps of the training, `(n,)`, rising.
        values: values at these steps, `(n,)`; NaN where undefined.
        median: width of the median filter in points.
        data: value of the training data, drawn as a dashed line.
        log: whether the vertical axis is logarithmic.
        limits: limits of the vertical axis.
    """

    label: str
    steps: Sequence[float]
    values: Sequence[float]
    median: int = 5
    data: float | None = None
    log: bool = False
    limits: Limits | None = None


def smooth(values: Sequence[float], width: int) -> np.ndarray:
    """Applies a median filter of an odd width, which gets narrower towards both ends."""
    if width < 1 or width % 2 == 0:
        raise Error(f"a median filter has an odd width, not {width}")
    values, index = np.asarray(values, float), np.arange(len(values))[:, None]
    offset = np.arange(width) - width // 2
    last = len(values) - 1
    inside = np.abs(offset) <= np.minimum(index, last - index)
    windows = np.where(inside, values[np.clip(index + offset, 0, last)], np.nan)
    return np.nanmedian(windows, axis=1)


@styled
def training(
    curves: Sequence[Curve], marks: Mapping[str, float] | None = None, width: float = COLUMN
) -> Figure:
    """Draws values over training, raw in grey and median-filtered in black (MuseGAN, Figure 9).

    There are two panels in a row; of an odd number of curves the first has a row alone.

    Args:
        curves: curves to draw, one in each panel.
        marks: steps by letter, marked by red crosses on the dashed line of the data or, without
            one, on the curve.
        width: width of the figure in inches.
    """
    if not curves:
        raise Error("no curve to draw")
    wide = len(curves) % 2
    n_rows = (len(curves) + 1) // 2
    heights = [1.4 if wide and row == 0 else 1 for row in range(n_rows)]
    unit = min(0.34 * width, 1.6)
    figure = new_figure(width, unit * sum(heights))
    grid = figure.add_gridspec(n_rows, 2, height_ratios=heights)
    cells = [grid[0, :]] * wide + [grid[i, k] for i in range(wide, n_rows) for k in range(2)]
    for i, (cell, curve) in enumerate(zip(cells, curves, strict=True)):
        axes = figure.add_subplot(cell)
        _draw_training(axes, curve, marks or {})
        if len(curves) > 1:
            axes.set_title(f"({chr(ord('a') + i)})", loc="left")
    return figure


@styled
def comparison(
    runs: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    data: Mapping[str, float] | None = None,
    limits: Mapping[str, Limits] | None = None,
    median: int = 5,
    columns: int = 2,
    x: str = "step",
    width: float = PAGE,
) -> Figure:
    """Draws the same values of several runs, a panel for each value.

    BinaryMuseGAN's Figures 9 and 11 are drawn so.

    Args:
        runs: for each run by its name, the `(steps, values)` of each value by its label; a run may
            lack a value.
        data: values of the training data by label, drawn as dashed lines.
        limits: limits of the vertical axes by label.
        median: width of the median filter in points; the raw values are drawn pale behind.
        columns: number of panels in a row.
        x: label of the horizontal axis.
        width: width of the figure in inches.
    """
    data, limits = data or {}, limits or {}
    labels = list(dict.fromkeys(label for values in runs.values() for label in values))
    if not labels:
        raise Error("no run to draw")
    columns = min(columns, len(labels))
    n_rows = -(-len(labels) // columns)
    figure = new_figure(width, n_rows * min(width / columns * 0.62, 1.9) + 0.2)
    panels = list(figure.subplots(n_rows, columns, squeeze=False).flat)
    handles = {}
    for axes, label in zip(panels, labels, strict=False):
        for i, (run, values) in enumerate(runs.items()):
            if label in values:
                handles[run] = _draw_run(axes, *values[label], median, i)
        if label in data:
            reference = axes.axhline(
                data[label], color="black", linewidth=0.6, linestyle=(0, (4, 2))
            )
            handles["training data"] = reference
        axes.set(xlabel=x, ylabel=label, ylim=limits.get(label))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
    for axes in panels[len(labels) :]:
        axes.set_axis_off()
    names = [name for name in (*runs, "training data") if name in handles]
    figure.legend(
        [handles[name] for name in names], names, loc="outside lower center", ncols=len(handles)
    )
    return figure


@styled
def history(
    values: Mapping[str, Sequence[float]],
    accuracy: str = "accuracy",
    x: str = "epoch",
    title: str = "",
    width: float = COLUMN,
) -> Figure:
    """Draws accuracy and loss on one axis (MIDI-Sandwich2, Figures 4-7).

    Args:
        values: history of a Keras training by name: `loss`, the accuracy and, if there was
            validation, both with the prefix `val_`.
        accuracy: name of the accuracy.
        x: label of the horizontal axis, which counts from 0: `"epoch"` or `"batch"`.
        title: title of the figure, such as the track and the network.
        width: width of the figure in inches.
    """
    curves = {
        accuracy: ("train acc", "red", "-"),
        "loss": ("train loss", "green", "-"),
        f"val_{accuracy}": ("val acc", "blue", (0, (4, 1.2))),
        "val_loss": ("val loss", "black", (0, (4, 1.2))),
    }
    missing = [name for name in (accuracy, "loss") if name not in values]
    if missing:
        raise Error(f"no {' and '.join(missing)} in a history of {', '.join(values) or 'nothing'}")
    figure = new_figure(width, 0.68 * width)
    axes = figure.add_subplot(xlabel=x, ylabel="acc-loss", title=title)
    for name, (label, colour, line) in curves.items():
        if name in values:
            axes.plot(values[name], color=colour, linestyle=line, label=label)
    axes.grid()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0)
    axes.spines[:].set(visible=True)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.12 * (high - low))  # leaves space for the legend
    axes.legend(loc="upper right", ncols=4, fontsize=6, handlelength=1.5, columnspacing=0.9)
    return figure


@styled
def by_attribute(
    values: Mapping[str, Sequence[float]],
    attributes: Sequence[str],
    title: str = "",
    width: float = PAGE,
) -> Figure:
    """Draws loss and accuracy by attribute, and the KL divergence with its weight if there is one.

    Values of the validation are dashed.

    Args:
        values: history of a training by name: `rec` and `accuracy`, each also with `_` and the name
            of an attribute, `kl` and `kl_weight`, and values of the validation, as `val_rec`.
        attributes: names of the attributes.
        title: title of the figure.
        width: width of the figure in inches.
    """
    panels = {"rec": "loss in nats", "accuracy": "accuracy"}
    if "kl" in values:
        panels["kl"] = "KL in nats"
    figure = new_figure(width, 0.36 * width)
    figure.suptitle(title, fontsize=8)
    axes = figure.subplots(1, len(panels))
    for own, (name, label) in zip(axes, panels.items(), strict=True):
        names = [name] if name == "kl" else [name, *(f"{name}_{a}" for a in attributes)]
        for column, colour in zip(names, COLOURS, strict=False):
            for part, line in (("", "-"), ("val_", (0, (4, 1.2)))):
                points = values.get(part + column, ())
                legend = column.removeprefix(f"{name}_") if column != name else "all"
                alone = "." if len(points) == 1 else ""  # a line of one point cannot be seen
                own.plot(range(1, len(points) + 1), points, color=colour, linestyle=line,
                         marker=alone, label=None if part else legend)  # fmt: skip
        own.set(xlabel="epoch", ylabel=label, ylim=(0, 1) if name == "accuracy" else None)
        own.xaxis.set_major_locator(MaxNLocator(integer=True))
        own.grid()
    axes[0].set_ylim(bottom=0)
    axes[0].legend(fontsize=6)
    if "kl" in values:
        weights = axes[-1].twinx()
        steps = range(1, len(values["kl_weight"]) + 1)
        weights.plot(steps, values["kl_weight"], color="0.5", linestyle=":")
        weights.set(ylabel="weight (dotted)", ylim=(0, None))
        weights.spines["right"].set_visible(True)
    return figure


def _draw_training(axes: Axes, curve: Curve, marks: Mapping[str, float]) -> None:
    steps, filtered = _filtered(curve.steps, curve.values, curve.median)
    axes.plot(curve.steps, curve.values, color="0.72", linewidth=0.5)
    axes.plot(steps, filtered, color="black")
    if curve.data is not None:
        axes.axhline(curve.data, color="black", linewidth=0.6, linestyle=(0, (3, 2)))
    if curve.log:
        axes.set_yscale("log")
    x, below = np.array(list(marks.values()), float), curve.data is not None
    height = np.full(len(x), curve.data) if below else np.interp(x, steps, filtered)
    axes.plot(x, height, "x", color="red", markeredgewidth=1, clip_on=False, zorder=5)
    style = {"ha": "center", "va": "top" if below else "bottom", "color": "red", "fontsize": 6.5}
    halo = [withStroke(linewidth=1.2, foreground="white")]
    for letter, *point in zip(marks, x, height, strict=True):
        offset = (0, -3 if below else 3)
        axes.annotate(
            letter, point, offset, textcoords="offset points", path_effects=halo, zorder=6, **style
        )
    axes.set(xlabel="step", ylabel=curve.label)
    axes.margins(x=0.02, y=0.05 if below else 0.15)  # leaves space for letters above the curve
    if curve.limits:
        axes.set_ylim(curve.limits)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.spines[:].set_visible(True)


def _draw_run(axes: Axes, steps: Sequence[float], values: Sequence[float], median: int, i: int):
    colour, line = COLOURS[i % len(COLOURS)], LINES[i % len(LINES)]
    axes.plot(steps, values, color=colour, linewidth=0.4, alpha=0.3)
    return axes.plot(*_filtered(steps, values, median), color=colour, linestyle=line)[0]


def _filtered(
    steps: Sequence[float], values: Sequence[float], median: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the defined points of a curve, median-filtered."""
    steps, values = np.asarray(steps, float), np.asarray(values, float)
    if steps.shape != values.shape or steps.ndim != 1:
        raise Error(f"a curve needs a step for each value, not {steps.shape} and {values.shape}")
    defined = np.isfinite(values)
    if not defined.any():
        raise Error("a curve without a single defined value cannot be drawn")
    return steps[defined], smooth(values[defined], median)
