"""A system needs only one line in the catalogue, and every command works with it."""

import json

import numpy as np
import pytest

from musegen import cli
from musegen.cli import run_script
from musegen.music.midi import read_piece
from musegen.music.piece_phrases import to_phrases
from musegen.system import EvaluatedRow

MUSIC = np.random.default_rng(0).random((4, 4, 48, 84, 5)) < 0.01


def generate(n, seed=0, z_std=None):
    return np.roll(MUSIC, seed, axis=3)[np.arange(n) % 4]


def restore(phrases, seed=0):
    return phrases.copy()


def interpolate(a, b, n, seed=0):
    return np.stack([a] * (n - 1) + [b])


def extend(bars, n_bars, seed=0):
    return np.resize(bars, (n_bars, *bars.shape[1:]))


def evaluate(phrases, n, seed=0, z_std=None):
    return [EvaluatedRow("generated", generate(n, seed)), EvaluatedRow("own", values={"KL": 2.0})]


CAN = {
    "generate": ("seed", "z_std"),
    "restore": ("seed",),
    "interpolate": ("seed",),
    "extend": ("seed",),
    "evaluate": ("z_std",),
}


@pytest.fixture
def toy(add_toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = {"restore": restore, "interpolate": interpolate, "extend": extend, "evaluate": evaluate}
    return add_toy("toy", CAN, generate=generate, **own)


def run(*words) -> None:
    assert cli.main([str(word) for word in words]) == 0


def test_it_generates_restores_and_interpolates(toy, write_song, capsys):
    run("generate", "toy", "-n", 3, "--seed", 2, "-o", "new.npy", "-o", "new.mid", "-o", "new.png")
    assert (np.load("new.npy") == generate(3, 2)).all()
    assert "3 phrases of 4 bars" in capsys.readouterr().out
    song = write_song()
    run("restore", song, "--system", toy, "-o", "same.npy")
    assert np.load("same.npy").any()
    run("interpolate", "toy", "--from", "new.npy", "--to", "new.npy", "-n", 4, "-o", "way.npy")
    assert (np.load("way.npy") == generate(1, 2)[0]).all()
    run("interpolate", "toy", "--seeds", 0, 1, "-n", 2, "-o", "way.npy")
    assert (np.load("way.npy") == [generate(1, 0)[0], generate(1, 1)[0]]).all()


def test_it_continues_a_song(toy, write_song):
    song = write_song()
    run("continue", song, "--system", toy, "--bars", 3, "-o", "longer.mid")
    longer, first = read_piece("longer.mid"), read_piece(song)
    end = int(first.bars(closed=True)[-1])
    ticks = longer.ticks_per_quarter // first.ticks_per_quarter
    assert longer.cut(0, end * ticks).quantised(480).notes.tolist() == first.notes.tolist()
    assert len(longer.bars()) == len(first.bars()) + 3
    assert longer.parts == first.parts
    added = to_phrases(longer.cut(end * ticks, longer.length), 48)[0, :3]
    assert added.any(axis=(1, 2)).all(axis=0).sum() == 3  # drums, piano and bass, in every bar


def test_it_is_evaluated(toy, capsys):
    np.save("music.npy", MUSIC)
    words = ["--data", "music.npy", "--system", "toy", "--phrases", "4", "--json", "all.json"]
    run_script("eval", "objective", words)
    said = capsys.readouterr().out
    assert "toy generated (4)" in said
    assert "toy own: KL 2" in said
    result = json.loads((toy.parent / "all.json").read_text())
    assert result["systems"] == {"toy own": {"KL": 2.0}}
    assert [row["name"] for row in result["rows"] if row["kind"] == "generated"] == [
        "toy generated"
    ]
    run_script("eval", "restoring", ["--data", "music.npy", "--system", "toy"])
    assert capsys.readouterr().out.splitlines()[-1].split() == ["toy,", "whole", *["1.000"] * 5]


def test_info_lists_it_and_its_networks(toy, capsys):
    run("info", "--json")
    assert json.loads(capsys.readouterr().out)["systems"]["toy"]["presets"] == ["toy"]
    run("info", "toy")
    assert "toy, preset toy: 7,140 parameters" in capsys.readouterr().out


def test_it_has_its_own_options_and_no_others(toy, capsys):
    with pytest.raises(SystemExit):
        cli.main(["generate", "toy", "--help"])
    said = capsys.readouterr().out
    assert "--z-std" in said
    assert "--binarisation" not in said
    assert "--no-refine" not in said
    with pytest.raises(SystemExit):
        cli.main(["interpolate", "toy", "--help"])
    said = capsys.readouterr().out
    assert "--phrase-from" in said
    assert "--grid" not in said
    assert cli.main(["generate", "toy", "--no-refine"]) == 2
    assert "--no-refine: toy has no such option to generate" in capsys.readouterr().err
    assert cli.main(["accompany", "song.mid", "--system", "toy"]) == 2
