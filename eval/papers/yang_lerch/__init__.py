"""Yang and Lerch's features and comparison of two sets; their paper has no table to show."""

from musegen.eval.tables.table import MGEVAL, Suite, Table

NAME = "mgeval"
TABLES: tuple[Table, ...] = ()
SUITE = Suite(MGEVAL, ("mgeval",))
