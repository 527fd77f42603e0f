"""The training data of MIDI-Sandwich2's networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from musegen.data import Data, load
from musegen.music.phrases import N_BARS

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
