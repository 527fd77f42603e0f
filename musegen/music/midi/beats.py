"""The beat grid of a MIDI file converts ticks to seconds and seconds to beats.

Times are rounded down to this grid, so a difference in the last bit can move a note by a step. The
published data were made with pretty_midi; its arithmetic is therefore repeated here, in arrays.
Tempi are `(times, quarter notes a minute)`, meters a list of `(time, numerator, denominator)`, and
times are in seconds.
"""

import numpy as np

from musegen import Error, budget
from musegen.music.phrases import BEATS_PER_BAR


def clock(tpq: int, changes_at: np.ndarray, microseconds: np.ndarray):
    """Returns a function from ticks to seconds, and the tempi.

    Args:
        tpq: ticks a quarter.
        changes_at: tick of each tempo event.
        microseconds: microseconds a quarter of each tempo event.
    """
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
    """Returns the times of all beats from `first` until before `end`.

    A beat is the note of the denominator, or three of them in compound meters. Beats of equal
    length are computed together, as one array.
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
        raise Error(f"{name}: there is no beat in it, because no note has a length")
    return np.concatenate(grid)[:-1]


def _beats_a_minute(qpm: float, meters, s: int) -> float:
    """Returns the beats a minute in meter number `s`, from quarters a minute."""
    if not meters:
        return qpm
    _, numerator, denominator = meters[s]
    if denominator not in (1, 2, 4, 8, 16, 32):
        return qpm
    compound = numerator % 3 == 0 and numerator != 3
    return (qpm / 3.0 if compound else qpm) * denominator / 4.0


def start(onsets, velocities, tempi, end: float, name: str) -> float:
    """Returns the time of the first beat of a file without a time signature.

    The first eleven onsets are the candidates. The one whose beats have the largest sum of
    velocities within 25 ms is returned, as in pretty_midi.
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
    """Returns the indices of the beats that start a bar.

    Args:
        meters: `(beat, numerator, denominator)` of each meter; without any, 4/4 holds.
        n_beats: number of beats.
    """
    meters = meters or [(0, BEATS_PER_BAR, 4)]
    starts = [round(beat) for beat, _, _ in meters]
    widths = [n // 3 if n % 3 == 0 and n > 3 else max(n, 1) for _, n, _ in meters]
    bars = [np.arange(*span) for span in zip(starts, [*starts[1:], n_beats], widths, strict=True)]
    return np.concatenate(bars)
