"""Checks the marks of significance in a paper's user study, from its printed means and deviations.

The paper must say how many answers a mean is of. Where it can be read in two ways, both are tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from musegen.eval.tables.report import Block, Grid, Row
from musegen.eval.tables.table import Mark, Table

ANSWERS = (85, 255)  # for each row; or for each row and each of three corpora
ALPHA = 0.01


@dataclass(frozen=True)
class Tested:
    """One mark, tested by a one-sided t-test.

    Args:
        mark: what the paper says.
        n: number of answers behind each mean.
        t: statistic.
        p: probability of a difference so large or larger if both rows were equally good.
        agrees: whether the test gives what the paper says.
    """

    mark: Mark
    n: int
    t: float
    p: float
    agrees: bool


def checked(table: Table, marks: Sequence[Mark], n: int, alpha: float = ALPHA) -> list[Tested]:
    """Tests the marks of a table, whose columns have the mean and the std of `score`."""
    from scipy.stats import ttest_ind_from_stats

    found = []
    for mark in marks:
        a, b = (table.metrics(row)["score"] for row in (mark.better, mark.worse))
        result = ttest_ind_from_stats(
            a["mean"], a["std"], n, b["mean"], b["std"], n, alternative="greater"
        )
        t, p = float(result.statistic), float(result.pvalue)
        found.append(Tested(mark, n, t, p, (p < alpha) == mark.significant))
    return found


def rows(table: Table, marks: Sequence[Mark], answers: Sequence[int] = ANSWERS) -> list[Row]:
    """Returns a row for each mark: what is printed, and the test for each number of answers."""
    by_n = {n: checked(table, marks, n) for n in answers}
    return [
        Row(
            f"{mark.better} > {mark.worse}",
            "paper",
            None,
            {"printed": {"significant": mark.significant}}
            | {
                f"{n} answers": {"t": own[i].t, "p": own[i].p, "agrees": own[i].agrees}
                for n, own in by_n.items()
            },
        )
        for i, mark in enumerate(marks)
    ]


def grid(table: Table, marks: Sequence[Mark]) -> Grid:
    """Makes a table of the marks, those with which the test agrees and those with which not."""
    tests = rows(table, marks)
    columns = tuple((code, part) for code, parts in tests[0].metrics.items() for part in parts)
    title = f"{table.name}: is the score of one row higher than that of another?"
    notes = [
        f"t, p: one-sided t-test from the printed means and deviations; agrees: whether p < "
        f"{ALPHA} is what the paper says",
        "answers: the paper says 85, for each row or for each row and corpus",
    ]
    return Grid(title, notes, columns, [Block(f"printed in {table.name}", [], tests)])
