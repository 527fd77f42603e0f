"""The reference values of the metrics, with functions to rebuild inputs and to compare values."""

import json
import runpy
from functools import cache

import numpy as np
import pytest
import reference

PATH = reference.FOLDER / "metrics_public.json"
GOLDEN = json.loads(PATH.read_text()) if PATH.exists() else {}


def cases(*implementations: str, suffix: str = ""):
    """Parametrises a test by the cases of some implementations; skips it without the file.

    Args:
        implementations: names of the implementations.
        suffix: end of the name of the input.
    """
    if not GOLDEN:
        return lambda test: pytest.mark.golden(
            pytest.mark.skip(f"{PATH}: no such file of reference values")(test)
        )
    chosen = [
        case
        for case in GOLDEN["cases"]
        if case["implementation"] in implementations and str(case["input"]).endswith(suffix)
    ]
    parametrize = pytest.mark.parametrize("case", chosen, ids=lambda case: case["id"])
    return lambda test: pytest.mark.golden(parametrize(test))


def tracks(name: str) -> list[str]:
    return GOLDEN["inputs"][name]["tracks"]


@cache
def phrases(name: str) -> np.ndarray:
    """Rebuilds the cells of an input, and checks their hash."""
    make = runpy.run_path(str(reference.HERE / "make_cases.py"))
    wanted = GOLDEN["inputs"][name]
    if wanted["kind"] == "synthetic":
        cells = make["build"](**wanted["arguments"])
    else:
        cells = reference.bits(reference.arrays(wanted["file"])["packed"], wanted["shape"])
    assert make["digest"](cells) == wanted["sha256_packbits"]
    cells.setflags(write=False)
    return cells


def agree(got, wanted, tolerance: float = 1e-6) -> None:
    """Fails unless all numbers are equal, absolutely or relatively; null stands for NaN."""
    np.testing.assert_allclose(
        np.array(got, float), np.array(wanted, float), rtol=tolerance, atol=tolerance
    )
