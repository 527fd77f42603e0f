"""Phrases on the way from one to another: `musegen interpolate`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import Error
from musegen.commands import options, outputs, systems

if TYPE_CHECKING:
    import numpy as np

COLUMNS = 3  # of the picture


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
        "-n", type=options.whole(2, 1000), default=9, metavar="N",
        help="phrases to write, both ends among them (default: 9)",
    )  # fmt: skip
    options.add_seed(parser)
    options.add_refine(parser)
    options.add_playing(parser, gap=0)
    outputs.add_out(parser, "the system's name and -interpolated.mid, in this folder")


def run(args: Namespace) -> None:
    from musegen import midi, plots
    from musegen.phrases import TRACKS

    out = args.out or [Path(f"{Path(args.system).resolve().name}-interpolated.mid")]
    outputs.check(out, [source for source in (args.start, args.end) if source])
    ends = _read(args)
    system = systems.open_system(args.system, "interpolate", "generate")
    ends = _made(system, args.seeds) if args.seeds else _alike(ends, system.n_steps, args)
    played = options.chosen(args)
    phrases = systems.ask(system, "interpolate", *ends, args.n, seed=args.seed, **played)
    score = midi.to_score(phrases, tempo=args.tempo, gap=args.gap)
    outputs.write(out, phrases, score, lambda: plots.phrase_grid(phrases, COLUMNS))
    print(f"{outputs.names(out)}: {outputs.length(phrases, args.tempo, args.gap)}")
    print(outputs.table(outputs.statistics(phrases), TRACKS))


def _read(args: Namespace) -> "list[np.ndarray]":
    """The two phrases, as their files have them; none with --seeds."""
    given = {"--from": args.start, "--to": args.end}
    chosen = {"--phrase-from": args.start_phrase, "--phrase-to": args.end_phrase}
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
    from musegen.phrases import TRACKS

    opened = data.load(source)
    if opened.layout.tracks != TRACKS:
        raise Error(f"{source}: has the tracks {', '.join(opened.layout.tracks)}")
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


def _made(system: Any, seeds: list[int]) -> "list[np.ndarray]":
    return [systems.generate(system, 1, seed=seed)[0][0] for seed in seeds]
