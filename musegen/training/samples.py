"""Pictures and MIDI of music beside what a model makes of it while it trains."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from musegen import plots
from musegen.music import midi
from musegen.music.phrases import TRACKS
from musegen.music.piece import Piece
from musegen.music.piece_chain import chain_pieces

if TYPE_CHECKING:
    from musegen.training.runs import Run

SHOWN = 4  # phrases
PICTURES = 10  # over a training
DRAWN_BARS = 32  # of a piece


def due(epoch: int, epochs: int) -> bool:
    """Returns whether samples are drawn after an epoch: some times, and at the end."""
    return epoch % max(1, epochs // PICTURES) == 0 or epoch >= epochs


def draw_pieces(run: "Run", epoch: int, pieces: Mapping[str, Piece]) -> None:
    """Draws pieces below one another into `samples/` of a run folder, and writes them as MIDI.

    In the MIDI file a bar of silence follows each piece. Only the first bars are drawn.
    """
    named = [replace(piece, name=name) for name, piece in pieces.items()]
    shown = [piece.first_bars(DRAWN_BARS) for piece in named if len(piece)]
    plots.save(plots.pieces(shown), run.path("samples", f"epoch-{epoch:04}.png"))
    joined = chain_pieces(named, 1, ", ".join(pieces))
    midi.write_piece(joined, run.path("samples", f"epoch-{epoch:04}.mid"))


class Sampler:
    """Draws some phrases and their versions into `samples/` of a run folder.

    Args:
        run: run whose folder receives `samples/`.
        phrases: phrases `(N, bars, steps, 84, tracks)`, of which some of the fullest are shown,
            from all over the data.
        epochs: number of epochs of the whole training.
        tracks: names of the tracks on the last axis of the phrases.

    Attributes:
        indices: numbers of the phrases that are shown.
        original: phrases that are shown.
    """

    def __init__(
        self, run: "Run", phrases: np.ndarray, epochs: int, tracks: Sequence[str] = TRACKS
    ):
        sounding = phrases.any(axis=(2, 3)).mean(axis=(1, 2))  # share of bars and tracks
        fullest = np.sort(np.argsort(-sounding, kind="stable")[: max(SHOWN, len(phrases) // 2)])
        places = np.linspace(0, len(fullest) - 1, min(SHOWN, len(fullest)))
        self.indices = fullest[places.astype(int)]
        self.original = phrases[self.indices]
        self.run, self.epochs, self.tracks = run, epochs, tuple(tracks)

    def __call__(self, epoch: int, versions: Callable[[], Mapping[str, np.ndarray]]) -> None:
        """Draws the phrases beside their versions, at the end and some times before.

        Args:
            epoch: number of epochs so far.
            versions: function that returns the versions by name; the last one is written as MIDI.
        """
        if not due(epoch, self.epochs):
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
