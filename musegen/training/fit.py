"""The loop over epochs: `fit`, with what a run needs to be watched, stopped and continued.

Each epoch is one call of Keras's own `fit`, on batches that depend on the number of the epoch
alone. What has to survive an interruption is in `musegen.training.record`.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musegen import Error
from musegen.data.progress import Progress
from musegen.training import checkpoints
from musegen.training.checkpoints import History
from musegen.training.options import Options
from musegen.training.record import Record, tensorboard
from musegen.training.runs import Run

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

DRAW_EVERY = 10.0  # seconds from one drawing of loss.png to the next


@dataclass(frozen=True)
class Measures:
    """The values of an epoch by which a training is watched, and the title above them.

    Args:
        title: title of `loss.png`.
        accuracy: metric that `loss.png` shows beside the loss.
        reconstruction: metric that is the loss without the KL term; the difference becomes `kl`.
        monitor: column that says which epoch is the best; see `musegen.training.record.Record`.
        kl_weight: function that returns the weight of the KL term in an epoch, by its number from
            0. Then `kl` is the divergence of one example without the weight, which becomes
            `kl_weight`.
        kl_examples: number of examples over which the KL term is summed, in training and in
            validation.
        figure: function that draws `loss.png` from the history, instead of `plots.history`.
    """

    title: str = ""
    accuracy: str = "accuracy"
    reconstruction: str | None = None
    monitor: str = "val_f1"
    kl_weight: Callable[[int], float] | None = None
    kl_examples: tuple[float, float] = (1.0, 1.0)
    figure: "Callable[[History], Figure] | None" = None


def fit(
    model: "keras.Model",
    batches: Callable[[int], Any],
    run: Run,
    options: Options,
    measures: Measures = Measures(),
    validation: Any = None,
    samples: Callable[[int], None] | None = None,
) -> History:
    """Trains a compiled model, from the checkpoint of the run where it is resumed.

    Args:
        batches: function that returns the batches of an epoch, by its number from 0, in their
            final order.
        options: options of the script, of which `epochs`, `keep`, `patience` and `tensorboard`
            matter here. A resumed training counts the epochs of its checkpoint too.
        validation: batches to validate with after each epoch.
        samples: function that is called after each epoch with the number of epochs so far; it may
            use the model.

    Returns:
        The columns of `history.csv`: a value for each epoch.
    """
    if not model.optimizer.built:  # else TensorFlow has to trace the first step twice
        model.optimizer.build(model.trainable_variables)
    variables = checkpoints.named(model=model.variables, optimizer=model.optimizer.variables)

    def one_epoch(epoch: int) -> dict[str, float]:
        return _keras_epoch(model, batches(epoch), validation, measures, epoch, options)

    validates = validation is not None
    return epochs(one_epoch, model, variables, run, options, measures, validates, samples)


def epochs(
    one_epoch: Callable[[int], dict[str, float]],
    model: "keras.Model",
    variables: checkpoints.Variables,
    run: Run,
    options: Options,
    measures: Measures,
    validates: bool,
    samples: Callable[[int], None] | None = None,
) -> History:
    """Goes on from the checkpoint of a run, epoch by epoch, and leaves the weights to end with.

    Args:
        one_epoch: function that trains one epoch, by its number from 0, and returns its values, of
            which `loss` is one.
        model: the network that is trained.
        variables: all variables of the training, as `checkpoints.named` returns them.
        validates: whether there are values of a validation.
        run, options, measures, samples: as of `fit`.

    Returns:
        The columns of `history.csv`: a value for each epoch.
    """
    keep_best = options.keep == "best"
    validates = validates or not measures.monitor.startswith("val_")
    if (keep_best or options.patience) and not validates:
        raise Error("--keep best and --patience need data to validate with: --val-split above 0")
    record = Record(run, variables, model.weights, measures.monitor, keep_best)
    record.check_length(options.epochs)

    def sample() -> None:
        if samples:
            with _undisturbed(model):
                samples(record.done)

    with (
        tensorboard(run, model, options.tensorboard) as log,
        _drawing(run, record.history, measures) as draw,
    ):
        if record.done:  # the interruption may have come before these samples
            sample()
        while record.done < options.epochs and not record.stalled(options.patience):
            epoch, start = record.done, time.monotonic()
            row = one_epoch(epoch)
            row["seconds"] = round(time.monotonic() - start, 3)
            _print(row, epoch, options.epochs, measures.reconstruction)
            record.check_finite({"the loss": row["loss"]}, f"in epoch {epoch + 1}")
            record.add(row)
            log(epoch, row)
            draw()
            sample()
    if keep_best:
        record.restore_best()
    return record.history


def _keras_epoch(
    model: "keras.Model",
    data: Any,
    validation: Any,
    measures: Measures,
    epoch: int,
    options: Options,
) -> dict[str, float]:
    """Trains one epoch with Keras; on a terminal a bar moves meanwhile."""
    import keras

    n_batches, name = len(data), _name(epoch, options.epochs)
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
    logs = {column: float(value) for column, (value,) in logs.items()}
    if measures.kl_weight is None:
        return _columns(logs, measures.reconstruction)
    weights = [measures.kl_weight(epoch) * n for n in measures.kl_examples]
    return _columns(logs, measures.reconstruction, weights) | {"kl_weight": weights[0]}


def _name(epoch: int, n_epochs: int) -> str:
    return f"epoch {epoch + 1:>4}/{n_epochs}"


def _print(row: dict[str, float], epoch: int, n_epochs: int, reconstruction: str | None) -> None:
    """Prints the line of an epoch."""
    hidden = (reconstruction, f"val_{reconstruction}", "seconds")  # the loss without its kl
    values = [f"{column} {value:.4g}" for column, value in row.items() if column not in hidden]
    print(_name(epoch, n_epochs), *values, f"{row['seconds']:.1f} s", sep="  ", flush=True)


def _columns(
    logs: dict[str, float], reconstruction: str | None, kl_weights: Sequence[float] = (1.0, 1.0)
) -> dict[str, float]:
    """Orders the logs: loss, KL without weight, metrics; then the same of the validation."""
    columns = {}
    for part, weight in zip(("", "val_"), kl_weights, strict=True):
        values = {name: logs[name] for name in logs if name.startswith("val_") == bool(part)}
        if values:
            loss = columns[f"{part}loss"] = values[f"{part}loss"]
            if reconstruction:
                kl = loss - values[f"{part}{reconstruction}"]
                columns[f"{part}kl"] = kl / weight if weight else kl
            columns |= values
    return columns


@contextmanager
def _drawing(run: Run, history: History, measures: Measures) -> Iterator[Callable]:
    """Yields a function that redraws `loss.png` if it is old; at the end it is drawn anyway."""
    from musegen import plots

    drawn = time.monotonic()

    def draw(every: float = DRAW_EVERY) -> None:
        nonlocal drawn
        if history and time.monotonic() - drawn >= every:
            if measures.figure:
                figure = measures.figure(history)
            else:
                figure = plots.history(history, measures.accuracy, title=measures.title)
            plots.save(figure, run.path("loss.png"))
            drawn = time.monotonic()

    yield draw
    draw(every=0)


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
