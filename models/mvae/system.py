"""The trained melody VAE, with note unrolling or without, and its autoencoder.

    a piece -> triples -> segments of 100 notes -> encoder -> z
    z, drawn at random or computed -> decoder, note by note -> triples -> a piece

Citation and original code: see `musegen.models.mvae.mvae`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from musegen.models.mvae import mvae
from musegen.models.mvae.settings import MVAESettings, settings_of
from musegen.models.mvae.writer import player
from musegen.models.prediction import predictor
from musegen.models.triple_system import TripleSystem
from musegen.music.piece import Piece
from musegen.music.tokens import triples
from musegen.system import EvaluatedRow


class MVAE(TripleSystem):
    """A melody VAE or an autoencoder, with the dictionaries of its notes.

    Example:
        >>> import musegen
        >>> system = musegen.load("runs/mvae")
        >>> len(system.generate(2, seed=1, length=50)[0])
        50
    """

    @property
    def settings(self) -> MVAESettings:
        """The settings of the network, whose width and sizes are those that it has."""
        return mvae.fitted(settings_of(self.entry.name, self.preset), self.network)

    def player(self, length: int) -> keras.Model:
        return player(self.network, self.settings, length)

    def random_inputs(self, n: int, seed: int) -> dict[str, np.ndarray]:
        """Draws z of each piece from the unit Gaussian."""
        size = (n, self.settings.width)
        return {"z": np.random.default_rng(seed).standard_normal(size, np.float32)}

    # Music.

    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """Returns z without noise, float32 `(k, H)`, of segments `(k, 100, 3)`."""
        return self._reader(numbers)

    def decode(
        self,
        z: np.ndarray,
        seed: int = 0,
        temperature: float | None = None,
        length: int | None = None,
    ) -> np.ndarray:
        """Writes notes from latent vectors `(k, H)`; returns their numbers `(k, length, 3)`."""
        z = np.asarray(z, np.float32)
        return self.write(len(z), length or self.notes.length, seed, temperature, z=z)

    def restore(
        self, pieces: Sequence[Piece], seed: int = 0, temperature: float | None = None
    ) -> list[Piece]:
        """Encodes pieces of any length and decodes them again, segment by segment.

        Segments overlap by half; of each the notes are used that are nearest to its middle.
        """
        songs = [self.read(piece) for piece in pieces]
        cuts = [self._cut(song) for song in songs]
        written = self.decode(
            self.encode(np.concatenate([cut for _, cut in cuts])), seed, temperature
        )
        parts = np.split(written, np.cumsum([len(cut) for _, cut in cuts])[:-1])
        joined = [
            _joined(part, starts, len(song))
            for part, (starts, _), song in zip(parts, cuts, songs, strict=True)
        ]
        return self.pieces(joined, [piece.name for piece in pieces], pieces)

    def interpolate(
        self, a: Piece, b: Piece, n: int, seed: int = 0, temperature: float | None = None
    ) -> list[Piece]:
        """Decodes `n` points on the straight line between the first 100 notes of two pieces."""
        first = np.stack([self._cut(self.read(piece))[1][0] for piece in (a, b)])
        start, end = self.encode(first)
        share = np.linspace(0, 1, n, dtype=np.float32)[:, None]
        numbers = self.decode((1 - share) * start + share * end, seed, temperature)
        names = [f"{a.name} to {b.name} {k + 1}" for k in range(n)]
        return self.pieces(numbers, names, [a] * n)

    def _cut(self, song: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cuts the numbers of a song into overlapping segments; also returns where they begin.

        A song that is shorter than a segment is repeated until it fills one.
        """
        length = self.notes.length
        if len(song) < length:
            song = np.resize(song, (length, 3))
        starts = triples.segment_starts(len(song), replace(self.notes, repeat_last=False))
        return starts, song[starts[:, None] + np.arange(length)]

    # Evaluation.

    def evaluate(
        self, data: Sequence[Piece], n: int, seed: int = 0, temperature: float | None = None
    ) -> list[EvaluatedRow]:
        """Generates `n` pieces and restores `data`; its segments give the figures of Table 1."""
        values = self.measure(self.segments(data), seed)
        restored = self.restore(self.readable(data), seed, temperature)
        return [
            EvaluatedRow("generated", self.generate(n, seed, temperature)),
            EvaluatedRow("restored", restored, values),
        ]

    def measure(self, numbers: np.ndarray, seed: int = 0) -> dict[str, float]:
        """Measures the network on segments `(k, 100, 3)`, whose true notes it is given.

        Returns:
            `Rec.`, the cross-entropy in nats a segment; `accuracy`, the share of values that are
            the most likely ones; both in all and by attribute, as `"Rec. dT"`; and `KL`, the
            divergence of z from the unit Gaussian in nats a segment, if z is drawn.
        """
        inputs = {"notes": numbers}
        if self.settings.latent == "gaussian":
            size = (len(numbers), self.settings.width)
            inputs["noise"] = np.random.default_rng(seed).standard_normal(size, np.float32)
        return mvae.totals(self._score(inputs))

    @cached_property
    def _score(self) -> Callable:
        return predictor(mvae.scorer(self.network, self.settings))

    @cached_property
    def _reader(self) -> Callable:
        return predictor(mvae.reader(self.network))


def _joined(written: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Joins overlapping segments `(k, 100, 3)` at the middles of their overlaps."""
    n_notes = written.shape[1]
    borders = (starts[1:] + starts[:-1] + n_notes) // 2
    place = np.arange(length)
    segment = np.searchsorted(borders, place, side="right")
    return written[segment, place - starts[segment]]


def load(folder: str | Path) -> MVAE:
    """Loads a trained system from its folder."""
    return MVAE.load(folder)


def networks(name: str, preset: str, n_steps: int) -> list[keras.Model]:
    """Builds the untrained network, which `musegen info` shows."""
    return [mvae.mvae(settings_of(name, preset), name=name)]
