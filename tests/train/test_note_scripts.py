"""The scripts that train on notes, run as a user runs them, on few songs and narrow networks."""

import csv
import json
import math

import numpy as np
import pytest
from resuming import assert_same_checkpoints, interrupt_second_epoch

import musegen
from musegen import cli
from musegen.cli import run_script
from musegen.data import demo_tunes, note_store
from musegen.data.piece_loading import load_pieces
from musegen.music.midi import read_piece, write_piece

pytestmark = pytest.mark.slow

SCRIPTS = {  # by system and preset: the script and its flags
    "mvae paper": ("mvae", []),
    "bachprop paper": ("bachprop", ["--no-jit"]),  # XLA takes half a minute
    "bachprop repo": ("bachprop", ["--preset", "repo"]),
}
RESUMED = ("mvae paper", "bachprop repo")


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Six tunes, one of which validates."""
    folder = tmp_path_factory.mktemp("data") / "songs"
    splits = ("train", "train", "train", "train", "val", "test")
    tunes = [demo_tunes.song(k) for k in range(len(splits))]
    note_store.write(list(zip(tunes, splits, strict=True)), folder)
    write_piece(tunes[5], folder.parent / "song.mid")
    return folder


def train(kind: str, songs, out, epochs: int, *flags: str) -> None:
    script, own = SCRIPTS[kind]
    line = ["--data", songs, "--width", 8, "--batch-size", 16, "--epochs", epochs, "--out", out]
    run_script("train", script, [*map(str, line), *own, *flags])


@pytest.fixture(scope="module")
def whole(tmp_path_factory, songs):
    """The folders of trainings that are run once, two epochs."""
    folder, known = tmp_path_factory.mktemp("runs"), {}

    def trained(kind: str):
        if kind not in known:
            known[kind] = folder / kind.replace(" ", "-")
            train(kind, songs, known[kind], 2)
        return known[kind]

    return trained


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_run_leaves_a_system_curves_and_samples(
    kind, whole, songs, tmp_path, monkeypatch, capsys
):
    folder, (name, preset) = whole(kind), kind.split()
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())
    columns = {"loss", "rec", "accuracy", "rec_dT", "accuracy_P", "val_rec", "val_accuracy"}
    assert columns <= rows[0].keys()
    assert ("kl" in rows[0]) == (name == "mvae")
    for path in ("loss.png", "samples/epoch-0002.png", "samples/epoch-0002.mid"):
        assert (folder / path).stat().st_size > 0
    measured = json.loads((folder / "evaluation.json").read_text())
    assert set(measured) == {"train", "held out"}
    assert measured["train"]["Rec."] > 0
    assert json.loads((folder / "config.json").read_text())["finished"]
    system = musegen.load(folder)
    assert (system.entry.name, system.preset, system.settings.width) == (name, preset, 8)

    # And the commands play with it.
    monkeypatch.chdir(tmp_path)
    song = str(songs.parent / "song.mid")
    calls = {
        "generate": ["generate", folder, "-n", 2, "--length", 20, "--temperature", 1],
        "restore": ["restore", song, "--system", folder],
        "interpolate": ["interpolate", folder, "--from", song, "--to", song, "-n", 2],
        "extend": ["continue", song, "--system", folder, "--bars", 2],
    }
    assert "generate" in system.can
    for method in calls.keys() & system.can.keys():
        capsys.readouterr()
        words = [*calls[method], "-o", f"{method}.mid", "-o", f"{method}.npz", "-o", "x.png"]
        assert cli.main([str(word) for word in words]) == 0, capsys.readouterr().err
        assert len(load_pieces(f"{method}.npz")) == (
            2 if method in ("generate", "interpolate") else 1
        )
    if "extend" in system.can:
        longer = read_piece("extend.mid")
        first = read_piece(song).quantised(longer.ticks_per_quarter)
        lines = first.bars(closed=True)
        assert longer.cut(0, int(lines[-1])).notes.tolist() == first.notes.tolist()
        assert len(longer.bars()) <= len(lines) - 1 + 2


@pytest.mark.parametrize("kind", RESUMED)
def test_interrupted_and_resumed_it_ends_bit_for_bit_the_same(
    kind, whole, songs, tmp_path, monkeypatch
):
    """The interruption comes when an epoch is trained but not yet kept."""
    one, other = whole(kind), tmp_path / "parts"
    interrupt_second_epoch(lambda: train(kind, songs, other, 2), monkeypatch)
    train(kind, songs, other, 2, "--resume")
    assert_same_checkpoints(one, other, 50)
    weights = (musegen.load(path).network.get_weights() for path in (one, other))
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (one / "evaluation.json").read_bytes() == (other / "evaluation.json").read_bytes()


def test_bachprop_learns_songs_too_short_for_a_segment(tmp_path):
    """As it reads songs of any length."""
    notes = [demo_tunes.song(k).cut(0, 4 * 96) for k in range(3)]
    note_store.write_pieces(tmp_path / "short.npz", notes)
    assert max(map(len, notes)) < 100
    train("bachprop repo", tmp_path / "short.npz", tmp_path / "run", 1)
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text()) == {}
    assert len(musegen.load(tmp_path / "run").generate(2, length=9)) == 2
