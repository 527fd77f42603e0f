"""What every training keeps of itself: its history, its checkpoints, and its best weights.

After each row of the history `checkpoint/last.npz` holds the whole state of the training, and
everything else in the run folder follows from it. An interruption loses at most the work since the
last row; resumed, the training goes through the same batches with the same noise as if it had never
stopped.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from musegen import Error, reading
from musegen.training import checkpoints
from musegen.training.checkpoints import History, Variables
from musegen.training.runs import Run

if TYPE_CHECKING:
    import keras


class Record:
    """The history of a training and its checkpoints, read from the run folder on resuming.

    Args:
        run: run whose folder receives `history.csv` and `checkpoint/`.
        variables: all variables of the training, as `checkpoints.named` returns them.
        weights: those of them that `best.npz` holds.
        monitor: column that says which row is the best: the one with the least value of a loss or
            distance, or with the greatest value of anything else.
        keep_best: whether `best.npz` is written.
        untrained: number of rows at the start that were written before any training.

    Attributes:
        history: columns of `history.csv`.
        done: number of epochs, or of steps, that the training has behind it.
    """

    def __init__(
        self,
        run: Run,
        variables: Variables,
        weights: "list[keras.Variable]",
        monitor: str,
        keep_best: bool,
        untrained: int = 0,
    ):
        self.run, self.variables = run, variables
        self.monitor, self.keep_best, self.untrained = monitor, keep_best, untrained
        kept = {id(variable) for variable in weights}
        self.weights = {name: v for name, v in variables.items() if id(v) in kept}
        self.last = run.path("checkpoint", "last.npz")
        self.best = run.path("checkpoint", "best.npz")
        self.history: History = {}
        self.done = 0
        if run.resume and self.last.exists():
            self.history = checkpoints.load(self.last, variables)
            with reading.damaged(self.last, "damaged", checkpoints.REMEDY):
                self.done = self._count()
            self._follow()

    def _count(self) -> int:
        if self.run.length == "steps":
            return int(self.history["step"][-1])
        return len(self.history["loss"])

    def check_length(self, wanted: int) -> None:
        """Raises an `Error` if the training is already longer than it is wanted to be."""
        unit = self.run.length
        if self.done > wanted:
            done = f"{self.run.folder}: has {self.done} {unit} already"
            raise Error(f"{done}; --{unit} {wanted} is fewer")

    def check_finite(self, values: Mapping[str, float], when: str) -> None:
        """Raises an `Error` for a value that is no number, before it reaches a checkpoint."""
        for name, value in values.items():
            if not math.isfinite(value):
                kept = f"; {self.last} holds the last good state" if self.history else ""
                raise Error(
                    f"{name} became {value} {when}{kept}; try --precision float32, a smaller "
                    "--learning-rate or another --seed"
                )

    def add(self, row: Mapping[str, float]) -> None:
        """Adds a row to the history, and saves the state of the training after it."""
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)
        self.done = self._count()
        checkpoints.save(self.last, self.variables, self.history)
        self._follow()

    def _follow(self) -> None:
        """Writes what follows from `last.npz`: an interruption may have come in between."""
        if self.keep_best and self.since_best() == 0:
            checkpoints.save(self.best, self.weights, self.history)
        numbers = {} if "step" in self.history else {"epoch": range(1, self.done + 1)}
        self.run.table("history.csv", {**numbers, **self.history})

    def since_best(self) -> int | None:
        """Returns the number of rows after the best one, or None if there is none yet."""
        if self.monitor not in self.history:
            names = ", ".join(self.history)
            raise Error(f"no {self.monitor} to find the best epoch by; there are {names}")
        sign = -1 if self.monitor.endswith(("loss", "distance")) else 1
        trained = self.history[self.monitor][self.untrained :]
        ranks = [-math.inf if math.isnan(value) else sign * value for value in trained]
        return len(ranks) - 1 - ranks.index(max(ranks)) if ranks else None

    def stalled(self, patience: int | None) -> bool:
        """Returns whether the last `patience` rows were all worse than one before them."""
        return bool(patience and self.history) and self.since_best() >= patience

    def restore_best(self) -> None:
        """Sets the weights to those of the best row, if there is one."""
        if self.best.exists():
            checkpoints.load(self.best, self.variables, self.weights)


@contextmanager
def tensorboard(run: Run, model: "keras.Model", wanted: bool) -> Iterator[Callable]:
    """Yields a function that writes the row of an epoch or step to `logs/`, if that is wanted."""
    if not wanted:
        yield lambda number, row: None
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
