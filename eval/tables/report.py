"""Rows of metrics as tables: for the terminal, Markdown, CSV and JSON."""

import csv
import io
import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

from musegen.eval.tables.table import Columns
from musegen.files import cell, shown
from musegen.metrics import PERCENT

WIDTH = 120
LETTERS = {"bass": "B", "drums": "D", "guitar": "G", "piano": "P", "strings": "S"}

Value = float | None | list
Metrics = dict[str, dict[str, Value]]


@dataclass(frozen=True)
class Row:
    """The metrics of one set of phrases.

    Args:
        kind: `"data"`, `"generated"` or `"paper"`.
        phrases: how many were measured, or None.
        metrics: `{code: {track or pair: value}}`; EB, QN, PP, SR and DP are in percent.
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
    """All rows under one definition: what the JSON and CSV files hold.

    Rows of the kind `"paper"` hold what was printed, whatever the definition.
    """

    definition: str
    rows: list[Row]


@dataclass(frozen=True)
class Block:
    """Rows that are compared with each other.

    Args:
        heading: where they come from.
        given: rows of the data, the first of which is the one to come close to.
        rivals: the rows that are compared with it.
    """

    heading: str
    given: list[Row]
    rivals: list[Row]

    @property
    def rows(self) -> list[Row]:
        return [*self.given, *self.rivals]

    def cells(self, column: tuple[str, str]) -> list[tuple[str, bool]]:
        """Each row's value as text, and whether it is the rival closest to the data."""
        values = [_value(row, column) for row in self.rows]
        n = len(self.given)
        gaps = [
            math.inf if value is None or values[0] is None else abs(value - values[0])
            for value in values[n:]
        ]
        contest = n > 0 and sum(map(math.isfinite, gaps)) > 1
        best = min(gaps) + 1e-9 if contest else -1
        return [
            (_number(value), gap <= best)
            for value, gap in zip(values, [math.inf] * n + gaps, strict=True)
        ]


@dataclass(frozen=True)
class Grid:
    """One table as it is shown; all its figures are of one definition."""

    title: str
    notes: list[str]
    columns: Columns
    blocks: list[Block]


def clean(value: object) -> Value:
    """Numbers and arrays as JSON knows them: what is undefined becomes None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return [clean(item) for item in value]
    if value is None or isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None


def as_json(reports: Sequence[Report], values: Mapping[str, Mapping[str, float]] = {}) -> str:
    """The first report, and under `"also"` those of further definitions.

    Args:
        values: figures that systems know of themselves, by the name of their row.
    """
    first, *others = [asdict(report) for report in reports]
    if others:
        first["also"] = others
    if values:
        first["systems"] = {
            name: {key: clean(value) for key, value in own.items()} for name, own in values.items()
        }
    return json.dumps(first, indent=2, allow_nan=False) + "\n"


def as_csv(reports: Iterable[Report]) -> str:
    """One line a value; an undefined value is empty."""
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
    """Tables for a terminal of 120 columns."""
    rows = (row for grid in grids for block in grid.blocks for row in block.rows)
    indent = max(len(row.label) for row in rows) + 4
    lines = [textwrap.fill(shown(note), WIDTH, subsequent_indent="  ") for note in footnotes]
    notes = "\n".join(lines)
    return "\n\n".join([*(_text(grid, indent) for grid in grids), notes]) + "\n"


def as_markdown(grids: Sequence[Grid], footnotes: Sequence[str]) -> str:
    """The same tables in Markdown, the closest values in bold."""
    notes = "\n".join(f"- {shown(note)}" for note in footnotes)
    return "\n\n".join([*map(_markdown, grids), notes]) + "\n"


def _text(grid: Grid, indent: int) -> str:
    heads, labels = [], []
    for code, columns in groupby(grid.columns, key=lambda column: column[0]):
        group = [_label(part).rjust(max(5, len(_label(part)))) + " " for _, part in columns]
        room = len("".join(group))
        group[0] = "  " + " " * (len(_heading(code)) - room) + group[0]
        labels += group
        heads.append("  " + _heading(code).center(room))
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
    """One cell; the part `"mean"` is, unless the row has it, the mean over the row's tracks."""
    code, part = column
    parts = row.metrics.get(code, {})
    if part != "mean" or part in parts:
        return None if isinstance(parts.get(part), list) else parts.get(part)
    known = [value for value in parts.values() if value is not None]
    return sum(known) / len(known) if known else None


def _number(value: float | None) -> str:
    """Three significant digits, as the papers print."""
    if value is None:
        return "-"
    if isinstance(value, int) or abs(value) >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"


def _heading(code: str) -> str:
    return f"{code} %" if code in PERCENT else code


def _label(part: str) -> str:
    """Tracks and pairs of tracks by their initials."""
    return "-".join(LETTERS.get(name, name) for name in part.split("-"))
