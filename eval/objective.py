"""Measures music and systems, and prints the metrics beside the tables of the papers.

    python eval/objective.py
    python eval/objective.py --data phrases/ --generated bvae.npy song.mid --json result.json
    python eval/objective.py --data phrases/ --suite midi-s2 --steps 48 --markdown tables.md
    python eval/objective.py --data phrases/ --generated bvae.npy --suite mgeval --plot oa.png
    python eval/objective.py --data phrases/ --system midi-s2 runs/midi-s2 --suite midi-s2
    python eval/objective.py --data notes/ --system runs/mvae --suite mvae --plot shares.png

Suite mvae measures notes: pieces in any meter and from any source. All others measure phrases.
`musegen eval objective` is the same.
"""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error, files, registry
from musegen.commands.choices import SEED, add_data, add_pair, add_split, deviation, integer
from musegen.eval.tables import report, suites
from musegen.eval.tables.report import Evaluation, Report
from musegen.eval.tables.suites import SUITES
from musegen.eval.tables.table import CLAIMS, DUET, MGEVAL, MUSE

if TYPE_CHECKING:
    from musegen.data import Data

OF_PAIRS = (*DUET, *CLAIMS)  # definitions that measure a melody and its accompaniment
FOR_SYSTEMS = ("phrases", "seed", "z_std", "split")  # options that need --system
TRACK = "piano"  # the track that the suite mgeval measures by default
OF_PHRASES = ("steps", "track", "z_std")  # options that a suite of notes has no use for


def add_arguments(parser: ArgumentParser) -> None:
    definitions = (*MUSE, *DUET, *CLAIMS, *MGEVAL)
    add_data(parser, "to compare with")
    parser.add_argument(
        "--generated", nargs="+", default=[], metavar="FILE",
        help="generated music, a row for each file; all that --data takes",
    )  # fmt: skip
    parser.add_argument(
        "--system", nargs="+", default=[], metavar="NAME",
        help="trained systems, by name or folder: rows of the music that each generates or "
        "restores",
    )  # fmt: skip
    parser.add_argument(
        "--phrases", type=integer(1, 1_000_000), metavar="N",
        help="number of phrases in each row of a system, or of pieces (default: as in its paper; "
        "for MIDI-Sandwich2 1000, or 8 with preset repo; for MuseGAN 5000, or 20000 single bars; "
        "for systems of notes 100)",
    )  # fmt: skip
    parser.add_argument("--seed", type=SEED, metavar="N", help="seed of the systems (default: 0)")
    parser.add_argument(
        "--z-std", type=deviation, metavar="X",
        help="standard deviation of the latent vectors of a system, or fit, for mean and deviation "
        "as measured over the training music (default: that of the system's preset)",
    )  # fmt: skip
    add_split(parser)
    parser.add_argument(
        "--suite", nargs="+", choices=SUITES, metavar="NAME",
        help=f"the papers whose tables are shown: {', '.join(SUITES)} (default: musegan, or the "
        "one to which --definition belongs)",
    )  # fmt: skip
    parser.add_argument(
        "--definition", choices=definitions, metavar="NAME",
        help=f"the only definition of the metrics to show: {', '.join(definitions)} (default: the "
        "one in the text of the paper and, in another table, the one in its code)",
    )  # fmt: skip
    parser.add_argument(
        "--visit", type=int, choices=(1, 4), metavar="N",
        help="the steps that definition duet visits: 1, all but the last, as for the printed "
        "figures, or 4, every fourth one, as the published script does (default: 1)",
    )  # fmt: skip
    add_pair(parser, "that suite duet measures")
    parser.add_argument(
        "--steps", type=int, metavar="N",
        help="number of steps of a bar in all measurements (default: that of the data)",
    )  # fmt: skip
    parser.add_argument(
        "--track", metavar="NAME",
        help="the track that the suite mgeval measures (default: piano)",
    )  # fmt: skip
    parser.add_argument(
        "--plot", type=Path, metavar="F",
        help="for the suite mgeval: draw the distances within and between the sets to this file "
        "(.png or .pdf; one file for each generated set); for the suite mvae: the histograms of "
        "all sets",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="F", help="write all metrics to this file")
    parser.add_argument("--csv", type=Path, metavar="F", help="the same as CSV, a value a line")
    parser.add_argument("--markdown", type=Path, metavar="F", help="write the tables to this file")


def run(args: Namespace) -> None:
    shown = suites.choose(args.suite, args.definition)
    _check(args, shown)
    made = (_of_notes if suites.music(shown) == "notes" else _of_phrases)(args, shown)
    print(report.as_text(made.tables, made.notes), end="")
    contents = {
        args.json: report.as_json(made.reports, made.values).encode(),
        args.csv: report.as_csv(made.reports).encode(),
        args.markdown: report.as_markdown(made.tables, made.notes).encode(),
        **made.pictures,
    }
    files.write_all({path: content for path, content in contents.items() if path})
    for path in made.pictures:
        print(files.shown(path))


def _of_notes(args: Namespace, shown: Iterable[str]) -> Evaluation:
    """Makes the tables of a suite of notes."""
    from musegen.eval.tables import note_tables

    (suite,) = (SUITES[name] for name in shown)
    return note_tables.evaluate(
        suite, args.data, args.generated, args.system, args.phrases, args.seed or 0, args.split,
        args.plot,
    )  # fmt: skip


def _of_phrases(args: Namespace, shown: dict[str, tuple[str, ...]]) -> Evaluation:
    """Makes the tables of suites of phrases."""
    data, generated, notes, values, duo = _music(args)
    drawings = _drawings(generated, args.plot) if args.plot else {}
    _check_outputs(args, drawings)
    from musegen.eval.tables.evaluated import of_pair
    from musegen.eval.tables.measure import measure

    track = args.track or TRACK
    rows = {}
    for definition in dict.fromkeys(name for names in shown.values() for name in names):
        own = duo if definition in OF_PAIRS else None
        first, *others = (of_pair(music, own) for music in (data, *generated))
        rows[definition] = measure(first, others, definition, track, args.visit or 1)
    tables = []
    for suite, definitions in shown.items():
        if suite == "mgeval":
            tables += [
                grid for name in definitions for grid in suites.comparisons(name, rows[name])
            ]
        else:
            tables += suites.grids(suite, {name: rows[name] for name in definitions})
    notes = suites.footnotes(tables, shown) + _remarks(args, data, generated, shown, duo) + notes
    reports = [
        Report(definition, measured + suites.printed([s for s in shown if definition in shown[s]]))
        for definition, measured in rows.items()
    ]
    pictures = {
        path: _picture(data, music, shown["mgeval"][0], track, path.suffix)
        for path, music in drawings.items()
    }
    return Evaluation(tables, notes, reports, values, pictures)


def _music(args: Namespace) -> tuple["Data", list["Data"], list[str], dict, Sequence[str] | None]:
    """Loads or makes all music to measure.

    Returns:
        The data, the generated sets, notes for the report, the values that systems themselves
        compute, by row, and the two tracks that suite duet measures, if they are not its own.
    """
    from musegen.data import load

    if not args.system:
        data = load(args.data, args.steps)
        steps = data.layout.n_steps
        generated = [load(file, args.steps, song_steps=steps) for file in args.generated]
        return data, generated, [], {}, args.tracks
    from musegen.eval.tables import evaluated
    from musegen.metrics.duet_claims import PAIR

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
    std = "as in the preset" if args.z_std is None else args.z_std
    latent = f", standard deviation of latent vectors {std}" if drawing else ""
    note = (
        f"{', '.join(opened)}: seed {seed}{latent}; the input are phrases of {restored.name}, "
        f"evenly spaced, at most {len(restored):,}"
    )
    system_notes = [
        f"{name}: {', '.join(f'{key} {value:.4g}' for key, value in figures.items())}"
        for name, figures in values.items()
    ]
    own = evaluated.own_pair(opened.values())
    duo = args.tracks or (own if own != PAIR else None)
    return data, generated + made, [note, *left_out, *system_notes], values, duo


def _check(args: Namespace, shown: Mapping[str, Container[str]]) -> None:
    """Raises an `Error` for an option without effect, or a file that cannot be written."""
    of_notes = suites.music(shown) == "notes"
    if args.plot and not (of_notes or ("mgeval" in shown and (args.generated or args.system))):
        raise Error(f"{args.plot}: a plot needs --suite mgeval and a --generated file or --system")
    for name in OF_PHRASES if of_notes else ():
        if getattr(args, name) is not None:
            raise Error(
                f"--{name.replace('_', '-')}: has no effect on suite {' '.join(shown)}, which "
                "measures notes; leave it out"
            )
    if args.tracks and not any(name in OF_PAIRS for names in shown.values() for name in names):
        raise Error(f"--tracks {' '.join(args.tracks)}: is only for suite duet; leave it out")
    if args.visit and not any("duet" in definitions for definitions in shown.values()):
        raise Error(f"--visit {args.visit}: is only for definition duet; leave it out")
    for name in FOR_SYSTEMS:
        if getattr(args, name) is not None and not args.system:
            raise Error(f"--{name.replace('_', '-')}: has no effect without --system; name one")
    if args.plot and args.plot.suffix.lower() not in (".png", ".pdf"):
        raise Error(f"{args.plot}: end the name in .png or .pdf")
    _check_outputs(args, [args.plot])


def _check_outputs(args: Namespace, plots: Iterable[Path | None]) -> None:
    sources = [args.data, *args.generated, *map(registry.place, args.system)]
    files.check(filter(None, (args.json, args.csv, args.markdown, *plots)), sources)


def _drawings(generated: Sequence["Data"], path: Path) -> dict[Path, "Data"]:
    """Returns the generated sets by the path of their picture; equal names get numbers."""
    if len(generated) == 1:
        return {path: generated[0]}
    pictures = {}
    for music in generated:
        name = re.sub(r"[^\w.]+", "-", music.name if " " in music.name else Path(music.name).stem)
        stem, k = f"{path.stem}-{name}", 1
        while (picture := path.with_stem(f"{stem}-{k}" if k > 1 else stem)) in pictures:
            k += 1
        pictures[picture] = music
    return pictures


def _picture(data: "Data", music: "Data", definition: str, track: str, ending: str) -> bytes:
    """Draws the distances between data and music, and returns the content of the file."""
    from musegen import plots
    from musegen.eval.tables.measure import distances

    return plots.encoded(distances(data, music, definition, track), ending.lower())


def _remarks(
    args: Namespace,
    data: "Data",
    generated: Sequence["Data"],
    shown: Mapping[str, Container[str]],
    duo: Sequence[str] | None,
) -> list[str]:
    """Returns remarks about the data that a reader of the tables needs."""
    from musegen.eval.tables.measure import SAMPLES

    remarks, track = [], args.track or TRACK
    if "mgeval" in shown:
        remarks.append(
            f"Yang and Lerch's features are those of the {track} track (PCTM, IOI: of all tracks) "
            f"in at most {SAMPLES} phrases of a set, evenly spaced, without those where it is "
            "silent"
        )
    definitions = {name for names in shown.values() for name in names}
    more = any(len(music.layout.tracks) > 2 for music in (data, *generated))
    remarks += _duet_remarks(definitions, args.visit or 1, more, duo)
    for suite in shown:
        n = SUITES[suite].n_steps
        if n and data.layout.n_steps != n:
            remarks.append(
                f"suite {suite}: the printed rows are for bars of {n} steps; use --steps {n} to "
                "compare with them"
            )
    steps = {music.name: music.layout.n_steps for music in (data, *generated)}
    if len(set(steps.values())) > 1:
        bars = ", ".join(f"{name} of {n}" for name, n in steps.items())
        remarks.append(f"bars differ in steps ({bars}): metrics that count steps do not compare")
    return remarks


def _duet_remarks(
    definitions: Container[str], visit: int, more_tracks: bool, duo: Sequence[str] | None
) -> list[str]:
    """Returns remarks about the definitions of the DuetHLSTM report that are shown."""
    from musegen.eval.tables.claims import PHRASES
    from musegen.metrics.duet import PAIRS

    remarks = []
    if "duet" in definitions:
        steps = "every fourth step" if visit == 4 else "all steps but the last"
        remarks.append(f"definition duet visits {steps} (--visit {visit})")
    pairs = [f"{name} {' and '.join(PAIRS[name])}" for name in DUET if name in definitions]
    if duo and any(name in OF_PAIRS for name in definitions):
        remarks.append(f"suite duet: the columns piano and strings are {duo[0]} and {duo[1]}")
    elif pairs and more_tracks:
        remarks.append(
            f"of more than two tracks, two are measured: by {', by '.join(pairs)}, or piano and "
            "strings where one of them is silent"
        )
    if CLAIMS[0] in definitions:
        remarks.append(
            f"definition {CLAIMS[0]} measures two tracks in bars of 8 steps, at most "
            f"{PHRASES:,} phrases of a set, evenly spaced; of generated sets without their first "
            "half bar, which is given to a system that continues music"
        )
    return remarks


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
