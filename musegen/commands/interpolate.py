"""Music on the way from one phrase or piece to another: `musegen interpolate`.

A system that reads music goes from any example of it to any other. One that only writes it goes
from the random vectors of one seed to those of another, or plays a square of its latent space
(`--grid`).
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from musegen import Error, registry
from musegen.commands import calls, choices, outputs
from musegen.system import TrainedSystem

COLUMNS = 3  # of the picture
EXAMPLES, ACROSS = 9, 8  # by default, and in a row of a grid
MOST, MOST_ACROSS = 1000, 32
VERBS = ("interpolate", "interpolate_seeds", "grid")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="NAME", help=choices.system_help(*VERBS))
    ends = (("from", "start", "the first example"), ("to", "end", "the last"))
    for word, dest, what in ends:
        parser.add_argument(
            f"--{word}", dest=dest, metavar="FILE",
            help=f"the music that {what} is taken from: whatever --data takes elsewhere",
        )  # fmt: skip
    for word, dest, _ in ends:
        parser.add_argument(
            f"--phrase-{word}", dest=f"{dest}_phrase", type=choices.whole(1, 10**9), metavar="K",
            help=f"which of its phrases or pieces, from 1, --{word} means (default: 1)",
        )  # fmt: skip
    parser.add_argument(
        "--seeds", nargs=2, type=choices.SEED, metavar=("A", "B"),
        help="instead of --from and --to: two examples that the system makes of these seeds",
    )  # fmt: skip
    parser.add_argument(
        "--grid", action="store_true",
        help="instead of two ends: a square of the latent space; down it grow the vectors that all "
        "tracks share, across it those of each",
    )  # fmt: skip
    parser.add_argument(
        "-n", type=choices.whole(2, MOST), metavar="N",
        help=f"number of phrases or pieces, both ends among them (default: {EXAMPLES}); with "
        f"--grid N x N of them (default: {ACROSS} x {ACROSS})",
    )  # fmt: skip
    choices.add_choices(parser, *VERBS)
    choices.add_playing(parser, gap=0)
    outputs.add_out(parser, "the system's name and -interpolated.mid, in this folder")


def run(args: Namespace) -> None:
    from musegen.commands import formats

    out = args.out or [Path(f"{outputs.name(args.system)}-interpolated.mid")]
    sources = [source for source in (args.start, args.end) if source]
    outputs.check(out, [registry.place(args.system), *sources])
    music = formats.format_of(args.system, args, out)
    ends = _read(args, music)
    verb, n = _verb(args), args.n or (ACROSS if args.grid else EXAMPLES)
    system = calls.open_system(args.system, verb)
    if verb == "interpolate" and ends:
        ends = music.prepared(ends, system, args)
    n_bars = len(ends[0]) if ends else system.n_bars
    music.check_amount(out, n * n if args.grid else n, n_bars, args)
    made, _ = calls.call(system, verb, args, *_inputs(system, verb, ends, args), n)
    formats.write(out, music, made, args, columns=n if args.grid else COLUMNS)
    print(f"{outputs.names(out)}: {music.summary(made, args)}")
    print(music.table(made))


def _read(args: Namespace, music: ModuleType) -> list:
    """The two ends, as their files have them; none with --seeds or --grid."""
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
        music.read_example(source, number or 1, flag)
        for source, (flag, number) in zip(given.values(), chosen.items(), strict=True)
    ]


def _verb(args: Namespace) -> str:
    """What the system shall do: draw a grid, or go from music to music or from seed to seed."""
    if args.grid:
        return "grid"
    can = registry.entry(args.system).can
    if "interpolate_seeds" not in can or "interpolate" in can:
        return "interpolate"
    if not args.seeds:
        raise Error(f"{args.system}: has no encoder that reads a phrase; give two --seeds")
    return "interpolate_seeds"


def _inputs(system: TrainedSystem, verb: str, ends: list, args: Namespace) -> Sequence:
    """The two ends as the system takes them; a grid has none."""
    if verb == "interpolate" and args.seeds:
        calls.check(args.system, "generate")
        return [system.generate(1, seed, **system.preferred)[0] for seed in args.seeds]
    if verb == "interpolate":
        return ends
    return [args.seeds] if args.seeds else []
