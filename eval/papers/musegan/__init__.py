"""The printed tables of MuseGAN's paper, and the definitions of its metrics.

The codes of later systems of the family, BinaryMuseGAN and MIDI-Sandwich2, compute the same metrics
differently. All definitions are here, so that each paper can be shown by each of them.
"""

from musegen.eval.tables.definition import Definition
from musegen.eval.tables.table import Suite, Table, columns_of, rows_of

NAME = "musegan"
CITATION = (
    "H.-W. Dong, W.-Y. Hsiao, L.-C. Yang, Y.-H. Yang: MuseGAN: Multi-track Sequential Generative "
    "Adversarial Networks for Symbolic Music Generation and Accompaniment. AAAI 2018, "
    "arXiv:1709.06298"
)
PAIRS = (
    "bass-guitar", "bass-strings", "bass-piano", "guitar-strings", "guitar-piano", "strings-piano",
)  # fmt: skip

TABLE_1 = Table(
    paper="MuseGAN",
    number="Table 1",
    title="intra-track metrics",
    citation=CITATION,
    unit="bar; 20,000 bars a model",
    definition="v1",
    reference="training data",
    columns=columns_of(
        "EB: bass drums guitar piano strings; UPC: bass guitar piano strings;"
        "QN: bass guitar piano strings; DP: drums"
    ),
    rows=rows_of("""
training data           | 8.06 8.06 19.4 24.8 10.1  1.71 3.08 3.28 3.38  90.0 81.9 88.4 89.6  88.6
jamming                 | 6.59 2.33 18.3 22.6 6.10  1.53 3.69 4.13 4.09  71.5 56.6 62.2 63.1  93.2
composer                | 0.01 28.9 1.34 0.02 0.01  2.51 4.20 4.89 5.19  49.5 47.4 49.9 52.5  75.3
hybrid                  | 2.14 29.7 11.7 17.8 6.04  2.35 4.76 5.45 5.24  44.6 43.2 45.5 52.0  71.3
ablated                 | 92.4 100  12.5 0.68 0.00  1.00 2.88 2.32 4.72  0.00 22.8 31.1 26.2  0.0
jamming, conditional    | 4.60 3.47 13.3 -    3.44  2.05 3.79 -    4.23  73.9 58.8 -    62.3  91.6
composer, conditional   | 0.65 20.7 1.97 -    1.49  2.51 4.57 -    5.10  53.5 48.4 -    59.0  84.5
hybrid, conditional     | 2.09 4.53 10.3 -    4.05  2.86 4.43 -    4.32  43.3 55.6 -    67.1  71.8
"""),
)

TABLE_2 = Table(
    paper="MuseGAN",
    number="Table 2",
    title="tonal distance between tracks",
    citation=CITATION,
    unit="bar; 20,000 bars a model",
    definition="v1",
    reference="training data",
    unranked=("training data, shuffled",),
    columns=columns_of("TD: " + " ".join(PAIRS)),
    rows=rows_of("""
training data           | 1.57 1.58 1.51 1.10 1.02 1.04
training data, shuffled | 1.59 1.59 1.56 1.14 1.12 1.13
jamming                 | 1.56 1.60 1.54 1.05 0.99 1.05
composer                | 1.37 1.36 1.30 0.95 0.98 0.91
hybrid                  | 1.34 1.35 1.32 0.85 0.85 0.83
jamming, conditional    | 1.51 1.53 1.50 1.04 0.95 1.00
composer, conditional   | 1.41 1.36 1.40 0.96 1.01 0.95
hybrid, conditional     | 1.39 1.36 1.38 0.96 0.94 0.95
"""),
)

_QUESTIONS = "harmonious rhythmic structured coherent overall"
TABLE_3 = Table(
    paper="MuseGAN",
    number="Table 3",
    title="user study, mean score of 1 to 5",
    citation=CITATION,
    unit="listener; 100 non-professionals and 44 professionals, nine clips each",
    columns=columns_of(f"non-pro: {_QUESTIONS}; pro: {_QUESTIONS}"),
    rows=rows_of("""
jamming                 | 2.83 3.29 2.88 2.84 2.88  2.31 3.05 2.48 2.49 2.42
composer                | 3.12 3.36 2.95 3.13 3.12  2.66 3.13 2.68 2.63 2.73
hybrid                  | 3.15 3.33 3.09 3.30 3.16  2.92 3.25 2.81 3.00 2.93
jamming, conditional    | 2.89 3.44 2.97 3.01 3.06  2.44 3.32 2.67 2.72 2.69
composer, conditional   | 2.70 3.29 2.98 2.97 2.86  2.35 3.21 2.59 2.67 2.62
hybrid, conditional     | 2.78 3.34 2.93 2.98 3.01  2.49 3.29 2.71 2.73 2.70
"""),
)

TABLES = (TABLE_1, TABLE_2, TABLE_3)
CODES = {
    "EB": "empty bars",
    "UPC": "pitch classes used in a bar",
    "QN": "qualified notes",
    "PP": "polyphonic steps",
    "SR": "cells in the C major scale",
    "DP": "drum hits on the rhythmic grid",
    "TD": "tonal distance of two tracks",
}
MODULE = f"{__name__}.muse_rows"
DEFINITIONS = (
    Definition(
        "paper",
        "as the text of the papers says: pitch classes are octave classes, a qualified note has 3 "
        "steps, a polyphonic step 3 pitches",
        "bar",
        MODULE,
        CODES,
    ),
    Definition(
        "v1",
        "as MuseGAN's code computes: pitch classes are blocks of 7 neighbouring pitches, a "
        "qualified note has 2 steps, a polyphonic step 2 pitches",
        "bar",
        MODULE,
        CODES,
    ),
    Definition(
        "v2",
        "as BinaryMuseGAN's code computes: pitch classes are blocks of 8 neighbouring pitches, a "
        "qualified note has 2 steps, a polyphonic step 2 pitches",
        "bar",
        MODULE,
        CODES,
    ),
    Definition(
        "v3",
        "as the code of MIDI-Sandwich2 and MuseGAN v3 computes: sums over the whole set; EB is the "
        "share of bars that sound, UPC counts each step at which a block of 8 pitches sounds",
        "whole set",
        MODULE,
        CODES,
    ),
)
MUSE = tuple(definition.name for definition in DEFINITIONS)
SUITE = Suite(MUSE, ("paper", "v1"), (TABLE_1, TABLE_2), n_steps=96)
