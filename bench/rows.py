"""Runs a row of a benchmark in a process of its own, as a process of Keras has one backend."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
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
