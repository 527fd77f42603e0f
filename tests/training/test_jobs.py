"""Trainings at the same time: their lines bear their names, and a mistake comes back as it is."""

import io

import numpy as np
import pytest

from musegen import Error
from musegen.data import demo
from musegen.training import jobs


@pytest.fixture
def command(tmp_path) -> list[str]:
    path = tmp_path / "phrases.npy"
    np.save(path, demo.phrases(8, n_steps=48))
    return ["--data", str(path), "--preset", "large", "--epochs", "1", "--no-jit", "--recipe"]


@pytest.mark.parametrize("at_a_time", [1, 2])
def test_chains_run_in_order_and_a_mistake_is_one_line(command, tmp_path, capfd, at_a_time):
    def training(track: str, recipe: str = "large"):
        out = ["--track", track, "--out", str(tmp_path / f"bvae-{track}")]
        return "bvae", [*command, recipe, *out]

    refine = [
        *command[:-1],
        "--track",
        "bass",
        "--bvaes",
        str(tmp_path),
        "--out",
        str(tmp_path / "r"),
    ]
    jobs.run_chains({"bass": [training("bass"), ("refine", refine)]}, at_a_time)
    assert (tmp_path / "r" / "refine-bass.keras").exists()
    lines = capfd.readouterr().out.splitlines()
    epochs = [line for line in lines if "epoch" in line]
    assert len(epochs) == 2
    assert all(line.startswith("bass  " if at_a_time == 2 else "epoch") for line in epochs)
    with pytest.raises(Error, match="bvae-bass: holds a run already"):
        jobs.run_chains({"bass": [training("bass")], "piano": [training("piano")]}, at_a_time)


def test_lines_are_marked_once_they_are_whole():
    stream = io.StringIO()
    marked = jobs._Marked(stream, "bass  ")
    for part in ("one\ntw", "o", "\n", "", "three"):
        marked.write(part)
    assert stream.getvalue() == "bass  one\nbass  two\n"
