"""Opens anything that holds notes, or can become notes, as pieces.

| source | pieces |
|---|---|
| folder of `musegen data prepare --music notes` | each read when it is asked for |
| `.npz` file of pieces, such as `musegen generate -o new.npz` writes | as they are |
| MIDI file, LPD `.npz` file | the whole song, in any meter |
| folder or archive of such files, `freedoom` | all their songs, each once |
| phrases in whatever form `musegen.data.load` takes, `demo` | a piece for each phrase |
"""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musegen import Error, files
from musegen.data import loading, note_store, shards
from musegen.data.note_store import NotesFile, NoteStore
from musegen.data.one_song import NoteSettings, song_piece
from musegen.data.sources import items
from musegen.music import piece_phrases
from musegen.music.piece import Piece


@dataclass(frozen=True)
class Pieces(Sequence):
    """Pieces in order, each read when it is asked for.

    Args:
        name: what messages and tables call them.
        read: function that gives a piece by its number in the source.
        numbers: numbers of these pieces in the source.
        splits: the split of each piece of these; other data are all `"train"`.
        skipped: name and reason of each file that gave no piece.
    """

    name: str
    read: Callable[[int], Piece]
    numbers: Sequence[int]
    splits: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: int) -> Piece:
        return self.read(int(self.numbers[i]))

    def of(self, split: str) -> "Pieces":
        """The pieces of one split."""
        splits = self.splits or ("train",) * len(self)
        if split not in splits:
            raise Error(
                f"{self.name}: has no {split} split; `musegen data prepare --music notes` makes "
                "data that have"
            )
        chosen = [number for number, own in zip(self.numbers, splits, strict=True) if own == split]
        name = self.name if len(chosen) == len(self) else f"{self.name} {split}"
        return replace(self, name=name, numbers=chosen, splits=(split,) * len(chosen))


def load_pieces(source: "str | Path | np.ndarray | Sequence[Piece] | Pieces") -> Pieces:
    """Opens pieces from anywhere; see the module.

    Example:
        >>> len(load_pieces("demo"))
        1000
    """
    pieces = _open(source)
    if not len(pieces):
        why = "".join(f"; {name}: {reason}" for name, reason in pieces.skipped[:1])
        raise Error(f"{pieces.name}: no notes ({len(pieces.skipped)} files skipped{why})")
    return pieces


def holds_notes(source: str | Path) -> bool:
    """Whether a source is a store or file of pieces, which has no phrases."""
    path = Path(source)
    if (manifest := path / shards.MANIFEST).is_file():
        return b'"music": "notes"' in manifest.read_bytes()[: 1 << 16]
    return path.is_file() and zipfile.is_zipfile(path) and note_store.NAMES in _members(path)


def _open(source: "str | Path | np.ndarray | Sequence[Piece] | Pieces") -> Pieces:
    if isinstance(source, Pieces):
        return source
    if isinstance(source, np.ndarray):
        return _phrases(loading.load(source))
    if not isinstance(source, str | Path):
        pieces = list(source)
        return Pieces("pieces", pieces.__getitem__, range(len(pieces)))
    path = Path(source)
    if holds_notes(path):
        if path.is_file():
            file = NotesFile(path)
            return Pieces(path.name, file.piece, range(len(file)))
        store = NoteStore(path)
        splits = tuple(shards.SPLITS[k] for k in store.splits)
        return Pieces(path.name, store.piece, range(len(store)), splits)
    if _holds_songs(source):
        return _songs(path.name, source)
    return _phrases(loading.load(source))


def _holds_songs(source: str | Path) -> bool:
    """Whether a source is songs; otherwise it is phrases."""
    path = Path(source)
    if str(source) in ("freedoom", "demo") or not path.exists():
        return str(source) == "freedoom"  # what is missing is named when it is opened
    files.check([], [path])
    if path.is_dir():
        return not [*path.glob(f"*/{shards.MANIFEST}"), *path.glob(shards.MANIFEST)]
    if zipfile.is_zipfile(path):
        members = _members(path)
        return "info.json" in members or not all(name.endswith(".npy") for name in members)
    with path.open("rb") as file:
        return not file.read(6).startswith(b"\x93NUMPY")


def _members(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return set()


def _songs(name: str, source: str | Path) -> Pieces:
    """The songs of a source; of equal files the first counts."""
    pieces, skipped, seen, settings = [], [], {}, NoteSettings()
    for item in items(source):
        first = seen.setdefault(item.digest, item.name)
        try:
            if first != item.name and not item.error:
                raise Error(f"duplicate (of {first})")
            pieces.append(song_piece(item, settings))
        except Error as error:
            skipped.append((item.name, str(error)))
    return Pieces(name, pieces.__getitem__, range(len(pieces)), skipped=tuple(skipped))


def _phrases(data: loading.Data) -> Pieces:
    def read(i: int) -> Piece:
        phrase = data.part(i, i + 1).phrases
        name = f"{data.name} {i + 1}"
        return piece_phrases.from_phrases(phrase, name=name, tracks=data.layout.tracks)

    splits = tuple(
        split for split, n in zip(data.splits, data.sizes, strict=False) for _ in range(n)
    )
    return Pieces(data.name, read, range(len(data)), splits, data.skipped)
