"""The phrase array is what all models and commands for phrases work on.

Phrases are `bool (N, bars, steps, 84, tracks)`. Pitch index 0 is MIDI 24 (C1), index 83 is MIDI
107 (B7). The tracks are in LPD-5's order. A bar has 96 steps (24 a beat), 48 (12 a beat) or 8 (2 a
beat). A cell that is on sounds; a run of on-cells of one pitch is a note, and one silent step
separates two notes of the same pitch. A drum track holds onsets only: each on-cell is a hit.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from musegen import Error
from musegen.music.layout import (  # noqa: F401 - other modules import these names from here
    BEATS_PER_BAR,
    LOWEST_PITCH,
    N_BARS,
    N_PITCHES,
    TRACKS,
    Layout,
)

SIXTEENTHS = 16  # in a bar


def validate(phrases: np.ndarray, what: str = "phrases") -> np.ndarray:
    """Returns phrases as bool `(N, bars, steps, 84, tracks)`; invalid ones raise an `Error`.

    Args:
        phrases: array of bools or numbers; a cell above 0 is on.
        what: name of the phrases in the message of the error.
    """
    phrases = np.asarray(phrases)
    if phrases.ndim != 5 or phrases.shape[3] != N_PITCHES:
        raise Error(
            f"{what}: an array of shape (phrases, bars, steps, {N_PITCHES}, tracks) is needed, "
            f"this one has {phrases.shape}"
        )
    if 0 in phrases.shape[1:]:
        raise Error(f"{what}: phrases of shape {phrases.shape[1:]} are empty")
    if phrases.dtype.kind not in "biuf":
        raise Error(f"{what}: values of type {phrases.dtype}; phrases must be numbers or bools")
    if phrases.dtype.kind == "f" and not np.isfinite(phrases).all():
        raise Error(f"{what}: a value is not a finite number but NaN or infinite")
    return phrases if phrases.dtype == bool else phrases > 0


def pack(phrases: np.ndarray) -> np.ndarray:
    """Packs eight cells into a byte: bool `(N, ...)` becomes uint8 `(N, ceil(cells / 8))`."""
    return np.packbits(phrases.reshape(len(phrases), int(np.prod(phrases.shape[1:]))), axis=1)


def unpack(packed: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Undoes `pack`; `shape` is the shape of one phrase."""
    cells = np.unpackbits(packed, axis=1, count=int(np.prod(shape)))
    return cells.view(bool).reshape(len(packed), *shape)


class Packed:
    """Phrases that are stored as bits, an eighth of their size; a slice unpacks a block of them.

    Args:
        rows: phrases as `pack` returns them, uint8 `(N, bytes)`.
        shape: shape of one phrase.
    """

    def __init__(self, rows: np.ndarray, shape: Sequence[int]):
        self.rows, self.shape = rows, (len(rows), *shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice) -> np.ndarray:
        return unpack(self.rows[index], self.shape[1:])

    def changed(self, change: Callable[[np.ndarray], np.ndarray]) -> "Packed":
        """Applies a function of phrases block by block and returns the results, packed."""
        rows = [pack(change(block)) for block in blocks(self)]
        return Packed(np.concatenate(rows), change(self[:1]).shape[1:])


def blocks(phrases: np.ndarray | Packed, size: int = 128) -> Iterator[np.ndarray]:
    """Yields packed phrases in blocks of `size`; an array is in memory already, and one block."""
    if not isinstance(phrases, Packed):
        yield phrases
        return
    for start in range(0, len(phrases), size):
        yield phrases[start : start + size]


def transpose(phrases: np.ndarray, semitones: int, tracks: Sequence[str] = TRACKS) -> np.ndarray:
    """Moves all tracks but the drums by `semitones`; notes that leave the range are dropped."""
    moved = np.zeros_like(phrases)
    up, down = max(semitones, 0), max(-semitones, 0)
    if max(up, down) < N_PITCHES:
        moved[..., up : N_PITCHES - down, :] = phrases[..., down : N_PITCHES - up, :]
    for k in (k for k, name in enumerate(tracks) if name == "drums"):
        moved[..., k] = phrases[..., k]
    return moved


def reorder(phrases: np.ndarray, tracks: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Returns the phrases with their tracks in another order.

    Args:
        phrases: array whose last axis is the tracks.
        tracks: names of its tracks.
        wanted: names of the tracks to return, in order.
    """
    missing = [name for name in wanted if name not in tracks]
    if missing:
        raise Error(f"no track named {', '.join(missing)}; there are {', '.join(tracks)}")
    return phrases[..., [list(tracks).index(name) for name in wanted]]


def resample(
    phrases: np.ndarray, n_steps: int, rule: str = "keep", tracks: Sequence[str] = TRACKS
) -> np.ndarray:
    """Changes the number of steps in a bar.

    With fewer steps, each new step stands for a group of old ones. By the rule `"keep"` it takes
    the first cell of the group, as the published 48-step data do with 96 steps; by `"any"` it is
    on if any cell is on, by `"majority"` if more than half of them are. With more steps, each
    pitched cell is repeated, while a drum hit stays one step long.
    """
    old = phrases.shape[2]
    if n_steps == old:
        return phrases
    if n_steps < 1:
        raise Error(f"{n_steps} steps a bar; give 1 or more")
    head, tail = phrases.shape[:2], phrases.shape[3:]
    if old % n_steps == 0:
        groups = phrases.reshape(*head, n_steps, old // n_steps, *tail)
        if rule == "keep":
            return groups[:, :, :, 0]
        if rule == "any":
            return groups.any(axis=3)
        if rule == "majority":
            return groups.sum(axis=3) * 2 > old // n_steps
        raise Error(f"unknown resampling rule {rule!r}; choose keep, any or majority")
    if n_steps % old == 0:
        factor = n_steps // old
        held = np.repeat(phrases, factor, axis=2)
        for k in (k for k, name in enumerate(tracks) if name == "drums"):
            held[:, :, np.arange(n_steps) % factor != 0, :, k] = False
        return held
    raise Error(f"{old} steps a bar cannot become {n_steps}: neither divides the other")


def resample_with_hits(
    phrases: np.ndarray, n_steps: int, tracks: Sequence[str] = TRACKS
) -> np.ndarray:
    """Changes the number of steps in a bar as `resample` does, but keeps each hit of the drums.

    A hit is one step long, so that the rule `"keep"` would lose those that lie between the steps.
    """
    made = resample(phrases, n_steps, tracks=tracks).copy()  # not a view, as it is written to
    for k in (k for k, name in enumerate(tracks) if name == "drums"):
        made[..., k] = resample(phrases[..., [k]], n_steps, "any", ("drums",))[..., 0]
    return made


def binarise(
    x: np.ndarray,
    threshold: float = 0.0,
    rule: str = "threshold",
    monophonic_bass: bool = False,
    tracks: Sequence[str] = TRACKS,
    seed: int | Sequence[int] | None = None,
) -> np.ndarray:
    """Turns the real-valued output of a model into cells.

    Args:
        x: model output `(..., pitches, tracks)`, which is tanh output for `"threshold"` and
            probabilities for `"bernoulli"`.
        threshold: value above which a cell is on.
        rule: `"threshold"`, or `"bernoulli"` to draw each cell with probability `x`.
        monophonic_bass: whether only the pitch with the highest value of each step is kept in the
            bass.
        tracks: names of the tracks.
        seed: seed of the Bernoulli draw.
    """
    x = np.asarray(x)
    if rule == "threshold":
        cells = x > threshold
    elif rule == "bernoulli":
        cells = np.random.default_rng(seed).random(x.shape, np.float32) < x
    else:
        raise Error(f"unknown binarisation {rule!r}; choose threshold or bernoulli")
    if monophonic_bass:
        k = list(tracks).index("bass")
        bass = x[..., k]
        cells[..., k] &= bass == bass.max(axis=-1, keepdims=True)
    return cells


def bars_of(phrases: np.ndarray) -> np.ndarray:
    """Cuts phrases into the bars of single tracks, `(N * bars * tracks, steps, 84)`.

    Row `(bars * p + b) * tracks + k` is track k of bar b of phrase p.
    """
    bars = np.moveaxis(phrases, -1, 2)
    return bars.reshape(-1, *bars.shape[3:])


def from_bars(bars: np.ndarray, n_tracks: int, n_bars: int = N_BARS) -> np.ndarray:
    """Undoes `bars_of`."""
    return np.moveaxis(bars.reshape(-1, n_bars, n_tracks, *bars.shape[1:]), 2, -1)


def chain(phrases: np.ndarray, gap: int = 0) -> np.ndarray:
    """Joins phrases `(N, bars, steps, ...)` into one roll `(all steps, ...)`.

    `gap` bars of silence follow every phrase.
    """
    n, _, steps, *tail = phrases.shape
    if gap:
        silence = np.zeros((n, gap, steps, *tail), bool)
        phrases = np.concatenate([phrases, silence], axis=1)
    return phrases.reshape(-1, *tail)


def cut(roll: np.ndarray, n_steps: int, n_bars: int = N_BARS, gap: int = 0) -> np.ndarray:
    """Undoes `chain`; the last phrase is filled up with silence."""
    length = (n_bars + gap) * n_steps
    n = -(-len(roll) // length)
    if len(roll) < n * length:
        roll = np.concatenate([roll, np.zeros((n * length - len(roll), *roll.shape[1:]), bool)])
    return roll.reshape(n, n_bars + gap, n_steps, *roll.shape[1:])[:, :n_bars]


def quantised(phrases: np.ndarray | Packed, rule: str | None) -> np.ndarray | Packed:
    """Resamples phrases to sixteenth notes by a rule of `resample`; None changes nothing."""
    if rule is None:
        return phrases
    if isinstance(phrases, Packed):
        return phrases.changed(lambda block: resample(block, SIXTEENTHS, rule))
    return resample(phrases, SIXTEENTHS, rule)
