"""Batches of rows: the order is of the seed and the epoch alone."""

import numpy as np
import pytest

from musegen import Error
from musegen.training import array_batches

X = np.arange(10)
Y = -X


def epoch(batches) -> np.ndarray:
    taken = [batches[i] for i in range(len(batches))]
    x, y = (np.concatenate(part) for part in zip(*taken, strict=True))
    np.testing.assert_array_equal(y, -x)
    return x


def test_every_row_once_in_an_order_of_seed_and_epoch():
    batches = array_batches.batches((X, Y), 4, seed=3)
    assert len(batches) == 3
    assert [len(batches[i][0]) for i in range(3)] == [4, 4, 2]
    first = epoch(batches)
    batches.on_epoch_end()
    second = epoch(batches)
    assert sorted(first) == sorted(second) == X.tolist()
    assert first.tolist() != second.tolist()
    np.testing.assert_array_equal(second, epoch(array_batches.batches((X, Y), 4, seed=3, epoch=1)))
    np.testing.assert_array_equal(first, epoch(array_batches.batches((X, Y), 4, seed=3)))
    assert first.tolist() != epoch(array_batches.batches((X, Y), 4, seed=4)).tolist()


def test_in_order_and_mapped():
    batches = array_batches.batches((X,), 5, shuffle=False, map=lambda x: (x, 2 * x))
    np.testing.assert_array_equal(batches[1][1], [10, 12, 14, 16, 18])


def test_rows_that_cannot_be():
    with pytest.raises(Error, match="no rows"):
        array_batches.batches((X[:0],), 4)
    with pytest.raises(ValueError, match="arrays of 10, 9 rows"):
        array_batches.batches((X, Y[1:]), 4)
