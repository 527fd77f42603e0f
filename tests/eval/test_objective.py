"""`eval objective` as a user runs it, on a few random phrases."""

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from musegen import Error, data
from musegen.cli import run_script
from musegen.data.loading import Data
from musegen.eval import objective
from musegen.eval.tables import report
from musegen.eval.tables.report import Block, Row, clean
from musegen.metrics import muse

ROOT = Path(__file__).resolve().parents[2]
TRACKS = {"drums", "piano", "guitar", "bass", "strings"}


def phrases(seed: int, n: int = 3, n_steps: int = 96) -> np.ndarray:
    """Random notes in four of the tracks; the guitar is silent."""
    rng = np.random.default_rng(seed)
    beats = rng.random((n, 4, 8, 84, 5)) < 0.05
    beats[..., 2] = False
    return np.repeat(beats, n_steps // 8, axis=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("objective")
    for name, seed in (("data", 0), ("near", 1), ("far", 2)):
        np.save(folder / f"{name}.npy", phrases(seed))
    np.save(folder / "silent.npy", np.zeros((2, 4, 96, 84, 5), bool))
    np.save(folder / "short.npy", phrases(3, n_steps=48))
    return folder


def script(folder: Path, *options: str) -> subprocess.CompletedProcess:
    """Runs `python eval/objective.py` in `folder`."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "eval/objective.py"), *options],
        cwd=folder, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.fixture
def run(folder, monkeypatch, capsys):
    """Runs the command in this process; returns what it printed."""
    monkeypatch.chdir(folder)

    def command(*options: str) -> str:
        run_script("eval", "objective", [*options])
        return capsys.readouterr().out

    return command


def test_script_shows_and_writes_the_tables(folder):
    done = script(
        folder,
        *("--data", "data.npy", "--generated", "near.npy", "silent.npy"),
        *("--json", "all.json", "--csv", "all.csv", "--markdown", "all.md"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    tables = done.stdout.split("\n\n")
    titles = [table.splitlines()[0] for table in tables[:4]]
    assert titles == [
        f"MuseGAN Table {number}: {what}, by definition {definition}"
        for number, what in ((1, "intra-track metrics"), (2, "tonal distance between tracks"))
        for definition in ("paper", "v1")
    ]
    assert "EB %" in tables[0]
    assert "data.npy, shuffled (3)" in tables[2]
    # Published values are shown only with the definition that computed them.
    assert ["training data" in table for table in tables[:4]] == [False, True, False, True]
    cells = [line.split() for line in tables[1].splitlines()]
    assert ["training", "data", "8.06", "8.06", "19.4"] in [row[:5] for row in cells]
    assert ["jamming", "6.59*", "2.33", "18.3*", "22.6*"] in [row[:5] for row in cells]
    assert all("unit bar" in table for table in tables[:4])
    assert "arXiv:1709.06298" in tables[4]
    assert max(map(len, done.stdout.splitlines())) <= 140

    written = json.loads((folder / "all.json").read_text())
    assert written["definition"] == "paper"
    assert [other["definition"] for other in written["also"]] == ["v1"]
    assert "nan" not in (folder / "all.json").read_text().lower()

    lines = list(csv.DictReader((folder / "all.csv").read_text().splitlines()))
    assert lines[0].keys() == {"definition", "name", "kind", "phrases", "metric", "part", "value"}
    drums = [
        line["value"] for line in lines
        if (line["definition"], line["name"]) == ("v1", "MuseGAN: jamming")
        and (line["metric"], line["part"]) == ("DP", "drums")
    ]  # fmt: skip
    assert drums == ["93.2"]
    assert {line["value"] for line in lines if line["name"] == "silent.npy"} == {"", "100.0"}

    markdown = (folder / "all.md").read_text()
    assert "| jamming | **6.59** | 2.33 |" in markdown
    assert "| silent.npy (2) | 100 | 100 |" in markdown


def test_json_holds_the_metrics_of_one_definition(run, folder):
    run("--data", "data.npy", "--generated", "near.npy", "--definition", "v2", "--json", "v2.json")
    written = json.loads((folder / "v2.json").read_text())
    assert written.keys() == {"definition", "rows"}
    assert written["definition"] == "v2"
    assert all(row.keys() == {"name", "kind", "phrases", "metrics"} for row in written["rows"])
    rows = {row["name"]: row for row in written["rows"]}
    assert {row["kind"] for row in written["rows"]} == {"data", "generated", "paper"}
    assert rows["data.npy"]["phrases"] == 3

    expected = muse.evaluate(phrases(1), "v2")
    found = rows["near.npy"]["metrics"]
    assert found.keys() == set(muse.CODES)
    assert found["EB"].keys() == TRACKS
    for code, parts in expected.items():
        for part, value in parts.items():
            scale = 100 if code in ("EB", "QN", "PP", "SR", "DP") else 1
            assert found[code][part] == (
                None if math.isnan(value) else pytest.approx(scale * value, abs=1e-8)
            )
    assert found["QN"]["guitar"] is None
    assert rows["MuseGAN: training data"]["metrics"]["TD"]["bass-guitar"] == 1.57


def test_published_rows_have_a_table_of_their_own_when_their_definition_is_not_shown(run):
    text = run("--data", "data.npy", "--definition", "paper")
    assert "MuseGAN Table 1: intra-track metrics, as printed" in text
    assert "computed by definition v1" in text


def test_midi_s2_shows_both_readings(run):
    text = run("--data", "data.npy", "--suite", "midi-s2")
    lines = [line.split() for line in text.splitlines() if line.startswith("  Dataset")]
    assert [line[1:6] for line in lines] == [
        ["60.4", "72.1", "71.7", "46.1", "71.4"],
        ["46.1", "60.4", "71.7", "72.1", "71.4"],
    ]


def test_bmusegan_shows_means_over_tracks(run):
    text = run("--data", "data.npy", "--suite", "bmusegan", "--definition", "v2")
    (line,) = (line.split() for line in text.splitlines() if line.startswith("  data.npy (3)"))
    values = muse.evaluate(phrases(0), "v2", codes=["PP"])["PP"].values()
    assert float(line[3]) == pytest.approx(100 * np.nanmean(list(values)), abs=0.05)
    assert line[4] == "-"  # the guitar is silent


def test_duet(run, folder):
    text = run("--data", "data.npy", "--definition", "duet", "--json", "duet.json")
    assert "DuetHLSTM Table 1" in text
    rows = json.loads((folder / "duet.json").read_text())["rows"]
    assert rows[0]["metrics"]["PC"].keys() == {"both"}
    assert len(rows[0]["metrics"]["PCTM"]["C#"]) == 12
    printed = {row["name"]: row["metrics"] for row in rows if row["kind"] == "paper"}
    assert printed["DuetHLSTM: DuetHLSTM"]["PC"] == {"both": 76}
    assert printed["DuetHLSTM's published samples, 200 bars: epoch 30"]["PC"] == {"both": 78}
    assert printed["DuetHLSTM's published samples: epoch 40"]["unison"]["pairs"] == 18


def test_mgeval_compares_two_sets(run, folder):
    options = ("--suite", "mgeval", "--track", "bass", "--json", "yl.json")
    text = run("--data", "data.npy", "--generated", "near.npy", *options)
    assert "Yang and Lerch: near.npy (3) beside data.npy (3)" in text
    assert "of the bass track" in text
    written = json.loads((folder / "yl.json").read_text())
    data, near = written["rows"]
    assert (written["definition"], data["kind"], near["kind"]) == ("mgeval", "data", "generated")
    assert near["metrics"]["PC"].keys() == {"mean", "std", "KLD", "OA", "KLD data", "OA data"}
    for row, seed in ((data, 0), (near, 1)):
        used = np.count_nonzero(phrases(seed)[..., 3].any(axis=(1, 2)), axis=-1)
        assert row["metrics"]["PC"]["mean"] == pytest.approx(used.mean())
        assert row["metrics"]["PC"]["std"] == pytest.approx(used.std())
    assert len(near["metrics"]["PCH"]["mean"]) == 12
    assert 0 <= near["metrics"]["NC"]["OA"] <= 1

    alone = run("--data", "data.npy", "--suite", "mgeval")
    assert "generated" not in alone
    assert "PCH" not in alone.split("\n\n")[0]


@pytest.mark.slow
def test_mgeval_draws_each_generated_set(run, folder):
    sets = ("--generated", "near.npy", "far.npy", "--suite", "mgeval", "--plot", "yl.png")
    text = run("--data", "data.npy", *sets)
    for name in ("yl-near.png", "yl-far.png"):
        assert name in text
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    run("--data", "data.npy", *sets[:2], *sets[3:5], "--track", "bass", "--plot", "bass.png")
    assert (folder / "bass.png").read_bytes() != (folder / "yl-near.png").read_bytes()


def test_different_steps_are_remarked(run):
    text = run("--data", "data.npy", "--generated", "short.npy")
    assert "bars differ in steps (data.npy of 96, short.npy of 48)" in text


def test_steps_are_those_asked_for(run):
    text = run("--data", "data.npy", "--generated", "short.npy", "--steps", "48")
    assert "bars differ in steps" not in text
    assert "suite musegan: the printed rows are for bars of 96 steps" in text
    with pytest.raises(Error, match=r"data\.npy: 96 steps a bar cannot become 7"):
        run("--data", "data.npy", "--steps", "7")


def test_songs_are_read_with_the_steps_of_the_data(run, folder):
    source = pretty_midi.PrettyMIDI()
    source.instruments.append(pretty_midi.Instrument(0))
    source.instruments[0].notes = [pretty_midi.Note(80, 60, k / 2, k / 2 + 0.4) for k in range(32)]
    source.write(str(folder / "song.mid"))
    assert "differ in steps" not in run("--data", "short.npy", "--generated", "song.mid")


def test_data_are_streamed(run, monkeypatch):
    def whole(_):
        raise AssertionError("all phrases were asked for at once")

    monkeypatch.setattr(Data, "phrases", property(whole))
    assert "data.npy (3)" in run("--data", "data.npy", "--suite", "musegan", "duet", "mgeval")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "absent.npy"], "absent.npy: no such file"),
        (["--data", "data.npy", "--generated", "absent.mid"], "absent.mid: no such file"),
        (["--suite", "musegan", "--definition", "duet"], "suite musegan has no definition duet"),
        (["--data", "data.npy", "--json", "no/where.json"], "there is no folder"),
        (["--data", "data.npy", "--json", "data.npy"], "is read or written already"),
        (["--data", "data.npy", "--json", "a", "--csv", "a"], "is read or written already"),
        (["--data", "data.npy", "--suite", "singing"], "invalid choice"),
        (["--data", "silent.npy", "--suite", "mgeval"], "silent.npy: 0 of 2 phrases"),
        (["--data", "data.npy", "--suite", "mgeval", "--track", "lute"], "lute"),
        (["--data", "data.npy", "--plot", "x.png"], "needs --suite mgeval and a --generated"),
    ],
)
def test_mistakes(run, options, message):
    with pytest.raises(Error, match=message) as raised:
        run(*options)
    assert "\n" not in str(raised.value)


def test_a_mistake_is_one_line_and_exit_code_2(folder):
    done = script(folder, "--data", "absent.npy")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "absent.npy" in done.stderr


def test_help_needs_no_numpy(folder):
    code = (
        "import sys; from musegen.cli import run_script\n"
        "try: run_script('eval', 'objective', ['--help'])\n"
        "except SystemExit: assert not {'numpy', 'scipy', 'tensorflow'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "in a checkout the same as:" in done.stdout


def row(name: str, value: float | None) -> Row:
    return Row(name, "generated", 1, {"EB": {"bass": value}})


def test_closest_value_is_marked():
    candidates = [row("a", 7.0), row("b", 9.0), row("c", None), row("d", 20.0)]
    block = Block("measured", [row("data", 8.0), row("shuffled", 8.0)], candidates)
    assert block.cells(("EB", "bass")) == [
        ("8.00", False), ("8.00", False),
        ("7.00", True), ("9.00", True), ("-", False), ("20.0", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("references", "candidates"),
    [
        ([row("data", 8.0)], [row("only", 7.0)]),
        ([row("data", None)], [row("a", 7.0), row("b", 6.0)]),
        ([], [row("a", 7.0), row("b", 6.0)]),
    ],
)
def test_nothing_is_marked_without_two_to_compare(references, candidates):
    cells = Block("measured", references, candidates).cells(("EB", "bass"))
    assert not any(mark for _, mark in cells)


def test_undefined_values_become_null():
    assert clean(float("nan")) is None
    assert clean(np.array([1.0, np.nan, np.inf])) == [1.0, None, None]
    assert clean(np.int64(3)) == 3


def test_on_a_full_disk_all_old_files_stay(run, folder, full_disk):
    for name in ("old.md", "old.png"):
        (folder / name).write_bytes(b"old")
    before = set(folder.iterdir())
    words = ["--data", "data.npy", "--generated", "near.npy", "--suite", "mgeval"]
    with full_disk(20_000), pytest.raises(Error, match=r"old\.png: cannot be written"):
        run(*words, "--markdown", "old.md", "--plot", "old.png")
    assert (folder / "old.md").read_bytes() == (folder / "old.png").read_bytes() == b"old"
    assert set(folder.iterdir()) == before


def test_pictures_of_equal_names_have_numbers(run, folder):
    sets = [data.load(phrases(seed)) for seed in (0, 1)]
    assert list(map(str, objective._drawings(sets, Path("x.png")))) == [
        "x-array.png", "x-array-2.png"
    ]  # fmt: skip


def test_odd_names_are_clean_in_tables():
    rows = [Row(name, "data", 1, {"EB": {"piano": 1.0}}) for name in ("=1|\n", "\udcff")]
    grid = report.Grid("t", [], (("EB", "piano"),), [Block("h", rows, [])])
    text = report.as_text([grid], ["of \n"]) + report.as_markdown([grid], ["of \n"])
    assert text.encode()
    assert "=1|\\n (1)" in text
    assert "=1\\|\\n (1)" in text
    assert "'=1|\\n" in report.as_csv([report.Report("paper", rows)])
