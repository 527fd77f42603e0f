"""New music by a trained system: `musegen generate`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from musegen import registry
from musegen.commands import options, outputs, systems


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="NAME", help=options.system_help())
    parser.add_argument(
        "-n", type=options.whole(1, 10_000), default=8, metavar="N", help="phrases (default: 8)"
    )
    options.add_seed(parser)
    options.add_z_std(parser)
    options.add_refine(parser)
    options.add_fusion(parser)
    options.add_binarisation(parser)
    options.add_quantise(parser)
    options.add_playing(parser, gap=1)
    outputs.add_out(parser, "the system's name and .mid, in this folder")


def run(args: Namespace) -> None:
    from musegen import midi
    from musegen.phrases import TRACKS

    out = args.out or [Path(f"{outputs.name(args.system)}.mid")]
    outputs.check(out, [registry.place(args.system)])
    system = systems.open_system(args.system, "generate")
    outputs.check_phrases(out, args.n, systems.n_bars(system), args.tempo, args.gap)
    phrases, drawn = systems.generate(
        system, args.n, seed=args.seed, packed=True, **options.chosen(args)
    )
    if args.quantise:
        phrases = phrases.changed(lambda block: options.quantised(block, args.quantise))
    rest = 0 if args.quantise else 1  # a sixteenth sounds no longer than it is
    score = midi.to_score(phrases, tempo=args.tempo, gap=args.gap, rest=rest)
    outputs.write(out, phrases, score, lambda: outputs.phrase_picture(phrases))
    print(f"{outputs.names(out)}: {outputs.length(phrases, args.tempo, args.gap)}; {drawn}")
    print(outputs.table(outputs.statistics(phrases), TRACKS))
