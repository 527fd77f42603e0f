"""Opens anything that holds phrases; what a file is, its content says and not its name.

| source | phrases |
|---|---|
| folder of shards, one shard | the stored phrases, read shard by shard |
| folder of such folders | the shards of all of them |
| `.npz` with `nonzero` and `shape` | the published sparse training file, packed while it is read |
| `.npy` of five, v1's four or BinaryMuseGAN's six dimensions | memory-mapped |
| array of the same dimensions | used in place |
| MIDI file | all its bars, the last phrase filled up; a file of musegen's as it was written |
| folder or archive of MIDI or LPD files, an LPD file | as `musegen data prepare` cuts them |
| `demo`, `freedoom` | the built-in band, Debian's package |

Each becomes a `Data` object, which reads packed phrases piece by piece. Phrases that have to stay
in memory are compressed. A corpus of more than a few hundred songs should be prepared once with
`musegen data prepare`.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error, budget, files, reading
from musegen.data import corpora, shards
from musegen.music.phrases import (
    N_PITCHES,
    TRACKS,
    Layout,
    pack,
    reorder,
    resample,
    unpack,
    validate,
)

if TYPE_CHECKING:
    from musegen.data.sources import Item

V1_TRACKS = ("bass", "drums", "guitar", "strings", "piano")
TRACKS_OF = {
    2: ("piano", "strings"),
    5: TRACKS,
    8: ("drums", "piano", "guitar", "bass", "ensemble", "reed", "synth lead", "synth pad"),
}
ACCEPTED = (
    "accepted are shards, train_x_lpd_5_phr.npz, a .npy of phrases, MIDI or LPD files, "
    "a folder or tar, zip or WAD archive of them, and the words demo and freedoom"
)
ARCHIVES = (b"IWAD", b"PWAD", b"\x1f\x8b", b"\xfd7zXZ", b"BZh")
FETCH = "fetch it again"
CELLS_AT_ONCE = 1 << 20
# Most cells of a sparse file for each cell that is on; a phrase of eight tracks has fewer cells.
SPARSEST = 1 << 18
SHARD = {"phrases.npy", "shape.npy", "song.npy"}
SPARSE = {"nonzero.npy", "shape.npy"}


@dataclass(frozen=True)
class Data:
    """Phrases of one layout, which are read piece by piece.

    Args:
        name: name of the data in messages and tables.
        layout: shape and track names of a phrase.
        sizes: number of phrases in each piece.
        rows: function that reads one piece, by its number, as packed rows, uint8 `(n, bytes)`.
        skipped: name and reason of each file of a corpus that gave no phrase.
        splits: split of each piece; if it is empty, all pieces are `"train"`.
    """

    name: str
    layout: Layout
    sizes: tuple[int, ...]
    rows: Callable[[int], np.ndarray]
    skipped: tuple[tuple[str, str], ...] = ()
    splits: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(self.sizes)

    def blocks(self, n: int | None = None) -> Iterator[np.ndarray]:
        """Yields all phrases in order, `n` at a time, bool `(n, bars, steps, 84, tracks)`.

        By default `n` is 1,024, or less where phrases are large.
        """
        n = n or _at_once(self.layout)
        pieces = ((self.rows(piece),) for piece in range(len(self.sizes)))
        for (rows,) in shards.regroup(pieces, n):
            yield unpack(rows, self.layout.shape)

    @property
    def phrases(self) -> np.ndarray:
        """Returns all phrases as one bool array, one byte a cell."""
        phrases = np.empty((len(self), *self.layout.shape), bool)
        start = 0
        for block in self.blocks():
            phrases[start : start + len(block)] = block
            start += len(block)
        return phrases

    def five_tracks(self, n_bars: int | None = None) -> "Data":
        """Returns these data; other tracks than LPD-5's, or other bars, raise an `Error`.

        Args:
            n_bars: number of bars that a phrase must have; None accepts any.
        """
        if self.layout.tracks != TRACKS:
            present, needed = (", ".join(tracks) for tracks in (self.layout.tracks, TRACKS))
            raise Error(f"{self.name}: has the tracks {present}; needed are {needed}")
        if n_bars and self.layout.n_bars != n_bars:
            raise Error(
                f"{self.name}: has phrases of {self.layout.n_bars} bars where {n_bars} are needed; "
                f"cut the songs again with `musegen data prepare --bars {n_bars}`"
            )
        return self

    def of_tracks(self, wanted: Sequence[str]) -> "Data":
        """Returns these tracks of the phrases, in this order; an `Error` if there is none such."""
        shape, tracks = self.layout.shape, self.layout.tracks
        if tracks == (wanted := tuple(wanted)):
            return self
        try:
            reorder(np.zeros((0, *shape), bool), tracks, wanted)
        except Error as error:
            raise Error(f"{self.name}: {error}") from None
        return replace(
            self,
            layout=replace(self.layout, tracks=wanted),
            rows=lambda piece: pack(reorder(unpack(self.rows(piece), shape), tracks, wanted)),
        )

    def of(self, split: str) -> "Data":
        """Returns the phrases of one split."""
        splits = self.splits or ("train",) * len(self.sizes)
        if split not in splits:
            raise Error(
                f"{self.name}: has no {split} split; `musegen data prepare` makes data with splits"
            )
        if set(splits) == {split}:
            return self
        pieces = [piece for piece, name in enumerate(splits) if name == split]
        return replace(
            self,
            name=f"{self.name} {split}",
            sizes=tuple(self.sizes[piece] for piece in pieces),
            rows=lambda piece: self.rows(pieces[piece]),
            splits=(split,) * len(pieces),
        )

    def part(self, start: int, stop: int) -> "Data":
        """Returns the phrases from `start` until before `stop`; other pieces are not read."""
        ends = np.cumsum(self.sizes)
        begins = ends - self.sizes
        cuts = np.stack([np.clip(start - begins, 0, None), np.minimum(stop - begins, self.sizes)])
        pieces = np.flatnonzero(cuts[0] < cuts[1])
        cuts = cuts[:, pieces]
        return replace(
            self,
            sizes=tuple((cuts[1] - cuts[0]).tolist()),
            rows=lambda piece: self.rows(pieces[piece])[slice(*cuts[:, piece])],
            splits=tuple(self.splits[piece] for piece in pieces) if self.splits else (),
        )

    def split(self, share: float) -> tuple["Data", "Data | None"]:
        """Returns the data for training and for validation; the latter is None if `share` is 0.

        Data with a train and a val split are divided by these. Of other data, the last `share` of
        the phrases is for validation. Both results count as a train split from then on.
        """
        train = self.of("train")
        if not share:
            return replace(train, splits=()), None
        if "val" in self.splits:
            parts = train, self.of("val")
        else:
            cut = len(train) - round(share * len(train))
            parts = train.part(0, cut), train.part(cut, len(train))
        if not all(map(len, parts)):
            raise Error(
                f"{self.name}: {len(train)} phrases are too few to use {share:g} of them for "
                "validation; give more data or --val-split 0"
            )
        return tuple(replace(part, splits=()) for part in parts)

    @property
    def bars(self) -> "Data":
        """Returns every bar as a phrase of one bar: bar b of phrase p is number p * bars + b."""
        n_bars, shape = self.layout.n_bars, self.layout.shape
        layout = replace(self.layout, n_bars=1)

        def rows(piece: int) -> np.ndarray:
            packed = self.rows(piece)
            if layout.n_cells % 8:  # otherwise a bar starts with a new byte
                packed = pack(unpack(packed, shape).reshape(-1, *layout.shape))
            return packed.reshape(-1, layout.n_bytes)

        sizes = tuple(n_bars * size for size in self.sizes)
        return replace(self, layout=layout, sizes=sizes, rows=rows)

    def resampled(self, n_steps: int) -> "Data":
        """Returns the same phrases with `n_steps` steps a bar."""
        if n_steps == self.layout.n_steps:
            return self
        shape, tracks = self.layout.shape, self.layout.tracks
        try:
            resample(np.zeros((0, *shape), bool), n_steps, tracks=tracks)
        except Error as error:
            raise Error(f"{self.name}: {error}") from None
        return replace(
            self,
            layout=replace(self.layout, n_steps=n_steps),
            rows=lambda piece: pack(
                resample(unpack(self.rows(piece), shape), n_steps, tracks=tracks)
            ),
        )


def load(
    source: str | Path | np.ndarray | Data,
    n_steps: int | None = None,
    split: str | None = None,
    song_steps: int = 96,
) -> Data:
    """Opens phrases from any of the sources that the module names.

    Args:
        source: path, `demo` or `freedoom`, array of phrases, or `Data`, which is returned.
        n_steps: number of steps in a bar to convert to; by default the source's.
        split: split to open, by default all; sources without splits are all `"train"`.
        song_steps: number of steps in a bar for songs, if `n_steps` is not given.

    Example:
        >>> len(load(np.zeros((3, 4, 48, 84, 5), bool)))
        3
    """
    if split not in (None, *shards.SPLITS):
        raise Error(f"unknown split {split!r}; choose {', '.join(shards.SPLITS)}")
    data = _open(source, n_steps or song_steps)
    data = data if split is None else data.of(split)
    if not len(data):
        why = "".join(f"; {name}: {reason}" for name, reason in data.skipped[:1])
        raise Error(f"{data.name}: no phrases ({len(data.skipped)} files skipped{why})")
    return data if n_steps is None else data.resampled(n_steps)


def _open(source, n_steps: int) -> Data:
    """Opens a source; songs get `n_steps` steps a bar."""
    if isinstance(source, Data):
        return source
    if isinstance(source, str | Path) and (Path(source) / shards.MANIFEST).exists():
        return _shards(Path(source))
    if not isinstance(source, str | Path):
        return _array(np.asarray(source), _name(source))
    if source == "demo":
        from musegen.data import demo

        layout = Layout(n_steps=n_steps if n_steps % 48 == 0 else 96)
        return _held("demo", layout, [demo.phrases(n_steps=layout.n_steps)])
    if source == "freedoom":
        return _corpus(source, source, n_steps)
    path = Path(source)
    if not path.exists():
        known = corpora.CORPORA.get(str(source))
        where = f"download it from {known.found} and give its path" if known else ACCEPTED
        raise Error(f"{path}: no such file or folder; {where}")
    files.check([], [path])  # reading a pipe might never end
    return _folder(path, n_steps) if path.is_dir() else _file(path, n_steps)


def _name(source) -> str:
    return Path(source).name if isinstance(source, str | Path) else "array"


def _folder(path: Path, n_steps: int) -> Data:
    parts = sorted(file.parent for file in path.glob(f"*/{shards.MANIFEST}"))
    if parts:
        return _joined(path.name, [_shards(part) for part in parts])
    for file in path.glob(f"{shards.SPLITS[0]}-*.npz"):
        if zip_names(file) == SHARD:
            raise Error(f"{path}: shards without a manifest; run `musegen data prepare` to its end")
    return _corpus(path.name, path, n_steps)


def _file(path: Path, n_steps: int) -> Data:
    """Opens a file by its first bytes."""
    try:
        with path.open("rb") as file:
            magic = file.read(8)
    except OSError as error:
        raise Error(f"{path}: cannot be read ({error.strerror})") from None
    if magic.startswith(b"\x93NUMPY"):
        return _npy(path)
    if magic.startswith(b"MThd"):
        return _midi(path, n_steps)
    if magic.startswith(b"PK"):
        return _zip(path, n_steps)
    if magic.startswith(ARCHIVES) or tarfile.is_tarfile(path):
        return _corpus(path.name, path, n_steps)
    from musegen.data.sources import is_json

    if is_json(path):
        raise Error(
            f"{path}: a JSON file, which holds no phrases; chorales in JSON are notes: give them "
            "to a system of notes, or leave out --music phrases"
        )
    raise Error(f"{path}: starts with {magic!r}, which is no music; {ACCEPTED}")


def _zip(path: Path, n_steps: int) -> Data:
    """Opens a zip or .npz file by the names of its members."""
    members = zip_names(path)
    if members == SHARD:
        return _shard(path)
    if members == SPARSE:
        return _sparse(path)
    if "info.json" in members:
        from musegen.data.sources import Item

        return _songs(path.name, [Item(path.name, "npz", path.read_bytes())], n_steps)
    if all(name.endswith(".npy") for name in members):
        held = ", ".join(map(repr, sorted(members)[:5])).replace("'", "") or "nothing"
        raise Error(f"{path}: an .npz file of {held}; {ACCEPTED}")
    return _corpus(path.name, path, n_steps)


def zip_names(path: Path) -> set[str]:
    """Returns the names in a zip archive."""
    with (
        reading.damaged(path, "a damaged zip or .npz file", FETCH),
        zipfile.ZipFile(path) as archive,
    ):
        return set(archive.namelist())


def _shards(folder: Path) -> Data:
    opened = shards.Shards(folder)
    files = [(split, file) for split in shards.SPLITS for file in opened.files(split)]
    return Data(
        folder.name,
        opened.layout,
        tuple(opened.size(file) for _, file in files),
        lambda piece: opened.rows(files[piece][1])[0],
        splits=tuple(split for split, _ in files),
    )


def _joined(name: str, parts: list[Data]) -> Data:
    """Joins several folders of shards; each shard keeps its split."""
    layouts = {part.layout for part in parts}
    if len(layouts) > 1:
        shapes = ", ".join(f"{part.name} {part.layout.shape}" for part in parts)
        raise Error(f"{name}: folders of shards of different layouts ({shapes})")
    places = [(part, piece) for part in parts for piece in range(len(part.sizes))]

    def rows(index: int) -> np.ndarray:
        part, piece = places[index]
        return part.rows(piece)

    return Data(
        name,
        layouts.pop(),
        tuple(part.sizes[piece] for part, piece in places),
        rows,
        splits=tuple(part.splits[piece] for part, piece in places),
    )


def _shard(path: Path) -> Data:
    rows, (n_bars, n_steps, _, n_tracks), _ = shards.read(path)
    layout = Layout(n_bars, n_steps, _tracks(n_tracks, path.name))
    return Data(path.name, layout, (len(rows),), lambda _: rows)


def _npy(path: Path) -> Data:
    with reading.damaged(path, "not a plain array of numbers", FETCH):
        array = reading.map_npy(path)
    return _array(array, path.name)


def _array(array: np.ndarray, name: str) -> Data:
    """Opens an array of one of the published shapes."""
    shape, tracks, numbers = array.shape, None, array.dtype.kind in "biuf"
    if len(shape) == 4 and shape[1:] == (384, N_PITCHES, 5):
        array, tracks = array.reshape(-1, 4, 96, N_PITCHES, 5), V1_TRACKS
    elif len(shape) == 6 and all(shape[2:]):
        array = array.reshape(-1, *shape[2:])
    if array.ndim != 5 or 0 in shape[1:] or array.shape[3] != N_PITCHES or not numbers:
        raise Error(
            f"{name}: {array.dtype} array of shape {shape}; phrases are numbers of shape "
            "(N, bars, steps, 84, tracks), (N, 384, 84, 5) or (songs, N, bars, steps, 84, tracks)"
        )
    wanted = _tracks(shape[-1], name)
    layout = Layout(*array.shape[1:3], wanted)
    size = _at_once(layout)
    starts = range(0, len(array), size)

    def rows(piece: int) -> np.ndarray:
        phrases = validate(array[starts[piece] : starts[piece] + size], name)
        return pack(reorder(phrases, tracks, wanted) if tracks else phrases)

    return Data(name, layout, tuple(min(size, len(array) - start) for start in starts), rows)


def _at_once(layout: Layout) -> int:
    """Returns how many phrases are unpacked at a time."""
    return min(shards.SIZE, max(1, budget.BLOCK_CELLS // layout.n_cells))


def _tracks(n: int, name: str) -> tuple[str, ...]:
    if n not in TRACKS_OF:
        five, two = (", ".join(TRACKS_OF[k]) for k in (5, 2))
        raise Error(f"{name}: {n} tracks; phrases have 5 ({five}), 2 ({two}) or LPD's 8")
    return TRACKS_OF[n]


def _midi(path: Path, n_steps: int) -> Data:
    from musegen.music import midi

    song = midi.read(path)
    phrases = midi.phrases(song, None if song.written else n_steps)
    return _array(phrases, path.name)


def _corpus(name: str, source: str | Path, n_steps: int) -> Data:
    from musegen.data.sources import items

    return _songs(name, items(source), n_steps)


def _songs(name: str, items: Iterable["Item"], n_steps: int) -> Data:
    """Cuts songs as `prepare` does; of files with equal content only the first is used."""
    from musegen.data.one_song import Settings, converted, song_phrases

    settings, skipped = Settings(n_steps=n_steps), []
    blocks = converted(items, lambda item: song_phrases(item, settings), skipped)
    data = _held(name, Layout(settings.n_bars, settings.n_steps), blocks)
    return replace(data, skipped=tuple(skipped))


def _held(name: str, layout: Layout, blocks: Iterable[np.ndarray]) -> Data:
    """Keeps blocks of phrases in memory, packed and compressed."""
    sizes, kept = [], []
    for block in blocks:
        sizes.append(len(block))
        kept.append(zlib.compress(pack(block), 1))

    def rows(piece: int) -> np.ndarray:
        bits = np.frombuffer(zlib.decompress(kept[piece]), np.uint8)
        return bits.reshape(sizes[piece], layout.n_bytes)

    return Data(name, layout, tuple(sizes), rows)


def _sparse(path: Path) -> Data:
    """Opens the published sparse file.

    It holds the five indices of each cell that is on, sorted by phrase, and the dense shape.
    """
    with reading.damaged(path, "damaged or not phrases", FETCH):
        with reading.arrays(path) as arrays:
            shape = tuple(arrays.array("shape", "iu", most=5).tolist())
            claimed, dtype = arrays.header("nonzero")
        if len(shape) != 5 or shape[3] != N_PITCHES or shape[0] < 0 or min(shape[1:]) < 1:
            raise ValueError(f"shape {shape}")
        if len(claimed) != 2 or claimed[0] != 5 or dtype.kind not in "iu":
            raise ValueError(f"nonzero is {dtype} of shape {claimed}")
        layout = Layout(*shape[1:3], _tracks(shape[4], path.name))
        budget.check(shape[0], budget.PHRASES, "phrases")
        budget.check(layout.n_cells, budget.PHRASE_CELLS, "cells in a phrase")
        budget.check(shape[0] * layout.n_cells, SPARSEST * claimed[1], "cells for its few notes")
        return _held(path.name, layout, _dense(_columns(path), shape, layout))


def _dense(
    columns: Iterable[np.ndarray], shape: tuple[int, ...], layout: Layout
) -> Iterator[np.ndarray]:
    """Yields dense blocks from columns of indices; the next block overwrites the one before."""
    n, *inner = shape
    block = np.zeros((_at_once(layout), *inner), bool)
    cells = block.reshape(len(block), -1)
    start = 0
    for phrase, *index in columns:
        if np.any(np.diff(phrase, prepend=start) < 0) or phrase[-1] >= n:
            raise ValueError("its phrases are out of order")
        cell = np.ravel_multi_index(index, inner)
        done = 0
        while done < len(phrase):
            end = int(np.searchsorted(phrase, start + len(block)))
            cells[phrase[done:end] - start, cell[done:end]] = True
            done = end
            if done < len(phrase):
                yield block
                block[:] = False
                start += len(block)
    for begin in range(start, n, len(block)):
        yield block[: n - begin]
        block[:] = False


def _columns(path: Path) -> Iterator[np.ndarray]:
    """Yields the array `nonzero` `(5, n)` of a file, some columns at a time.

    The file stores the array row by row, so five readers read at the same time, one in each row.
    """
    with zipfile.ZipFile(path) as archive:
        readers = [archive.open("nonzero.npy") for _ in range(5)]
        for k, reader in enumerate(readers):  # each reader has to read the header itself
            (_, n), fortran, dtype = reading.npy_header(reader)
            reader.seek(k * n * dtype.itemsize, 1)
        if fortran:
            raise ValueError("nonzero is stored column by column")
        for start in range(0, n, CELLS_AT_ONCE):
            n_bytes = min(CELLS_AT_ONCE, n - start) * dtype.itemsize
            rows = [np.frombuffer(reader.read(n_bytes), dtype) for reader in readers]
            yield np.stack(rows).astype(np.int64, copy=False)
