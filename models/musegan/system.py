"""A trained MuseGAN: it generates phrases, interpolates, and accompanies a given track."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from musegen import Error, reading
from musegen.files import write_bytes
from musegen.models.catalogue import CATALOGUE
from musegen.models.musegan.critics import critic
from musegen.models.musegan.generators import N_TRACKS, generator
from musegen.models.musegan.settings import (
    ABLATED,
    KINDS,
    N_STEPS,
    PRESETS,
    Kind,
    current_names,
    system_name,
)
from musegen.models.prediction import predictor
from musegen.music.phrases import N_BARS, N_PITCHES, TRACKS, Packed, binarise, pack, validate
from musegen.registry import SYSTEM_FILE, described
from musegen.saving import load_model, save_model
from musegen.system import EvaluatedRow

PHRASES_AT_ONCE = 64
EVALUATION_BARS = 20_000  # bars of each row, as in the paper's tables
BINARISATIONS = ("threshold", "monophonic", "bernoulli")


class MuseGAN:
    """A trained generator. All music is bool phrases, `(N, 4, 96, 84, 5)` or `(N, 1, 96, 84, 5)`.

    Args:
        preset: name of the preset, one of `PRESETS`.
        kind: kind of the model.
        generator: trained network that `generators.generator` built for this kind.
        changed: settings that differ from those of the preset, by name.

    Example:
        >>> import musegen
        >>> musegen.load("runs/musegan-hybrid").generate(2, seed=1).shape
        (2, 4, 96, 84, 5)
    """

    n_steps, tracks = N_STEPS, TRACKS
    preferred: Mapping[str, Any] = {}

    def __init__(
        self,
        preset: str,
        kind: Kind,
        generator: keras.Model,
        changed: Mapping[str, bool | float | str] | None = None,
    ):
        self.preset, self.changed, self.kind = preset, dict(changed or {}), kind
        self.settings = replace(PRESETS[preset], **self.changed)
        for name, value in self.changed.items():
            wanted = type(getattr(PRESETS[preset], name))
            if type(value) is not wanted and not (type(value) is int and wanted is float):
                raise Error(f"its setting {name} is {value!r:.40}, which is no {wanted.__name__}")
        self.network = generator
        self.entry = CATALOGUE[system_name(kind, ablated=not self.is_normalized)]
        self.can, self.given, self.n_bars = self.entry.can, kind.given, kind.n_bars
        self.evaluated = EVALUATION_BARS // kind.n_bars
        shapes = keras.tree.map_structure(lambda x: x.shape[1:], generator.input)
        given = {"given": (N_BARS, N_STEPS, N_PITCHES, 1)} if kind.given else {}
        if shapes != kind.latents | given:
            raise Error(
                f"{generator.name}: takes {shapes}, which is not what the {kind.in_words} takes"
            )
        bars = {x.name[4:] for x in generator.layers if x.name.startswith("bar-")}
        if bars and bars != set(kind.written):
            raise Error(f"{generator.name}: writes {', '.join(sorted(bars))}, and so does not play "
                        f"to {'a given ' + kind.given if kind.given else 'nothing'}")  # fmt: skip
        self._predict = predictor(generator, PHRASES_AT_ONCE, eager=True)

    def generate(
        self,
        n: int,
        seed: int = 0,
        z_std: float | None = None,
        binarisation: str | None = None,
        packed: bool = False,
    ) -> np.ndarray | Packed:
        """Generates phrases from random vectors.

        Args:
            n: number of phrases to generate.
            seed: seed of the random vectors.
            z_std: standard deviation of the random vectors; by default that of the training.
            binarisation: how cells are made of real numbers. `"threshold"` turns on numbers above
                0; `"monophonic"` does the same, but leaves the bass one pitch at a time;
                `"bernoulli"` draws each cell at random. The default depends on the preset.
            packed: whether the phrases are returned as bits, which saves memory.
        """
        self._check_alone()
        z = self.draw(n, seed, z_std)
        if not packed:
            return self.play(z, seed, binarisation, z_std)
        parts = [pack(cells) for cells in self._played(z, seed, binarisation, z_std)]
        shape = (self.kind.n_bars, N_STEPS, N_PITCHES, N_TRACKS)
        return Packed(np.concatenate(parts)[:n], shape)

    def accompany(
        self,
        phrases: np.ndarray,
        seed: int = 0,
        z_std: float | None = None,
        binarisation: str | None = None,
    ) -> np.ndarray:
        """Generates the other tracks to a given track.

        Args:
            phrases: phrases `(N, 4, 96, 84, 5)`, of which only the given track is used.
            seed, z_std, binarisation: as for `generate`.

        Returns:
            Phrases with the given track, cell by cell, and new other tracks.
        """
        given = self.kind.given
        if not given:
            raise Error(
                "this system is given no track; use musegen generate, or musegen accompany with "
                "one of the -conditional systems"
            )
        phrases = validate(phrases)
        if phrases.shape[1:] != (N_BARS, N_STEPS, N_PITCHES, N_TRACKS):
            raise Error(
                f"phrases of {phrases.shape[1:]} bars, steps, pitches and tracks; this system "
                f"takes {(N_BARS, N_STEPS, N_PITCHES, N_TRACKS)}"
            )
        z = self.draw(len(phrases), seed, z_std) | self.condition(phrases)
        cells = self.play(z, seed, binarisation)
        k = TRACKS.index(given)
        cells[..., k] = phrases[..., k]
        return cells

    def condition(self, phrases: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the generator's input for the given track of some phrases, if it has one."""
        if not self.kind.given:
            return {}
        k = TRACKS.index(self.kind.given)
        return {"given": 2 * phrases[..., k : k + 1].astype(np.float32) - 1}

    def interpolate_seeds(
        self,
        seeds: tuple[int, int],
        n: int,
        way: str = "lerp",
        z_std: float | None = None,
        binarisation: str | None = None,
    ) -> np.ndarray:
        """Generates phrases between those of two seeds, both included.

        Args:
            seeds: seeds of the first and the last phrase.
            n: number of phrases.
            way: path of the random vectors: `"lerp"` for a straight line, `"slerp"` for an arc.
            z_std, binarisation: as for `generate`.
        """
        if way not in WAYS:
            raise Error(f"unknown way {way!r}; choose {', '.join(WAYS)}")
        self._check_alone()
        start, end = (self.draw(1, seed, z_std) for seed in seeds)
        share = np.linspace(0, 1, n, dtype=np.float32)
        z = {name: WAYS[way](start[name], end[name], share) for name in start}
        return self.play(z, seeds[0], binarisation, z_std)

    def grid(
        self, n: int = 8, reach: float | None = None, binarisation: str | None = None
    ) -> np.ndarray:
        """Generates a grid of `n * n` phrases, row by row, over two kinds of random vectors.

        All numbers of a vector are the same. From row to row the vectors that the tracks share
        grow from `-reach` to `reach`, and from column to column those of the single tracks. If a
        model has only one of these, the two kinds are the vectors that are the same in all bars and
        those that temporal generators read.

        Args:
            n: number of rows and of columns.
            reach: largest number; by default that of the preset.
            binarisation: as for `generate`.
        """
        self._check_alone()
        if len(self.kind.latents) == 1:
            raise Error(
                "a grid needs two kinds of random vectors, and this system has one; use musegen "
                "interpolate with two --seeds"
            )
        reach = self.settings.reach if reach is None else reach
        steps = np.linspace(-reach, reach, n, dtype=np.float32)
        down, along = np.repeat(steps, n), np.tile(steps, n)
        mark = "z_tracks" if self.kind.model == "hybrid" else "_time"
        z = {}
        for name, shape in self.kind.latents.items():
            numbers = along if mark in name else down
            z[name] = np.broadcast_to(numbers.reshape(-1, *[1] * len(shape)), (n * n, *shape))
        return self.play(z, 0, binarisation)

    def evaluate(
        self, data: np.ndarray, n: int, seed: int = 0, z_std: float | None = None
    ) -> list[EvaluatedRow]:
        """Makes the music of a row of the paper's tables 1 and 2, `n` phrases.

        A conditional system accompanies the phrases in `data`, as often as `n` needs.
        """
        if not self.kind.given:
            length = "from scratch" if self.kind.n_bars == N_BARS else "one bar"
            music = self.generate(n, seed, z_std)
            return [EvaluatedRow(f"{length}, {self.kind.model}", music)]
        if not data[..., TRACKS.index(self.kind.given)].any():
            raise Error(f"the {self.kind.given} that is given is silent in all {len(data)} phrases")
        given = data[np.arange(n) % len(data)]  # a phrase that comes again gets other vectors
        music = self.accompany(given, seed, z_std)
        return [EvaluatedRow(f"track-conditional, {self.kind.model}", music)]

    def _check_alone(self) -> None:
        """Raises an `Error` if the system needs a given track."""
        if self.kind.given:
            raise Error(
                f"this system writes nothing alone: it accompanies a given {self.kind.given}; "
                "use musegen accompany SONG"
            )

    def draw(
        self, n: int, seed: int | list[int], z_std: float | None = None
    ) -> dict[str, np.ndarray]:
        """Draws the random vectors of `n` phrases, by name."""
        if isinstance(z_std, str):
            raise Error(f"z_std {z_std!r}: this system has no measured vectors; give a number")
        rng = np.random.default_rng(seed)
        std = np.float32(self.settings.z_std if z_std is None else z_std)
        return {
            name: rng.standard_normal((n, *shape), np.float32) * std
            for name, shape in self.kind.latents.items()
        }

    def values(self, z: dict[str, np.ndarray]) -> np.ndarray:
        """Returns the generator's output for random vectors, real numbers in (-1, 1)."""
        return self._predict(z)

    def play(
        self,
        z: dict[str, np.ndarray],
        seed: int = 0,
        binarisation: str | None = None,
        z_std: float | None = None,
    ) -> np.ndarray:
        """Generates phrases of random vectors and, for a conditional system, a given track.

        A generator that normalizes by the batch generates whole batches from scratch, as the
        original code does, and the phrases beyond the wanted ones are dropped. Alone in a batch, a
        phrase would not depend on its random vectors at all.

        Args:
            z: inputs of the generator, by name.
            seed: seed of `"bernoulli"`, and of the vectors that fill the last batch.
            binarisation: as for `generate`.
            z_std: standard deviation of the vectors that fill the last batch.
        """
        wanted = len(next(iter(z.values())))
        cells = np.empty((wanted, self.kind.n_bars, N_STEPS, N_PITCHES, N_TRACKS), bool)
        start = 0
        for part in self._played(z, seed, binarisation, z_std):
            cells[start : start + len(part)] = part[: wanted - start]
            start += len(part)
        return cells

    def _played(
        self,
        z: dict[str, np.ndarray],
        seed: int,
        binarisation: str | None,
        z_std: float | None,
    ) -> Iterator[np.ndarray]:
        """Yields the phrases of `play`, some at a time, with all phrases of the last batch."""
        wanted = len(next(iter(z.values())))
        if self.depends_on_batch and not self.kind.given:
            others = self.draw(-wanted % PHRASES_AT_ONCE, [seed, 2], z_std)
            z = {name: np.concatenate([x, others[name]]) for name, x in z.items()}
        n = len(next(iter(z.values())))
        # Not all at once, since 20,000 bars of floats do not fit into memory.
        for start in range(0, n, 8 * PHRASES_AT_ONCE):
            rows = slice(start, start + 8 * PHRASES_AT_ONCE)
            part = {name: x[rows] for name, x in z.items()}
            if binarisation == "bernoulli":  # drawn for all rows together
                yield self.binarised(self.values(part), binarisation, [seed, 1, start])
            else:
                yield self._predict(part, lambda values: self.binarised(values, binarisation))

    @property
    def depends_on_batch(self) -> bool:
        """Returns whether batch normalization makes the phrases of a batch depend on each other."""
        return self.is_normalized and self.settings.batch_statistics

    @property
    def is_normalized(self) -> bool:
        """Returns whether there is batch normalization; only its averages are not trainable."""
        return bool(self.network.non_trainable_variables)

    def binarised(
        self, values: np.ndarray, binarisation: str | None = None, seed: int | list[int] = 0
    ) -> np.ndarray:
        """Turns real numbers in (-1, 1) into cells; see `generate`."""
        default = "monophonic" if self.settings.monophonic_bass else "threshold"
        binarisation = binarisation or default
        if binarisation not in BINARISATIONS:
            known = ", ".join(BINARISATIONS)
            raise Error(f"unknown binarisation {binarisation!r}; choose {known}")
        if binarisation == "bernoulli":
            return binarise((values + 1) / 2, rule="bernoulli", seed=seed)
        return binarise(values, monophonic_bass=binarisation == "monophonic")

    def parts(self) -> dict[str, tuple[keras.Model, str]]:
        """Returns the networks by name, each with a description of its inputs and outputs."""
        z = f"random vectors of deviation {self.settings.z_std:g}"
        given = f" and the {self.kind.given}, cells -1 or 1," if self.kind.given else ""
        return {"generator": (self.network, f"{z}{given} to phrases; a cell is on above 0")}

    def save(self, folder: str | Path, half: bool = False) -> Path:
        """Writes the system into a folder; `half` writes the weights in half precision."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.network, folder / "generator.keras", half)
        description = {"system": self.entry.name, "preset": self.preset}
        description |= {"given": self.kind.given, "settings": self.changed}
        write_bytes(folder / SYSTEM_FILE, (json.dumps(description, indent=2) + "\n").encode())
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> "MuseGAN":
        """Reads a system from the folder into which `save` wrote it."""
        folder = Path(folder)
        with described(folder) as description:
            preset, changed = description.get("preset"), description.get("settings", {})
            kind = replace(KINDS[description["system"]], given=description.get("given"))
        if preset not in tuple(PRESETS):
            raise Error(f"{folder}: has an unknown preset {preset!r}; fetch or train it again")
        network = load_model(folder / "generator.keras")
        try:
            return cls(preset, kind, network, current_names(changed))
        except (Error, *reading.DAMAGE) as error:
            raise Error(f"{folder}: {reading.reason(error)}") from None


def lerp(start: np.ndarray, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Returns points on the line between two vectors `(1, ...)`, at shares of its length."""
    share = share.reshape(-1, *[1] * (start.ndim - 1))
    return (1 - share) * start + share * end


def slerp(start: np.ndarray, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Returns points on the arc between two vectors `(1, ..., L)`, at shares of its angle.

    Arrays of several vectors are interpolated vector by vector.
    """
    share = share.reshape(-1, *[1] * (start.ndim - 1))
    lengths = np.linalg.norm(start, axis=-1, keepdims=True) * np.linalg.norm(
        end, axis=-1, keepdims=True
    )
    cosine = (start * end).sum(axis=-1, keepdims=True) / np.maximum(lengths, 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    sine = np.sin(angle)
    straight = sine < 1e-6
    a = np.where(straight, 1 - share, np.sin((1 - share) * angle) / np.where(straight, 1, sine))
    b = np.where(straight, share, np.sin(share * angle) / np.where(straight, 1, sine))
    return (a * start + b * end).astype(np.float32)


WAYS = {"lerp": lerp, "slerp": slerp}


def load(folder: str | Path) -> MuseGAN:
    """Loads a trained system from its folder."""
    return MuseGAN.load(folder)


def networks(name: str, preset: str, n_steps: int = N_STEPS) -> list[keras.Model]:
    """Builds the untrained networks of a system of `KINDS`, which `musegen info` shows."""
    settings = replace(PRESETS[preset], batch_norm=name != ABLATED)
    return [generator(settings, KINDS[name]), critic(settings, KINDS[name])]
