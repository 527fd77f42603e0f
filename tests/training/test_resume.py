"""A real training, killed in the midst of an epoch and resumed, ends as if it had never stopped."""

import signal
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

SCRIPT = """
import os, signal, sys

from musegen.training.options import Options, jit_compile, prepare

backend, folder, how = sys.argv[1:]
if backend != "tensorflow":
    sys.modules["tensorflow"] = None  # as where it is not installed
options = Options(backend=backend, epochs=4, keep="best")
prepare(options)

import numpy as np
from musegen.data import load, pipeline
from musegen.models.midi_sandwich2.bvae import bvae
from musegen.models.midi_sandwich2.settings import BVAESettings
from musegen.models.layers.cell_metrics import ActiveF1
from musegen.training.fit import Measures, fit
from musegen.training.runs import Run
from musegen.training.split_batch import split_batches

train, val = load(np.random.default_rng(0).random((30, 2, 6, 84, 5)) < 0.1).split(0.2)


def pair(bars):
    bars = 2 * bars[:, 0, :, :, 3] - 1
    return bars, bars


def batches(data, **order):
    return pipeline.batches(data.bars, 8, map=pair, dtype="float32", **order)


def of_epoch(epoch):
    if epoch == 2 and "killed" in how:
        step, taken = model.train_function, []

        def last_step(*state):
            taken.append(state)
            return step(*state) if len(taken) < 4 else os.kill(os.getpid(), signal.SIGKILL)

        model.train_function = last_step
    return batches(train, epoch=epoch)


model = bvae(BVAESettings(width=6, latent=4), n_steps=6)
metrics = ["mse", ActiveF1()]
model.compile("rmsprop", "mse", metrics=metrics, jit_compile=jit_compile(options))
assert split_batches(model) == (backend == "jax" and os.cpu_count() > 1)
with Run(folder, {}, resume="resumed" in how) as run:
    measures = Measures("", "f1", reconstruction="mse", monitor="val_loss")
    fit(model, of_epoch, run, options, measures, batches(val, shuffle=False))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_killed_and_resumed_ends_bit_for_bit_the_same(tmp_path, backend):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")

    def script(folder, how):
        command = [sys.executable, "-c", SCRIPT, backend, str(tmp_path / folder), how]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(process):
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    both = script("whole", "whole"), script("parts", "killed")
    whole, killed = map(finish, both)
    assert whole[0] == 0, whole[2]
    assert killed[0] == -signal.SIGKILL, killed[2]
    assert len((tmp_path / "parts/history.csv").read_text().splitlines()) == 1 + 2
    status, out, err = finish(script("parts", "resumed"))
    assert status == 0, err
    assert [line.split()[1] for line in out.splitlines()] == ["3/4", "4/4"]
    for name in ("last.npz", "best.npz"):
        assert_same(tmp_path / "whole/checkpoint" / name, tmp_path / "parts/checkpoint" / name)


def assert_same(one, other):
    with np.load(one) as one, np.load(other) as other:
        arrays = [key for key in one.files if key != "history.json"]
        assert len(arrays) > 10
        for key in arrays:
            np.testing.assert_array_equal(one[key], other[key])
