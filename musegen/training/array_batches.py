"""Makes batches of arrays whose rows belong together, in an order by seed and epoch."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error

if TYPE_CHECKING:
    import keras


def batches(
    arrays: Sequence[np.ndarray],
    batch_size: int,
    seed: int = 0,
    shuffle: bool = True,
    epoch: int = 0,
    map: Callable | None = None,
) -> "keras.utils.PyDataset":
    """Makes batches for `fit`, each a tuple of as many arrays; pass `shuffle=False` to `fit`.

    Args:
        arrays: arrays of equal length, such as inputs and targets.
        epoch: number of the first epoch, for a training that is resumed.
        map: function that turns the arrays of a batch into what `fit` takes.

    Example:
        >>> x, y = batches((np.zeros((5, 84)), np.ones((5, 84))), batch_size=2)[2]
        >>> x.shape
        (1, 84)
    """
    import keras

    n = len(arrays[0])
    if any(len(array) != n for array in arrays):
        raise ValueError(f"arrays of {', '.join(str(len(array)) for array in arrays)} rows")
    if not n:
        raise Error("no rows to train with")

    class Batches(keras.utils.PyDataset):
        def __init__(self):
            # With workers Keras leaves out tf.data's tuning; see data/pipeline.py.
            super().__init__(workers=2)
            self.epoch = epoch
            self._draw()

        def _draw(self) -> None:
            rng = np.random.default_rng((seed, self.epoch))
            self.order = rng.permutation(n) if shuffle else np.arange(n)

        def __len__(self) -> int:
            return -(-n // batch_size)

        def __getitem__(self, index: int):
            rows = self.order[index * batch_size :][:batch_size]
            batch = tuple(array[rows] for array in arrays)
            return map(*batch) if map else batch

        def on_epoch_end(self) -> None:
            self.epoch += 1
            self._draw()

    return Batches()
