"""`fit`: what it logs, keeps, and says when something goes wrong."""

import csv
import errno
import json
import os
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from musegen import Error
from musegen.data import load, pipeline, shards
from musegen.music.phrases import Layout
from musegen.training import array_batches, checkpoints
from musegen.training.fit import Measures, fit
from musegen.training.options import Options
from musegen.training.runs import Run

RNG = np.random.default_rng(0)
X = RNG.random((40, 6)).astype("float32")
Y = X[:, :2] > 0.5


def batches(epoch: int):
    return array_batches.batches((X, Y), 16, epoch=epoch)


def build(rate: float = 0.01, dropout: float = 0.5):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(2, activation="sigmoid", kernel_regularizer=keras.regularizers.L2()),
        ]
    )
    metrics = ["mse", "binary_accuracy"]
    model.compile(keras.optimizers.Adam(rate), "mse", metrics=metrics, run_eagerly=True)
    return model


def train(
    folder: Path,
    epochs: int,
    resume: bool = False,
    model=None,
    batches=batches,
    samples=None,
    monitor: str = "val_binary_accuracy",
    reconstruction: str | None = None,
    **options,
):
    model, options = model or build(), Options(epochs=epochs, **options)
    measures = Measures("", "binary_accuracy", reconstruction, monitor)
    validation = array_batches.batches((X, Y), 40, shuffle=False)
    with Run(folder, {"epochs": epochs}, resume) as run:
        history = fit(model, batches, run, options, measures, validation, samples)
    return model, history


def state(model) -> list[np.ndarray]:
    return checkpoints.values([*model.variables, *model.optimizer.variables])


def table(folder: Path) -> dict[str, list[float]]:
    with (folder / "history.csv").open() as file:
        lines = list(csv.DictReader(file))
    return {name: [float(line[name]) for line in lines] for name in lines[0]}


def test_history_has_a_row_for_each_epoch(tmp_path, capsys):
    _, history = train(tmp_path, 3, reconstruction="mse")
    logged = table(tmp_path)
    assert logged.pop("epoch") == [1, 2, 3]
    assert logged == history
    parts = ["loss", "kl", "binary_accuracy", "mse"]
    assert list(history) == [*parts, *(f"val_{part}" for part in parts), "seconds"]
    np.testing.assert_allclose(np.subtract(history["loss"], history["mse"]), history["kl"])
    assert all(value > 0 for value in history["val_kl"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith(f"epoch    3/3  loss {history['loss'][2]:.4g}  kl ")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="of TensorFlow's graphs")
def test_tensorflow_traces_a_training_step_once(tmp_path):
    traced = []

    class Traced(keras.Model):
        def train_step(self, data):
            traced.append(data)
            return super().train_step(data)

    inner = build()
    model = Traced(inner.inputs, inner.outputs)
    accuracy = keras.metrics.BinaryAccuracy()  # has its variables; from a name Keras makes it late
    model.compile(keras.optimizers.Adam(), "mse", metrics=[accuracy], jit_compile=False)
    even = array_batches.batches(
        (X[:32], Y[:32]), 16, epoch=0
    )  # else the last batch has another shape
    train(tmp_path, 2, model=model, batches=lambda epoch: even)
    assert len(traced) == 1


def test_terminal_shows_the_epoch_as_it_goes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("musegen.data.progress._TERMINAL_INTERVAL", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    train(tmp_path, 1)
    shown = capsys.readouterr().err
    assert "67%  2 batches, epoch    1/1, loss 0." in shown
    assert shown.endswith("\x1b[K")


@pytest.mark.parametrize(
    "policy", ["float32", pytest.param("mixed_float16", marks=pytest.mark.slow)]
)
def test_resumed_is_as_if_never_stopped(tmp_path, policy):
    keras.config.set_dtype_policy(policy)
    try:
        whole, history = train(tmp_path / "whole", 4)
        train(tmp_path / "parts", 2)
        parts, resumed = train(tmp_path / "parts", 4, resume=True)
    finally:
        keras.config.set_dtype_policy("float32")
    for one, other in zip(state(whole), state(parts), strict=True):
        np.testing.assert_array_equal(one, other)
    assert resumed["val_loss"] == history["val_loss"]
    names = [variable.name for variable in parts.optimizer.variables]
    assert ("dynamic_scale" in names) == (policy == "mixed_float16")


def test_samples_do_not_disturb_the_training(tmp_path):
    model, sampled = build(), []

    def samples(epoch):
        sampled.append(epoch)
        model(X, training=True)  # moves the dropout's generator on

    train(tmp_path / "with", 3, model=model, samples=samples)
    assert sampled == [1, 2, 3]
    without, _ = train(tmp_path / "without", 3)
    for one, other in zip(state(model), state(without), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_best_epoch_is_kept_and_survives_resuming(tmp_path):
    options = {"keep": "best", "monitor": "val_loss"}

    def unstable():  # a rate at which the loss goes up and down
        return build(rate=1.5, dropout=0.0)

    whole, history = train(tmp_path / "whole", 5, model=unstable(), **options)
    best = int(np.argmin(history["val_loss"]))
    assert 0 < best < 4
    scores = whole.evaluate(X, Y, batch_size=40, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(history["val_loss"][best])
    train(tmp_path / "parts", best + 1, model=unstable(), **options)
    (tmp_path / "parts/checkpoint/best.npz").unlink()  # as if killed just before it was written
    parts, _ = train(tmp_path / "parts", 5, resume=True, model=unstable(), **options)
    for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_patience_counts_on_when_resumed(tmp_path):
    options = {"patience": 2, "monitor": "val_loss"}
    _, history = train(tmp_path, 9, model=build(rate=0.0), **options)
    assert len(history["loss"]) == 3
    _, history = train(tmp_path, 12, resume=True, model=build(rate=0.0), **options)
    assert len(history["loss"]) == 3


def test_what_cannot_be_watched(tmp_path):
    with pytest.raises(Error, match="--val-split above 0"), Run(tmp_path / "a", {}) as run:
        fit(build(), batches, run, Options(epochs=1, keep="best"))
    with pytest.raises(Error, match="no val_f1 to find the best epoch by; there are loss, "):
        train(tmp_path / "b", 1, keep="best", monitor="val_f1")


def test_fewer_epochs_than_there_are(tmp_path):
    train(tmp_path, 2)
    with pytest.raises(Error, match="has 2 epochs already; --epochs 1 is fewer"):
        train(tmp_path, 1, resume=True)


def test_checkpoint_of_another_model_or_damaged(tmp_path):
    train(tmp_path, 1)
    other = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    other.compile("adam", "mse")
    with pytest.raises(Error, match=r"last\.npz: is of another model"):
        train(tmp_path, 2, resume=True, model=other)
    file = tmp_path / "checkpoint/last.npz"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(Error, match=r"last\.npz: damaged"):
        train(tmp_path, 2, resume=True)


def test_loss_that_is_no_number(tmp_path):
    def poisoned(epoch):
        return array_batches.batches((X * (np.nan if epoch == 2 else 1), Y), 16, epoch=epoch)

    with pytest.raises(
        Error, match=r"became nan in epoch 3; .*last\.npz holds the last good state"
    ):
        train(tmp_path, 4, batches=poisoned)
    model, _ = train(tmp_path, 2, resume=True)
    assert np.isfinite(model.get_weights()[0]).all()
    assert json.loads((tmp_path / "config.json").read_text())["finished"]


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) for n in ("last.npz", "best.npz", "history.csv")]
    + ["loss.png"],
)
def test_full_disk_is_one_line_and_loses_no_checkpoint(tmp_path, monkeypatch, name):
    options = {"keep": "best", "monitor": "val_loss"}
    replace = os.replace

    def full(source, target):
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    train(tmp_path, 1, **options)
    before = (tmp_path / "checkpoint/last.npz").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(Error, match=rf"{name}: cannot be written \(No space left on device\)"):
            train(tmp_path, 3, resume=True, **options)
    if name == "last.npz":
        assert (tmp_path / "checkpoint/last.npz").read_bytes() == before
    assert not [file for file in tmp_path.rglob(".*") if file.name != ".lock"]
    resumed, _ = train(tmp_path, 3, resume=True, **options)
    whole, _ = train(tmp_path / "whole", 3, **options)
    for one, other in zip(state(resumed), state(whole), strict=True):
        np.testing.assert_array_equal(one, other)


def test_shard_that_is_damaged_meanwhile(tmp_path):
    phrases = np.random.default_rng(0).random((32, 1, 4, 84, 5)) < 0.1
    for i in range(2):
        shards.write(tmp_path / "data", "train", i, phrases[16 * i :][:16], np.zeros(16, int))
    shards.write_manifest(tmp_path / "data", Layout(1, 4))
    data = load(tmp_path / "data")
    shard = tmp_path / "data/train-00001.npz"
    content = shard.read_bytes()

    def cells(x):
        x = x[:, 0, 0, :6, 0]
        return x, x[:, :2]

    def of_shards(epoch):
        if epoch == 1:
            shard.write_bytes(content[:200])
        return pipeline.batches(data, 8, map=cells, dtype="float32", epoch=epoch)

    with pytest.raises(Error) as caught:
        train(tmp_path / "run", 2, batches=of_shards)
    message = str(caught.value)
    assert message.startswith(f"{shard}: not a complete shard (")
    assert "\n" not in message
    assert len(table(tmp_path / "run")["loss"]) == 1
    assert (tmp_path / "run/checkpoint/last.npz").exists()


def test_tensorboard_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr("musegen.training.record.find_spec", lambda name: None)
    with pytest.raises(Error, match=r"tensorboard is not installed; pip install 'musegen\[tens"):
        train(tmp_path, 1, tensorboard=True)


# Keras 3.15 reads variables in a way that numpy 2.4 announces to end.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_tensorboard_gets_each_epoch(tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    train(tmp_path, 2, tensorboard=True)
    assert {file.parent.name for file in (tmp_path / "logs").rglob("events*")} == {
        "train", "validation"
    }  # fmt: skip
