"""`eval restoring`: F1 of restored cells, a row for each way to restore."""

import json

import numpy as np
import pytest

from musegen import Error
from musegen.cli import run_script
from musegen.music.phrases import TRACKS


def copied(phrases, seed, fusion):
    """Restores everything; without fusion only the first half of each bar, and no bass."""
    phrases = phrases.copy()
    if not fusion:
        phrases[:, :, 24:] = False
        phrases[..., TRACKS.index("bass")] = False
    return phrases


@pytest.fixture
def folder(tmp_path, music, monkeypatch, add_toy):
    music = music.copy()
    music[:, :, 24:] = music[:, :, :24]
    music[..., TRACKS.index("strings")] = False
    np.save(tmp_path / "music.npy", music)
    monkeypatch.chdir(tmp_path)
    add_toy("copier", {"restore": ("seed", "fusion")}, restore=copied)
    add_toy("gan", {"generate": ("seed",)})
    return tmp_path


def test_f1_of_each_track_and_way(folder, capsys):
    run_script(
        "eval", "restoring", ["--data", "music.npy", "--system", "copier", "--json", "f1.json"]
    )
    title, header, whole, alone = capsys.readouterr().out.splitlines()
    assert title == "F1 of the cells that are on, 12 phrases of music.npy"
    assert header.split() == list(TRACKS)
    assert whole.split()[-5:] == ["1.000", "1.000", "1.000", "1.000", "-"]
    assert alone.startswith("copier, tracks alone ")
    told = json.loads((folder / "f1.json").read_text())
    # Half of the cells found and none too many: precision 1, recall 1/2.
    half = pytest.approx([2 / 3, 2 / 3, 2 / 3, 0])
    assert told["f1"]["copier, tracks alone"][:4] == half
    assert told["f1"]["copier, whole"][-1] is None


def test_the_real_system_has_all_ways(system, system_folder, tmp_path, music, capsys):
    np.save(tmp_path / "music.npy", music[:2])
    words = ["--data", str(tmp_path / "music.npy"), "--system", str(system_folder)]
    run_script("eval", "restoring", words)
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(", ", 1)[1].split("  ")[0] for row in rows] == [
        "whole", "without refine", "tracks alone", "tracks alone, without refine"
    ]  # fmt: skip


def test_mistakes(folder):
    with pytest.raises(Error, match="there is no folder nowhere"):
        run_script("eval", "restoring", ["--data", "music.npy", "--json", "nowhere/f1.json"])
    with pytest.raises(Error, match="has no val split"):
        run_script("eval", "restoring", ["--data", "music.npy", "--split", "val"])


def test_a_system_that_only_generates_is_refused(folder):
    with pytest.raises(Error, match="gan: cannot restore, but it can generate; midi-s2, "):
        run_script("eval", "restoring", ["--data", "music.npy", "--system", "gan"])
