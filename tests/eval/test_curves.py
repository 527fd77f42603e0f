"""`eval curves`: histories of several runs in one picture."""

from pathlib import Path

import pytest

from musegen import Error
from musegen.cli import run_module


@pytest.fixture
def runs(tmp_path) -> Path:
    for name, column in (("one", "loss"), ("other", "f1")):
        (tmp_path / name).mkdir()
        lines = ["epoch,seconds," + column, *(f"{epoch},1.0,{1 / epoch}" for epoch in (1, 2, 3))]
        (tmp_path / name / "history.csv").write_text("\n".join(lines))
    return tmp_path


def test_a_panel_for_each_column_and_where_the_runs_end(runs, capsys):
    out = runs / "curves.png"
    run_module("eval curves", [str(runs / "one"), str(runs / "other"), "--out", str(out)])
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
    ],
)
def test_mistakes(runs, words, message):
    with pytest.raises(Error, match=message):
        run_module("eval curves", [word.format(runs) for word in words])
