"""Generates music with a trained system: `musegen generate`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from musegen import registry
from musegen.commands import calls, choices, outputs


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="NAME", help=choices.system_help("generate"))
    parser.add_argument(
        "-n", type=choices.integer(1, 10_000), default=8, metavar="N",
        help="number of phrases or pieces (default: 8)",
    )  # fmt: skip
    choices.add_choices(parser, "generate")
    choices.add_quantise(parser)
    choices.add_playing(parser, gap=1)
    outputs.add_out(parser, "the system's name and .mid, in this folder")


def run(args: Namespace) -> None:
    """Generates music, writes it, and prints its statistics."""
    from musegen.commands import formats

    out = args.out or [Path(f"{outputs.name(args.system)}.mid")]
    outputs.check(out, [registry.place(args.system)])
    music = formats.format_of(args.system, args, out)
    system = calls.open_system(args.system, "generate")
    music.check_amount(out, args.n, system, args)
    made, drawn = calls.call(system, "generate", args, args.n, packed=True)
    made = music.finished(made, args)
    shown = music.shown(system)
    formats.write(out, music, made, args, **shown)
    print(f"{outputs.names(out)}: {music.summary(made, args)}; {drawn}")
    print(music.table(made, **shown))
