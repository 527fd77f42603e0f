"""Options that several commands share, and the types of their values."""

import fnmatch
import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from musegen import registry

if TYPE_CHECKING:
    import numpy as np


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


def spread(word: str) -> float | str:
    """A type of argument: a number that is no less than 0, or `fit`."""
    return word if word == "fit" else real(0, 1000)(word)


BINARISATIONS = ("threshold", "monophonic", "bernoulli")
QUANTISE = ("keep", "any", "majority")
SIXTEENTHS = 16  # of a bar
SEED = whole(0, 2**32 - 1)


def system_help(like: str = "*") -> str:
    """Help of the argument that names a system, with those that are there, of a pattern."""
    there = ", ".join(fnmatch.filter(registry.pretrained(), like))
    return f"a trained system: {there + ', or ' if there else ''}the folder of one"


def add_seed(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=SEED, default=0, metavar="N",
        help="equal seeds give equal music (default: 0)",
    )  # fmt: skip


def add_z_std(parser: ArgumentParser, fit: bool = True) -> None:
    """The option `--z-std`; `fit` says whether any system of the command has measured latents."""
    measured = (
        ", or fit: mean and covariance as measured over the training music (default: fit, or where "
        "nothing was measured the number of the system's preset)"
    )
    parser.add_argument(
        "--z-std", type=spread if fit else real(0, 1000), metavar="X",
        help="standard deviation of the random latent vectors"
        + (measured if fit else " (default: as the system's preset has it)"),
    )  # fmt: skip


def add_refine(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--no-refine", action="store_true", help="leave out the refine networks at the end"
    )


def add_fusion(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--no-fusion", action="store_true",
        help="each track by its own network alone, without the one that joins them",
    )  # fmt: skip


def add_binarisation(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--binarisation", choices=BINARISATIONS,
        help="how real numbers become notes: threshold, what is above it; monophonic, the same, "
        "but of the bass one pitch at a time; bernoulli, at random (default: as the system's "
        "preset has it)",
    )  # fmt: skip


def add_quantise(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--quantise", choices=QUANTISE,
        help="new music in steps of a sixteenth note: keep the first of the finer steps in each, "
        "or turn it on where any or the majority of them is (default: as finely as the system "
        "plays)",
    )  # fmt: skip


def quantised(phrases: "np.ndarray", rule: str | None) -> "np.ndarray":
    """Phrases of a step for each sixteenth note, by the rule of `--quantise` if one is given."""
    from musegen.phrases import resample

    return resample(phrases, SIXTEENTHS, rule) if rule else phrases


def chosen(args: Namespace) -> dict[str, Any]:
    """Which of the choices above that a system has were made, named as its methods name them."""
    options = {name: getattr(args, name, None) for name in ("z_std", "binarisation")}
    for name in ("refine", "fusion"):
        options[name] = False if getattr(args, f"no_{name}", False) else None
    return {name: value for name, value in options.items() if value is not None}


def add_playing(parser: ArgumentParser, gap: int) -> None:
    """How phrases are played one after the other."""
    parser.add_argument(
        "--tempo", type=real(4, 1000), default=100, metavar="BPM",
        help="beats a minute (default: 100)",
    )  # fmt: skip
    parser.add_argument(
        "--gap", type=whole(0, 64), default=gap, metavar="N",
        help=f"bars of silence after each phrase (default: {gap})",
    )  # fmt: skip
