"""Shards: phrases on disk, eight cells to a byte.

A folder of shards holds `train-00000.npz`, `train-00001.npz`, ... for each split, and
`manifest.json` with the counts, the layout and how the phrases were made. A shard has three
arrays: `phrases` (uint8, one packed phrase a row), `shape` (of one phrase) and `song` (which song
each phrase is from, so that splits share none). Packed music is mostly zeros, so shards are
compressed: some twenty times smaller than stored, and still read faster than their bits unpack.
"""

import contextlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

import musegen
from musegen import Error
from musegen.files import write_bytes, write_npz
from musegen.phrases import Layout, pack, unpack, validate

FORMAT = 1
SIZE = 1024
SPLITS = ("train", "val", "test")
MANIFEST = "manifest.json"
# What numpy and the standard library raise on an .npz file that is not what it should be.
DAMAGED = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, MemoryError,
    NotImplementedError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def write(
    folder: str | Path, split: str, index: int, phrases: np.ndarray, songs: np.ndarray
) -> Path:
    """Writes one shard.

    Args:
        split: `"train"`, `"val"` or `"test"`.
        index: number of the shard in its split.
        phrases: bool `(n, bars, steps, 84, tracks)`, at most 1,024 of them.
        songs: the number of the song of each phrase, `(n,)`.
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
        raise ValueError(f"no shard of split {split!r}, {len(rows)} phrases, {len(songs)} songs")
    arrays = {
        "phrases": rows,
        "shape": np.array(shape, np.int64),
        "song": np.asarray(songs, np.int32),
    }
    return write_npz(Path(folder) / f"{split}-{index:05d}.npz", arrays)


def write_manifest(
    folder: str | Path, layout: Layout, source: str = "", settings: dict | None = None
) -> dict:
    """Counts the shards of a folder and writes `manifest.json`, which makes the folder whole."""
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


def read(path: str | Path) -> tuple[np.ndarray, tuple[int, ...], np.ndarray]:
    """One shard as it is stored: packed rows `(n, bytes)`, the shape of a phrase, songs `(n,)`."""
    with _arrays(path) as arrays:
        rows, shape, song = arrays["phrases"], arrays["shape"], arrays["song"]
        if shape.shape != (4,) or not 0 < np.prod(shape, dtype=np.float64) < 2**40:
            raise ValueError(f"a phrase of shape {shape.tolist()}")
        n_bytes = -(-int(np.prod(shape)) // 8)
        if rows.dtype != np.uint8 or rows.shape != (len(song), n_bytes):
            raise ValueError(f"{rows.dtype} rows of shape {rows.shape} for {len(song)} phrases")
    return rows, tuple(shape.tolist()), song


class Shards:
    """A folder of shards, opened for reading."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        path = self.folder / MANIFEST
        if not path.exists():
            raise Error(f"{self.folder}: no {MANIFEST}; run `musegen data prepare` to its end")
        try:
            self.manifest = json.loads(path.read_bytes())
            layout = self.manifest["layout"]
            self.layout = Layout(layout["n_bars"], layout["n_steps"], tuple(layout["tracks"]))
            version, self._splits = self.manifest["format"], self.manifest["splits"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Error(f"{path}: damaged ({error!r}); prepare the data again") from error
        if version != FORMAT:
            raise Error(f"{path}: format {version}, this musegen reads {FORMAT}; prepare it again")

    def count(self, split: str) -> int:
        """Phrases of a split."""
        return self._splits.get(split, {}).get("phrases", 0)

    def files(self, split: str) -> list[Path]:
        """The shards of a split in order."""
        files = _files(self.folder, split)
        expected = self._splits.get(split, {}).get("shards", 0)
        if len(files) != expected:
            raise Error(
                f"{self.folder}: {len(files)} {split} shards where its manifest has {expected}; "
                "prepare the data again"
            )
        return files

    def size(self, file: Path) -> int:
        """Phrases of one shard, without reading them."""
        return len(_songs(file))

    def rows(self, file: Path) -> tuple[np.ndarray, np.ndarray]:
        """One shard packed, uint8 `(n, bytes)`, and the song of each phrase."""
        rows, shape, song = read(file)
        if shape != self.layout.shape:
            raise Error(
                f"{file}: phrases of shape {shape} among others of {self.layout.shape}; "
                "prepare the data again"
            )
        return rows, song

    def read(self, file: Path) -> tuple[np.ndarray, np.ndarray]:
        """One shard as bool phrases, and the song of each phrase."""
        rows, song = self.rows(file)
        return unpack(rows, self.layout.shape), song


def regroup(pieces: Iterable[tuple], n: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Cuts tuples of arrays, of any but equal lengths, into tuples of `n` rows.

    The last may be shorter.
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
    with _arrays(file) as arrays:
        return arrays["song"]


@contextlib.contextmanager
def _arrays(path: str | Path) -> Iterator[Mapping[str, np.ndarray]]:
    """The arrays of a shard; whatever goes wrong with them is an `Error` with its name."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except DAMAGED as error:
        raise Error(f"{path}: not a whole shard ({error}); prepare the data again") from error
