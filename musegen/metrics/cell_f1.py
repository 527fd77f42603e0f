"""The F1 of the cells that are on."""

import numpy as np


class CellF1:
    """The F1 of the cells that are on, over all arrays that are added.

    F1 is 2 |A and B| / (|A| + |B|), where A are the cells that are on in the truth and B those that
    are on in the prediction. It is NaN if neither has any.

    Args:
        n_tracks: number of tracks, each of which also has an F1 of its own.
    """

    def __init__(self, n_tracks: int):
        self.hits = np.zeros(n_tracks)
        self.cells = np.zeros(n_tracks)

    def add(self, truth: np.ndarray, predicted: np.ndarray) -> "CellF1":
        """Adds bool arrays of equal shape, whose last axis is the track."""
        self.hits += _counts(truth & predicted)
        self.cells += _counts(truth) + _counts(predicted)
        return self

    def by_track(self) -> np.ndarray:
        """Returns the F1 of each track."""
        with np.errstate(invalid="ignore"):
            return 2 * self.hits / self.cells

    def all(self) -> float:
        """Returns the F1 of the cells of all tracks together."""
        total = self.cells.sum()
        return float(2 * self.hits.sum() / total) if total else np.nan


def _counts(cells: np.ndarray) -> np.ndarray:
    return cells.sum(axis=tuple(range(cells.ndim - 1)))
