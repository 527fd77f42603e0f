"""How well trained systems restore music that they have not learned: F1 of the cells that are on.

    python eval/restoring.py --data phrases/
    python eval/restoring.py --data phrases/ --system midi-s2 runs/midi-s2 --json f1.json

A row for each way to restore: whole, and with parts of the system left out. `musegen eval
restoring` is the same.
"""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import registry
from musegen.commands.options import add_seed
from musegen.eval.options import add_music
from musegen.files import check, shown, write_bytes

if TYPE_CHECKING:
    import numpy as np

    from musegen.data import Data

WAYS = {  # name: fusion, refine
    "whole": (True, True),
    "without refine": (True, False),
    "tracks alone": (False, True),
    "tracks alone, without refine": (False, False),
}


def add_arguments(parser: ArgumentParser) -> None:
    add_music(parser)
    parser.add_argument(
        "--system", nargs="+", default=["midi-s2"], metavar="NAME",
        help="trained systems, by name or folder (default: midi-s2)",
    )  # fmt: skip
    add_seed(parser)
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures to this file")


def run(args: Namespace) -> None:
    from musegen.commands.outputs import table
    from musegen.data import load
    from musegen.eval import systems
    from musegen.phrases import TRACKS

    check([args.json] if args.json else [], [args.data, *map(registry.place, args.system)])
    opened = systems.opened(args.system, "restore")
    music = systems.held_out(load(args.data, systems.n_steps(opened, None)), args.split)
    found = {
        f"{label}, {way}": scores(system, music, args.seed, *parts)
        for label, system in opened.items()
        for way, parts in WAYS.items()
        if system.can_refine or not parts[1]
    }
    print(f"F1 of the cells that are on, {len(music):,} phrases of {shown(music.name)}")
    rows = {row: ["-" if x is None else f"{x:.3f}" for x in own] for row, own in found.items()}
    print(table(rows, TRACKS))
    if args.json:
        told = {"data": music.name, "phrases": len(music), "tracks": TRACKS, "f1": found}
        write_bytes(args.json, (json.dumps(told, indent=1) + "\n").encode())


def scores(system, music: "Data", seed: int, fusion: bool, refine: bool) -> list[float | None]:
    """F1 of each track over all phrases; None where a track is silent before and after."""
    import numpy as np

    hits = np.zeros((2, music.layout.shape[-1]))
    for block in music.blocks():
        restored = system.restore(block, seed, refine, fusion)
        hits += [cells(restored & block), (cells(restored) + cells(block)) / 2]
    return [float(both / either) if either else None for both, either in hits.T]


def cells(phrases: "np.ndarray") -> "np.ndarray":
    """How many are on in each track."""
    return phrases.sum(axis=(0, 1, 2, 3))


def main(argv: list[str] | None = None) -> None:
    from musegen.cli import run_module

    run_module("eval restoring", argv)


if __name__ == "__main__":
    from musegen.cli import guard

    sys.exit(guard(main))
