"""Measures the time of all MuseGAN metrics, and of plain loops over bars that compute the same.

    python bench/metrics.py [--phrases 1000] [--steps 96] [--definition v1]

Both measure the same random phrases on one core: EB, UP, UPC, QN, PP, SR, DP and the six pairs of
TD. Their values are compared before the ratio of their times is printed.
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import argparse
import time
import warnings
from collections import defaultdict

import numpy as np

from musegen.metrics import muse
from musegen.music.phrases import TRACKS

TONAL = muse.tonal_matrix()


def plain(phrases: np.ndarray, definition: muse.Definition) -> dict[str, dict[str, float]]:
    """Computes the metrics in loops over bars, tracks and pitches."""
    values = defaultdict(lambda: defaultdict(list))
    pairs = muse.pairs(TRACKS)
    for bar in phrases.reshape(-1, *phrases.shape[2:]):
        chromas = []
        for k, name in enumerate(TRACKS):
            track = bar[..., k].astype(int)
            chroma = plain_chroma(track, definition)
            chromas.append(chroma)
            values["EB"][name].append(track.sum() == 0)
            if track.sum() == 0:
                continue
            values["UP"][name].append((track.sum(axis=0) > 0).sum())
            if name == "drums":
                values["DP"][name].append(plain_drum_pattern(track, definition))
                continue
            values["UPC"][name].append((chroma.sum(axis=0) > 0).sum())
            values["QN"][name].append(plain_qualified_notes(track, definition))
            values["PP"][name].append((track.sum(axis=1) >= definition.pp_pitches).mean())
            values["SR"][name].append((chroma.sum(axis=0) * muse.C_MAJOR).sum() / chroma.sum())
        for name, (i, j) in pairs.items():
            values["TD"][name].append(plain_tonal_distance(chromas[i], chromas[j]))
    return {
        code: {name: float(np.nanmean(row)) for name, row in rows.items()}
        for code, rows in values.items()
    }


def plain_chroma(track: np.ndarray, definition: muse.Definition) -> np.ndarray:
    if definition.chroma_block is None:
        return track.reshape(len(track), -1, 12).sum(axis=1)
    return track.reshape(len(track), 12, definition.chroma_block).sum(axis=2)


def plain_qualified_notes(track: np.ndarray, definition: muse.Definition) -> float:
    edges = np.diff(track, axis=0, prepend=0, append=0)
    lengths = []
    for pitch in range(track.shape[1]):
        onsets, offsets = np.nonzero(edges[:, pitch] > 0)[0], np.nonzero(edges[:, pitch] < 0)[0]
        lengths += [*(offsets - onsets)]
    return sum(length >= definition.qn_steps for length in lengths) / len(lengths)


def plain_drum_pattern(track: np.ndarray, definition: muse.Definition) -> float:
    onsets = np.maximum(np.diff(track, axis=0, prepend=0), 0).sum(axis=1)
    a = definition.dp_tolerance
    grid = np.tile([1, a, 0, 0, 0, a] if len(track) == 96 else [1, a, a], 16)
    return max((np.roll(grid, shift) * onsets).sum() for shift in range(6)) / onsets.sum()


def plain_tonal_distance(first: np.ndarray, second: np.ndarray) -> float:
    distances = []
    for beats in zip(np.split(first, 4), np.split(second, 4), strict=True):
        totals = [beat.sum(axis=0) for beat in beats]
        places = [TONAL @ (total / total.sum()) for total in totals]
        distances.append(np.linalg.norm(places[0] - places[1]))
    return np.mean(distances)


def random_phrases(n: int, n_steps: int, seed: int = 0) -> np.ndarray:
    """Makes random phrases: six notes a bar, of up to half a bar, in four bars of five.

    Drum hits have one step.
    """
    rng = np.random.default_rng(seed)
    x = np.zeros((n, 4, n_steps, 84, 5), bool)
    for bar in x.reshape(-1, n_steps, 84, 5):
        for k in np.flatnonzero(rng.random(5) < 0.8):
            for step, pitch in rng.integers((n_steps, 84), size=(6, 2)):
                bar[step : step + (rng.integers(1, n_steps // 2) if k else 1), pitch, k] = True
    return x


def timed(function, *args, repeat: int = 1):
    """Returns the result of a function, and its least processor time in seconds."""
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        result = function(*args)
        seconds.append(time.process_time() - start)
    return result, min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phrases", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=96, choices=(48, 96))
    parser.add_argument("--definition", default="v1", choices=("paper", "v1"))
    args = parser.parse_args()
    phrases = random_phrases(args.phrases, args.steps)
    ours, fast = timed(muse.evaluate, phrases, args.definition, repeat=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # 0 / 0 in silent beats
        loops, slow = timed(plain, phrases, muse.define(args.definition))
    for code, row in loops.items():
        np.testing.assert_allclose([*map(ours[code].get, row)], [*row.values()], rtol=1e-9)
    print(f"{args.phrases} phrases of {args.steps} steps, definition {args.definition}, one core")
    print(f"bar by bar   {slow:8.2f} s {args.phrases / slow:8.0f} phrases/s")
    print(f"musegen      {fast:8.2f} s {args.phrases / fast:8.0f} phrases/s")
    print(f"ratio        {slow / fast:8.1f}")


if __name__ == "__main__":
    main()
