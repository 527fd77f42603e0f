"""Runs the comparisons with the original code again, on JAX and PyTorch."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from backends import environment

HERE = Path(__file__).parent
FILES = [
    HERE / name / f"test_{name}_golden.py"
    for name in ("midi_sandwich2", "musegan", "bachprop", "mvae", "duet_hlstm")
]
# The updates of ten MuseGANs take ten minutes on JAX; these four have all layers and critics.
ON_JAX = {"musegan": "not updates or [hybrid] or rnn or composer-conditional or jamming-bar"}


@pytest.mark.slow
@pytest.mark.golden
@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_parity_on_another_backend(file, backend):
    """Runs them in another process, since a process of Keras has one backend."""
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    if backend == "jax":
        command += ["-k", ON_JAX.get(file.parent.name, "test")]
    answer = subprocess.run(
        [*command, "-m", "golden" if backend == "jax" else "golden and not slow"],
        env=environment(backend), capture_output=True, text=True,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout[-3000:]
    assert " passed" in answer.stdout
