"""Phrases on the way from one to another: `musegen interpolate`.

A system that reads music goes from any phrase to any other. One that only writes it goes from the
random vectors of one seed to those of another, or plays a square of its latent space (`--grid`).
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import Error, registry
from musegen.commands import options, outputs, systems

if TYPE_CHECKING:
    import numpy as np

COLUMNS = 3  # of the picture
PHRASES, ACROSS = 9, 8  # by default, and in a row of a grid
MOST, MOST_ACROSS = 1000, 32
WAYS = ("lerp", "slerp")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="NAME", help=options.system_help())
    ends = (("from", "start", "the first phrase"), ("to", "end", "the last"))
    for word, dest, what in ends:
        parser.add_argument(
            f"--{word}", dest=dest, metavar="FILE",
            help=f"the music that {what} is taken from: whatever --data takes elsewhere",
        )  # fmt: skip
    for word, dest, _ in ends:
        parser.add_argument(
            f"--phrase-{word}", dest=f"{dest}_phrase", type=options.whole(1, 10**9), metavar="K",
            help=f"which of its phrases, from 1, --{word} means (default: 1)",
        )  # fmt: skip
    parser.add_argument(
        "--seeds", nargs=2, type=options.SEED, metavar=("A", "B"),
        help="instead of --from and --to: two phrases that the system makes of these seeds",
    )  # fmt: skip
    parser.add_argument(
        "--way", choices=WAYS,
        help="of a system that goes from seed to seed: a straight line, or along the sphere "
        "(default: lerp)",
    )  # fmt: skip
    parser.add_argument(
        "--grid", action="store_true",
        help="instead of two ends: a square of the latent space; down it grow the vectors that all "
        "tracks share, across it those of each",
    )  # fmt: skip
    parser.add_argument(
        "--reach", type=options.real(0, 100), metavar="R",
        help="of a grid: its vectors go from -R to R (default: as the system's preset has it)",
    )  # fmt: skip
    parser.add_argument(
        "-n", type=options.whole(2, MOST), metavar="N",
        help=f"phrases to write, both ends among them (default: {PHRASES}); with --grid N x N of "
        f"them (default: {ACROSS} x {ACROSS})",
    )  # fmt: skip
    options.add_seed(parser)
    parser.set_defaults(seed=None)  # some systems take none
    options.add_refine(parser)
    options.add_binarisation(parser)
    options.add_playing(parser, gap=0)
    outputs.add_out(parser, "the system's name and -interpolated.mid, in this folder")


def run(args: Namespace) -> None:
    from musegen import midi, plots
    from musegen.phrases import TRACKS

    out = args.out or [Path(f"{outputs.name(args.system)}-interpolated.mid")]
    sources = [source for source in (args.start, args.end) if source]
    outputs.check(out, [registry.place(args.system), *sources])
    ends = _read(args)
    system = systems.open_system(args.system)
    if track := systems.given(system):
        raise Error(f"{args.system}: writes nothing alone, it accompanies a given {track}")
    n = args.n or (ACROSS if args.grid else PHRASES)
    n_bars = len(ends[0]) if ends else systems.n_bars(system)
    outputs.check_phrases(out, n * n if args.grid else n, n_bars, args.tempo, args.gap)
    if args.grid:
        columns, phrases = n, _asked(system, "grid", args, n)
    else:
        columns, phrases = COLUMNS, _way(system, ends, args, n)
    score = midi.to_score(phrases, tempo=args.tempo, gap=args.gap)
    outputs.write(out, phrases, score, lambda: plots.phrase_grid(phrases, columns))
    print(f"{outputs.names(out)}: {outputs.length(phrases, args.tempo, args.gap)}")
    print(outputs.table(outputs.statistics(phrases), TRACKS))


def _read(args: Namespace) -> "list[np.ndarray]":
    """The two phrases, as their files have them; none with --seeds or --grid."""
    given = {"--from": args.start, "--to": args.end}
    chosen = {"--phrase-from": args.start_phrase, "--phrase-to": args.end_phrase}
    if args.grid:
        rest = {"--seeds": args.seeds, "--way": args.way, "--seed": args.seed is not None}
        for flag, value in {**given, **chosen, **rest}.items():
            if value:
                raise Error(f"--grid has no use for {flag}: leave out the one or the other")
        if args.n and args.n > MOST_ACROSS:
            raise Error(f"-n {args.n}: a grid has at most {MOST_ACROSS} x {MOST_ACROSS} phrases")
        return []
    if args.reach is not None:
        raise Error("--reach is of a --grid: add it, or leave --reach out")
    if args.seeds:
        if any({**given, **chosen}.values()):
            raise Error("--seeds stands instead of --from and --to: give the one or the others")
        return []
    if not all(given.values()):
        raise Error("give --from and --to, or two --seeds: an interpolation needs two ends")
    return [
        _phrase(source, number or 1, flag)
        for source, (flag, number) in zip(given.values(), chosen.items(), strict=True)
    ]


def _phrase(source: str, number: int, flag: str) -> "np.ndarray":
    from musegen import data

    opened = data.load(source).five_tracks()
    if number > len(opened):
        raise Error(f"{flag} {number}: {source} has {len(opened)} phrases")
    return opened.part(number - 1, number).phrases[0]


def _alike(ends: "list[np.ndarray]", n_steps: int, args: Namespace) -> "list[np.ndarray]":
    """Both phrases with the system's steps a bar."""
    from musegen.phrases import resample

    start, end = (resample(phrase[None], n_steps)[0] for phrase in ends)
    if len(start) != len(end):
        raise Error(
            f"{args.start} has phrases of {len(start)} bars and {args.end} of {len(end)}: "
            "they must be equally long"
        )
    return [start, end]


def _way(system: Any, ends: "list[np.ndarray]", args: Namespace, n: int) -> "np.ndarray":
    """The `n` phrases from one end to the other, by what the system can."""
    if hasattr(system, "interpolate"):
        ends = _made(system, args) if args.seeds else _alike(ends, system.n_steps, args)
        return _asked(system, "interpolate", args, *ends, n)
    if hasattr(system, "interpolate_seeds") and not args.seeds:
        raise Error(f"{args.system}: has no encoder that reads a phrase; give two --seeds")
    return _asked(system, "interpolate_seeds", args, args.seeds, n)


def _made(system: Any, args: Namespace) -> "list[np.ndarray]":
    systems.check(system, args.system, "generate")
    return [systems.generate(system, 1, seed=seed)[0][0] for seed in args.seeds]


def _asked(system: Any, method: str, args: Namespace, *inputs) -> "np.ndarray":
    """What a method gives, with the choices that were made."""
    systems.check(system, args.system, method)
    made = {"seed": args.seed, "way": args.way, "reach": args.reach} | options.chosen(args)
    made = {name: value for name, value in made.items() if value is not None}
    return systems.ask(system, method, *inputs, **made)
