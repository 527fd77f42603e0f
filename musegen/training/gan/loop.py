"""The loop of an adversarial training: steps, and now and then a report on what is generated.

Every so many steps a report adds a row to `history.csv`: the mean losses since the row before, and
the metrics of the music of fixed random vectors. The state of the training is saved at the same
time; see `musegen.training.record`.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from musegen import reading
from musegen.data.progress import Progress
from musegen.files import write_bytes, write_npz
from musegen.metrics import muse
from musegen.music.phrases import N_PITCHES, TRACKS
from musegen.training.gan.gan_options import GANOptions
from musegen.training.gan.pictures import Draw
from musegen.training.gan.wgan_gp import WGANGP
from musegen.training.record import Record, tensorboard
from musegen.training.runs import Run

LOSSES = ("critic_loss", "penalty", "generator_loss")
MONITORED = ("EB", "UPC", "QN", "DP")  # the metrics of the papers' tables that are of one track
PICTURES = 24  # number of reports whose music is kept for pictures


@dataclass(frozen=True)
class Monitor:
    """What a training reports of the music that it generates.

    Args:
        generate: function that returns the real-valued phrases `(n, ...)` of the fixed random
            vectors.
        binarise: function that turns them into cells.
        data: metrics of the training data, to compare with.
        draw: function that is called now and then and at the end; see
            `musegen.training.gan.pictures`.
    """

    generate: Callable[[], np.ndarray]
    binarise: Callable[[np.ndarray], np.ndarray]
    data: Mapping[str, float]
    draw: Draw


def train_gan(
    training: WGANGP,
    batches: Callable[[int], Any],
    change: Callable[[np.ndarray, int], np.ndarray],
    run: Run,
    options: GANOptions,
    monitor: Monitor,
) -> dict[str, list[float]]:
    """Trains for `options.steps`, from the checkpoint of the run where it is resumed.

    Args:
        batches: function that returns the music of an epoch by its number, iteration by iteration
            `(batches of an iteration * B, ...)`.
        change: function that returns the phrases to learn from those of an iteration, by its
            number.

    Returns:
        The columns of `history.csv`.
    """
    weights = training.generator.variables
    record = Record(run, training.named, weights, "distance", keep_best=True, untrained=1)
    record.check_length(options.steps)
    training.iterations = record.done
    report = Report(training, record, options, monitor)
    goal = {name: None if math.isnan(value) else value for name, value in monitor.data.items()}
    write_bytes(run.path("data.json"), json.dumps(goal, indent=2).encode())
    with (
        Progress("steps") as progress,
        tensorboard(run, training.generator, options.tensorboard) as log,
    ):
        if record.history:  # the interruption may have come before these pictures
            report.draw(monitor.generate())
        else:
            report({}, 0.0)
        losses, start = [], time.monotonic()
        for music in _music(training, batches, change, options.steps):
            losses.append(training.step(music))
            step = training.iterations
            record.check_finite(losses[-1], f"at step {step}")
            progress(step, step / options.steps, f"critic loss {losses[-1]['critic_loss']:.4g}")
            if step % options.every == 0 or step == options.steps:
                mean = {name: float(np.mean([row[name] for row in losses])) for name in LOSSES}
                log(step, report(mean, time.monotonic() - start))
                losses, start = [], time.monotonic()
    if options.keep == "best":
        record.restore_best()
    return record.history


def _music(
    training: WGANGP, batches: Callable[[int], Any], change: Callable, steps: int
) -> Iterator[np.ndarray]:
    """Yields the music of the steps that are left, with an axis for the batches of a step first."""
    n_batches = len(batches(0))
    while training.iterations < steps:
        epoch, done = divmod(training.iterations, n_batches)
        for batch in islice(
            batches(epoch), done, min(n_batches, done + steps - training.iterations)
        ):
            batch = change(np.asarray(batch), training.iterations)
            yield batch.reshape(training.settings.batches, -1, *batch.shape[1:])


class Report:
    """The reports of a training: rows of its history, lines that are printed, and pictures."""

    def __init__(self, training: WGANGP, record: Record, options: GANOptions, monitor: Monitor):
        self.training, self.record = training, record
        self.options, self.monitor = options, monitor
        self.pictures = _kept_pictures(record.run, record.done)

    def __call__(self, losses: Mapping[str, float], seconds: float) -> dict[str, float]:
        """Adds a row to the history, prints it, draws, and returns the row.

        Args:
            losses: mean losses since the row before.
            seconds: time since then.
        """
        step, values = self.training.iterations, self.monitor.generate()
        self.record.check_finite({"the generated music": float(values.mean())}, f"at step {step}")
        metrics = monitored(self.monitor.binarise(values))
        row = {"step": step} | {name: losses.get(name, math.nan) for name in LOSSES}
        row["distance"] = distance(metrics, self.monitor.data)
        row["spread"] = float(values.std(axis=0).mean())  # near 0 all vectors give the same music
        row |= {**metrics, "seconds": round(seconds, 3)}
        self.record.add(row)
        self.draw(values)
        words = [f"{name} {losses[name]:.4g}" for name in LOSSES if name in losses]
        words += [f"distance {row['distance']:.3f}", f"spread {row['spread']:.3g}"]
        print(
            f"step {step:>6}/{self.options.steps}", *words, f"{seconds:.1f} s", sep="  ", flush=True
        )
        return row

    def draw(self, values: np.ndarray) -> None:
        """Keeps the first phrase for pictures, and draws them, where a picture is due."""
        step, steps, every = self.record.done, self.options.steps, self.options.every
        due = every * max(1, round(steps / every / PICTURES))
        if step % due and step < steps:
            return
        self.pictures[step] = _as_float16(values[:1])
        write_npz(
            self.record.run.path("samples", "steps.npz"),
            {
                "steps": np.array(list(self.pictures)),
                "values": np.stack(list(self.pictures.values())),
            },
        )
        self.monitor.draw(self.record.history, self.pictures, values, step == steps)


def monitored(phrases: np.ndarray) -> dict[str, float]:
    """Returns the metrics of some phrases, NaN where undefined, under names such as `EB bass`."""
    found = muse.evaluate(phrases, "paper", codes=MONITORED)
    return {
        f"{code} {track}": value
        for code, by_track in found.items()
        for track, value in by_track.items()
    }


def distance(found: Mapping[str, float], data: Mapping[str, float]) -> float:
    """Returns how far metrics are from the data's, from 0 to 1.

    The distance of a metric is the mean over its tracks of the difference of fractions (for UPC
    relative to the data), which is 1 at most, and 1 where a metric is undefined. Over the metrics
    it is the root mean square, so that three near ones do not outweigh one that is far off: music
    of single steps is as often silent as the data.
    """
    gaps: dict[str, list[float]] = {}
    for name, aim in data.items():
        code = name.split()[0]
        gap = abs(found[name] - aim) / (aim if code == "UPC" else 1)
        if not math.isnan(aim):
            gaps.setdefault(code, []).append(1.0 if math.isnan(gap) else min(gap, 1.0))
    return math.sqrt(np.mean([np.mean(values) ** 2 for values in gaps.values()]))


def _as_float16(values: np.ndarray) -> np.ndarray:
    """Turns values into float16; what is a little above 0 stays above it."""
    least = np.finfo(np.float16).smallest_subnormal
    return np.where(values > 0, np.maximum(values, least), values).astype(np.float16)


def _kept_pictures(run: Run, step: int) -> dict[int, np.ndarray]:
    """Returns what this run kept for pictures before it was resumed, up to a step."""
    path = run.path("samples", "steps.npz")
    if not run.resume or not path.exists():
        return {}
    kept = read_pictures(path, "delete it, for pictures without the former steps")
    return {at: values for at, values in kept.items() if at <= step}


def read_pictures(path: Path, remedy: str) -> dict[int, np.ndarray]:
    """Reads the real-valued phrases `(k, bars, steps, 84, 5)` of `samples/steps.npz`, by step."""
    with reading.damaged(path, "damaged", remedy), reading.arrays(path) as arrays:
        steps, values = arrays.array("steps", "iu"), arrays.array("values", "f")
        if 0 in values.shape or values.ndim != 6 or values.shape[-2:] != (N_PITCHES, len(TRACKS)):
            raise ValueError(f"values of shape {values.shape}")
        return dict(zip(steps.tolist(), values, strict=True))
