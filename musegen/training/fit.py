"""The loop over epochs: `fit`, with what a run needs to be watched, stopped and continued.

After each epoch `checkpoint/last.npz` holds the whole state of the training, and everything else
in the run folder follows from it. An interruption loses at most the epoch it falls into; resumed,
the training goes through the same batches with the same noise as if it had never stopped.
"""

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from musegen import Error
from musegen.data.progress import Progress
from musegen.training import checkpoints
from musegen.training.checkpoints import History
from musegen.training.runs import Run
from musegen.training.split_batch import learn_in_halves

if TYPE_CHECKING:
    import keras

DRAW_EVERY = 10.0  # seconds from one drawing of loss.png to the next


def fit(
    model: "keras.Model",
    batches: Callable[[int], Any],
    epochs: int,
    run: Run,
    validation: Any = None,
    *,
    accuracy: str = "accuracy",
    reconstruction: str | None = None,
    keep: str = "last",
    monitor: str = "val_f1",
    patience: int | None = None,
    samples: Callable[[int], None] | None = None,
    tensorboard: bool = False,
    title: str = "",
) -> History:
    """Trains a compiled model, from the checkpoint of the run where it is resumed.

    Args:
        batches: gives the batches of an epoch, by its number from 0, in their final order.
        epochs: to have been trained in the end, those of the checkpoint among them.
        validation: batches to validate with after each epoch.
        accuracy: the metric that `loss.png` draws beside the loss.
        reconstruction: the metric that is the loss without the KL term; the difference is `kl`.
        keep: the epoch whose weights the model has in the end, `"last"` or `"best"`.
        monitor: what makes an epoch the best: the greatest value, or of a loss the least.
        patience: stops after so many epochs in a row that were not the best.
        samples: called after each epoch with the number of epochs trained; may use the model.
        tensorboard: writes `logs/` as well.
        title: of `loss.png`.

    Returns:
        The columns of `history.csv`: a value for each epoch.
    """
    if (keep == "best" or patience) and validation is None and monitor.startswith("val_"):
        raise Error("--keep best and --patience need data to validate with: --val-split above 0")
    if not model.optimizer.built:  # else TensorFlow has to trace the first step twice
        model.optimizer.build(model.trainable_variables)
    last, best = run.path("checkpoint", "last.npz"), run.path("checkpoint", "best.npz")
    history = checkpoints.load(last, model) if run.resume and last.exists() else {}
    done = len(history.get("loss", ()))
    if done > epochs:
        raise Error(f"{run.folder}: has {done} epochs already; --epochs {epochs} is fewer")

    def follow() -> None:
        if keep == "best" and _best(history, monitor) == done - 1:
            checkpoints.save(best, model, history)
        run.table("history.csv", {"epoch": range(1, done + 1), **history})

    learn_in_halves(model)
    if done:  # an interruption may have come between the checkpoint and what follows from it
        follow()
        if samples:
            with _undisturbed(model):
                samples(done)
    with (
        logging(run, model, tensorboard) as log,
        _drawing(run, history, accuracy, title) as draw,
    ):
        while done < epochs and not _stalled(history, monitor, patience):
            name = f"epoch {done + 1:>4}/{epochs}"
            row = _epoch(model, batches(done), validation, name, reconstruction)
            if not math.isfinite(row["loss"]):
                raise Error(
                    f"the loss became {row['loss']} in epoch {done + 1}; what {done} epochs "
                    "learned is kept; try --precision float32, another --seed or --batch-size"
                )
            for column, value in row.items():
                history.setdefault(column, []).append(value)
            done += 1
            checkpoints.save(last, model, history)
            follow()
            log(done - 1, row)
            draw()
            if samples:
                with _undisturbed(model):
                    samples(done)
    if keep == "best":
        checkpoints.load(best, model, weights_only=True)
    return history


def _epoch(
    model: "keras.Model", data: Any, validation: Any, name: str, reconstruction: str | None
) -> dict[str, float]:
    """Trains one epoch and prints its line; on a terminal a bar moves meanwhile."""
    import keras

    start, n_batches = time.monotonic(), len(data)
    with Progress("batches") as progress, _one_line_errors():

        def show(batch: int, logs: dict) -> None:
            progress(batch + 1, (batch + 1) / n_batches, f"{name}, loss {logs['loss']:.4g}")

        callback = keras.callbacks.LambdaCallback(on_train_batch_end=show)
        logs = model.fit(
            data,
            validation_data=validation,
            shuffle=False,  # the batches are shuffled already
            verbose=0,
            callbacks=[callback] if progress.on_terminal else [],
        ).history
    row = _columns({column: float(value) for column, (value,) in logs.items()}, reconstruction)
    hidden = (reconstruction, f"val_{reconstruction}")  # the loss without its kl
    values = [f"{column} {value:.4g}" for column, value in row.items() if column not in hidden]
    row["seconds"] = round(time.monotonic() - start, 3)
    print(name, *values, f"{row['seconds']:.1f} s", sep="  ", flush=True)
    return row


def _columns(logs: dict[str, float], reconstruction: str | None) -> dict[str, float]:
    """Loss, KL and metrics in this order, then the same of the validation."""
    columns = {}
    for part in ("", "val_"):
        own = {name: logs[name] for name in logs if name.startswith("val_") == bool(part)}
        if own:
            columns[f"{part}loss"] = own[f"{part}loss"]
            if reconstruction:
                columns[f"{part}kl"] = own[f"{part}loss"] - own[f"{part}{reconstruction}"]
            columns |= own
    return columns


def _best(history: History, monitor: str) -> int:
    """The epoch, from 0, with the best value; of equal ones the first."""
    if monitor not in history:
        raise Error(f"no {monitor} to find the best epoch by; there are {', '.join(history)}")
    sign = -1 if monitor.endswith("loss") else 1
    ranks = [-math.inf if math.isnan(value) else sign * value for value in history[monitor]]
    return ranks.index(max(ranks))


def _stalled(history: History, monitor: str, patience: int | None) -> bool:
    if patience is None or not history:
        return False
    return len(history["loss"]) - 1 - _best(history, monitor) >= patience


@contextmanager
def _drawing(run: Run, history: History, accuracy: str, title: str) -> Iterator[Callable]:
    """Gives a function that redraws `loss.png` if it is old; at the end it is drawn anyway."""
    from musegen import plots

    drawn = time.monotonic()

    def draw(every: float = DRAW_EVERY) -> None:
        nonlocal drawn
        if history and time.monotonic() - drawn >= every:
            plots.save(plots.history(history, accuracy, title=title), run.path("loss.png"))
            drawn = time.monotonic()

    yield draw
    draw(every=0)


@contextmanager
def logging(run: Run, model: "keras.Model", wanted: bool) -> Iterator[Callable]:
    """Gives a function that writes the values of an epoch to `logs/`, if that is wanted."""
    if not wanted:
        yield lambda epoch, row: None
        return
    for package in ("tensorboard", "tensorflow"):  # which Keras writes the logs with
        if find_spec(package) is None:
            raise Error(
                f"--tensorboard: {package} is not installed; pip install 'musegen[tensorboard]'"
            )
    import keras

    writer = keras.callbacks.TensorBoard(str(run.path("logs")), write_graph=False)
    writer.set_model(model)
    writer.on_train_begin()
    try:
        yield writer.on_epoch_end
    finally:
        writer.on_train_end()


@contextmanager
def _undisturbed(model: "keras.Model") -> Iterator[None]:
    """Puts the random generators back, so that using the model leaves its training as it was."""
    states = checkpoints.random_state(model)
    former = checkpoints.values(states)
    yield
    for state, value in zip(states, former, strict=True):
        state.assign(value)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turns what TensorFlow makes of an `Error` inside its pipeline into that `Error` again."""
    try:
        yield
    except Exception as error:
        found = re.findall(r"^musegen\.Error: (.+)$", str(error), re.MULTILINE)
        if isinstance(error, Error) or not found:
            raise
        raise Error(found[-1]) from error
