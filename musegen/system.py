"""The interface between the commands and the systems.

`models/catalogue.py` has an `Entry` for each system. A command finds the entry by the system's
name, reads there what the system can do, and calls the method of that name. A new system needs an
entry and a class with the attributes and methods of `TrainedSystem`, and nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

# Names of options in `musegen.commands.choices.CHOICES`. "packed" means that the method can return
# many phrases as bits.
Options = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """The entry of a system in the catalogue, which needs no Keras.

    Args:
        name: name by which users call the system.
        summary: description of half a line.
        module: name of the module with `networks(name, preset, n_steps)`, which returns untrained
            networks, and, if it is not only a part of a system, `load(folder)`.
        presets: names of its settings, the default one first.
        music: format of its music, a name in `musegen.commands.formats.FORMATS`.
        can: names of the methods that commands may call, and the options of each; empty for a part
            of a system.
        n_steps: steps of its bars, if it has only one number of steps.
    """

    name: str
    summary: str
    module: str
    presets: tuple[str, ...]
    music: str = "phrases"
    can: Mapping[str, Options] = field(default_factory=dict)
    n_steps: int | None = None

    def networks(self, preset: str, n_steps: int) -> list:
        """Returns the untrained networks of a preset, for bars of `n_steps` steps."""
        return import_module(self.module).networks(self.name, preset, n_steps)

    def load(self, folder: Path) -> "TrainedSystem":
        """Loads the trained system of a folder."""
        return import_module(self.module).load(folder)


@dataclass(frozen=True)
class EvaluatedRow:
    """One row of an evaluation of a system.

    Args:
        name: name of the row, such as "generated" or "restored".
        music: music to measure, in the system's format, or None.
        values: figures that the model itself computes, such as its loss or perplexity.
    """

    name: str
    music: Any = None
    values: Mapping[str, float] = field(default_factory=dict)


class TrainedSystem(Protocol):
    """A trained system. It also has the methods that its `can` names.

    Attributes:
        entry: its entry in the catalogue.
        can: methods and options as in the entry, without those for which it has no networks.
        preset: name of its settings.
        n_bars, n_steps: number of bars of its phrases, and of steps of a bar.
        tracks: names of the tracks of its phrases; the others are silent. Empty for notes.
        given: name of the track that it accompanies, or None.
        preferred: values of options with which music is generated unless the user gives others.
        evaluated: number of phrases or pieces in a row of its paper's tables.
    """

    entry: Entry
    can: Mapping[str, Options]
    preset: str
    n_bars: int
    n_steps: int
    tracks: tuple[str, ...]
    given: str | None
    preferred: Mapping[str, Any]
    evaluated: int

    def save(self, folder: str | Path, half: bool = False) -> Path:
        """Writes the system into a folder; `half` writes the weights in half precision."""

    def evaluate(self, data: Any, n: int, seed: int = 0, **options) -> list[EvaluatedRow]:
        """Returns the rows of its paper's tables, `n` examples each; `data` is held-out music."""


class SegmentSystem(TrainedSystem, Protocol):
    """A trained system of notes that can `measure` how well it predicts segments of pieces.

    Segments are arrays of whole numbers `(k, notes, 3)`, one for dT, T and P of each note. `encode`
    and `decode` are there if `can` names `encode`.
    """

    def segments_of_songs(self, pieces: Iterable) -> "tuple[np.ndarray, np.ndarray, int]":
        """Returns all segments, the number of the song of each, and how many values are unknown."""

    def measure(self, numbers: "np.ndarray", seed: int = 0) -> Mapping[str, float]:
        """Returns cross-entropy and accuracy of the notes, each given the true notes before it."""

    def encode(self, numbers: "np.ndarray") -> "np.ndarray":
        """Returns a latent vector of each segment, without noise, `(k, H)`."""

    def decode(self, z: "np.ndarray", seed: int = 0, temperature: float = 0) -> "np.ndarray":
        """Returns the segments that latent vectors stand for."""
