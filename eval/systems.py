"""Trained systems as sources of music to measure: what they generate and what they restore."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from musegen import Error, environment, registry
from musegen.data import Data, load
from musegen.eval.measuring import spread


def opened(names: Sequence[str], method: str = "evaluation_sets") -> dict[str, Any]:
    """The systems by the names that their rows bear: of a folder only the last part if it can.

    Args:
        method: what each must have.
    """
    environment.import_keras()
    names = list(dict.fromkeys(names))
    short = [Path(name).name or name for name in names]
    shown = short if len(set(short)) == len(names) else names
    systems = {label: registry.load(name) for label, name in zip(shown, names, strict=True)}
    for label, system in systems.items():
        if not hasattr(system, "evaluation_sets"):
            raise Error(f"{label}: is a part of a system; name a whole one")
        if not hasattr(system, method):
            raise Error(f"{label}: cannot {method}; name a system that can")
    return systems


def n_steps(systems: Mapping[str, Any], asked: int | None) -> int | None:
    """Steps of a bar to measure everything with: those that the systems write."""
    written = {label: system.n_steps for label, system in systems.items()}
    if asked:
        written["--steps"] = asked
    if len(set(written.values())) > 1:
        steps = ", ".join(f"{label} {n}" for label, n in written.items())
        raise Error(f"bars differ in steps ({steps}): measure systems of one kind, without --steps")
    return next(iter(written.values()), None)


def held_out(data: Data, split: str | None = None) -> Data:
    """The phrases to restore: of a split, by default of the test split if the data have one."""
    if split is None and "test" not in data.splits:
        return data
    return data.of(split or "test")


def sets(
    systems: Mapping[str, Any],
    held_out: Data,
    phrases: int | None = None,
    seed: int = 0,
    z_std: float | str | None = None,
) -> list[Data]:
    """Every row of every system, named `SYSTEM ROW`.

    Args:
        held_out: restored, or accompanied, are phrases of these, evenly spaced.
        phrases: in each row; by default as many as the system's paper has.
    """
    rows = []
    for label, system in systems.items():
        n = phrases or system.evaluation_phrases
        originals = spread(held_out, n, f"read for {label}")
        made = system.evaluation_sets(originals, n, seed, z_std)
        rows += [replace(load(music), name=f"{label} {row}") for row, music in made.items()]
    return rows
