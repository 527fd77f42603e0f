"""Statistics of pieces that show whether they are music, noise or silence, as rows of a table."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from musegen.music.piece import Piece

COLUMNS = (
    "parts", "notes", "bars", "seconds", "range", "distinct pitches", "notes a bar",
    "notes at once", "longest silence", "meters",
)  # fmt: skip


def statistics(pieces: Iterable[Piece]) -> dict[str, list[str]]:
    """Returns a row for each piece, with its values in the order of `COLUMNS`.

    Drums count only among the notes.
    """
    return rows_of((piece.name, facts(piece)) for piece in pieces)


def rows_of(named: Iterable[tuple[str, dict[str, object]]]) -> dict[str, list[str]]:
    """Returns the rows of a table from names and facts of pieces.

    If several pieces have the same name, `(2)`, `(3)`, ... is appended to it from the second on.
    """
    rows, uses = {}, Counter()
    for name, values in named:
        uses[name] += 1
        suffix = f" ({uses[name]})" if uses[name] > 1 else ""
        rows[name + suffix] = [_text(value) for value in values.values()]
    return rows


def facts(piece: Piece) -> dict[str, object]:
    """Returns the values of one piece by the names of `COLUMNS`; an undefined value is None.

    The longest silence is in bars; it may also be before the first note or after the last. The
    number of notes at once is a mean over the time in which at least one pitched note sounds.
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
        notes_at_once(piece),
        longest_silence(piece),
        " ".join(meters) or None,
    )
    return dict(zip(COLUMNS, values, strict=True))


def longest_silence(piece: Piece) -> float:
    """Returns the longest time without any note, in bars; a drum sounds as long as its note."""
    ends = np.maximum.accumulate(np.append(0, piece.ends))
    following = np.append(piece.notes["onset"], piece.length)
    return float((piece.in_bars(following) - piece.in_bars(ends)).max())


def notes_at_once(piece: Piece) -> float | None:
    """Returns the mean number of pitched notes that sound at once, while any sounds."""
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
