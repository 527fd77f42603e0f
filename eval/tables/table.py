"""Printed tables of papers as data, and the suites that show them beside what is measured.

A `Table` holds what a paper prints, in the paper's own order and units; `Table.metrics` gives a row
as the reports do: `{code: {track or pair: value}}`, with EB, QN, PP, SR and DP in percent. None
stands where the paper prints nothing. Every table says its unit of analysis, and under which
definition of the metrics its figures were computed, for the papers' words and their code differ.
"""

from dataclasses import dataclass

from musegen.metrics import PERCENT

Columns = tuple[tuple[str, str], ...]  # (metric code, track or pair)

MUSE = ("paper", "v1", "v2", "v3")
DUET = ("duet_fixed", "duet")
MGEVAL = ("mgeval", "mgeval_fixed")


@dataclass(frozen=True)
class Table:
    """One table of a paper.

    Args:
        paper: the system's name as published.
        number: the table's number in the paper.
        title: what it shows.
        unit: what one measurement is taken over: bar, phrase or song; listeners in a user study.
        columns: `(metric code, track or pair)` of each column.
        rows: each row's name and printed values.
        reference: the row that the others want to come close to, if there is one.
        definition: the metric definition that made the figures.
        fractions: the table prints as fractions what the reports give in percent.
        unranked: rows that are shown but not compared with the reference.
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

    @property
    def name(self) -> str:
        return f"{self.paper} {self.number}"

    def metrics(self, row: str) -> dict[str, dict[str, float | None]]:
        """One row in the units of the reports."""
        metrics: dict[str, dict[str, float | None]] = {}
        for (code, part), value in zip(self.columns, self.rows[row], strict=True):
            if self.fractions and code in PERCENT and value is not None:
                value = round(100 * value, 6)
            metrics.setdefault(code, {})[part] = value
        return metrics


def columns_of(text: str) -> Columns:
    """`"EB: bass drums; DP: drums"` to `(("EB", "bass"), ("EB", "drums"), ("DP", "drums"))`."""
    groups = (group.split(":") for group in text.split(";"))
    return tuple((code.strip(), part) for code, parts in groups for part in parts.split())


def rows_of(text: str) -> dict[str, tuple[float | None, ...]]:
    """Lines of `name | value value ...`; a dash is None, a number without a point an integer."""
    rows = (line.split("|") for line in text.strip().splitlines())
    return {name.strip(): tuple(map(_number, values.split())) for name, values in rows}


def _number(text: str) -> float | None:
    if text == "-":
        return None
    return float(text) if "." in text else int(text)


@dataclass(frozen=True)
class Suite:
    """The tables of a paper.

    Args:
        choices: the definitions it can be shown in.
        default: those it is shown in unless one is chosen, that of the papers' words first.
        tables: the published ones, each shown with the columns that it was printed with.
        readings: columns and the printed table in another reading of it; shown only with the
            definition that made it.
        distances: whether each row ends in its mean distances to the data.
        n_steps: steps of a bar behind the published rows, where the metrics count steps.
    """

    choices: tuple[str, ...]
    default: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    readings: tuple[tuple[Columns, Table], ...] = ()
    distances: bool = False
    n_steps: int | None = None

    @property
    def printed(self) -> tuple[Table, ...]:
        """The published tables in all their readings."""
        return (*self.tables, *(table for _, table in self.readings))
