"""A paper with a metric of its own needs only its folder, and `eval objective` shows it."""

import json
import subprocess
import sys

import numpy as np
import pytest

PAPER = '''
"""A toy."""

from musegen.eval.tables.definition import Definition
from musegen.eval.tables.table import Suite, Table, columns_of, rows_of

NAME = "toy"
DEFINITIONS = (
    Definition("strokes", "as the toy says", "stroke", f"{__name__}.strokes",
               {"ST": "strokes of a drum"}, ("visit",)),
)
TABLE_1 = Table("Toy", "Table 9", "strokes", "A. Toy: Toys. 2026", "stroke",
                columns_of("ST: drums"), rows_of("Played | 7"), "Played", "strokes")
TABLES = (TABLE_1,)
SUITE = Suite(("strokes",), ("strokes",), TABLES)
'''
STROKES = """
from musegen.eval.tables.report import Row


def rows(data, generated, definition, options):
    kinds = ["data"] + ["generated"] * len(generated)
    return [
        Row(music.name, kind, len(music),
            {"ST": {"drums": options.visit * int(next(music.blocks())[..., 0].sum())}})
        for music, kind in zip([data, *generated], kinds, strict=True)
    ]


def remarks(definitions, sets, options):
    return [f"{definitions} of {len(sets)} sets"]
"""
RUN = """
import sys
from musegen.eval import papers
papers.__path__.append(sys.argv[1])
from musegen import cli
sys.exit(cli.main(["eval", "objective", *sys.argv[2:]]))
"""


@pytest.fixture
def objective(tmp_path):
    """Runs the command with the toy beside the papers."""
    package = tmp_path / "papers" / "toy"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PAPER)
    (package / "strokes.py").write_text(STROKES)
    for name, steps in (("data", 3), ("made", 5)):
        phrases = np.zeros((2, 4, 48, 84, 5), bool)
        phrases[0, 0, :steps, 0, 0] = True
        np.save(tmp_path / f"{name}.npy", phrases)

    def command(*words: str) -> subprocess.CompletedProcess:
        run = (sys.executable, "-c", RUN, str(package.parent), *words)
        return subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)

    return command


def test_a_paper_with_its_own_metric_needs_only_its_folder(objective, tmp_path):
    words = ("--data", "data.npy", "--generated", "made.npy", "--json", "toy.json")
    done = objective(*words, "--suite", "toy", "--visit", "4")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Toy Table 9: strokes, by definition strokes"
    assert "  strokes: as the toy says" in lines
    found = [line.split() for line in lines]
    assert ["data.npy", "(2)", "12"] in found
    assert ["made.npy", "(2)", "20"] in found
    assert ["Played", "7"] in found
    assert "ST strokes of a drum" in lines
    assert "['strokes'] of 2 sets" in lines
    assert "A. Toy: Toys. 2026" in lines
    rows = json.loads((tmp_path / "toy.json").read_text())["rows"]
    assert [row["metrics"] for row in rows if row["name"] == "made.npy"] == [{"ST": {"drums": 20}}]


def test_its_suite_is_chosen_by_its_definition_and_takes_only_its_options(objective):
    assert "toy" in objective("--help").stdout
    assert "Toy Table 9" in objective("--data", "data.npy", "--definition", "strokes").stdout
    refused = objective("--data", "data.npy", "--suite", "toy", "--track", "bass")
    assert refused.returncode == 2
    assert "--track bass: is only for definitions mgeval, mgeval_fixed" in refused.stderr
