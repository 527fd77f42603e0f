"""What trained systems of triples share: their files, and the way from numbers to pieces."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import keras
import numpy as np

from musegen import Error, reading
from musegen.files import write_bytes
from musegen.models.catalogue import CATALOGUE
from musegen.models.prediction import predictor
from musegen.music.piece import Piece
from musegen.music.tokens import triples
from musegen.music.tokens.dictionaries import REMEDY, Dictionaries
from musegen.music.tokens.triples import TripleSettings
from musegen.registry import SYSTEM_FILE, described
from musegen.saving import load_model, save_model

DICTIONARIES = "dictionaries.json"
AT_ONCE = 256  # pieces that are written in one loop


class TripleSystem:
    """A network that writes notes as triples (dT, T, P), and the dictionaries of their values.

    In arrays of numbers `(n, notes, 3)` each value has its number in its dictionary, from 1.

    Args:
        name: name of the system in the catalogue.
        preset: name of its preset.
        network: the network.
        dictionaries: the values that it knows.
        notes: how a piece becomes triples.
    """

    n_bars = n_steps = 0
    tracks: tuple[str, ...] = ()
    given = None
    evaluated = 100
    temperature = 0.0  # by default

    def __init__(
        self,
        name: str,
        preset: str,
        network: keras.Model,
        dictionaries: Dictionaries,
        notes: TripleSettings,
    ):
        self.entry, self.can = CATALOGUE[name], CATALOGUE[name].can
        self.preset, self.network = preset, network
        self.dictionaries, self.notes = dictionaries, notes
        self._player = cache(self._build_player)  # freed together with the system

    @property
    def preferred(self) -> Mapping[str, float]:
        """The options that commands use by default."""
        return {"temperature": self.temperature}

    # Music.

    def generate(
        self, n: int, seed: int = 0, temperature: float | None = None, length: int | None = None
    ) -> list[Piece]:
        """Generates pieces.

        Args:
            n: number of pieces.
            seed: seed of all that is drawn.
            temperature: by how much the logits are divided before a value is drawn; 0 takes the
                most likely value. By default that of the system.
            length: number of notes of a piece; by default that of the segments in training.
        """
        length = length or self.notes.length
        numbers = self.write(n, length, seed, temperature, **self.random_inputs(n, seed))
        return self.pieces(numbers, [f"{self.entry.name} {k + 1}" for k in range(n)])

    def random_inputs(self, n: int, seed: int) -> dict[str, np.ndarray]:
        """Draws the inputs of the network that make one piece differ from another."""
        return {}

    def write(
        self,
        n: int,
        length: int,
        seed: int = 0,
        temperature: float | None = None,
        given: np.ndarray | None = None,
        **inputs: np.ndarray,
    ) -> np.ndarray:
        """Lets the network write notes, and returns their numbers `(n, length, 3)`.

        Args:
            n: number of pieces.
            length: number of notes of each.
            seed: seed of the draws.
            temperature: as of `generate`.
            given: numbers of the first notes, which are not chosen, `(n, notes, 3)`.
            inputs: other inputs of the network, a row for each piece.
        """
        temperature = self.temperature if temperature is None else temperature
        rng, made = np.random.default_rng((seed, 1)), []
        for start in range(0, n, AT_ONCE):
            rows = slice(start, min(start + AT_ONCE, n))
            size = rows.stop - start
            known = np.full((size, length, 3), -1, np.int32)
            if given is not None:
                known[:, : given.shape[1]] = self.indices(given[rows, :length])
            draws = {
                "temperature": np.full(size, temperature, np.float32),
                "chance": rng.random((size, length, 3), np.float32),
                "given": known,
            }
            own = {name: value[rows] for name, value in inputs.items()}
            made.append(self.numbers(self._player(length)(draws | own)))
        return np.concatenate(made)

    def indices(self, numbers: np.ndarray) -> np.ndarray:
        """Converts numbers to the indices that the network has for them."""
        return numbers

    def numbers(self, indices: np.ndarray) -> np.ndarray:
        """Converts indices of the network to numbers."""
        return indices

    def player(self, length: int) -> keras.Model:
        """Builds the network that writes so many notes."""
        raise NotImplementedError

    def _build_player(self, length: int):
        return predictor(self.player(length), AT_ONCE)

    # From pieces to numbers, and back.

    def read(self, piece: Piece) -> np.ndarray:
        """Returns the numbers of a piece `(notes, 3)`.

        It prints how many notes are left out, how many times are cut off, and how many values are
        unknown.
        """
        song = triples.of_piece(piece, self.notes)
        rows = song.rows
        if song.counts:
            counts = ", ".join(f"{count:,} {what}" for what, count in song.counts.items())
            say(f"{piece.name}: notes that are left out or changed: {counts}")
        numbers, replaced = self.dictionaries.encode(rows)
        if replaced:
            say(f"{piece.name}: {replaced:,} of {rows.size:,} values are replaced by the nearest "
                 f"that {self.entry.name} knows")  # fmt: skip
        return numbers

    def readable(self, pieces: Iterable[Piece]) -> list[Piece]:
        """Returns the pieces that have notes to read, and prints how many have none."""
        kept, pieces = [], list(pieces)
        for piece in pieces:
            with suppress(Error):
                triples.of_piece(piece, self.notes)
                kept.append(piece)
        if missing := len(pieces) - len(kept):
            say(f"{missing:,} of {len(pieces):,} pieces cannot be read and are left out")
        return kept

    def segments(self, pieces: Iterable[Piece]) -> np.ndarray:
        """Returns the numbers of all segments of some pieces `(k, length, 3)`."""
        return self.segments_of_songs(pieces)[0]

    def segments_of_songs(self, pieces: Iterable[Piece]) -> tuple[np.ndarray, np.ndarray, int]:
        """Cuts pieces into segments, without transposition.

        Returns:
            The numbers of all segments `(k, length, 3)`; of each the number of its song `(k,)`;
            and how many values are replaced by the nearest that the system knows.
        """
        songs, _ = triples.collect(pieces, self.notes)
        rows, owner = triples.segments(songs, replace(self.notes, copies=False))
        numbers, replaced = self.dictionaries.encode(rows)
        return numbers, owner, replaced

    def pieces(
        self, numbers: Iterable[np.ndarray], names: Sequence[str], like: Sequence[Piece] = ()
    ) -> list[Piece]:
        """Converts the numbers of some pieces, each `(notes, 3)`, to pieces.

        Args:
            numbers: numbers of the pieces.
            names: names of the pieces.
            like: pieces whose first tempo and meter these have; by default 120 quarters a minute,
                and no meter.
        """
        made, left_out = [], 0
        for own, name, model in zip(numbers, names, like or [None] * len(names), strict=True):
            rows, dropped = self.dictionaries.decode(own)
            tempo, meters = (120.0, ()) if model is None else first_of(model)
            piece = triples.to_piece(rows, self.notes, name, tempo)
            made.append(replace(piece, meters=meters))
            left_out += dropped
        if left_out:
            say(f"{left_out:,} notes have no dT, T or P and are left out")
        return made

    # Files.

    def save(self, folder: str | Path, half: bool = False) -> Path:
        """Writes the system into a folder; `half` writes the weights in half precision."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.network, folder / f"{self.entry.name}.keras", half)
        self.describe(folder)
        return folder

    def describe(self, folder: Path) -> None:
        """Writes all of the system but its network."""
        self.dictionaries.save(folder / DICTIONARIES)
        description = {"system": self.entry.name, "preset": self.preset, "snap": self.notes.snap}
        write_bytes(folder / SYSTEM_FILE, (json.dumps(description, indent=2) + "\n").encode())

    @classmethod
    def load(cls, folder: str | Path) -> "TripleSystem":
        """Reads a system from the folder into which `save` wrote it."""
        folder = Path(folder)
        with described(folder) as description:
            name, preset, snap = (description[key] for key in ("system", "preset", "snap"))
            if preset not in CATALOGUE[name].presets:
                raise Error(f"{folder}: has an unknown preset {preset!r:.40}; train it again")
            if snap not in ("delta", "onset"):
                raise ValueError(f"a snap of {snap!r:.40}")
            notes = replace(cls.triples_of(preset), snap=snap)
        words, path = folder / DICTIONARIES, folder / f"{name}.keras"
        known = Dictionaries.load(words)
        if known.unit != notes.unit:
            raise Error(f"{words}: is of another preset than {preset}; copy all from one run")
        system = cls(name, preset, load_model(path), known, notes)
        with reading.damaged(path, "is a network of another system or preset", REMEDY):
            sizes = system.sizes
        if known.sizes != sizes:
            raise Error(
                f"{words}: has {known.sizes} values of dT, T and P, but the network {sizes}; copy "
                "both from one run"
            )
        return system

    @staticmethod
    def triples_of(preset: str) -> TripleSettings:
        """Returns how a preset makes triples of a piece."""
        return triples.PRESETS[preset]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The sizes of the three dictionaries that the network has."""
        return self.settings.sizes


def first_of(piece: Piece) -> tuple[float, tuple]:
    """Returns the first tempo of a piece in quarters a minute, 120 if it has none; and its meter.

    The meter is that at the beginning, as the events of a piece; there are none if it has none.
    """
    tempo = min(max(6e7 / piece.tempi[0][1], 4.0), 1000.0) if piece.tempi else 120.0
    return tempo, tuple(meter for meter in piece.meters if meter[0] == 0)


def say(text: str) -> None:
    """Prints a remark to stderr."""
    print(f"musegen: {text}", file=sys.stderr)
