"""Trainings at the same time: their lines bear their names, and a mistake comes back as it is."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from musegen import Error
from musegen.data import demo
from musegen.training import jobs


@pytest.fixture
def command(tmp_path) -> list[str]:
    path = tmp_path / "phrases.npy"
    np.save(path, demo.phrases(8, n_steps=48))
    return ["--data", str(path), "--preset", "large", "--epochs", "1", "--no-jit"]


@pytest.mark.slow
@pytest.mark.parametrize("at_a_time", [1, 2])
def test_chains_run_in_order_and_to_their_end_and_a_mistake_is_one_line(
    command, tmp_path, capfd, at_a_time
):
    def stage(script: str, track: str, *flags: str):
        out = tmp_path / f"{script}-{track}"
        return script, [*command, "--track", track, "--out", str(out), *flags]

    of_bass = [
        stage("bvae", "bass", "--recipe", "large"),
        stage("refine", "bass", "--bvaes", str(tmp_path)),
    ]
    mistaken = [stage("refine", "piano", "--bvaes", str(tmp_path))]
    with pytest.raises(Error, match=r"bvae-piano\.keras: no such file"):
        jobs.run_chains({"bass": of_bass, "piano": mistaken}, at_a_time)
    assert (tmp_path / "refine-bass" / "refine-bass.keras").exists()
    epochs = [line for line in capfd.readouterr().out.splitlines() if "epoch" in line]
    assert len(epochs) == 2
    assert all(line.startswith("bass   " if at_a_time == 2 else "epoch") for line in epochs)


def test_lines_are_marked_once_they_are_whole():
    stream = io.StringIO()
    marked = jobs._Marked(stream, "bass  ")
    for part in ("one\ntw", "o", "\n", "", "three"):
        marked.write(part)
    assert stream.getvalue() == "bass  one\nbass  two\n"


def tell(name: str, width: int, chain: list) -> None:
    """Stands for what a child runs: it writes down its environment."""
    Path(chain[0]).write_text(json.dumps(dict(os.environ)))


def test_children_share_a_gpu_and_keep_their_threads(tmp_path, monkeypatch):
    for name in (*jobs.SHARING_A_GPU, "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "as the user has it")
    monkeypatch.setattr(jobs, "_run_named", tell)
    jobs.run_chains({name: [str(tmp_path / name)] for name in ("one", "other")}, 2)
    for name in ("one", "other"):
        found = json.loads((tmp_path / name).read_text())
        assert found["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
        assert found["TF_FORCE_GPU_ALLOW_GROWTH"] == "as the user has it"
        assert "OMP_NUM_THREADS" not in found
    assert jobs.SHARING_A_GPU["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


PARENT = """
import os, time
from musegen.data.workers import processes
if __name__ == "__main__":
    with processes(2, one_thread=False) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(120)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes by /proc")
def test_a_training_ends_when_the_process_that_started_it_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        time.sleep(0.1)
        status = Path(f"/proc/{child}/stat")
        if not status.exists() or status.read_text().split()[2] == "Z":
            return
    os.kill(child, 9)
    pytest.fail("the child went on")
