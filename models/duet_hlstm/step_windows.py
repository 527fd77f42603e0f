"""The windows that DuetHLSTM learns, which are cut out of phrases while they are read.

The phrases stand in a table with one row of bits for each step. A window is then named by the row
it begins with, and an epoch is an order of such numbers, which depends on the seed and the number
of the epoch alone. With TensorFlow a `tf.data.Dataset` cuts and unpacks the windows inside its
graph; without it a `keras.utils.PyDataset` does the same in numpy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.data import Data
from musegen.data.pipeline import bits_in_graph
from musegen.models.duet_hlstm.settings import N_STEPS, DuetSettings
from musegen.music.phrases import N_PITCHES, reorder, resample_with_hits

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

BATCHES_AT_ONCE = 2  # batches that are unpacked at the same time
COUNTED_AT_ONCE = 1000  # phrases


def reduced(phrases: np.ndarray, tracks: tuple[str, ...], wanted: tuple[str, ...]) -> np.ndarray:
    """Returns the wanted tracks of phrases with 8 steps a bar.

    Of the finer steps the first is kept, and not the others; but a drum is hit if it is hit in any
    of them, because hits are shorter than that.
    """
    return resample_with_hits(reorder(phrases, tracks, wanted), N_STEPS, wanted)


def as_steps(phrases: np.ndarray) -> np.ndarray:
    """Converts phrases `(N, bars, 8, 84, tracks)` to steps, bool `(N, 8 * bars, tracks, 84)`."""
    n, n_bars, n_steps, n_pitches, n_tracks = phrases.shape
    steps = phrases.reshape(n, n_bars * n_steps, n_pitches, n_tracks)
    return np.ascontiguousarray(steps.swapaxes(-1, -2))


def as_phrases(steps: np.ndarray) -> np.ndarray:
    """Undoes `as_steps`; the number of steps is a multiple of 8."""
    n, n_steps, n_tracks, n_pitches = steps.shape
    return steps.swapaxes(-1, -2).reshape(n, n_steps // N_STEPS, N_STEPS, n_pitches, n_tracks)


@dataclass(frozen=True)
class StepTable:
    """Phrases as rows of bits, one row for each step.

    Args:
        rows: the rows of all phrases, uint8 `(N, steps, bytes)`.
        n_tracks: number of tracks.
    """

    rows: np.ndarray
    n_tracks: int

    @classmethod
    def of_data(cls, data: Data, settings: DuetSettings) -> "StepTable":
        """Makes the table of all phrases in some data, block by block."""
        if missing := [name for name in settings.tracks if name not in data.layout.tracks]:
            present = ", ".join(data.layout.tracks)
            raise Error(f"{data.name}: has no track named {', '.join(missing)}, but {present}")
        n_steps = data.layout.n_steps
        if n_steps % N_STEPS:
            raise Error(
                f"{data.name}: has {n_steps} steps a bar; a multiple of {N_STEPS} is needed"
            )
        parts = [
            cls.of_steps(as_steps(reduced(block, data.layout.tracks, settings.tracks))).rows
            for block in data.blocks()
        ]
        return cls(np.concatenate(parts), len(settings.tracks))

    @classmethod
    def of_steps(cls, steps: np.ndarray) -> "StepTable":
        """Makes the table of steps `(N, steps, tracks, 84)`."""
        return cls(np.packbits(steps.reshape(*steps.shape[:2], -1), axis=-1), steps.shape[2])

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def n_steps(self) -> int:
        """Returns the number of steps of a phrase."""
        return self.rows.shape[1]

    def steps(self, phrases: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Returns the steps of some phrases, by their numbers, bool `(n, steps, tracks, 84)`."""
        return self._unpacked(self.rows[phrases])

    def counts(self) -> np.ndarray:
        """Returns how many cells of each phrase and track are on, `(N, tracks)`."""
        starts = range(0, len(self), COUNTED_AT_ONCE)
        parts = [self.steps(slice(i, i + COUNTED_AT_ONCE)).sum(axis=(1, 3)) for i in starts]
        return np.concatenate(parts)

    def beginnings(self, length: int) -> np.ndarray:
        """Returns the first steps of all phrases, bool `(N, length, tracks, 84)`."""
        return self._unpacked(self.rows[:, :length])

    def windows(self, starts: np.ndarray, length: int) -> np.ndarray:
        """Returns windows of `length` steps, bool `(B, length, tracks, 84)`.

        Args:
            starts: of each window the row with which it begins, counted through all phrases.
        """
        flat = self.rows.reshape(-1, self.rows.shape[-1])
        return self._unpacked(flat[starts[:, None] + np.arange(length)])

    def _unpacked(self, rows: np.ndarray) -> np.ndarray:
        cells = np.unpackbits(rows, axis=-1, count=self.n_tracks * N_PITCHES)
        return cells.view(bool).reshape(*rows.shape[:-1], self.n_tracks, N_PITCHES)


def phrase_order(n: int, seed: int, epoch: int) -> np.ndarray:
    """Returns the numbers of `n` phrases in the random order of an epoch."""
    return np.random.default_rng((seed, epoch)).permutation(n)


def window_order(
    table: StepTable, settings: DuetSettings, batch_size: int, seed: int, epoch: int
) -> np.ndarray:
    """Returns the first rows of the windows of an epoch, in random order.

    Where a batch is the same window of many phrases, all windows of these phrases follow in random
    order, and phrases that do not fill a batch are left out.
    """
    n_windows = settings.n_windows(table.n_steps)
    if not settings.by_phrases:
        rng = np.random.default_rng((seed, epoch))
        place = rng.permutation(len(table) * n_windows)
        return place // n_windows * table.n_steps + place % n_windows
    n_batches = len(table) // batch_size
    order = phrase_order(len(table), seed, epoch)[: n_batches * batch_size]
    rng = np.random.default_rng((seed, epoch, 1))
    windows = rng.permuted(np.tile(np.arange(n_windows), (n_batches, 1)), axis=1)
    starts = order.reshape(n_batches, 1, batch_size) * table.n_steps + windows[:, :, None]
    return starts.ravel()


def count_batches(table: StepTable, settings: DuetSettings, batch_size: int) -> int:
    """Returns the number of batches in an epoch of `window_order`."""
    n_windows = settings.n_windows(table.n_steps)
    if settings.by_phrases:
        return len(table) // batch_size * n_windows
    return -(-len(table) * n_windows // batch_size)


def zero_state(settings: DuetSettings, n: int) -> np.ndarray | None:
    """Returns the state of `n` windows that begin anew, if the network is trained with a state."""
    shape = (n, len(settings.tracks), 2, settings.widths[0])
    return np.zeros(shape, np.float32) if settings.by_phrases else None


def in_order(table: StepTable, settings: DuetSettings) -> np.ndarray:
    """Returns the first rows of all windows, phrase by phrase."""
    windows = np.arange(settings.n_windows(table.n_steps))
    return (np.arange(len(table))[:, None] * table.n_steps + windows).ravel()


def batches(
    table: StepTable,
    starts: np.ndarray,
    settings: DuetSettings,
    batch_size: int,
    state: np.ndarray | None = None,
) -> "tf.data.Dataset | keras.utils.PyDataset":
    """Makes batches for `fit`: the windows of each track, and the steps that follow them.

    Args:
        table: phrases.
        starts: first rows of the windows, in their final order.
        batch_size: number of windows in a batch.
        state: state with which the first batch begins `(B, tracks, 2, 84)`; that of the others is
            zero. If it is given, it is the last input of the network.
    """
    cut = _cut_in_graph if _has_tensorflow() else _cut_in_numpy
    return cut(table, starts.astype(np.int32), settings.window, batch_size, state)


def _has_tensorflow() -> bool:
    try:
        import tensorflow  # noqa: F401
    except ImportError:
        return False
    return True


def _cut_in_graph(table, starts, window: int, batch_size: int, state):
    """Makes the batches as a `tf.data.Dataset`."""
    import tensorflow as tf

    flat = tf.constant(table.rows.reshape(-1, table.rows.shape[-1]))
    n_batches, shape = -(-len(starts) // batch_size), (-1, window + 1, table.n_tracks, N_PITCHES)
    starts = tf.constant(starts)

    def batch(index):
        index = tf.cast(index, tf.int32)
        first = starts[index * batch_size : (index + 1) * batch_size]
        rows = tf.gather(flat, first[:, None] + tf.range(window + 1))  # (B, W + 1, bytes)
        cells = bits_in_graph(rows)[..., : table.n_tracks * N_PITCHES]
        cells = tf.cast(cells, tf.float32)
        cells = tf.reshape(cells, shape)
        first_state = None
        if state is not None:
            here = tf.cast(index == 0, tf.float32) * tf.constant(state)
            first_state = here[: tf.shape(cells)[0]]
        return _examples(cells, window, first_state, tf.reshape)

    # Without tf.data's own tuning, whose thread is slow to stop; see musegen/data/pipeline.py.
    options = tf.data.Options()
    options.autotune.enabled = False
    made = tf.data.Dataset.range(n_batches)
    made = made.map(batch, num_parallel_calls=BATCHES_AT_ONCE, deterministic=True).prefetch(2)
    return made.with_options(options)


def _cut_in_numpy(table, starts, window: int, batch_size: int, state):
    """Makes the batches as a `keras.utils.PyDataset`."""
    import keras

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return -(-len(starts) // batch_size)

        def __getitem__(self, index: int):
            first = starts[index * batch_size :][:batch_size]
            cells = table.windows(first, window + 1).astype(np.float32)
            own = None if state is None else np.float32(index == 0) * state[: len(cells)]
            return _examples(cells, window, own, np.reshape)

    return Batches(workers=2)


def _examples(cells, window: int, state, reshape: Callable) -> tuple:
    """Returns inputs and targets of windows and the next step, `(B, W + 1, tracks, 84)`."""
    n_tracks = cells.shape[2]
    inputs = [cells[:, :window, k] for k in range(n_tracks)]
    targets = reshape(cells[:, window], (-1, n_tracks * N_PITCHES))
    return tuple(inputs if state is None else [*inputs, state]), targets
