"""A trained DuetHLSTM: it generates phrases from their first half bar, and continues songs."""

import json
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
from musegen.metrics.cell_f1 import CellF1
from musegen.models.catalogue import CATALOGUE
from musegen.models.duet_hlstm.continuation import continuer
from musegen.models.duet_hlstm.decisions import decided, steady
from musegen.models.duet_hlstm.duet_hlstm import (
    head_name,
    networks,  # noqa: F401 - part of the entry
    roles,
    width,
)
from musegen.models.duet_hlstm.settings import N_STEPS, PRESETS, DuetSettings, changed
from musegen.models.duet_hlstm.step_windows import StepTable, as_phrases, as_steps, in_order
from musegen.models.prediction import predictor
from musegen.models.remarks import say
from musegen.music.phrases import N_BARS, N_PITCHES, TRACKS, pack, unpack, validate
from musegen.registry import SYSTEM_FILE, described
from musegen.saving import load_model, save_model
from musegen.system import EvaluatedRow

NETWORK, BEGINNINGS = "duet-hlstm.keras", "beginnings.npz"
BEGINNINGS_KEPT = 64  # of the phrases of a training
AT_ONCE = 1000  # phrases of four bars that are continued in one loop


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
        >>> musegen.load("runs/duet-hlstm").generate(2, seed=1).shape
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
            temperature: number by which the logits are divided for `"bernoulli"`.
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
        n_bars = n_bars or N_BARS
        made = self.continued(window, self.new_steps(n_bars), decode, temperature, seed)
        if n_bars > N_BARS:
            say(f"training phrases have {N_BARS} bars; these have {n_bars}, and may lose their way")
        return self.in_five(np.concatenate([window, made], axis=1))

    def new_steps(self, n_bars: int) -> int:
        """Returns how many steps follow the beginning of a phrase of so many bars."""
        n_steps, window = n_bars * N_STEPS, self.settings.window
        if n_steps <= window:
            raise Error(
                f"--bars {n_bars}: this system reads {window} steps before it plays one; give "
                f"{window // N_STEPS + 1} or more"
            )
        return n_steps - window

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
        bars play, too: from that with the highest notes, the melody first. Where no other track
        sounds, the system begins with silence.

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
        self.check_named(wanted, sounding)
        found = [*wanted, *[None] * len(self.tracks)][: len(self.tracks)]

        def height(name: str) -> float:
            pitches = np.nonzero(bars[..., TRACKS.index(name)])[2]
            return float(pitches.mean())

        for k, own in enumerate(self.tracks):
            if found[k] is None and own in sounding and own not in found:
                found[k] = own
            elif found[k] is None and own != "drums":
                # The melody may have the own track of an accompaniment, which then has another.
                later = [name for j, name in enumerate(self.tracks) if j > k > 0 and not found[j]]
                free = [name for name in sounding if name not in (*found, *later, "drums")]
                found[k] = max(free, key=height, default=None)
        return self.filled(found)

    def check_named(self, wanted: Sequence[str | None], sounding: Sequence[str]) -> None:
        """Raises an `Error` for tracks of a song that cannot be read as the user wants."""
        if any(wanted[len(self.tracks) :]):
            raise Error(f"--accompaniment: this system has one track only, {self.tracks[0]}")
        named = [name for name in wanted if name]
        for name in named:
            if name not in sounding:
                present = ", ".join(sounding) or "none"
                raise Error(f"track {name}: is silent in the song; those that sound: {present}")
        if len(set(named)) < len(named):
            raise Error(f"track {named[0]}: cannot be melody and accompaniment; name another one")

    def filled(self, found: Sequence[str | None]) -> list[str]:
        """Completes the tracks that are read with silent ones, if possible the system's own."""
        chosen = [own if name is None and own not in found else name
                  for name, own in zip(found, self.tracks, strict=True)]  # fmt: skip
        others = sorted([*self.tracks, *TRACKS], key="drums".__eq__)  # drums last
        for k in (k for k, name in enumerate(chosen) if name is None):
            chosen[k] = next(name for name in others if name not in chosen)
        return chosen

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
        rng, made, size = np.random.default_rng((seed, 1)), [], at_once(n_steps)
        for start in range(0, len(window), size):
            part = window[start : start + size]
            inputs = player_inputs(part, n_steps, rule, rng, temperature)
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
        table = StepTable.of_data(load_data(source), self.settings)
        if table.n_steps < self.settings.window:
            raise Error(f"{source}: phrases of {table.n_steps} eighths of a bar; this system reads "
                        f"{self.settings.window}; give longer ones")  # fmt: skip
        sounding = self.sounding(table)
        if not len(sounding):
            tracks = ", ".join(self.tracks)
            raise Error(f"{source}: no phrase begins with a note of these tracks: {tracks}")
        return sounding

    def sounding(self, table: StepTable) -> np.ndarray:
        """Returns the beginnings of phrases in which there is a note."""
        begin = table.beginnings(self.settings.window)
        return begin[begin.any(axis=(1, 2, 3))]

    def _build_player(self, n_steps: int, rule: str):
        settings = replace(self.settings, decode=rule)
        return predictor(continuer(self.network, settings, n_steps), at_once(n_steps))

    # Evaluation.

    def evaluate(self, data: np.ndarray, n: int, seed: int = 0) -> list[EvaluatedRow]:
        """Generates `n` phrases from the first half bars of `data`, and measures its predictions.

        The figures are the loss of the next step, and the F1 of its notes beside that of the step
        before, which is what copying would predict.
        """
        table = StepTable.of_data(load_data(data), self.settings)
        values = self.predicted(table)
        window = table.beginnings(self.settings.window)[np.arange(n) % len(table)]
        made = self.continued(window, self.new_steps(N_BARS), seed=seed)
        music = self.in_five(np.concatenate([window, made], axis=1))
        return [
            EvaluatedRow("generated", music),
            EvaluatedRow("next step", values=values),
        ]

    def predicted(self, table: StepTable) -> dict[str, float]:
        """Measures the predictions of all windows; each reads what was really played."""
        starts, rule = in_order(table, self.settings), steady(self.settings.decode)
        if not len(starts):
            raise Error(f"phrases of {table.n_steps} steps: this system reads "
                        f"{self.settings.window} before it predicts one")  # fmt: skip
        predict, losses = predictor(self.network, AT_ONCE), 0.0
        f1 = {name: CellF1(len(self.tracks)) for name in ("F1", "F1 of copying")}
        for start in range(0, len(starts), AT_ONCE):
            windows = table.windows(starts[start : start + AT_ONCE], self.settings.window + 1)
            last, true = windows[:, -2], windows[:, -1]  # (B, tracks, 84)
            inputs = [x.astype(np.float32) for x in np.moveaxis(windows[:, :-1], 2, 0)]
            p = predict(inputs).reshape(true.shape)
            likely = np.clip(np.where(true, p, 1 - p), 1e-7, 1).astype(float)
            losses -= np.log(likely).mean(axis=(1, 2)).sum()
            on = ops.convert_to_numpy(decided(p, rule, self.settings.threshold)) > 0
            for name, guess in zip(f1, (on, last), strict=True):
                f1[name].add(*(np.swapaxes(cells, 1, 2) for cells in (true, guess)))
        values = {"loss": losses / len(starts)} | {name: own.all() for name, own in f1.items()}
        by_track = {name: own.by_track() for name, own in f1.items()}
        for k, track in enumerate(self.tracks):
            values |= {f"{name} {track}": scores[k] for name, scores in by_track.items()}
        return {name: float(np.nan_to_num(value)) for name, value in values.items()}

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
            write_npz(folder / BEGINNINGS, arrays)
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
            changes = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
            try:
                changed(preset, changes)
            except Error as error:
                raise ValueError(error) from None
        network = load_model(folder / NETWORK)
        path = folder / BEGINNINGS
        try:
            system = cls(preset, network, changes)
        except (Error, *reading.DAMAGE) as error:
            why = reading.reason(error)
            raise Error(f"{folder / NETWORK}: {why}; copy the system again from its run") from None
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


def player_inputs(
    window: np.ndarray,
    n_steps: int,
    rule: str,
    rng: np.random.Generator,
    temperature: float | None = None,
) -> dict[str, np.ndarray]:
    """Returns the inputs of a `continuer` for windows `(n, W, tracks, 84)`."""
    inputs = {"window": window.astype(np.float32)}
    if rule == "bernoulli":
        inputs["chance"] = rng.random((len(window), n_steps, *window.shape[2:]), np.float32)
        own = 1.0 if temperature is None else temperature
        inputs["temperature"] = np.full(len(window), own, np.float32)
    return inputs


def at_once(n_steps: int) -> int:
    """Returns how many phrases are continued at a time by so many steps, as memory allows."""
    return max(1, min(AT_ONCE, AT_ONCE * N_BARS * N_STEPS // n_steps))


def check(network: keras.Model, settings: DuetSettings) -> None:
    """Raises an `Error` if a network is not the one that the settings describe."""
    shapes = [tuple(x.shape[1:]) for x in network.inputs]
    wanted = [(settings.window, N_PITCHES)] * len(settings.tracks)
    if shapes != wanted:
        raise Error(f"the network takes {shapes}, but its settings say {wanted}")
    names = [layer.name for layer in network.layers]
    for k, role in enumerate(roles(settings)):
        known = all(name in names for name in (f"{role}_lstm1", f"{role}_lstm2", head_name(k)))
        reads = network.get_layer(f"{role}_lstm1").cell.kernel.shape[0] if known else 0
        if reads != width(settings, k):
            raise Error(
                f"the network has no {role}_lstm1, {role}_lstm2 and {head_name(k)} for the wiring "
                f"{settings.wiring}, which its settings say"
            )


def load(folder: str | Path) -> DuetHLSTM:
    """Loads a trained system from its folder."""
    return DuetHLSTM.load(folder)
