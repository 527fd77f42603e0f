"""Joins pieces, one after the other, into one piece."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from musegen.music.piece import BEATS_PER_BAR, MAX_TPQ, NOTE, PEDAL, TEMPO, Piece


def chain_pieces(pieces: Sequence[Piece], gap: int = 0, name: str | None = None) -> Piece:
    """Joins pieces; each starts a new bar, with its own tempo and meter.

    Equal parts (program, drums, name) become one. If the pieces have no common unit of time that a
    MIDI file can store, times are rounded to the finest unit among the pieces.

    Args:
        pieces: one piece or more.
        gap: number of silent bars after each piece but the last, as long as its last bar.
        name: name of the joined piece; by default that of the first piece.
    """
    ticks = math.lcm(*(piece.ticks_per_quarter for piece in pieces))
    if ticks > MAX_TPQ:
        ticks = max(piece.ticks_per_quarter for piece in pieces)
    parts = {part: None for piece in pieces for part in piece.parts}
    number = {part: k for k, part in enumerate(parts)}
    notes, pedals = [np.zeros(0, NOTE)], [np.zeros(0, PEDAL)]
    events = {"tempi": [], "meters": [], "keys": []}
    start = length = 0
    for piece in pieces:
        piece = _begun(piece.quantised(ticks))
        part = np.array([number[part] for part in piece.parts], np.int16)
        for chained, array, time in (
            (notes, piece.notes, "onset"),
            (pedals, _lifted(piece), "tick"),
        ):
            moved = array.copy()
            moved[time] += start
            moved["part"] = part[array["part"]] if len(array) else array["part"]
            chained.append(moved)
        for kind, chained in events.items():
            chained += [(tick + start, *rest) for tick, *rest in getattr(piece, kind)]
        length = start + piece.length
        lines = piece.bars(closed=True)
        if len(lines):
            start += int(lines[-1] + gap * (lines[-1] - lines[-2]))
    return Piece(
        name or pieces[0].name,
        ticks,
        np.concatenate(notes),
        tuple(parts),
        pedal=np.concatenate(pedals),
        length=length,
        **events,
    )


def _begun(piece: Piece) -> Piece:
    """Returns the piece with an explicit tempo and meter at its first tick, by default MIDI's."""
    defaults = {"tempi": (0, TEMPO), "meters": (0, BEATS_PER_BAR, 4)}
    missing = {
        kind: (event, *getattr(piece, kind))
        for kind, event in defaults.items()
        if not getattr(piece, kind) or getattr(piece, kind)[0][0]
    }
    return replace(piece, **missing)


def _lifted(piece: Piece) -> np.ndarray:
    """Returns the pedal of the piece, lifted at its end, so that it holds no note of the next."""
    parts = np.unique(piece.pedal["part"])
    lifts = np.zeros(len(parts), PEDAL)
    lifts["tick"], lifts["part"] = piece.length, parts
    return np.concatenate([piece.pedal, lifts])
