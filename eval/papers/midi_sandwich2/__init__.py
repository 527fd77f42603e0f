"""The printed tables of MIDI-Sandwich2's paper."""

from dataclasses import replace

from musegen.eval.papers.musegan import MUSE
from musegen.eval.tables.table import Suite, Table, columns_of, rows_of

NAME = "midi-s2"
CITATION = (
    "X. Liang, J. Wu, J. Cao: MIDI-Sandwich2: RNN-based Hierarchical Multi-modal Fusion Generation "
    "VAE networks for multi-track symbolic music generation. 2019, arXiv:1909.03522"
)

# The header of this table is probably wrong: the code that computed the values prints the tracks in
# the order drums, piano, guitar, bass, strings. TABLE_1_CODE_ORDER names the columns in this order.
# It is not certain which one is right.
TABLE_1 = Table(
    paper="MIDI-Sandwich2",
    number="Table I",
    title="scale, pitch classes, drums",
    citation=CITATION,
    unit="whole set, pooled; 3,200 phrases of data, the models' number is not stated",
    definition="v3",
    reference="Dataset",
    columns=columns_of(
        "SR: bass drums guitar piano strings; UPC: bass guitar piano strings; DP: drums"
    ),
    rows=rows_of("""
Dataset                 | 60.4 72.1 71.7 46.1 71.4  15 75  41 82  94.4
MSG1, without refine    | 97.6 73.7 70.5 35.8 80.0  4  106 47 66  98.5
MSG2, generator         | 53.0 72.6 80.2 43.5 73.7  16 88  37 70  97.4
MSR, restore            | 55.9 71.6 72.5 50.3 77.3  14 72  48 78  97.6
"""),
)
TABLE_1_CODE_ORDER = replace(
    TABLE_1,
    paper="MIDI-Sandwich2 (columns in the code's order)",
    columns=columns_of(
        "SR: drums piano guitar bass strings; UPC: drums guitar bass strings; DP: drums"
    ),
)

TABLE_2 = Table(
    paper="MIDI-Sandwich2",
    number="Table II",
    title="user study, mean score of 1 to 5",
    citation=CITATION,
    unit="listener; 13 volunteers",
    columns=columns_of("score: rhythm melody integrity structure harmony melodic-motion average"),
    rows=rows_of("""
MuseGAN                 | 4.12 3.98 3.12 3.57 3.48 2.55 3.47
MidiNet                 | 3.89 3.29 2.68 3.14 2.96 2.18 3.02
no fusion               | 2.92 2.43 2.58 2.13 2.32 2.46 2.46
complete generation     | 3.82 3.14 3.38 2.65 3.27 2.12 3.05
complete restore        | 4.26 3.68 3.22 3.28 4.08 3.22 3.62
"""),
)

TABLES = (TABLE_1, TABLE_1_CODE_ORDER, TABLE_2)
# The columns of TABLE_1_CODE_ORDER, with the tracks in the usual order.
IN_CODE_ORDER = columns_of(
    "SR: bass drums guitar piano strings; UPC: bass drums guitar strings; DP: drums"
)
DEFINITIONS = ()
SUITE = Suite(
    MUSE,
    ("paper", "v3"),
    (TABLE_1,),
    ((IN_CODE_ORDER, TABLE_1_CODE_ORDER),),
    distances=True,
    n_steps=48,
)
