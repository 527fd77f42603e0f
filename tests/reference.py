"""Where the reference values stand: what the original code computed from seeded weights.

They are in `tests/golden/`; see the README there. If the environment variable `MUSEGEN_GOLDEN`
names a folder, the files in it, under the same names, take their place.
"""

import importlib.util
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
