"""The papers' tables as data.

A `Table` holds what a paper prints, in the paper's own order and units; `Table.metrics` gives a row
as the reports do: `{code: {track or pair: value}}`, with EB, QN, PP, SR and DP in percent. None
stands where the paper prints nothing. Every table says its unit of analysis, and under which
definition of the metrics its figures were computed, for the papers' words and their code differ.
"""

from dataclasses import dataclass, replace

from musegen.metrics import PERCENT

Columns = tuple[tuple[str, str], ...]  # (metric code, track or pair)

PAIRS = (
    "bass-guitar", "bass-strings", "bass-piano", "guitar-strings", "guitar-piano", "strings-piano",
)  # fmt: skip

MUSEGAN = (
    "H.-W. Dong, W.-Y. Hsiao, L.-C. Yang, Y.-H. Yang: MuseGAN: Multi-track Sequential Generative "
    "Adversarial Networks for Symbolic Music Generation and Accompaniment. AAAI 2018, "
    "arXiv:1709.06298"
)
BINARY_MUSEGAN = (
    "H.-W. Dong, Y.-H. Yang: Convolutional Generative Adversarial Networks with Binary Neurons for "
    "Polyphonic Music Generation. ISMIR 2018, arXiv:1804.09399"
)
MIDI_SANDWICH2 = (
    "X. Liang, J. Wu, J. Cao: MIDI-Sandwich2: RNN-based Hierarchical Multi-modal Fusion Generation "
    "VAE networks for multi-track symbolic music generation. 2019, arXiv:1909.03522"
)
DUET_HLSTM = (
    "J. Huang, M. Ji, D. Martin: DuetHLSTM: A Hierarchical LSTM Model for Two-Track Music "
    "Generation. 10-707 class project, Carnegie Mellon University, 2019"
)


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
        apart: rows that are shown but not compared with the reference.
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
    apart: tuple[str, ...] = ()

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


MUSEGAN_1 = Table(
    paper="MuseGAN",
    number="Table 1",
    title="intra-track metrics",
    citation=MUSEGAN,
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

MUSEGAN_2 = Table(
    paper="MuseGAN",
    number="Table 2",
    title="tonal distance between tracks",
    citation=MUSEGAN,
    unit="bar; 20,000 bars a model",
    definition="v1",
    reference="training data",
    apart=("training data, shuffled",),
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
MUSEGAN_3 = Table(
    paper="MuseGAN",
    number="Table 3",
    title="user study, mean score of 1 to 5",
    citation=MUSEGAN,
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

BINARY_MUSEGAN_1 = Table(
    paper="BinaryMuseGAN",
    number="Table 1",
    title="mean over the tracks (TD of guitar and piano)",
    citation=BINARY_MUSEGAN,
    unit="bar; 800 phrases a model, eight tracks",
    definition="v2",
    reference="training data",
    fractions=True,
    columns=columns_of("QN: mean; PP: mean; TD: guitar-piano"),
    rows=rows_of("""
training data           | 0.88 0.48 0.96
pretrained, BS          | 0.67 0.20 0.98
pretrained, HT          | 0.72 0.22 1.00
proposed, SBN           | 0.42 0.26 0.99
proposed, DBN           | 0.78 0.45 0.87
joint, SBN              | 0.18 0.19 0.95
joint, DBN              | 0.55 0.19 1.00
end-to-end, SBN         | 0.67 0.16 1.40
end-to-end, DBN         | 0.28 0.29 1.10
ablated-I, BS           | 0.61 0.19 1.00
ablated-I, HT           | 0.64 0.20 1.00
ablated-II, BS          | 0.35 0.14 1.30
ablated-II, HT          | 0.37 0.14 1.40
"""),
)

BINARY_MUSEGAN_2 = Table(
    paper="BinaryMuseGAN",
    number="Table 2",
    title="user study, share of votes",
    citation=BINARY_MUSEGAN,
    unit="listener; 20 listeners, five pairs each",
    columns=columns_of("votes: completeness harmonicity rhythmicity overall"),
    rows=rows_of("""
SBN                     | 0.19 0.44 0.56 0.16
DBN                     | 0.81 0.56 0.44 0.84
"""),
)

BINARY_MUSEGAN_STORED = replace(
    BINARY_MUSEGAN_1,
    paper="BinaryMuseGAN",
    number="(stored files)",
    title="mean over the tracks (TD of guitar and piano), from the files beside the code",
    columns=columns_of(
        "EB: mean; UP: mean; QN: mean; PP: mean; SR: mean; DP: mean; UPC: mean; TD: guitar-piano"
    ),
    rows=rows_of("""
training data           | 0.5674 4.6582  0.8831 0.4480 0.5920 0.9152 2.5969 0.9642
pretrained, BS          | 0.5267 3.5196  0.6686 0.1968 0.6515 0.7505 2.1139 0.9753
pretrained, HT          | 0.5317 3.4522  0.7162 0.2151 0.6474 0.7506 2.0996 1.0006
proposed, SBN           | 0.3192 14.7546 0.4214 0.2624 0.6757 0.7409 6.0195 0.9855
proposed, DBN           | 0.6191 9.7286  0.7772 0.4474 0.6758 0.8079 4.1519 0.8672
joint, SBN              | 0.0216 15.6039 0.1782 0.1893 0.5941 0.6425 7.1512 0.9506
joint, DBN              | 0.2629 7.5554  0.5475 0.1936 0.7365 0.7415 3.6795 1.0265
end-to-end, SBN         | 0.4909 5.2092  0.6721 0.1593 0.5762 0.7131 2.6030 1.4077
end-to-end, DBN         | 0.5059 5.9300  0.2811 0.2864 0.7234 0.8461 3.1556 1.1004
ablated-I, BS           | 0.5056 3.1310  0.6096 0.1862 0.5889 0.8544 2.0414 0.9966
ablated-I, HT           | 0.5095 3.0999  0.6421 0.2038 0.5896 0.8550 2.0316 1.0110
ablated-II, BS          | 0.3254 3.9189  0.3460 0.1407 0.6454 1.0000 2.6979 1.3307
ablated-II, HT          | 0.3285 3.7342  0.3686 0.1444 0.6438 1.0000 2.6257 1.3523
"""),
)

# The header of this table is probably wrong: the code that filled it prints the tracks in the order
# drums, piano, guitar, bass, strings. The second reading names the columns so; neither is certain.
MIDI_SANDWICH2_1 = Table(
    paper="MIDI-Sandwich2",
    number="Table I",
    title="scale, pitch classes, drums",
    citation=MIDI_SANDWICH2,
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
MIDI_SANDWICH2_1_CODE_ORDER = replace(
    MIDI_SANDWICH2_1,
    paper="MIDI-Sandwich2 (columns in the code's order)",
    columns=columns_of(
        "SR: drums piano guitar bass strings; UPC: drums guitar bass strings; DP: drums"
    ),
)

MIDI_SANDWICH2_2 = Table(
    paper="MIDI-Sandwich2",
    number="Table II",
    title="user study, mean score of 1 to 5",
    citation=MIDI_SANDWICH2,
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

DUET_HLSTM_1 = Table(
    paper="DuetHLSTM",
    number="Table 1",
    title="pitches, range, lengths",
    citation=DUET_HLSTM,
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

DUET_HLSTM_2 = Table(
    paper="DuetHLSTM",
    number="Table 2",
    title="user study, mean score of 1 to 5",
    citation=DUET_HLSTM,
    unit="listener; 13 students",
    columns=columns_of("score: harmony structure realism"),
    rows=rows_of("""
MuseGAN                 | 2.23 2.23 2.08
DuetHLSTM               | 3.61 3.46 3.54
"""),
)

TABLES = (
    MUSEGAN_1,
    MUSEGAN_2,
    MUSEGAN_3,
    BINARY_MUSEGAN_1,
    BINARY_MUSEGAN_2,
    BINARY_MUSEGAN_STORED,
    MIDI_SANDWICH2_1,
    MIDI_SANDWICH2_1_CODE_ORDER,
    MIDI_SANDWICH2_2,
    DUET_HLSTM_1,
    DUET_HLSTM_2,
)
