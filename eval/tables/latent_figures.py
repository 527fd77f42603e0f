"""The figures of latent spaces, with their numbers as text and for files."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from musegen import plots
from musegen.commands.outputs import table
from musegen.eval.tables import latents
from musegen.eval.tables.latents import MOST, PAIRS, STEPS, Corpora, Lines
from musegen.eval.tables.segments import VALUES
from musegen.system import SegmentSystem

COLUMNS = ("at A", "halfway", "at B", "B itself", "largest rise", "largest step")


@dataclass(frozen=True)
class LatentFigure:
    """A figure of a latent space.

    Args:
        figure: the figure.
        about: its numbers in half a line.
        text: its numbers as a table.
        numbers: all numbers, for a file.
    """

    figure: Figure
    about: str
    text: str
    numbers: Mapping[str, Any]


def interpolation(
    systems: Mapping[str, SegmentSystem],
    corpora: Corpora,
    n: int = PAIRS,
    steps: int = STEPS,
    seed: int = 0,
    against: str = "data",
) -> LatentFigure:
    """Draws the distance from A of what systems decode on lines from A to B.

    The arguments are those of `latents.lines`; there is a curve for each system.
    """
    made = {
        label: latents.lines(system, corpora, n, steps, seed, against)
        for label, system in systems.items()
    }
    whole = {label: own.whole for label, own in made.items()}
    parts = {
        label: dict(zip(VALUES, np.moveaxis(own.distances, 2, 0), strict=True))
        for label, own in made.items()
    }
    from_what = "segment A" if against == "data" else "the reconstruction of A"
    figure = plots.interpolation(whole, f"Hamming distance from {from_what}", parts)
    about = ", ".join(f"{label} {_number(own.smoothness)}" for label, own in made.items())
    total = next(iter(made.values())).total
    names = " ".join(pieces.name for pieces in corpora.values())
    title = (
        f"Hamming distance from {from_what} on {n:,} lines of {steps} steps between two of "
        f"{total:,} segments of {names}; seed {seed}"
    )
    note = (
        "B itself: distance of the segments A and B; largest rise: of one step, as a share of the "
        f"rise from A to B; largest step: of a single line, as a share of all its steps, the mean "
        f"over the lines. Both are {1 / steps:g} on an even line and 1 where there is one jump"
    )
    numbers = {
        "pairs": n,
        "steps": steps,
        "against": against,
        "segments": total,
        "systems": {label: _described(own) for label, own in made.items()},
    }
    text = "\n".join([title, table(_rows(made), COLUMNS), textwrap.fill(note, 100)])
    return LatentFigure(figure, f"largest rise of one step: {about}", text, numbers)


def _rows(made: Mapping[str, Lines]) -> dict[str, list[str]]:
    """Returns a row for each system, and one for each value of its notes."""
    rows = {}
    for label, own in made.items():
        whole = own.whole.mean(axis=0)
        ends = _number(own.ends), _number(own.smoothness), _number(own.largest_steps)
        rows[label] = [*_along(whole), *ends]
        for k, name in enumerate(VALUES):
            line = own.distances[..., k].mean(axis=0)
            rows[f"{label}, {name}"] = [*_along(line), "", _number(latents.smoothness(line)), ""]
    return rows


def _along(line: np.ndarray) -> list[str]:
    return [f"{line[k]:.3f}" for k in (0, len(line) // 2, -1)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _described(own: Lines) -> dict[str, Any]:
    parts = {"all": own.whole} | {name: own.distances[..., k] for k, name in enumerate(VALUES)}
    return {
        "largest rise": own.smoothness,
        "largest step of single lines": own.largest_steps,
        "distance of A and B": own.ends,
        "mean": {name: values.mean(axis=0).tolist() for name, values in parts.items()},
        "std": {name: values.std(axis=0).tolist() for name, values in parts.items()},
    }


def corpora_map(
    label: str, system: SegmentSystem, corpora: Corpora, most: int = MOST, seed: int = 0
) -> LatentFigure:
    """Draws the codes of segments of several corpora on their first two principal components.

    Args:
        label: name of the system.
        system: a system that can `encode`.
        corpora: pieces by name.
        most: number of segments of each corpus.
        seed: seed of the parts of the songs that are held out for the classifier.
    """
    codes = latents.codes(system, corpora, most)
    shares = latents.separation(codes, seed)
    explained = plots.pca(codes.values)[1].tolist()
    mean, chance = sum(shares.values()) / len(shares), 1 / len(shares)
    about = f"nearest centroid right in {mean:.1%} of held-out segments, by chance {chance:.1%}"
    counts = {name: int((codes.corpus == name).sum()) for name in shares}
    songs = {name: len(np.unique(codes.song[codes.corpus == name])) for name in shares}
    rows = {
        name: [f"{counts[name]:,}", f"{songs[name]:,}", f"{share:.1%}"]
        for name, share in shares.items()
    }
    text = "\n".join(
        [
            f"{label}: codes of segments, not transposed; seed {seed}",
            table(rows, ("segments", "songs", "nearest centroid right")),
            f"{about}; whole songs are held out",
            f"share of the variance: PC 1 {explained[0]:.1%}, PC 2 {explained[1]:.1%}",
        ]
    )
    numbers = {
        "system": label,
        "segments": counts,
        "songs": songs,
        "explained": explained,
        "accuracy": shares,
        "mean accuracy": mean,
        "chance": chance,
    }
    return LatentFigure(plots.latent_map(codes.values, codes.corpus), about, text, numbers)
