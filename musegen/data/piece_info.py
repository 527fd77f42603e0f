"""Describes a set of pieces: `musegen data info` for notes."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen.data.prepare import counts_line
from musegen.files import shown
from musegen.music.piece_statistics import COLUMNS, facts, rows_of

if TYPE_CHECKING:
    from musegen.data.piece_loading import Pieces

NUMBERS = [name for name in COLUMNS if name not in ("range", "meters")]
SHOWN = ("least", "median", "most")
LISTED = 12  # up to this number of pieces, the table has a row for each
DRAWN_BARS = 128  # largest number of bars in the picture


def describe(pieces: "Pieces") -> dict:
    """Returns counts, and the smallest, median and largest value of each statistic."""
    named = [(piece.name, facts(piece)) for piece in pieces]
    columns = {name: [values[name] for _, values in named] for name in NUMBERS}
    columns = {name: [v for v in values if v is not None] for name, values in columns.items()}
    meters = Counter(meter for _, values in named for meter in (values["meters"] or "none").split())
    return {
        "name": pieces.name,
        "music": "notes",
        "pieces": len(pieces),
        "notes": int(sum(columns["notes"])),
        "skipped": len(pieces.skipped),
        "statistics": {
            name: dict(zip(SHOWN, np.quantile(values, (0, 0.5, 1)).tolist(), strict=True))
            for name, values in columns.items()
            if values
        },
        "meters": dict(meters.most_common()),
        "rows": rows_of(named) if len(named) <= LISTED else {},
    }


def picture(pieces: "Pieces", path: str | Path, seed: int = 0) -> str:
    """Draws a random piece, or the beginning of a long one; returns what it shows, as text."""
    from musegen import plots

    piece = pieces[int(np.random.default_rng(seed).integers(len(pieces)))]
    first = piece.first_bars(DRAWN_BARS)
    plots.save(plots.piece(first), path)
    beginning = f"the first {DRAWN_BARS} bars of " if first.length < piece.length else ""
    return f"{beginning}{shown(piece.name)}"


def text(info: dict) -> str:
    """Formats what `describe` returns as text."""
    from musegen.commands.outputs import counted, table

    lines = [shown(f"{info['name']}: {counted(info['pieces'], 'piece')}, {info['notes']:,} notes")]
    if info.get("source"):
        lines[0] += f", from {shown(info['source'])}"
    if info["skipped"]:
        lines.append(f"{info['skipped']:,} files gave no piece")
    lines += [f"  {counts_line(*split)}" for split in info.get("splits", {}).items()]
    lines += [""]
    if info["rows"]:
        lines.append(table(info["rows"], COLUMNS))
    else:
        rows = {
            name: [f"{value:,.1f}".removesuffix(".0") for value in values.values()]
            for name, values in info["statistics"].items()
        }
        lines.append(table(rows, SHOWN))
        meters = [f"{name} in {n:,}" for name, n in info["meters"].items()]
        more = f", and {len(meters) - LISTED} others" if len(meters) > LISTED else ""
        lines += ["", f"meters: {', '.join(meters[:LISTED])}{more}"]
    return "\n".join(lines)
