"""The picture of a piece, or of several: notes as blocks, in rows of bars."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch

from musegen import Error
from musegen.music.piece import Part, Piece
from musegen.plots.style import COLOURS, GRID, PAGE, new_figure, styled

MOST_ROWS = 60  # rows of a figure; with more nothing could be seen
_MIN_PITCHES = 14  # pitches that a row shows at least
_PALEST = 0.3  # strength of the colour of the softest note, 1 is full
_MARK = 1 / 300  # width of a drum hit, and least width of a note, as a share of the row


@styled
def piece(piece: Piece, bars_a_row: int = 16, width: float = PAGE) -> Figure:
    """Draws a piece in rows of bars, with a colour for each part; loud notes are darker.

    The width of a bar is its length, and each new meter is written above its first bar. Drum hits
    are short marks below the pitches, a line for each instrument.

    Args:
        piece: the piece to draw.
        bars_a_row: largest number of bars in a row.
        width: width of the figure in inches.
    """
    return pieces([piece], bars_a_row, width)


@styled
def pieces(pieces: Sequence[Piece], bars_a_row: int = 16, width: float = PAGE) -> Figure:
    """Draws pieces below one another, each as `piece` does; a quarter is as wide in all of them."""
    rows = [_rows(piece, bars_a_row) for piece in pieces]
    if (n_rows := sum(map(len, rows))) > MOST_ROWS:
        raise Error(
            f"{pieces[0].name}: {n_rows} rows of bars are over {MOST_ROWS}; draw a part of it"
        )
    quarters = max(
        (row[-1] - row[0]) / piece.ticks_per_quarter
        for piece, own in zip(pieces, rows, strict=True)
        for row in own
    )
    limits = [_heights(piece)[1:3] for piece in pieces]
    inches = [
        len(own) * (0.022 * (high - low) + 0.24) + 0.3
        for own, (low, high) in zip(rows, limits, strict=True)
    ]
    figure = new_figure(width, sum(inches))
    parts = figure.subfigures(len(pieces), 1, squeeze=False, height_ratios=inches)[:, 0]
    for part, piece, own in zip(parts, pieces, rows, strict=True):
        staves = _draw_piece(part, piece, own, quarters * piece.ticks_per_quarter)
    staves[-1].set_xlabel("bar")
    return figure


def _rows(piece: Piece, bars_a_row: int) -> list[np.ndarray]:
    """Returns the ticks of the bar lines of each row."""
    lines = piece.bars(closed=True)
    if not len(piece) or bars_a_row < 1:
        raise Error(f"{piece.name}: no notes or no bars to draw")
    return [lines[k : k + bars_a_row + 1] for k in range(0, len(lines) - 1, bars_a_row)]


def _draw_piece(
    figure: Figure | SubFigure, piece: Piece, rows: Sequence[np.ndarray], span: float
) -> list[Axes]:
    """Draws the rows of a piece, each `span` ticks wide, and returns their axes."""
    heights, low, high, kit = _heights(piece)
    colours = _colours(len(piece.parts))
    staves = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    number, bars_a_row = 1, len(rows[0]) - 1
    for axes, row in zip(staves, rows, strict=True):
        _draw_notes(axes, piece, heights, colours, row, span * _MARK)
        _rule(axes, piece, row, number, bars_a_row)
        _label(axes, low, high, kit)
        axes.set(xlim=(row[0], row[0] + span), ylim=(low, high))
        number += bars_a_row
    # The pad leaves space for the meters.
    staves[0].set_title(piece.name, loc="left", fontweight="bold", pad=9)
    if len(np.unique(piece.notes["part"])) > 1:
        _legend(figure, piece, colours)
    return list(staves)


def _heights(piece: Piece) -> tuple[np.ndarray, int, int, int]:
    """Places the notes on the vertical axis.

    Returns:
        The height of each note, the lower and the upper limit, and the line above the drums.
    """
    drums, pitch = piece.drums, piece.notes["pitch"].astype(int)
    bottom, top = (int(f(pitch[~drums])) for f in (np.min, np.max)) if not drums.all() else (60, 60)
    missing = max(_MIN_PITCHES - (top - bottom), 0)
    bottom, top = bottom - missing // 2 - 1, top + (missing + 1) // 2 + 2
    instruments, index = np.unique(pitch[drums], return_inverse=True)
    heights = pitch.astype(float)
    # Each instrument has the height of two pitches, so that its marks are seen as one line.
    heights[drums] = bottom - 2 * (len(instruments) - index)
    return heights, bottom - 2 * len(instruments), top, bottom


def _colours(n: int) -> np.ndarray:
    """Returns a colour for each part, from a larger palette if there are many."""
    if n <= len(COLOURS):
        return np.array([to_rgb(COLOURS[k]) for k in range(n)])
    return np.array([matplotlib.colormaps["tab20"](k % 20)[:3] for k in range(n)])


def _draw_notes(
    axes: Axes,
    piece: Piece,
    heights: np.ndarray,
    colours: np.ndarray,
    row: np.ndarray,
    least: float,
) -> None:
    """Draws the notes that sound in a row, none narrower than `least` ticks."""
    onset, ends, drums = piece.notes["onset"], piece.ends, piece.drums
    here = (onset < row[-1]) & ((ends > row[0]) | (onset >= row[0]))
    start, low = onset[here].clip(row[0]).astype(float), heights[here]
    end = np.where(drums[here], 0, ends[here].clip(max=row[-1]))
    end, high = np.maximum(end, start + least), low + np.where(drums[here], 1.6, 1)
    corners = np.stack([start, low, start, high, end, high, end, low], axis=1)
    strength = _PALEST + (1 - _PALEST) * piece.notes["velocity"][here, None] / 127
    colour = colours[piece.notes["part"][here]]
    blocks = PolyCollection(
        corners.reshape(-1, 4, 2),
        facecolors=1 - strength * (1 - colour),
        edgecolors=colour * 0.6,
        linewidths=np.where(drums[here], 0, 0.2),
        zorder=3,
    )
    axes.add_collection(blocks)


def _rule(axes: Axes, piece: Piece, row: np.ndarray, number: int, bars_a_row: int) -> None:
    """Draws bar lines, the numbers of bars from `number` on, and meters where they begin."""
    full_height = {"transform": axes.get_xaxis_transform()}  # vertical axis: 0 bottom, 1 top
    axes.vlines(row, 0, 1, colors=GRID, linewidths=0.4, **full_height)
    labelled = next((n for n in (1, 2, 4, 8, 16) if bars_a_row <= 20 * n), 32)
    axes.set_xticks(row[:-1:labelled], range(number, number + len(row) - 1, labelled))
    axes.tick_params(axis="x", length=0)
    for tick, top, bottom in piece.meters:
        if row[0] <= tick < row[-1]:
            axes.text(tick, 1.01, f"{top}/{bottom}", fontsize=5.5, va="bottom", **full_height)


def _label(axes: Axes, low: int, high: int, kit: int) -> None:
    """Labels the octaves and the drums, and draws a line above the drums."""
    octaves = [pitch for pitch in range(0, 128, 12) if kit <= pitch < high]
    names = [f"C{pitch // 12 - 1}" for pitch in octaves]
    for octave in octaves:
        axes.axhline(octave, color="0.92", linewidth=0.4)
    if low < kit:
        axes.axhline(kit - 0.2, color="0.4", linewidth=0.4)
        octaves, names = [(low + kit) / 2, *octaves], ["drums", *names]
    axes.set_yticks(octaves, names)
    axes.spines["bottom"].set_color("0.4")


def _legend(figure: Figure | SubFigure, piece: Piece, colours: np.ndarray) -> None:
    patches = [
        Patch(facecolor=colours[k], label=_name(piece.parts[k], k + 1))
        for k in np.unique(piece.notes["part"])
    ]
    figure.legend(handles=patches, loc="outside lower center", ncols=min(len(patches), 5))


def _name(part: Part, number: int) -> str:
    """Returns the name of a part in the legend, which does not show names that begin with `_`."""
    kind = "drums" if part.is_drum else f"program {part.program + 1}"
    return part.name.strip().lstrip("_")[:30] or f"{number}: {kind}"
