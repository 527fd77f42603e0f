"""Writes the files of the commands: music as MIDI, arrays, a picture or sound.

`-o` is given once for each file, and the ending says the format. All names are checked before the
work begins, and a file is written completely or not at all.
"""

import contextlib
import io
import os
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error, audio, files

if TYPE_CHECKING:
    import numpy as np
    import symusic
    from matplotlib.figure import Figure

ENDINGS = (".mid", ".midi", ".npy", ".npz", ".png", ".wav")


def add_out(parser: ArgumentParser, default: str) -> None:
    """Adds the option `-o`; `default` describes the file that is written without it."""
    parser.add_argument(
        "-o", "--out", action="append", type=Path, metavar="FILE",
        help="file to write; the ending says the format: .mid, .png (piano-rolls), .wav (needs "
        "FluidSynth), .npy (bool phrases) or, for a system that makes notes, .npz (pieces); may be "
        f"given several times (default: {default})",
    )  # fmt: skip


def name(system: str) -> str:
    """Returns the name of a system or of its folder (which may be `.`), for names of outputs."""
    return Path(os.path.realpath(system)).name


def check(paths: Sequence[Path], sources: Sequence[str | Path] = ()) -> None:
    """Raises an `Error` if a file cannot be written; see `musegen.files.check`.

    Args:
        paths: files to write.
        sources: files that the command reads, which must not be overwritten.
    """
    for path in paths:
        if path.suffix.lower() not in ENDINGS:
            raise Error(f"{path}: the name must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    files.check(paths, sources)
    if any(path.suffix.lower() == ".wav" for path in paths):
        audio.sound_font()
        audio.player()


def check_sound(paths: Sequence[Path], seconds: float, beats: int) -> None:
    """Raises an `Error` if the music is too long for a sound file among the outputs."""
    for path in paths:
        if path.suffix.lower() == ".wav":
            audio.check_length(path, seconds, beats)


def write(
    paths: Sequence[Path],
    score: "symusic.Score",
    write_array: Callable[[Path], None],
    draw: "Callable[[], Figure | np.ndarray]",
) -> None:
    """Writes all files, or none if one fails.

    Args:
        paths: files to write; the ending of each says its format.
        score: music for MIDI and sound.
        write_array: function that writes the array file to a path.
        draw: function that makes the picture, which is a figure or an array of grey pixels.
    """
    with contextlib.ExitStack() as written:
        for path in paths:
            part, kind = written.enter_context(files.replacing(path)), path.suffix.lower()
            if kind in (".npy", ".npz"):
                write_array(part)
            elif kind == ".png":
                part.write_bytes(_png(draw()))
            elif kind == ".wav":
                with tempfile.TemporaryDirectory() as folder:
                    song = files.write_bytes(Path(folder) / "song.mid", score.dumps_midi())
                    audio.play(song, part, name=str(path))
            else:
                part.write_bytes(score.dumps_midi())


def _png(picture: "Figure | np.ndarray") -> bytes:
    """Returns a picture as the bytes of a PNG file."""
    import numpy as np
    from matplotlib import image

    from musegen import plots

    if not isinstance(picture, np.ndarray):
        return plots.encoded(picture, ".png")
    buffer = io.BytesIO()
    image.imsave(buffer, picture, cmap="gray", vmin=0, vmax=255, format="png")
    return buffer.getvalue()


def table(rows: dict[str, Sequence], columns: Sequence[str]) -> str:
    """Returns a table as text, with a line for the names of the columns and one for each row."""
    first = max(len(files.shown(name)) for name in rows)
    cells = {"": columns} | rows
    widths = [max(len(str(row[k])) for row in cells.values()) for k in range(len(columns))]
    return "\n".join(
        f"{files.shown(name):<{first}}  "
        + "  ".join(f"{value!s:>{width}}" for value, width in zip(row, widths, strict=True))
        for name, row in cells.items()
    )


def shapes(tensors: dict[str, Sequence[int]]) -> str:
    """Returns the shapes of tensors as text such as `z 32, z_tracks 5 x 32`."""
    return ", ".join(f"{name} {' x '.join(map(str, shape))}" for name, shape in tensors.items())


def names(paths: Sequence[Path]) -> str:
    """Returns paths as text such as `a.mid, b.png and c.npy`."""
    *most, last = map(files.shown, paths)
    return f"{', '.join(most)} and {last}" if most else last


def counted(n: int, unit: str) -> str:
    """Returns a text such as `1 bar` or `1,000 bars`."""
    return f"{n:,} {unit}{'' if n == 1 else 's'}"
