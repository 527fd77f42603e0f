"""What the commands and a system agree on.

`models/catalogue.py` has an `Entry` for each system. A command finds the entry by the system's
name, reads from it what the system can do, and calls the method of that name. A system that is
added needs its entry, a class that keeps to `TrainedSystem`, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

# Names in `musegen.commands.choices.CHOICES`; "packed" says that many phrases may come as bits.
Options = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A system as the catalogue lists it, known without Keras.

    Args:
        name: the name by which users call it.
        summary: half a line on what it is.
        module: the module with `networks(name, preset, n_steps)`, which gives its untrained
            networks and, of a whole system, `load(folder)`.
        presets: names of its settings, the default one first.
        paper: the package in `eval/papers` that has its tables and figures.
        music: what it makes, a name in `musegen.commands.formats.FORMATS`.
        can: what it can do, and the options that it takes for each. Without any it is a part of
            another system.
        n_steps: steps of its bars, where it is made for one number alone.
    """

    name: str
    summary: str
    module: str
    presets: tuple[str, ...]
    paper: str
    music: str = "phrases"
    can: Mapping[str, Options] = field(default_factory=dict)
    n_steps: int | None = None

    def networks(self, preset: str, n_steps: int) -> list:
        """The untrained networks of a preset, for bars of so many steps."""
        return import_module(self.module).networks(self.name, preset, n_steps)

    def load(self, folder: Path) -> "TrainedSystem":
        """The trained system that a folder holds."""
        return import_module(self.module).load(folder)


@dataclass(frozen=True)
class EvaluatedRow:
    """What an evaluation measures of a system.

    Args:
        name: what the row shows, such as "generated" or "restored".
        music: music to measure, in the system's own format; None where there is none.
        values: figures that the model alone knows, such as its loss or perplexity.
    """

    name: str
    music: Any = None
    values: Mapping[str, float] = field(default_factory=dict)


class TrainedSystem(Protocol):
    """A trained system. It also has the methods that its entry's `can` names.

    Attributes:
        entry: its entry in the catalogue.
        can: what it can do, as its entry says, less what this one has no networks for.
        preset: the name of its settings.
        n_bars, n_steps: bars of its phrases, and steps of a bar.
        preferred: options that the commands use unless the user gives others.
        given: the track that it must be given to play to, of one that accompanies.
        evaluated: how many phrases or pieces a row of its paper's tables is measured on.
    """

    entry: Entry
    can: Mapping[str, Options]
    preset: str
    n_bars: int
    n_steps: int
    given: str | None
    preferred: Mapping[str, Any]
    evaluated: int

    def save(self, folder: str | Path, half: bool = False) -> Path:
        """Writes the system into a folder, in half precision if asked."""

    def evaluate(self, data: Any, n: int, seed: int = 0, **options) -> list[EvaluatedRow]:
        """The rows of its paper's tables, of `n` examples each; `data` is held-out music."""
