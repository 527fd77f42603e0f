"""Figures of a model's latent space: a map of codes, and the change of decodings along a line."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musegen import Error
from musegen.plots.style import COLOURS, COLUMN, LINES, MARKERS, PAGE, new_figure, styled

_VECTOR_POINTS = 5000  # a map of more points is an image inside a PDF


def pca(codes: np.ndarray, n: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Computes the first principal components of codes.

    The sign of each component is chosen so that its largest loading is positive.

    Args:
        codes: latent codes, `(N, size)`.
        n: number of components.

    Returns:
        The codes on the components, `(N, n)`, and the share of the variance of each, `(n,)`.
    """
    codes = np.asarray(codes, float)
    if codes.ndim != 2 or min(codes.shape) < n:
        raise Error(f"{n} or more latent codes of {n} or more values are needed, not {codes.shape}")
    centred = codes - codes.mean(axis=0)
    left, scale, right = np.linalg.svd(centred, full_matrices=False)
    largest = np.abs(right[:n]).argmax(axis=1)
    signs = np.where(right[np.arange(n), largest] < 0, -1, 1)
    total = (scale**2).sum() or 1.0
    return left[:, :n] * scale[:n] * signs, scale[:n] ** 2 / total


@styled
def latent_map(
    codes: np.ndarray, labels: Sequence | None = None, name: str = "", width: float = COLUMN
) -> Figure:
    """Draws codes on their first two principal components (modularized VAE, Figure 3).

    Args:
        codes: latent codes, `(N, size)`.
        labels: label of each code: real numbers are shown by a colour scale, others as groups.
        name: title of the legend or of the colour scale.
        width: width of the figure in inches.
    """
    points, share = pca(codes)
    labels = None if labels is None else np.asarray(labels)
    if labels is not None and labels.shape != (len(points),):
        raise Error(f"{len(points)} codes need as many labels, not {labels.shape}")
    figure = new_figure(width, 0.8 * width)
    axes = figure.add_subplot(
        xlabel=f"first component ({share[0]:.0%})", ylabel=f"second component ({share[1]:.0%})"
    )
    size = float(np.clip(3000 / len(points), 2, 9))
    style = {"s": size, "linewidths": 0, "alpha": 0.75, "rasterized": len(points) > _VECTOR_POINTS}
    if labels is None:
        axes.scatter(*points.T, color=COLOURS[0], **style)
    elif labels.dtype.kind == "f":
        dots = axes.scatter(*points.T, c=labels, cmap="viridis", **style)
        bar = figure.colorbar(dots, ax=axes, label=name, aspect=30, pad=0.02)
        bar.outline.set_linewidth(0.4)
        bar.solids.set_alpha(1)
    else:
        for i, group in enumerate(np.unique(labels)):
            colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
            axes.scatter(
                *points[labels == group].T, color=colour, marker=marker, label=str(group), **style
            )
        figure.legend(loc="outside upper center", title=name or None, ncols=4, markerscale=1.5)
    axes.grid()
    axes.spines[:].set_visible(True)
    return figure


@styled
def interpolation(
    distances: Mapping[str, np.ndarray],
    ylabel: str = "Hamming distance from A",
    parts: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    width: float | None = None,
) -> Figure:
    """Draws how decodings change on straight lines from A to B (modularized VAE, Figure 2).

    A line is the mean over the pairs, the band around it one standard deviation on each side.

    Args:
        distances: distances of each model by its name, `(pairs, points)`, at points that lie evenly
            from A to B.
        ylabel: label of the vertical axis.
        parts: distances of the same models in parts of the notes, by model and part; their means
            are drawn in a second panel.
        width: width of the figure in inches; by default a column for each panel.
    """
    if not distances:
        raise Error("no interpolation to draw")
    width = width or (PAGE if parts else COLUMN)
    n_panels = 2 if parts else 1
    figure = new_figure(width, 0.62 * width / n_panels)
    whole, *others = figure.subplots(1, n_panels, squeeze=False, sharey=True)[0]
    for i, (name, values) in enumerate(distances.items()):
        mean, std = _mean_and_std(name, values)
        x = np.linspace(0, 1, len(mean))
        colour = COLOURS[i % len(COLOURS)]
        whole.fill_between(x, mean - std, mean + std, color=colour, alpha=0.15, linewidth=0)
        whole.plot(x, mean, color=colour, linestyle=LINES[i % len(LINES)], label=name)
    whole.set_ylabel(ylabel)
    if len(distances) > 1:
        whole.legend(loc="lower right")
    for axes in others:
        _draw_parts(axes, parts)
        whole.set_title("all values")
    for axes in (whole, *others):
        axes.set(xlabel="position between A and B", xlim=(0, 1), ylim=(0, None))
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["A", "0.25", "0.5", "0.75", "B"])
        axes.grid()
    return figure


def _draw_parts(axes: Axes, parts: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Draws a line for each part of each model: the colour is the model, the dashes the part."""
    for i, (name, own) in enumerate(parts.items()):
        for k, (part, values) in enumerate(own.items()):
            mean, _ = _mean_and_std(f"{name}, {part}", values)
            style = {"color": COLOURS[i % len(COLOURS)], "linestyle": LINES[k % len(LINES)]}
            label = part if len(parts) == 1 else f"{name}, {part}"
            axes.plot(np.linspace(0, 1, len(mean)), mean, label=label, **style)
    axes.set_title("by value")
    axes.legend(loc="lower right", ncols=len(parts))


def _mean_and_std(name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(values, float)
    if values.ndim != 2 or not len(values) or values.shape[1] < 2:
        raise Error(f"{name}: distances (pairs, points) are needed, not {values.shape}")
    return values.mean(axis=0), values.std(axis=0)
