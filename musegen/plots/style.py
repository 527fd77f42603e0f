"""The style of all figures: widths, colours and axes; and the writing of figures to files."""

import io
import warnings
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from musegen import Error
from musegen.files import shown, write_bytes

COLUMN, PAGE = 3.3, 7.0  # widths in inches: a column, and both columns, of a paper

# The MuseGAN paper's colours, so that pictures can be compared side by side.
TRACK_COLOURS = {
    "bass": (0.0, 1.0, 1.0),
    "drums": (1.0, 0.0, 1.0),
    "guitar": (1.0, 1.0, 0.0),
    "strings": (0.0, 0.5, 1.0),
    "piano": (1.0, 0.5, 0.0),
}
# Okabe and Ito's palette, which people with any kind of colour blindness can distinguish.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
LINES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
MARKERS = ("o", "^", "s", "D", "v", "P", "X")
SEQUENTIAL = "Blues"
GRID = "0.75"

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.3,
    "legend.borderpad": 0.1,
    "legend.borderaxespad": 0.3,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlepad": 3,
    "axes.labelpad": 2,
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "grid.color": "0.88",
    "lines.linewidth": 0.9,
    "lines.markersize": 3.5,
    "hatch.linewidth": 0.4,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "xtick.minor.size": 1.2,
    "ytick.minor.size": 1.2,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "figure.dpi": 200,
    "pdf.fonttype": 42,
}
# Decorates each function that draws, so that the user's own matplotlib settings have no effect and
# are not changed.
styled = matplotlib.style.context(["default", _STYLE])


def new_figure(width: float, height: float, layout: str = "constrained") -> Figure:
    """Makes an empty figure, sizes in inches, whose layout engine places the axes."""
    figure = Figure(figsize=(width, height), layout=layout)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    return figure


def frame(axes: Axes) -> None:
    """Draws a black frame around `axes` and removes the ticks."""
    axes.set(xticks=[], yticks=[])
    axes.tick_params(length=0)
    axes.spines[:].set(visible=True, linewidth=0.8)


@styled
def save(figure: Figure, path: str | Path) -> Path:
    """Writes a figure as PNG (300 dpi) or PDF (vectors; images in it at 600 dpi)."""
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".png", ".pdf"):
        raise Error(f"{path}: a figure is written as .png or .pdf, so end the name in one of them")
    return write_bytes(path, encoded(figure, kind))


@styled
def encoded(figure: Figure, kind: str) -> bytes:
    """Returns the content of the file of a figure; `kind` is `".png"` or `".pdf"`."""
    for text in figure.findobj(Text):  # may contain a file's name with unprintable characters
        text.set_text("\n".join(map(shown, text.get_text().split("\n"))))
        if "$" in text.get_text():
            text.set_parse_math(False)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box is drawn instead
        figure.draw_without_rendering()  # the layout changes ticks, so only a second drawing fits
        # Without a date in the file the same figure gives the same bytes.
        metadata = {"CreationDate": None} if kind == ".pdf" else None
        dpi = 600 if kind == ".pdf" else 300
        figure.savefig(buffer, format=kind[1:], dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def save_image(image: np.ndarray, path: str | Path) -> Path:
    """Writes an image, uint8 `(height, width)` (grey) or `(height, width, 3)` (RGB), as PNG."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise Error(f"{path}: an image is written as .png, so end the name in it")
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return write_bytes(path, buffer.getvalue())
