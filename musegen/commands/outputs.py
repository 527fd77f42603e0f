"""What the commands write: one piece of music as MIDI, cells, a picture or sound.

`-o` is given once for each file, and its ending says which of them it is. All are checked before
the work begins, and each is written whole or not at all.
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

    from musegen.music.phrases import Packed

ENDINGS = (".mid", ".midi", ".npy", ".png", ".wav")
IN_A_ROW = 8  # phrases, in the picture of a whole set


def add_out(parser: ArgumentParser, default: str) -> None:
    """The option `-o`; `default` says in words what is written without it."""
    parser.add_argument(
        "-o", "--out", action="append", type=Path, metavar="FILE",
        help="what to write, by its ending: .mid, .npy (bool phrases), .png (piano-rolls) or .wav "
        f"(needs FluidSynth); may be given several times (default: {default})",
    )  # fmt: skip


def name(system: str) -> str:
    """The name of a system or its folder, `.` for one, which outputs are called after."""
    return Path(os.path.realpath(system)).name


def check(paths: Sequence[Path], sources: Sequence[str | Path] = ()) -> None:
    """Music that cannot be written raises an `Error`, see `musegen.files.check`."""
    for path in paths:
        if path.suffix.lower() not in ENDINGS:
            raise Error(f"{path}: end the name in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    files.check(paths, sources)
    if any(path.suffix.lower() == ".wav" for path in paths):
        audio.sound_font()
        audio.player()


def check_sound(paths: Sequence[Path], seconds: float, beats: int) -> None:
    """Sound of so much music that cannot be made raises an `Error`."""
    for path in paths:
        if path.suffix.lower() == ".wav":
            audio.check_length(path, seconds, beats)


def check_phrases(paths: Sequence[Path], n: int, n_bars: int, tempo: float, gap: int) -> None:
    """The same of `n` phrases, one after the other."""
    from musegen.music.layout import BEATS_PER_BAR

    beats = BEATS_PER_BAR * bars_of(n, n_bars, gap)
    check_sound(paths, 60 * beats / tempo, beats)


def write(
    paths: Sequence[Path],
    phrases: "np.ndarray | Packed",
    score: "symusic.Score",
    draw: "Callable[[], Figure | np.ndarray]",
) -> None:
    """Writes all files or none; `draw` makes the picture, a figure or grey pixels."""
    with contextlib.ExitStack() as written:
        for path in paths:
            part, kind = written.enter_context(files.replacing(path)), path.suffix.lower()
            if kind == ".npy":
                _write_npy(part, phrases)
            elif kind == ".png":
                part.write_bytes(_png(draw()))
            elif kind == ".wav":
                with tempfile.TemporaryDirectory() as folder:
                    song = files.write_bytes(Path(folder) / "song.mid", score.dumps_midi())
                    audio.play(song, part, name=str(path))
            else:
                part.write_bytes(score.dumps_midi())


def _write_npy(path: Path, phrases: "np.ndarray | Packed") -> None:
    """What `np.save` writes, block by block."""
    import numpy as np

    from musegen.music.phrases import blocks

    about = {"descr": "|b1", "fortran_order": False, "shape": phrases.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, about)
        for block in blocks(phrases):
            file.write(np.ascontiguousarray(block).data)


def _png(picture: "Figure | np.ndarray") -> bytes:
    """A picture as the bytes of a PNG file."""
    import numpy as np
    from matplotlib import image

    from musegen import plots

    if not isinstance(picture, np.ndarray):
        return plots.encoded(picture, ".png")
    buffer = io.BytesIO()
    image.imsave(buffer, picture, cmap="gray", vmin=0, vmax=255, format="png")
    return buffer.getvalue()


def phrase_picture(phrases: "np.ndarray | Packed") -> "np.ndarray":
    """MIDI-Sandwich2's picture, eight phrases in a row; of eight exactly the published one."""
    import numpy as np

    from musegen.plots import image_midi_s2

    starts = range(0, len(phrases), IN_A_ROW)
    rows = [image_midi_s2(phrases[start : start + IN_A_ROW]) for start in starts]
    width = max(row.shape[1] for row in rows)
    filled = [np.pad(row, ((0, 0), (0, width - row.shape[1])), constant_values=255) for row in rows]
    return np.concatenate(filled)


def table(rows: dict[str, Sequence], columns: Sequence[str]) -> str:
    """Rows of values under the names of their columns."""
    first = max(len(files.shown(name)) for name in rows)
    cells = {"": columns} | rows
    widths = [max(len(str(row[k])) for row in cells.values()) for k in range(len(columns))]
    return "\n".join(
        f"{files.shown(name):<{first}}  "
        + "  ".join(f"{value!s:>{width}}" for value, width in zip(row, widths, strict=True))
        for name, row in cells.items()
    )


def shapes(tensors: dict[str, Sequence[int]]) -> str:
    """`z 32, z_tracks 5 x 32`."""
    return ", ".join(f"{name} {' x '.join(map(str, shape))}" for name, shape in tensors.items())


def statistics(phrases: "np.ndarray | Packed") -> dict[str, list[str]]:
    """Figures of each track that tell music from noise and silence, as rows of a `table`."""
    import numpy as np

    from musegen.music import notes
    from musegen.music.phrases import TRACKS, blocks, chain, pack

    n_bars = phrases.shape[0] * phrases.shape[1]
    rows = {"notes": [], "silent bars": [], "distinct bars": []}
    for k, track in enumerate(TRACKS):
        n_notes, n_silent, different = 0, 0, set()
        for part in (block[..., k] for block in blocks(phrases)):
            events = notes.from_parts([chain(part, gap=1)], drums=track == "drums")
            bars = np.ascontiguousarray(part.reshape(-1, *part.shape[2:]))  # (bars, T, 84)
            n_notes += len(events)
            n_silent += int((~bars.any(axis=(1, 2))).sum())
            different.update(bar.tobytes() for bar in pack(bars))
        rows["notes"].append(f"{n_notes:,}")
        rows["silent bars"].append(f"{100 * (n_silent / n_bars):.0f} %")
        rows["distinct bars"].append(f"{len(different)} of {n_bars}")
    return rows


def names(paths: Sequence[Path]) -> str:
    """`a.mid, b.png and c.npy`."""
    *most, last = map(files.shown, paths)
    return f"{', '.join(most)} and {last}" if most else last


def length(phrases: "np.ndarray | Packed", tempo: float, gap: int) -> str:
    """How much music it is."""
    from musegen.music.phrases import BEATS_PER_BAR

    n, n_bars = phrases.shape[:2]
    seconds = bars_of(n, n_bars, gap) * BEATS_PER_BAR * 60 / tempo
    music = f"{counted(n, 'phrase')} of {counted(n_bars, 'bar')}"
    return f"{music}, {seconds:.1f} s at {tempo:g} beats a minute"


def bars_of(n: int, n_bars: int, gap: int) -> int:
    """Bars that `n` phrases last; the silence after the last one does not count."""
    return n * (n_bars + gap) - gap


def counted(n: int, unit: str) -> str:
    """`1 bar` or `1,000 bars`."""
    return f"{n:,} {unit}{'' if n == 1 else 's'}"
