"""Encodes a song with a system and decodes it again: `musegen restore`.

A system of phrases reads the song bar by bar and restores each bar; the result has the tempo, meter
and keys of the song, so that both can be played together. Tracks without notes, and bars in which
all tracks are silent, stay silent unless `--fill` is given. A system of notes restores a song in
any meter.
"""

import math
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error, registry
from musegen.commands import calls, choices, outputs, songs

if TYPE_CHECKING:
    import numpy as np

    from musegen.music.song import Song


def add_arguments(parser: ArgumentParser) -> None:
    songs.add_song(parser, "restore")
    choices.add_for(
        parser, "phrases", "--keep", nargs="+", default=[], metavar="TRACK",
        help="tracks to copy from the song unchanged: drums, piano, guitar, bass, strings",
    )  # fmt: skip
    choices.add_for(
        parser, "phrases", "--fill", action="store_true",
        help="let the system play where the song is silent: in tracks without notes and in empty "
        "bars",
    )  # fmt: skip
    outputs.add_out(parser, "the song's name and -restored.mid, in this folder")


def run(args: Namespace) -> None:
    """Reads a song, restores it, and writes the result."""
    from musegen.commands.formats import format_of

    out = args.out or [Path(f"{Path(args.song).stem}-restored.mid")]
    outputs.check(out, [args.song, registry.place(args.system)])
    format_of(args.system, args, out)
    if registry.entry(args.system).music == "notes":
        return songs.play_piece("restore", "restored", args, out)
    song = _read(args, out)
    system = calls.open_system(args.system, "restore")
    original, played, drawn = songs.play(system, "restore", song, args)
    restored = _joined(original, played, args)
    sets = {"original": original, "restored": restored}
    row = {"F1 of cells": _f1(original, restored, args.keep)}
    return songs.write(out, args, drawn, sets, args.keep, row)


def _read(args: Namespace, out: list[Path]) -> "Song":
    """Reads the song; one that cannot be restored with these options raises an `Error`."""
    from musegen.music.phrases import TRACKS

    songs.check_tracks("--keep", args.keep)
    if set(args.keep) == set(TRACKS):
        raise Error(f"--keep {' '.join(args.keep)}: nothing is left to restore")
    song, silent = songs.read(args.song, out)
    if silent and not args.fill:
        print(
            f"musegen: {', '.join(silent)}: silent in the song, and silent in the result; --fill "
            "lets the system play there",
            file=sys.stderr,
        )
    return song


def _joined(original: "np.ndarray", played: "np.ndarray", args: Namespace) -> "np.ndarray":
    """Combines the bars of the system with those of the song, as --keep and --fill say."""
    from musegen.music.phrases import TRACKS

    restored = played.copy()
    if not args.fill:
        restored &= original.any(axis=(1, 2, 3), keepdims=True)  # bars with a note
        restored &= original.any(axis=(0, 1, 2))  # tracks with a note
    for k, track in enumerate(TRACKS):
        if track in args.keep:
            restored[..., k] = original[..., k]
    return restored


def _f1(original: "np.ndarray", restored: "np.ndarray", keep: list[str]) -> list[str]:
    """Returns the F1 of the cells that are on, as text for each track."""
    from musegen.metrics.cell_f1 import CellF1
    from musegen.music.phrases import TRACKS

    f1 = CellF1(len(TRACKS)).add(original, restored).by_track()
    return [
        "kept" if track in keep else "-" if math.isnan(own) else f"{own:.2f}"
        for track, own in zip(TRACKS, f1, strict=True)
    ]
