"""Histograms, transition matrices, and the densities of distances of Yang and Lerch."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from musegen import Error
from musegen.metrics.stats import Comparison
from musegen.plots.style import COLOURS, COLUMN, LINES, PAGE, SEQUENTIAL, new_figure, styled

PITCH_CLASSES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
# "1/4." is a dotted quarter, "1/4t" a quarter triplet.
_PLAIN = ("1", "1/2", "1/4", "1/8", "1/16")
_LENGTHS = (*_PLAIN, *(f"{x}." for x in _PLAIN[1:]), *(f"{x}t" for x in _PLAIN[1:4]))
NOTE_LENGTHS = {
    6: ("1/8", "1/4", "1/4.", "1/2", "1/2.", "1"),
    12: _LENGTHS,
    24: (*_LENGTHS, *(f"rest {length}" for length in _LENGTHS)),
}
_HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx")


@styled
def bars(
    sets: Mapping[str, np.ndarray],
    labels: Sequence[str],
    ylabel: str = "share",
    width: float = COLUMN,
) -> Figure:
    """Draws the histograms of several sets side by side.

    Args:
        sets: values of each set by its name, one for each of `labels`.
        labels: labels of the bins.
        ylabel: label of the vertical axis.
        width: width of the figure in inches.
    """
    if not sets:
        raise Error("no histogram to draw")
    figure = new_figure(width, 0.55 * min(width, 4))
    _draw_bars(figure.add_subplot(ylabel=ylabel), sets, labels)
    _name_sets(figure, sets)
    return figure


@styled
def bar_panels(
    panels: Mapping[str, tuple[Sequence[str], Mapping[str, np.ndarray]]],
    ylabel: str = "share",
    width: float = PAGE,
) -> Figure:
    """Draws several histograms of the same sets, a panel for each.

    Args:
        panels: labels of the bins, and values of each set by its name, by the title of the panel.
        ylabel: label of the vertical axes.
        width: width of the figure in inches.
    """
    if not panels:
        raise Error("no histogram to draw")
    figure = new_figure(width, 0.3 * width)
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, (labels, sets)) in zip(row, panels.items(), strict=True):
        axes.set(title=title, ylabel=ylabel)
        _draw_bars(axes, sets, labels)
    _name_sets(figure, next(iter(panels.values()))[1])
    return figure


def _draw_bars(axes: Axes, sets: Mapping[str, np.ndarray], labels: Sequence[str]) -> None:
    middle, bar_width = np.arange(len(labels)), 0.82 / len(sets)
    for i, (name, values) in enumerate(sets.items()):
        if np.shape(values) != (len(labels),):
            raise Error(f"{name}: {len(labels)} values are needed, not {np.shape(values)}")
        axes.bar(
            middle + (i - (len(sets) - 1) / 2) * bar_width,
            values,
            bar_width,
            label=name,
            color=COLOURS[i % len(COLOURS)],
            hatch=_HATCHES[i % len(_HATCHES)],
            edgecolor="white",
            linewidth=0.3,
        )
    axes.set_xticks(middle, labels, rotation=90 if len(labels) > 12 else 0)
    axes.tick_params(axis="x", length=0)
    axes.margins(x=0.01)
    axes.grid(axis="y")


def _name_sets(figure: Figure, sets: Mapping[str, np.ndarray]) -> None:
    """Adds a legend of several sets above the first axes."""
    if len(sets) > 1:
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=min(len(sets), 4))


def pitch_classes(
    sets: Mapping[str, np.ndarray], ylabel: str = "share of notes", width: float = COLUMN
) -> Figure:
    """Draws pitch-class histograms, 12 values a set from C upwards; see `bars`."""
    return bars(sets, PITCH_CLASSES, ylabel, width)


def note_lengths(
    sets: Mapping[str, np.ndarray], ylabel: str = "share of notes", width: float = COLUMN
) -> Figure:
    """Draws note-length histograms of 6, 12 or 24 bins as the metrics have them; see `bars`."""
    return bars(sets, _length_labels(sets), ylabel, width)


@styled
def transitions(
    sets: Mapping[str, np.ndarray],
    labels: Sequence[str],
    value: str = "probability",
    columns: int = 3,
    width: float = PAGE,
) -> Figure:
    """Draws transition matrices as heat maps on one scale, from the row's state to the column's.

    Args:
        sets: square matrix of each set by its name.
        labels: labels of the states.
        value: label of the colour scale.
        columns: number of matrices in a row.
        width: width of the figure in inches.
    """
    if not sets:
        raise Error("no transition matrix to draw")
    for name, matrix in sets.items():
        if np.shape(matrix) != (len(labels), len(labels)):
            raise Error(f"{name}: {len(labels)} x {len(labels)} values, not {np.shape(matrix)}")
    columns = min(columns, len(sets))
    n_rows = -(-len(sets) // columns)
    top = max(float(np.max(matrix)) for matrix in sets.values()) or 1.0
    figure = new_figure(width, n_rows * (width - 0.6) / columns, layout="compressed")
    panels = figure.subplots(n_rows, columns, squeeze=False)
    for axes, (name, matrix) in zip(panels.flat, sets.items(), strict=False):
        image = axes.imshow(matrix, cmap=SEQUENTIAL, vmin=0, vmax=top)
        _label_states(axes, labels)
        axes.set_title(name)
    for axes in panels.flat[len(sets) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("from")
    for axes in panels.flat[max(len(sets) - columns, 0) : len(sets)]:
        axes.set_xlabel("to")
    bar = figure.colorbar(image, ax=panels, shrink=0.8, aspect=25, pad=0.01, label=value)
    bar.outline.set_linewidth(0.4)
    return figure


def pitch_transitions(
    sets: Mapping[str, np.ndarray], value: str = "probability", width: float = PAGE
) -> Figure:
    """Draws pitch-class transition matrices, 12 x 12 from C upwards; see `transitions`."""
    return transitions(sets, PITCH_CLASSES, value, width=width)


def length_transitions(
    sets: Mapping[str, np.ndarray], value: str = "probability", width: float = PAGE
) -> Figure:
    """Draws note-length transition matrices of 6, 12 or 24 states; see `transitions`."""
    return transitions(sets, _length_labels(sets), value, width=width)


@styled
def yang_lerch(
    features: Collection[Comparison],
    names: tuple[str, str] = ("set 1", "set 2"),
    columns: int = 3,
    width: float = PAGE,
) -> Figure:
    """Draws the densities of the intra-set and inter-set distances, a panel for each feature.

    Each panel prints KLD and OA, first of set 1, then of set 2.

    Args:
        features: comparisons, the values that `metrics.stats.compare` returns.
        names: names of the two sets.
        columns: number of panels in a row.
        width: width of the figure in inches.
    """
    if not features:
        raise Error("no feature to draw")
    columns = min(columns, len(features))
    n_rows = -(-len(features) // columns)
    figure = new_figure(width, n_rows * min(0.66 * width / columns, 1.9) + 0.2)
    panels = list(figure.subplots(n_rows, columns, squeeze=False).flat)
    for axes, feature in zip(panels, features, strict=False):
        _draw_densities(axes, feature, names)
    for axes in panels[len(features) :]:
        axes.set_axis_off()
    for axes in panels[: len(features) : columns]:
        axes.set_ylabel("density")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _draw_densities(axes: Axes, feature: Comparison, names: tuple[str, str]) -> None:
    labels = f"within {names[0]}", f"within {names[1]}", "between them"
    distance, densities = feature.densities(margin=0.08)
    for i, (label, (field, height)) in enumerate(zip(labels, densities.items(), strict=True)):
        style = {"color": COLOURS[i], "linestyle": LINES[i], "label": label}
        if np.isnan(height).any():  # all distances are equal, so there is no density
            axes.axvline(getattr(feature, field)[0], **style)
            continue
        axes.plot(distance, height, **style)
        axes.fill_between(distance, height, color=COLOURS[i], alpha=0.12, linewidth=0)
    axes.set(title=feature.feature, xlabel="distance", xlim=(distance[0], distance[-1]))
    axes.set_ylim(0, 1.2 * axes.get_ylim()[1])  # leaves space for the scores
    axes.xaxis.set_major_locator(MaxNLocator(5))
    text = f"KLD {_pair(feature.kld)}\nOA {_pair(feature.oa)}"
    axes.text(0.98, 0.97, text, transform=axes.transAxes, ha="right", va="top", fontsize=6)


def _pair(values: tuple[float, float]) -> str:
    return " / ".join("–" if np.isnan(value) else f"{abs(value):.3f}" for value in values)


def _length_labels(sets: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    sizes = {len(values) for values in sets.values()}
    if len(sizes) != 1 or not sizes <= set(NOTE_LENGTHS):
        raise Error(f"note lengths come in 6, 12 or 24 bins, not {sorted(sizes)}")
    return NOTE_LENGTHS[sizes.pop()]


def _label_states(axes: Axes, labels: Sequence[str]) -> None:
    long = max(map(len, labels)) > 2
    size = 6 if len(labels) <= 12 else 4.5
    axes.set_xticks(range(len(labels)), labels, rotation=90 * long, fontsize=size)
    axes.set_yticks(range(len(labels)), labels, fontsize=size)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(True)
