"""The options of the commands that work with systems, each defined once.

A command asks for the options of a verb, such as generate. It gets those that some system of the
catalogue takes; where the command line names a system, `--help` shows only that system's.
"""

import math
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from musegen import Error, registry
from musegen.system import Entry


def whole(least: int, most: int) -> Callable[[str], int]:
    """A type of argument: a whole number in these bounds."""

    def number(word: str) -> int:
        if not word.isdecimal() or not least <= int(word) <= most:
            raise ArgumentTypeError(f"{word}: give a whole number from {least} to {most}")
        return int(word)

    return number


def real(least: float, most: float) -> Callable[[str], float]:
    """A type of argument: a number in these bounds."""

    def number(word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise ArgumentTypeError(f"{word}: give a number from {least:g} to {most:g}")
        return value

    return number


def deviation(word: str) -> float | str:
    """A type of argument: a number that is no less than 0, or `fit`."""
    return word if word == "fit" else real(0, 1000)(word)


SEED = whole(0, 2**32 - 1)
QUANTISE = ("keep", "any", "majority")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Choice:
    """One option of a system: its flag, and what argparse has to know of it."""

    flag: str
    facts: dict[str, Any]


def _choice(flag: str, help: str, **facts) -> Choice:
    return Choice(flag, facts | {"help": help})


def _switch_off(flag: str, help: str) -> Choice:
    return _choice(flag, help, action="store_const", const=False)


CHOICES = {  # by the name of the argument that systems take
    "seed": _choice("--seed", "equal seeds give equal music (default: 0)", type=SEED, metavar="N"),
    "z_std": _choice(
        "--z-std",
        "standard deviation of the random latent vectors, or fit: mean and covariance as measured "
        "over the training music (default: fit, or where nothing was measured the number of the "
        "system's preset)",
        type=deviation,
        metavar="X",
    ),
    "refine": _switch_off("--no-refine", "leave out the refine networks at the end"),
    "fusion": _switch_off(
        "--no-fusion", "use each track's own network alone, without the one that joins them"
    ),
    "binarisation": _choice(
        "--binarisation",
        "how real numbers become notes: threshold, a note where they are above it; monophonic, the "
        "same, but one pitch of the bass at a time; bernoulli, at random (default: as the system's "
        "preset has it)",
        choices=("threshold", "monophonic", "bernoulli"),
    ),
    "way": _choice(
        "--way",
        "the way from one seed to the other: lerp, a straight line, or slerp, along the sphere "
        "(default: lerp)",
        choices=("lerp", "slerp"),
    ),
    "reach": _choice(
        "--reach",
        "with --grid: its vectors go from -R to R (default: as the system's preset has it)",
        type=real(0, 100),
        metavar="R",
    ),
}


def add_choices(parser: ArgumentParser, *verbs: str) -> None:
    """Adds the options that systems take for some verbs, those of the named system shown."""
    entries = registry.catalogue().values()
    known, shown = (
        {name for entry in some for verb in verbs for name in entry.can.get(verb, ())}
        for some in (entries, named_systems(parser) or entries)
    )
    for name, choice in CHOICES.items():
        if name in known:
            facts = choice.facts if name in shown else choice.facts | {"help": SUPPRESS}
            parser.add_argument(choice.flag, dest=name, **facts)


def named_systems(parser: ArgumentParser) -> list[Entry]:
    """The entries of the trained systems that the command line of a parser names."""
    found = []
    for word in getattr(parser, "command_line", ()):
        if (registry.place(word) / registry.SYSTEM_FILE).is_file():
            try:
                found.append(registry.entry(word))
            except Error:  # opening it will say what is wrong
                return []
    return found


def system_help(*verbs: str) -> str:
    """Help of the argument that names a system, with those that come with musegen and can do it."""
    able = dict.fromkeys(name for verb in verbs for name in registry.able(verb))
    return f"a trained system: {', '.join([*able, 'or the folder of one'])}"


def add_seed(parser: ArgumentParser) -> None:
    parser.add_argument("--seed", **CHOICES["seed"].facts, default=0)


def add_for(parser: ArgumentParser, music: str, flag: str, help: str, **facts) -> None:
    """Adds an option for one kind of music, shown unless the command line names other systems."""
    systems = named_systems(parser)
    hidden = systems and all(entry.music != music for entry in systems)
    parser.add_argument(flag, help=SUPPRESS if hidden else help, **facts)


def add_quantise(parser: ArgumentParser) -> None:
    add_for(
        parser, "phrases", "--quantise", choices=QUANTISE,
        help="new music in steps of a sixteenth note: keep the first of the finer steps in each, "
        "or turn it on where any or the majority of them is (default: as finely as the system "
        "plays)",
    )  # fmt: skip


def add_playing(parser: ArgumentParser, gap: int) -> None:
    """Adds how phrases or pieces are played one after the other."""
    add_for(
        parser, "phrases", "--tempo", type=real(4, 1000), metavar="BPM",
        help="beats a minute (default: 100)",
    )  # fmt: skip
    parser.add_argument(
        "--gap", type=whole(0, 64), default=gap, metavar="N",
        help=f"bars of silence after each phrase or piece (default: {gap})",
    )  # fmt: skip


def add_data(parser: ArgumentParser, use: str) -> None:
    """Adds `--data`; `use` says what the music is for."""
    parser.add_argument(
        "--data", default="demo", metavar="D",
        help=f"the music {use}: phrase shards, .npy, MIDI or LPD files, a folder or archive of "
        "them, demo or freedoom (default: demo)",
    )  # fmt: skip


def add_split(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--split", choices=SPLITS, metavar="NAME",
        help=f"the part of the data that a system restores or plays to, of {', '.join(SPLITS)} "
        "(default: test where the data have one, else all)",
    )  # fmt: skip
