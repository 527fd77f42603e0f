"""A training followed as MuseGAN's figures 8 and 9 do: critic loss, two metrics, five letters."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from musegen import Error
from musegen.plots.training_curves import Curve

# Steps of the paper's pictures, of a composer that was trained for about 8,500.
MARKS = {"A": 0, "B": 700, "C": 2500, "D": 6000, "E": 7900}
LIMITS = {"UPC": (0, 12), "QN": (0, 1)}


def marked(steps: Sequence[float]) -> dict[str, int]:
    """The steps at the letters A to E: the paper's or, of a shorter training, as far along it."""
    steps = np.asarray(steps)
    share = min(1, steps[-1] / MARKS["E"])
    marks: dict[str, int] = {}
    for letter, step in MARKS.items():
        nearest = int(steps[np.abs(steps - share * step).argmin()])
        if nearest not in marks.values():
            marks[letter] = nearest
    return marks


def monitored(
    history: Mapping[str, Sequence[float]],
    data: Mapping[str, float | None],
    track: str = "strings",
    median: int | None = None,
) -> list[Curve]:
    """The negative critic loss, UPC and QN of a track; those that were defined at any step.

    Args:
        history: `step`, `critic_loss`, and metrics by names such as `UPC strings`.
        data: the same metrics of the training data.
        median: width of the median filter, in points; by default 5 for metrics, and for the loss a
            tenth of the points, 51 at most.
    """
    names = [f"{code} {track}" for code in LIMITS]
    if missing := {"step", "critic_loss", *names} - history.keys():
        raise Error(f"a history without {', '.join(sorted(missing))}")
    steps = np.array(history["step"])
    curves = [_loss(steps, history["critic_loss"], median or min(51, len(steps) // 10 | 1))]
    for name, limits in zip(names, LIMITS.values(), strict=True):
        aim = data.get(name)
        aim = None if aim is None or math.isnan(aim) else aim
        curves.append(Curve(name, steps, history[name], median or 5, aim, limits=limits))
    return [curve for curve in curves if np.isfinite(curve.values).any()]


def _loss(steps: np.ndarray, critic_loss: Sequence[float], median: int) -> Curve:
    """Logarithmic, as in the paper, if most of it is above 0 and it spans a decade.

    What is not above 0 is left out then.
    """
    values = -np.array(critic_loss, float)
    above = values > 0
    log = bool(above.sum() > np.isfinite(values).sum() / 2)
    log = log and values[above].max() >= 10 * values[above].min()
    values = np.where(above, values, np.nan) if log else values
    return Curve("negative critic loss", steps, values, median, log=log)
