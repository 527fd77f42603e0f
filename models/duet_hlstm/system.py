"""A trained DuetHLSTM: it generates phrases from their first half bar, and continues songs."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen import Error, reading
from musegen.data import load as load_data
from musegen.files import write_bytes, write_npz
from musegen.models.catalogue import CATALOGUE
from musegen.models.duet_hlstm.continuation import continuer
from musegen.models.duet_hlstm.decisions import decided
from musegen.models.duet_hlstm.duet_hlstm import networks  # noqa: F401 - part of the entry
from musegen.models.duet_hlstm.settings import N_STEPS, PRESETS, DuetSettings, changed
from musegen.models.duet_hlstm.step_windows import StepTable, as_phrases, as_steps, in_order
from musegen.models.prediction import predictor
from musegen.music.phrases import N_BARS, N_PITCHES, TRACKS, pack, unpack, validate
from musegen.registry import SYSTEM_FILE, described
from musegen.saving import load_model, save_model
from musegen.system import EvaluatedRow

NETWORK, BEGINNINGS = "duet-hlstm.keras", "beginnings.npz"
BEGINNINGS_KEPT = 64  # of the phrases of a training
AT_ONCE = 1000  # phrases that are continued in one loop
PHRASE_STEPS = N_BARS * N_STEPS


class DuetHLSTM:
    """A trained network, and first half bars from which it generates.

    Its music is bool phrases of five tracks `(N, bars, 8, 84, 5)`, in which the tracks that it does
    not have are silent.

    Args:
        preset: name of the preset, one of `PRESETS`.
        network: trained network that `duet_hlstm` built.
        changes: settings that differ from those of the preset, by name.
        beginnings: beginnings of phrases, bool `(n, window, tracks, 84)`.

    Example:
        >>> import musegen
        >>> musegen.load("duet-hlstm").generate(2, seed=1).shape
        (2, 4, 8, 84, 5)
    """

    entry = CATALOGUE["duet-hlstm"]
    can = entry.can
    n_bars, n_steps, given = N_BARS, N_STEPS, None
    preferred: Mapping[str, Any] = {}

    def __init__(
        self,
        preset: str,
        network: keras.Model,
        changes: Mapping[str, Any] | None = None,
        beginnings: np.ndarray | None = None,
    ):
        self.preset, self.network, self.changes = preset, network, dict(changes or {})
        self.settings = changed(preset, self.changes)
        self.tracks, self.evaluated = self.settings.tracks, self.settings.evaluated
        self.beginnings = beginnings
        check(network, self.settings)
        self._player = cache(self._build_player)  # freed together with the system

    # Music.

    def generate(
        self,
        n: int,
        seed: int = 0,
        n_bars: int | None = None,
        decode: str | None = None,
        temperature: float | None = None,
        seeds_from: str | None = None,
    ) -> np.ndarray:
        """Generates phrases from the first half bars of others.

        Generation draws nothing at random, unless notes are decided by `"bernoulli"`: equal
        beginnings give equal phrases.

        Args:
            n: number of phrases.
            seed: seed by which the beginnings are chosen.
            n_bars: number of bars of a phrase, 4 by default, as in training.
            decode: rule by which outputs become notes; by default that of the settings.
            temperature: by how much the logits are divided for `"bernoulli"`.
            seeds_from: music whose phrases give their first half bars; by default those that were
                saved with the system.
        """
        known = self.beginnings_of(seeds_from) if seeds_from else self.beginnings
        if known is None or not len(known):
            raise Error("this system was saved without beginnings; name music by --seeds-from")
        rng = np.random.default_rng(seed)
        rounds = [rng.permutation(len(known)) for _ in range(-(-n // len(known)))]
        window = known[np.concatenate(rounds)[:n]]
        if n > len(known) and (decode or self.settings.decode) != "bernoulli":
            say(f"there are {len(known)} beginnings, so that some of {n:,} phrases are equal")
        n_steps = (n_bars or N_BARS) * N_STEPS - self.settings.window
        made = self.continued(window, n_steps, decode, temperature, seed)
        return self.in_five(np.concatenate([window, made], axis=1))

    def extend(
        self,
        bars: np.ndarray,
        n_bars: int,
        melody: str | None = None,
        accompaniment: str | None = None,
        decode: str | None = None,
        temperature: float | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """Continues bars `(bars, 8, 84, 5)` by `n_bars` others, from their last half bar.

        A track that the system has and the bars do not is taken from another track, which the new
        bars play, too. First comes the melody, which is taken from the track with the highest
        notes. Where no other track sounds, the system begins with silence.

        Args:
            bars: the bars before.
            n_bars: number of bars to add.
            melody, accompaniment: names of the tracks that are the first two of the system.
            decode, temperature, seed: as for `generate`.
        """
        validate(bars[None])
        sources = self.sources(bars, (melody, accompaniment))
        chosen = [TRACKS.index(name) for name in sources]
        steps = as_steps(bars[None][..., chosen])[:, -self.settings.window :]
        window = np.zeros((1, self.settings.window, *steps.shape[2:]), bool)
        window[:, -steps.shape[1] or None :] = steps
        made = self.continued(window, n_bars * N_STEPS, decode, temperature, seed)
        return self.in_five(made, sources).reshape(n_bars, *bars.shape[1:])

    def sources(self, bars: np.ndarray, wanted: Sequence[str | None] = ()) -> list[str]:
        """Returns the track of some bars that is read for each track of the system.

        Args:
            bars: bars of a song.
            wanted: names of the tracks for the first tracks of the system; None chooses one.
        """
        sounding = [name for k, name in enumerate(TRACKS) if bars[..., k].any()]
        found = [*wanted, *[None] * len(self.tracks)][: len(self.tracks)]
        for name in filter(None, found):
            if name not in sounding:
                raise Error(f"track {name}: is silent in the song; there are {', '.join(sounding)}")

        def height(name: str) -> float:
            pitches = np.nonzero(bars[..., TRACKS.index(name)])[2]
            return float(pitches.mean())

        for k, own in enumerate(self.tracks):
            if found[k] is None and own in sounding and own not in found:
                found[k] = own
            elif found[k] is None and own != "drums":
                free = [name for name in sounding if name not in (*found, "drums")]
                others = [name for name in free if name not in self.tracks]
                free = others or (free if k == 0 else [])
                found[k] = max(free, key=height, default=None)
        for k, own in enumerate(self.tracks):
            if found[k] is None:
                silent = [own, *TRACKS]
                found[k] = next(name for name in silent if name not in found)
        return found

    def continued(
        self,
        window: np.ndarray,
        n_steps: int,
        decode: str | None = None,
        temperature: float | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """Continues windows `(n, W, tracks, 84)`; returns the new steps `(n, n_steps, ...)`."""
        rule = decode or self.settings.decode
        if temperature is not None and rule != "bernoulli":
            raise Error(f"--temperature: the rule {rule} draws no notes; add --decode bernoulli")
        rng, made = np.random.default_rng((seed, 1)), []
        for start in range(0, len(window), AT_ONCE):
            part = window[start : start + AT_ONCE]
            inputs = {"window": part.astype(np.float32)}
            if rule == "bernoulli":
                inputs["chance"] = rng.random((len(part), n_steps, *part.shape[2:]), np.float32)
                own = 1.0 if temperature is None else temperature
                inputs["temperature"] = np.full(len(part), own, np.float32)
            made.append(self._player(n_steps, rule)(inputs)["cells"] > 0)
        return np.concatenate(made)

    def in_five(self, steps: np.ndarray, tracks: Sequence[str] | None = None) -> np.ndarray:
        """Converts steps `(n, 8 * bars, tracks, 84)` to phrases of five tracks."""
        phrases = as_phrases(steps)
        made = np.zeros((*phrases.shape[:-1], len(TRACKS)), bool)
        made[..., [TRACKS.index(name) for name in tracks or self.tracks]] = phrases
        return made

    def beginnings_of(self, source: str | Path | np.ndarray) -> np.ndarray:
        """Returns the beginnings of the phrases of some music that sound."""
        sounding = self.sounding(StepTable.of_data(load_data(source), self.settings))
        if not len(sounding):
            tracks = ", ".join(self.tracks)
            raise Error(f"{source}: no phrase begins with a note of these tracks: {tracks}")
        return sounding

    def sounding(self, table: StepTable) -> np.ndarray:
        """Returns the beginnings of phrases in which there is a note."""
        begin = table.steps()[:, : self.settings.window]
        return begin[begin.any(axis=(1, 2, 3))]

    def _build_player(self, n_steps: int, rule: str):
        return predictor(
            continuer(self.network, replace(self.settings, decode=rule), n_steps), AT_ONCE
        )

    # Evaluation.

    def evaluate(self, data: np.ndarray, n: int, seed: int = 0) -> list[EvaluatedRow]:
        """Generates `n` phrases from the first half bars of `data`, and measures its predictions.

        The figures are the loss of the next step, and the F1 of its notes beside that of the step
        before, which is what copying would predict.
        """
        table = StepTable.of_data(load_data(data), self.settings)
        window = table.steps()[:, : self.settings.window]
        window = window[np.arange(n) % len(window)]
        made = self.continued(window, PHRASE_STEPS - window.shape[1], seed=seed)
        music = self.in_five(np.concatenate([window, made], axis=1))
        return [
            EvaluatedRow("generated", music),
            EvaluatedRow("next step", values=self.predicted(table)),
        ]

    def predicted(self, table: StepTable) -> dict[str, float]:
        """Measures the predictions of all windows; each reads what was really played."""
        starts, rule = in_order(table, self.settings), self.settings.decode
        predict, losses = predictor(self.network, AT_ONCE), 0.0
        counts = np.zeros((2, 2, len(self.tracks)))  # network and copying; hits and notes of both
        for start in range(0, len(starts), AT_ONCE):
            windows = table.windows(starts[start : start + AT_ONCE], self.settings.window + 1)
            last, true = windows[:, -2], windows[:, -1]  # (B, tracks, 84)
            inputs = [x.astype(np.float32) for x in np.moveaxis(windows[:, :-1], 2, 0)]
            p = predict(inputs).reshape(true.shape)
            likely = np.clip(np.where(true, p, 1 - p), 1e-7, 1).astype(float)
            losses -= np.log(likely).mean(axis=(1, 2)).sum()
            on = ops.convert_to_numpy(decided(p, rule)) > 0
            for k, guess in enumerate((on, last)):
                counts[k, 0] += (guess & true).sum(axis=(0, 2))
                counts[k, 1] += guess.sum(axis=(0, 2)) + true.sum(axis=(0, 2))
        hits, both = counts.swapaxes(0, 1)
        f1 = 2 * hits / np.maximum(both, 1)
        total = 2 * hits.sum(axis=1) / np.maximum(both.sum(axis=1), 1)
        values = {"loss": losses / len(starts), "F1": total[0], "F1 of copying": total[1]}
        for k, track in enumerate(self.tracks):
            values |= {f"F1 {track}": f1[0, k], f"F1 of copying {track}": f1[1, k]}
        return {name: float(value) for name, value in values.items()}

    # Files.

    def parts(self) -> dict[str, tuple[keras.Model, str]]:
        """Returns the network by its name, with a description of its inputs and outputs."""
        rule, tracks = self.settings.decode, ", ".join(self.tracks)
        return {
            self.network.name: (
                self.network,
                f"{self.settings.window} steps of 84 cells, 0 or 1, of {tracks}, each an input, to "
                f"the next step of them, side by side; notes by the rule {rule}",
            )
        }

    def save(self, folder: str | Path, half: bool = False) -> Path:
        """Writes the system into a folder; `half` writes the weights in half precision."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.network, folder / NETWORK, half)
        self.describe(folder)
        return folder

    def describe(self, folder: Path) -> None:
        """Writes all of the system but its network."""
        if self.beginnings is not None:
            arrays = {"cells": pack(self.beginnings), "shape": np.array(self.beginnings.shape)}
            write_npz(folder / BEGINNINGS, **arrays)
        description = {"system": self.entry.name, "preset": self.preset, "settings": self.changes}
        write_bytes(folder / SYSTEM_FILE, (json.dumps(description, indent=2) + "\n").encode())

    @classmethod
    def load(cls, folder: str | Path) -> "DuetHLSTM":
        """Reads a system from the folder into which `save` wrote it."""
        folder = Path(folder)
        with described(folder) as description:
            preset, changes = description["preset"], dict(description.get("settings", {}))
            if preset not in PRESETS:
                raise Error(f"{folder}: has an unknown preset {preset!r:.40}; train it again")
            if "tracks" in changes:
                changes["tracks"] = tuple(changes["tracks"])
        network = load_model(folder / NETWORK)
        path = folder / BEGINNINGS
        try:
            system = cls(preset, network, changes)
        except (Error, *reading.DAMAGE) as error:
            raise Error(f"{folder}: {reading.reason(error)}") from None
        system.beginnings = read_beginnings(path, system) if path.is_file() else None
        return system


def read_beginnings(path: Path, system: DuetHLSTM) -> np.ndarray:
    """Reads the beginnings that a system was saved with."""
    inner = (system.settings.window, len(system.tracks), N_PITCHES)
    with (
        reading.damaged(path, "damaged", "copy it from its run again"),
        reading.arrays(path) as file,
    ):
        n, *shape = file.array("shape", "iu", most=4).tolist()
        packed = file.array("cells", "u")
        if tuple(shape) != inner or packed.shape != (n, -(-np.prod(inner) // 8)):
            raise ValueError(f"beginnings of shape {shape}, not {inner}")
    return unpack(packed, inner)


def check(network: keras.Model, settings: DuetSettings) -> None:
    """Raises an `Error` if a network has other tracks or windows than the settings say."""
    shapes = [tuple(x.shape[1:]) for x in network.inputs]
    wanted = [(settings.window, N_PITCHES)] * len(settings.tracks)
    if shapes != wanted:
        raise Error(f"{network.name}: takes {shapes}, but its settings say {wanted}")


def say(text: str) -> None:
    """Prints a remark to stderr."""
    print(f"musegen: {text}", file=sys.stderr)


def load(folder: str | Path) -> DuetHLSTM:
    """Loads a trained system from its folder."""
    return DuetHLSTM.load(folder)
