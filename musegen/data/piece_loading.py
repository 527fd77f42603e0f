"""Opens anything that holds notes, or can be converted to notes, as pieces.

| source | pieces |
|---|---|
| folder of `musegen data prepare --music notes` | the stored pieces, each read when it is used |
| `.npz` file of pieces, such as `musegen generate -o new.npz` writes | the stored pieces |
| `jsb-chorales-16th.json` | its chorales, in its splits; see `musegen.data.chorales` |
| MIDI file, LPD `.npz` file | the whole song, in any meter |
| folder or archive of such files, `freedoom` | all their songs, without duplicates |
| `demo` | 100 tunes of the built-in band, with chords; see `musegen.data.demo_tunes` |
| phrases in any form that `musegen.data.load` opens | one piece for each phrase |
"""

import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

import numpy as np

from musegen import Error, files
from musegen.data import chorales, loading, note_store, shards
from musegen.data.note_store import NotesFile, NoteStore
from musegen.data.one_song import SILENT, NoteSettings, converted, song_piece
from musegen.data.sources import ahead, is_json, items
from musegen.music import piece_phrases
from musegen.music.piece import Piece

# Of files, which their short names leave out.
ENDINGS = {
    ".bz2", ".gz", ".json", ".kar", ".mid", ".midi", ".npy", ".npz", ".tar", ".tgz", ".txz", ".wad",
    ".xz", ".zip",
}  # fmt: skip


@dataclass(frozen=True)
class Pieces(Sequence):
    """A sequence of pieces, each of which is read when it is used.

    Args:
        name: name of the pieces in messages and tables.
        read: function that returns a piece by its number in the source.
        numbers: numbers of these pieces in the source.
        splits: split of each of these pieces; if it is empty, all pieces are `"train"`.
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
        """Returns the pieces of one split."""
        splits = self.splits or ("train",) * len(self)
        if split not in splits:
            raise Error(
                f"{self.name}: has no {split} split; `musegen data prepare --music notes` makes "
                "data with splits"
            )
        chosen = [n for n, name in zip(self.numbers, splits, strict=True) if name == split]
        name = self.name if len(chosen) == len(self) else f"{self.name} {split}"
        return replace(self, name=name, numbers=chosen, splits=(split,) * len(chosen))


def load_pieces(
    source: "str | Path | np.ndarray | Sequence[Piece] | Pieces", pedal: str = "keep"
) -> Pieces:
    """Opens pieces from any of the sources that the module names.

    Args:
        source: the source.
        pedal: treatment of the sustain pedal of MIDI files; see `musegen.music.midi.read_piece`.

    Example:
        >>> len(load_pieces("demo"))
        100
    """
    pieces = _open(source, pedal)
    if not len(pieces):
        why = "".join(f"; {name}: {reason}" for name, reason in pieces.skipped[:1])
        raise Error(f"{pieces.name}: no notes ({len(pieces.skipped)} files skipped{why})")
    return pieces


def load_corpora(sources: Sequence[str]) -> dict[str, Pieces]:
    """Opens several sources by their short names.

    Example:
        >>> list(load_corpora(["demo", "demo"]))
        ['demo', 'demo 2']
    """
    return dict(zip(short_names(sources), map(load_pieces, sources), strict=True))


def short_names(sources: Sequence[str | Path]) -> list[str]:
    """Returns the name of each source without folder and ending; equal ones get numbers."""
    names = []
    for source in sources:
        path = Path(os.path.abspath(source))  # a source may be given as .
        while path.suffix.lower() in ENDINGS:
            path = path.with_suffix("")
        first = path.name or str(source)
        others = (f"{first} {k}" for k in count(2))
        names.append(next(name for name in chain([first], others) if name not in names))
    return names


def holds_notes(source: str | Path) -> bool:
    """Returns whether a source is a store or a file of pieces, which has no phrases."""
    path = Path(source)
    if (path / shards.MANIFEST).is_file():
        return shards.music_of(path) == "notes"
    if not path.is_file():
        return False
    return is_json(path) or (zipfile.is_zipfile(path) and note_store.NAMES in _members(path))


def _open(source: "str | Path | np.ndarray | Sequence[Piece] | Pieces", pedal: str) -> Pieces:
    """Opens a source, which may be empty."""
    if isinstance(source, Pieces):
        return source
    if isinstance(source, np.ndarray):
        return _phrases(loading.load(source))
    if not isinstance(source, str | Path):
        pieces = list(source)
        return Pieces("pieces", pieces.__getitem__, range(len(pieces)))
    if source == "demo":
        return _demo()
    path = Path(source)
    if holds_notes(path):
        if path.is_file():
            if is_json(path):
                return _chorales(path)
            file = NotesFile(path)
            return Pieces(path.name, file.piece, range(len(file)))
        store = NoteStore(path)
        splits = tuple(shards.SPLITS[k] for k in store.splits)
        return Pieces(path.name, store.piece, range(len(store)), splits)
    if holds_songs(source):
        return _songs(path.name, source, pedal)
    return _phrases(loading.load(source))


def _demo() -> Pieces:
    """Returns the songs of the built-in band, each of which is made when it is used."""
    from musegen.data import demo_tunes

    numbers = range(demo_tunes.N_SONGS)
    return Pieces("demo", demo_tunes.song, numbers, tuple(map(demo_tunes.split, numbers)))


def _chorales(path: Path) -> Pieces:
    """Opens the chorales of a JSON file; those without a note are left out."""
    read = [(piece, split) for split, songs in chorales.read(path).items() for piece in songs]
    kept = [(piece, split) for piece, split in read if len(piece)]
    skipped = tuple((piece.name, SILENT) for piece, _ in read if not len(piece))
    pieces, splits = zip(*kept, strict=True) if kept else ((), ())
    return Pieces(path.name, pieces.__getitem__, range(len(pieces)), splits, skipped)


def holds_songs(source: str | Path) -> bool:
    """Returns whether a source is songs in MIDI or LPD files; otherwise it is pieces or phrases."""
    path = Path(source)
    if str(source) in ("freedoom", "demo") or not path.exists():
        return str(source) == "freedoom"  # opening a path that does not exist will say so
    if holds_notes(path):
        return False
    files.check([], [path])
    if path.is_dir():
        return not [*path.glob(f"*/{shards.MANIFEST}"), *path.glob(shards.MANIFEST)]
    if zipfile.is_zipfile(path):
        members = _members(path)
        return "info.json" in members or not all(name.endswith(".npy") for name in members)
    with path.open("rb") as file:
        return not file.read(6).startswith(b"\x93NUMPY")


def _members(path: Path) -> set[str]:
    """Returns the names in a zip archive; a damaged one has none."""
    try:
        return loading.zip_names(path)
    except Error:
        return set()


def _songs(name: str, source: str | Path, pedal: str) -> Pieces:
    """Reads the songs of a source; of files with equal content only the first is used."""
    skipped, settings = [], NoteSettings(pedal=pedal)
    pieces = list(converted(ahead(items(source)), lambda item: song_piece(item, settings), skipped))
    return Pieces(name, pieces.__getitem__, range(len(pieces)), skipped=tuple(skipped))


def _phrases(data: loading.Data) -> Pieces:
    """Returns phrases as pieces, each of which is converted when it is used."""

    def read(i: int) -> Piece:
        phrase = data.part(i, i + 1).phrases
        name = f"{data.name} {i + 1}"
        return piece_phrases.from_phrases(phrase, name=name, tracks=data.layout.tracks)

    splits = tuple(
        split for split, n in zip(data.splits, data.sizes, strict=False) for _ in range(n)
    )
    return Pieces(data.name, read, range(len(data)), splits, data.skipped)
