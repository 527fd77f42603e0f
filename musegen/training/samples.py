"""Phrases beside what a model makes of them, as pictures and MIDI, while it trains."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from musegen import plots
from musegen.music import midi
from musegen.music.phrases import TRACKS

if TYPE_CHECKING:
    from musegen.training.runs import Run

SHOWN = 4  # phrases
PICTURES = 10  # over a training


class Sampler:
    """Draws some phrases and their versions into `samples/` of a run.

    Args:
        phrases: `(N, bars, steps, 84, tracks)`, of which some of the fullest are shown, from all
            over the data.
        epochs: of the whole training.
        tracks: the last axis of the phrases.

    Attributes:
        chosen: numbers of the phrases that are shown.
        original: these phrases.
    """

    def __init__(
        self, run: "Run", phrases: np.ndarray, epochs: int, tracks: Sequence[str] = TRACKS
    ):
        sounding = phrases.any(axis=(2, 3)).mean(axis=(1, 2))  # share of bars and tracks
        fullest = np.sort(np.argsort(-sounding, kind="stable")[: max(SHOWN, len(phrases) // 2)])
        spread = np.linspace(0, len(fullest) - 1, min(SHOWN, len(fullest)))
        self.chosen = fullest[spread.astype(int)]
        self.original = phrases[self.chosen]
        self.run, self.epochs, self.tracks = run, epochs, tuple(tracks)

    def __call__(self, epoch: int, versions: Callable[[], Mapping[str, np.ndarray]]) -> None:
        """Draws the original beside its versions, at the end and some times before."""
        if epoch % max(1, self.epochs // PICTURES) and epoch < self.epochs:
            return
        shown = {"original": self.original, **versions()}
        panels = np.stack(list(shown.values()), axis=1)  # (phrases, versions, bars, T, 84, K)
        figure = plots.stacked(
            panels.reshape(-1, *panels.shape[2:]),
            list(shown) * len(panels),
            self.tracks,
            order=None,
            columns=len(shown),
        )
        plots.save(figure, self.run.path("samples", f"epoch-{epoch:04}.png"))
        *_, last = shown.values()
        for name, music in (("original", self.original), (f"epoch-{epoch:04}", last)):
            midi.write(music, self.run.path("samples", f"{name}.mid"), tracks=self.tracks)
