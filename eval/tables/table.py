"""The printed tables of papers as data, and the suites that show them beside measured rows.

A `Table` has the values that a paper prints, in its order and units; None is a value that it does
not print. `Table.metrics` returns a row in the form of the reports: `{code: {track or pair:
value}}`, with EB, QN, PP, SR and DP in percent. Every table states its unit of analysis and the
definition of the metrics by which its values were computed, as text and code of the papers differ.
"""

from dataclasses import dataclass

from musegen.metrics import PERCENT

Columns = tuple[tuple[str, str], ...]  # (metric code, track or pair)


@dataclass(frozen=True)
class Table:
    """One table of a paper.

    Args:
        paper: name of the system as published.
        number: number of the table in the paper.
        title: title of the table.
        citation: citation of the paper.
        unit: unit of analysis: bar, phrase or song; listener in a user study.
        columns: metric code and track or pair of each column.
        rows: printed values by the name of the row.
        reference: name of the row of the data, with which the others are compared.
        definition: name of the definition that computed the values.
        fractions: whether it prints fractions where the reports have percent.
        unranked: names of rows that are shown but not compared with the reference.
        computed: whether its values were computed from music that the authors published, and are
            not in the paper.
    """

    paper: str
    number: str
    title: str
    citation: str
    unit: str
    columns: Columns
    rows: dict[str, tuple[float | None, ...]]
    reference: str | None = None
    definition: str | None = None
    fractions: bool = False
    unranked: tuple[str, ...] = ()
    computed: bool = False

    @property
    def name(self) -> str:
        return f"{self.paper} {self.number}"

    def metrics(self, row: str) -> dict[str, dict[str, float | None]]:
        """Returns one row in the units of the reports."""
        metrics: dict[str, dict[str, float | None]] = {}
        for (code, part), value in zip(self.columns, self.rows[row], strict=True):
            if self.fractions and code in PERCENT and value is not None:
                value = round(100 * value, 6)
            metrics.setdefault(code, {})[part] = value
        return metrics


def columns_of(text: str) -> Columns:
    """Parses columns.

    Example:
        >>> columns_of("EB: bass drums; DP: drums")
        (('EB', 'bass'), ('EB', 'drums'), ('DP', 'drums'))
    """
    groups = (group.split(":") for group in text.split(";"))
    return tuple((code.strip(), part) for code, parts in groups for part in parts.split())


def rows_of(text: str) -> dict[str, tuple[float | None, ...]]:
    """Parses rows, lines `name | value value ...`, where a dash is None.

    A number without a decimal point is an integer.
    """
    rows = (line.split("|") for line in text.strip().splitlines())
    return {name.strip(): tuple(map(_number, values.split())) for name, values in rows}


def _number(text: str) -> float | None:
    if text == "-":
        return None
    return float(text) if "." in text else int(text)


@dataclass(frozen=True)
class Mark:
    """A statement of a paper: whether listeners score one row significantly higher than another.

    Args:
        better, worse: names of the two rows of its table.
        significant: whether the paper says so.
    """

    better: str
    worse: str
    significant: bool


@dataclass(frozen=True)
class Suite:
    """The tables of a paper.

    Args:
        choices: names of the definitions by which it can be shown.
        default: names of those by which it is shown by default, that of the paper's text first.
        tables: published tables.
        readings: published tables with other names of the columns, each with the columns to show;
            they are shown only with the definition that computed them.
        beside: tables computed from published music; each is shown as a block of the table of the
            same columns, by its definition.
        distances: whether each row ends in its mean distances to the data.
        n_steps: number of steps of a bar for which the rows were published.
        music: the kind of music that is measured, `"phrases"` or `"notes"`.
        marks: what the first table says about the significance of its scores.
        remarks: what a reader of the tables needs to know.
        module: name of the module that makes its tables and pictures, if there are no published
            ones: `grids(definition, rows)`, and `picture(data, music, definition, options)`.
    """

    choices: tuple[str, ...]
    default: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    readings: tuple[tuple[Columns, Table], ...] = ()
    beside: tuple[Table, ...] = ()
    distances: bool = False
    n_steps: int | None = None
    music: str = "phrases"
    marks: tuple[Mark, ...] = ()
    remarks: tuple[str, ...] = ()
    module: str | None = None

    @property
    def printed(self) -> tuple[Table, ...]:
        """The published tables, in all their readings, and those computed from published music."""
        return (*self.tables, *(table for _, table in self.readings), *self.beside)
