"""Rows of trained systems beside data and printed tables."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toys

from musegen import Error
from musegen.cli import run_script
from musegen.data import load
from musegen.eval.tables import evaluated
from musegen.metrics import muse
from musegen.music.phrases import resample
from musegen.system import EvaluatedRow

ROWS = ["MSG1, without refine", "MSG2, generator", "MSR, restore"]


@pytest.fixture
def run(tmp_path, music, monkeypatch, capsys):
    """Runs the command in a folder with data of 48 and of 96 steps; returns what it printed."""
    np.save(tmp_path / "music.npy", music)
    np.save(tmp_path / "fine.npy", resample(music, 96))
    monkeypatch.chdir(tmp_path)

    def command(*options: str) -> str:
        run_script("eval", "objective", [*options])
        return capsys.readouterr().out

    return command


@pytest.fixture
def fakes(add_toy):
    """Systems that answer at once: `writer` generates, `copier` restores, `fine` has 96 steps."""

    def generated(phrases, n: int, seed: int = 0, z_std=None):
        made = np.zeros((n, 4, 48, 84, 5), bool)
        made[:, :, ::12, 24 + seed] = True
        return toys.rows(generated=made)

    def restored(phrases, n: int, seed: int = 0, z_std=None):
        return toys.rows(restored=phrases)

    def with_value(phrases, n: int, seed: int = 0, z_std=None):
        return [EvaluatedRow("held-out", values={"perplexity": 3.5})]

    can = {"evaluate": ("z_std",)}
    add_toy("writer", can, evaluate=generated)
    add_toy("copier", can, evaluate=restored)
    add_toy("tiny", can, evaluate=generated, evaluated=8)
    add_toy("fine", can, evaluate=generated, n_steps=96)
    add_toy("knower", can, evaluate=with_value)
    add_toy("part", {})


def lines(text: str, name: str) -> list[list[str]]:
    """The cells of all rows of that name."""
    rows = (line.strip() for line in text.splitlines())
    return [row.removeprefix(name).split() for row in rows if row.startswith(name)]


def test_the_rows_of_table_1(run, system, system_folder, music):
    options = ("--suite", "midi-s2", "--phrases", "2", "--seed", "3", "--json", "all.json")
    text = run("--data", "fine.npy", "--system", str(system_folder), *options)
    assert "bars differ in steps" not in text
    assert "the printed rows are for bars" not in text
    assert "band: seed 3" in text
    (report,) = json.loads(Path("all.json").read_text())["also"]
    rows = {row["name"]: row for row in report["rows"]}
    assert report["definition"] == "v3"
    assert [name for name in rows if rows[name]["kind"] == "generated"] == [
        f"band {row}" for row in ROWS
    ]
    expected = {
        "MSG1, without refine": system.generate(2, 3, refine=False),
        "MSG2, generator": system.generate(2, 3, refine=True),
        "MSR, restore": system.restore(music[[0, 11]], 3),
    }
    for name, phrases in expected.items():
        found = rows[f"band {name}"]
        assert found["phrases"] == 2
        for track, value in muse.evaluate(phrases, "v3", codes=["SR"])["SR"].items():
            assert found["metrics"]["SR"][track] == pytest.approx(100 * value)
    # Every row stands in both definitions, and in the second reading of the printed columns.
    assert all(len(lines(text, f"band {row} (2)")) == 3 for row in ROWS)


def test_columns_and_distances_are_those_of_table_1(run):
    text = run("--data", "music.npy", "--suite", "midi-s2", "--definition", "v3")
    labels = [line.split() for line in text.splitlines() if line.split()[:2] == ["B", "D"]]
    assert labels[0] == [*"BDGPS", *"BGPS", "D", "SR", "UPC", "DP"]
    assert lines(text, "Dataset")[0][:10] == (
        ["60.4", "72.1", "71.7", "46.1", "71.4", "15", "75", "41", "82", "94.4"]
    )
    distances = {
        "Dataset": (0, 0, 0),
        "MSG1, without refine": (11.78, 16.00, 4.1),
        "MSG2, generator": (4.26, 7.50, 3.0),
        "MSR, restore": (3.18, 3.75, 3.2),
    }
    for row, expected in distances.items():
        for cells in lines(text, row):
            found = [float(cell.rstrip("*")) for cell in cells[-3:]]
            assert found == pytest.approx(expected, abs=0.051)
    assert lines(text, "MSR, restore")[0][-3:] == ["3.18*", "3.75*", "3.20"]


def test_a_silent_track_has_no_distance(run, music):
    lute = music.copy()
    lute[..., 2] = False  # no guitar
    np.save("lute.npy", lute)

    def distance(data: str, other: str) -> str:
        options = ("--generated", other, "--suite", "midi-s2", "--definition", "v3")
        return lines(run("--data", data, *options), f"{other} (12)")[0][-3]

    assert distance("music.npy", "lute.npy") == "-"
    assert distance("lute.npy", "music.npy") == "0.00"  # over the tracks that the data have


def test_a_system_chooses_its_rows(run, fakes, music):
    text = run("--data", "music.npy", "--system", "writer", "copier", "--phrases", "5")
    assert len(lines(text, "writer generated (5)")) == 4
    assert len(lines(text, "copier restored (5)")) == 4
    picked = music[[0, 2, 5, 8, 11]]
    (one,), *_ = evaluated.rows(evaluated.opened(["copier"]), load(music), 5)
    assert (one.phrases == picked).all()


def test_numbers_of_phrases(run, fakes, music):
    made, *_ = evaluated.rows(evaluated.opened(["writer", "tiny", "copier"]), load(music))
    assert {one.name: len(one) for one in made} == {
        "writer generated": 1000, "tiny generated": 8, "copier restored": 12,
    }  # fmt: skip


def test_equal_names_are_distinguished_by_their_folders(run, fakes, tmp_path):
    other = shutil.copytree("writer", "b/writer")
    assert list(evaluated.opened([tmp_path / "writer", "tiny"])) == ["writer", "tiny"]
    assert list(evaluated.opened(["writer", other])) == ["writer", "b/writer"]


def test_values_that_a_system_itself_computes_are_reported(run, fakes):
    text = run("--data", "music.npy", "--system", "knower", "--json", "all.json")
    assert "knower held-out: perplexity 3.5" in text
    values = json.loads(Path("all.json").read_text())["systems"]
    assert values == {"knower held-out": {"perplexity": 3.5}}


def test_restored_are_held_out_phrases(music):
    whole = load(music)
    shards = replace(
        whole, sizes=(7, 5), splits=("train", "test"),
        rows=lambda piece: whole.rows(0)[(slice(7), slice(7, 12))[piece]],
    )  # fmt: skip
    assert (evaluated.held_out(shards).phrases == music[7:]).all()
    assert (evaluated.held_out(shards, "train").phrases == music[:7]).all()
    assert evaluated.held_out(whole) is whole
    with pytest.raises(Error, match="has no val split"):
        evaluated.held_out(shards, "val")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--phrases", "2"], "--phrases: has no effect without --system"),
        (["--z-std", "fit"], "--z-std: has no effect"),
        (["--temperature", "1"], "--temperature: has no effect"),
        (["--system", "writer", "--temperature", "1"], "--temperature: writer has no such option"),
        (["--track", "bass"], "--track bass: is only for definitions mgeval, mgeval_fixed"),
        (["--split", "val"], "--split: has no effect"),
        (["--seed", "0"], "--seed: has no effect"),
        (["--system", "writer", "--phrases", "0"], "from 1 to"),
        (["--system", "writer", "--z-std", "wide"], "wide: give a number"),
        (["--system", "part"], "part is only a part of a system"),
        (["--system", "writer", "fine"], r"bars differ in steps \(writer 48, fine 96\)"),
        (["--system", "writer", "--steps", "96"], r"\(writer 48, --steps 96\)"),
        (["--system", "writer", "--split", "test"], "has no test split"),
    ],
)
def test_mistakes(run, fakes, options, message):
    with pytest.raises(Error, match=message) as raised:
        run("--data", "music.npy", *options)
    assert "\n" not in str(raised.value)


def test_an_unknown_system_is_named(run):
    with pytest.raises(Error, match="nobody: no trained system"):
        run("--data", "music.npy", "--system", "nobody")
