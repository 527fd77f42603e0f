"""The pitch and note statistics of the DuetHLSTM report, over two tracks of a set of phrases.

Input
    Phrases, bool `(N, bars, steps, 84, tracks)`, of which two tracks are taken. The report's
    figures are from 20 phrases: give `phrases[:20]`.

Values
    PC distinct pitches; PR highest less lowest pitch; NC distinct note lengths; PCH counts of the
    12 pitch classes; PCTM transitions between them; NLH counts of 6 classes of note lengths
    (eighth, quarter, dotted quarter, half, dotted half, whole); NCTM transitions between those. The
    two matrices are divided by their largest entry, rows are where a transition comes from.

Definitions
    - `"duet_fixed"`: what the report describes, over every step. A note is a run of on-cells of one
      pitch inside one phrase, its length counted in eighths of a bar that it reaches into. A note
      of more than eight is in no class. Transitions stay inside a phrase.
    - `"duet"`: what the code computes. All phrases are one sequence, the second track goes on where
      the first ends, and only every fourth step is looked at. Instead of the length of a note, NC,
      NLH and NCTM take the number of the pitch class that ended; NCTM also counts again at each
      step at which nothing ended, and never the eighths.

Edge cases
    Without an on-cell PR is NaN and everything else zero.
"""

from collections.abc import Sequence

import numpy as np

from musegen import Error
from musegen.music.phrases import N_PITCHES, TRACKS, reorder, validate

PAIRS = {  # the report speaks of piano and strings; its code takes tracks 2 and 4 of five
    "duet": ("guitar", "strings"),
    "duet_fixed": ("piano", "strings"),
}
_EIGHTHS = np.array([0, 1, 2, 3, 4, 4, 5, 5])  # length class of 1, 2, ... 8 eighths
_CLASSES = np.array([4, 0, 1, 2, 3, 4, 4, 5, 5, -1, -1, -1])  # what `"duet"` makes of a pitch class

Values = dict[str, float | np.ndarray]


def evaluate(
    phrases: np.ndarray,
    definition: str = "duet_fixed",
    tracks: Sequence[str] = TRACKS,
    pair: Sequence[str] | None = None,
) -> Values:
    """The seven statistics.

    Args:
        phrases: bool `(N, bars, steps, 84, tracks)`.
        definition: `"duet_fixed"` or `"duet"`.
        tracks: the name of each track.
        pair: the two tracks to measure; by default the only two, or those of `PAIRS`.
    """
    if definition not in PAIRS:
        raise Error(f"unknown definition {definition!r}; choose {', '.join(PAIRS)}")
    phrases = validate(phrases)
    if phrases.shape[-1] != len(tracks):
        raise Error(f"phrases of {phrases.shape[-1]} tracks, but {len(tracks)} names: {[*tracks]}")
    duo = reorder(phrases, tracks, pair or (tracks if len(tracks) == 2 else PAIRS[definition]))
    used = np.flatnonzero(duo.any(axis=(0, 1, 2, 4)))
    values = {"PC": len(used), "PR": int(np.ptp(used)) if len(used) else np.nan}
    return values | (_as_computed if definition == "duet" else _as_described)(duo)


def pitch_classes(rolls: np.ndarray) -> np.ndarray:
    """Which classes sound, `(..., 84)` to bool `(..., 12)`."""
    return rolls.reshape(*rolls.shape[:-1], N_PITCHES // 12, 12).any(axis=-2)


def _transitions(origin: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Counts of pairs of length classes, `(6, 6)`; a negative class is none."""
    counted = (origin >= 0) & (target >= 0)
    return np.bincount(6 * origin[counted] + target[counted], minlength=36).reshape(6, 6)


def _to_largest(counts: np.ndarray) -> np.ndarray:
    return counts / max(1, counts.max())


def _as_described(duo: np.ndarray) -> Values:
    n, n_bars, n_steps, _, n_tracks = duo.shape
    rolls = duo.reshape(n, n_bars * n_steps, N_PITCHES, n_tracks)
    classes = pitch_classes(np.moveaxis(rolls, -1, 1)).astype(float)  # (N, tracks, steps, 12)
    lane, duration = _notes(rolls)
    eighths = -(-8 * duration // n_steps)
    lengths = np.where(eighths <= 8, _EIGHTHS[np.minimum(eighths, 8) - 1], -1)
    successive = np.diff(lane) == 0
    return {
        "NC": len(np.unique(eighths)),
        "PCH": classes.sum(axis=(0, 1, 2)).astype(int),
        "PCTM": _to_largest(np.einsum("nksa,nksb->ab", classes[:, :, :-1], classes[:, :, 1:])),
        "NLH": np.bincount(lengths[lengths >= 0], minlength=6),
        "NCTM": _to_largest(_transitions(lengths[:-1][successive], lengths[1:][successive])),
    }


def _notes(rolls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Notes of `(N, steps, 84, tracks)`, each phrase and track a lane, by lane, onset and pitch.

    Returns the number of the lane, and the duration in steps.
    """
    lanes = rolls.transpose(0, 3, 2, 1).reshape(-1, *rolls.shape[2:0:-1]).view(np.int8)
    edges = np.diff(lanes, axis=-1, prepend=np.int8(0), append=np.int8(0))
    lane, pitch, onset = np.nonzero(edges == 1)
    duration = np.nonzero(edges == -1)[2] - onset
    order = np.lexsort((pitch, onset, lane))
    return lane[order], duration[order]


def _as_computed(duo: np.ndarray) -> Values:
    whole = np.moveaxis(duo, -1, 0).reshape(duo.shape[-1], -1, N_PITCHES)
    visited = np.arange(0, whole.shape[1] - 5, 4)
    rolls = whole[:, visited].reshape(-1, N_PITCHES)
    now = pitch_classes(rolls)  # (visited steps of both tracks, 12)
    then = pitch_classes(whole[:, visited + 1]).reshape(-1, 12)
    step, ended = _endings(rolls, now)
    kinds = _CLASSES[ended]
    n_ended = np.searchsorted(step, np.arange(len(now)), "right")  # up to each visited step
    origin, target = (state[n_ended] for state in _states(kinds))
    return {
        "NC": len(np.unique(ended)),
        "PCH": now.sum(axis=0) + pitch_classes(whole[:, -1:]).sum(axis=(0, 1)),
        "PCTM": _to_largest(now.T.astype(float) @ then),
        "NLH": np.bincount(kinds[kinds >= 0], minlength=6),
        "NCTM": _to_largest(_transitions(origin, target)),
    }


def _endings(rolls: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps at which a pitch class is first missing, and the class, in the order of the code.

    At one step that is the order in which the classes had begun, and of those that began together
    the order of their lowest pitches.
    """
    before = np.pad(now[:-1], ((1, 0), (0, 0)))
    step, ended = np.nonzero(before & ~now)
    index = np.arange(len(now))[:, None]
    began = np.maximum.accumulate(np.where(now & ~before, index, -1), axis=0)[step - 1, ended]
    octave = rolls.reshape(-1, N_PITCHES // 12, 12).argmax(axis=1)[began, ended]
    order = np.lexsort((12 * octave + ended, began, step))
    return step[order], ended[order]


def _states(kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last length class but one and the last, after 0, 1, ... all endings.

    An ending without a class still moves the last on to the last but one. -1 is none yet.
    """
    position = np.where(kinds >= 0, np.arange(1, len(kinds) + 1), 0)
    latest = np.maximum.accumulate(np.append(0, position))
    last = np.append(-1, kinds)[latest]
    last = np.where(last > 0, last, -1)  # the code counts only what is above zero
    return np.append(-1, last[:-1]), last
