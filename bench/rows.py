"""Runs the rows of a benchmark in processes of their own, as a process of Keras has one backend."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any


def in_process(script: str, words: Sequence[str], backend: str, seconds: int) -> Any | str:
    """Runs a script and returns its last line, which is JSON, or the reason why it failed.

    Args:
        script: path of the script.
        words: arguments of the script.
        backend: backend of Keras.
        seconds: time limit.
    """
    if find_spec(backend) is None:
        return f"{backend} is not installed"
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = {"env": environment, "capture_output": True, "text": True, "timeout": seconds}
    try:
        done = subprocess.run([sys.executable, script, *words], check=False, **run)
    except subprocess.TimeoutExpired:
        return f"not done after {seconds} s"
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "Error" in line]
        return f"failed: {(lines or ['killed'])[-1].strip()[:100]}"
    return json.loads(done.stdout.splitlines()[-1])


def timed(function: Callable, times: int) -> float:
    """Returns the least seconds of some calls, after one that compiles."""
    function()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def in_rounds(
    script: str, rows: Mapping[str, tuple], words: Sequence[str], rounds: int, seconds: int
) -> dict[str, list]:
    """Runs rows one after the other, in several rounds, and returns the results of each.

    Args:
        script: path of the script, which measures the row that `--row` names.
        rows: part, backend and kind of each row by its name.
        words, seconds: as of `in_process`.
        rounds: number of rounds.
    """
    found: dict[str, list] = {}
    for _ in range(rounds):
        for name, (_, backend, _) in rows.items():
            result = in_process(script, ["--row", name, *words], backend, seconds)
            found.setdefault(name, []).append(result)
    return found


def print_rows(
    found: Mapping[str, list],
    rows: Mapping[str, tuple],
    best: Mapping[str, Callable],
    units: Mapping[str, str],
) -> None:
    """Prints the best result of each row, and its ratio to the first row of its part.

    Args:
        found: results of each row by its name, from `in_rounds`.
        rows: part, backend and kind of each row.
        best: function that chooses the best of the results of a part.
        units: unit of the results of a part.
    """
    wide, first = max(map(len, rows)), {}
    for name, results in found.items():
        part = rows[name][0]
        numbers = [result for result in results if isinstance(result, float)]
        if not numbers:
            print(f"{name:{wide}} {results[0]}")
            continue
        value = best[part](numbers)
        ratio = value / first.setdefault(part, value)
        print(f"{name:{wide}} {value:10.2f} {units[part]:10} {ratio:8.2f}")
