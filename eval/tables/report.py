"""Output of rows of metrics: as text for a terminal, Markdown, CSV and JSON."""

import csv
import io
import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path

from musegen.eval.tables.table import Columns
from musegen.files import cell, shown
from musegen.metrics import PERCENT

WIDTH = 120
LETTERS = {"bass": "B", "drums": "D", "guitar": "G", "piano": "P", "strings": "S"}
PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

Value = float | bool | None | list
Metrics = dict[str, dict[str, Value]]


@dataclass(frozen=True)
class Row:
    """The metrics of one set of phrases.

    Args:
        name: name of the set.
        kind: kind of the set: `"data"`, `"generated"` or `"paper"`.
        phrases: number of phrases that were measured, or None.
        metrics: values by code, then by track or pair; EB, QN, PP, SR and DP are in percent.
    """

    name: str
    kind: str
    phrases: int | None
    metrics: Metrics

    @property
    def label(self) -> str:
        name = shown(self.name)
        return name if self.phrases is None else f"{name} ({self.phrases:,})"


@dataclass(frozen=True)
class Report:
    """All rows under one definition, as JSON and CSV files hold them.

    Rows of the kind `"paper"` have the printed values, whatever the definition.
    """

    definition: str
    rows: list[Row]


@dataclass(frozen=True)
class Block:
    """Rows of a table that are compared with each other.

    Args:
        heading: line above the rows, which says where they come from.
        references: rows of the data; the others are compared with the first of them.
        candidates: rows of models, of which the closest to the data is marked.
    """

    heading: str
    references: list[Row]
    candidates: list[Row]

    @property
    def rows(self) -> list[Row]:
        return [*self.references, *self.candidates]

    def cells(self, column: tuple[str, str]) -> list[tuple[str, bool]]:
        """Returns each row's value as text, and whether it is the candidate closest to the data."""
        values = [_value(row, column) for row in self.rows]
        n = len(self.references)
        gaps = [
            math.inf if value is None or values[0] is None else abs(value - values[0])
            for value in values[n:]
        ]
        comparable = n > 0 and sum(map(math.isfinite, gaps)) > 1
        best = min(gaps) + 1e-9 if comparable else -1
        return [
            (_number(value), gap <= best)
            for value, gap in zip(values, [math.inf] * n + gaps, strict=True)
        ]


@dataclass(frozen=True)
class Grid:
    """One table as it is shown; all its values are computed by one definition."""

    title: str
    notes: list[str]
    columns: Columns
    blocks: list[Block]


@dataclass(frozen=True)
class Evaluation:
    """All that an evaluation shows and writes.

    Args:
        tables: the tables as they are shown.
        notes: notes below the tables.
        reports: all metrics, a report for each definition, for files.
        values: values that systems themselves compute, by the name of their row.
        pictures: content of each picture by its path.
    """

    tables: list[Grid]
    notes: list[str]
    reports: list[Report]
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    pictures: Mapping[Path, bytes] = field(default_factory=dict)


def clean(value: object) -> Value:
    """Converts numbers and arrays for JSON; undefined values become None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return [clean(item) for item in value]
    if value is None or isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None


def as_json(reports: Sequence[Report], values: Mapping[str, Mapping[str, float]] = {}) -> str:
    """Returns the first report as JSON, with those of further definitions under `"also"`.

    Args:
        reports: a report for each definition.
        values: values that systems themselves compute, by the name of their row.
    """
    first, *others = [asdict(report) for report in reports]
    if others:
        first["also"] = others
    if values:
        first["systems"] = {
            name: {key: clean(value) for key, value in row.items()} for name, row in values.items()
        }
    return json.dumps(first, indent=2, allow_nan=False) + "\n"


def as_csv(reports: Iterable[Report]) -> str:
    """Returns the reports as CSV, a line for each value; undefined values are empty."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["definition", "name", "kind", "phrases", "metric", "part", "value"])
    lines.writerows(
        [report.definition, cell(row.name), row.kind, row.phrases, code, part, _cell(value)]
        for report in reports
        for row in report.rows
        for code, parts in row.metrics.items()
        for part, value in parts.items()
    )
    return text.getvalue()


def _cell(value: Value) -> float | str | None:
    return json.dumps(value) if isinstance(value, list) else value


def as_text(grids: Sequence[Grid], footnotes: Sequence[str]) -> str:
    """Returns the tables as text for a terminal of 120 columns."""
    rows = (row for grid in grids for block in grid.blocks for row in block.rows)
    indent = max(len(row.label) for row in rows) + 4
    lines = [textwrap.fill(shown(note), WIDTH, subsequent_indent="  ") for note in footnotes]
    notes = "\n".join(lines)
    return "\n\n".join([*(_text(grid, indent) for grid in grids), notes]) + "\n"


def as_markdown(grids: Sequence[Grid], footnotes: Sequence[str]) -> str:
    """Returns the tables in Markdown, with the closest values in bold."""
    notes = "\n".join(f"- {shown(note)}" for note in footnotes)
    return "\n\n".join([*map(_markdown, grids), notes]) + "\n"


def _text(grid: Grid, indent: int) -> str:
    heads, labels = [], []
    for code, columns in groupby(grid.columns, key=lambda column: column[0]):
        group = [_label(part).rjust(max(5, len(_label(part)))) + " " for _, part in columns]
        width = len("".join(group))
        group[0] = "  " + " " * (len(_heading(code)) - width) + group[0]
        labels += group
        heads.append("  " + _heading(code).center(width))
    lines = [grid.title]
    lines += [textwrap.fill(f"  {note}", WIDTH, subsequent_indent="    ") for note in grid.notes]
    lines += [" " * indent + "".join(heads).rstrip(), " " * indent + "".join(labels).rstrip()]
    for block in grid.blocks:
        lines.append(f"{block.heading} ".ljust(indent + len("".join(labels)), "-"))
        columns = [
            [f"{text}{' *'[mark]}".rjust(len(label)) for text, mark in block.cells(column)]
            for column, label in zip(grid.columns, labels, strict=True)
        ]
        lines += [
            (f"  {row.label}".ljust(indent) + "".join(cells)).rstrip()
            for row, cells in zip(block.rows, zip(*columns, strict=True), strict=True)
        ]
    return "\n".join(lines)


def _markdown(grid: Grid) -> str:
    heads = [f"{_heading(code)} {_label(part)}" for code, part in grid.columns]
    lines = [f"### {grid.title}", "", *(f"{note}  " for note in grid.notes), ""]
    lines += ["| | " + " | ".join(heads) + " |", "|---|" + "--:|" * len(heads)]
    for block in grid.blocks:
        lines.append(f"| *{block.heading}* |" + " |" * len(heads))
        columns = [
            [f"**{text}**" if mark else text for text, mark in block.cells(column)]
            for column in grid.columns
        ]
        labels = [row.label.replace("|", "\\|") for row in block.rows]
        lines += [
            f"| {label} | " + " | ".join(cells) + " |"
            for label, cells in zip(labels, zip(*columns, strict=True), strict=True)
        ]
    return "\n".join(lines)


def _value(row: Row, column: tuple[str, str]) -> float | None:
    """Returns one value; the part `"mean"`, if the row lacks it, is the mean over its tracks."""
    code, part = column
    parts = row.metrics.get(code, {})
    if part != "mean" or part in parts:
        return None if isinstance(parts.get(part), list) else parts.get(part)
    known = [value for value in parts.values() if value is not None]
    return sum(known) / len(known) if known else None


def _number(value: float | bool | None) -> str:
    """Formats a value with three significant digits, as the papers do."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if 0 < abs(value) < 0.005:  # "0.00" would be read as zero
        return f"{value:.1g}" if abs(value) < 1e-4 else f"{value:.4f}"
    if isinstance(value, int) or abs(value) >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"


def _heading(code: str) -> str:
    return f"{code} %" if code in PERCENT else code


def _label(part: str) -> str:
    """Abbreviates the names of tracks and pairs of tracks to initials."""
    return "-".join(LETTERS.get(name, name) for name in part.split("-"))
