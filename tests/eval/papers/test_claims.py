"""What the DuetHLSTM report claims, in the tables of `eval objective`."""

import json
import re

import numpy as np
import pytest
import reference

from musegen import Error
from musegen.cli import run_script
from musegen.eval.papers import duet_hlstm
from musegen.eval.papers.duet_hlstm import claims
from musegen.eval.tables.definition import MeasuringOptions


@pytest.fixture
def public() -> np.ndarray:
    """Fifty phrases of the Lakh Pianoroll Dataset, two tracks, bars of 8 steps."""
    stored = reference.arrays("duet/duet_sample.npz")
    return reference.bits(stored["packed"], stored["shape"])


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command on arrays; returns what it printed, and the rows by definition and name."""
    monkeypatch.chdir(tmp_path)

    def command(*options: str, **arrays: np.ndarray) -> tuple[str, dict]:
        for name, array in arrays.items():
            np.save(f"{name}.npy", array)
        words = ["--suite", "duet", "--data", "data.npy", "--json", "all.json", *options]
        run_script("eval", "objective", words)
        first = json.loads((tmp_path / "all.json").read_text())
        reports = [first, *first.get("also", [])]
        rows = {r["definition"]: {row["name"]: row for row in r["rows"]} for r in reports}
        return capsys.readouterr().out, rows

    return command


def without_seed(phrases: np.ndarray) -> np.ndarray:
    return phrases.reshape(len(phrases), 32, -1)[:, 4:]


@pytest.mark.golden
def test_the_tables_of_public_phrases(run, public):
    made = public[[4, 9]].copy()
    made[0, 1:] = False
    made[1, 0, 0, 0, 0] ^= True  # no phrase of the data begins like this one
    text, rows = run("--generated", "made.npy", data=public, made=made)
    row = rows["duet_claims"]["data.npy"]["metrics"]
    known = duet_hlstm.CLAIMED.metrics("LPD, 50 phrases")
    for code, parts in known.items():
        for part, value in parts.items():
            if value is not None:
                assert row[code][part] == pytest.approx(value, abs=0.06)
    apart = np.array([[(a ^ b).sum() for b in without_seed(public)] for a in without_seed(public)])
    np.fill_diagonal(apart, 9999)
    assert row["differ"] == {"original": None, "nearest": apart.min(axis=1).mean()}

    row = rows["duet_claims"]["made.npy"]["metrics"]
    cut = (without_seed(made)[0] ^ without_seed(public)).sum(axis=(1, 2))
    assert row["differ"] == {"original": cut[4], "nearest": cut.min() / 2}
    cells = [made[..., k].reshape(2, 32, 84)[:, 4:].mean() for k in range(2)]
    assert [*row["density"].values()] == pytest.approx([100 * value for value in cells])

    titles = re.findall(r"^DuetHLSTM.*, by definition (.*)$", text, re.MULTILINE)
    assert titles == ["duet_fixed", "duet", "duet_claims", "duet_claims"]
    for line in (
        "computed from DuetHLSTM's published samples, 200 bars",
        "definition duet visits all steps but the last (--visit 1)",
        "80 bars of epoch 40",
    ):
        assert line in text
    assert "of more than two tracks" not in text
    assert (rows["duet"]["data.npy"]["phrases"], rows["duet_fixed"]["data.npy"]["phrases"]) == (
        20, 50,
    )  # fmt: skip


@pytest.mark.golden
@pytest.mark.parametrize("visit", [1, 4])
def test_visited_steps(run, public, visit):
    text, rows = run("--definition", "duet", "--visit", str(visit), data=public)
    found = rows["duet"]["data.npy"]["metrics"]
    stored = reference.arrays("duet/duet_golden.npz")
    for code in ("PCH", "NLH"):
        wanted = stored[f"metrics/phrases_0_20/visit_{visit}/{code}"]
        assert [*found[code].values()] == wanted.tolist()
    assert f"(--visit {visit})" in text


def test_five_tracks_of_other_bars(run):
    x = np.random.default_rng(0).random((3, 4, 24, 84, 5)) < 0.05
    one_bar = x[:, :1]
    text, rows = run("--generated", "bars.npy", data=x, bars=one_bar)
    assert "of more than two tracks, two are measured: by duet_fixed piano and strings" in text
    assert rows["duet_claims"]["bars.npy"]["metrics"]["differ"] == {
        "original": None, "nearest": None,
    }  # fmt: skip


@pytest.mark.parametrize("definition", ["duet", "duet_fixed", "duet_claims"])
def test_tracks_that_are_chosen(run, definition):
    """Music of two tracks is measured whatever their names are."""
    x = np.random.default_rng(0).random((3, 4, 8, 84, 5)) < 0.05
    chosen = ("--definition", definition, "--tracks", "guitar", "bass")
    text, rows = run("--generated", "duo.npy", *chosen, data=x, duo=x[..., [2, 3]])
    assert "the columns piano and strings are guitar and bass" in text
    data, duo = (rows[definition][name]["metrics"] for name in ("data.npy", "duo.npy"))
    if definition == "duet_claims":
        density = 100 * x[..., [2, 3]].mean(axis=(0, 1, 2, 3))
        assert [*data["density"].values()] == pytest.approx(density)
    else:
        assert data == duo
    _, rows = run("--definition", definition, data=x)
    assert rows[definition]["data.npy"]["metrics"] != data


@pytest.mark.parametrize(("guitar", "classes"), [(False, [1, 4]), (True, [2, 4])])
def test_the_tracks_that_the_code_measures(run, guitar, classes):
    """Each track plays the pitch class of its number; systems of two tracks play no guitar."""
    x = np.zeros((1, 4, 8, 84, 5), bool)
    x[0, ..., range(5), range(5)] = True
    x[..., 2] &= guitar
    _, rows = run("--definition", "duet", data=x)
    found = rows["duet"]["data.npy"]["metrics"]["PCH"].values()
    assert np.flatnonzero([*found]).tolist() == classes


def test_data_are_read_in_blocks(public, monkeypatch):
    from dataclasses import replace

    from musegen.data import load

    public = public.copy()
    public[45, 0, :4] = public[4, 0, :4]  # of two phrases with one beginning the first counts
    whole = load(public)
    split = replace(
        whole,
        sizes=(20, 30),
        rows=lambda k: whole.rows(0)[20 * k : 20 + 30 * k],
    )
    blocks = claims.blocks
    monkeypatch.setattr(claims, "blocks", lambda data, what: data.blocks(16))
    made = load(public[:10])
    in_parts = claims.rows(split, [made], "duet_claims", MeasuringOptions())
    monkeypatch.setattr(claims, "blocks", blocks)
    assert in_parts == claims.rows(whole, [made], "duet_claims", MeasuringOptions())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--definition", "duet_fixed", "--visit", "4"], "--visit 4: is only for definition duet"),
        (["--visit", "2"], "invalid choice: 2"),
        (["--steps", "12"], "12 steps a bar cannot become 8: .*needs piano and strings"),
    ],
)
def test_mistakes(run, options, message):
    with pytest.raises(Error, match=message) as raised:
        run(*options, data=np.ones((2, 4, 24, 84, 5), bool))
    assert "\n" not in str(raised.value)
