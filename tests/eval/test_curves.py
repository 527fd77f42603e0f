"""`eval curves`: histories of several runs in one picture."""

from pathlib import Path

import pytest

from musegen import Error
from musegen.cli import run_script


@pytest.fixture
def runs(tmp_path) -> Path:
    for name, column in (("one", "loss"), ("other", "f1")):
        (tmp_path / name).mkdir()
        lines = ["epoch,seconds," + column, *(f"{epoch},1.0,{1 / epoch}" for epoch in (1, 2, 3))]
        (tmp_path / name / "history.csv").write_text("\n".join(lines))
    (tmp_path / "odd.csv").write_text("loss\n1\n")
    (tmp_path / "nul.csv").write_text(f"epoch,loss\n1,{'9' * 200_000}\n")
    return tmp_path


def test_a_panel_for_each_column_and_where_the_runs_end(runs, capsys):
    out = runs / "curves.png"
    run_script("eval", "curves", [str(runs / "one"), str(runs / "other"), "--out", str(out)])
    assert out.read_bytes().startswith(b"\x89PNG")
    lines = capsys.readouterr().out.splitlines()
    ends = "3 epochs, at the end"
    assert lines[1:] == [f"one: {ends} loss 0.3333", f"other: {ends} f1 0.3333"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{}/one", "--column", "val_f1"], "one: has no column val_f1; there are epoch, seconds, "),
        (["{}/nowhere"], "nowhere: no history of a training"),
        (["{}/one", "--out", "curves.txt"], "curves.txt: end the name in .png or .pdf"),
        (["{}/one", "{}/one/history.csv"], "history.csv: is named twice"),
        (["{}/odd.csv"], "odd: has no column epoch; there are loss"),
        (["{}/nul.csv"], "nul.csv: no history of a training"),
    ],
)
def test_mistakes(runs, words, message):
    with pytest.raises(Error, match=message):
        run_script("eval", "curves", [word.format(runs) for word in words])


def test_a_full_disk_leaves_the_old_picture(runs, full_disk):
    out = runs / "curves.png"
    out.write_bytes(b"old")
    before = set(runs.iterdir())
    with full_disk(2000), pytest.raises(Error, match=r"curves\.png: cannot be written"):
        run_script("eval", "curves", [str(runs / "one"), "--out", str(out)])
    assert out.read_bytes() == b"old"
    assert set(runs.iterdir()) == before


def test_a_run_of_an_odd_name_is_one_line(runs, capsys):
    odd = runs / "a\nb$c$_\x1b[0m"
    (runs / "one").rename(odd)
    run_script("eval", "curves", [str(odd), str(runs / "other"), "--out", str(runs / "curves.png")])
    assert capsys.readouterr().out.splitlines()[1].startswith("a\\nb$c$_\\x1b[0m: 3 epochs")
