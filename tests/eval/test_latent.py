"""`eval latent` as a user runs it, with untrained systems."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from musegen import Error, registry
from musegen.cli import run_script
from musegen.data.note_store import write_pieces
from musegen.data.piece_loading import load_pieces
from musegen.eval.tables import latents
from musegen.music.tokens import triples


@pytest.fixture
def run(notes_place, capsys):
    pieces = [piece.transposed(-5)[0] for piece in load_pieces("songs.json")]
    write_pieces(Path("low.npz"), pieces)

    def command(*options: str) -> str:
        run_script("eval", "latent", [*options])
        return capsys.readouterr().out

    return command


def test_a_curve_for_each_system(run):
    words = ("--data", "songs.json", "--pairs", "3", "--steps", "4", "--seed", "5")
    names = ("mvae", "mvae-autoencoder")
    text = run(*words, "--system", *names, "--out", "lines.png", "--json", "lines.json")
    assert "on 3 lines of 4 steps between two of 6 segments of songs.json test; seed 5" in text
    assert text.endswith("lines.png\n")
    assert Path("lines.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads(Path("lines.json").read_text())
    assert {key: told[key] for key in ("pairs", "steps", "against", "segments", "data")} == {
        "pairs": 3, "steps": 4, "against": "data", "segments": 6,
        "data": {"songs": "songs.json test"},
    }  # fmt: skip
    corpora = {"songs": load_pieces("songs.json").of("test")}
    for name in names:
        expected = latents.lines(registry.load(name), corpora, 3, 4, 5)
        found = told["systems"][name]
        assert found["mean"]["all"] == pytest.approx(expected.whole.mean(axis=0))
        assert found["std"]["T"] == pytest.approx(expected.distances[..., 1].std(axis=0))
        assert found["largest rise"] == expected.smoothness
        (row,) = (line for line in text.splitlines() if line.startswith(f"{name}  "))
        assert row.split()[1] == f"{expected.whole[:, 0].mean():.3f}"
        assert row.split()[4] == f"{expected.ends:.3f}"


def test_a_map_of_corpora(run):
    words = ("--figure", "pca", "--data", "songs.json", "low.npz", "--segments", "4")
    text = run(*words, "--split", "train", "--json", "map.json")
    assert text.endswith("latent-pca.png\n")
    told = json.loads(Path("map.json").read_text())
    assert told["segments"] == {"songs": 4, "low": 4}
    assert told["songs"] == {"songs": 2, "low": 4}
    found = latents.separation(latents.codes(
        registry.load("mvae"),
        {"songs": load_pieces("songs.json").of("train"), "low": load_pieces("low.npz")}, 4,
    ))  # fmt: skip
    assert told["accuracy"] == found
    assert told["chance"] == 0.5
    assert re.search(rf"songs +4 +2 +{found['songs']:.1%}", text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--figure", "pca"], "--data songs.json: a map compares corpora; name two or more"),
        (
            ["--figure", "pca", "--data", "songs.json", "low.npz", "--system", "mvae", "mvae-x"],
            "--system mvae mvae-x: a map is of one system",
        ),
        (["--system", "band"], "band: cannot encode, but it can generate"),
        (["--system", "nobody"], "nobody: no trained system"),
        (["--segments", "9"], "--segments: is for --figure pca"),
        (["--figure", "pca", "--pairs", "9"], "--pairs: is for --figure interpolation"),
        (["--data", "one.npz"], "one: has one segment of 100 notes"),
        (["--data", "short.npz"], "short: no song has 100 notes"),
        (["--data", "one.npz", "--split", "val"], "one.npz: has no val split"),
        (["--figure", "pca", "--data", "songs.json", "one.npz"], "one: has one song of 100 notes"),
        (["--out", "x.jpg"], "x.jpg: end the name in .png or .pdf"),
        (["--json", "no/where.json"], "there is no folder"),
    ],
)
def test_mistakes(run, add_toy, options, message):
    add_toy("band", {"generate": ("seed",), "extend": ()}, music="notes")
    (Path.cwd() / "mvae-x").symlink_to("mvae")
    for name, n in (("one", 100), ("short", 99)):
        write_pieces(Path(f"{name}.npz"), [triples.to_piece(np.array([[0, 48, 60]] * n))])
    with pytest.raises(Error, match=message) as raised:
        run(*(["--data", "songs.json"] if "--data" not in options else []), *options)
    assert "\n" not in str(raised.value)
    assert not list(Path.cwd().glob("latent-*"))
