"""The training data of MIDI-Sandwich2's networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from musegen.data import Data, load
from musegen.music.layout import TRACKS
from musegen.music.phrases import N_BARS, bars_of, pack, unpack
from musegen.training import augment

REPO_FIRST, REPO_PHRASES = 1799, 800  # the original code draws 800 of the first 1,799 phrases


def load_training_data(
    source: str | Path,
    preset: str = "paper",
    n_steps: int = 48,
    val_split: float = 0.1,
    bars: int | None = None,
    seed: int = 0,
) -> tuple[Data, Data | None]:
    """Loads the phrases for training and for validation.

    With preset `repo` it draws 800 phrases from the first 1,799, as the original code does, where
    one constant counts phrases in one place and bars in another. Other presets take all phrases.

    Args:
        source: data set, as `musegen.data.load` takes it.
        preset: name of the preset.
        n_steps: number of steps of a bar.
        val_split: share of the phrases for validation.
        bars: number of bars to train on, the first ones; None for all.
        seed: seed of the drawing.

    Returns:
        Phrases to train on, and phrases to validate with, or None if `val_split` is 0.
    """
    data = load(source, n_steps).five_tracks(N_BARS)
    if preset == "repo" and len(data) > REPO_PHRASES:
        first = data.part(0, REPO_FIRST)
        drawn = np.random.default_rng(seed).permutation(len(first))[:REPO_PHRASES]
        data = replace(load(first.phrases[drawn]), name=data.name)
    train, val = data.split(val_split)
    return (train.part(0, -(-bars // N_BARS)) if bars else train), val


def of_track(phrases: np.ndarray, track: str) -> np.ndarray:
    """Returns the phrases of one track, `(N, bars, T, 84, 1)`, or for `"shared"` of all tracks."""
    return phrases if track == "shared" else phrases[..., [TRACKS.index(track)]]


def bars_of_track(
    phrases: np.ndarray, track: str, unique: bool = False, passes: int = 1
) -> np.ndarray:
    """Returns the bars `(n, T, 84)` of one track, or for `"shared"` of all tracks.

    Args:
        unique: whether bars that are equal are left out but for one of them.
        passes: number of times that each bar is there.
    """
    bars = bars_of(of_track(phrases, track))
    if unique:
        bars = unpack(np.unique(pack(bars), axis=0), bars.shape[1:])
    return np.tile(bars, (passes, 1, 1))


def augmented(
    bars: np.ndarray, track: str, transpose: bool, mix: bool, rng: np.random.Generator
) -> np.ndarray:
    """Changes bars at random: in key, unless they are drums, and by mixing their beats."""
    drums = track == "drums"
    if transpose and not drums:
        bars = augment.transposed(bars, rng)
    return augment.mixed(bars, rng, by_pitch=drums) if mix else bars
