"""Interpolates between two phrases or pieces: `musegen interpolate`.

A system with an encoder interpolates between any two examples. A system without one interpolates
between the random vectors of two seeds, or decodes a square of its latent space (`--grid`).
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from musegen import Error, registry
from musegen.commands import calls, choices, outputs
from musegen.system import Entry, TrainedSystem

COLUMNS = 3  # in the picture
EXAMPLES, ACROSS = 9, 8  # default number of examples, and of those in a row of a grid
MOST, MOST_ACROSS = 1000, 32  # largest numbers of these
VERBS = ("interpolate", "interpolate_seeds", "grid")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="NAME", help=choices.system_help(*VERBS))
    ends = (("from", "start", "the first example"), ("to", "end", "the last example"))
    for word, dest, what in ends:
        choices.add_if(
            parser, _reads, f"--{word}", dest=dest, metavar="FILE",
            help=f"the music with {what}: any source that --data of other commands accepts",
        )  # fmt: skip
    for word, dest, _ in ends:
        choices.add_if(
            parser, _reads, f"--phrase-{word}", dest=f"{dest}_phrase", metavar="K",
            type=choices.integer(1, 10**9),
            help=f"number of the phrase or piece in the source of --{word}, from 1 (default: 1)",
        )  # fmt: skip
    parser.add_argument(
        "--seeds", nargs=2, type=choices.SEED, metavar=("A", "B"),
        help="seeds of two examples that the system generates as the ends, instead of music from "
        "files",
    )  # fmt: skip
    choices.add_if(
        parser, _has_grid, "--grid", action="store_true",
        help="instead of two ends: a square of the latent space; the vectors that all tracks share "
        "change from row to row, and those of each track from column to column",
    )  # fmt: skip
    number = f"number of phrases or pieces, both ends included (default: {EXAMPLES})"
    if choices.concerns(parser, _has_grid):
        number += f"; with --grid N x N of them (default: {ACROSS} x {ACROSS})"
    parser.add_argument("-n", type=choices.integer(2, MOST), metavar="N", help=number)
    choices.add_choices(parser, *VERBS)
    choices.add_playing(parser, gap=0)
    outputs.add_out(parser, "the system's name and -interpolated.mid, in this folder")


def _has_grid(entry: Entry) -> bool:
    return "grid" in entry.can


def _reads(entry: Entry) -> bool:
    """Returns whether a system interpolates between examples that it reads."""
    return "interpolate" in entry.can


def run(args: Namespace) -> None:
    """Interpolates, or draws a grid, and writes the music."""
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
    music.check_amount(out, n * n if args.grid else n, system, args, ends)
    made, _ = calls.call(system, verb, args, *_inputs(system, verb, ends, args), n)
    formats.write(out, music, made, args, columns=n if args.grid else COLUMNS)
    print(f"{outputs.names(out)}: {music.summary(made, args)}")
    print(music.table(made))


def _read(args: Namespace, music: ModuleType) -> list:
    """Reads the two ends from their files; with --seeds or --grid it returns none."""
    sources = {"--from": args.start, "--to": args.end}
    numbers = {"--phrase-from": args.start_phrase, "--phrase-to": args.end_phrase}
    if args.grid:
        others = {"--seeds": args.seeds, "--way": args.way, "--seed": args.seed is not None}
        for flag, value in {**sources, **numbers, **others}.items():
            if value:
                raise Error(f"--grid cannot be used with {flag}: leave out one of them")
        if args.n and args.n > MOST_ACROSS:
            raise Error(f"-n {args.n}: a grid has at most {MOST_ACROSS} x {MOST_ACROSS} phrases")
        return []
    if args.reach is not None:
        raise Error("--reach needs --grid: add it, or leave --reach out")
    if args.seeds:
        if any({**sources, **numbers}.values()):
            raise Error("--seeds replaces --from and --to: give either --seeds or the others")
        return []
    if not all(sources.values()):
        raise Error("give --from and --to, or two --seeds: an interpolation needs two ends")
    return [
        music.read_example(source, number or 1, flag)
        for source, (flag, number) in zip(sources.values(), numbers.items(), strict=True)
    ]


def _verb(args: Namespace) -> str:
    """Returns the method to call: a grid, or interpolation between music or between seeds."""
    if args.grid:
        return "grid"
    can = registry.entry(args.system).can
    if "interpolate_seeds" not in can or "interpolate" in can:
        return "interpolate"
    if not args.seeds:
        raise Error(f"{args.system}: has no encoder to read a phrase; give two --seeds")
    return "interpolate_seeds"


def _inputs(system: TrainedSystem, verb: str, ends: list, args: Namespace) -> Sequence:
    """Returns the two ends as arguments of the method; a grid has none."""
    if verb == "interpolate" and args.seeds:
        calls.check(args.system, "generate")
        return [system.generate(1, seed, **system.preferred)[0] for seed in args.seeds]
    if verb == "interpolate":
        return ends
    return [args.seeds] if args.seeds else []
