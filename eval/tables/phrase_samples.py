"""Samples of sets of phrases, and the units of the values that are measured on them."""

import sys
import time
from collections.abc import Iterator

import numpy as np

from musegen.data import Data
from musegen.eval.tables.report import Metrics, clean
from musegen.files import shown
from musegen.metrics import PERCENT

PATIENCE = 2.0  # seconds until progress is shown


def evenly_spaced(data: Data, n: int, what: str) -> np.ndarray:
    """Returns at most `n` phrases, evenly spaced.

    Args:
        data: data set from which they are taken.
        n: number of phrases.
        what: purpose of the phrases, which is shown if reading takes long.
    """
    chosen = spaced(len(data), n)
    parts, start = [], 0
    for block in blocks(data, what):
        in_block = chosen[(chosen >= start) & (chosen < start + len(block))]
        parts.append(block[in_block - start])
        start += len(block)
    return np.concatenate(parts)


def spaced(size: int, n: int) -> np.ndarray:
    """Returns the numbers of at most `n` of `size` examples, evenly spaced."""
    return np.unique(np.linspace(0, size - 1, n).astype(int))


def in_units(values: dict) -> Metrics:
    """Converts the codes in `PERCENT` to percent, and undefined values to None."""
    return {
        code: {
            part: clean(round(100 * value, 9) if code in PERCENT else value)
            for part, value in parts.items()
        }
        for code, parts in values.items()
    }


def blocks(data: Data, what: str) -> Iterator[np.ndarray]:
    """Yields the phrases in blocks; if that takes long, it prints their number on stderr."""
    begin, done = time.monotonic(), 0
    for block in data.blocks():
        yield block
        done += len(block)
        if time.monotonic() - begin > PATIENCE:
            line = f"\r{shown(data.name)}, {what}: {done:,} of {len(data):,} phrases"
            print(line, end="\n" * (done == len(data)), file=sys.stderr, flush=True)
