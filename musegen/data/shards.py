"""Shards hold phrases on disk, eight cells in a byte.

A folder of shards has the files `train-00000.npz`, `train-00001.npz`, ... for each split, and
`manifest.json` with the counts, the layout and the settings. A shard has three arrays: `phrases`
(uint8, one packed phrase a row), `shape` (the shape of one phrase) and `song` (the number of the
song of each phrase; no song is in two splits). Packed music is mostly zeros, so compression makes
shards some twenty times smaller, and reading them still takes less time than unpacking the bits.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

import musegen
from musegen import Error, budget, reading
from musegen.files import write_bytes, write_npz
from musegen.music.phrases import Layout, pack, unpack, validate

FORMAT = 1
SIZE = 1024
SPLITS = ("train", "val", "test")
MANIFEST = "manifest.json"
REMEDY = "prepare the data again"


def write(
    folder: str | Path, split: str, index: int, phrases: np.ndarray, songs: np.ndarray
) -> Path:
    """Writes one shard.

    Args:
        folder: folder of the shards.
        split: `"train"`, `"val"` or `"test"`.
        index: number of the shard in its split.
        phrases: bool array `(n, bars, steps, 84, tracks)` of at most 1,024 phrases.
        songs: number of the song of each phrase, `(n,)`.
    """
    phrases = validate(phrases)
    return write_rows(folder, split, index, pack(phrases), phrases.shape[1:], songs)


def write_rows(
    folder: str | Path,
    split: str,
    index: int,
    rows: np.ndarray,
    shape: Sequence[int],
    songs: np.ndarray,
) -> Path:
    """Writes one shard of phrases that are packed already, uint8 `(n, bytes)`."""
    if split not in SPLITS or len(rows) > SIZE or len(rows) != len(songs):
        raise ValueError(
            f"not a shard: split {split!r}, {len(rows)} phrases, songs of {len(songs)} phrases"
        )
    arrays = {
        "phrases": rows,
        "shape": np.array(shape, np.int64),
        "song": np.asarray(songs, np.int32),
    }
    return write_npz(Path(folder) / f"{split}-{index:05d}.npz", arrays)


def write_manifest(
    folder: str | Path, layout: Layout, source: str = "", settings: dict | None = None
) -> dict:
    """Counts the shards of a folder and writes `manifest.json`, which completes the folder."""
    songs = {split: [_songs(file) for file in _files(folder, split)] for split in SPLITS}
    none = np.zeros(0, np.int32)
    distinct = {split: np.unique(np.concatenate([none, *songs[split]])) for split in SPLITS}
    manifest = {
        "format": FORMAT,
        "layout": {
            "n_bars": layout.n_bars,
            "n_steps": layout.n_steps,
            "tracks": list(layout.tracks),
        },
        "splits": {
            split: {
                "phrases": sum(map(len, songs[split])),
                "songs": len(distinct[split]),
                "shards": len(songs[split]),
            }
            for split in SPLITS
        },
        "songs": len(np.unique(np.concatenate(list(distinct.values())))),
        "source": source,
        "settings": settings or {},
        "musegen": musegen.__version__,
    }
    write_bytes(Path(folder) / MANIFEST, json.dumps(manifest, indent=2).encode())
    return manifest


def music_of(folder: str | Path, remedy: str = REMEDY) -> str:
    """Returns which music a folder of prepared data holds: phrases, or notes."""
    return reading.read_json(Path(folder) / MANIFEST, remedy).get("music", "phrases")


def read(path: str | Path) -> tuple[np.ndarray, tuple[int, ...], np.ndarray]:
    """Reads one shard: packed phrases `(n, bytes)`, the shape of a phrase, and songs `(n,)`."""
    with reading.damaged(path, "not a complete shard", REMEDY), reading.arrays(path) as arrays:
        shape, song = arrays.array("shape", "iu", most=4), arrays.array("song", "iu", most=SIZE)
        if shape.shape != (4,) or not 0 < np.prod(shape, dtype=float) <= budget.PHRASE_CELLS:
            raise ValueError(f"a phrase of shape {shape.tolist()}")
        expected = len(song), -(-int(np.prod(shape)) // 8)
        claimed, dtype = arrays.header("phrases")
        if dtype != np.uint8 or claimed != expected:
            raise ValueError(f"{dtype} rows of shape {claimed} for {len(song)} phrases")
        return arrays.array("phrases"), tuple(shape.tolist()), song


class Shards:
    """A folder of shards, opened for reading."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        path = self.folder / MANIFEST
        if not path.exists():
            raise Error(f"{self.folder}: no {MANIFEST}; run `musegen data prepare` to its end")
        with reading.damaged(path, "damaged", REMEDY):
            self.manifest = manifest = reading.read_json(path, REMEDY)
            if manifest.get("music", "phrases") != "phrases":
                raise Error(
                    f"{self.folder}: holds notes; prepare the songs again with --music phrases"
                )
            if (version := manifest["format"]) != FORMAT:
                raise Error(
                    f"{path}: format {version!r:.40}, but this musegen reads {FORMAT}; {REMEDY}"
                )
            self.layout = _layout(**manifest["layout"])
            self._splits = {split: _counts(**manifest["splits"][split]) for split in SPLITS}
            _check_count(manifest["songs"])
            source, settings = manifest["source"], manifest["settings"]
            if not (isinstance(source, str) and isinstance(settings, dict)):
                raise TypeError("a source or settings of the wrong type")

    def count(self, split: str) -> int:
        """Returns the number of phrases in a split."""
        return self._splits[split]["phrases"]

    def files(self, split: str) -> list[Path]:
        """Returns the paths of the shards of a split in order."""
        files = _files(self.folder, split)
        expected = self._splits[split]["shards"]
        if len(files) != expected:
            raise Error(
                f"{self.folder}: has {len(files)} {split} shards, but its manifest says "
                f"{expected}; {REMEDY}"
            )
        return files

    def size(self, file: Path) -> int:
        """Returns the number of phrases in one shard, without reading them."""
        return len(_songs(file))

    def rows(self, file: Path) -> tuple[np.ndarray, np.ndarray]:
        """Reads one shard: packed phrases, uint8 `(n, bytes)`, and the song of each phrase."""
        rows, shape, song = read(file)
        if shape != self.layout.shape:
            raise Error(
                f"{file}: has phrases of shape {shape}, but its manifest says {self.layout.shape}; "
                f"{REMEDY}"
            )
        return rows, song

    def read(self, file: Path) -> tuple[np.ndarray, np.ndarray]:
        """Reads one shard: bool phrases, and the song of each phrase."""
        rows, song = self.rows(file)
        return unpack(rows, self.layout.shape), song


def regroup(pieces: Iterable[tuple], n: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Cuts a sequence of rows into blocks of `n` rows; the last block may be shorter.

    Args:
        pieces: tuples of arrays; the arrays of one tuple have the same length.
        n: number of rows in a block.
    """
    waiting, have = [], 0
    for piece in pieces:
        length, start = len(piece[0]), 0
        while have + length - start >= n:
            stop = start + n - have
            waiting.append([array[start:stop] for array in piece])
            yield tuple(map(np.concatenate, zip(*waiting, strict=True)))
            waiting, have, start = [], 0, stop
        waiting.append([array[start:] for array in piece])
        have += length - start
    if have:
        yield tuple(map(np.concatenate, zip(*waiting, strict=True)))


def _files(folder: str | Path, split: str) -> list[Path]:
    return sorted(Path(folder).glob(f"{split}-*.npz"))


def _songs(file: Path) -> np.ndarray:
    """Reads the song of each phrase of a shard."""
    with reading.damaged(file, "not a complete shard", REMEDY), reading.arrays(file) as arrays:
        songs = arrays.array("song", "iu", most=SIZE)
        if songs.ndim != 1:
            raise ValueError(f"songs of shape {songs.shape}")
        return songs


def _layout(n_bars: int, n_steps: int, tracks: list[str]) -> Layout:
    """Returns the layout of a manifest; a wrong one raises what `reading.damaged` catches."""
    layout = Layout(n_bars, n_steps, tuple(tracks))
    integers = type(n_bars) is int and type(n_steps) is int and min(n_bars, n_steps) > 0
    if not integers or type(tracks) is not list or not all(isinstance(t, str) for t in tracks):
        raise TypeError("a layout of the wrong type")
    if not 0 < layout.n_cells <= budget.PHRASE_CELLS:
        raise ValueError(f"phrases of shape {layout.shape}")
    return layout


def _counts(**counts: int) -> dict[str, int]:
    """Returns the counts of a split; a missing one raises KeyError, a wrong one TypeError."""
    for count in counts.values():
        _check_count(count)
    return {name: counts[name] for name in ("phrases", "songs", "shards")}


def _check_count(count: int) -> None:
    if type(count) is not int or count < 0:
        raise TypeError(f"a count of {count!r:.40}")
