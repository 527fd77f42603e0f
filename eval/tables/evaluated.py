"""The music of trained systems that is measured: what they generate, restore or accompany."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from musegen import Error
from musegen.commands import calls
from musegen.data import Data, load
from musegen.eval.tables.measure import evenly_spaced
from musegen.system import TrainedSystem


def opened(names: Sequence[str], verb: str = "evaluate") -> dict[str, TrainedSystem]:
    """Loads systems.

    Args:
        names: names or folders of the systems.
        verb: name of a method that each must have.

    Returns:
        The systems by their labels in the tables: the last parts of folders, if these differ.
    """
    names = list(dict.fromkeys(names))
    short = [Path(name).name or name for name in names]
    labels = short if len(set(short)) == len(names) else names
    return {label: calls.open_system(name, verb) for label, name in zip(labels, names, strict=True)}


def n_steps(systems: Mapping[str, TrainedSystem], option: int | None) -> int | None:
    """Returns the number of steps of the systems' bars, in which all music is measured.

    Args:
        systems: systems by label.
        option: number that the user gives; an `Error` is raised if it is another one.
    """
    written = {label: system.n_steps for label, system in systems.items()}
    if option:
        written["--steps"] = option
    if len(set(written.values())) > 1:
        steps = ", ".join(f"{label} {n}" for label, n in written.items())
        raise Error(f"bars differ in steps ({steps}): measure systems of one kind, without --steps")
    return next(iter(written.values()), None)


def held_out(data: Data, split: str | None = None) -> Data:
    """Returns the phrases of a split; by default of the test split, or all if there is none."""
    if split is None and "test" not in data.splits:
        return data
    return data.of(split or "test")


def rows(
    systems: Mapping[str, TrainedSystem],
    held_out: Data,
    phrases: int | None = None,
    seed: int = 0,
    **options,
) -> tuple[list[Data], dict[str, Mapping[str, float]]]:
    """Makes the music of all rows of all systems.

    Args:
        systems: systems by label.
        held_out: music from which phrases, evenly spaced, are restored or accompanied.
        phrases: number of phrases in each row; by default as in the system's paper.
        seed: seed of the systems.
        options: options of the systems' `evaluate`.

    Returns:
        The music, named `SYSTEM ROW`, and the values that systems themselves compute, by the same
        names.
    """
    music, values = [], {}
    for label, system in systems.items():
        n = phrases or system.evaluated
        originals = evenly_spaced(held_out, n, f"reading for {label}")
        for row in system.evaluate(originals, n, seed, **options):
            name = f"{label} {row.name}"
            if row.music is not None:
                music.append(replace(load(row.music), name=name))
            if row.values:
                values[name] = row.values
    return music, values
