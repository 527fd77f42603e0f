"""New music by a trained system: `musegen generate`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from musegen import registry
from musegen.commands import calls, choices, outputs


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="NAME", help=choices.system_help("generate"))
    parser.add_argument(
        "-n", type=choices.whole(1, 10_000), default=8, metavar="N", help="phrases (default: 8)"
    )
    choices.add_choices(parser, "generate")
    choices.add_quantise(parser)
    choices.add_playing(parser, gap=1)
    outputs.add_out(parser, "the system's name and .mid, in this folder")


def run(args: Namespace) -> None:
    from musegen.music import midi
    from musegen.music.phrases import TRACKS, quantised

    out = args.out or [Path(f"{outputs.name(args.system)}.mid")]
    outputs.check(out, [registry.place(args.system)])
    system = calls.open_system(args.system, "generate")
    outputs.check_phrases(out, args.n, system.n_bars, args.tempo, args.gap)
    phrases, drawn = calls.call(system, "generate", args, args.n, packed=True)
    phrases = quantised(phrases, args.quantise)
    rest = 0 if args.quantise else 1  # a sixteenth sounds no longer than it is
    score = midi.to_score(phrases, tempo=args.tempo, gap=args.gap, rest=rest)
    outputs.write(out, phrases, score, lambda: outputs.phrase_picture(phrases))
    print(f"{outputs.names(out)}: {outputs.length(phrases, args.tempo, args.gap)}; {drawn}")
    print(outputs.table(outputs.statistics(phrases), TRACKS))
