"""The music of trained systems that is measured: what they generate, restore or accompany."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from musegen import Error
from musegen.commands import calls
from musegen.commands.note_format import as_phrases
from musegen.data import Data, load
from musegen.data.piece_loading import Pieces, load_pieces, short_names
from musegen.eval.tables.phrase_samples import evenly_spaced
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
        systems: systems by label; those of notes have no steps.
        option: number that the user gives; an `Error` is raised if it is another one.
    """
    written = {
        label: system.n_steps
        for label, system in systems.items()
        if system.entry.music == "phrases"
    }
    if option:
        written["--steps"] = option
    if len(set(written.values())) > 1:
        steps = ", ".join(f"{label} {n}" for label, n in written.items())
        raise Error(f"bars differ in steps ({steps}): measure systems of one kind, without --steps")
    return next(iter(written.values()), None)


def own_pair(systems: Iterable[TrainedSystem]) -> Sequence[str] | None:
    """Returns the tracks of the first system that has two, the melody first, or None."""
    return next((system.tracks for system in systems if len(system.tracks) == 2), None)


def of_pair(data: Data, pair: Sequence[str] | None) -> Data:
    """Returns melody and accompaniment of data with more tracks; without a pair all tracks."""
    return data if pair is None or len(data.layout.tracks) == 2 else data.of_tracks(pair)


def held_out(data: Data | Pieces, split: str | None = None) -> Data | Pieces:
    """Returns the music of a split; by default of the test split, or all if there is none."""
    if split is None and "test" not in data.splits:
        return data
    return data.of(split or "test")


def corpora(sources: Sequence[str], split: str | None = None) -> dict[str, Pieces]:
    """Opens several sources as pieces, of each those of a split as `held_out` does."""
    names = short_names(sources)
    return {
        name: held_out(load_pieces(source), split)
        for name, source in zip(names, sources, strict=True)
    }


def rows(
    systems: Mapping[str, TrainedSystem],
    held_out: Data,
    phrases: int | None = None,
    seed: int = 0,
    **options,
) -> tuple[list[Data], dict[str, Mapping[str, float]], list[str]]:
    """Makes the music of all rows of all systems.

    A system of notes is given the phrases as pieces, and its pieces are measured as phrases of the
    same layout, those that are in 4/4.

    Args:
        systems: systems by label.
        held_out: music from which phrases, evenly spaced, are restored or accompanied.
        phrases: number of phrases in each row; by default as in the system's paper.
        seed: seed of the systems.
        options: options of `evaluate`; each system receives those that it takes.

    Returns:
        The music, named `SYSTEM ROW`; the values that systems themselves compute, by the same
        names; and notes on what was not measured.
    """
    music, values, notes = [], {}, []
    for label, system in systems.items():
        n = phrases or system.evaluated
        originals = evenly_spaced(held_out, n, f"reading for {label}")
        if makes_notes := system.entry.music == "notes":
            originals = load_pieces(originals)
        taken = {k: value for k, value in options.items() if k in system.entry.can["evaluate"]}
        for row in system.evaluate(originals, n, seed, **taken):
            name, made = f"{label} {row.name}", row.music
            if makes_notes and made is not None:
                made, left_out = as_phrases(made, held_out.layout.n_steps, held_out.layout.n_bars)
                if left_out:
                    notes.append(f"{name}: {left_out:,} pieces are not in 4/4 and not measured")
            if made is not None:
                music.append(replace(load(made), name=name))
            if row.values:
                values[name] = row.values
    return music, values, notes
