"""A row of a bench in a process of its own, since Keras has one backend a process."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any


def in_process(script: str, words: Sequence[str], backend: str, seconds: int) -> Any | str:
    """What a script prints last, as JSON, when it is run with such a backend; or why it does not.

    Args:
        seconds: after which it is given up.
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
