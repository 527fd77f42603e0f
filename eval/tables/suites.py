"""The tables that a report shows, with the published rows beside the measured ones.

A suite is the tables of a paper. Each table is shown twice: by the definition of the metrics in the
text of the paper, and by the definition in its code. Published values are shown only with the
definition that computed them, or in a table of their own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module

from musegen import Error
from musegen.eval import papers
from musegen.eval.tables.report import LETTERS, Block, Grid, Row
from musegen.eval.tables.table import Columns, Table

DISTANCE = "distance"
DEFAULT = "musegan"
PAPERS = papers.found()
SUITES = {paper.NAME: paper.SUITE for paper in PAPERS}
DEFINITIONS = {own.name: own for paper in PAPERS for own in paper.DEFINITIONS}
CODES = {code: text for own in DEFINITIONS.values() for code, text in own.codes.items()}
CODES[DISTANCE] = "mean absolute difference from the first row"


def choose(suites: Sequence[str] | None, definition: str | None) -> dict[str, tuple[str, ...]]:
    """Returns the suites to show, and the definitions by which each is shown.

    Args:
        suites: names of the suites; by default musegan, or the first that has the definition.
        definition: name of the only definition; by default the suite's own ones.
    """
    if not suites:
        having = [name for name in (DEFAULT, *SUITES) if definition in SUITES[name].choices]
        suites = having[:1] or [DEFAULT]
    of_notes = [name for name in suites if SUITES[name].music == "notes"]
    if of_notes and len(set(suites)) > 1:
        raise Error(f"suite {of_notes[0]}: measures notes; show it without other suites")
    for name in suites:
        if definition and definition not in SUITES[name].choices:
            choices = ", ".join(SUITES[name].choices)
            raise Error(f"suite {name} has no definition {definition}; choose {choices}")
    return {name: (definition,) if definition else SUITES[name].default for name in suites}


def music(suites: Iterable[str]) -> str:
    """Returns the kind of music that some suites measure, `"phrases"` or `"notes"`."""
    return SUITES[next(iter(suites))].music


def printed(suites: Sequence[str]) -> list[Row]:
    """Returns the published rows of some suites; rows of the same name are joined."""
    rows: dict[str, Row] = {}
    for table in (table for name in suites for table in SUITES[name].printed):
        for name in table.rows:
            of = table.name if table.computed else table.paper
            row = Row(f"{of}: {name}", "paper", None, {})
            rows.setdefault(row.name, row).metrics.update(table.metrics(name))
    return list(rows.values())


def grids(suite: str, rows: dict[str, list[Row]]) -> list[Grid]:
    """Makes the tables of a suite.

    Args:
        suite: name of the suite.
        rows: measured rows by definition.
    """
    if module := SUITES[suite].module:
        return [grid for name in rows for grid in import_module(module).grids(name, rows[name])]
    distances = SUITES[suite].distances
    shown = []
    for table in SUITES[suite].tables:
        codes = {code for code, _ in table.columns}
        measured = [name for name in rows if any(codes & row.metrics.keys() for row in rows[name])]
        for name in measured:
            grid = _grid(table, table.columns, name, rows[name], distances)
            grid.blocks.extend(
                published(other)
                for other in SUITES[suite].beside
                if (other.columns, other.definition) == (table.columns, name)
            )
            shown.append(grid)
        if table.definition not in rows:
            shown.append(_grid(table, table.columns, None, [], distances))
    for columns, table in SUITES[suite].readings:
        if (name := table.definition) in rows:
            shown.append(_grid(table, columns, name, rows[name], distances))
    return shown


def _grid(
    table: Table, columns: Columns, definition: str | None, rows: list[Row], distances: bool
) -> Grid:
    """Makes a table of the rows that were measured by one definition.

    The printed rows follow if they were computed by the same definition.

    Args:
        table: printed table.
        columns: columns to show.
        definition: name of the definition; None for the printed rows alone.
        rows: measured rows.
        distances: whether each row ends in its distances to the data.
    """
    title = f"{table.name}: {table.title}, "
    title += f"by definition {definition}" if definition else "as printed"
    notes = DEFINITIONS[definition].notes() if definition else []
    blocks = [_measured(rows, columns)] if definition else []
    if definition in (table.definition, None):
        if table.computed:
            notes.append(f"rows of published music: {table.unit}")
        else:
            rule = f"computed by definition {table.definition}"
            notes.append(f"printed rows: unit {table.unit}; {rule}")
        blocks.append(published(table))
    if distances:
        blocks = [_with_distances(block, columns) for block in blocks]
        columns += tuple((DISTANCE, code) for code in dict.fromkeys(code for code, _ in columns))
    return Grid(title, notes, columns, blocks)


def _with_distances(block: Block, columns: Columns) -> Block:
    """Adds to each row, for each metric, its mean distance to the first row over the columns."""
    reference = block.references[0].metrics

    def with_distances(row: Row) -> Row:
        all_gaps: dict[str, list[float | None]] = {}
        for code, part in columns:
            goal, value = reference[code].get(part), row.metrics[code].get(part)
            if goal is not None:
                all_gaps.setdefault(code, []).append(None if value is None else abs(value - goal))
        means = {
            code: None if None in gaps else sum(gaps) / len(gaps) for code, gaps in all_gaps.items()
        }
        return replace(row, metrics=row.metrics | {DISTANCE: means})

    return replace(
        block,
        references=list(map(with_distances, block.references)),
        candidates=list(map(with_distances, block.candidates)),
    )


def footnotes(grids: Sequence[Grid], suites: Sequence[str]) -> list[str]:
    """Returns the meaning of signs, letters and codes in tables, and the cited papers."""
    tables = [table for name in suites for table in SUITES[name].printed]
    if not tables:
        return []
    codes = dict.fromkeys(code for grid in grids for code, _ in grid.columns)
    letters = ", ".join(f"{letter} {name}" for name, letter in LETTERS.items())
    return [
        "marked: the generated set closest to the data (first row), and the printed model closest "
        "to the printed data",
        "; ".join(f"{code} {CODES[code]}" for code in codes if code in CODES),
        f"{letters}; - undefined or not printed",
        *dict.fromkeys(table.citation for table in tables),
    ]


def _measured(rows: list[Row], columns: Columns) -> Block:
    codes = {code for code, _ in columns}
    rows = [row for row in rows if codes & row.metrics.keys()]
    return Block(
        "measured",
        [row for row in rows if row.kind == "data"],
        [row for row in rows if row.kind == "generated"],
    )


def published(table: Table) -> Block:
    """Returns the published rows of a table as a block."""
    rows = {name: Row(name, "paper", None, table.metrics(name)) for name in table.rows}
    references = [rows.pop(name) for name in (table.reference, *table.unranked)]
    heading = f"computed from {table.name}" if table.computed else f"printed in {table.name}"
    return Block(heading, references, list(rows.values()))
