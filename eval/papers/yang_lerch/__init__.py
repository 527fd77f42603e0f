"""Yang and Lerch: features of a track, and how alike two sets are by them."""

from musegen.eval.tables.table import MGEVAL, Suite, Table

NAME = "mgeval"
TABLES: tuple[Table, ...] = ()
SUITE = Suite(MGEVAL, ("mgeval",))
