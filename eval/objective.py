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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error, files, registry
from musegen.commands.choices import CHOICES, add_choice, add_data, add_pair, add_split, integer
from musegen.eval.tables import report, suites
from musegen.eval.tables.definition import MeasuringOptions
from musegen.eval.tables.report import Evaluation, Report
from musegen.eval.tables.suites import DEFINITIONS, SUITES

if TYPE_CHECKING:
    from musegen.data import Data

OF_SYSTEMS = ("z_std", "temperature")  # options of methods of systems
FOR_SYSTEMS = ("phrases", "seed", "split", *OF_SYSTEMS)  # options that need --system
OF_PHRASES = ("steps", "track", "z_std")  # options that a suite of notes has no use for


@dataclass(frozen=True, eq=False)
class Music:
    """All music that is measured.

    Args:
        data: music with which the others are compared.
        generated: sets of generated music.
        notes: notes for the report.
        values: values that systems themselves compute, by row.
        pair: tracks that suite duet measures, if they are not those of its definitions.
    """

    data: "Data"
    generated: list["Data"]
    notes: Sequence[str] = ()
    values: Mapping = field(default_factory=dict)
    pair: Sequence[str] | None = None

    @property
    def sets(self) -> list["Data"]:
        """Returns all sets, the data first."""
        return [self.data, *self.generated]


def add_arguments(parser: ArgumentParser) -> None:
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
    add_choice(parser, "seed", help="seed of the systems (default: 0)")
    add_choice(
        parser, "z_std",
        help="standard deviation of the latent vectors of a system, or fit, for mean and deviation "
        "as measured over the training music (default: that of the system's preset)",
    )  # fmt: skip
    add_choice(parser, "temperature")
    add_split(parser)
    parser.add_argument(
        "--suite", nargs="+", choices=SUITES, metavar="NAME",
        help=f"the papers whose tables are shown: {', '.join(SUITES)} (default: musegan, or the "
        "one to which --definition belongs)",
    )  # fmt: skip
    parser.add_argument(
        "--definition", choices=DEFINITIONS, metavar="NAME",
        help=f"the only definition of the metrics to show: {', '.join(DEFINITIONS)} (default: the "
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
    parser.add_argument(
        "--csv", type=Path, metavar="F", help="write all metrics as CSV, one in a line"
    )
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
        suite, args.data, args.generated, args.system, args.phrases, args.seed or 0,
        args.temperature, args.split, args.plot,
    )  # fmt: skip


def _of_phrases(args: Namespace, shown: dict[str, tuple[str, ...]]) -> Evaluation:
    """Makes the tables of suites of phrases."""
    music = _music(args)
    drawings = _drawings(music.generated, args.plot) if args.plot else {}
    _check_outputs(args, drawings)
    from musegen.eval.tables.set_remarks import remarks

    options = MeasuringOptions(
        args.track or MeasuringOptions.track,
        music.pair,
        args.visit or MeasuringOptions.visit,
    )
    rows = {
        name: DEFINITIONS[name].rows(music.data, music.generated, options)
        for name in dict.fromkeys(name for names in shown.values() for name in names)
    }
    tables = [
        grid
        for suite, names in shown.items()
        for grid in suites.grids(suite, {name: rows[name] for name in names})
    ]
    notes = [
        *suites.footnotes(tables, shown),
        *remarks(music.sets, shown, options),
        *music.notes,
    ]
    reports = [
        Report(definition, measured + suites.printed([s for s in shown if definition in shown[s]]))
        for definition, measured in rows.items()
    ]
    pictures = {
        path: _picture(music.data, drawn, shown, options, path.suffix)
        for path, drawn in drawings.items()
    }
    return Evaluation(tables, notes, reports, music.values, pictures)


def _music(args: Namespace) -> Music:
    """Loads or makes all music to measure."""
    from musegen.data import load

    if not args.system:
        data = load(args.data, args.steps)
        steps = data.layout.n_steps
        generated = [load(file, args.steps, song_steps=steps) for file in args.generated]
        return Music(data, generated, pair=args.tracks)
    from musegen.eval.tables import evaluated
    from musegen.metrics.duet_claims import PAIR

    opened = evaluated.opened(args.system)
    known = {name for system in opened.values() for name in system.entry.can["evaluate"]}
    options = {name: getattr(args, name) for name in OF_SYSTEMS}
    for name, value in options.items():
        if value is not None and name not in known:
            raise Error(f"{CHOICES[name].flag}: {', '.join(opened)} has no such option")
    steps = evaluated.n_steps(opened, args.steps)
    data = load(args.data, steps)
    generated = [load(file, steps) for file in args.generated]
    restored = evaluated.held_out(data, args.split)
    seed = args.seed or 0
    made, values, left_out = evaluated.rows(opened, restored, args.phrases, seed, **options)
    std = "as in the preset" if args.z_std is None else args.z_std
    latent = f", standard deviation of latent vectors {std}" if "z_std" in known else ""
    note = (
        f"{', '.join(opened)}: seed {seed}{latent}; the input are phrases of {restored.name}, "
        f"evenly spaced, at most {len(restored):,}"
    )
    system_notes = [
        f"{name}: {', '.join(f'{key} {value:.4g}' for key, value in figures.items())}"
        for name, figures in values.items()
    ]
    own = evaluated.own_pair(opened.values())
    pair = args.tracks or (own if own != PAIR else None)
    return Music(data, generated + made, [note, *left_out, *system_notes], values, pair)


def _check(args: Namespace, shown: Mapping[str, Iterable[str]]) -> None:
    """Raises an `Error` for an option without effect, or a file that cannot be written."""
    of_notes = suites.music(shown) == "notes"
    drawing = [name for name, suite in SUITES.items() if suite.module]
    sets_to_draw = (args.generated or args.system) and any(name in shown for name in drawing)
    if args.plot and not (of_notes or sets_to_draw):
        raise Error(
            f"{args.plot}: a plot needs --suite {' or '.join(drawing)} and a --generated file or "
            "--system"
        )
    for name in OF_PHRASES if of_notes else ():
        if getattr(args, name) is not None:
            raise Error(
                f"--{name.replace('_', '-')}: has no effect on suite {' '.join(shown)}, which "
                "measures notes; leave it out"
            )
    used = {name for names in shown.values() for name in names}
    for option in fields(MeasuringOptions):
        takers = [own.name for own in DEFINITIONS.values() if option.name in own.takes]
        value = getattr(args, option.name)
        if value is not None and used.isdisjoint(takers):
            words = value if isinstance(value, str | int) else " ".join(value)
            only = f"definition{'s' * (len(takers) > 1)} {', '.join(takers)}"
            raise Error(f"--{option.name} {words}: is only for {only}; leave it out")
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


def _picture(
    data: "Data",
    music: "Data",
    shown: Mapping[str, Sequence[str]],
    options: MeasuringOptions,
    ending: str,
) -> bytes:
    """Draws the picture of the first suite that has one, and returns the content of the file."""
    from musegen import plots

    suite = next(name for name in shown if SUITES[name].module)
    draw = import_module(SUITES[suite].module).picture
    return plots.encoded(draw(data, music, shown[suite][0], options), ending.lower())


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
