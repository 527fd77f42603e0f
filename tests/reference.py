"""The reference values, which the original codes computed from seeded weights.

They are in `tests/golden/`; see the README there. If the environment variable `MUSEGEN_GOLDEN`
names a folder, the files in it, under the same names, take their place.
"""

import importlib.util
import json
import os
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

HERE = Path(__file__).parent / "golden"
FOLDER = Path(os.environ.get("MUSEGEN_GOLDEN") or HERE)


def file(name: str) -> Path:
    """The path of one file of reference values; the test is skipped where it is missing."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{path}: no such file of reference values", allow_module_level=True)
    return path


@cache
def arrays(name: str) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` file of reference values."""
    with np.load(file(name), allow_pickle=False) as found:
        return dict(found)


def compare(what: str, ours, theirs, tolerance: float, scale: float | None = None) -> None:
    """Fails unless all numbers agree within `tolerance` times `scale`, by default the largest one.

    Where `MUSEGEN_GAPS` names a file, the largest difference is added to it as a line of JSON; the
    table in docs/fidelity.md is made of those.
    """
    ours, theirs = np.asarray(ours, float).ravel(), np.asarray(theirs, float).ravel()
    scale = np.abs(theirs).max(initial=0.0) if scale is None else scale
    if log := os.environ.get("MUSEGEN_GAPS"):
        gap = np.abs(ours - theirs).max(initial=0.0) / (scale or 1.0)
        test = os.environ["PYTEST_CURRENT_TEST"].split(" ")[0]
        line = {"test": test, "what": what, "gap": float(gap), "tolerance": tolerance}
        with open(log, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale, err_msg=what)


def recipe(name: str) -> ModuleType:
    """The module that draws the weights and inputs of a system by their names and a seed."""
    path = HERE / name
    spec = importlib.util.spec_from_file_location(f"recipe_{path.parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bits(packed: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """The cells of a piano-roll that is stored as bits."""
    return np.unpackbits(packed)[: np.prod(shape)].reshape(shape).astype(bool)


def numbers(value) -> np.ndarray:
    """A tensor of any backend, a variable or an array, as numbers."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(value))
