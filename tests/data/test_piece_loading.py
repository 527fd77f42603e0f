"""Pieces from all kinds of sources, and `data info` and `render` with them."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from music.test_piece import anything, piece

from musegen import Error, cli
from musegen.data import lpd, note_store, prepare
from musegen.data.one_song import NoteSettings
from musegen.data.piece_loading import (
    Pieces,
    holds_notes,
    holds_songs,
    load_corpora,
    load_pieces,
    short_names,
)
from musegen.music import midi
from musegen.music.midi import read_piece, write_piece
from musegen.music.piece import Part
from musegen.music.piece_phrases import from_phrases, from_song

WALTZ = piece(
    *((24 * k, 24, 60 + k, 90) for k in range(9)), parts=[Part(73, False, "flute")],
    meters=[(0, 3, 4)], length=216,
)  # fmt: skip
PHRASES = np.random.default_rng(0).random((3, 4, 48, 84, 5)) < 0.01


@pytest.fixture
def songs(tmp_path):
    """A folder with a waltz, the same again, another song, and a damaged one."""
    folder = tmp_path / "songs"
    folder.mkdir()
    write_piece(WALTZ, folder / "a.mid")
    write_piece(WALTZ, folder / "again.mid")
    write_piece(anything(3), folder / "b.mid")
    (folder / "c.mid").write_bytes(b"MThd and no more")
    return folder


def test_songs_in_any_meter(songs, tmp_path):
    pieces = load_pieces(songs)
    assert list(pieces) == [read_piece(songs / "a.mid"), read_piece(songs / "b.mid")]
    assert [name for name, _ in pieces.skipped] == ["again.mid", "c.mid"]
    assert list(load_pieces(songs / "a.mid")) == [WALTZ]
    with zipfile.ZipFile(tmp_path / "songs.zip", "w") as archive:
        archive.write(songs / "a.mid", "a.mid")
    assert list(load_pieces(tmp_path / "songs.zip")) == [WALTZ]
    song = lpd.merge(midi.read(songs / "a.mid", "lpd"))
    lpd.write(song, tmp_path / "a.npz")
    assert list(load_pieces(tmp_path / "a.npz")) == [from_song(lpd.read(tmp_path / "a.npz"))]


def test_prepared_notes_by_split(songs, tmp_path):
    prepare.prepare(songs, tmp_path / "store", NoteSettings(val=0.5, test=0))
    pieces = load_pieces(tmp_path / "store")
    assert holds_notes(tmp_path / "store")
    assert list(pieces) == list(load_pieces(songs))
    kept = [piece for split in set(pieces.splits) for piece in pieces.of(split)]
    assert len(kept) == 2
    with pytest.raises(Error, match="has no test split"):
        pieces.of("test")


def test_files_of_pieces(tmp_path):
    note_store.write_pieces(tmp_path / "x.npz", [WALTZ, anything(5)])
    assert list(load_pieces(tmp_path / "x.npz")) == [WALTZ, anything(5)]
    assert list(load_pieces([WALTZ])) == [WALTZ]
    opened = load_pieces(tmp_path / "x.npz")
    assert load_pieces(opened) is opened


def test_phrases_become_pieces(tmp_path):
    np.save(tmp_path / "x.npy", PHRASES)
    for source in (tmp_path / "x.npy", PHRASES):
        pieces = load_pieces(source)
        assert isinstance(pieces, Pieces)
        assert list(pieces) == [from_phrases(PHRASES[k : k + 1]) for k in range(3)]
    assert not holds_notes(tmp_path / "x.npy")


def test_sources_without_notes_are_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Error, match="no MIDI file"):
        load_pieces(tmp_path / "empty")
    with pytest.raises(Error, match="no such file"):
        load_pieces(tmp_path / "nowhere")
    (tmp_path / "empty" / "x.mid").write_bytes(b"MThd")
    with pytest.raises(Error, match=r"no notes \(1 files skipped; x\.mid: damaged"):
        load_pieces(tmp_path / "empty")


def test_short_names_of_sources(tmp_path, monkeypatch):
    (tmp_path / "lmd.v2").mkdir()
    monkeypatch.chdir(tmp_path / "lmd.v2")
    sources = ["../songs.tar.gz", ".", "../songs/x.npz", "../songs/", "demo"]
    assert short_names(sources) == ["songs", "lmd.v2", "x", "songs 2", "demo"]
    assert short_names(["demo", "demo", "demo"]) == ["demo", "demo 2", "demo 3"]


def test_corpora_by_their_short_names(songs):
    note_store.write_pieces(songs / "x.npz", [WALTZ])
    found = load_corpora([str(songs / "x.npz"), "demo"])
    assert [(name, len(pieces)) for name, pieces in found.items()] == [("x", 1), ("demo", 100)]
    assert list(found["x"]) == [WALTZ]
    assert set(found["demo"].splits) == {"train", "val", "test"}


def test_songs_are_told_from_pieces_and_phrases(songs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    note_store.write_pieces("x.npz", [WALTZ])
    np.save("x.npy", PHRASES)
    (tmp_path / "demo").mkdir()
    assert holds_songs(songs)
    assert holds_songs(songs / "a.mid")
    assert not any(map(holds_songs, ("x.npz", "x.npy", "demo", "nowhere")))


def test_info_of_notes(songs, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["data", "info", "songs", "--music", "notes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["music"], found["pieces"], found["skipped"]) == ("notes", 2, 2)
    assert found["picture"] == "piece.png"
    assert (tmp_path / "piece.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main(["data", "info", "songs/a.mid", "--music", "notes"]) == 0
    said = capsys.readouterr().out
    assert "a.mid: 1 piece, 9 notes" in said
    assert "60-68" in said
    prepare.prepare(songs, tmp_path / "store", NoteSettings(val=0, test=0))
    assert cli.main(["data", "info", "store", "--picture", "x.pdf"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].startswith("store: 2 pieces, ")
    assert "x.pdf shows" in said
    assert cli.main(["data", "info", "store", "--music", "phrases"]) == 2
    assert "store: holds notes; prepare the songs again" in capsys.readouterr().err


def test_pieces_of_one_name_have_a_row_each(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    note_store.write_pieces("x.npz", [WALTZ, WALTZ.transposed(1)[0]])
    assert cli.main(["data", "info", "x.npz"]) == 0
    said = capsys.readouterr().out
    assert "60-68" in said
    assert "61-69" in said


def test_many_pieces_are_summed_up(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pieces = [WALTZ.transposed(k % 3)[0] for k in range(20)]
    note_store.write_pieces("x.npz", pieces)
    assert cli.main(["data", "info", "x.npz"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line.split() for line in lines if line.startswith("notes ")) == ["notes", *"999"]
    assert "meters: 3/4 in 20" in lines


@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="FluidSynth is not installed")
def test_pieces_are_rendered(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    note_store.write_pieces("x.npz", [WALTZ, WALTZ])
    assert cli.main(["render", "x.npz"]) == 0
    assert capsys.readouterr().out == "x.wav\n"
    assert len((tmp_path / "x.wav").read_bytes()) > 4 * 44100 * 10  # 4.5 s, a bar, 4.5 s
