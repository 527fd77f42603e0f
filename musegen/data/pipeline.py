"""Batches for training, from shards or anything else that `musegen.data.load` opens.

One plan, two backends. `Plan` decides, in numpy alone, which phrases an epoch holds, in which
order, and by how many semitones each is moved, all from the seed and the number of the epoch. Two
equal calls therefore give equal batches, whichever backend carries them:

- with TensorFlow, a `tf.data.Dataset` that moves packed phrases, and transposes, unpacks and maps
  them inside its graph;
- without, a `keras.utils.PyDataset` that does the same in numpy.

Iterating once is one epoch. The next epoch begins, in another order, when the last batch has been
given out; an iteration left early is begun again. Pass `shuffle=False` to `fit`: the batches are
shuffled already.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.data.loading import Data, load
from musegen.data.shards import regroup
from musegen.music.phrases import N_PITCHES, Layout, pack, transpose, unpack

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

SHIFTS = range(-5, 7)
WINDOW_BYTES = 64 << 20
READERS = 2  # windows that are read at the same time
DECODERS = os.cpu_count() or 2  # batches that are unpacked at the same time


def batches(
    data: str | Path | np.ndarray | Data,
    batch_size: int,
    shuffle: bool = True,
    seed: int = 0,
    augment: bool = False,
    map: Callable | None = None,
    split: str = "train",
    dtype: str = "bool",
    drop_remainder: bool = False,
    epoch: int = 0,
) -> "tf.data.Dataset | keras.utils.PyDataset":
    """Batches of phrases, `(batch, bars, steps, 84, tracks)`, for `fit` or a loop of one's own.

    Args:
        data: whatever `musegen.data.load` opens; of shards, `split` is read.
        augment: moves each phrase by -5 to 6 semitones, drawn anew each epoch; never the drums.
        map: applied to each batch; with TensorFlow inside the graph, so keep to operators that
            numpy arrays and tensors share. With `dtype="float32"`, `lambda x: 2 * x - 1` gives
            -1 and 1, and `lambda x: (x, x)` what an autoencoder's `fit` takes.
        dtype: of the cells. Bool moves a quarter of the bytes to the accelerator, and functional
            Keras models and losses cast it to float by themselves.
        drop_remainder: leaves out a last batch that is not full.
        epoch: the first epoch to give out, for a training that is resumed.

    Returns:
        A `tf.data.Dataset`, or a `keras.utils.PyDataset` where TensorFlow is not installed.
    """
    data = load(data, split=split)
    plan = Plan(data, shuffle, seed, augment, epoch)
    if not plan.n_batches(batch_size, drop_remainder):
        raise Error(f"{data.name}: {len(data)} phrases do not fill one batch of {batch_size}")
    try:
        import tensorflow  # noqa: F401
    except ImportError:
        return _py_dataset(plan, batch_size, map, dtype, drop_remainder)
    return _tf_dataset(plan, batch_size, map, dtype, drop_remainder)


class Plan:
    """Which phrases an epoch holds, in which order, and by how much each is moved.

    An epoch is read in windows, each of several pieces of the data (shards) in random order; the
    phrases of a window are shuffled. A window depends on nothing but the seed and its numbers.
    """

    def __init__(self, data: Data, shuffle: bool, seed: int, augment: bool, epoch: int):
        self.data, self.shuffle, self.seed, self.augment = data, shuffle, seed, augment
        self.epoch = epoch
        bytes_a_piece = len(data) * data.layout.n_bytes / len(data.sizes)
        self.pieces_a_window = max(1, int(WINDOW_BYTES / bytes_a_piece))
        self.n_windows = -(-len(data.sizes) // self.pieces_a_window)

    def n_batches(self, batch_size: int, drop_remainder: bool) -> int:
        """Batches of an epoch."""
        full, rest = divmod(len(self.data), batch_size)
        return full + (rest > 0 and not drop_remainder)

    def window(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Packed phrases, uint8 `(n, bytes)`, and the semitones to move each by, int32 `(n,)`."""
        sizes = np.array(self.data.sizes)
        order = np.arange(len(sizes))
        if self.shuffle:
            order = np.random.default_rng((self.seed, epoch)).permutation(order)
        pieces = order[index * self.pieces_a_window :][: self.pieces_a_window]
        n = sizes[pieces].sum()
        rng = np.random.default_rng((self.seed, epoch, index + 1))
        places = rng.permutation(n) if self.shuffle else np.arange(n)
        shifts = rng.choice(SHIFTS, n) if self.augment else np.zeros(n)
        rows = np.empty((n, self.data.layout.n_bytes), np.uint8)
        start = 0
        for piece in pieces:
            read = self.data.rows(piece)
            rows[places[start : start + len(read)]] = read
            start += len(read)
        return rows, shifts.astype(np.int32)

    def finish(self) -> int:
        """Called with the last batch of an epoch: what is begun from now on is the next."""
        self.epoch += 1
        return self.epoch


def _tf_dataset(
    plan: Plan, batch_size: int, map: Callable | None, dtype: str, drop_remainder: bool
):
    import tensorflow as tf

    layout, n_batches = plan.data.layout, plan.n_batches(batch_size, drop_remainder)
    transposed = _tf_transpose(layout)

    def epoch(_):
        number = tf.numpy_function(lambda: plan.epoch, [], tf.int64)

        def window(index):
            rows, shifts = tf.numpy_function(plan.window, [number, index], (tf.uint8, tf.int32))
            rows.set_shape((None, layout.n_bytes))
            shifts.set_shape((None,))
            return rows, shifts

        windows = tf.data.Dataset.range(plan.n_windows)
        return windows.map(window, num_parallel_calls=READERS, deterministic=True)

    def decode(rows, shifts):
        if plan.augment:
            rows = transposed(rows, shifts)
        batch = tf.cast(_tf_unpack(rows, layout), dtype)
        if drop_remainder:
            batch = tf.ensure_shape(batch, (batch_size, *layout.shape))
        return map(batch) if map else batch

    def noticed(index, batch):
        # The very last step of the pipeline: no buffer after it runs ahead of who takes the batch.
        def finish():
            return tf.numpy_function(plan.finish, [], tf.int64)

        tf.cond(index == n_batches - 1, finish, lambda: tf.constant(0, tf.int64))
        return batch

    # Fixed numbers of threads instead of tf.data's own tuning: the thread that tunes sleeps for
    # ever longer, up to a minute, and an iterator that ends waits for it to wake.
    settings = tf.data.Options()
    settings.autotune.enabled = False
    return (
        tf.data.Dataset.range(1)
        .flat_map(epoch)
        .rebatch(batch_size, drop_remainder=drop_remainder)
        .map(decode, num_parallel_calls=DECODERS, deterministic=True)
        .prefetch(2)
        .enumerate()
        .map(noticed)
        .apply(tf.data.experimental.assert_cardinality(n_batches))
        .with_options(settings)
    )


def _tf_unpack(rows, layout: Layout):
    """Bits to cells in the graph: uint8 `(B, bytes)` to bool `(B, bars, steps, 84, tracks)`."""
    import tensorflow as tf

    # Eight copies of each byte in one integer, and of the first copy the highest bit is kept, of
    # the second the next one, and so on: twice as fast as looking bytes up in a table.
    copies = tf.cast(rows, tf.uint64) * tf.constant(0x0101010101010101, tf.uint64)
    bits = tf.bitwise.bitwise_and(copies, tf.constant(0x0102040810204080, tf.uint64))
    cells = tf.cast(tf.bitcast(bits, tf.uint8), tf.bool)  # (B, bytes, 8)
    cells = tf.reshape(cells, (-1, 8 * layout.n_bytes))[:, : layout.n_cells]
    return tf.reshape(cells, (-1, *layout.shape))


def _tf_transpose(layout: Layout) -> Callable:
    """Transposition in the graph, of packed rows `(B, bytes)` by semitones `(B,)`.

    Pitch is the last axis but one, so a semitone is as many cells as there are tracks, and moving
    a phrase is a shift of its row by bits. Masks then remove what left the range and keep the
    drums where they were.
    """
    import tensorflow as tf

    n_tracks, n_bytes = len(layout.tracks), layout.n_bytes
    drums = np.array([name == "drums" for name in layout.tracks])
    still = pack(np.broadcast_to(drums, (1, *layout.shape)))
    edge = 1 + max(map(abs, SHIFTS)) * n_tracks // 8

    def move(rows, semitones: int):
        whole, part = divmod(semitones * n_tracks, 8)
        origin = np.arange(N_PITCHES)[:, None] - semitones
        kept = (origin >= 0) & (origin < N_PITCHES) & ~drums
        padded = tf.pad(rows, [[0, 0], [edge, edge]])
        moved = tf.bitwise.right_shift(padded[:, edge - whole :][:, :n_bytes], np.uint8(part))
        if part:
            before = padded[:, edge - whole - 1 :][:, :n_bytes]
            moved |= tf.bitwise.left_shift(before, np.uint8(8 - part))
        return moved & pack(np.broadcast_to(kept, (1, *layout.shape)))

    def transposed(rows, shifts):
        group = shifts - SHIFTS[0]
        parts = tf.dynamic_partition(rows, group, len(SHIFTS))
        places = tf.dynamic_partition(tf.range(tf.shape(rows)[0]), group, len(SHIFTS))
        moved = [move(part, semitones) for part, semitones in zip(parts, SHIFTS, strict=True)]
        return tf.dynamic_stitch(places, moved) | (rows & still)

    return transposed


def _py_dataset(
    plan: Plan, batch_size: int, map: Callable | None, dtype: str, drop_remainder: bool
):
    import keras

    layout, n_batches = plan.data.layout, plan.n_batches(batch_size, drop_remainder)

    def windows() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        epoch = plan.epoch
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(plan.window, epoch, 0)
            for index in range(1, plan.n_windows):
                present, ahead = ahead, reader.submit(plan.window, epoch, index)
                yield present.result()
            yield ahead.result()

    def decode(rows: np.ndarray, shifts: np.ndarray):
        cells = unpack(rows, layout.shape)
        for semitones in np.unique(shifts[shifts != 0]):
            moved = shifts == semitones
            cells[moved] = transpose(cells[moved], int(semitones), layout.tracks)
        batch = cells.astype(dtype, copy=False)
        return map(batch) if map else batch

    class Batches(keras.utils.PyDataset):
        """The batches of an epoch, to be taken in order."""

        def __init__(self):
            super().__init__()
            self._rows = iter(())

        def __len__(self) -> int:
            return n_batches

        def __getitem__(self, index: int):
            if index == 0:
                self._rows = enumerate(regroup(windows(), batch_size))
            due, rows = next(self._rows, (None, None))
            if index != due:
                raise Error("batches are taken in order: call fit(..., shuffle=False)")
            if index == n_batches - 1:
                plan.finish()
            return decode(*rows)

    return Batches()
