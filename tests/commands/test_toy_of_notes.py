"""A system of notes needs one line in the catalogue, as one of phrases does."""

import json

import numpy as np
import pytest
from music.test_piece import piece

from musegen import cli
from musegen.cli import run_script
from musegen.data.piece_loading import load_pieces
from musegen.music.midi import read_piece, write_piece
from musegen.music.piece import Part, Piece
from musegen.system import EvaluatedRow

PARTS = (Part(0, False, "right hand"), Part(73, False, "flute"))


def tune(seed: int, meter: int = 4) -> Piece:
    """Four bars of a tune that equal seeds repeat, every second one a waltz."""
    rng = np.random.default_rng(seed)
    rows = [(24 * k, 24, int(pitch), 80, k % 2) for k, pitch in enumerate(rng.integers(50, 80, 12))]
    return piece(*rows, parts=PARTS, meters=[(0, meter, 4)], tempi=[(0, 400_000)])


def generate(n, seed=0, temperature=1.0):
    return [tune(seed + k, 4 - k % 2) for k in range(n)]


def restore(pieces, seed=0):
    return [song.transposed(12)[0] for song in pieces]


def interpolate(a, b, n, seed=0):
    return [a] * (n - 1) + [b]


def extend(pieces, n_bars, seed=0):
    """The last bar again and again."""
    found = []
    for song in pieces:
        lines = song.bars(closed=True)
        bar = song.cut(int(lines[-2]), int(lines[-1]))
        rows = [
            (int(note["onset"]) + k * int(lines[-1] - lines[-2]), *note.tolist()[1:])
            for k in range(n_bars)
            for note in bar.notes
        ]
        found.append(piece(*rows, parts=song.parts, tpq=song.ticks_per_quarter))
    return found


def evaluate(pieces, n, seed=0):
    assert all(isinstance(one, Piece) for one in pieces)
    return [EvaluatedRow("generated", generate(n, seed)), EvaluatedRow("own", values={"KL": 2.0})]


CAN = {
    "generate": ("seed", "binarisation"),
    "restore": ("seed",),
    "interpolate": ("seed",),
    "extend": ("seed",),
    "evaluate": (),
}


@pytest.fixture
def toy(add_toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = {"restore": restore, "interpolate": interpolate, "extend": extend, "evaluate": evaluate}
    return add_toy("toy", CAN, music="notes", generate=generate, **own)


@pytest.fixture
def song(tmp_path):
    """A waltz, which no system of phrases would take."""
    write_piece(tune(7, meter=3), tmp_path / "waltz.mid")
    return tmp_path / "waltz.mid"


def run(*words) -> None:
    assert cli.main([str(word) for word in words]) == 0


def test_it_generates(toy, capsys):
    run("generate", "toy", "-n", 3, "--seed", 2, "-o", "x.npz", "-o", "x.mid", "-o", "x.png")
    assert list(load_pieces("x.npz")) == generate(3, 2)
    whole = read_piece("x.mid")
    assert whole.meters == ((0, 4, 4), (384, 3, 4), (744, 4, 4))  # each, and a bar of silence
    assert whole.cut(0, 288).notes.tolist() == tune(2).notes.tolist()
    said = capsys.readouterr().out
    assert "3 pieces, 36 notes, 14.4 s" in said
    assert "song (3)" in said
    for word in ("-o x.npy", "--tempo 90", "--quantise keep"):
        assert cli.main(["generate", "toy", *word.split()]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_it_plays_to_a_song_in_any_meter(toy, song, capsys):
    run("restore", song, "--system", toy, "-o", "same.mid", "-o", "same.png")
    assert read_piece("same.mid") == restore([read_piece(song)])[0]
    assert "waltz.mid restored; seed 0" in capsys.readouterr().out
    assert cli.main(["restore", str(song), "--system", "toy", "--keep", "drums"]) == 2
    assert "--keep: toy makes notes, which have no such option" in capsys.readouterr().err
    run("continue", song, "--system", toy, "--bars", 2, "-o", "longer.mid", "-o", "longer.png")
    longer, first = read_piece("longer.mid"), read_piece(song)
    assert longer.cut(0, 288) == first.cut(0, 288)
    assert longer.bars()[-1] == 5 * 72
    last = first.cut(216, 288).notes
    for start in (288, 360):
        assert longer.cut(start, start + 72, held=False).notes.tolist() == last.tolist()
    assert longer.tempi == ((0, 400_000), (288, 400_000))


def test_it_interpolates(toy, song):
    run("generate", "toy", "-n", 2, "-o", "ends.npz")
    words = ["--from", "ends.npz", "--to", "ends.npz", "--phrase-to", 2, "-n", 4]
    run("interpolate", "toy", *words, "-o", "way.npz", "-o", "way.png")
    assert list(load_pieces("way.npz")) == [tune(0)] * 3 + [tune(1, 3)]
    run("interpolate", "toy", "--from", song, "--to", "ends.npz", "-n", 2, "-o", "way.npz")
    assert load_pieces("way.npz")[0] == read_piece(song)
    run("interpolate", "toy", "--seeds", 5, 6, "-n", 2, "-o", "way.npz")
    assert list(load_pieces("way.npz")) == [tune(5), tune(6)]


def test_it_is_evaluated(toy, capsys):
    words = ["--data", "demo", "--steps", "48", "--system", "toy", "--phrases", "4"]
    run_script("eval", "objective", [*words, "--json", "all.json"])
    said = capsys.readouterr().out
    assert "toy generated (2)" in said  # two of the four are waltzes
    assert "toy generated: 2 pieces are not in 4/4 and not measured" in said
    assert "toy own: KL 2" in said
    found = json.loads((toy.parent / "all.json").read_text())
    assert found["systems"] == {"toy own": {"KL": 2.0}}


def test_info_and_help(toy, capsys):
    run("info", "--json")
    assert json.loads(capsys.readouterr().out)["systems"]["toy"]["presets"] == ["toy"]
    for command, hidden in (
        ("generate", ("--quantise", "--tempo", "--z-std")),
        ("restore --system", ("--keep TRACK", "--fill", "--no-refine")),
    ):
        with pytest.raises(SystemExit):
            cli.main([*command.split(), "toy", "--help"])
        said = capsys.readouterr().out
        assert not [flag for flag in hidden if flag in said]
    run("--help")
    assert "  continue " in capsys.readouterr().out


@pytest.mark.parametrize("words", [("eval", "restoring"), ("accompany", "waltz.mid")])
def test_what_it_cannot_do_is_one_line(words, toy, song, capsys):
    assert cli.main([*words, "--system", "toy"]) == 2
    assert "toy: " in capsys.readouterr().err
