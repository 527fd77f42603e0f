"""`musegen.data.load` recognises each kind of file by its content, not by its name."""

import os
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musegen import Error
from musegen.data import corpora, demo, load, lpd, shards
from musegen.data.loading import V1_TRACKS, Data
from musegen.music import midi
from musegen.music.phrases import TRACKS, Layout, pack, reorder, resample


@pytest.fixture(scope="module")
def phrases():
    return demo.phrases(n=6, n_steps=48)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """A folder of two MIDI files of 8 bars, one of them twice, an LPD file, and a broken one."""
    folder = tmp_path_factory.mktemp("songs")
    first, second, third = demo.phrases(n=6).reshape(3, 2, 4, 96, 84, 5)
    midi.write(first, folder / "a.mid")
    (folder / "a again.mid").write_bytes((folder / "a.mid").read_bytes())
    midi.write(second, folder / "b.mid")
    midi.write(third, folder / "c.mid")
    lpd.write(midi.read(folder / "c.mid"), folder / "c.npz")
    (folder / "c.mid").unlink()
    (folder / "broken.mid").write_bytes(b"MThd and no more")
    return folder


def save(path, array):
    """Saves an array without the ending that numpy would add."""
    with path.open("wb") as file:
        np.save(file, array)
    return path


def test_shards_and_their_splits(tmp_path, phrases):
    shards.write(tmp_path, "train", 0, phrases[:3], [0, 0, 1])
    shards.write(tmp_path, "train", 1, phrases[3:4], [2])
    file = shards.write(tmp_path, "val", 0, phrases[4:], [3, 3])
    shards.write_manifest(tmp_path, Layout(n_steps=48))
    everything = load(tmp_path)
    assert (len(everything), everything.layout.n_steps) == (6, 48)
    np.testing.assert_array_equal(everything.phrases, phrases)
    np.testing.assert_array_equal(load(tmp_path, split="val").phrases, phrases[4:])
    np.testing.assert_array_equal(load(everything, split="val").phrases, phrases[4:])
    with pytest.raises(Error, match="no test split"):
        load(tmp_path, split="test")
    single = file.rename(tmp_path / "some file")
    np.testing.assert_array_equal(load(single).phrases, phrases[4:])


def test_shards_without_manifest(tmp_path, phrases):
    shards.write(tmp_path, "train", 0, phrases, np.zeros(6))
    with pytest.raises(Error, match="shards without a manifest"):
        load(tmp_path)


def test_a_midi_file_of_ours_is_read_as_it_was_written(tmp_path, phrases):
    path = midi.write(phrases, tmp_path / "x.mid")
    data = load(path)
    assert data.layout.n_steps == 48
    np.testing.assert_array_equal(data.phrases, phrases)
    assert load(path, 96).layout.n_steps == 96


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Error, match="pipe: is neither a file nor a folder"):
        load(tmp_path / "pipe")


def test_blocks_stream_in_any_size(phrases):
    many = np.tile(phrases[:, :1, :8], (200, 1, 1, 1, 1))
    data = load(many)
    assert data.sizes == (1024, 176)
    blocks = list(data.blocks(500))
    assert [len(block) for block in blocks] == [500, 500, 200]
    np.testing.assert_array_equal(np.concatenate(blocks), many)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_arrays_of_phrases_are_mapped(tmp_path, phrases, dtype):
    data = load(save(tmp_path / "generated", phrases.astype(dtype)))
    assert data.layout == Layout(n_steps=48)
    np.testing.assert_array_equal(data.phrases, phrases)


def test_values_of_minus_one_are_silent(phrases):
    np.testing.assert_array_equal(load(2.0 * phrases - 1).phrases, phrases)


def test_v1_arrays_are_put_in_order(tmp_path):
    wanted = demo.phrases(n=3)
    v1 = reorder(wanted, TRACKS, V1_TRACKS).reshape(3, 384, 84, 5)
    data = load(save(tmp_path / "tra_phr.npy", v1))
    assert data.layout == Layout()
    np.testing.assert_array_equal(data.phrases, wanted)


@pytest.mark.parametrize("n_tracks", [5, 8])
def test_arrays_of_songs_are_flattened(tmp_path, n_tracks):
    cells = np.random.default_rng(0).random((2, 6, 4, 96, 84, n_tracks)) < 0.01
    data = load(save(tmp_path / "lastfm.npy", cells))
    assert len(data.layout.tracks) == n_tracks
    np.testing.assert_array_equal(data.phrases, cells.reshape(12, 4, 96, 84, n_tracks))


@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", [np.int64, np.uint16])
def test_the_sparse_training_file(tmp_path, phrases, monkeypatch, pack, dtype):
    monkeypatch.setattr("musegen.data.shards.SIZE", 4)
    monkeypatch.setattr("musegen.data.loading.CELLS_AT_ONCE", 1000)
    sparse = np.concatenate([phrases, np.zeros((7, *phrases.shape[1:]), bool), phrases])
    with (tmp_path / "train").open("wb") as file:
        nonzero = np.array(np.nonzero(sparse), dtype)
        pack(file, nonzero=nonzero, shape=np.array(sparse.shape))
    data = load(tmp_path / "train")
    assert data.sizes == (4, 4, 4, 4, 3)
    np.testing.assert_array_equal(data.phrases, sparse)


@pytest.mark.parametrize("hurt", ["order", "range", "phrases", "short", "shape"])
def test_a_damaged_sparse_file_is_named(tmp_path, phrases, hurt):
    nonzero, shape = np.array(np.nonzero(phrases)), np.array(phrases.shape)
    if hurt == "order":
        nonzero = nonzero[:, ::-1]
    elif hurt == "range":
        nonzero[3, 5] = 84
    elif hurt == "phrases":
        shape[0] -= 1
    elif hurt == "short":
        nonzero = nonzero[:4]
    else:
        shape = shape[:4]
    np.savez(tmp_path / "train.npz", nonzero=np.ascontiguousarray(nonzero), shape=shape)
    with pytest.raises(Error, match=r"train\.npz: damaged or not phrases"):
        load(tmp_path / "train.npz")


def test_a_midi_file_is_read_to_its_end(tmp_path):
    phrases = demo.phrases(n=2)
    path = midi.write(phrases, tmp_path / "song.dat")
    assert load(path).layout == Layout()
    np.testing.assert_array_equal(load(path).phrases, midi.phrases(path))
    assert load(path, n_steps=48).layout.n_steps == 48


def test_a_folder_of_songs(songs):
    data = load(songs)
    assert (data.name, data.layout) == (songs.name, Layout())
    assert len(data.sizes) == 3  # a, b and c
    assert len(data) == 6
    reasons = dict(data.skipped)
    assert set(reasons) == {"a.mid", "broken.mid"}
    assert reasons["a.mid"] == "duplicate (of a again.mid)"


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.xz", "zip"])
def test_archives_are_as_their_folder(songs, tmp_path, kind):
    path = tmp_path / "archive"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(songs.iterdir()):
                archive.write(file, file.name)
    else:
        with tarfile.open(path, f"w:{kind.removeprefix('tar').removeprefix('.')}") as archive:
            for file in sorted(songs.iterdir()):
                archive.add(file, file.name)
    np.testing.assert_array_equal(load(path, n_steps=48).phrases, load(songs, n_steps=48).phrases)


def test_an_lpd_file(songs, tmp_path):
    path = tmp_path / "one song"
    path.write_bytes((songs / "c.npz").read_bytes())
    assert len(load(path)) == 2


def test_a_corpus_of_nothing_says_why(songs, tmp_path):
    (tmp_path / "x.mid").write_bytes((songs / "broken.mid").read_bytes())
    with pytest.raises(Error, match=r"no phrases \(1 files skipped; x\.mid: "):
        load(tmp_path)


@pytest.mark.parametrize("n_steps", [96, 48, 8])
def test_the_demo(n_steps):
    data = load("demo", n_steps=n_steps)
    assert (data.name, data.layout.n_steps) == ("demo", n_steps)
    expected = demo.phrases(n=20, n_steps=n_steps if n_steps > 8 else 96)
    np.testing.assert_array_equal(next(data.blocks(20)), resample(expected, n_steps))


def test_missing_freedoom_names_the_package(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    missing = replace(corpora.CORPORA["freedoom"], files=("/nowhere.wad",))
    monkeypatch.setitem(corpora.CORPORA, "freedoom", missing)
    with pytest.raises(Error, match=r"/nowhere\.wad not found; install Debian's package freedoom$"):
        load("freedoom")
    Path("freedoom").mkdir()  # the word has priority over the folder
    with pytest.raises(Error, match=r"freedoom, or write \./freedoom for the folder"):
        load("freedoom")


def test_freedoom_songs(shared_data):
    data = load(shared_data / "freedoom.tar.xz", n_steps=48)
    assert len(data) > 1000
    assert 0 < len(data.skipped) < 20
    assert all(reason for _, reason in data.skipped)


def test_resampling(phrases):
    data = load(phrases, n_steps=8)
    assert data.layout.n_steps == 8
    np.testing.assert_array_equal(data.phrases, resample(phrases, 8))
    with pytest.raises(Error, match="array: 48 steps a bar cannot become 32"):
        load(phrases, n_steps=32)


def test_data_is_given_back(phrases):
    data = load(phrases)
    assert load(data) is data
    assert isinstance(data, Data)


def test_only_shards_have_splits(phrases):
    assert len(load(phrases, split="train")) == len(phrases)
    with pytest.raises(Error, match="has no val split"):
        load(phrases, split="val")
    with pytest.raises(Error, match="unknown split 'dev'"):
        load(phrases, split="dev")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "starts with b''"),
        (b"Dear sir,\n", "starts with b'Dear sir'"),
        (b"PK\x03\x04", "damaged zip"),
        (b"\x93NUMPY\x01\x00", "not a plain array"),
        (b"\x1f\x8b\x08\x00", "not a folder, archive"),
        (b"MThd", "corrupt|cannot be read|damaged|not a MIDI|ends"),
    ],
)
def test_other_files_are_named(tmp_path, content, found):
    (tmp_path / "thing").write_bytes(content)
    with pytest.raises(Error, match=rf"(?s)thing.*({found})") as raised:
        load(tmp_path / "thing")
    assert "\n" not in str(raised.value)


def test_pickles_are_never_opened(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, []], object))
    with pytest.raises(Error, match="not a plain array of numbers"):
        load(tmp_path / "objects.npy")


def test_other_arrays_are_named(tmp_path):
    for shape in [(3, 4, 48, 80, 5), (10, 96, 84), (2, 192, 84, 5), (3, 4, 48, 84, 3)]:
        with pytest.raises(Error, match=r"array of shape|3 tracks"):
            load(np.zeros(shape, bool))
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with pytest.raises(Error, match=r"an \.npz file of weights\.npy; accepted are"):
        load(tmp_path / "other.npz")


def test_what_is_not_there(tmp_path):
    with pytest.raises(Error, match="no such file or folder; accepted are"):
        load(tmp_path / "nothing")
    with pytest.raises(Error, match=r"download it from .*POP909.* and give its path"):
        load("pop909")


def test_loading_waits_for_no_tensorflow():
    code = (
        "import sys, numpy; from musegen.data import load; load(numpy.zeros((1, 4, 8, 84, 5)));"
        "import musegen.data.pipeline;"
        "assert not {'tensorflow', 'keras', 'symusic', 'scipy', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def in_pieces(phrases, sizes, **more) -> Data:
    """The same phrases in pieces of these sizes."""
    parts = np.split(phrases, np.cumsum(sizes)[:-1])
    layout = Layout(*phrases.shape[1:3])
    return Data("d", layout, tuple(sizes), lambda piece: pack(parts[piece]), **more)


@pytest.mark.parametrize("n_steps", [6, 3])  # a bar of whole bytes, and of 1260 bits
def test_bars_are_numbered_phrase_by_phrase(n_steps):
    phrases = np.random.default_rng(0).random((7, 4, n_steps, 84, 5)) < 0.3
    bars = in_pieces(phrases, (3, 4)).bars
    assert (len(bars), bars.sizes, bars.layout.n_bars) == (28, (12, 16), 1)
    assert bars.layout.n_steps == n_steps
    for p, b in ((0, 0), (1, 3), (4, 2), (6, 3)):
        np.testing.assert_array_equal(bars.phrases[4 * p + b, 0], phrases[p, b])


def test_some_tracks_in_another_order():
    phrases = np.random.default_rng(0).random((5, 1, 2, 84, 5)) < 0.3
    data = in_pieces(phrases, (3, 2), splits=("train", "test"))
    few = data.of_tracks(("bass", "piano"))
    assert few.layout.tracks == ("bass", "piano")
    np.testing.assert_array_equal(few.of("test").phrases, phrases[3:][..., [3, 1]])
    assert data.of_tracks(data.layout.tracks) is data
    with pytest.raises(Error, match="no track named oboe; there are drums, piano"):
        data.of_tracks(("oboe",))


def test_part_is_a_slice_across_pieces():
    phrases = np.random.default_rng(0).random((10, 1, 2, 84, 5)) < 0.3
    read = []
    data = in_pieces(phrases, (3, 4, 3), splits=("train", "val", "test"))
    data = replace(data, rows=lambda piece, rows=data.rows: read.append(piece) or rows(piece))
    for start, stop in ((0, 10), (2, 8), (3, 7), (4, 5), (8, 99)):
        np.testing.assert_array_equal(data.part(start, stop).phrases, phrases[start:stop])
    read.clear()
    part = data.part(4, 9)
    assert (part.sizes, part.splits) == ((3, 2), ("val", "test"))
    np.testing.assert_array_equal(part.part(2, 4).phrases, phrases[6:8])
    assert set(read) == {1, 2}
    assert len(data.part(5, 5)) == 0


def test_split_takes_the_last_phrases_or_the_shards_own():
    phrases = np.random.default_rng(0).random((20, 2, 2, 84, 5)) < 0.3
    train, val = in_pieces(phrases, (8, 12)).split(0.25)
    np.testing.assert_array_equal(train.phrases, phrases[:15])
    np.testing.assert_array_equal(val.bars.phrases, phrases[15:].reshape(-1, 1, 2, 84, 5))
    own = in_pieces(phrases, (5, 8, 7), splits=("train", "val", "test"))
    train, val = own.split(0.25)
    np.testing.assert_array_equal(train.phrases, phrases[:5])
    np.testing.assert_array_equal(load(val, split="train").phrases, phrases[5:13])
    assert own.split(0)[1] is None
    np.testing.assert_array_equal(own.split(0)[0].phrases, phrases[:5])
    train, val = in_pieces(phrases, (10, 10), splits=("train", "test")).split(0.2)
    assert (len(train), len(val)) == (8, 2)
    with pytest.raises(Error, match=r"4 phrases are too few to use 0\.1 of them for validation"):
        in_pieces(phrases[:4], (4,)).split(0.1)


def test_music_that_a_system_does_not_take_is_named(tmp_path):
    five, eight = np.zeros((3, 2, 48, 84, 5), bool), np.zeros((3, 4, 48, 84, 8), bool)
    data = load(five)
    assert data.five_tracks() is data.five_tracks(2) is data
    with pytest.raises(Error, match=r"phrases of 2 bars where 4 are needed; .*prepare --bars 4"):
        data.five_tracks(4)
    np.save(tmp_path / "eight.npy", eight)
    with pytest.raises(Error, match=r"eight\.npy: has the tracks drums, .*synth pad; needed are"):
        load(tmp_path / "eight.npy").five_tracks(4)


@pytest.mark.parametrize(
    "shape",
    [
        (2, 0, 48, 84, 5),
        (2, 3, 0, 48, 84, 5),
        (2, 4, 0, 84, 5),
        (10**12, 0, 48, 84, 5),
        (2, 10**15, 0, 84, 5),
    ],
)
def test_phrases_of_no_cells_are_refused(shape, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(shape, bool))
    with pytest.raises(Error, match=r"x\.npy: .*array of shape"):
        load(tmp_path / "x.npy")


def test_nan_is_refused(tmp_path):
    phrases = np.zeros((3, 4, 48, 84, 5), np.float32)
    phrases[1, 2, 3, 4, 0] = np.nan
    np.save(tmp_path / "x.npy", phrases)
    with pytest.raises(Error, match=r"x\.npy: a value is not a finite number"):
        next(load(tmp_path / "x.npy").blocks())


@pytest.mark.parametrize(
    "shape",
    [
        (10**15, 4, 48, 84, 5), (1, 10**9, 48, 84, 5), (100_000, 4, 96, 84, 5),
        (1, 0, 48, 84, 5), (1, -4, 48, 84, 5), (-1, 4, 48, 84, 5), (2**62, 2**62, 2, 84, 5),
    ],
)  # fmt: skip
def test_a_sparse_file_that_claims_too_many_cells_is_refused(shape, tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, nonzero=np.zeros((5, 1), int), shape=np.array(shape))
    assert path.stat().st_size < 600
    tracemalloc.start()
    with pytest.raises(Error, match=r"x\.npz: (damaged|no phrases)[^\n]+$"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()
