"""Measures the speed and the memory of `musegen data prepare`, and prints three ratios.

    python bench/prepare.py [CORPUS] [--songs 3000] [--repeat 2]

CORPUS is anything that holds MIDI files; by default Debian's `freedoom` if it is installed, else
songs of the built-in band. The ratios are:

- the time from MIDI file to five-track phrases, to that of `pypianoroll.read`, of the same files on
  one core;
- the time with two workers to that with one, for `--songs` songs. This is wall time, which other
  programs lengthen; the ratio of processor times shows what two idle cores could reach;
- the peak memory for `--songs` songs to that for a tenth of them.

The corpus repeats the songs; bytes after the last track make each copy a different file.
"""

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from musegen import Error
from musegen.data import corpora, demo
from musegen.data.sources import items
from musegen.music import midi

ROOT = Path(__file__).resolve().parents[1]


def songs(source: str | None) -> list[bytes]:
    """Reads the MIDI files of a corpus."""
    if source is None:
        try:
            source = corpora.files("freedoom") and "freedoom"
        except Error:
            phrases, song = demo.songs(40)
            scores = (midi.to_score(phrases[song == k], gap=0) for k in range(40))
            return [score.dumps_midi() for score in scores]
    return [item.data for item in items(source) if item.kind == "midi"]


def write_corpus(path: Path, files: list[bytes], n: int) -> Path:
    """Writes a tar archive of `n` different files."""
    with tarfile.open(path, "w") as archive:
        for k in range(n):
            data = files[k % len(files)] + b"%08d" % k
            info = tarfile.TarInfo(f"{k:06}.mid")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def prepare(source: Path, out: Path, workers: int) -> tuple[float, float, float]:
    """Runs `prepare` in another process; returns wall and processor seconds and peak megabytes."""
    command = [sys.executable, "-m", "musegen", "data", "prepare", source, "-o", out]
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--workers", str(workers)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("prepare failed")
    seconds = time.perf_counter() - start
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def against_pypianoroll(files: list[bytes], folder: Path, repeat: int) -> None:
    """Prints the times of pypianoroll and musegen in the fastest of several passes.

    Files that one of them cannot read are left out.
    """
    import pypianoroll

    def ours(path: Path) -> None:
        midi.phrases(path)

    def seconds(read: Callable, paths: list[Path]) -> float:
        start = time.perf_counter()
        for path in paths:
            read(path)
        return time.perf_counter() - start

    paths = []
    for k, data in enumerate(files):
        path = folder / f"{k}.mid"
        path.write_bytes(data)
        with contextlib.suppress(Exception):
            ours(path)
            pypianoroll.read(path)
            paths.append(path)
    passes = [(seconds(pypianoroll.read, paths), seconds(ours, paths)) for _ in range(repeat)]
    theirs, mine = (1000 * min(found) / len(paths) for found in zip(*passes, strict=True))
    print(
        f"MIDI to phrases, {len(paths)} files, ms a file: pypianoroll.read {theirs:.2f}, "
        f"musegen {mine:.2f}; {theirs / mine:.1f} times (30 wanted)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", nargs="?")
    parser.add_argument("--songs", type=int, default=3000)
    parser.add_argument("--repeat", type=int, default=2)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    files = songs(args.corpus)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        against_pypianoroll(files[:40], folder, args.repeat)

        large = write_corpus(folder / "large.tar", files, args.songs)
        small = write_corpus(folder / "small.tar", files, args.songs // 10)
        runs = {1: [], 2: []}
        for k in range(args.repeat):
            for workers, found in runs.items():
                found.append(prepare(large, folder / f"{k}-{workers}", workers))
        (one, one_busy, one_peak), (two, two_busy, _) = (min(found) for found in runs.values())
        print(
            f"prepare, {args.songs} songs: {one:.2f} s with 1 worker, {two:.2f} s with 2; "
            f"{one / two:.2f} times (1.7 wanted; processor time {one_busy:.2f} and "
            f"{two_busy:.2f} s would allow {2 * one_busy / two_busy:.2f})"
        )
        *_, small_peak = prepare(small, folder / "small", 1)
        print(
            f"peak memory: {small_peak:.0f} MB for {args.songs // 10} songs, {one_peak:.0f} MB for "
            f"{args.songs}; {one_peak / small_peak:.2f} times (at most 1.2 wanted)"
        )


if __name__ == "__main__":
    main()
