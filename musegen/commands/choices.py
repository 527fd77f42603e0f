"""Defines the options of the commands that work with systems, each of them once.

A command adds the options of a method, such as generate: all that some system of the catalogue
takes. If the command line names a system, `--help` shows only the options of that system.
"""

import math
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from musegen import Error, registry
from musegen.music.layout import TRACKS
from musegen.system import Entry


def integer(least: int, most: int) -> Callable[[str], int]:
    """Returns a type for argparse: an integer from `least` to `most`."""

    def number(word: str) -> int:
        if not word.isdecimal() or not least <= int(word) <= most:
            raise ArgumentTypeError(f"{word}: give a whole number from {least} to {most}")
        return int(word)

    return number


def real(least: float, most: float) -> Callable[[str], float]:
    """Returns a type for argparse: a number from `least` to `most`."""

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
    """Parses an argument that is a number from 0 to 1000, or `fit`."""
    return word if word == "fit" else real(0, 1000)(word)


SEED = integer(0, 2**32 - 1)
QUANTISE = ("keep", "any", "majority")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Choice:
    """One option of a system.

    Args:
        flag: name of the option on the command line.
        facts: arguments for argparse.
    """

    flag: str
    facts: dict[str, Any]


def _choice(flag: str, help: str, **facts) -> Choice:
    return Choice(flag, facts | {"help": help})


def _switch_off(flag: str, help: str) -> Choice:
    return _choice(flag, help, action="store_const", const=False)


CHOICES = {  # by the name of the argument in the methods of systems
    "seed": _choice("--seed", "equal seeds give equal music (default: 0)", type=SEED, metavar="N"),
    "z_std": _choice(
        "--z-std",
        "standard deviation of the random latent vectors, or fit, which uses the mean and "
        "covariance of the training music (default: fit, or the number of the system's preset if "
        "these were not measured)",
        type=deviation,
        metavar="X",
    ),
    "refine": _switch_off("--no-refine", "leave out the refine networks at the end"),
    "fusion": _switch_off(
        "--no-fusion", "use only the network of each track, without the one that joins them"
    ),
    "binarisation": _choice(
        "--binarisation",
        "how the real-valued output becomes notes: threshold, a note where it is above a "
        "threshold; monophonic, the same with one pitch of the bass at a time; bernoulli, at "
        "random (default: that of the system's preset)",
        choices=("threshold", "monophonic", "bernoulli"),
    ),
    "way": _choice(
        "--way",
        "interpolation between the two seeds: lerp, on a straight line, or slerp, along the sphere "
        "(default: lerp)",
        choices=("lerp", "slerp"),
    ),
    "temperature": _choice(
        "--temperature",
        "how freely each value of a note is drawn: 0 takes the most likely one, 1 draws each as "
        "often as it is likely (default: that of the system)",
        type=real(0, 100),
        metavar="T",
    ),
    "length": _choice(
        "--length",
        "number of notes in a piece (default: 100)",
        type=integer(1, 10_000),
        metavar="N",
    ),
    "n_bars": _choice(
        "--bars",
        "number of bars of a phrase; training knows phrases of 4 bars (default: 4)",
        type=integer(1, 1000),
        metavar="N",
    ),
    "decode": _choice(
        "--decode",
        "rule by which outputs become notes: round, above 0.5; absolute, from a threshold on; "
        "relative, from a third of the largest on; nearest, the chord that is nearest; bernoulli, "
        "at random (default: that of the system)",
        choices=("round", "absolute", "relative", "nearest", "bernoulli"),
    ),
    "seeds_from": _choice(
        "--seeds-from",
        "music with whose first half bars the new phrases begin, any that --data of the other "
        "commands takes (default: half bars that the system was saved with)",
        metavar="D",
    ),
    "melody": _choice(
        "--melody",
        "track of the song that is the melody (default: the system's own melody track, or the "
        "track with the highest notes)",
        choices=TRACKS,
    ),
    "accompaniment": _choice(
        "--accompaniment",
        "track of the song that is the accompaniment (default: the system's own track, or the "
        "highest of the others, or silence)",
        choices=TRACKS,
    ),
    "reach": _choice(
        "--reach",
        "with --grid: its vectors go from -R to R (default: that of the system's preset)",
        type=real(0, 100),
        metavar="R",
    ),
}


def add_choices(parser: ArgumentParser, *verbs: str) -> None:
    """Adds the options that systems take for these methods.

    The help shows those of the systems that the command line names, or all if it names none.
    """
    entries = registry.catalogue().values()
    known, shown = (
        {name for entry in group for verb in verbs for name in entry.can.get(verb, ())}
        for group in (entries, named_systems(parser) or entries)
    )
    for name in CHOICES:
        if name in known:
            add_choice(parser, name, **{} if name in shown else {"help": SUPPRESS})


def named_systems(parser: ArgumentParser) -> list[Entry]:
    """Returns the entries of the trained systems that the command line of a parser names."""
    entries = []
    for word in getattr(parser, "command_line", ()):
        if registry.is_trained(word):
            try:
                entries.append(registry.entry(word))
            except Error:  # the command will report it when it opens the system
                return []
    return entries


def system_help(*verbs: str) -> str:
    """Returns the help of the argument that names a system.

    It lists the systems that come with musegen and have one of these methods.
    """
    able = dict.fromkeys(name for verb in verbs for name in registry.able(verb))
    if not able:
        return "the folder of a trained system"
    return f"a trained system: {', '.join([*able, 'or the folder of one'])}"


def add_choice(parser: ArgumentParser, name: str, **facts) -> None:
    """Adds one option of `CHOICES`; `facts` replace its own ones."""
    choice = CHOICES[name]
    parser.add_argument(choice.flag, dest=name, **choice.facts | facts)


def add_seed(parser: ArgumentParser) -> None:
    """Adds `--seed`."""
    add_choice(parser, "seed", default=0)


def concerns(parser: ArgumentParser, has: Callable[[Entry], bool]) -> bool:
    """Returns whether a system that the command line names `has` something, or it names none."""
    systems = named_systems(parser)
    return not systems or any(map(has, systems))


def add_if(parser: ArgumentParser, has: Callable[[Entry], bool], flag: str, **facts) -> None:
    """Adds an option; the help hides it if no system that the command line names `has` it."""
    if not concerns(parser, has):
        facts["help"] = SUPPRESS
    parser.add_argument(flag, **facts)


def add_for(parser: ArgumentParser, music: str, flag: str, **facts) -> None:
    """Adds an option of one kind of music."""
    add_if(parser, lambda entry: entry.music == music, flag, **facts)


def add_quantise(parser: ArgumentParser) -> None:
    """Adds `--quantise`."""
    add_for(
        parser, "phrases", "--quantise", choices=QUANTISE,
        help="quantise the new music to sixteenth notes: keep takes the first of the finer steps, "
        "any is on if one of them is on, majority if most are (default: the steps of the system)",
    )  # fmt: skip


def add_playing(parser: ArgumentParser, gap: int) -> None:
    """Adds the options for playing phrases or pieces one after the other, with this default gap."""
    add_for(
        parser, "phrases", "--tempo", type=real(4, 1000), metavar="BPM",
        help="beats a minute (default: 100)",
    )  # fmt: skip
    parser.add_argument(
        "--gap", type=integer(0, 64), default=gap, metavar="N",
        help=f"bars of silence after each phrase or piece (default: {gap})",
    )  # fmt: skip


def add_data(parser: ArgumentParser, use: str, several: bool = False) -> None:
    """Adds `--data`; `use` says what the music is for.

    It is one source or, with `several`, a list of sources.
    """
    parser.add_argument(
        "--data", nargs="+" if several else None, default=["demo"] if several else "demo",
        metavar="D",
        help=f"the music {use}: phrase shards, .npy, MIDI or LPD files, a folder or archive of "
        "them, demo or freedoom (default: demo)",
    )  # fmt: skip


def add_split(parser: ArgumentParser) -> None:
    """Adds `--split`."""
    parser.add_argument(
        "--split", choices=SPLITS, metavar="NAME",
        help="the split of the data that a system restores, accompanies or encodes: "
        f"{', '.join(SPLITS)} (default: test if the data have it, else all)",
    )  # fmt: skip


def add_pair(parser: ArgumentParser, what: str) -> None:
    """Adds `--tracks`, the names of two tracks; `what` says what they are for."""
    parser.add_argument(
        "--tracks", nargs=2, choices=TRACKS, metavar=("MELODY", "ACCOMPANIMENT"),
        help=f"the two tracks {what} (default: those of a system of two tracks, else piano "
        "strings)",
    )  # fmt: skip
