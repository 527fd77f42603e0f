"""Makes batches for training, from shards or anything else that `musegen.data.load` opens.

A `Plan` decides, in numpy, which phrases an epoch holds, in which order, and by how many semitones
each is transposed. All this depends only on the seed and the number of the epoch, so two equal
calls give equal batches with both implementations:

- with TensorFlow, a `tf.data.Dataset` that carries packed phrases, and transposes, unpacks and maps
  them inside its graph;
- without TensorFlow, a `keras.utils.PyDataset` that does the same in numpy.

One iteration is one epoch. After its last batch the next epoch begins, in another order; an
iteration that was stopped before starts the same epoch again. Pass `shuffle=False` to `fit`: the
batches are shuffled already.
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
WINDOWS_AT_ONCE = 2  # windows that are read at the same time
BATCHES_AT_ONCE = os.cpu_count() or 2  # batches that are unpacked at the same time


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
    """Makes batches of phrases, `(batch, bars, steps, 84, tracks)`, for `fit` or your own loop.

    Args:
        data: any source that `musegen.data.load` opens.
        batch_size: number of phrases in a batch.
        shuffle: whether each epoch has a new random order.
        seed: seed of the order and of the transpositions.
        augment: whether each phrase is transposed by -5 to 6 semitones, drawn again in each epoch;
            the drums are not.
        map: function that is applied to each batch. With TensorFlow it runs inside the graph, so
            use only operators that numpy arrays and tensors share. With `dtype="float32"`,
            `lambda x: 2 * x - 1` gives -1 and 1, and `lambda x: (x, x)` gives the inputs and
            targets of an autoencoder.
        split: split of the data to read.
        dtype: type of the cells. Bool moves a quarter of the bytes to the accelerator, and
            functional Keras models and losses cast it to float by themselves.
        drop_remainder: whether a last batch that is not full is left out.
        epoch: number of the first epoch, for a training that is resumed.

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
    """A plan says which phrases an epoch holds, in which order, and how each is transposed.

    An epoch is read in windows. A window is several pieces of the data (shards), drawn in random
    order, and its phrases are shuffled. It depends only on the seed, the epoch and its number.

    Args:
        data: phrases to read.
        shuffle: whether the order is random.
        seed: seed of the order and of the transpositions.
        augment: whether phrases are transposed.
        epoch: number of the first epoch.
    """

    def __init__(self, data: Data, shuffle: bool, seed: int, augment: bool, epoch: int):
        self.data, self.shuffle, self.seed, self.augment = data, shuffle, seed, augment
        self.epoch = epoch
        bytes_a_piece = len(data) * data.layout.n_bytes / len(data.sizes)
        self.pieces_a_window = max(1, int(WINDOW_BYTES / bytes_a_piece))
        self.n_windows = -(-len(data.sizes) // self.pieces_a_window)

    def n_batches(self, batch_size: int, drop_remainder: bool) -> int:
        """Returns the number of batches in an epoch."""
        full, remainder = divmod(len(self.data), batch_size)
        return full + (remainder > 0 and not drop_remainder)

    def window(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the packed phrases of one window, uint8 `(n, bytes)`, and their transpositions.

        The transpositions are in semitones, int32 `(n,)`.
        """
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
            piece_rows = self.data.rows(piece)
            rows[places[start : start + len(piece_rows)]] = piece_rows
            start += len(piece_rows)
        return rows, shifts.astype(np.int32)

    def finish(self) -> int:
        """Counts an epoch as finished, so that the next iteration is the next epoch."""
        self.epoch += 1
        return self.epoch


def _tf_dataset(
    plan: Plan, batch_size: int, map: Callable | None, dtype: str, drop_remainder: bool
):
    """Makes the batches of a plan as a `tf.data.Dataset`."""
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
        return windows.map(window, num_parallel_calls=WINDOWS_AT_ONCE, deterministic=True)

    def decode(rows, shifts):
        if plan.augment:
            rows = transposed(rows, shifts)
        batch = tf.cast(_tf_unpack(rows, layout), dtype)
        if drop_remainder:
            batch = tf.ensure_shape(batch, (batch_size, *layout.shape))
        return map(batch) if map else batch

    def counted(index, batch):
        # The last step of the pipeline, after all buffers: it runs when a batch is taken.
        def finish():
            return tf.numpy_function(plan.finish, [], tf.int64)

        tf.cond(index == n_batches - 1, finish, lambda: tf.constant(0, tf.int64))
        return batch

    # The numbers of threads are fixed because tf.data's own tuning is slow to stop: its thread
    # sleeps for up to a minute, and an iterator that ends waits for it.
    settings = tf.data.Options()
    settings.autotune.enabled = False
    return (
        tf.data.Dataset.range(1)
        .flat_map(epoch)
        .rebatch(batch_size, drop_remainder=drop_remainder)
        .map(decode, num_parallel_calls=BATCHES_AT_ONCE, deterministic=True)
        .prefetch(2)
        .enumerate()
        .map(counted)
        .apply(tf.data.experimental.assert_cardinality(n_batches))
        .with_options(settings)
    )


def bits_in_graph(rows):
    """Unpacks bits in the graph: uint8 `(B, ..., bytes)` to bool `(B, ..., 8 * bytes)`."""
    import tensorflow as tf

    # One integer holds eight copies of a byte; the first copy keeps only its highest bit, the
    # second only the next one, and so on. This is twice as fast as a table of all bytes.
    copies = tf.cast(rows, tf.uint64) * tf.constant(0x0101010101010101, tf.uint64)
    bits = tf.bitwise.bitwise_and(copies, tf.constant(0x0102040810204080, tf.uint64))
    cells = tf.cast(tf.bitcast(bits, tf.uint8), tf.bool)  # (B, ..., bytes, 8)
    return tf.reshape(cells, (-1, *rows.shape[1:-1], 8 * rows.shape[-1]))


def _tf_unpack(rows, layout: Layout):
    """Unpacks phrases in the graph: uint8 `(B, bytes)` to bool `(B, bars, steps, 84, tracks)`."""
    import tensorflow as tf

    return tf.reshape(bits_in_graph(rows)[:, : layout.n_cells], (-1, *layout.shape))


def _tf_transpose(layout: Layout) -> Callable:
    """Returns a function that transposes packed rows `(B, bytes)` by semitones `(B,)` in the graph.

    Pitch is the last axis but one, so a semitone is as many cells as there are tracks, and a
    phrase is transposed by shifting the bits of its row. Masks then remove notes that left the
    range and restore the drums.
    """
    import tensorflow as tf

    n_tracks, n_bytes = len(layout.tracks), layout.n_bytes
    drums = np.array([name == "drums" for name in layout.tracks])
    still = pack(np.broadcast_to(drums, (1, *layout.shape)))
    edge = 1 + max(map(abs, SHIFTS)) * n_tracks // 8

    def move(rows, semitones: int):
        n_whole, n_bits = divmod(semitones * n_tracks, 8)  # bytes and bits of the shift
        origin = np.arange(N_PITCHES)[:, None] - semitones
        kept = (origin >= 0) & (origin < N_PITCHES) & ~drums
        padded = tf.pad(rows, [[0, 0], [edge, edge]])
        moved = tf.bitwise.right_shift(padded[:, edge - n_whole :][:, :n_bytes], np.uint8(n_bits))
        if n_bits:
            before = padded[:, edge - n_whole - 1 :][:, :n_bytes]
            moved |= tf.bitwise.left_shift(before, np.uint8(8 - n_bits))
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
    """Makes the batches of a plan as a `keras.utils.PyDataset`."""
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
        """The batches of an epoch, which must be taken in order."""

        def __init__(self):
            super().__init__()
            self._rows = iter(())

        def __len__(self) -> int:
            return n_batches

        def __getitem__(self, index: int):
            if index == 0:
                self._rows = enumerate(regroup(windows(), batch_size))
            expected, rows = next(self._rows, (None, None))
            if index != expected:
                raise Error("batches are taken in order: call fit(..., shuffle=False)")
            if index == n_batches - 1:
                plan.finish()
            return decode(*rows)

    return Batches()
