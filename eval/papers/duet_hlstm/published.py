"""What the figures of the DuetHLSTM report show, as numbers.

Panel a is of LPD, b of MuseGAN and c of DuetHLSTM, the first 20 phrases of the published samples of
epoch 40. Panels a and b were read from the pictures, to 0.005; panel c is exact, recomputed from
the samples. Rows of a matrix are where a transition comes from.
"""

import numpy as np

PANELS = ("a", "b", "c")
PITCH_CLASSES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
LENGTHS = ("8th", "quarter", "dotted\nquarter", "half", "dotted\nhalf", "whole")
LENGTH_SIGNS = ("1/8", "1/4", "1/4.", "1/2", "1/2.", "1")  # a dot: half as long again


def _matrices(text: str, largest: float = 1) -> np.ndarray:
    """Parses a matrix of a line for each row; a row of one number is all of it."""
    rows = [[float(word) for word in line.split()] for line in text.strip().splitlines()]
    return np.array([row * (len(rows) // len(row)) for row in rows]) / largest


def _partly(diagonal: str, pairs: str, largest: float = 1, symmetric: bool = False) -> np.ndarray:
    """Makes a pitch class matrix of its diagonal and its largest other entries; else NaN.

    Classes with an empty diagonal are empty as a whole.
    """
    matrix = np.full((12, 12), np.nan)
    own = np.array(list(map(float, diagonal.split())))
    matrix[own == 0] = matrix[:, own == 0] = 0
    np.fill_diagonal(matrix, own)
    for pair in pairs.split(","):
        names, value = pair.split()
        first, second = (PITCH_CLASSES.index(name.replace("#", "♯")) for name in names.split("-"))
        matrix[first, second] = float(value)
        if symmetric:
            matrix[second, first] = float(value)
    return matrix / largest


NLH = {
    "a": np.array([0.156, 0.341, 0.108, 0.369, 1, 0.477]),
    "b": np.array([0, 0.531, 0, 0.156, 1, 0.844]),
    "c": np.array([18, 23, 18, 38, 84, 52]) / 84,
}
NCTM = {
    "a": _matrices("""
0
0 .27 0 .09 .13 .06
0 0 .01 0 .07 .03
0 .02 0 .16 .18 .10
0 .25 .07 .05 1 .29
0 .19 .07 .21 .06 .35
"""),
    "b": _matrices("""
0
0 .04 0 0 0 .11
0
0 .01 0 0 .02 .03
0 .02 0 .01 1 .02
0 .04 0 .04 .08 .38
"""),
    "c": _matrices(
        """
0
0 19 2 17 42 33
0 0 10 0 28 14
0 2 2 85 76 14
0 27 13 34 310 78
0 10 26 15 67 171
""",
        310,
    ),
}
PCH = {
    "a": np.array([1, 0.315, 0.506, 0.170, 0.707, 0.656, 0.318, 0.707, 0.227, 0.744, 0.358, 0.506]),
    "b": np.array([0.673, 0, 0.597, 0, 0.017, 0.514, 0, 1, 0, 0.580, 0, 0.923]),
    "c": np.array([263, 171, 123, 94, 295, 139, 147, 205, 153, 491, 55, 190]) / 491,
}
# The diagonal, and the strongest of the other entries.
PCTM = {
    "a": _partly(
        "1 .32 .50 .17 .71 .65 .32 .71 .22 .74 .35 .51",
        "C-F .42, C-A .36, E-G .33, C-G .32, C-E .31, F-A .31, E-A .23",
        symmetric=True,
    ),
    "b": _partly(
        ".67 0 .60 0 .01 .50 0 1 0 .59 0 .95",
        "G-B .95, D-G .54, D-B .54, C-A .51, C-F .49, F-A .49",
    ),
    "c": _partly(
        "222 153 100 76 257 119 124 174 132 436 48 154",
        "A-E 116, C#-A 114, E-A 105, E-C 93, C-E 88, F#-A 75, D#-G# 73",
        436,
    ),
}
FIGURE_6 = {"a": 31, "c": 59}  # first of the three phrases of a panel; c is of epoch 30
EPOCH_6 = 30
