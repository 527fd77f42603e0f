"""The printed tables of the DuetHLSTM report."""

from musegen.eval.tables.table import DUET, Suite, Table, columns_of, rows_of

NAME = "duet"
CITATION = (
    "J. Huang, M. Ji, D. Martin: DuetHLSTM: A Hierarchical LSTM Model for Two-Track Music "
    "Generation. 10-707 class project, Carnegie Mellon University, 2019"
)


TABLE_1 = Table(
    paper="DuetHLSTM",
    number="Table 1",
    title="pitches, range, lengths",
    citation=CITATION,
    unit="whole set; 200 bars as the report says, 80 as the code runs",
    definition="duet",
    reference="Lakh",
    columns=columns_of("PC: both; PR: both; NC: both"),
    rows=rows_of("""
Lakh                    | 56 65 12
MuseGAN                 | 16 29 7
DuetHLSTM               | 76 80 12
"""),
)

TABLE_2 = Table(
    paper="DuetHLSTM",
    number="Table 2",
    title="user study, mean score of 1 to 5",
    citation=CITATION,
    unit="listener; 13 students",
    columns=columns_of("score: harmony structure realism"),
    rows=rows_of("""
MuseGAN                 | 2.23 2.23 2.08
DuetHLSTM               | 3.61 3.46 3.54
"""),
)

TABLES = (TABLE_1, TABLE_2)
SUITE = Suite(DUET, DUET, (TABLE_1,))
