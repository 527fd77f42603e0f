"""The printed tables of the DuetHLSTM report, and what its published samples are like.

The authors published 1,000 generated phrases of several epochs as MIDI. The tables with `computed`
hold what was measured on them and on 50 phrases of the Lakh Pianoroll Dataset (LPD), which the
report does not print. The number of an epoch is that in the name of the file; it may count from 0.
"""

from musegen.eval.tables.definition import Definition
from musegen.eval.tables.table import Suite, Table, columns_of, rows_of

NAME = "duet"
CITATION = (
    "J. Huang, M. Ji, D. Martin: DuetHLSTM: A Hierarchical LSTM Model for Two-Track Music "
    "Generation. 10-707 class project, Carnegie Mellon University, 2019"
)
SAMPLES = "published samples"

TABLE_1 = Table(
    paper="DuetHLSTM",
    number="Table 1",
    title="pitches, range, lengths",
    citation=CITATION,
    unit="whole set; that of DuetHLSTM is 80 bars of epoch 40, its first 20 phrases, where the "
    "report says 200 bars",
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

SAMPLES_80 = Table(
    paper="DuetHLSTM's",
    number=f"{SAMPLES}, 80 bars",
    title="pitches, range, lengths",
    citation=CITATION,
    unit="whole set of 20 phrases; three rows are of 50 such sets",
    definition="duet",
    computed=True,
    reference="LPD, piano and strings",
    columns=TABLE_1.columns,
    rows=rows_of("""
LPD, piano and strings  | 54 62 12
epoch 1                 | 47 52 12
epoch 10                | 69 78 12
epoch 13                | 47 67 12
epoch 20                | 50 52 12
epoch 30                | 48 53 12
epoch 40                | 76 80 12
epoch 40, minimum       | 44 50 -
epoch 40, median        | 65 75 -
epoch 40, maximum       | 84 83 -
"""),
    unranked=(
        *(f"epoch {n}" for n in (1, 10, 13, 20, 30, 40)),
        *(f"epoch 40, {name}" for name in ("minimum", "median", "maximum")),
    ),
)

SAMPLES_200 = Table(
    paper="DuetHLSTM's",
    number=f"{SAMPLES}, 200 bars",
    title="pitches, range",
    citation=CITATION,
    unit="whole set of 50 phrases",
    definition="duet_fixed",
    computed=True,
    reference="LPD, piano and strings",
    columns=TABLE_1.columns,
    rows=rows_of("""
LPD, piano and strings  | 68 69 -
epoch 1                 | 56 63 -
epoch 10                | 72 78 -
epoch 13                | 58 67 -
epoch 20                | 54 54 -
epoch 30                | 78 81 -
epoch 40                | 76 80 -
"""),
    unranked=tuple(f"epoch {n}" for n in (1, 10, 13, 20, 30, 40)),
)

CLAIMED = Table(
    paper="DuetHLSTM's",
    number=SAMPLES,
    title="what the report claims in words",
    citation=CITATION,
    unit="1,000 phrases of an epoch without the given half bar; 50 phrases of LPD; the given half "
    "bars of the samples are of LPD, too",
    definition="duet_claims",
    computed=True,
    reference="LPD, 50 phrases",
    columns=columns_of(
        "consonant: pairs chance; unison: pairs chance; onsets: shared chance; "
        "unchanged: piano strings; copying: both piano strings; differ: original nearest"
    ),
    rows=rows_of("""
LPD, 50 phrases         | .888 .589 .277 .087 .616 .272 .607 .753 .811 .783 .840 - -
LPD, given half bars    | -    -    -    -    .47  .25  .631 .823 -    -    -    - -
epoch 30                | .79  .65  .20  .11  .26  .19  .658 .787 -    -    -    - -
epoch 40                | .75  .62  .18  .10  .30  .21  .622 .747 -    -    -    - -
"""),
    fractions=True,
    unranked=("LPD, given half bars",),
)

TRAJECTORY = Table(
    paper="DuetHLSTM's",
    number=f"{SAMPLES}, training",
    title="the course of the training",
    citation=CITATION,
    unit="1,000 phrases of an epoch without the given half bar; the given half bars are of LPD",
    definition="duet_claims",
    computed=True,
    reference="LPD, given half bars",
    columns=columns_of(
        "density: piano strings; silent: piano strings; unchanged: piano strings; "
        "notes: piano strings; most: piano strings; bursts: phrases"
    ),
    rows=rows_of("""
LPD, given half bars    | 3.20 2.83 11.7 12.4 63.1 82.3 3.05 2.71 -  -  -
epoch 1                 | 2.65 0.20 3.5  90.3 84.9 94.1 2.31 1.76 6  7  -
epoch 10                | 2.74 4.86 11.3 3.7  73.7 62.7 2.60 4.24 25 23 22.5
epoch 13                | 2.20 3.40 26.8 10.1 74.0 72.2 2.52 3.17 59 22 3.7
epoch 20                | 2.35 2.99 17.4 7.8  70.5 75.4 2.39 2.72 45 18 2.0
epoch 30                | 2.23 2.33 23.2 17.4 65.8 78.7 2.44 2.37 67 50 5.0
epoch 40                | 2.35 2.50 18.9 16.0 62.2 74.7 2.43 2.50 71 49 7.5
"""),
)
# Cells that are on, and notes of the MIDI file, of the samples of each epoch: piano, strings.
COUNTS = {
    "epoch 1": (62_330, 4_755, 6_867, 3_057),
    "epoch 10": (64_476, 114_399, 9_209, 12_829),
    "epoch 13": (51_709, 79_861, 8_516, 8_705),
    "epoch 20": (55_266, 70_283, 9_353, 7_770),
    "epoch 30": (52_415, 54_849, 11_171, 7_178),
    "epoch 40": (55_169, 58_755, 12_227, 8_621),
}

COUNTED = {"PC": "pitch count", "PR": "pitch range", "NC": "note count"}
IN_WORDS = {
    "consonant": "pairs of a note of the piano and one of the strings that are an octave, third, "
    "fourth, fifth or sixth apart; chance: the same over phrases of which the piano of one is "
    "heard with the strings of another",
    "unison": "such pairs of the same pitch class",
    "onsets": "steps at which a note of the strings begins where one of the piano begins, too; "
    "chance: all steps at which one of the piano begins",
    "unchanged": "steps that sound as the step before",
    "copying": "F1 of notes if each step is predicted to be like the one before",
    "differ": "Hamming distance: cells of a phrase from its second half bar on that differ from "
    "the phrase of the data with the same first half bar, and from the nearest other phrase of "
    "the data",
    "density": "cells that are on",
    "silent": "steps without a note",
    "notes": "notes of a step that sounds",
    "most": "most notes of one step",
    "bursts": "phrases with more than ten notes in a step of a track",
}
DEFINITIONS = (
    Definition(
        "duet_fixed",
        "as the DuetHLSTM report says: NC counts lengths of notes",
        "first 50 phrases",
        f"{__name__}.duet_rows",
        COUNTED,
        ("tracks",),
    ),
    Definition(
        "duet",
        "as DuetHLSTM's code computes: NC counts pitch classes that end",
        "first 20 phrases",
        f"{__name__}.duet_rows",
        COUNTED,
        ("tracks", "visit"),
    ),
    Definition(
        "duet_claims",
        "what the DuetHLSTM report says in words, by measures of musegen's own",
        "eighth of a bar",
        f"{__name__}.claims",
        IN_WORDS,
        ("tracks",),
    ),
)
TABLES = (TABLE_1, TABLE_2, SAMPLES_80, SAMPLES_200, CLAIMED, TRAJECTORY)
SUITE = Suite(
    ("duet_fixed", "duet", "duet_claims"),
    ("duet_fixed", "duet", "duet_claims"),
    (TABLE_1,),
    readings=tuple((table.columns, table) for table in (CLAIMED, TRAJECTORY)),
    beside=(SAMPLES_80, SAMPLES_200),
)
