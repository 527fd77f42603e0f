"""`eval objective` for a suite of notes: printed rows, reconstruction, musical statistics."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from musegen import Error
from musegen.cli import run_script
from musegen.data.note_store import write_pieces
from musegen.data.piece_loading import load_pieces
from musegen.eval.tables import piece_features, segments
from musegen.music.tokens import triples

DATA = ("--suite", "mvae", "--data", "songs.json")


@pytest.fixture
def run(notes_place, capsys):
    def command(*options: str) -> str:
        run_script("eval", "objective", [*options])
        return capsys.readouterr().out

    return command


@pytest.fixture
def system(notes_systems):
    return notes_systems["mvae"]


def line(text: str, name: str) -> list[str]:
    """The cells of the first row of that name."""
    (row, *_) = (row.strip() for row in text.splitlines() if row.strip().startswith(f"{name} "))
    return row.removeprefix(name).split()


def test_systems_stand_beside_the_printed_table(run, system):
    outputs = ("--json", "all.json", "--csv", "all.csv", "--markdown", "all.md", "--plot", "h.png")
    text = run(*DATA, "--system", "mvae", "--phrases", "4", "--seed", "3", *outputs)
    chosen = system.segments(load_pieces("songs.json").of("test"))
    assert len(chosen) == 6  # two of each of three songs
    values = system.measure(chosen, 3)
    rec, kl = values["Rec."], values["KL"]
    assert line(text, "mvae (6)")[:4] == [f"{rec:.0f}", f"{rec / 100:.2f}", f"{rec / 300:.2f}",
                                          f"{kl:.2f}"]  # fmt: skip
    assert line(text, "with note unrolling") == ["73.2", "0.73", "0.24", "30.4", "4.24*", "1.54*"]
    assert "mvae: 6 of 6 segments of songs.json test, evenly spaced" in text
    assert "mvae generated: seed 3, temperature 0" in text
    assert "second reading: the sum over a batch of 128" in text
    assert "arXiv:1811.00162" in text

    told = json.loads(Path("all.json").read_text())
    table, marks, pieces = (
        {row["name"]: row for row in part["rows"]} for part in [told, *told["also"]]
    )
    own = table["mvae"]["metrics"]
    shares = (system.decode(system.encode(chosen)) == chosen).mean(axis=(0, 1))
    for part, share in zip(segments.VALUES, shares, strict=True):
        assert own["Rec."][part] == pytest.approx(values[f"Rec. {part}"])
        assert own["accuracy"][part] == pytest.approx(values[f"accuracy {part}"])
        assert own["restored"][part] == pytest.approx(share)
    assert own["restored"]["all"] == pytest.approx(shares.mean())
    assert table["MVAE: real data"]["metrics"]["score"] == {"mean": 4.34, "std": 1.55}
    agrees = [row["metrics"]["85 answers"]["agrees"] for row in marks.values()]
    assert agrees == [True, True, True, False, False, True]
    assert [(row["kind"], row["phrases"]) for row in pieces.values()] == [
        ("data", 6), ("generated", 4),
    ]  # fmt: skip

    lines = list(csv.DictReader(Path("all.csv").read_text().splitlines()))
    found = [x["value"] for x in lines if (x["name"], x["part"]) == ("mvae", "note")]
    assert float(found[0]) == pytest.approx(rec / 100)
    assert "| with note unrolling | 73.2 | 0.73 | 0.24 |" in Path("all.md").read_text()
    assert Path("h.png").read_bytes().startswith(b"\x89PNG")


def test_data_and_files_of_pieces_are_measured_without_a_system(run):
    test = list(load_pieces("songs.json").of("test"))
    write_pieces(Path("same.npz"), test)
    write_pieces(Path("high.npz"), [piece.transposed(12)[0] for piece in test])
    text = run(*DATA, "--generated", "same.npz", "high.npz", "--json", "all.json")
    assert "Reconstruction" not in text
    rows = json.loads(Path("all.json").read_text())["also"][-1]["rows"]
    data, same, high = (row["metrics"] for row in rows)
    for code in ("PR", "IOI", "NO"):
        assert data[code]["mean"] == pytest.approx(high[code]["mean"])
    twice = run(*DATA, "--generated", "same.npz", "same.npz", "--plot", "two.png")
    assert twice.count("  same.npz (6)") == 6  # in each of three tables
    assert Path("two.png").exists()
    assert same["PCH"]["distance"] == high["PCH"]["distance"] == 0
    assert same["PC"]["OA"] == pytest.approx(same["PC"]["OA data"])
    assert data["IOI"]["mean"] == pytest.approx(30 / 25 * 0.125 * 24 / 99, rel=0.2)
    assert data["NO"]["mean"] == pytest.approx(4, abs=0.01)


def test_features_are_those_of_the_notes():
    """Two pieces, of one note after the other and of two at once."""
    low, chords = (
        triples.to_piece(np.array([[first, 48, 60], [second, 48, 64]] * 60), name=name)
        for name, first, second in (("low", 48, 48), ("chords", 48, 0))
    )
    cut = piece_features.samples([low, chords])
    assert [len(piece) for piece in cut] == [100] * 4
    own = piece_features.features(sorted(cut, key=lambda piece: piece.name))
    assert own["NO"].tolist() == [2, 2, 1, 1]
    assert own["IOI"] == pytest.approx([0.5 * 49 / 99] * 2 + [0.5] * 2)
    assert own["PR"].tolist() == [4] * 4
    assert own["PCH"][:, [0, 4]] == pytest.approx(0.5, abs=0.02)
    assert (own["NLH"].argmax(axis=1) == 2).all()  # quarters
    assert own["PCTM"][2:, 0, 4].tolist() == [50, 50]


def test_short_pieces_are_samples_and_many_are_chosen_evenly():
    songs = [triples.to_piece(np.array([[48, 48, 60 + k]] * 9), name=f"{k}") for k in range(20)]
    chosen = piece_features.samples(songs, 5)
    assert sorted(int(piece.name.split()[0]) for piece in chosen) == [0, 4, 9, 14, 19]
    assert {len(piece) for piece in chosen} == {9}


def test_at_most_so_many_segments_are_measured(system, notes_folder):
    pieces = load_pieces(notes_folder / "songs.json")
    chosen = segments.cut(system, pieces, "songs", 5)
    assert (len(chosen), chosen.total, chosen.replaced) == (5, 12, 0)
    assert chosen.song.tolist() == [0, 1, 2, 4, 5]
    shifted = [piece.transposed(20)[0] for piece in pieces]
    assert 0 < segments.cut(system, shifted, "songs").replaced < 1 / 3
    with pytest.raises(Error, match=r"short: no song has 100 notes.*has 28"):
        segments.cut(system, [piece.cut(0, piece.length // 4) for piece in pieces], "short")


def test_a_system_that_only_generates_has_no_row_in_the_first_table(run, add_toy, notes_folder):
    def generate(n, seed=0):
        return list(load_pieces(notes_folder / "songs.json"))[:n]

    add_toy("toy", {"generate": ("seed",), "evaluate": ()}, music="notes", generate=generate)
    text = run(*DATA, "--system", "toy", "--phrases", "2")
    assert "toy: cannot measure segments, and is not in the first table" in text
    assert "Reconstruction" not in text
    assert line(text, "toy generated (4)")
    with pytest.raises(Error, match="--temperature: toy has no such option to generate"):
        run(*DATA, "--system", "toy", "--temperature", "1")
    add_toy("band", {"generate": ("seed",), "evaluate": ()})
    with pytest.raises(Error, match="band: makes phrases, and this suite measures notes"):
        run(*DATA, "--system", "band")


def test_a_temperature_changes_the_generated_pieces_alone(run, system):
    command = (*DATA, "--system", "mvae", "--phrases", "4")
    cold, hot = run(*command), run(*command, "--temperature", "2")
    assert "mvae generated: seed 0, temperature 2" in hot
    assert line(cold, "mvae (6)") == line(hot, "mvae (6)")
    assert line(cold, "mvae generated (4)") != line(hot, "mvae generated (4)")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--suite", "mvae", "musegan"], "suite mvae: measures notes; show it without other"),
        ([*DATA, "--steps", "48"], "--steps: has no effect on suite mvae"),
        ([*DATA, "--track", "bass"], "--track: has no effect on suite mvae"),
        ([*DATA, "--definition", "v1"], "suite mvae has no definition v1; choose segments"),
        ([*DATA, "--system", "mvae", "--split", "val", "--data", "one.npz"], "has no val split"),
        ([*DATA, "--generated", "one.npz"], "one.npz: 1 of its pieces can be measured, and two"),
        ([*DATA, "--split", "test"], "--split: has no effect without --system"),
        ([*DATA, "--plot", "x.jpg"], "end the name in .png or .pdf"),
    ],
)
def test_mistakes(run, options, message):
    write_pieces(Path("one.npz"), [triples.to_piece(np.array([[0, 48, 60]] * 9))])
    with pytest.raises(Error, match=message) as raised:
        run(*options)
    assert "\n" not in str(raised.value)
