"""The curves of MuseGAN's Figure 9: the critic's loss and two metrics over a training.

Five letters mark the steps whose pictures Figure 8 shows.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from musegen import Error
from musegen.plots.training_curves import Curve

# The steps of the paper's pictures, in a training of a composer of about 8,500 steps.
MARKS = {"A": 0, "B": 700, "C": 2500, "D": 6000, "E": 7900}
LIMITS = {"UPC": (0, 12), "QN": (0, 1)}


def marked(steps: Sequence[float]) -> dict[str, int]:
    """Returns the steps of the letters A to E.

    They are those of the paper. In a shorter training they come at the same shares of it.

    Args:
        steps: steps of which there are pictures or values, rising.
    """
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
    """Makes the curves of the negative critic loss, and of UPC and QN of a track.

    A curve that is undefined at every step is left out.

    Args:
        history: values by name: `step`, `critic_loss`, and metrics such as `UPC strings`.
        data: values of the same metrics for the training data.
        track: name of the track.
        median: width of the median filter in points; by default 5 for metrics, and for the loss a
            tenth of the points, at most 51.
    """
    names = [f"{code} {track}" for code in LIMITS]
    if missing := {"step", "critic_loss", *names} - history.keys():
        raise Error(f"a history without {', '.join(sorted(missing))}")
    steps = np.array(history["step"])
    curves = [_loss(steps, history["critic_loss"], median or min(51, len(steps) // 10 | 1))]
    for name, limits in zip(names, LIMITS.values(), strict=True):
        goal = data.get(name)
        goal = None if goal is None or math.isnan(goal) else goal
        curves.append(Curve(name, steps, history[name], median or 5, goal, limits=limits))
    return [curve for curve in curves if np.isfinite(curve.values).any()]


def _loss(steps: np.ndarray, critic_loss: Sequence[float], median: int) -> Curve:
    """Makes the curve of the negative critic loss.

    Its axis is logarithmic, as in the paper, if most values are above 0 and the largest is ten
    times the smallest of these; values not above 0 are then left out.
    """
    values = -np.array(critic_loss, float)
    above = values > 0
    log = bool(above.sum() > np.isfinite(values).sum() / 2)
    log = log and values[above].max() >= 10 * values[above].min()
    values = np.where(above, values, np.nan) if log else values
    return Curve("negative critic loss", steps, values, median, log=log)
