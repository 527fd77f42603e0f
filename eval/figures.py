"""Draws the figures of a paper anew, from our own runs, systems and data.

    python eval/figures.py midi-s2
    python eval/figures.py midi-s2 --runs runs/midi-s2 --track piano --out figures
    python eval/figures.py midi-s2 --figure 8 --system runs/midi-s2 --data phrases/
    python eval/figures.py musegan --runs runs --figure 8 9
    python eval/figures.py musegan --data phrases/ --figure 10 13

Without --figure it draws what it can and says how to make what the others need. `musegen eval
figures` is the same.
"""

from argparse import ArgumentParser, Namespace
from importlib import import_module
from pathlib import Path

from musegen import Error, environment, registry
from musegen.commands.choices import add_data, add_seed, add_split, integer
from musegen.eval import papers
from musegen.files import check, check_folder, shown

# A paper's module has FIGURES, which by number draw from `papers.drawing.Sources`; CURVES, the
# numbers of those that show trainings; TRACK, whose trainings the paper shows; and SMOOTHED,
# whether it draws curves through a median filter.
PAPERS = papers.with_figures()


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paper", choices=PAPERS, metavar="PAPER", help=f"whose figures, of {', '.join(PAPERS)}"
    )
    parser.add_argument(
        "--figure", nargs="+", type=int, metavar="N",
        help="only these, by their numbers in the paper (default: all that can be drawn)",
    )  # fmt: skip
    parser.add_argument(
        "--system", metavar="NAME",
        help="a trained system, name or folder (default: the one in --runs, else the pretrained)",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=Path, metavar="DIR",
        help="folder of the run folders (default: the histories that lie beside the system)",
    )  # fmt: skip
    add_data(parser, "that is shown, restored or played to")
    add_split(parser)
    parser.add_argument(
        "--track", metavar="NAME",
        help="the track whose training curves are drawn (default: bass, of musegan strings)",
    )  # fmt: skip
    parser.add_argument(
        "--median", type=integer(1, 999), metavar="W",
        help="width of the median filter of MuseGAN's training curves, an odd number of points "
        "(default: 5, of the loss a tenth of the points, 51 at most)",
    )  # fmt: skip
    add_seed(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("figures"), metavar="DIR",
        help="folder for the pictures (default: figures)",
    )  # fmt: skip


def run(args: Namespace) -> None:
    _check(args)
    environment.import_keras()
    room = import_module(PAPERS[args.paper])
    numbers = sorted(set(args.figure or room.FIGURES))
    for number in numbers:
        if number not in room.FIGURES:
            known = ", ".join(map(str, room.FIGURES))
            raise Error(f"--figure {number}: {args.paper} has the figures {known}")
    if args.median and not room.SMOOTHED:
        raise Error(f"--median {args.median}: the curves of {args.paper} are drawn as they are")
    for name in ("track", "median"):
        if getattr(args, name) and not room.CURVES & set(numbers):
            known = ", ".join(map(str, sorted(room.CURVES)))
            raise Error(f"--{name} {getattr(args, name)}: is of training curves, figures {known}")
    if args.out.is_dir():
        check(_path(args, number) for number in numbers)
    from musegen.eval.papers.drawing import Missing, Sources

    sources = Sources(
        args.paper, args.system, args.runs, args.data, args.split, args.track or room.TRACK,
        args.seed, args.median,
    )  # fmt: skip
    for number in numbers:
        try:
            drawing = room.FIGURES[number](sources)
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
    """Mistakes that no figure needs to be drawn to find."""
    from musegen.music.phrases import TRACKS

    if args.track and args.track not in TRACKS:
        raise Error(f"--track {args.track}: choose {', '.join(TRACKS)}")
    if args.median and args.median % 2 == 0:
        raise Error(f"--median {args.median}: the filter has a middle; give an odd number")
    sources = [args.runs, args.system and registry.place(args.system)]
    check_folder(args.out, [args.data, *filter(None, sources)])
    if args.runs and not args.runs.is_dir():
        raise Error(f"{args.runs}: no such folder")


def _save(drawing, path: Path) -> list[Path]:
    """Writes the figure, and the pictures that go with it under their own names."""
    from musegen import plots

    paths = [plots.save(drawing.figure, path)]
    for name, image in drawing.images.items():
        paths.append(plots.save_image(image, path.with_stem(f"{path.stem}-{name}")))
    return paths


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
