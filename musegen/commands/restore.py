"""A song played again in a system's own manner: `musegen restore`.

A system of phrases reads the song onto the grid of its own bars and restores it bar by bar; the
result is written with the song's own tempo, meter and keys, so that both play in step. What is
silent in the song, a whole track or a bar of all tracks, stays silent unless `--fill` is given. A
system of notes restores the song as it is, in any meter.
"""

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
        help="tracks that stay note by note as they are in the song, of drums, piano, guitar, "
        "bass, strings",
    )  # fmt: skip
    choices.add_for(
        parser, "phrases", "--fill", action="store_true",
        help="let the system play where the song is silent: in tracks without notes, empty bars",
    )  # fmt: skip
    outputs.add_out(parser, "the song's name and -restored.mid, in this folder")


def run(args: Namespace) -> None:
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
    """The song, if it can be restored as it is asked for."""
    from musegen.music.phrases import TRACKS

    songs.check_tracks("--keep", args.keep)
    if set(args.keep) == set(TRACKS):
        raise Error(f"--keep {' '.join(args.keep)}: nothing is left to restore")
    song, silent = songs.read(args.song, out)
    if silent and not args.fill:
        print(
            f"musegen: {', '.join(silent)}: silent in the song and left so; --fill lets the "
            "system play there",
            file=sys.stderr,
        )
    return song


def _joined(original: "np.ndarray", played: "np.ndarray", args: Namespace) -> "np.ndarray":
    """What the system played, where it was asked to, and the song elsewhere."""
    from musegen.music.phrases import TRACKS

    restored = played.copy()
    if not args.fill:
        restored &= original.any(axis=(1, 2, 3), keepdims=True)  # of each bar
        restored &= original.any(axis=(0, 1, 2))  # of each track
    for k, track in enumerate(TRACKS):
        if track in args.keep:
            restored[..., k] = original[..., k]
    return restored


def _f1(original: "np.ndarray", restored: "np.ndarray", keep: list[str]) -> list[str]:
    """How well the cells that are on agree, for each track."""
    from musegen.music.phrases import TRACKS

    both = (original & restored).sum(axis=(0, 1, 2))
    either = original.sum(axis=(0, 1, 2)) + restored.sum(axis=(0, 1, 2))
    return [
        "kept" if track in keep else f"{2 * hit / total:.2f}" if total else "-"
        for track, hit, total in zip(TRACKS, both, either, strict=True)
    ]
