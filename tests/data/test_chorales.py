"""Chorales in JSON: each voice of each chorale note by note, and files that hold none."""

import json
import math
import tarfile
from collections import Counter
from dataclasses import replace
from itertools import groupby, zip_longest

import pytest

from musegen import Error, cli, data
from musegen.commands.note_format import read_example
from musegen.data import chorales, prepare
from musegen.data.chorales import VOICES
from musegen.data.one_song import NoteSettings
from musegen.data.piece_loading import holds_notes, load_pieces
from musegen.data.sources import items
from musegen.music.piece import Piece
from musegen.music.tokens import triples
from musegen.music.tokens.dictionaries import Dictionaries
from musegen.music.tokens.triples import PRESETS

# Alto and tenor cross, the bass comes late, everything stops, and the soprano repeats its pitch.
SHORT = [
    [72, 60, 64.0], [72, 60, 64], [72, 64, 60, 48], [72.0, 64, 60, 48], [], [72, 64, 60, 36],
]  # fmt: skip
NOTES = {  # onset, duration and pitch
    "soprano": [(0, 4, 72), (5, 1, 72)],
    "alto": [(0, 2, 60), (2, 2, 64), (5, 1, 64)],
    "tenor": [(0, 2, 64), (2, 2, 60), (5, 1, 60)],
    "bass": [(2, 2, 48), (5, 1, 36)],
}


def by_voice(piece: Piece) -> dict[str, list[tuple[int, int, int]]]:
    """Onset, duration and pitch of the notes of each part."""
    return {
        part.name: [tuple(note)[:3] for note in piece.notes.tolist() if note[4] == k]
        for k, part in enumerate(piece.parts)
    }


def voices_of(steps: list) -> dict[str, list[tuple[int, int, int]]]:
    """The same, step by step."""
    found = dict.fromkeys(VOICES, ())
    for voice, line in zip(VOICES, zip_longest(*steps, range(4), fillvalue=0), strict=False):
        found[voice] = []
        for pitch, run in groupby(enumerate(line[:-1]), key=lambda place: place[1]):
            first, *rest = (step for step, _ in run)
            if pitch:
                found[voice].append((first, 1 + len(rest), int(pitch)))
    return found


@pytest.fixture
def file(tmp_path):
    """Writes content as JSON."""

    def write(content, name="x.json"):
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return tmp_path / name

    return write


def test_each_voice_note_by_note(file):
    pieces = load_pieces(file({"test": [SHORT], "train": [SHORT[::-1], SHORT]}))
    assert (pieces.name, pieces.splits) == ("x.json", ("train", "train", "test"))
    assert pieces[1] == pieces[2] == pieces.of("test")[0]
    piece = pieces[2]
    assert by_voice(piece) == NOTES
    assert (piece.ticks_per_quarter, piece.length) == (4, 6)
    assert (piece.meters, piece.tempi) == (((0, 4, 4),), ())
    assert [each.name for each in pieces] == [
        "chorale 1 of train", "chorale 2 of train", "chorale 1 of test",
    ]  # fmt: skip
    with pytest.raises(Error, match=r"x\.json: has no val split"):
        pieces.of("val")


def test_rests_of_other_editions(file):
    steps = [[60, rest, 48] for rest in (math.nan, None, 0, -1, 55)]
    piece = load_pieces(file({"valid": [steps]})).of("val")[0]
    assert by_voice(piece)["alto"] == [(4, 1, 55)]


def test_a_silent_chorale_is_left_out(file):
    pieces = load_pieces(file({"train": [[[], [0]], SHORT, []]}))
    assert (len(pieces), pieces.splits) == (1, ("train",))
    assert [name for name, _ in pieces.skipped] == ["chorale 1 of train", "chorale 3 of train"]
    with pytest.raises(Error, match="no notes"):
        load_pieces(file({"train": [], "valid": []}))


def test_the_whole_corpus(shared_data):
    path = shared_data / "jsb-chorales-16th.json"
    pieces = data.load_pieces(path)
    assert Counter(pieces.splits) == {"train": 229, "val": 76, "test": 77}
    content = json.loads(path.read_bytes())
    for split, name in (("train", "train"), ("val", "valid"), ("test", "test")):
        for piece, steps in zip(pieces.of(split), content[name], strict=True):
            assert by_voice(piece) == voices_of(steps)
    for preset, n_segments in (("paper", 1458), ("repo", 1464)):
        settings = PRESETS[preset]
        songs, skipped = triples.collect(pieces, settings)
        cut, _ = triples.segments(songs, replace(settings, copies=False))
        assert (sum(map(len, songs)), len(cut), skipped) == (82_742, n_segments, [])
        assert Dictionaries.of(songs, settings).sizes == (16, 42, 53)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"name": "x", "version": "1"}, "it has name, version, and not train, valid, test"),
        ({}, "it has nothing"),
        ({"train": [SHORT], "more": []}, "it has train, more"),
        ({"train": 5}, "not iterable"),
        ({"train": [5]}, "has no len"),
        ({"train": ["abc"]}, "a step of chorale 1 of train is no list"),
        ({"train": [SHORT, [60, 62]]}, "a step of chorale 2 of train is no list"),
        ({"train": [[[60, [62]]]]}, "is no number"),
        ({"train": [[["60"]]]}, "is no number"),
        ({"train": [[[True]]]}, "is no number"),
        ({"train": [[[60.5]]]}, "is no whole number"),
        ({"train": [[[128]]]}, "a pitch of chorale 1 of train of 128; -1 to 127 exist"),
        ({"train": [[[math.inf]]]}, "of inf; -1 to 127 exist"),
        ({"train": [[[10**400]]]}, "too large"),
        ({"valid": [[[1, 2, 3, 4, 5]]]}, "of val has 5 pitches, and there are four voices"),
        ({"train": [40_001 * [[]]]}, "more than 40,000 steps of chorale 1 of train"),
        ('{"train": [[[60', "x.json: damaged"),
        ('{"train": ' + "[" * 9000, "x.json: damaged"),
        (json.dumps({"train": [SHORT]}) + " " * (1 << 22), "more than 4,194,304 bytes"),
    ],
)
def test_what_is_no_chorale_is_one_line(content, why, file):
    path = file(content)
    with pytest.raises(Error) as caught:
        load_pieces(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert why in said
    assert said.endswith(f"; {chorales.REMEDY}")
    assert said.isprintable()


def test_a_file_is_known_by_its_content(file, tmp_path):
    path = file("\ufeff\n " + json.dumps({"train": [SHORT]}), "chorales")
    assert holds_notes(path)
    assert by_voice(load_pieces(path)[0]) == NOTES
    with tarfile.open(tmp_path / "x.tar", "w") as archive:  # its first bytes are that name
        archive.add(path, "{x}.mid")
    assert not holds_notes(tmp_path / "x.tar")
    assert [item.name for item in items(tmp_path / "x.tar")] == ["{x}.mid"]


def test_the_commands(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file({"train": [SHORT, SHORT], "test": [SHORT[:3]]})
    assert cli.main(["data", "info", "x.json"]) == 0
    assert "x.json: 3 pieces, 26 notes" in capsys.readouterr().out
    assert by_voice(read_example("x.json", 2, "--phrase-from")) == NOTES
    for words, message in (
        ("data info x.json --music phrases", "x.json: holds notes; "),
        ("data prepare x.json -o y", "x.json: a JSON file, and no songs in files; "),
        ("data prepare x.json -o y --music notes", "chorales in JSON need no preparation: "),
        ("eval objective --data x.json", "x.json: a JSON file, which holds no phrases; "),
    ):
        assert cli.main(words.split()) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    with pytest.raises(Error, match="need no preparation"):
        prepare.prepare("x.json", "y", NoteSettings())
    assert not (tmp_path / "y").exists()
