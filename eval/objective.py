"""Objective metrics of music beside the papers' own tables.

    python eval/objective.py
    python eval/objective.py --data phrases/ --generated bvae.npy song.mid --json result.json
    python eval/objective.py --data phrases/ --suite midi-s2 --steps 48 --markdown tables.md
    python eval/objective.py --data phrases/ --generated bvae.npy --suite mgeval --plot oa.png
    python eval/objective.py --data phrases/ --system midi-s2 runs/midi-s2 --suite midi-s2

`musegen eval objective` is the same.
"""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error, files, registry
from musegen.commands.choices import SEED, add_data, add_split, deviation, integer
from musegen.eval.tables import report, suites
from musegen.eval.tables.report import Report
from musegen.eval.tables.suites import SUITES
from musegen.eval.tables.table import DUET, MGEVAL, MUSE

if TYPE_CHECKING:
    from musegen.data import Data

FOR_SYSTEMS = ("phrases", "seed", "z_std", "split")  # options that say what a system makes


def add_arguments(parser: ArgumentParser) -> None:
    definitions = (*MUSE, *DUET, *MGEVAL)
    add_data(parser, "to come close to")
    parser.add_argument(
        "--generated", nargs="+", default=[], metavar="FILE",
        help="generated music, one row each; whatever --data takes",
    )  # fmt: skip
    parser.add_argument(
        "--system", nargs="+", default=[], metavar="NAME",
        help="trained systems, by name or folder: rows of what each generates and of what it "
        "restores of the data",
    )  # fmt: skip
    parser.add_argument(
        "--phrases", type=integer(1, 1_000_000), metavar="N",
        help="phrases in each row of a system (default: as many as in its paper, of MIDI-Sandwich2 "
        "1000, and 8 of its preset repo, of MuseGAN 5000, or 20000 single bars)",
    )  # fmt: skip
    parser.add_argument("--seed", type=SEED, metavar="N", help="of the systems (default: 0)")
    parser.add_argument(
        "--z-std", type=deviation, metavar="X",
        help="standard deviation of the latent vectors that a system draws, or fit: mean and "
        "deviation as measured over the training music (default: as the system's preset has it)",
    )  # fmt: skip
    add_split(parser)
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
    shown = suites.choose(args.suite, args.definition)
    _check(args, shown)
    data, generated, notes, values = _music(args)
    drawings = _drawings(generated, args.plot) if args.plot else {}
    _check_outputs(args, drawings)
    from musegen.eval.tables.measure import measure

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
    notes = suites.footnotes(tables, shown) + _remarks(data, generated, args.track, shown) + notes
    print(report.as_text(tables, notes), end="")

    reports = [
        Report(definition, measured + suites.printed([s for s in shown if definition in shown[s]]))
        for definition, measured in rows.items()
    ]
    contents = {
        args.json: report.as_json(reports, values).encode(),
        args.csv: report.as_csv(reports).encode(),
        args.markdown: report.as_markdown(tables, notes).encode(),
    }
    for path, one in drawings.items():
        contents[path] = _picture(data, one, shown["mgeval"][0], args.track, path.suffix)
    files.write_all({path: content for path, content in contents.items() if path})
    for path in drawings:
        print(files.shown(path))


def _music(args: Namespace) -> tuple["Data", list["Data"], list[str], dict]:
    """The data, the sets to measure beside them, notes, and what the systems say of themselves."""
    from musegen.data import load

    if not args.system:
        data = load(args.data, args.steps)
        steps = data.layout.n_steps
        return data, [load(file, args.steps, song_steps=steps) for file in args.generated], [], {}
    from musegen.eval.tables import evaluated

    opened = evaluated.opened(args.system)
    drawing = any("z_std" in system.entry.can["evaluate"] for system in opened.values())
    if args.z_std is not None and not drawing:
        raise Error(f"--z-std: {', '.join(opened)} has no such option")
    steps = evaluated.n_steps(opened, args.steps)
    data = load(args.data, steps)
    generated = [load(file, steps) for file in args.generated]
    restored = evaluated.held_out(data, args.split)
    seed = args.seed or 0
    made, values, left_out = evaluated.rows(opened, restored, args.phrases, seed, z_std=args.z_std)
    std = "as the preset has it" if args.z_std is None else args.z_std
    note = (
        f"{', '.join(opened)}: seed {seed}, standard deviation of what is drawn {std}; what is "
        f"read are phrases of {restored.name}, evenly spaced, at most {len(restored):,}"
    )
    own = [
        f"{name}: {', '.join(f'{key} {value:.4g}' for key, value in figures.items())}"
        for name, figures in values.items()
    ]
    return data, generated + made, [note, *left_out, *own], values


def _check(args: Namespace, shown: Container[str]) -> None:
    """No option is without effect; no file written over another one, or where is no folder."""
    if args.plot and not ("mgeval" in shown and (args.generated or args.system)):
        raise Error(f"{args.plot}: a plot needs --suite mgeval and a --generated file or --system")
    for name in FOR_SYSTEMS:
        if getattr(args, name) is not None and not args.system:
            raise Error(f"--{name.replace('_', '-')}: is of a --system, and none is named")
    if args.plot and args.plot.suffix.lower() not in (".png", ".pdf"):
        raise Error(f"{args.plot}: end the name in .png or .pdf")
    _check_outputs(args, [args.plot])


def _check_outputs(args: Namespace, plots: Iterable[Path | None]) -> None:
    sources = [args.data, *args.generated, *map(registry.place, args.system)]
    files.check(filter(None, (args.json, args.csv, args.markdown, *plots)), sources)


def _drawings(generated: Sequence["Data"], path: Path) -> dict[Path, "Data"]:
    """Each generated set by the name of its own picture; of equal names the later have numbers."""
    if len(generated) == 1:
        return {path: generated[0]}
    found = {}
    for one in generated:
        name = re.sub(r"[^\w.]+", "-", one.name if " " in one.name else Path(one.name).stem)
        stem, k = f"{path.stem}-{name}", 1
        while (own := path.with_stem(f"{stem}-{k}" if k > 1 else stem)) in found:
            k += 1
        found[own] = one
    return found


def _picture(data: "Data", one: "Data", definition: str, track: str, ending: str) -> bytes:
    from musegen import plots
    from musegen.eval.tables.measure import distances

    return plots.encoded(distances(data, one, definition, track), ending.lower())


def _remarks(
    data: "Data", generated: Sequence["Data"], track: str, shown: Iterable[str]
) -> list[str]:
    """What a reader of these figures has to know of these data."""
    from musegen.eval.tables.measure import SAMPLES

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


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
