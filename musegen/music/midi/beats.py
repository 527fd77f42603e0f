"""The beat grid of a MIDI file: ticks to seconds to beats.

Piano-rolls are floored on this grid, so the last bit of a time matters: all of it is the arithmetic
of pretty_midi, on which the published data stand, done in arrays. Tempi are `(times, quarter notes
a minute)`, meters a list of `(time, numerator, denominator)`, times are seconds.
"""

import numpy as np

from musegen import Error, budget
from musegen.music.phrases import BEATS_PER_BAR


def clock(tpq: int, changes_at: np.ndarray, microseconds: np.ndarray):
    """A function from ticks to seconds, and the tempi, of events in microseconds a quarter."""
    changes = [(0, 60.0 / (120.0 * tpq))]
    for tick, length in zip(changes_at.tolist(), microseconds.tolist(), strict=True):
        scale = 60.0 / ((6e7 / max(length, 1)) * tpq)
        if tick == 0:
            changes = [(0, scale)]
        elif scale != changes[-1][1]:
            changes.append((tick, scale))
    ticks = np.array([tick for tick, _ in changes])
    scales = np.array([scale for _, scale in changes])
    times = np.cumsum(np.concatenate([[0.0], scales[:-1] * np.diff(ticks)]))

    def seconds(tick):
        if len(ticks) == 1:
            return scales[0] * tick
        k = np.maximum(np.searchsorted(ticks, tick, side="left") - 1, 0)
        return times[k] + scales[k] * (tick - ticks[k])

    return seconds, (times, 60.0 / (scales * tpq))


def beats(tempi, meters, first: float, end: float, name: str) -> np.ndarray:
    """Times of all beats from `first` until before `end`, one stretch of equal beats at a time.

    A beat is the note of the denominator, or three of them in compound meters.
    """
    times, qpm = tempi
    k = int(np.searchsorted(times[1:], first))
    s = max(0, sum(time <= first for time, _, _ in meters) - 1)
    grid, count, now = [np.array([first])], 1, first
    while now < end:
        bpm = _beats_a_minute(qpm[k], meters, s)
        change = times[k + 1] if k + 1 < len(times) else np.inf
        meter = meters[s + 1][0] if s + 1 < len(meters) else np.inf
        free = max(0, int((min(change, meter, end) - now) / (60.0 / bpm)) - 2)
        count += free + 1
        budget.check_song(name, beats=count)
        if free:
            grid.append(np.cumsum(np.concatenate([[now], np.full(free, 60.0 / bpm)]))[1:])
            now = float(grid[-1][-1])
        following = now + 60.0 / bpm
        if following > change:
            following, left = now, 1.0
            while k + 1 < len(times) and following + left * 60.0 / bpm >= times[k + 1]:
                share = (times[k + 1] - following) / (60.0 / bpm)
                following += share * 60.0 / bpm
                left -= share
                k += 1
                bpm = _beats_a_minute(qpm[k], meters, s)
            following += left * 60.0 / bpm
        if following > meter - (1e-8 + 1e-5 * meter if meter < np.inf else 0.0):
            following = meter
            s += 1
        grid.append(np.array([following]))
        now = following
    if len(grid) == 1:
        raise Error(f"{name}: no beat in it, its notes have no length")
    return np.concatenate(grid)[:-1]


def _beats_a_minute(qpm: float, meters, s: int) -> float:
    if not meters:
        return qpm
    _, numerator, denominator = meters[s]
    if denominator not in (1, 2, 4, 8, 16, 32):
        return qpm
    compound = numerator % 3 == 0 and numerator != 3
    return (qpm / 3.0 if compound else qpm) * denominator / 4.0


def start(onsets, velocities, tempi, end: float, name: str) -> float:
    """Where the beats of a file without a time signature start.

    Of the first eleven onsets the one whose beats hit the most velocity, within 25 ms, wins.
    """
    if not len(onsets):
        return 0.0
    rate, reach = 1000, 0.025
    ordered = np.sort(onsets)
    candidates = ordered[np.concatenate([[True], np.diff(ordered) > 0.001])][:11]
    sample, which = np.unique((onsets * rate).astype(int), return_inverse=True)
    weight = np.bincount(which, velocities)
    scores = []
    for candidate in candidates:
        grid = beats(tempi, [], float(candidate), end, name)
        centre = np.concatenate([[0.0], grid])
        early = centre < reach
        opens = np.where(early, 0, ((centre - reach) * rate).astype(int))
        width = np.where(early, ((centre + reach) * rate).astype(int), int(2 * reach * rate))
        nearest = np.searchsorted(opens, sample, side="right") - 1
        scores.append(weight[sample < (opens + width)[nearest]].sum() / len(grid))
    return float(candidates[np.argmax(scores)])


def downbeats(meters, n_beats: int) -> np.ndarray:
    """Indices of the beats that start a bar, of meters given as `(beat, numerator, denominator)`.

    It is 4/4 where no meter is given.
    """
    meters = meters or [(0, BEATS_PER_BAR, 4)]
    starts = [round(beat) for beat, _, _ in meters]
    widths = [n // 3 if n % 3 == 0 and n > 3 else max(n, 1) for _, n, _ in meters]
    bars = [np.arange(*span) for span in zip(starts, [*starts[1:], n_beats], widths, strict=True)]
    return np.concatenate(bars)
