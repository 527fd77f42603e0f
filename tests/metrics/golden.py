"""The golden metric values: cases, their inputs rebuilt and checked, and the comparison."""

import json
import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "golden"
GOLDEN = json.loads(text.read_text()) if (text := FOLDER / "metrics_public.json").exists() else {}


def cases(*implementations: str, suffix: str = "") -> pytest.MarkDecorator:
    """Parametrises a test by the cases of some implementations; without the file it is skipped.

    `suffix` is how the name of the input ends.
    """
    if not GOLDEN:
        return pytest.mark.skip(f"{FOLDER.parent.name}/{FOLDER.name} beside the checkout is absent")
    chosen = [
        case
        for case in GOLDEN["cases"]
        if case["implementation"] in implementations and str(case["input"]).endswith(suffix)
    ]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case["id"])


def tracks(name: str) -> list[str]:
    return GOLDEN["inputs"][name]["tracks"]


@cache
def phrases(name: str) -> np.ndarray:
    """The cells of an input, refused unless their hash is right."""
    make = runpy.run_path(str(FOLDER / "make_cases.py"))
    wanted = GOLDEN["inputs"][name]
    if wanted["kind"] == "synthetic":
        cells = make["build"](**wanted["arguments"])
    else:
        packed = np.load(FOLDER / wanted["file"], allow_pickle=False)["packed"]
        count = int(np.prod(wanted["shape"]))
        cells = np.unpackbits(packed, count=count).reshape(wanted["shape"]).astype(bool)
    assert make["digest"](cells) == wanted["sha256_packbits"]
    cells.setflags(write=False)
    return cells


def agree(got, wanted, tolerance: float = 1e-6) -> None:
    """Fails unless all numbers are equal, absolutely or relatively; null stands for NaN."""
    np.testing.assert_allclose(
        np.array(got, float), np.array(wanted, float), rtol=tolerance, atol=tolerance
    )
