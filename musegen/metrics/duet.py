"""The pitch and note statistics of the DuetHLSTM report, over two tracks of a set of phrases.

J. Huang, M. Ji, D. Martin: "DuetHLSTM: A Hierarchical LSTM Model for Two-Track Music Generation",
class project, Carnegie Mellon University, 2019: section 5, Table 1, Figures 2 to 5. Original code:
`metrics.py` of github.com/redoctopus/Music-Generation.

Conventions
    A pitch class is a pitch modulo 12, with 0 for C. A note is a run of on-cells of one pitch
    inside one phrase. Note lengths have six classes, by the eighths of a bar that a note reaches
    into: 0 eighth (1), 1 quarter (2), 2 dotted quarter (3), 3 half (4), 4 dotted half (5 and 6),
    5 whole (7 and 8). Rows of a matrix are where a transition comes from, columns where it goes.

Input
    Phrases, bool `(N, bars, steps, 84, tracks)`, of which two tracks are measured. The printed
    values are of 20 phrases by definition `"duet"`: pass `phrases[:20]`.

Values
    PC and PR (pitch count and range), NC (number of different note lengths), PCH and PCTM (pitch
    class histogram and transitions), NLH and NCTM (note length histogram and transitions). Each has
    a function below; `evaluate` calls them all.

Definitions
    - `"duet_fixed"` computes what the report describes, over all steps. Transitions stay inside a
      phrase. A note of more than eight eighths has no length class.
    - `"duet"` computes what the original code does. It joins all phrases of both tracks into one
      sequence and visits its steps: all but the last, as for the printed figures (`visit=1`), or
      every fourth one up to the sixth from the end, as the published script (`visit=4`). In place
      of a note's length it takes the number of a pitch class that ended: 1, 2, 3, 4 count as length
      class 0, 1, 2, 3; 0, 5, 6 as class 4; 7 and 8 as class 5; 9, 10 and 11 as none. NC is the
      number of pitch classes that ended, at most 12. NCTM counts its present state at every visited
      step, also where nothing ended, and leaves out class 0.

Edge cases
    Without any on-cell PR is NaN and all other values are zero.
"""

from collections.abc import Sequence

import numpy as np

from musegen import Error
from musegen.music.phrases import N_PITCHES, TRACKS, reorder, validate

PAIRS = {  # the report names piano and strings; its code reads tracks 2 and 4 of five
    "duet": ("guitar", "strings"),
    "duet_fixed": ("piano", "strings"),
}
VISITS = (1, 4)  # every step, or every fourth one
N_LENGTHS = 6  # length classes
_CLASS_OF_EIGHTHS = np.array([0, 1, 2, 3, 4, 4, 5, 5])  # length class of 1, 2, ... 8 eighths
# The length class that `"duet"` assigns to the end of each pitch class; -1 is none.
_CLASS_OF_ENDED = np.array([4, 0, 1, 2, 3, 4, 4, 5, 5, -1, -1, -1])

Values = dict[str, float | np.ndarray]


def evaluate(
    phrases: np.ndarray,
    definition: str = "duet_fixed",
    tracks: Sequence[str] = TRACKS,
    pair: Sequence[str] | None = None,
    visit: int = 1,
) -> Values:
    """Computes the seven statistics of two tracks.

    Args:
        phrases: bool array `(N, bars, steps, 84, tracks)`.
        definition: `"duet_fixed"` or `"duet"`.
        tracks: names of all tracks, in the order of the last axis.
        pair: names of the two tracks to measure; by default the only two, or those of `PAIRS`.
        visit: 1 or 4, the steps that definition `"duet"` visits; `"duet_fixed"` uses all steps.

    Returns:
        The values by their codes: numbers for PC, PR and NC, arrays for the others.
    """
    if definition not in PAIRS:
        raise Error(f"unknown definition {definition!r}; choose {', '.join(PAIRS)}")
    if visit not in VISITS:
        raise Error(f"visit {visit}: choose {' or '.join(map(str, VISITS))}")
    phrases = validate(phrases)
    if phrases.shape[-1] != len(tracks):
        raise Error(f"phrases of {phrases.shape[-1]} tracks, but {len(tracks)} names: {[*tracks]}")
    duo = reorder(phrases, tracks, pair or (tracks if len(tracks) == 2 else PAIRS[definition]))
    values = {"PC": pitch_count(duo), "PR": pitch_range(duo)}
    return values | (_as_computed(duo, visit) if definition == "duet" else _as_described(duo))


# Statistics. The two definitions differ in the arrays that they pass.


def pitch_count(duo: np.ndarray) -> int:
    """PC: number of different pitches with an on-cell, of phrases `(N, bars, steps, 84, 2)`."""
    return int(np.count_nonzero(duo.any(axis=(0, 1, 2, 4))))


def pitch_range(duo: np.ndarray) -> float:
    """PR: highest minus lowest pitch with an on-cell; NaN if there is none."""
    used = np.flatnonzero(duo.any(axis=(0, 1, 2, 4)))
    return int(np.ptp(used)) if len(used) else np.nan


def note_count(lengths: np.ndarray) -> int:
    """NC: number of different values in a list of note lengths (Table 1)."""
    return len(np.unique(lengths))


def pitch_class_histogram(classes: np.ndarray) -> np.ndarray:
    """PCH: number of steps at which each pitch class sounds, `(12,)` (Figure 4).

    Args:
        classes: bool array `(..., 12)`, the pitch classes that sound at each step of each track.
    """
    return classes.reshape(-1, 12).sum(axis=0)


def pitch_class_transitions(now: np.ndarray, following: np.ndarray) -> np.ndarray:
    """PCTM: how often class b sounds one step after class a, `(12, 12)` (Figure 5).

    Entry (a, b) is the sum over steps t of now[t, a] following[t, b]. The matrix is divided by its
    largest entry.

    Args:
        now: bool array `(..., 12)`, the pitch classes that sound at each step.
        following: the same for the steps one later.
    """
    now, following = (classes.reshape(-1, 12).astype(float) for classes in (now, following))
    return _divided_by_largest(now.T @ following)


def note_length_histogram(length_classes: np.ndarray) -> np.ndarray:
    """NLH: number of notes in each length class, `(6,)` (Figure 2); -1 is no class."""
    return np.bincount(length_classes[length_classes >= 0], minlength=N_LENGTHS)


def note_length_transitions(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """NCTM: how often length class b follows length class a, `(6, 6)` (Figure 3).

    The matrix is divided by its largest entry.

    Args:
        first, second: integer arrays `(n,)`, the length classes of n pairs of notes. A pair in
            which one class is -1 is not counted.
    """
    counted = (first >= 0) & (second >= 0)
    pairs = N_LENGTHS * first[counted] + second[counted]
    counts = np.bincount(pairs, minlength=N_LENGTHS**2).reshape(N_LENGTHS, N_LENGTHS)
    return _divided_by_largest(counts)


def pitch_classes(rolls: np.ndarray) -> np.ndarray:
    """Turns cells `(..., 84)` into the pitch classes that sound, bool `(..., 12)`."""
    return rolls.reshape(*rolls.shape[:-1], N_PITCHES // 12, 12).any(axis=-2)


def _divided_by_largest(counts: np.ndarray) -> np.ndarray:
    return counts / max(1, counts.max())


# The definition "duet_fixed".


def _as_described(duo: np.ndarray) -> Values:
    """Computes NC, PCH, PCTM, NLH and NCTM as the report describes them."""
    n, n_bars, n_steps, _, n_tracks = duo.shape
    rolls = duo.reshape(n, n_bars * n_steps, N_PITCHES, n_tracks)
    classes = pitch_classes(np.moveaxis(rolls, -1, 1))  # (N, tracks, steps, 12)
    line, duration = _notes(rolls)
    eighths = -(-8 * duration // n_steps)
    length_classes = np.where(eighths <= 8, _CLASS_OF_EIGHTHS[np.minimum(eighths, 8) - 1], -1)
    in_same_line = np.diff(line) == 0
    return {
        "NC": note_count(eighths),
        "PCH": pitch_class_histogram(classes),
        "PCTM": pitch_class_transitions(classes[:, :, :-1], classes[:, :, 1:]),
        "NLH": note_length_histogram(length_classes),
        "NCTM": note_length_transitions(
            length_classes[:-1][in_same_line], length_classes[1:][in_same_line]
        ),
    }


def _notes(rolls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the notes of `(N, steps, 84, tracks)`, ordered by line, onset and pitch.

    A line is one track of one phrase.

    Returns:
        The line of each note, and its duration in steps.
    """
    lines = rolls.transpose(0, 3, 2, 1).reshape(-1, *rolls.shape[2:0:-1]).view(np.int8)
    edges = np.diff(lines, axis=-1, prepend=np.int8(0), append=np.int8(0))
    line, pitch, onset = np.nonzero(edges == 1)
    duration = np.nonzero(edges == -1)[2] - onset
    order = np.lexsort((pitch, onset, line))
    return line[order], duration[order]


# The definition "duet".


def _as_computed(duo: np.ndarray, visit: int) -> Values:
    """Computes NC, PCH, PCTM, NLH and NCTM as the original code does."""
    sequences = np.moveaxis(duo, -1, 0).reshape(duo.shape[-1], -1, N_PITCHES)
    visited = np.arange(0, sequences.shape[1] - {1: 1, 4: 5}[visit], visit)
    rolls = sequences[:, visited].reshape(-1, N_PITCHES)  # track 0 first, then track 1
    now = pitch_classes(rolls)  # (visited steps of both tracks, 12)
    following = pitch_classes(sequences[:, visited + 1]).reshape(-1, 12)
    last_steps = pitch_classes(sequences[:, -1:]).reshape(-1, 12)  # the code counts them once more
    step, ended = _endings(rolls, now)
    length_classes = _CLASS_OF_ENDED[ended]
    n_ended = np.searchsorted(step, np.arange(len(now)), "right")  # up to each visited step
    first, second = (state[n_ended] for state in _states(length_classes))
    return {
        "NC": note_count(ended),
        "PCH": pitch_class_histogram(np.concatenate([now, last_steps])),
        "PCTM": pitch_class_transitions(now, following),
        "NLH": note_length_histogram(length_classes),
        "NCTM": note_length_transitions(first, second),
    }


def _endings(rolls: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds where pitch classes end: the first visited step at which each no longer sounds.

    The order is that of the original code: by step, then by the step at which the class had begun,
    then by its lowest pitch there.

    Returns:
        The step of each ending, and the pitch class that ended.
    """
    before = np.pad(now[:-1], ((1, 0), (0, 0)))
    step, ended = np.nonzero(before & ~now)
    index = np.arange(len(now))[:, None]
    began = np.maximum.accumulate(np.where(now & ~before, index, -1), axis=0)[step - 1, ended]
    octave = rolls.reshape(-1, N_PITCHES // 12, 12).argmax(axis=1)[began, ended]
    order = np.lexsort((12 * octave + ended, began, step))
    return step[order], ended[order]


def _states(length_classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the last two length classes after 0, 1, ... all endings; -1 is none.

    Every ending first moves the last class to the place before it; an ending with a class then
    sets the last one.
    """
    position = np.where(length_classes >= 0, np.arange(1, len(length_classes) + 1), 0)
    latest = np.maximum.accumulate(np.append(0, position))
    last = np.append(-1, length_classes)[latest]
    last = np.where(last > 0, last, -1)  # the original code counts only classes above 0
    return np.append(-1, last[:-1]), last
