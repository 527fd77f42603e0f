"""Pieces on disk: the same come back, one by one, and splits share no song."""

import numpy as np
import pytest
from music.test_piece import anything

from musegen import Error
from musegen.data import note_store
from musegen.data.note_store import NoteStore, build, write
from musegen.files import write_npz
from musegen.music.midi import read_piece, write_piece

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
    with pytest.raises(Error, match=r"notes-00001\.npz: damaged .* make the store again"):
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
    write_npz(store.folder / "index.npz", {"format": np.array(2)})
    with pytest.raises(Error, match="format 2, this musegen reads 1"):
        NoteStore(store.folder)


def test_a_store_of_a_folder(tmp_path):
    """Files fall to splits by their content: another name or neighbour changes nothing."""
    (tmp_path / "midi").mkdir()
    songs = [song for song in SONGS if len(song) and len(song.parts) <= 15]
    for k, song in enumerate(songs):
        write_piece(song, tmp_path / "midi" / f"{k:02d}.mid")
    write_piece(songs[0], tmp_path / "midi" / "again.mid")
    (tmp_path / "midi" / "bad.mid").write_bytes(b"MThd and no more")
    write_piece(songs[0].cut(0, 0), tmp_path / "midi" / "silent.mid")
    skipped = build(tmp_path / "midi", tmp_path / "store", val=0.3, test=0.3)
    store = NoteStore(tmp_path / "store")
    assert len(store) == len(songs)
    assert skipped["duplicate"] == 1
    assert skipped.total() == 3
    splits = [store.of(split) for split in note_store.SPLITS]
    assert all(len(split) for split in splits)
    assert sorted(np.concatenate(splits)) == list(range(len(songs)))
    for i in range(len(store)):
        piece = store.piece(i)
        assert piece == read_piece(tmp_path / "midi" / piece.name)

    for path in (tmp_path / "midi").iterdir():
        path.rename(path.with_name(f"9{path.name}"))
    build(tmp_path / "midi", tmp_path / "other", val=0.3, test=0.3)
    other = NoteStore(tmp_path / "other")
    assert [other.piece(i).name for i in range(len(other))] == [
        f"9{k:02d}.mid" for k in range(len(songs))
    ]
    assert other.splits.tolist() == store.splits.tolist()
    with pytest.raises(Error, match="already"):
        write(zip(SONGS, SPLITS, strict=False), tmp_path / "store")
    with pytest.raises(Error, match="no piece to store"):
        write([], tmp_path / "empty")
