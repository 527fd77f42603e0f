"""`musegen data prepare --music notes`: whole songs in any meter, resumed like phrases."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from data.test_prepare import content, stop_at
from music.test_piece import anything

from musegen import Error, cli
from musegen.data import lpd, note_store, one_song, prepare
from musegen.data.note_store import NoteStore
from musegen.data.one_song import NoteSettings, Settings
from musegen.music import midi
from musegen.music.midi import read_piece, write_piece
from musegen.music.phrases import TRACKS
from musegen.music.piece_phrases import from_song

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """21 pieces in any meter, one of them twice, an LPD file, and three bad files."""
    folder = tmp_path_factory.mktemp("corpus")
    songs = [anything(seed) for seed in range(1, 60)]
    songs = [song for song in songs if len(song) and len(song.parts) <= 15][:21]
    for k, song in enumerate(songs):
        write_piece(song, folder / f"{k:02d}.mid")
    (folder / "07 again.mid").write_bytes((folder / "07.mid").read_bytes())
    (folder / "12 torn.mid").write_bytes((folder / "12.mid").read_bytes()[:99])
    (folder / "13 empty.mid").write_bytes(b"")
    write_piece(songs[0].cut(0, 0), folder / "silent.mid")
    phrases = np.random.default_rng(0).random((2, 4, 96, 84, 5)) < 0.002
    midi.write(phrases, folder / "phrases.mid", gap=0)
    lpd.write(lpd.merge(midi.read(folder / "phrases.mid", "lpd")), folder / "lpd.npz")
    return folder


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(note_store, "SIZE", 4)
    monkeypatch.setattr(prepare, "CHUNK_SONGS", 3)


def test_every_song_is_in_the_store_as_it_was_read(corpus, tmp_path, small_files):
    settings = NoteSettings(val=0.3, test=0.3)
    summary = prepare.prepare(corpus, tmp_path / "out", settings)
    store = NoteStore(tmp_path / "out")
    assert len(store) == summary.manifest["songs"] == 23
    for piece in map(store.piece, range(len(store))):
        if piece.name.endswith(".mid"):
            assert piece == read_piece(corpus / piece.name)
        else:
            assert piece == from_song(lpd.read(corpus / piece.name))
    with (tmp_path / "out" / "songs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["notes"]) for row in rows] == store.counts.tolist()
    assert sorted(np.concatenate([store.of(row) for row in note_store.SPLITS])) == [*range(23)]
    with (tmp_path / "out" / "skipped.csv").open() as file:
        reasons = {row["name"]: row["reason"] for row in csv.DictReader(file)}
    assert reasons["silent.mid"] == "there is no note in it"
    assert reasons["07.mid"].startswith("duplicate")
    assert len(reasons) == 4


def test_a_song_falls_to_the_same_split_as_its_phrases(corpus, tmp_path):
    songs = {}
    for name, settings in (("phrases", Settings()), ("notes", NoteSettings())):
        prepare.prepare(corpus, tmp_path / name, settings)
        with (tmp_path / name / "songs.csv").open() as file:
            songs[name] = {row["name"]: row["split"] for row in csv.DictReader(file)}
    both = songs["phrases"].keys() & songs["notes"].keys()
    assert both
    assert all(songs["phrases"][song] == songs["notes"][song] for song in both)


def test_the_pedal_is_kept_applied_or_dropped(corpus):
    item = one_song.Item("05.mid", "midi", (corpus / "05.mid").read_bytes())
    for pedal in midi.PEDALS:
        piece = one_song.song_piece(item, NoteSettings(pedal=pedal))
        assert piece == read_piece(item.data, pedal=pedal)
    with pytest.raises(Error, match="choose keep, apply, drop"):
        NoteSettings(pedal="hold")


def test_a_run_that_was_stopped_anywhere_goes_on(corpus, tmp_path, small_files):
    prepare.prepare(corpus, tmp_path / "whole", NoteSettings(), workers=2)
    whole = content(tmp_path / "whole")

    for n in range(1, 28, 4):
        out = tmp_path / str(n)
        for stop in (n, min(n + 3, 27)):
            with pytest.raises(KeyboardInterrupt):
                prepare.prepare(corpus, out, NoteSettings(), progress=stop_at(stop))
        prepare.prepare(corpus, out, NoteSettings())
        assert content(out) == whole


KILLED = """
import os, signal, sys
from musegen.data import note_store, prepare

def progress(files, *_):
    if files == 17:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    note_store.SIZE = 4
    prepare.CHUNK_SONGS = 3
    settings = prepare.NoteSettings()
    prepare.prepare(sys.argv[1], sys.argv[2], settings, workers=2, progress=progress)
"""


def test_a_killed_run_goes_on(corpus, tmp_path, small_files):
    (tmp_path / "killed.py").write_text(KILLED)
    command = [sys.executable, tmp_path / "killed.py", corpus, tmp_path / "out"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == -signal.SIGKILL
    prepare.prepare(corpus, tmp_path / "out", NoteSettings())
    prepare.prepare(corpus, tmp_path / "whole", NoteSettings())
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_the_command(corpus, tmp_path, capsys):
    words = ["data", "prepare", str(corpus), "-o", str(tmp_path / "out"), "--music", "notes"]
    assert cli.main([*words, "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert "notes" in said
    assert "phrases" not in said.replace("phrases.mid", "")
    assert cli.main([*words, "--workers", "1"]) == 0
    assert "is complete already" in capsys.readouterr().out
    for more, message in (
        (["--steps", "48"], "--steps: has no effect with --music notes; leave it out"),
        (["--pedal", "drop"], "pedal was keep and is now drop"),
        (["--music", "phrases"], "music was notes and is now phrases"),
        (["--music", "phrases", "--pedal", "keep"], "--pedal: has no effect with --music phrases"),
    ):
        assert cli.main([*words, *more]) == 2
        assert message in capsys.readouterr().err


def test_an_lpd_file_becomes_the_notes_that_its_cells_are(corpus):
    song = lpd.read(corpus / "lpd.npz")
    piece = from_song(song)
    assert piece.ticks_per_quarter == 24
    assert piece.meters == ((0, 4, 4),)
    assert [part.name.lower() for part in piece.parts] == list(TRACKS)
    for number, part in enumerate(song.parts):
        notes = piece.notes[piece.notes["part"] == number]
        cells = {
            (int(note["pitch"]), tick)
            for note in notes
            for tick in range(note["onset"], note["onset"] + note["duration"])
        }
        step, pitch, _ = part.cells
        assert cells == set(zip(pitch.tolist(), step.tolist(), strict=True))
        if part.is_drum:
            assert (notes["duration"] == 1).all()
        elif len(notes):
            assert notes["duration"].max() > 1
