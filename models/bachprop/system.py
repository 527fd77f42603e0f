"""The trained BachProp, which writes pieces note by note and continues those of others.

Citation and original code: see `musegen.models.bachprop.bachprop`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from musegen.models.bachprop import bachprop, tag_writer
from musegen.models.bachprop.settings import PRESETS, BachPropSettings
from musegen.models.mvae import mvae, writer
from musegen.models.mvae.settings import ATTRIBUTES, MVAESettings
from musegen.models.prediction import predictor
from musegen.models.triple_system import TripleSystem
from musegen.music.piece import Part, Piece
from musegen.music.tokens import triples
from musegen.music.tokens.triples import TripleSettings
from musegen.system import EvaluatedRow

MEMORY = 256  # notes of a song that are read before it is continued
FIRST, MOST = 64, 8192  # notes that are written to fill some bars, at first and at most


class BachProp(TripleSystem):
    """BachProp with the dictionaries of its notes, in either preset.

    Example:
        >>> import musegen
        >>> system = musegen.load("runs/bachprop")
        >>> len(system.generate(2, seed=1, length=50)[0])
        50
    """

    @property
    def settings(self) -> MVAESettings | BachPropSettings:
        """The settings of the network, whose width and sizes are those that it has."""
        own = PRESETS[self.preset]
        if isinstance(own, MVAESettings):
            return mvae.fitted(own, self.network)
        sizes = tuple(self.network.output[a].shape[-1] for a in ATTRIBUTES)
        return replace(own, width=self.network.output["state_1"].shape[-1], sizes=sizes)

    @property
    def temperature(self) -> float:
        """The temperature by default: that of each original."""
        return 0.5 if self.has_tags else 1.0

    @property
    def has_tags(self) -> bool:
        """Returns whether the network writes a tag where a song ends, as BachProp's own does."""
        return isinstance(PRESETS[self.preset], BachPropSettings)

    def player(self, length: int) -> keras.Model:
        kind = tag_writer if self.has_tags else writer
        return kind.player(self.network, self.settings, length)

    def indices(self, numbers: np.ndarray) -> np.ndarray:
        """Converts numbers to indices, of which BachProp's own network has the tag last."""
        return ((numbers - 1) % self.sizes).astype(np.int32) if self.has_tags else numbers

    def numbers(self, indices: np.ndarray) -> np.ndarray:
        return (indices + 1) % self.sizes if self.has_tags else indices

    @staticmethod
    def triples_of(preset: str) -> TripleSettings:
        own = isinstance(PRESETS[preset], BachPropSettings)
        return triples.BACHPROP if own else triples.PRESETS["paper"]

    def pieces(
        self, numbers: Iterable[np.ndarray], names: Sequence[str], like: Sequence[Piece] = ()
    ) -> list[Piece]:
        """Converts numbers to pieces as all systems of triples; a song ends at its first tag."""
        return super().pieces([_until_tag(song) for song in numbers], names, like)

    # Music.

    def extend(
        self,
        pieces: Sequence[Piece],
        n_bars: int,
        seed: int = 0,
        temperature: float | None = None,
    ) -> list[Piece]:
        """Continues pieces, each of which ends with a bar, and returns the new bars alone."""
        return [self._continued(piece, n_bars, seed, temperature) for piece in pieces]

    def _continued(self, piece: Piece, n_bars: int, seed: int, temperature: float | None) -> Piece:
        given = self.read(piece)[-MEMORY:]
        _, top, bottom = piece.meters[-1] if piece.meters else (0, 4, 4)
        quarters, rest = n_bars * 4 * top / bottom, self._rest(piece)
        n_notes = FIRST
        while True:
            total = len(given) + n_notes
            (song,) = self.write(1, total, seed, temperature, given=given[None])
            (new,) = self.pieces([song[len(given) :]], [piece.name])
            per_quarter = new.ticks_per_quarter
            # Onsets count from the last one of the piece, whose last bar gets no new notes.
            moved = int(new.notes["onset"].min(initial=round(rest * per_quarter)))
            end = moved + round(quarters * per_quarter)
            ended = len(new) < n_notes or n_notes >= MOST
            if ended or new.notes["onset"].max(initial=0) >= end:
                break
            n_notes *= 2
        parts = [part for part in piece.parts if not part.is_drum][:1] or [Part()]
        return replace(new, parts=parts, tempi=()).cut(moved, end)

    def _rest(self, piece: Piece) -> float:
        """Returns the quarters from the last onset that is read to the end of a piece."""
        read = (piece.notes["duration"] > 0) & (~piece.drums | self.notes.drums)
        return (piece.length - piece.notes["onset"][read].max()) / piece.ticks_per_quarter

    # Evaluation.

    def evaluate(
        self, data: Sequence[Piece], n: int, seed: int = 0, temperature: float | None = None
    ) -> list[EvaluatedRow]:
        """Generates `n` pieces; segments of `data` give the figures of the melody VAE's Table 1."""
        values = self.measure(self.segments(data), seed)
        return [EvaluatedRow("generated", self.generate(n, seed, temperature), values)]

    def measure(self, numbers: np.ndarray, seed: int = 0) -> dict[str, float]:
        """Measures the network on segments `(k, 100, 3)`; see `musegen.models.mvae.system`."""
        return mvae.totals(self._score(self._score_inputs(numbers)))

    def _score_inputs(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        if not self.has_tags:
            return {"notes": numbers}
        given = np.pad(numbers, ((0, 0), (1, 0), (0, 0)))  # number 0, the tag, first
        arrays = {"notes": self.indices(given[:, :-1]), "next": self.indices(numbers)}
        missing = self.network.input["notes"].shape[1] - numbers.shape[1]  # of a window
        fill = ((0, 0), (0, missing), (0, 0))
        return {name: np.pad(x, fill, constant_values=-1) for name, x in arrays.items()}

    @cached_property
    def _score(self) -> Callable:
        build = bachprop.scorer if self.has_tags else mvae.scorer
        return predictor(build(self.network, self.settings))


def _until_tag(song: np.ndarray) -> np.ndarray:
    """Returns the notes of a song `(notes, 3)` before the first one that has a number 0."""
    tags = np.flatnonzero((song == 0).any(axis=1))
    return song[: tags[0]] if len(tags) else song


def load(folder: str | Path) -> BachProp:
    """Loads a trained system from its folder."""
    return BachProp.load(folder)


def networks(name: str, preset: str, n_steps: int) -> list[keras.Model]:
    """Builds the untrained network, which `musegen info` shows."""
    settings = PRESETS[preset]
    if isinstance(settings, MVAESettings):
        return [mvae.mvae(settings, name=name)]
    return [bachprop.bachprop(settings)]
