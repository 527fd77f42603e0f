"""Draws the figures of a paper from your own runs, systems and data.

    python eval/figures.py midi-s2
    python eval/figures.py midi-s2 --runs runs/midi-s2 --track piano --out figures
    python eval/figures.py midi-s2 --figure 8 --system runs/midi-s2 --data phrases/
    python eval/figures.py musegan --runs runs --figure 8 9
    python eval/figures.py musegan --data phrases/ --figure 10 13
    python eval/figures.py mvae --data nottingham/ chorales.json piano/
    python eval/figures.py duet --data phrases/ --runs runs --baseline musegan-hybrid
    python eval/figures.py duet --data phrases/ --generated mine.npy --figure 2 3 4 5 6

Without --figure it draws all figures that it can, and prints what the others need and how to make
it. `musegen eval figures` is the same.
"""

from argparse import ArgumentParser, Namespace
from importlib import import_module
from pathlib import Path

from musegen import Error, environment, registry
from musegen.commands.choices import add_data, add_pair, add_seed, add_split, integer
from musegen.eval import papers
from musegen.files import check, check_folder, shown

# The module of a paper has FIGURES, functions from `papers.drawing.Sources` to a drawing by number;
# CURVES, the numbers of the figures that show trainings; TRACK, the track of these trainings;
# SMOOTHED, whether a median filter is applied to their curves; and PANELS, the numbers of the
# figures that compare data, a baseline and a system.
PAPERS = papers.with_figures()


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paper", choices=PAPERS, metavar="PAPER",
        help=f"the paper whose figures are drawn: {' or '.join(PAPERS)}",
    )  # fmt: skip
    parser.add_argument(
        "--figure", nargs="+", type=int, metavar="N",
        help="numbers of the figures in the paper (default: all that can be drawn)",
    )  # fmt: skip
    parser.add_argument(
        "--system", metavar="NAME",
        help="a trained system, name or folder (default: the one in --runs, else the pretrained)",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=Path, metavar="DIR",
        help="folder that holds the run folders (default: the histories beside the system)",
    )  # fmt: skip
    add_data(parser, "to show, restore, accompany or encode", several=True)
    add_split(parser)
    parser.add_argument(
        "--track", metavar="NAME",
        help="the track whose training curves are drawn (default: bass, for musegan strings)",
    )  # fmt: skip
    parser.add_argument(
        "--median", type=integer(1, 999), metavar="W",
        help="width of the median filter of MuseGAN's training curves, an odd number of points "
        "(default: 5, for the loss a tenth of the points, at most 51)",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", metavar="NAME",
        help="music for panel (b) of DuetHLSTM's figures: a trained system, or all that --data "
        "takes (default: the first MuseGAN of --runs or the pretrained)",
    )  # fmt: skip
    parser.add_argument(
        "--generated", metavar="FILE",
        help="music for panel (c) of DuetHLSTM's figures, all that --data takes (default: what "
        "--system makes)",
    )  # fmt: skip
    add_pair(parser, "that DuetHLSTM's figures show")
    add_seed(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("figures"), metavar="DIR",
        help="folder for the pictures (default: figures)",
    )  # fmt: skip


def run(args: Namespace) -> None:
    _check(args)
    environment.import_keras()
    paper = import_module(PAPERS[args.paper])
    numbers = sorted(set(args.figure or paper.FIGURES))
    for number in numbers:
        if number not in paper.FIGURES:
            known = ", ".join(map(str, paper.FIGURES))
            raise Error(f"--figure {number}: {args.paper} has the figures {known}")
    if args.median and not paper.SMOOTHED:
        raise Error(
            f"--median {args.median}: the curves of {args.paper} have no filter; leave it out"
        )
    for name in ("baseline", "generated", "tracks"):
        value = getattr(args, name)
        if value and not paper.PANELS & set(numbers):
            known = ", ".join(map(str, sorted(paper.PANELS))) or "of other papers"
            given = value if isinstance(value, str) else " ".join(value)
            raise Error(f"--{name} {given}: is only for figures with panels, {known}")
    for name in ("track", "median"):
        if getattr(args, name) and not paper.CURVES & set(numbers):
            known = ", ".join(map(str, sorted(paper.CURVES))) or "of other papers"
            raise Error(
                f"--{name} {getattr(args, name)}: is only for training curves, figures {known}"
            )
    if args.out.is_dir():
        check(_path(args, number) for number in numbers)
    from musegen.eval.papers.drawing import Missing, Sources

    sources = Sources(
        args.paper, args.system, args.runs, tuple(args.data), args.split, args.track or paper.TRACK,
        args.seed, args.median, baseline=args.baseline, generated=args.generated,
        tracks=args.tracks,
    )  # fmt: skip
    for number in numbers:
        try:
            drawing = paper.FIGURES[number](sources)
        except Missing as missing:
            if args.figure:
                raise
            print(f"figure {number}: {shown(missing)}")
            continue
        for path in _save(drawing, _path(args, number)):
            print(shown(path))
        print(f"figure {number}: {shown(drawing.about)}", flush=True)


def _path(args: Namespace, number: int) -> Path:
    return args.out / f"{args.paper}-figure-{number}.png"


def _check(args: Namespace) -> None:
    """Raises an `Error` for mistakes that are found before anything is drawn."""
    from musegen.music.phrases import TRACKS

    if args.track and args.track not in TRACKS:
        raise Error(f"--track {args.track}: choose {', '.join(TRACKS)}")
    if args.median and args.median % 2 == 0:
        raise Error(f"--median {args.median}: the width of the filter is odd; give an odd number")
    sources = [args.runs, args.generated]
    sources += [name and registry.place(name) for name in (args.system, args.baseline)]
    check_folder(args.out, [*args.data, *filter(None, sources)])
    if args.runs and not args.runs.is_dir():
        raise Error(f"{args.runs}: no such folder; give the folder that holds the run folders")


def _save(drawing, path: Path) -> list[Path]:
    """Writes a figure and the pictures that belong to it, and returns their paths."""
    from musegen import plots

    paths = [plots.save(drawing.figure, path)]
    for name, image in drawing.images.items():
        paths.append(plots.save_image(image, path.with_stem(f"{path.stem}-{name}")))
    return paths


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
