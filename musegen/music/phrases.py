"""The phrase array: what every model sees and every command passes on.

Phrases are `bool (N, bars, steps, 84, tracks)`. Pitch index 0 is MIDI 24 (C1), index 83 is MIDI
107 (B7). Tracks stand in LPD-5's order. A bar has 96 steps (24 a beat), 48 (12 a beat) or 8 (2 a
beat). A cell that is on sounds; a run of on-cells of one pitch is a note, and one silent step
separates two notes of the same pitch. Drums hold onsets: each on-cell is a hit.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from musegen import Error
from musegen.music.layout import (  # noqa: F401 - they belong to this contract, and are had from here
    BEATS_PER_BAR,
    LOWEST_PITCH,
    N_BARS,
    N_PITCHES,
    TRACKS,
    Layout,
)

SIXTEENTHS = 16  # of a bar


def validate(phrases: np.ndarray, what: str = "phrases") -> np.ndarray:
    """`phrases` as bool `(N, bars, steps, 84, tracks)`; raises an `Error` naming `what`."""
    phrases = np.asarray(phrases)
    if phrases.ndim != 5 or phrases.shape[3] != N_PITCHES:
        raise Error(
            f"{what}: an array of shape (phrases, bars, steps, {N_PITCHES}, tracks) is needed, "
            f"this one has {phrases.shape}"
        )
    if 0 in phrases.shape[1:]:
        raise Error(f"{what}: phrases of shape {phrases.shape[1:]} hold nothing")
    if phrases.dtype.kind not in "biuf":
        raise Error(f"{what}: values of type {phrases.dtype}; phrases are numbers or bools")
    if phrases.dtype.kind == "f" and not np.isfinite(phrases).all():
        raise Error(f"{what}: not a finite number everywhere; such cells are neither on nor off")
    return phrases if phrases.dtype == bool else phrases > 0


def pack(phrases: np.ndarray) -> np.ndarray:
    """Eight cells to a byte: bool `(N, ...)` to uint8 `(N, ceil(cells / 8))`."""
    return np.packbits(phrases.reshape(len(phrases), int(np.prod(phrases.shape[1:]))), axis=1)


def unpack(packed: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The inverse of `pack`; `shape` is that of one phrase."""
    cells = np.unpackbits(packed, axis=1, count=int(np.prod(shape)))
    return cells.view(bool).reshape(len(packed), *shape)


class Packed:
    """Phrases that are kept as bits, an eighth of their size, and given out in blocks.

    Args:
        rows: what `pack` makes of them, uint8 `(N, bytes)`.
        shape: of one phrase.
    """

    def __init__(self, rows: np.ndarray, shape: Sequence[int]):
        self.rows, self.shape = rows, (len(rows), *shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: slice) -> np.ndarray:
        return unpack(self.rows[places], self.shape[1:])

    def changed(self, change: Callable[[np.ndarray], np.ndarray]) -> "Packed":
        """What a function of phrases makes of them, block by block."""
        rows = [pack(change(block)) for block in blocks(self)]
        return Packed(np.concatenate(rows), change(self[:1]).shape[1:])


def blocks(phrases: np.ndarray | Packed, size: int = 128) -> Iterator[np.ndarray]:
    """Phrases some at a time: those of an array are there already, and come at once."""
    if not isinstance(phrases, Packed):
        yield phrases
        return
    for start in range(0, len(phrases), size):
        yield phrases[start : start + size]


def transpose(phrases: np.ndarray, semitones: int, tracks: Sequence[str] = TRACKS) -> np.ndarray:
    """Moves every track but the drums by `semitones`; notes that leave the range are lost."""
    moved = np.zeros_like(phrases)
    up, down = max(semitones, 0), max(-semitones, 0)
    if max(up, down) < N_PITCHES:
        moved[..., up : N_PITCHES - down, :] = phrases[..., down : N_PITCHES - up, :]
    for k in (k for k, name in enumerate(tracks) if name == "drums"):
        moved[..., k] = phrases[..., k]
    return moved


def reorder(phrases: np.ndarray, tracks: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Takes tracks named `tracks` into the order `wanted`."""
    missing = [name for name in wanted if name not in tracks]
    if missing:
        raise Error(f"no track named {', '.join(missing)}; there are {', '.join(tracks)}")
    return phrases[..., [list(tracks).index(name) for name in wanted]]


def resample(
    phrases: np.ndarray, n_steps: int, rule: str = "keep", tracks: Sequence[str] = TRACKS
) -> np.ndarray:
    """Changes the steps of a bar.

    Downwards a new step is a group of old ones: its first cell (`"keep"`, how the published
    48-step data come from 96), on when `"any"` cell is, or when the `"majority"` is. Upwards each
    pitched cell is held, while a drum hit stays one step.
    """
    old = phrases.shape[2]
    if n_steps == old:
        return phrases
    if n_steps < 1:
        raise Error(f"{n_steps} steps a bar are none")
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


def binarise(
    x: np.ndarray,
    threshold: float = 0.0,
    rule: str = "threshold",
    monophonic_bass: bool = False,
    tracks: Sequence[str] = TRACKS,
    seed: int | Sequence[int] | None = None,
) -> np.ndarray:
    """Real model output to cells.

    Args:
        x: `(..., pitches, tracks)`; tanh output for `"threshold"`, probabilities for `"bernoulli"`.
        threshold: a cell is on above it.
        rule: `"threshold"`, or `"bernoulli"` to draw each cell with probability `x`.
        monophonic_bass: of the bass keep only the highest-valued pitch of a step.
        seed: of the Bernoulli draw.
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
    """Phrases as bars of single tracks, `(N * bars * tracks, steps, 84)`.

    Track k of bar b of phrase p is row `(bars * p + b) * tracks + k`.
    """
    bars = np.moveaxis(phrases, -1, 2)
    return bars.reshape(-1, *bars.shape[3:])


def from_bars(bars: np.ndarray, n_tracks: int, n_bars: int = N_BARS) -> np.ndarray:
    """The inverse of `bars_of`."""
    return np.moveaxis(bars.reshape(-1, n_bars, n_tracks, *bars.shape[1:]), 2, -1)


def chain(phrases: np.ndarray, gap: int = 0) -> np.ndarray:
    """Plays phrases one after the other: `(N, bars, steps, ...)` to a roll `(all steps, ...)`.

    `gap` bars of silence follow every phrase.
    """
    n, _, steps, *tail = phrases.shape
    if gap:
        silence = np.zeros((n, gap, steps, *tail), bool)
        phrases = np.concatenate([phrases, silence], axis=1)
    return phrases.reshape(-1, *tail)


def cut(roll: np.ndarray, n_steps: int, n_bars: int = N_BARS, gap: int = 0) -> np.ndarray:
    """The inverse of `chain`; the last phrase is filled up with silence."""
    length = (n_bars + gap) * n_steps
    n = -(-len(roll) // length)
    if len(roll) < n * length:
        roll = np.concatenate([roll, np.zeros((n * length - len(roll), *roll.shape[1:]), bool)])
    return roll.reshape(n, n_bars + gap, n_steps, *roll.shape[1:])[:, :n_bars]


def quantised(phrases: np.ndarray | Packed, rule: str | None) -> np.ndarray | Packed:
    """Phrases in steps of a sixteenth note, by a rule of `resample`; without one unchanged."""
    if rule is None:
        return phrases
    if isinstance(phrases, Packed):
        return phrases.changed(lambda block: resample(block, SIXTEENTHS, rule))
    return resample(phrases, SIXTEENTHS, rule)
