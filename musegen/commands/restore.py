"""A song played again in a system's own manner: `musegen restore`.

The song is read onto the grid of its own bars, restored bar by bar, and written with its own tempo,
meter and keys, so that both play in step. What is silent in the song, a whole track or a bar of all
tracks, stays silent unless `--fill` is given.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.commands import options, outputs, systems

if TYPE_CHECKING:
    import numpy as np

    from musegen.song import Song


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("song", metavar="SONG", help="a MIDI file in 4/4; a pickup may stand first")
    parser.add_argument("--system", required=True, metavar="NAME", help=options.system_help())
    parser.add_argument(
        "--keep", nargs="+", default=[], metavar="TRACK",
        help="tracks that stay note by note as they are in the song, of drums, piano, guitar, "
        "bass, strings",
    )  # fmt: skip
    parser.add_argument(
        "--fill", action="store_true",
        help="let the system play where the song is silent: in tracks without notes, empty bars",
    )  # fmt: skip
    options.add_seed(parser)
    options.add_refine(parser)
    options.add_fusion(parser)
    outputs.add_out(parser, "the song's name and -restored.mid, in this folder")


def run(args: Namespace) -> None:
    from musegen import midi, plots
    from musegen.phrases import TRACKS, cut

    out = args.out or [Path(f"{Path(args.song).stem}-restored.mid")]
    outputs.check(out, [args.song])
    song = _read(args)
    system = systems.open_system(args.system, "restore")
    original = song.bars(system.n_steps)  # (bars, T, 84, 5)
    roll = original.reshape(-1, *original.shape[2:])
    played = systems.ask(
        system, "restore", cut(roll, system.n_steps), seed=args.seed, **options.chosen(args)
    )
    played = played.reshape(-1, *original.shape[1:])[: len(original)]
    restored = _joined(song, original, played, args)
    score = midi.to_score_like(restored, args.song, keep=args.keep)
    whole = restored[None]  # the song as one long phrase
    outputs.write(
        out, whole, score,
        lambda: plots.songs({"original": original[None], "restored": whole}),
    )  # fmt: skip
    print(f"{outputs.names(out)}: {len(original)} bars, in step with {args.song}; seed {args.seed}")
    rows = outputs.statistics(whole) | {"F1 of cells": _f1(original, restored, args.keep)}
    print(outputs.table(rows, TRACKS))


def _read(args: Namespace) -> "Song":
    """The song, if it can be restored as it is asked for."""
    from musegen import midi
    from musegen.phrases import TRACKS

    for track in args.keep:
        if track not in TRACKS:
            raise Error(f"--keep {track}: there is no such track; choose {', '.join(TRACKS)}")
    if set(args.keep) == set(TRACKS):
        raise Error(f"--keep {' '.join(args.keep)}: nothing is left to restore")
    song = midi.read(args.song)
    sounds = song.bars(4 * song.resolution).any(axis=(0, 1, 2))  # an `Error` where it is not 4/4
    if not sounds.any():
        raise Error(f"{args.song}: no note of it is in the five tracks, C1 to B7")
    silent = [track for track, any_note in zip(TRACKS, sounds, strict=True) if not any_note]
    if silent and not args.fill:
        print(
            f"musegen: {', '.join(silent)}: silent in the song and left so; --fill lets the "
            "system play there",
            file=sys.stderr,
        )
    return song


def _joined(
    song: "Song", original: "np.ndarray", played: "np.ndarray", args: Namespace
) -> "np.ndarray":
    """What the system played, where it was asked to, and the song elsewhere."""
    from musegen.phrases import TRACKS

    restored = played & song.lasts(original.shape[1])[..., None, None]
    if not args.fill:
        restored &= original.any(axis=(1, 2, 3), keepdims=True)  # of each bar
        restored &= original.any(axis=(0, 1, 2))  # of each track
    for k, track in enumerate(TRACKS):
        if track in args.keep:
            restored[..., k] = original[..., k]
    return restored


def _f1(original: "np.ndarray", restored: "np.ndarray", keep: list[str]) -> list[str]:
    """How well the cells that are on agree, for each track."""
    from musegen.phrases import TRACKS

    both = (original & restored).sum(axis=(0, 1, 2))
    either = original.sum(axis=(0, 1, 2)) + restored.sum(axis=(0, 1, 2))
    return [
        "kept" if track in keep else f"{2 * hit / total:.2f}" if total else "-"
        for track, hit, total in zip(TRACKS, both, either, strict=True)
    ]
