"""Measures the memory of `pipeline.batches` while it reads 100,000 phrases of 48 steps.

    python bench/streaming_memory.py [--phrases 100000] [--batch-size 64]

It prints the peak memory of a process that reads the phrases, less its memory after TensorFlow and
Keras were loaded, and compares it with the size of the phrases as one dense array. Linux only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from musegen.data import demo, pipeline, shards
from musegen.music.phrases import Layout

LAYOUT = Layout(n_steps=48)


def write_shards(folder: Path, n: int) -> None:
    """Writes shards of the same demo phrases, each in another order."""
    phrases = demo.phrases(n=shards.SIZE, n_steps=LAYOUT.n_steps)
    rng = np.random.default_rng(0)
    for index, start in enumerate(range(0, n, shards.SIZE)):
        mixed = phrases[rng.permutation(len(phrases))[: n - start]]
        shards.write(folder, "train", index, mixed, np.arange(len(mixed)))
    shards.write_manifest(folder, LAYOUT)


def resident(which: str) -> int:
    """Returns the memory of this process in bytes: `VmRSS` for now, `VmHWM` for the peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))


def stream(folder: str, batch_size: int) -> None:
    """Reads one epoch; prints the number of phrases, the memory before it and the peak."""
    import keras
    import tensorflow as tf

    keras.ops.zeros(1)
    before = resident("VmRSS")
    batches = pipeline.batches(folder, batch_size, augment=True)
    n = batches.reduce(np.int64(0), lambda n, batch: n + tf.shape(batch, tf.int64)[0])
    print(int(n), before, resident("VmHWM"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phrases", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--stream", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stream:
        stream(options.stream, options.batch_size)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_shards(Path(folder), options.phrases)
        disk = sum(file.stat().st_size for file in Path(folder).iterdir())
        command = [sys.executable, __file__, "--stream", folder]
        command += ["--batch-size", str(options.batch_size)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    n, before, peak = map(int, out.split())
    dense = n * LAYOUT.n_cells
    print(f"phrases streamed    {n:,}, {disk / 1e6:,.0f} MB on disk, {dense / 1e9:.2f} GB dense")
    print(f"TensorFlow loaded   {before / 1e6:,.0f} MB")
    print(f"peak above it       {(peak - before) / 1e6:,.0f} MB")
    print(f"dense / peak        {dense / (peak - before):.0f}")


if __name__ == "__main__":
    main()
