"""Trainings that are interrupted, for tests that resumed ones end bit for bit the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from musegen.training import fit


def interrupt_second_epoch(train: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a training until its second epoch is trained but not yet kept."""
    printed = fit._print

    def interrupted(row, epoch, *facts):
        if epoch == 1:
            raise KeyboardInterrupt
        printed(row, epoch, *facts)

    with monkeypatch.context() as patch:
        patch.setattr(fit, "_print", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train()


def assert_same_checkpoints(one: Path, other: Path, least: int) -> None:
    """Compares the checkpoints of two runs; each has more than `least` arrays."""
    with (
        np.load(one / "checkpoint" / "last.npz") as first,
        np.load(other / "checkpoint" / "last.npz") as second,
    ):
        pairs = zip(first.files, second.files, strict=True)
        pairs = [pair for pair in pairs if pair != ("history.json", "history.json")]
        assert len(pairs) > least
        for names in pairs:
            np.testing.assert_array_equal(first[names[0]], second[names[1]])
