"""Reads, writes and counts pieces of notes for the commands; see `musegen.commands.formats`."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.commands import outputs
from musegen.data.note_store import write_pieces
from musegen.data.piece_loading import load_pieces
from musegen.music.midi import piece_to_score
from musegen.music.piece import Piece
from musegen.music.piece_chain import chain_pieces
from musegen.music.piece_phrases import to_phrases
from musegen.music.piece_statistics import COLUMNS, statistics
from musegen.system import TrainedSystem

if TYPE_CHECKING:
    import symusic
    from matplotlib.figure import Figure

UNIT = "piece"
ARRAY = ".npz"
OPTIONS = {}
DRAWN = 16  # largest number of pieces in a picture
DRAWN_BARS = 512  # largest number of bars in all of them
LISTED = 20  # largest number of pieces with a row in the table


# Reading


def read_example(source: str, number: int, flag: str) -> Piece:
    """Reads one piece of a source, by its number from 1."""
    pieces = load_pieces(source)
    if number > len(pieces):
        raise Error(f"{flag} {number}: {source} has {len(pieces)} pieces")
    return pieces[number - 1]


def prepared(ends: Sequence[Piece], system: TrainedSystem, args: Namespace) -> list[Piece]:
    """Returns the two pieces to interpolate between, unchanged."""
    return list(ends)


def as_phrases(pieces: Sequence[Piece], n_steps: int, n_bars: int) -> tuple[np.ndarray, int]:
    """Converts the pieces in 4/4 to phrases; also returns the number of the other pieces."""
    phrases, left_out = [], 0
    for piece in pieces:
        try:
            phrases.append(to_phrases(piece, n_steps, n_bars))
        except Error:
            left_out += 1
    if not phrases:
        raise Error(f"none of {len(pieces)} pieces is in 4/4, so none can be measured as phrases")
    return np.concatenate(phrases), left_out


# Writing


def check_amount(
    paths: Sequence[Path], n: int, system: TrainedSystem, args: Namespace, ends: Sequence = ()
) -> None:
    """Checks nothing: the length of pieces is known only when they are made."""


def finished(pieces: Sequence[Piece], args: Namespace) -> Sequence[Piece]:
    """Returns the pieces unchanged."""
    return pieces


def shown(system: TrainedSystem) -> dict:
    """Returns nothing, as all parts of a piece are shown."""
    return {}


def score(pieces: Sequence[Piece], args: Namespace) -> "symusic.Score":
    """Converts the pieces to MIDI, one after the other."""
    return piece_to_score(chain_pieces(pieces, args.gap))


def write_array(path: Path, pieces: Sequence[Piece]) -> None:
    """Writes a file of pieces."""
    write_pieces(path, pieces)


def draw(pieces: Sequence[Piece], columns: int | None = None) -> "Figure":
    """Draws the first pieces that have notes, and of each the first bars."""
    from musegen import plots

    shown = [piece for piece in pieces if len(piece)][:DRAWN] or pieces[:1]
    return plots.pieces([piece.first_bars(DRAWN_BARS // len(shown)) for piece in shown])


# Counting


def summary(pieces: Sequence[Piece], args: Namespace) -> str:
    """Returns a text such as "2 pieces, 300 notes, 20.0 s"."""
    seconds = sum(float(piece.seconds(piece.length)) for piece in pieces)
    n_notes = sum(map(len, pieces))
    return f"{outputs.counted(len(pieces), UNIT)}, {n_notes:,} notes, {seconds:.1f} s"


def table(pieces: Sequence[Piece]) -> str:
    """Returns a table of statistics of each piece."""
    text = outputs.table(statistics(pieces[:LISTED]), COLUMNS)
    return text + f"\nand {len(pieces) - LISTED} more" * (len(pieces) > LISTED)
