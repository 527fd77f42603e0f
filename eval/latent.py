"""Draws the latent space of systems of notes: lines between segments, or a map of corpora.

    python eval/latent.py --system mvae mvae-autoencoder --data notes/
    python eval/latent.py --figure pca --data nottingham/ chorales.json piano/ --out map.png
    python eval/latent.py --figure interpolation --against reconstruction --json lines.json

interpolation is Figure 2 of the melody VAE's paper: the distance from segment A of what a system
decodes on the way from A to B. pca is its Figure 3: the codes of segments of several corpora on
their first two principal components. `musegen eval latent` is the same.
"""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from musegen import Error, registry
from musegen.commands import calls
from musegen.commands.choices import add_seed, add_split, integer
from musegen.files import check, shown, write_all

OPTIONS = {"interpolation": ("pairs", "steps", "against"), "pca": ("segments",)}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--figure", choices=OPTIONS, default="interpolation", metavar="NAME",
        help="interpolation or pca (default: interpolation)",
    )  # fmt: skip
    parser.add_argument(
        "--data", nargs="+", default=["demo"], metavar="D",
        help="the music to encode, one or more of: a store of notes, MIDI files, a folder or "
        "archive of them, chorales as JSON, demo or freedoom (default: demo)",
    )  # fmt: skip
    add_split(parser)
    parser.add_argument(
        "--system", nargs="+", default=["mvae"], metavar="NAME",
        help="trained systems of notes that can encode, by name or folder; a curve for each, or "
        "the one whose map is drawn (default: mvae)",
    )  # fmt: skip
    parser.add_argument(
        "--pairs", type=integer(1, 100_000), metavar="N",
        help="for interpolation: number of pairs of segments, drawn at random (default: 500)",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=integer(1, 1000), metavar="N",
        help="for interpolation: number of steps from A to B (default: 20)",
    )  # fmt: skip
    parser.add_argument(
        "--against", choices=("data", "reconstruction"), metavar="WHAT",
        help="for interpolation: music from which distances are measured: data, segment A itself, "
        "or reconstruction, what the system decodes at A (default: data)",
    )  # fmt: skip
    parser.add_argument(
        "--segments", type=integer(2, 100_000), metavar="N",
        help="for pca: segments of each source at most, evenly spaced (default: 500)",
    )  # fmt: skip
    add_seed(parser)
    parser.add_argument(
        "--out", type=Path, metavar="F",
        help="the picture, .png or .pdf (default: latent-FIGURE.png)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="F", help="write the numbers to this file")


def run(args: Namespace) -> None:
    _check(args)
    from musegen import plots
    from musegen.eval.tables import evaluated, latent_figures, latents

    opened = evaluated.opened(args.system, "encode")
    corpora = evaluated.corpora(args.data, args.split)
    if args.figure == "pca":
        ((label, system),) = opened.items()
        most = args.segments or latents.MOST
        made = latent_figures.corpora_map(label, system, corpora, most, args.seed)
    else:
        options = args.pairs or latents.PAIRS, args.steps or latents.STEPS, args.seed
        made = latent_figures.interpolation(opened, corpora, *options, args.against or "data")
    report = {
        "figure": args.figure,
        "data": {name: pieces.name for name, pieces in corpora.items()},
        "seed": args.seed,
        **made.numbers,
    }
    contents = {args.out: plots.encoded(made.figure, args.out.suffix.lower())}
    if args.json:
        contents[args.json] = (json.dumps(report, indent=1, allow_nan=False) + "\n").encode()
    write_all(contents)
    print(made.text)
    print(shown(args.out))


def _check(args: Namespace) -> None:
    """Raises an `Error` for mistakes that are found before anything is loaded."""
    args.out = args.out or Path(f"latent-{args.figure}.png")
    if args.out.suffix.lower() not in (".png", ".pdf"):
        raise Error(f"{args.out}: end the name in .png or .pdf")
    sources = [*args.data, *map(registry.place, args.system)]
    check([args.out, *filter(None, [args.json])], sources)
    for figure, names in OPTIONS.items():
        for name in names:
            if figure != args.figure and getattr(args, name) is not None:
                raise Error(f"--{name}: is for --figure {figure}; leave it out")
    for name in args.system:
        calls.check(name, "encode")
    if args.figure == "pca" and len(args.data) < 2:
        raise Error(f"--data {args.data[0]}: a map compares corpora; name two or more sources")
    if args.figure == "pca" and len(args.system) > 1:
        raise Error(f"--system {' '.join(args.system)}: a map is of one system; name one")


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
