"""Runs several trainings at the same time, each in its own process."""

import io
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import TextIO

from musegen.data.workers import processes

Stage = tuple[str, list[str]]  # a training script and its command line

# Without these settings the first process takes nearly all the memory of a GPU.
SHARING_A_GPU = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def run_chains(chains: Mapping[str, Sequence[Stage]], jobs: int) -> None:
    """Runs the stages of each chain one after the other, and `jobs` chains at a time.

    The lines that a chain prints start with its name. With one job all run in this process, and
    their lines have no names. If a stage fails, the chains that have begun go on to their end; then
    its error is raised.

    Example:
        >>> stages = {track: [("bvae", ["--track", track])] for track in ("bass", "drums")}
        >>> run_chains(stages, jobs=2)
    """
    if jobs == 1:
        for chain in chains.values():
            _run(chain)
        return
    for name, value in SHARING_A_GPU.items():
        os.environ.setdefault(name, value)
    width = max(map(len, chains), default=0)
    with processes(jobs, one_thread=False) as pool:
        begun = [pool.submit(_run_named, name, width, chain) for name, chain in chains.items()]
        for chain in begun:
            chain.result()


def _run(chain: Sequence[Stage]) -> None:
    from musegen.cli import run_script

    for script, flags in chain:
        run_script("train", script, flags)


def _run_named(name: str, width: int, chain: Sequence[Stage]) -> None:
    start = f"{name:<{width}}  "
    with redirect_stdout(_Marked(sys.stdout, start)), redirect_stderr(_Marked(sys.stderr, start)):
        _run(chain)


class _Marked(io.TextIOBase):
    """Passes whole lines on to a stream, with a text in front of each."""

    def __init__(self, stream: TextIO, start: str):
        self.stream, self.start, self.rest = stream, start, ""

    def write(self, text: str) -> int:
        *lines, self.rest = (self.rest + text).split("\n")
        if lines:
            self.stream.write("".join(f"{self.start}{line}\n" for line in lines))
            self.stream.flush()
        return len(text)
