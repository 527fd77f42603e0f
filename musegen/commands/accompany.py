"""New tracks to one track of a song: `musegen accompany`.

The song is read onto the grid of its own bars. The system hears the given track, four bars at a
time, and writes the others to it; the given track stands in the result as the file has it.
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
        help="the track to accompany (default: the one that the system was trained to be given; "
        "it takes no other)",
    )  # fmt: skip
    choices.add_quantise(parser)
    outputs.add_out(parser, "the song's name and -accompanied.mid, in this folder")


def run(args: Namespace) -> None:
    from musegen.commands.formats import format_of
    from musegen.music.phrases import TRACKS

    out = args.out or [Path(f"{Path(args.song).stem}-accompanied.mid")]
    outputs.check(out, [args.song, registry.place(args.system)])
    calls.check(args.system, "accompany")
    format_of(args.system, args, out)
    songs.check_tracks("--track", [args.track] if args.track else [])
    song, silent = songs.read(args.song, out)
    system = calls.open_system(args.system, "accompany")
    given = _given(system, args)
    if given in silent:
        raise Error(f"{args.song}: no note of it is in the {given} to accompany, C1 to B7")
    original, played, drawn = songs.play(system, "accompany", song, args)
    accompanied = _quantised(played, args.quantise)
    k = TRACKS.index(given)
    accompanied[..., k] = original[..., k]
    part = ["given" if track == given else "new" for track in TRACKS]
    sets = {"song": original, "accompaniment": accompanied}
    songs.write(out, args, drawn, sets, [given], {"part": part})


def _given(system: Any, args: Namespace) -> str:
    """The track that the system accompanies, if it is the one that is asked for."""
    if args.track not in (None, system.given):
        raise Error(f"--track {args.track}: this system accompanies {system.given} alone")
    return system.given


def _quantised(bars: "np.ndarray", rule: str | None) -> "np.ndarray":
    """The same number of steps a bar, where they are joined in sixteenths if a rule is given."""
    from musegen.music.phrases import quantised, resample

    sixteenths = quantised(bars[:, None], rule)
    return resample(sixteenths, bars.shape[1])[:, 0]
