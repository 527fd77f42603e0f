"""Shards are read again as they were written, and damaged ones are errors."""

import json
import resource
import tracemalloc

import numpy as np
import pytest

from musegen import Error
from musegen.data import shards
from musegen.music.phrases import Layout

LAYOUT = Layout(n_bars=2, n_steps=8)


def random_phrases(n: int, seed: int = 0, layout: Layout = LAYOUT) -> np.ndarray:
    return np.random.default_rng(seed).random((n, *layout.shape)) < 0.05


@pytest.fixture
def folder(tmp_path):
    """Two shards of train, one of val, none of test."""
    shards.write(tmp_path, "train", 0, random_phrases(7, 0), [0, 0, 1, 1, 1, 2, 2])
    shards.write(tmp_path, "train", 1, random_phrases(3, 1), [2, 2, 5])
    shards.write(tmp_path, "val", 0, random_phrases(2, 2), [3, 4])
    shards.write_manifest(tmp_path, LAYOUT, source="here", settings={"cut": "fixed"})
    return tmp_path


def test_what_is_written_is_read_again(folder):
    opened = shards.Shards(folder)
    assert opened.layout == LAYOUT
    assert [opened.count(split) for split in shards.SPLITS] == [10, 2, 0]
    files = opened.files("train")
    assert [file.name for file in files] == ["train-00000.npz", "train-00001.npz"]
    assert [opened.size(file) for file in files] == [7, 3]
    phrases, song = opened.read(files[1])
    assert phrases.dtype == bool
    np.testing.assert_array_equal(phrases, random_phrases(3, 1))
    np.testing.assert_array_equal(song, [2, 2, 5])


def test_the_manifest_counts(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["layout"] == {"n_bars": 2, "n_steps": 8, "tracks": list(LAYOUT.tracks)}
    assert manifest["splits"] == {
        "train": {"phrases": 10, "songs": 4, "shards": 2},
        "val": {"phrases": 2, "songs": 2, "shards": 1},
        "test": {"phrases": 0, "songs": 0, "shards": 0},
    }
    assert (manifest["songs"], manifest["source"]) == (6, "here")


def test_a_shard_is_three_plain_arrays(folder):
    with np.load(folder / "train-00000.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"phrases", "shape", "song"}
        assert arrays["phrases"].dtype == np.uint8
        assert arrays["phrases"].shape == (7, LAYOUT.n_bytes)
        assert arrays["shape"].tolist() == list(LAYOUT.shape)
        assert arrays["song"].dtype == np.int32


def test_equal_phrases_make_equal_files(folder, tmp_path):
    again = shards.write(tmp_path / "b", "train", 0, random_phrases(7, 0), [0, 0, 1, 1, 1, 2, 2])
    assert again.read_bytes() == (folder / "train-00000.npz").read_bytes()


@pytest.mark.parametrize(
    ("split", "n", "n_songs"),
    [("train", shards.SIZE + 1, shards.SIZE + 1), ("all", 1, 1), ("val", 2, 1)],
)
def test_what_is_no_shard_is_not_written(tmp_path, split, n, n_songs):
    with pytest.raises(ValueError, match="not a shard: split"):
        shards.write(tmp_path, split, 0, random_phrases(n), np.zeros(n_songs))
    assert not list(tmp_path.iterdir())


def cut_short(file):
    file.write_bytes(file.read_bytes()[:-300])


def flip_a_byte(file):
    content = bytearray(file.read_bytes())
    content[400] ^= 0xFF
    file.write_bytes(content)


def empty(file):
    file.write_bytes(b"")


def leave_out_the_songs(file):
    np.savez(file, phrases=np.zeros((1, 1), np.uint8), shape=np.ones(4, int))


def pickle_objects(file):
    np.savez(file, phrases=np.array([{}]), shape=np.ones(4, int), song=np.zeros(1))


def claim_a_large_phrase(file):
    np.savez(file, phrases=np.zeros((1, 1), np.uint8), shape=[1 << 20] * 4, song=np.zeros(1))


def a_plain_array(file):
    with file.open("wb") as opened:
        np.save(opened, np.zeros(3))


def too_few_bytes(file):
    np.savez(file, phrases=np.zeros((1, 1), np.uint8), shape=LAYOUT.shape, song=np.zeros(1))


@pytest.mark.parametrize(
    "damage",
    [
        cut_short,
        flip_a_byte,
        empty,
        leave_out_the_songs,
        pickle_objects,
        claim_a_large_phrase,
        a_plain_array,
        too_few_bytes,
    ],
)
def test_a_damaged_shard_is_named_with_the_remedy(folder, damage):
    file = folder / "train-00001.npz"
    damage(file)
    with pytest.raises(Error, match=r"train-00001\.npz: not a complete shard .*prepare the data"):
        shards.Shards(folder).read(file)


def test_a_shard_of_another_layout_is_refused(folder):
    phrases = random_phrases(3, layout=Layout(n_bars=4, n_steps=4))
    file = shards.write(folder, "train", 1, phrases, [0, 0, 0])
    with pytest.raises(Error, match=r"train-00001\.npz: has phrases of shape \(4, 4, 84, 5\)"):
        shards.Shards(folder).read(file)


def test_a_missing_shard_is_noticed(folder):
    (folder / "train-00000.npz").unlink()
    with pytest.raises(Error, match="has 1 train shards, but its manifest says 2"):
        shards.Shards(folder).files("train")


def test_a_folder_without_manifest_is_unfinished(folder):
    (folder / "manifest.json").unlink()
    with pytest.raises(Error, match=r"no manifest\.json; run `musegen data prepare` to its end"):
        shards.Shards(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"layout": {"n_bars": 4}}'])
def test_a_damaged_manifest_is_named(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(Error, match=r"manifest\.json: damaged"):
        shards.Shards(folder)


def test_a_later_format_is_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(Error, match="format 2, but this musegen reads 1"):
        shards.Shards(folder)


def test_a_full_disk_leaves_nothing_half_written(folder):
    before = (folder / "train-00000.npz").read_bytes()
    names = sorted(file.name for file in folder.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(Error, match=r"train-00000\.npz: cannot be written \(File too large\)"):
            shards.write(folder, "train", 0, random_phrases(9), np.zeros(9))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (folder / "train-00000.npz").read_bytes() == before
    assert sorted(file.name for file in folder.iterdir()) == names


@pytest.mark.parametrize("n", [1, 3, 4, 100])
def test_regroup_keeps_rows_in_order(n):
    lengths = [5, 0, 1, 7, 2]
    pieces = np.split(np.arange(15), np.cumsum(lengths)[:-1])
    groups = list(shards.regroup(((piece, -piece) for piece in pieces), n))
    assert all(len(a) == n for a, _ in groups[:-1])
    np.testing.assert_array_equal(np.concatenate([a for a, _ in groups]), np.arange(15))
    assert all((a == -b).all() for a, b in groups)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["splits"], 3.5), (["splits", "train"], []), (["splits", "train", "shards"], "2"),
        (["splits", "val"], None), (["songs"], None), (["songs"], True), (["source"], 3),
        (["settings"], []), (["layout"], [2, 8]), (["layout", "n_bars"], 0),
        (["layout", "n_steps"], 10**9), (["layout", "tracks"], "drums"), (["format"], [1]),
        (["layout", "n_bars"], 2.0), (["layout", "more"], 1),
    ],
)  # fmt: skip
def test_a_manifest_of_wrong_types_is_one_line(folder, place, value):
    path = folder / "manifest.json"
    manifest = inner = json.loads(path.read_text())
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    path.write_text(json.dumps(manifest))
    with pytest.raises(Error, match=r"manifest\.json: (damaged|format)[^\n]+$"):
        shards.Shards(folder)


def test_a_shard_that_expands_is_refused_before_it_does(folder):
    """Three phrases, and a row of packed cells of 256 MB: 260 kB on disk."""
    file = folder / "train-00001.npz"
    row = np.zeros((1, 1 << 25), np.uint8)
    np.savez_compressed(file, phrases=row, shape=np.array([2**28 // 420, 1, 84, 5]), song=[0])
    with pytest.raises(Error, match=r"train-00001\.npz: not a complete shard \(a phrase of shape"):
        shards.read(file)
    np.savez_compressed(file, phrases=row, shape=np.array([2, 8, 84, 5]), song=[0])
    tracemalloc.start()
    with pytest.raises(Error, match=r"uint8 rows of shape \(1, 33554432\) for 1 phrases"):
        shards.read(file)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()
