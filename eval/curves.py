"""Draws the curves of several trainings in one picture, a panel for each column of the histories.

    python eval/curves.py runs/float32 runs/bfloat16 --out precision.png
    python eval/curves.py runs/a/history.csv runs/b/history.csv --column val_loss val_f1

`musegen eval curves` is the same.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from musegen import Error
from musegen.files import check, shown

COLUMNS = ("loss", "val_loss", "f1", "val_f1")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="run folders, or their history.csv"
    )
    parser.add_argument(
        "--column", nargs="+", metavar="NAME",
        help=f"columns of the histories (default: those of {', '.join(COLUMNS)} that exist)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("curves.png"), metavar="F",
        help="the picture, .png or .pdf (default: curves.png)",
    )  # fmt: skip


def run(args: Namespace) -> None:
    from musegen import plots
    from musegen.eval.papers.drawing import read_history

    if args.out.suffix.lower() not in (".png", ".pdf"):
        raise Error(f"{args.out}: end the name in .png or .pdf")
    files = [path / "history.csv" if path.is_dir() else path for path in args.runs]
    check([args.out], [*args.runs, *files])
    if twice := [path for k, path in enumerate(files) if path in files[:k]]:
        raise Error(f"{twice[0]}: is named twice; name each run once")
    names = _names(files)
    histories = {name: read_history(file) for name, file in zip(names, files, strict=True)}
    columns = args.column or [c for c in COLUMNS if any(c in h for h in histories.values())]
    runs = {}
    for name, history in histories.items():
        unknown = [column for column in ("epoch", *(args.column or ())) if column not in history]
        if unknown:
            raise Error(f"{name}: has no column {unknown[0]}; there are {', '.join(history)}")
        runs[name] = {
            column: (history["epoch"], history[column]) for column in columns if column in history
        }
    plots.save(plots.comparison(runs, x="epoch", median=1), args.out)
    print(shown(args.out))
    for name, history in histories.items():
        ends = [f"{column} {history[column][-1]:.4g}" for column in columns if column in history]
        print(f"{shown(name)}: {len(history['epoch'])} epochs, at the end {', '.join(ends)}")


def _names(files: list[Path]) -> list[str]:
    """Returns short names of the runs, those of their folders or files; paths if some are equal."""
    names = [file.parent.name if file.name == "history.csv" else file.stem for file in files]
    return names if len(set(names)) == len(files) else list(map(str, files))


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
