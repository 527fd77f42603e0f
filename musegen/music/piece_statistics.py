"""Figures of pieces that tell music from noise and silence, as rows of a table."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from musegen.music.piece import Piece

COLUMNS = (
    "parts", "notes", "bars", "seconds", "range", "distinct pitches", "notes a bar",
    "notes at once", "longest silence", "meters",
)  # fmt: skip


def statistics(pieces: Iterable[Piece]) -> dict[str, list[str]]:
    """A row for each piece, its values in the order of `COLUMNS`; drums count as notes alone.

    Of several pieces of one name the second has `(2)` behind it.
    """
    rows, seen = {}, Counter()
    for piece in pieces:
        seen[piece.name] += 1
        again = f" ({seen[piece.name]})" if seen[piece.name] > 1 else ""
        rows[piece.name + again] = [_text(value) for value in facts(piece).values()]
    return rows


def facts(piece: Piece) -> dict[str, object]:
    """The values of one piece by the names of `COLUMNS`; None where there is none.

    Silences are in bars, and those before the first note and after the last one count. How many
    notes sound at once is a mean over the time in which any pitch does.
    """
    pitch = piece.notes["pitch"][~piece.drums]
    n_bars = len(piece.bars())
    meters = dict.fromkeys(f"{top}/{bottom}" for _, top, bottom in piece.meters)
    values = (
        len(piece.parts),
        len(piece),
        n_bars,
        float(piece.seconds(piece.length)),
        f"{pitch.min()}-{pitch.max()}" if len(pitch) else None,
        len(np.unique(pitch)),
        len(piece) / n_bars if n_bars else None,
        _at_once(piece),
        longest_silence(piece),
        " ".join(meters) or None,
    )
    return dict(zip(COLUMNS, values, strict=True))


def longest_silence(piece: Piece) -> float:
    """The longest stretch in which nothing sounds, in bars; a drum sounds as long as its note."""
    ends = np.maximum.accumulate(np.append(0, piece.ends))
    following = np.append(piece.notes["onset"], piece.length)
    return float((piece.in_bars(following) - piece.in_bars(ends)).max())


def _at_once(piece: Piece) -> float | None:
    notes, ends = piece.notes[~piece.drums], piece.ends[~piece.drums]
    reached = np.maximum.accumulate(np.append(0, ends))[:-1]  # before each note
    sounding = np.maximum(ends - np.maximum(notes["onset"], reached), 0).sum()
    return float(notes["duration"].sum() / sounding) if sounding else None


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
