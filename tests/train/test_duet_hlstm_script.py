"""The script that trains DuetHLSTM, run as a user runs it, on few phrases."""

import csv
import json
import math
from dataclasses import replace

import keras
import numpy as np
import pytest
import reference
from resuming import assert_same_checkpoints, interrupt_second_epoch

import musegen
from musegen.cli import run_script
from musegen.models.duet_hlstm import settings as presets
from musegen.models.duet_hlstm.duet_hlstm import compiled, duet_hlstm
from musegen.models.duet_hlstm.settings import PRESETS
from musegen.models.duet_hlstm.step_windows import StepTable, as_steps, batches, window_order
from musegen.models.duet_hlstm.system import DuetHLSTM
from musegen.music import midi

pytestmark = pytest.mark.slow

KINDS = {  # flags beside the data
    "paper": ["--batch-size", 100, "--val-split", 0.2],
    "repo": ["--preset", "repo", "--batch-size", 12, "--samples", 7],
    "drawing": [
        "--head",
        "sigmoid",
        "--decode",
        "bernoulli",
        "--batch-size",
        100,
        "--optimizer",
        "muon",
    ],
}
SAMPLE = reference.arrays("duet/duet_sample.npz")
PHRASES = reference.bits(SAMPLE["packed"], SAMPLE["shape"])


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """Narrow networks, which train in no time."""
    for name, own in PRESETS.items():
        monkeypatch.setitem(presets.PRESETS, name, replace(own, widths=(12, 8)))


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "phrases.npy"
    np.save(path, PHRASES[:25])
    return path


def train(kind: str, music, out, *flags) -> None:
    line = ["--data", music, "--epochs", 2, "--out", out, *KINDS[kind], *flags]
    run_script("train", "duet_hlstm", list(map(str, line)))


def table(path) -> list[dict[str, float]]:
    with path.open() as file:
        return [
            {name: float(x or "nan") for name, x in row.items()} for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_leaves_a_system_curves_figures_and_samples(kind, music, tmp_path):
    folder = tmp_path / "run"
    train(kind, music, folder)
    rows, made = table(folder / "history.csv"), table(folder / "generated.csv")
    assert [row["epoch"] for row in rows] == [row["epoch"] for row in made] == [1, 2]
    assert all(math.isfinite(value) for row in rows for value in row.values())
    assert ("val_loss" in rows[0]) == (kind == "paper")
    names = {f"{x}_{t}" for x in ("density", "silent", "unchanged", "notes", "most")
             for t in ("piano", "strings")}  # fmt: skip
    assert made[0].keys() == names | {"epoch"}
    for path in ("loss.png", "samples/epoch-0002.png", "samples/epoch-0002.mid"):
        assert (folder / path).stat().st_size > 0
    original, continued = (
        midi.phrases(folder / "samples" / f"{name}.mid") for name in ("original", "epoch-0002")
    )
    np.testing.assert_array_equal(original[:, 0, :4], continued[:, 0, :4])
    measured = json.loads((folder / "evaluation.json").read_text())
    assert set(measured) == {"train", "held out"} if kind == "paper" else {"train"}
    assert measured["train"]["phrases"] == (20 if kind == "paper" else 25)
    assert 0 < measured["train"]["loss"] < 1
    system = musegen.load(folder)
    assert (system.entry.name, system.preset) == ("duet-hlstm", kind.replace("drawing", "paper"))
    assert system.generate(3).shape == (3, 4, 8, 84, 5)
    assert {own.tobytes() for own in system.beginnings} <= {
        own[:4].tobytes() for own in as_steps(PHRASES[:25])
    }


@pytest.mark.parametrize("kind", ["paper", "repo"])
def test_interrupted_and_resumed_it_ends_bit_for_bit_the_same(kind, music, tmp_path, monkeypatch):
    """The interruption comes when the second epoch is trained but not yet kept.

    With repo that epoch begins in the state that the samples of the first one left.
    """
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(kind, music, whole)
    interrupt_second_epoch(lambda: train(kind, music, parts), monkeypatch)
    train(kind, music, parts, "--resume")
    assert_same_checkpoints(whole, parts, 48)
    for name in ("generated.csv", "evaluation.json"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()


def test_mixed_precision_and_half(music, tmp_path):
    """And the state, with repo, that goes from the samples into the next epoch."""
    try:
        train("repo", music, tmp_path / "run", "--precision", "mixed_bfloat16", "--half")
    finally:
        keras.config.set_dtype_policy("float32")
    assert musegen.load(tmp_path / "run").generate(1).shape == (1, 4, 8, 84, 5)


def test_it_learns_the_public_phrases(monkeypatch):
    """6,000 updates on 50 phrases, with the head sigmoid: out of the plateau of some 2,500
    updates, in which it knows only how often each pitch sounds; the accompaniment comes first."""
    monkeypatch.undo()
    settings, steps = PRESETS["repo"], as_steps(PHRASES)
    keras.utils.set_random_seed(0)
    known, network = StepTable.of_steps(steps), duet_hlstm(settings)
    for layer in network.layers:
        layer.unroll = True  # of the LSTMs: the same, a fifth faster
    compiled(network, settings, keras.optimizers.Adam(1e-3))
    epochs = -(-6000 // 27)
    starts = [window_order(known, settings, 50, 0, epoch) for epoch in range(epochs)]
    starts = np.concatenate(starts)[: 6000 * 50]
    network.fit(batches(known, starts, settings, 50), shuffle=False, verbose=0)
    found = DuetHLSTM("repo", network).predicted(known)
    assert found["loss"] < 0.07
    assert found["F1 strings"] > 0.65
