"""The songs of a training of BachProp's own network: groups, tags, padding, transposition."""

from dataclasses import replace

import numpy as np
import pytest

from musegen import Error
from musegen.data import note_store
from musegen.models.bachprop.song_data import (
    SongData,
    batches,
    count_windows,
    grouped,
    load_song_data,
)
from musegen.music.piece import Part, Piece, note_array
from musegen.music.tokens.dictionaries import Dictionaries
from musegen.train.bachprop import Training

KNOWN = Dictionaries("grid", (0, 12), (6, 12, 24), tuple(range(50, 60)))
TAG = [2, 3, 10]  # the last index of each attribute


def rows(n: int, seed: int = 0) -> np.ndarray:
    """Triples of a song; its pitches leave room for five shifts, from 52 to 57."""
    rng = np.random.default_rng(seed)
    pitch = 52 + rng.permutation(np.arange(n) % 6)
    return np.stack([rng.choice(KNOWN.dT, n), rng.choice(KNOWN.T, n), pitch], axis=1)


def data(*lengths: int, longest: int = 100_000) -> SongData:
    songs = [rows(n, seed) for seed, n in enumerate(lengths)]
    return SongData(songs, songs, KNOWN, longest)


def sizes(*lengths: int) -> list[list[int]]:
    """The lengths of the songs in each group."""
    return [[lengths[k] for k, _ in group] for group in grouped(lengths)]


def test_songs_of_as_many_windows_are_a_group():
    """A song that fills its windows, its tags among its notes, gets one more."""
    assert sizes(*[127] * 10, *[128] * 10, *[255] * 10) == [[127] * 10, [128] * 10 + [255] * 10]
    assert {n for group in grouped([127, 1]) for _, n in group} == {1}
    assert {n for group in grouped([128, 255]) for _, n in group} == {2}
    assert sizes(*[300] * 10, *[5] * 10) == [[5] * 10, [300] * 10]


def test_a_small_group_joins_the_next_and_the_last_one_the_one_before():
    assert sizes(*[5] * 9, *[200] * 3, *[300] * 12) == [[5] * 9 + [200] * 3, [300] * 12]
    assert sizes(*[5] * 10, *[200] * 9) == [[5] * 10 + [200] * 9]
    assert sizes(*[5] * 4, *[200] * 2) == [[5] * 4 + [200] * 2]
    assert sizes() == []


def test_a_song_stands_between_tags_and_is_padded():
    own = data(40, 130)
    options = Training(batch_size=3)
    (batch,) = batches(own.train, own, options, 0, learn=False)
    notes, following = batch["notes"], batch["next"]
    assert notes.shape == following.shape == (3, 2 * 128, 3)
    for k, n in enumerate((40, 130)):
        expected = KNOWN.encode(own.train[k])[0] - 1
        assert notes[k, 0].tolist() == notes[k, n + 1].tolist() == TAG
        np.testing.assert_array_equal(notes[k, 1 : n + 1], expected)
        assert (notes[k, n + 2 :] == -1).all()
        np.testing.assert_array_equal(following[k, :-1], notes[k, 1:])
        assert (following[k, -1] == -1).all()
    assert (notes[2] == -1).all()  # in validation nothing is repeated


def test_long_songs_are_cut_off():
    own = data(40, 300, longest=256)
    (batch,) = batches(own.train, own, Training(batch_size=2), 0, learn=False)
    assert batch["notes"].shape == (2, 3 * 128, 3)
    there = (batch["notes"] >= 0).all(axis=-1)
    assert there.sum(axis=1).tolist() == [42, 256]
    expected = KNOWN.encode(own.train[1])[0][:255] - 1  # after the tag
    np.testing.assert_array_equal(batch["notes"][1, 1:256], expected)


def learned(own: SongData, options: Training, epoch: int = 0) -> list[np.ndarray]:
    """The triples of the songs that are learned in an epoch, in order."""
    found = []
    for batch in batches(own.train, own, options, epoch):
        assert len(batch["notes"]) == options.batch_size
        for song in batch["notes"]:
            n = int((song >= 0).all(axis=-1).sum())
            found.append(KNOWN.decode(song[1 : n - 1] + 1)[0])
    return found


def test_every_song_is_learned_and_the_last_batch_is_filled_from_its_group():
    own, options = data(*range(20, 32), *range(200, 211)), Training(batch_size=8)
    found = [len(song) for song in learned(own, options)]
    assert set(found[:16]) == set(range(20, 32))
    assert set(found[16:]) == set(range(200, 211))
    assert (len(found), len(found[:12]), len(set(found[:12]))) == (32, 12, 12)
    assert found[:12] != sorted(found[:12])
    assert [len(song) for song in learned(own, options, 1)] != found


def test_windows_are_counted_as_an_epoch_serves_them():
    own, options = data(*range(20, 32), *range(200, 211)), Training(batch_size=8)
    served = [batch["notes"].shape[1] // 128 for batch in batches(own.train, own, options, 0)]
    assert count_windows(own.train, own, options) == sum(served) == 2 * 1 + 2 * 2


def test_songs_are_moved_within_the_dictionary():
    """Times stay, and each epoch draws other shifts; to validate nothing is moved."""
    own, options = data(*range(30, 62)), Training(batch_size=32)
    moves = []
    for epoch in (0, 1):
        songs = sorted(learned(own, options, epoch), key=len)
        moved = [song - former for song, former in zip(songs, own.train, strict=True)]
        assert not any(move[:, :2].any() or np.ptp(move[:, 2]) for move in moved)
        moves.append([int(move[0, 2]) for move in moved])
        assert set(moves[-1]) == {-2, -1, 0, 1, 2}  # pitches 52 to 57 among 50 to 59
    assert moves[0] != moves[1]
    again = sorted(learned(own, options, 1), key=len)
    assert all((one == other).all() for one, other in zip(again, songs, strict=True))


def pieces(tmp_path, lengths, splits=None, first: int = 60) -> str:
    songs = [
        Piece(f"{k}", 48, note_array(12 * np.arange(n), 12 + 12 * k, first + 7 * k), (Part(),))
        for k, n in enumerate(lengths)
    ]
    if splits:
        note_store.write(list(zip(songs, splits, strict=True)), tmp_path / "store")
        return str(tmp_path / "store")
    note_store.write_pieces(tmp_path / "songs.npz", songs)
    return str(tmp_path / "songs.npz")


def test_dictionaries_have_all_pitches_of_a_range_and_ascend(tmp_path):
    source = pieces(tmp_path, (100, 300, 20), ("train", "train", "val"))
    own = load_song_data(Training(data=(source,)))
    assert tuple(range(60, 75)) == own.dictionaries.P
    assert own.dictionaries.dT == (0, 12)
    assert own.dictionaries.T == (12, 24, 36)
    assert [len(song) for song in own.train] == [100, 300]
    assert [len(song) for song in own.held_out] == [20]
    assert own.longest == 512  # 200 + 2 * 100, in windows of 128
    assert len(own.shown) == 20
    assert list(own.sets) == ["train"]
    assert own.describe() == {"songs": 2, "held_out": 1, "notes": 400, "sizes": [3, 4, 16]}
    halves = load_song_data(Training(data=(pieces(tmp_path, (20, 20)),), val_split=0.5))
    assert (len(halves.train), len(halves.held_out), halves.sets) == (1, 1, {})
    assert halves.shown.tolist() == halves.held_out[0].tolist()


def test_without_a_song_to_learn_it_is_one_line(tmp_path):
    source = pieces(tmp_path, (20, 20), ("val", "test"))
    with pytest.raises(Error, match="no song in its train split, so nothing to learn"):
        load_song_data(Training(data=(source,)))


@pytest.mark.slow
def test_the_sizes_of_nottingham(shared_data):
    options = replace(Training(preset="repo"), data=(str(shared_data / "nottingham.tar.xz"),))
    assert load_song_data(options).dictionaries.sizes == (20, 43, 54)
