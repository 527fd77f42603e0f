"""The segments of a training: shares of corpora, transposition, and songs that are held out."""

from dataclasses import replace

import numpy as np
import pytest
import toys
from toys import even_song as song

from musegen import Error
from musegen.data import note_store
from musegen.models.mvae.segment_data import (
    SHARES,
    SegmentData,
    Segments,
    batches,
    load_segment_data,
    mean_size,
    shared,
)
from musegen.music.piece import note_array
from musegen.music.tokens.dictionaries import Dictionaries
from musegen.music.tokens.triples import PRESETS
from musegen.train.mvae import Training


def store(path, songs, splits=None) -> str:
    """A file of songs, or a store of songs with splits."""
    if splits is None:
        note_store.write_pieces(path.with_suffix(".npz"), songs)
        return str(path.with_suffix(".npz"))
    note_store.write(list(zip(songs, splits, strict=True)), path)
    return str(path)


def loaded(*sources: str, **options) -> tuple[SegmentData, Training]:
    options = Training(**{"batch_size": 4, "data": sources, **options})
    return load_segment_data(options), options


def songs_in(data: SegmentData, numbers: np.ndarray) -> set[int]:
    return toys.songs_in(numbers, data.dictionaries.T, 12 if data.notes.unit == "grid" else 1)


def served(data: SegmentData, options: Training, epoch: int = 0) -> np.ndarray:
    found = batches(data.train, data, options, epoch)
    for x, y in (found[k] for k in range(len(found))):
        np.testing.assert_array_equal(x, y)
    return np.concatenate([found[k][0] for k in range(len(found))])


# Shares.


def fake(*counts: int) -> Segments:
    """So many segments of each corpus, without notes."""
    corpus = np.repeat(np.arange(len(counts)), counts)
    return Segments(np.zeros((len(corpus), 0, 3), int), corpus, tuple("abc"[: len(counts)]))


def test_batches_of_the_original_code():
    """39, 25 and 64 segments of Nottingham, JSB and Piano-midi.de, in this order, 489 times."""
    counts = 7 * 5_797, 7 * 1_464, 7 * 8_940
    segments = fake(*counts)
    found = np.array([*shared(segments, SHARES, 128, np.random.default_rng(0))])
    assert found.shape == (489, 128)
    np.testing.assert_array_equal(
        segments.corpus[found], np.tile(np.repeat([0, 1, 2], [39, 25, 64]), (489, 1))
    )
    times = np.bincount(found.ravel(), minlength=sum(counts))
    assert [set(own) for own in np.split(times, np.cumsum(counts)[:-1])] == [
        {0, 1},
        {1, 2},  # a corpus that is used up begins again
        {0, 1},
    ]
    again = np.array([*shared(segments, SHARES, 128, np.random.default_rng(0))])
    other = np.array([*shared(segments, SHARES, 128, np.random.default_rng(1))])
    assert (again == found).all()
    assert (other != found).mean() > 0.9


def test_what_rounding_leaves_goes_to_the_first():
    found = np.array([*shared(fake(5, 5, 5), (0.1, 0.45, 0.45), 5, np.random.default_rng(0))])
    np.testing.assert_array_equal(found // 5, [[0, 1, 1, 2, 2]])


def test_shares_by_preset_and_flag(tmp_path):
    sources = [store(tmp_path / name, [song(k)]) for k, name in enumerate("abc")]
    for options, expected in (
        ({"preset": "repo"}, [[0, 0, 1, 2, 2]] * 3),  # 14 segments of each: 2, in 7 keys
        ({"preset": "repo", "shares": (0.2, 0.2, 0.6)}, [[0, 1, 2, 2, 2]] * 3),
        ({"shares": (0.6, 0.2, 0.2)}, [[0, 0, 0, 1, 2]]),
    ):
        data, own = loaded(*sources, batch_size=5, val_split=0, **options)
        found = served(data, own).reshape(-1, 5, 100, 3)
        assert [[songs_in(data, row).pop() for row in batch] for batch in found] == expected
    mixed, own = loaded(*sources, val_split=0)
    assert len(served(mixed, own)) == 6  # all once
    assert songs_in(mixed, served(mixed, own)) == {0, 1, 2}


@pytest.mark.parametrize(
    ("shares", "shown"),
    [
        ((0.5, 0.25, 0.25), "0.5 0.25 0.25"),
        ((0.5, 0.6), "0.5 0.6"),
        ((1.5, -0.5), "1.5 -0.5"),
        ((float("nan"), 0.5), "nan 0.5"),
        ((1.0,), "1.0"),
    ],
)
def test_shares_that_are_none(tmp_path, shares, shown):
    sources = [store(tmp_path / name, [song(k)]) for k, name in enumerate("ab")]
    data, options = loaded(*sources, shares=shares, val_split=0)
    with pytest.raises(Error, match=rf"--shares {shown}: give one for each of the 2 sources"):
        batches(data.train, data, options, 0)


def test_a_source_without_a_segment_can_have_no_share(tmp_path):
    sources = [store(tmp_path / name, [song(0, n)]) for name, n in (("long", 120), ("short", 99))]
    data, options = loaded(*sources, shares=(0.5, 0.5), val_split=0)
    with pytest.raises(Error, match=r"^short: no song has as many notes as a segment"):
        batches(data.train, data, options, 0)
    data, options = loaded(*sources, val_split=0)
    assert len(served(data, options)) == 2
    with pytest.raises(Error, match="no song has 100 notes, which a segment needs"):
        loaded(sources[1], val_split=0)


# Transposition.


def test_a_segment_is_moved_otherwise_in_each_epoch():
    """In preset paper, by -3 to 3 semitones; times stay."""
    n = 700
    rows = np.zeros((n, 100, 3), int)
    rows[:, 0, 0] = 3 * np.arange(n)  # by which segments are known
    rows[:, :, 1], rows[:, :, 2] = 12, 60 + np.arange(100) % 7
    known = Dictionaries("grid", tuple(range(0, 3 * n, 3)), (12,), tuple(range(57, 70)))
    data = SegmentData(Segments(rows, np.zeros(n, int), ("a",)), None, known, PRESETS["paper"], n)
    options, moves = Training(batch_size=64), []
    for epoch in (0, 1):
        numbers = served(data, options, epoch)
        found = known.decode(numbers.reshape(-1, 3))[0].reshape(-1, 100, 3)
        order = np.argsort(found[:, 0, 0])
        assert (order != np.arange(n)).mean() > 0.9
        moved = found[order] - rows
        assert not moved[..., :2].any()
        assert not np.ptp(moved[..., 2], axis=1).any()
        moves.append(moved[:, 0, 2])
        shifts, times = np.unique(moves[-1], return_counts=True)
        assert shifts.tolist() == [-3, -2, -1, 0, 1, 2, 3]
        assert times.min() > 60
        np.testing.assert_array_equal(numbers, served(data, options, epoch))
    assert (moves[0] != moves[1]).mean() > 0.7


def test_pitches_stay_in_range(tmp_path):
    high = replace(song(0), notes=note_array(12 * np.arange(120), 12, 121 + np.arange(120) % 7))
    data, options = loaded(store(tmp_path / "a", [high]), val_split=0)
    seen = {int(served(data, options, epoch)[..., 2].max()) for epoch in range(9)}
    assert data.dictionaries.P[seen.pop() - 1] <= 127
    with pytest.raises(Error, match="cannot be transposed by -3 to 3"):
        loaded(store(tmp_path / "b", [high]), val_split=0, preset="repo")


def test_preset_repo_has_each_song_in_seven_keys(tmp_path):
    data, options = loaded(store(tmp_path / "a", [song(0)]), preset="repo", val_split=0)
    numbers = served(data, options)
    rows = np.stack([data.dictionaries.decode(segment)[0] for segment in numbers])
    assert len(rows) == 7 * 2
    lowest = rows[..., 2].min(axis=1)
    assert sorted(lowest) == sorted(2 * [57, 58, 59, 60, 61, 62, 63])
    assert numbers.min() == 1  # 0 is no value
    assert tuple(range(57, 70)) == data.dictionaries.P


# Songs that are held out.


def test_songs_are_held_out(tmp_path):
    source = store(tmp_path / "a", [song(k) for k in range(10)])
    data, options = loaded(source, val_split=0.3)
    held = songs_in(data, data.dictionaries.encode(data.held_out.rows)[0])
    assert len(held) == 3
    for epoch in range(3):
        assert songs_in(data, served(data, options, epoch)) == set(range(10)) - held
    other, _ = loaded(source, val_split=0.3, seed=1)
    assert songs_in(other, other.dictionaries.encode(other.held_out.rows)[0]) != held
    assert loaded(source, val_split=0)[0].held_out is None
    assert data.describe() | {"sizes": 0} == {
        "corpora": ["a"], "songs": 10, "segments": 14, "held_out": 6, "sizes": 0
    }  # fmt: skip


def test_a_source_with_splits_is_divided_by_them(tmp_path):
    """And --val-split divides the others."""
    own = store(tmp_path / "own", [song(k) for k in range(4)], ("train", "val", "test", "train"))
    free = store(tmp_path / "free", [song(k) for k in range(4, 8)])
    data, options = loaded(own, free, val_split=0.25)
    held = songs_in(data, data.dictionaries.encode(data.held_out.rows)[0])
    learned = songs_in(data, served(data, options))
    assert (held & {0, 1, 2, 3}, learned & {0, 1, 2, 3}) == ({1}, {0, 3})
    assert len(held) == 2
    assert len(learned) == 5
    assert not held & learned
    alone, _ = loaded(own, free, val_split=0)
    assert songs_in(alone, alone.dictionaries.encode(alone.held_out.rows)[0]) == {1}
    assert len(alone.dictionaries.T) == 8  # the values of the tests, too


def test_validation_is_in_order_and_not_moved(tmp_path):
    songs, splits = [song(k) for k in range(4)], ("train", "val", "val", "val")
    for preset, n in (("paper", 6), ("repo", 6)):
        source = store(tmp_path / preset, songs, splits)
        data, options = loaded(source, preset=preset)
        found = batches(data.held_out, data, options, 0, learn=False)
        numbers = np.concatenate([found[k][0] for k in range(len(found))])
        np.testing.assert_array_equal(numbers, data.dictionaries.encode(data.held_out.rows)[0])
        assert len(numbers) == n
        assert mean_size(found) == (4 * 4 + 2 * 2) / 6
    assert mean_size(None) == 1


def test_held_out_songs_that_are_too_short_are_none(tmp_path):
    source = store(tmp_path / "a", [song(0), song(1, 50)], ("train", "val"))
    data, _ = loaded(source)
    assert data.held_out is None
    assert list(data.sets) == ["train"]


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["repo", "paper"])
def test_the_three_corpora(preset, shared_data):
    """The chorales have splits; of Nottingham's 922 files four are copies of others."""
    names = ("nottingham.tar.xz", "jsb-chorales-16th.json", "piano_midi.tar.xz")
    sources = tuple(str(shared_data / name) for name in names)
    data, options = loaded(*sources, preset=preset, val_split=0, batch_size=128)
    counts = np.bincount(data.train.corpus)
    if preset == "repo":
        assert data.dictionaries.sizes == (37, 78, 92)
        assert (counts[0], counts[2]) == (40_579 - 7 * 24, 62_580)
        found = batches(data.train, data, options, 0)
        assert len(found) == 489
        assert found[488][0].shape == (128, 100, 3)
    else:
        assert data.dictionaries.sizes == (96, 180, 94)
        assert (counts[0], counts[2]) == (5_899 - 23, 13_779)
