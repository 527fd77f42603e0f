"""Draws the pictures of an adversarial training while it goes on."""

from collections.abc import Callable, Mapping

import numpy as np

from musegen import plots
from musegen.music import midi
from musegen.training.runs import Run

Draw = Callable[[dict, dict, np.ndarray, bool], None]


def drawer(
    run: Run,
    binarise: Callable[[np.ndarray], np.ndarray],
    data: Mapping[str, float],
    chroma: np.ndarray,
) -> Draw:
    """Returns a function that draws into the folder of a run.

    The function takes the history, one real-valued phrase by step, all phrases of the present step,
    and whether it is the last one. It draws curves and the one phrase at five steps, and in the end
    the three pictures of all phrases that MuseGAN's code saves.

    Args:
        binarise: function that turns real-valued phrases into cells.
        data: metrics of the training data, for the curves.
        chroma: matrix `(84, 12)` that says which pitch belongs to which class.
    """

    def draw(history: dict, pictures: dict, values: np.ndarray, last: bool) -> None:
        letters = plots.marked(list(pictures))
        curves = plots.monitored(history, data)
        if len(history["step"]) > 2 and curves:
            plots.save(plots.training(curves, letters), run.path("curves.png"))
        one = np.concatenate([pictures[step] for step in letters.values()])
        one = binarise(one.astype(np.float32))
        titles = [f"step {step:,} ({letter})" for letter, step in letters.items()]
        plots.save(plots.stacked(one, titles), run.path("samples", "evolution.png"))
        midi.write(one[-1:], run.path("samples", f"step-{max(pictures):06}.mid"))
        if not last:
            return
        for name, image in images(values, binarise(values), chroma).items():
            plots.save_image(image, run.path("samples", f"{name}.png"))

    return draw


def images(values: np.ndarray, cells: np.ndarray, chroma: np.ndarray) -> dict[str, np.ndarray]:
    """Returns MuseGAN's pictures of phrases: as generated, as cells, and as pitch classes.

    As in its code, the pitch classes of each phrase are scaled to run from 0 to 1.
    """
    classes = np.moveaxis(np.moveaxis(cells, -1, -2) @ chroma, -1, -2)  # (N, bars, T, 12, 5)
    low, high = (f(classes, axis=(1, 2, 3, 4), keepdims=True) for f in (np.min, np.max))
    classes = (classes - low) / np.maximum(high - low, 1e-15)
    sets = {"raw": values, "binary": cells, "chroma": classes}
    return {name: plots.image_musegan(music) for name, music in sets.items()}
