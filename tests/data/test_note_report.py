"""`musegen data notes`: the counts of three corpora, and of songs made by hand."""

import json
import tarfile

import pytest
from music.test_piece import piece

from musegen import Error, cli
from musegen.data import note_report, note_store
from musegen.data.note_report import describe
from musegen.data.piece_loading import load_pieces
from musegen.music.midi import write_piece
from musegen.music.piece import Part
from musegen.music.tokens import triples

COLUMNS = ("kept", "skipped", "notes", "short", "segments", "copies", "dT", "T")
LONGEST = ("longest dT", "longest T")
NAMES = ("nottingham", "jsb-chorales-16th", "piano_midi")
# As they were counted with the rules of the paper and those of its code, before this program was
# written: the counts of COLUMNS, the longest times, and the pitches with all transpositions.
COUNTED = {
    "paper": {
        "nottingham": ((922, 0, 319_317, 13, 5899, 5899, 19, 42), (5, 63.9375), (59, [33, 91])),
        "jsb-chorales-16th": ((382, 0, 82_742, 3, 1458, 1458, 15, 41), (12, 36), (52, [33, 84])),
        "piano_midi": ((295, 0, 696_340, 0, 13_779, 13_779, 94, 169), (8, 21), (93, [18, 110])),
        "together": (
            (1599, 0, 1_098_399, 16, 21_136, 21_136, 95, 179), (12, 63.9375), (93, [18, 110]),
        ),
    },
    "repo": {
        "nottingham": ((910, 12, 312_756, 13, 5797, 40_579, 14, 35), (5, 129), (59, [33, 91])),
        "jsb-chorales-16th": ((382, 0, 82_742, 3, 1464, 10_248, 15, 41), (12, 36), (52, [33, 84])),
        "piano_midi": ((227, 68, 452_573, 0, 8940, 62_580, 35, 64), (10.5, 21), (91, [18, 108])),
        "together": (
            (1519, 80, 848_071, 16, 16_201, 113_407, 36, 77), (12, 129), (91, [18, 108]),
        ),
    },
}  # fmt: skip
SIZES = {"paper": (96, 180, 94), "repo": (37, 78, 92), "BachProp": (96, 181, 88)}


@pytest.fixture
def corpora(shared_data):
    files = ("nottingham.tar.xz", "jsb-chorales-16th.json", "piano_midi.tar.xz")
    return [str(shared_data / name) for name in files]


@pytest.mark.slow
@pytest.mark.parametrize("preset", COUNTED)
def test_the_table_of_three_corpora(preset, corpora):
    info = describe(corpora, preset)
    rows = info["sources"] | {"together": info["together"]}
    assert tuple(info["sources"]) == NAMES
    for name, (counts, longest, pitches) in COUNTED[preset].items():
        row = rows[name]
        assert tuple(row[column] for column in COLUMNS) == counts
        assert tuple(row[column] for column in LONGEST) == longest
        assert (row["P moved"], row["range"]) == pitches
    if preset == "repo":
        assert [rows[name]["P"] for name in NAMES] == [52, 46, 85]
    else:
        assert [rows[name]["clipped"] for name in NAMES] == [6, 0, 0]
        assert rows["nottingham"]["repeated"] == 4
    assert tuple(info["dictionaries"].values()) == SIZES[preset]


@pytest.mark.slow
def test_dictionaries_of_bachprop(corpora):
    info = describe(corpora, "BachProp")
    assert info["sources"]["piano_midi"]["no length"] == 811
    assert tuple(info["dictionaries"].values()) == SIZES["BachProp"]
    sizes = [tuple(note_report.sizes(row, "BachProp").values()) for row in info["sources"].values()]
    assert sizes == [(20, 43, 54), (16, 42, 47), (95, 171, 88)]


def tune(n: int, pitch: int = 60, more: tuple = (), **facts):
    """A scale of quarters on the piano, and other notes on drums."""
    rows = [(24 * k, 24, pitch + k % 3, 90) for k in range(n)]
    rows += [(*row, 90, 1) for row in more]
    return piece(*rows, parts=[Part(), Part(0, True)], **facts)


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """Two songs, the first of them twice; one that is short, one of two meters, and a bad file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "songs").mkdir()
    write_piece(tune(150, more=[(0, 12, 36), (48, 12, 38)]), "songs/a.mid")
    write_piece(tune(150, more=[(0, 12, 36), (48, 12, 38)]), "songs/b.mid")
    write_piece(tune(260, 62), "songs/c.mid")
    write_piece(tune(40, meters=[(0, 4, 4), (96, 3, 4)]), "songs/d.mid")
    (tmp_path / "songs" / "e.mid").write_bytes(b"MThd")
    return tmp_path


def test_counts_of_songs_made_by_hand(songs):
    info = describe(["songs"])
    row = info["sources"]["songs"]
    assert tuple(row[name] for name in COLUMNS) == (4, 1, 600, 1, 2 + 2 + 5, 9, 2, 1)
    assert tuple(row[name] for name in LONGEST) == (1, 1)
    assert (row["P"], row["P moved"], row["range"]) == (5, 11, [57, 67])
    assert (row["drums"], row["clipped"], row["no length"], row["repeated"]) == (4, 0, 0, 1)
    assert [name for name, _ in row["reasons"]] == ["e.mid"]
    assert info["dictionaries"] == {"dT": 3, "T": 2, "P": 12}
    row = describe(["songs"], "repo")["sources"]["songs"]
    # Drums are notes, songs of two meters are left out, and the last segment may be there twice.
    assert tuple(row[name] for name in COLUMNS) == (3, 2, 564, 0, 3 + 3 + 5, 77, 2, 2)
    assert (row["drums"], row["range"]) == (0, [33, 67])
    assert describe(["songs"], "BachProp")["dictionaries"]["P"] == 64 - 36 + 2


@pytest.mark.parametrize(("preset", "exact"), [("paper", 0), ("repo", 4), ("BachProp", 4)])
def test_midi_files_are_read_as_the_codes_do(preset, exact, songs, monkeypatch):
    """Pieces lack what these codes depend on."""
    calls, of_file = [], triples.of_file
    monkeypatch.setattr(
        triples, "of_file", lambda *args: [calls.append(args[1]), of_file(*args)][1]
    )
    with tarfile.open("all.tar", "w") as archive:
        archive.add("songs")
    for source in ("songs", "all.tar"):
        calls.clear()
        describe([source], preset)
        assert len([name for name in calls if not name.endswith("e.mid")]) == exact
    note_store.write_pieces("x.npz", list(load_pieces("songs")))
    calls.clear()
    describe(["x.npz", "songs/a.mid"], preset)
    assert calls == (["a.mid"] if exact else [])


def test_the_command(songs, capsys):
    note_store.write_pieces("x.npz", [tune(120)])
    words = ["data", "notes", "songs", "x.npz", "songs/", "demo", "--json", "all.json"]
    assert cli.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "preset paper, segments of 100 notes, a new one every 50"
    assert lines[2].split()[:5] == ["kept", "skipped", "notes", "short", "segments"]
    assert [line.split("  ")[0] for line in lines[3:8]] == [
        "songs", "x", "songs 2", "demo", "together",
    ]  # fmt: skip
    assert lines[3].split()[1:6] == ["4", "1", "600", "1", "9"]
    assert any(line.startswith("songs: 1 skipped, the first is e.mid: ") for line in lines)
    assert any(line.startswith("songs: 1 file with the content of another") for line in lines)
    found = json.loads((songs / "all.json").read_text())
    assert list(found["sources"]) == ["songs", "x", "songs 2", "demo"]
    segments = [row["segments"] for row in found["sources"].values()]
    assert found["together"]["segments"] == sum(segments)
    assert sum(found["dictionaries"].values()) == int(lines[-2].split()[-1])
    assert lines[-1] == "all.json"
    assert cli.main(["data", "notes", "x.npz", "--preset", "REPO"]) == 0
    said = capsys.readouterr().out
    assert "together  " not in said
    assert " x 7 " in said
    assert cli.main(["data", "notes", "x.npz", "--preset", "bachprop"]) == 0
    assert "preset BachProp" in capsys.readouterr().out
    assert cli.main(["data", "notes", "x.npz", "--preset", "mine"]) == 2


def test_what_has_no_segment_is_one_line(songs, capsys):
    note_store.write_pieces("short.npz", [tune(30), tune(50), tune(99)])
    (songs / "empty").mkdir()
    write_piece(tune(0, more=[(0, 12, 36), (24, 12, 36)]), "drums.mid")
    write_piece(tune(120, pitch=124), "high.mid")
    for words, message in (
        (
            "songs short.npz",
            "short.npz: none of its 3 songs has the 100 notes that a segment needs",
        ),
        ("short.npz", "the longest has 99; give whole songs"),
        ("empty", "empty: there is no MIDI file"),
        ("nowhere", "nowhere: no such file or folder"),
        ("drums.mid", "drums.mid: no song has notes (1 skipped; drums.mid: there is no note in it"),
        ("songs/e.mid", "songs/e.mid: no song has notes (1 skipped; e.mid: damaged"),
        ("high.mid --preset repo", "high.mid: pitches 124 to 126 cannot be transposed"),
    ):
        assert cli.main(["data", "notes", *words.split()]) == 2
        said = capsys.readouterr()
        assert message in said.err
        assert (said.err.count("\n"), said.out) == (1, "")


@pytest.mark.usefixtures("songs")
def test_pieces_that_a_source_leaves_out_are_skipped():
    chorale = [[60 + 2 * (k % 2), 50] for k in range(200)]
    with open("x.json", "w") as file:
        json.dump({"train": [chorale, [[], []]]}, file)
    row = describe(["x.json"])["sources"]["x"]
    assert (row["kept"], row["skipped"], row["notes"], row["repeated"]) == (1, 1, 201, 0)
    assert row["reasons"] == [["chorale 2 of train", "there is no note in it"]]


def test_the_clips_of_the_chorales_are_refused(shared_data):
    with pytest.raises(Error, match=r"none of its 207 songs has the 100 notes .* longest has 50"):
        describe([str(shared_data / "jsb.tar.xz")])


def test_each_preset_has_its_rules():
    named = {name: note_report.settings_of(name) for name in note_report.PRESETS}
    assert named == triples.PRESETS | {"BachProp": triples.BACHPROP}
