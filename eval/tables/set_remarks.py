"""Remarks about the sets of music in a report, which a reader of its tables needs."""

from collections.abc import Mapping, Sequence
from importlib import import_module

from musegen.data import Data
from musegen.eval.tables.definition import MeasuringOptions
from musegen.eval.tables.suites import DEFINITIONS, SUITES


def remarks(
    sets: Sequence[Data], shown: Mapping[str, Sequence[str]], options: MeasuringOptions
) -> list[str]:
    """Returns all remarks.

    Args:
        sets: the sets that are measured, the data first.
        shown: definitions that are shown, by suite.
        options: options of measuring.
    """
    modules: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for names in shown.values() for name in names):
        modules.setdefault(DEFINITIONS[name].module, []).append(name)
    made = []
    for module, names in modules.items():
        made += import_module(module).remarks(names, sets, options)
    for suite in shown:
        n = SUITES[suite].n_steps
        if n and sets[0].layout.n_steps != n:
            made.append(
                f"suite {suite}: the printed rows are for bars of {n} steps; use --steps {n} to "
                "compare with them"
            )
    steps = {music.name: music.layout.n_steps for music in sets}
    if len(set(steps.values())) > 1:
        bars = ", ".join(f"{name} of {n}" for name, n in steps.items())
        made.append(f"bars differ in steps ({bars}): metrics that count steps do not compare")
    return list(dict.fromkeys(made))
