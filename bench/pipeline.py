"""Measures the phrases per second of `pipeline.batches`, and of `from_generator`.

    python bench/pipeline.py [--phrases 20480] [--batch-size 64] [--steps 48] [--rounds 3]

Both read the same shards. The alternative is the obvious code: a generator that loads each shard,
unpacks it and yields its phrases, and tf.data that makes batches of them. It does not shuffle;
`pipeline.batches` does. They run one after the other, in several rounds, and the best round counts,
from the first batch to the end of the epoch.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from musegen.data import demo, pipeline, shards
from musegen.music.phrases import Layout


def write_shards(folder: Path, n: int, n_steps: int) -> None:
    """Writes shards of the same demo phrases, each in another order."""
    phrases = demo.phrases(n=shards.SIZE, n_steps=n_steps)
    rng = np.random.default_rng(0)
    for index in range(n // shards.SIZE):
        mixed = phrases[rng.permutation(len(phrases))]
        shards.write(folder, "train", index, mixed, np.arange(len(mixed)))
    shards.write_manifest(folder, Layout(n_steps=n_steps))


def from_generator(folder: Path, batch_size: int, dtype: str) -> tf.data.Dataset:
    """Makes the data set of the alternative."""
    opened = shards.Shards(folder)

    def phrases():
        for file in opened.files("train"):
            yield from opened.read(file)[0]

    def cast(batch):
        return tf.cast(batch, dtype)

    signature = tf.TensorSpec(opened.layout.shape, tf.bool)
    dataset = tf.data.Dataset.from_generator(phrases, output_signature=signature)
    return dataset.batch(batch_size).map(cast).prefetch(tf.data.AUTOTUNE)


def rate(dataset: tf.data.Dataset) -> float:
    """Measures the phrases per second of one epoch."""
    batches, n = iter(dataset), 0
    next(batches)
    start = time.perf_counter()
    for batch in batches:
        n += batch.shape[0]
    return n / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phrases", type=int, default=20480)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_shards(folder, options.phrases, options.steps)
        print(f"{'cells':8} {'from_generator':>15} {'batches':>9} {'ratio':>6} {'augmented':>10}")
        for dtype in ("bool", "float32"):
            slow = from_generator(folder, options.batch_size, dtype)
            fast, moved = (
                pipeline.batches(folder, options.batch_size, augment=augment, dtype=dtype)
                for augment in (False, True)
            )
            rounds = [[rate(way) for way in (slow, fast, moved)] for _ in range(options.rounds)]
            slow, fast, moved = map(max, zip(*rounds, strict=True))
            print(f"{dtype:8} {slow:15,.0f} {fast:9,.0f} {fast / slow:6.1f} {moved:10,.0f}")


if __name__ == "__main__":
    main()
