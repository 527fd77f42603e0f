"""What an adversarial training draws while it goes on."""

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
    """Gives a function that draws into the folder of a run.

    It takes the history, the real-valued phrase of each pictured step, all phrases of now, and
    whether this is the end. It draws curves and the one phrase at five steps, and in the end the
    three pictures that MuseGAN's code saves of all.

    Args:
        data: metrics of the training data, for the curves.
        chroma: which pitch `(84, 12)` is of which class.
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
    """MuseGAN's pictures of phrases: as they are generated, as cells, and as pitch classes.

    The last are, as in its code, from 0 to 1 in each phrase.
    """
    classes = np.moveaxis(np.moveaxis(cells, -1, -2) @ chroma, -1, -2)  # (N, bars, T, 12, 5)
    low, high = (f(classes, axis=(1, 2, 3, 4), keepdims=True) for f in (np.min, np.max))
    classes = (classes - low) / np.maximum(high - low, 1e-15)
    sets = {"raw": values, "binary": cells, "chroma": classes}
    return {name: plots.image_musegan(own) for name, own in sets.items()}
