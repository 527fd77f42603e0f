"""What a training on triples shows: pieces beside those of the data, and figures at the end."""

from collections.abc import Callable, Mapping

import numpy as np

from musegen.models.mvae.mvae_options import NoteOptions
from musegen.models.triple_system import TripleSystem
from musegen.training.runs import Run
from musegen.training.samples import draw_pieces, due

EVALUATED = 2000  # segments of a set that are measured


def sampler(
    system: TripleSystem, shown: np.ndarray, options: NoteOptions, run: Run
) -> Callable[[int], None]:
    """Returns a function that draws a segment, the same restored if possible, and a new piece."""
    numbers, _ = system.dictionaries.encode(shown[None])
    (original,) = system.pieces(numbers, ["data"])

    def draw(epoch: int) -> None:
        if not due(epoch, options.epochs):
            return
        pieces = {"data": original}
        if "restore" in system.can:
            restored = system.decode(system.encode(numbers), options.seed)
            (pieces["restored"],) = system.pieces(restored, ["restored"])
        (pieces["generated"],) = system.generate(1, options.seed)
        draw_pieces(run, epoch, pieces)

    return draw


def evaluate(system: TripleSystem, sets: Mapping[str, np.ndarray], run: Run) -> None:
    """Measures the network on sets of segments, triples `(k, length, 3)`, and writes the figures.

    Of a large set some segments are measured, evenly spaced.
    """
    found = {}
    for name, rows in sets.items():
        some = np.linspace(0, len(rows) - 1, min(EVALUATED, len(rows))).astype(int)
        numbers, _ = system.dictionaries.encode(rows[some])
        found[name] = {"segments": len(some)} | system.measure(numbers)
    run.evaluation(found)
