"""The loop of an adversarial training: steps, and now and then a report on what is generated.

Every so many steps a row of `history.csv` is written: the mean losses since the row before, and the
metrics of music that fixed random vectors make. `checkpoint/last.npz` is replaced at the same time;
resumed from it, a training goes through the same batches with the same random numbers.
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

from musegen import Error, reading
from musegen.data.progress import Progress
from musegen.files import write_bytes, write_npz
from musegen.metrics import muse
from musegen.music.phrases import N_PITCHES, TRACKS
from musegen.training import checkpoints
from musegen.training.fit import logging
from musegen.training.gan.wgan_gp import WGANGP
from musegen.training.runs import Run

LOSSES = ("critic_loss", "penalty", "generator_loss")
MONITORED = ("EB", "UPC", "QN", "DP")  # the metrics of the papers' tables that look at one track
PICTURES = 24  # reports whose music is kept for pictures


@dataclass(frozen=True)
class Monitor:
    """What a training reports of itself, and how often.

    Args:
        steps: of the generator, in the end.
        every: so many steps.
        generate: gives the real-valued phrases `(n, ...)` of the fixed random vectors.
        binarise: turns them into cells.
        data: the metrics of the training data, to compare with.
        draw: called now and then and at the end; see `musegen.training.gan.pictures`.
    """

    steps: int
    every: int
    generate: Callable[[], np.ndarray]
    binarise: Callable[[np.ndarray], np.ndarray]
    data: Mapping[str, float]
    draw: Callable[[dict, dict, np.ndarray, bool], None]


def train_gan(
    training: WGANGP,
    batches: Callable[[int], Any],
    change: Callable[[np.ndarray, int], np.ndarray],
    run: Run,
    monitor: Monitor,
    keep: str = "last",
    tensorboard: bool = False,
) -> dict[str, list[float]]:
    """Trains to `monitor.steps`, from the checkpoint of the run where it is resumed.

    Args:
        batches: gives the music of an epoch, step by step `(batches of a step * B, ...)`, by its
            number.
        change: makes the phrases to learn of those of a batch, by the number of the step.
        keep: `"best"` ends with the generator whose metrics were nearest to the data's.
        tensorboard: writes `logs/` as well.

    Returns:
        The columns of `history.csv`.
    """
    last, best = run.path("checkpoint", "last.npz"), run.path("checkpoint", "best.npz")
    history: dict[str, list[float]] = {}
    if run.resume and last.exists():
        history = checkpoints.load_variables(last, training.variables)
        with reading.damaged(last, "damaged", checkpoints.ANEW):
            training.iterations = int(history["step"][-1])
    if training.iterations > monitor.steps:
        raise Error(f"{run.folder}: has {training.iterations} steps already, not {monitor.steps}")
    pictures = _kept_pictures(run, training.iterations)
    goal = {name: None if math.isnan(value) else value for name, value in monitor.data.items()}
    write_bytes(run.path("data.json"), json.dumps(goal, indent=2).encode())
    with Progress("steps") as progress, logging(run, training.generator, tensorboard) as log:
        if not history:
            _report(training, run, monitor, history, pictures, {}, 0.0)
            checkpoints.save_variables(last, training.variables, history)
        losses, start = [], time.monotonic()
        for music in _music(training, batches, change, monitor.steps):
            losses.append(training.step(music))
            step = training.iterations
            _check(losses[-1], step, run)
            progress(step, step / monitor.steps, f"critic loss {losses[-1]['critic_loss']:.4g}")
            if step % monitor.every and step < monitor.steps:
                continue
            mean = {name: float(np.mean([row[name] for row in losses])) for name in LOSSES}
            _report(training, run, monitor, history, pictures, mean, time.monotonic() - start)
            losses, start = [], time.monotonic()
            if history["distance"][-1] == min(history["distance"][1:]):  # the first is untrained
                checkpoints.save_variables(best, training.generator.variables, history)
            checkpoints.save_variables(last, training.variables, history)
            log(step, {name: column[-1] for name, column in history.items()})
    if keep == "best" and best.exists():
        checkpoints.load_variables(best, training.generator.variables)
    return history


def _music(
    training: WGANGP, batches: Callable[[int], Any], change: Callable, steps: int
) -> Iterator[np.ndarray]:
    """Music for the steps that are left, with an axis for the batches of a step in front."""
    n_batches = len(batches(0))
    while training.iterations < steps:
        epoch, done = divmod(training.iterations, n_batches)
        for batch in islice(
            batches(epoch), done, min(n_batches, done + steps - training.iterations)
        ):
            batch = change(np.asarray(batch), training.iterations)
            yield batch.reshape(training.settings.batches, -1, *batch.shape[1:])


def _check(losses: Mapping[str, float], step: int, run: Run) -> None:
    for name, value in losses.items():
        if not math.isfinite(value):
            raise Error(
                f"{name} became {value} at step {step}; {run.path('checkpoint', 'last.npz')} holds "
                "the last good state; try --precision float32, a smaller --learning-rate or "
                "another --seed"
            )


def _report(
    training: WGANGP,
    run: Run,
    monitor: Monitor,
    history: dict[str, list],
    pictures: dict[int, np.ndarray],
    losses: Mapping[str, float],
    seconds: float,
) -> None:
    """Writes and prints a row, and keeps the first phrase for pictures where one is due."""
    values = monitor.generate()
    _check({"the generated music": float(values.mean())}, training.iterations, run)
    found = monitored(monitor.binarise(values))
    step, far = training.iterations, distance(found, monitor.data)
    row = {"step": step} | {name: losses.get(name, math.nan) for name in LOSSES}
    # Over the random vectors; near 0 all give the same music.
    row |= {"distance": far, "spread": float(values.std(axis=0).mean())}
    row |= {**found, "seconds": round(seconds, 3)}
    for name, value in row.items():
        history.setdefault(name, []).append(value)
    run.table("history.csv", history)
    due = monitor.every * max(1, round(monitor.steps / monitor.every / PICTURES))
    if step % due == 0 or step == monitor.steps:
        pictures[step] = _half(values[:1])
        steps = np.array(list(pictures))
        write_npz(
            run.path("samples", "steps.npz"),
            {"steps": steps, "values": np.stack(list(pictures.values()))},
        )
        monitor.draw(history, pictures, values, step == monitor.steps)
    told = [f"{name} {losses[name]:.4g}" for name in LOSSES if name in losses]
    told += [f"distance {far:.3f}", f"spread {row['spread']:.3g}", f"{seconds:.1f} s"]
    print(f"step {step:>6}/{monitor.steps}", *told, sep="  ", flush=True)


def monitored(phrases: np.ndarray) -> dict[str, float]:
    """The metrics of some phrases, NaN where undefined, named `EB bass`."""
    found = muse.evaluate(phrases, "paper", codes=MONITORED)
    return {f"{code} {track}": value for code, own in found.items() for track, value in own.items()}


def distance(found: Mapping[str, float], data: Mapping[str, float]) -> float:
    """How far metrics are from the data's, from 0 to 1.

    A metric is as far as its tracks are in the mean: the difference of fractions, of UPC relative
    to the data's, 1 at most and where undefined. Of the metrics it is the root mean square, so that
    one far off is not outweighed by three near ones: music of single steps has the data's silence.
    """
    gaps: dict[str, list[float]] = {}
    for name, aim in data.items():
        code = name.split()[0]
        gap = abs(found[name] - aim) / (aim if code == "UPC" else 1)
        if not math.isnan(aim):
            gaps.setdefault(code, []).append(1.0 if math.isnan(gap) else min(gap, 1.0))
    return math.sqrt(np.mean([np.mean(own) ** 2 for own in gaps.values()]))


def _half(values: np.ndarray) -> np.ndarray:
    """Values as float16; what is a little above 0 stays above it."""
    least = np.finfo(np.float16).smallest_subnormal
    return np.where(values > 0, np.maximum(values, least), values).astype(np.float16)


def _kept_pictures(run: Run, step: int) -> dict[int, np.ndarray]:
    """What a former part of this run has kept for pictures, up to a step."""
    path = run.path("samples", "steps.npz")
    if not run.resume or not path.exists():
        return {}
    kept = read_pictures(path, "delete it, for pictures without the former steps")
    return {at: values for at, values in kept.items() if at <= step}


def read_pictures(path: Path, remedy: str) -> dict[int, np.ndarray]:
    """The real-valued phrases `(k, bars, steps, 84, 5)` of `samples/steps.npz`, by step."""
    with reading.damaged(path, "damaged", remedy), reading.arrays(path) as arrays:
        steps, values = arrays.array("steps", "iu"), arrays.array("values", "f")
        if 0 in values.shape or values.ndim != 6 or values.shape[-2:] != (N_PITCHES, len(TRACKS)):
            raise ValueError(f"values of shape {values.shape}")
        return dict(zip(steps.tolist(), values, strict=True))
