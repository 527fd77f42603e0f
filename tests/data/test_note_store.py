"""Pieces on disk are read again unchanged, one by one, and no song is in two splits."""

import json

import numpy as np
import pytest
from music.test_piece import anything

from musegen import Error
from musegen.data import note_store
from musegen.data.note_store import NoteStore, write
from musegen.files import write_npz

SONGS = [anything(seed) for seed in range(1, 30)]
SPLITS = ["train", "val", "train", "test", "train"] * 6


@pytest.fixture
def store(tmp_path, monkeypatch) -> NoteStore:
    monkeypatch.setattr(note_store, "SIZE", 4)
    write(zip(SONGS, SPLITS, strict=False), tmp_path / "store")
    return NoteStore(tmp_path / "store")


def test_pieces_come_back_in_any_order(store):
    assert len(store) == len(SONGS)
    for i in np.random.default_rng(0).permutation(len(store)):
        assert store.piece(i) == SONGS[i]
        assert store.piece(i).name == SONGS[i].name
    assert store.counts.tolist() == [len(song) for song in SONGS]
    assert store.of("val").tolist() == [1, 6, 11, 16, 21, 26]
    with pytest.raises(IndexError):
        store.piece(len(SONGS))
    with pytest.raises(Error, match="choose train, val, test"):
        store.of("all")


def test_files_are_opened_when_they_are_needed(store):
    (store.folder / "notes-00001.npz").unlink()
    assert store.piece(3) == SONGS[3]
    with pytest.raises(Error, match=r"notes-00001\.npz: damaged .* prepare the data again"):
        store.piece(4)


def test_damage_is_an_error_of_one_line(store):
    """Starts that go backwards, and values that no piece has."""
    path = store.folder / "notes-00000.npz"
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if not name.endswith("json")}
        text = archive["names.json"].decode()
    for name, change in (
        ("notes_starts", lambda a: a[::-1]),
        ("keys_starts", lambda a: np.where(np.arange(len(a)) == 1, a[-1] + 5, a)),
        ("notes", lambda a: a[:-1]),
        ("notes", lambda a: np.append(a, a[-1:], axis=0)),
        ("length", lambda a: a[:-1]),
        ("notes", lambda a: a - 1000),
    ):
        write_npz(path, arrays | {name: change(arrays[name])}, {"names.json": text})
        with pytest.raises(Error) as caught:
            NoteStore(store.folder).piece(0)
        assert "\n" not in str(caught.value)
    manifest = store.folder / "manifest.json"
    for text, message in (
        (json.dumps(store.manifest | {"format": 2}), "format 2, but this musegen reads 1"),
        (json.dumps(store.manifest | {"songs": "many"}), "damaged"),
        ("{}", "holds phrases"),
        ("[", "damaged"),
    ):
        manifest.write_text(text)
        with pytest.raises(Error, match=message):
            NoteStore(store.folder)


def test_a_missing_file_is_an_error_at_once(store):
    (store.folder / "notes-00003.npz").unlink()
    with pytest.raises(Error, match=r"notes-00003\.npz: is missing; prepare the data again"):
        NoteStore(store.folder)


def test_a_store_is_written_once(store, tmp_path):
    with pytest.raises(Error, match="already"):
        write(zip(SONGS, SPLITS, strict=False), store.folder)
    with pytest.raises(Error, match="no piece to store"):
        write([], tmp_path / "empty")
