"""The systems. Importing this room registers every layer, so that plain Keras loads our files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from musegen.models import bvae, mfg_vae, midi_s2, musegan_kinds, musegan_system, refine


@dataclass(frozen=True)
class System:
    """One system as `musegen info` and `musegen.load` know it.

    Args:
        summary: what it is, in half a line.
        presets: names of its settings.
        build: its untrained networks, of a preset and a number of steps a bar.
        load: opens a folder that holds it trained; None for a part of another system.
        n_steps: steps of its bars, if it is made for one number alone.
    """

    summary: str
    presets: tuple[str, ...]
    build: Callable[[str, int], list[keras.Model]]
    load: Callable[[Path], Any] | None = None
    n_steps: int | None = None


def _fusion(strategy: str | None, name: str) -> System:
    return System(
        f"MIDI-Sandwich2: fusion of the tracks' latents, {strategy or 'as the preset has it'}",
        tuple(mfg_vae.PRESETS),
        lambda preset, n_steps: [mfg_vae.mfg_vae(mfg_vae.PRESETS[preset], strategy, name)],
    )


def _musegan(name: str, kind: musegan_kinds.Kind) -> System:
    does = "plays to a given track" if kind.given else "generates from scratch"
    does = does if kind.n_bars > 1 else "generates single bars"
    ablated = " without batch normalization" if name == musegan_kinds.ABLATED else ""
    return System(
        f"MuseGAN, {kind.model}{ablated}: {does}",
        kind.presets,
        lambda preset, n_steps: musegan_system.models(name, preset),
        musegan_system.MuseGAN.load,
        musegan_kinds.N_STEPS,
    )


SYSTEMS = {
    "bvae": System(
        "MIDI-Sandwich2: binary VAE of one bar of one track",
        tuple(bvae.PRESETS),
        lambda preset, n_steps: [bvae.bvae(bvae.PRESETS[preset], n_steps)],
    ),
    "refine-note": System(
        "MIDI-Sandwich2: refine network, step by step",
        tuple(refine.PRESETS),
        lambda preset, n_steps: [refine.per_note(refine.PRESETS[preset])],
    ),
    "refine-bar": System(
        "MIDI-Sandwich2: refine network, bar by bar",
        tuple(refine.PRESETS),
        lambda preset, n_steps: [refine.per_bar(refine.PRESETS[preset], n_steps)],
    ),
    "mfg-vae-concat": _fusion("concat", "mfg-vae-concat"),
    "mfg-vae-project": _fusion("project", "mfg-vae-project"),
    "mfg-vae": _fusion(None, "mfg-vae"),
    "midi-s2": System(
        "MIDI-Sandwich2: five tracks, generates and restores",
        tuple(midi_s2.PRESETS),
        midi_s2.models,
        midi_s2.MidiS2.load,
    ),
    **{name: _musegan(name, kind) for name, kind in musegan_kinds.KINDS.items()},
}
