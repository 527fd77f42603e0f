"""What a definition of metrics is: one way to compute them, that of a paper's text or of its code.

Papers define the same metrics differently, and some of them differently in text and code. A package
of `musegen.eval.papers` names its own definitions in DEFINITIONS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musegen.data import Data
    from musegen.eval.tables.report import Row


@dataclass(frozen=True)
class MeasuringOptions:
    """The options of measuring; each definition takes some of them.

    Args:
        track: name of the track of Yang and Lerch's features.
        tracks: names of melody and accompaniment, if they are not those of the definition.
        visit: steps that the definition `"duet"` visits; see `musegen.metrics.duet`.
    """

    track: str = "piano"
    tracks: Sequence[str] | None = None
    visit: int = 1


@dataclass(frozen=True)
class Definition:
    """One way to compute metrics.

    The module that measures has two functions: `rows(data, generated, definition, options)` returns
    a row for each set, in percent where the papers print percent; `remarks(definitions, sets,
    options)` returns what a reader of the tables needs to know.

    Args:
        name: name in commands.
        meaning: what it computes, for a note of its tables.
        unit: what a metric is computed on, before the mean over the set.
        module: name of the module that measures; it is imported when it is needed.
        codes: the codes of its metrics with their meanings.
        takes: names of the `MeasuringOptions` that change what is measured.
    """

    name: str
    meaning: str
    unit: str
    module: str
    codes: Mapping[str, str] = field(default_factory=dict)
    takes: tuple[str, ...] = ()

    def rows(
        self, data: "Data", generated: "Sequence[Data]", options: MeasuringOptions
    ) -> "list[Row]":
        """Measures the data and each generated set."""
        return import_module(self.module).rows(data, generated, self.name, options)

    def notes(self, unit: str | None = None) -> list[str]:
        """Returns the notes of a table; `unit` is another unit than its own."""
        return [
            f"{self.name}: {self.meaning}",
            f"measured rows: unit {unit or self.unit}; in brackets the size of the set",
        ]
