"""Trained systems as sources of music to measure: what they generate and what they restore."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from musegen import Error
from musegen.commands import calls
from musegen.commands.note_format import as_phrases
from musegen.data import Data, load
from musegen.data.piece_loading import load_pieces
from musegen.eval.tables.measure import evenly_spaced
from musegen.system import TrainedSystem


def opened(names: Sequence[str], verb: str = "evaluate") -> dict[str, TrainedSystem]:
    """The systems by the names that their rows bear: of a folder only the last part if it can.

    Args:
        verb: what each must be able to do.
    """
    names = list(dict.fromkeys(names))
    short = [Path(name).name or name for name in names]
    shown = short if len(set(short)) == len(names) else names
    return {label: calls.open_system(name, verb) for label, name in zip(shown, names, strict=True)}


def n_steps(systems: Mapping[str, TrainedSystem], asked: int | None) -> int | None:
    """Steps of a bar to measure everything with: those that the systems write."""
    written = {
        label: system.n_steps
        for label, system in systems.items()
        if system.entry.music == "phrases"
    }
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


def rows(
    systems: Mapping[str, TrainedSystem],
    held_out: Data,
    phrases: int | None = None,
    seed: int = 0,
    **options,
) -> tuple[list[Data], dict[str, Mapping[str, float]], list[str]]:
    """The music of every row of every system, and the figures that the systems know themselves.

    A system of notes is given the phrases as pieces, and its pieces are measured as phrases of the
    same layout, those that are in 4/4.

    Args:
        systems: the systems by the names of their rows.
        held_out: data of which phrases, evenly spaced, are restored or played to.
        phrases: number of phrases in each row; by default as many as the system's paper has.
        seed: seed of the systems.
        options: options of `evaluate`; a system is given those that it takes.

    Returns:
        Music named `SYSTEM ROW`, figures by the same names, and notes on what was left out.
    """
    music, values, notes = [], {}, []
    for label, system in systems.items():
        n = phrases or system.evaluated
        originals = evenly_spaced(held_out, n, f"read for {label}")
        if as_notes := system.entry.music == "notes":
            originals = load_pieces(originals)
        own = {k: value for k, value in options.items() if k in system.entry.can["evaluate"]}
        for row in system.evaluate(originals, n, seed, **own):
            name, made = f"{label} {row.name}", row.music
            if as_notes and made is not None:
                made, left_out = as_phrases(made, held_out.layout.n_steps, held_out.layout.n_bars)
                if left_out:
                    notes.append(f"{name}: {left_out:,} pieces are not in 4/4 and not measured")
            if made is not None:
                music.append(replace(load(made), name=name))
            if row.values:
                values[name] = row.values
    return music, values, notes
