"""Measures how well trained systems restore music: F1 of the cells that are on.

    python eval/restoring.py --data phrases/
    python eval/restoring.py --data phrases/ --system midi-s2 runs/midi-s2 --json f1.json

By default it restores held-out music. There is a row for the whole system, and rows for the system
without some of its parts. `musegen eval restoring` is the same.
"""

import json
import math
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error, registry
from musegen.commands.choices import add_data, add_seed, add_split
from musegen.files import check, shown, write_bytes

if TYPE_CHECKING:
    from musegen.data import Data
    from musegen.system import TrainedSystem

WAYS = {  # ways to restore, and their options
    "whole": {"fusion": True, "refine": True},
    "without refine": {"fusion": True, "refine": False},
    "tracks alone": {"fusion": False, "refine": True},
    "tracks alone, without refine": {"fusion": False, "refine": False},
}


def add_arguments(parser: ArgumentParser) -> None:
    add_data(parser, "to restore")
    add_split(parser)
    parser.add_argument(
        "--system", nargs="+", default=["midi-s2"], metavar="NAME",
        help="trained systems, by name or folder (default: midi-s2)",
    )  # fmt: skip
    add_seed(parser)
    parser.add_argument("--json", type=Path, metavar="F", help="write F1 as JSON to this file")


def run(args: Namespace) -> None:
    from musegen.commands.outputs import table
    from musegen.data import load
    from musegen.eval.tables import evaluated
    from musegen.music.phrases import TRACKS

    check([args.json] if args.json else [], [args.data, *map(registry.place, args.system)])
    for name in args.system:
        if registry.entry(name).music != "phrases":
            raise Error(f"{name}: makes notes, and this counts the cells of phrases")
    opened = evaluated.opened(args.system, "restore")
    music = evaluated.held_out(load(args.data, evaluated.n_steps(opened, None)), args.split)
    f1 = {
        f"{label}, {way}": scores(system, music, args.seed, **options)
        for label, system in opened.items()
        for way, options in ways(system).items()
    }
    print(f"F1 of the cells that are on, {len(music):,} phrases of {shown(music.name)}")
    rows = {row: ["-" if x is None else f"{x:.3f}" for x in tracks] for row, tracks in f1.items()}
    print(table(rows, TRACKS))
    if args.json:
        result = {"data": music.name, "phrases": len(music), "tracks": TRACKS, "f1": f1}
        write_bytes(args.json, (json.dumps(result, indent=1) + "\n").encode())


def ways(system: "TrainedSystem") -> dict[str, dict[str, bool]]:
    """Returns the ways in which a system can restore, with the options that it has."""
    possible: dict[str, dict[str, bool]] = {}
    for way, options in WAYS.items():
        options = {name: on for name, on in options.items() if name in system.can["restore"]}
        if options not in possible.values():
            possible[way] = options
    return possible


def scores(
    system: "TrainedSystem", music: "Data", seed: int, **options: bool
) -> list[float | None]:
    """Returns the F1 of each track over all phrases; None if it is silent before and after."""
    from musegen.metrics.cell_f1 import CellF1

    f1 = CellF1(music.layout.shape[-1])
    for block in music.blocks():
        f1.add(block, system.restore(block, seed, **options))
    return [None if math.isnan(own) else own for own in f1.by_track().tolist()]


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
