"""Objective metrics of music beside the papers' own tables.

    python eval/objective.py
    python eval/objective.py --data phrases/ --generated bvae.npy song.mid --json result.json
    python eval/objective.py --data phrases/ --suite midi-s2 --steps 48 --markdown tables.md
    python eval/objective.py --data phrases/ --generated bvae.npy --suite mgeval --plot oa.png

`musegen eval objective` is the same.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.eval import report, suites
from musegen.eval.report import Report
from musegen.eval.suites import DUET, MGEVAL, MUSE, SUITES
from musegen.files import write_bytes

if TYPE_CHECKING:
    from musegen.data import Data


def add_arguments(parser: ArgumentParser) -> None:
    definitions = (*MUSE, *DUET, *MGEVAL)
    parser.add_argument(
        "--data", default="demo", metavar="D",
        help="the music to come close to: phrase shards, .npy, MIDI or LPD files, a folder or "
        "archive of them, demo or freedoom (default: demo)",
    )  # fmt: skip
    parser.add_argument(
        "--generated", nargs="+", default=[], metavar="FILE",
        help="generated music, one row each; whatever --data takes",
    )  # fmt: skip
    parser.add_argument(
        "--suite", nargs="+", choices=SUITES, metavar="NAME",
        help=f"the tables to show, of {', '.join(SUITES)} (default: musegan, or the one that "
        "--definition is for)",
    )  # fmt: skip
    parser.add_argument(
        "--definition", choices=definitions, metavar="NAME",
        help=f"show only this definition of the metrics, of {', '.join(definitions)} (default: "
        "what the papers say and, apart, what the code behind the suite's tables computes)",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=int, metavar="N",
        help="steps of a bar to measure everything with (default: as the data have)",
    )  # fmt: skip
    parser.add_argument(
        "--track", default="piano", metavar="NAME",
        help="the track that the suite mgeval measures (default: piano)",
    )  # fmt: skip
    parser.add_argument(
        "--plot", type=Path, metavar="F",
        help="the suite mgeval: draw the distances within and between the sets (.png or .pdf; "
        "with several generated sets one file each)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="F", help="write all metrics to this file")
    parser.add_argument("--csv", type=Path, metavar="F", help="the same, one line a value")
    parser.add_argument("--markdown", type=Path, metavar="F", help="write the tables to this file")


def run(args: Namespace) -> None:
    from musegen.data import load
    from musegen.eval.measuring import measure

    shown = suites.choose(args.suite, args.definition)
    if args.plot and not ("mgeval" in shown and args.generated):
        raise Error(f"{args.plot}: a plot needs --suite mgeval and a --generated file")
    _check_outputs(args)
    data = load(args.data, args.steps)
    steps = data.layout.n_steps
    generated = [load(file, args.steps, song_steps=steps) for file in args.generated]
    rows = {
        definition: measure(data, generated, definition, args.track)
        for definition in dict.fromkeys(name for names in shown.values() for name in names)
    }
    tables = []
    for suite, definitions in shown.items():
        if suite == "mgeval":
            tables += [
                grid for name in definitions for grid in suites.comparisons(name, rows[name])
            ]
        else:
            tables += suites.grids(suite, {name: rows[name] for name in definitions})
    notes = suites.footnotes(tables, shown) + _remarks(data, generated, args.track, shown)
    print(report.as_text(tables, notes), end="")

    reports = [
        Report(definition, measured + suites.printed([s for s in shown if definition in shown[s]]))
        for definition, measured in rows.items()
    ]
    for path, text in (
        (args.json, report.as_json(reports)),
        (args.csv, report.as_csv(reports)),
        (args.markdown, report.as_markdown(tables, notes)),
    ):
        if path:
            write_bytes(path, text.encode())
    if args.plot:
        _draw(data, generated, shown["mgeval"][0], args.track, args.plot)


def _check_outputs(args: Namespace) -> None:
    """No file is written over another one, or where there is no folder."""
    taken = {Path(name).resolve() for name in (args.data, *args.generated)}
    for path in (args.json, args.csv, args.markdown, args.plot):
        if path is None:
            continue
        if not path.name or path.is_dir() or not path.parent.is_dir():
            raise Error(f"{path}: there is no folder {path.parent} to write it to, or it is one")
        if path.resolve() in taken:
            raise Error(f"{path}: is read or written already; choose another name")
        taken.add(path.resolve())


def _draw(
    data: "Data", generated: Sequence["Data"], definition: str, track: str, path: Path
) -> None:
    """One picture for each generated set."""
    from musegen import plots
    from musegen.eval.measuring import distances

    for one in generated:
        own = path if len(generated) == 1 else path.with_stem(f"{path.stem}-{Path(one.name).stem}")
        print(plots.save(distances(data, one, definition, track), own))


def _remarks(
    data: "Data", generated: Sequence["Data"], track: str, shown: Iterable[str]
) -> list[str]:
    """What a reader of these figures has to know of these data."""
    from musegen.eval.measuring import SAMPLES

    remarks = []
    if "mgeval" in shown:
        remarks.append(
            f"Yang and Lerch's features: of the {track} track (PCTM, IOI: of all), of at most "
            f"{SAMPLES} phrases a set, evenly spaced, and not of those where it is silent"
        )
    for suite in shown:
        n = SUITES[suite].n_steps
        if n and data.layout.n_steps != n:
            remarks.append(f"suite {suite}: printed of bars of {n} steps; --steps {n} compares")
    steps = {one.name: one.layout.n_steps for one in (data, *generated)}
    if len(set(steps.values())) > 1:
        bars = ", ".join(f"{name} of {n}" for name, n in steps.items())
        remarks.append(f"bars differ in steps ({bars}): whatever counts steps does not compare")
    return remarks


def main(argv: list[str] | None = None) -> None:
    from musegen.cli import run_module

    run_module("eval objective", argv)


if __name__ == "__main__":
    from musegen.cli import guard

    sys.exit(guard(main))
