"""The printed table of the melody VAE's paper, and what its numbers mean."""

from musegen.eval.tables.table import Mark, Suite, Table, columns_of, rows_of

NAME = "mvae"
CITATION = (
    "Y.-A. Wang, Y.-K. Huang, T.-C. Lin, S.-Y. Su, Y.-N. Chen: Modeling Melodic Feature Dependency "
    "with Modularized Variational Auto-Encoder. ICASSP 2019, arXiv:1811.00162"
)

TABLE_1 = Table(
    paper="MVAE",
    number="Table 1",
    title="reconstruction, KL divergence, human score",
    citation=CITATION,
    unit="segment of 100 notes, in nats (Rec., KL); listener, from 1, machine, to 6, human (score; "
    "85 answers for each row)",
    definition="segments",
    reference="real data",
    columns=columns_of("Rec.: segment; KL: segment; score: mean std"),
    rows=rows_of("""
BachProp                  | 240.16 -      3.51 1.61
modularized autoencoder   | 20.79  -      2.77 1.65
without note unrolling    | 85.88  264.00 3.22 1.73
with note unrolling       | 73.19  30.37  4.24 1.54
real data                 | -      -      4.34 1.55
"""),
)
TABLES = (TABLE_1,)

# The daggers of the table, by a one-sided t-test with alpha 0.01. The last pair has no mark: the
# text says that the system is nearly as good as real music.
MARKS = (
    Mark("with note unrolling", "BachProp", True),
    Mark("with note unrolling", "modularized autoencoder", True),
    Mark("with note unrolling", "without note unrolling", True),
    Mark("without note unrolling", "modularized autoencoder", True),
    Mark("without note unrolling", "BachProp", True),
    Mark("real data", "with note unrolling", False),
)
BATCH = 128  # segments over which the original code sums the KL divergence
REMARKS = (
    "the paper does not say on which data Rec. and KL were measured; its code logs means over the "
    "training data",
    "printed KL, first reading: nats a segment, as in our rows; 30.37 and 264.00 are then much "
    "information in z",
    f"printed KL, second reading: the sum over a batch of {BATCH}, which the original code logs; a "
    "segment then has 0.24 and 2.06 nats, hardly any information, and the printed Rec. contains "
    "0.30 and 2.64 of KL. Neither reading explains all printed numbers",
)
DEFINITIONS = ()
SUITE = Suite(
    ("segments",),
    ("segments",),
    (TABLE_1,),
    music="notes",
    marks=MARKS,
    remarks=(*REMARKS, CITATION),
)
