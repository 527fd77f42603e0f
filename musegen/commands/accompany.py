"""Generates new tracks to one track of a song: `musegen accompany`.

The song is read bar by bar. The system receives the given track, four bars at a time, and generates
the others; the given track is copied from the file to the result, note by note.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import Error, registry
from musegen.commands import calls, choices, outputs, songs

if TYPE_CHECKING:
    import numpy as np


def add_arguments(parser: ArgumentParser) -> None:
    songs.add_song(parser, "accompany")
    parser.add_argument(
        "--track", metavar="TRACK",
        help="the track to accompany (default: the one that the system is trained for; it accepts "
        "no other)",
    )  # fmt: skip
    choices.add_quantise(parser)
    outputs.add_out(parser, "the song's name and -accompanied.mid, in this folder")


def run(args: Namespace) -> None:
    """Reads a song, generates its other tracks, and writes all of them."""
    from musegen.commands.formats import format_of
    from musegen.music.phrases import TRACKS

    out = args.out or [Path(f"{Path(args.song).stem}-accompanied.mid")]
    outputs.check(out, [args.song, registry.place(args.system)])
    songs.check_tracks("--track", [args.track] if args.track else [])
    calls.check(args.system, "accompany")
    format_of(args.system, args, out)
    song, silent = songs.read(args.song, out)
    system = calls.open_system(args.system, "accompany")
    given = _given(system, args)
    if given in silent:
        raise Error(f"{args.song}: has no note in the {given} to accompany, from C1 to B7")
    original, played, drawn = songs.play(system, "accompany", song, args)
    accompanied = _quantised(played, args.quantise)
    k = TRACKS.index(given)
    accompanied[..., k] = original[..., k]
    part = ["given" if track == given else "new" for track in TRACKS]
    sets = {"song": original, "accompaniment": accompanied}
    songs.write(out, args, drawn, sets, [given], {"part": part})


def _given(system: Any, args: Namespace) -> str:
    """Returns the track that the system accompanies; another --track raises an `Error`."""
    if args.track not in (None, system.given):
        raise Error(f"--track {args.track}: this system can accompany only {system.given}")
    return system.given


def _quantised(bars: "np.ndarray", rule: str | None) -> "np.ndarray":
    """Quantises bars to sixteenth notes, if a rule is given; their number of steps stays."""
    from musegen.music.phrases import quantised, resample

    sixteenths = quantised(bars[:, None], rule)
    return resample(sixteenths, bars.shape[1])[:, 0]
