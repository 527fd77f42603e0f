"""The state of a training in one file: weights, optimizer, random generators, and the history.

Arrays stand in the order of Keras' own lists of variables, so a file fits a model that was built
by the same code. It is replaced at once: an interruption leaves the former one whole.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error, reading
from musegen.files import write_npz

if TYPE_CHECKING:
    import keras

History = dict[str, list[float]]

HISTORY = "history.json"
ANEW = "start again with another --out"


def save(path: Path, model: "keras.Model", history: History) -> None:
    """Writes the state of a compiled model, whose optimizer is built."""
    save_variables(path, _state(model), history)


def load(path: Path, model: "keras.Model", weights_only: bool = False) -> History:
    """Sets the state of a compiled model, or its weights alone; gives the history."""
    return load_variables(path, _state(model), model.weights if weights_only else None)


def save_variables(path: Path, variables: list, history: History) -> None:
    """Writes what the variables hold, and a history."""
    arrays = {f"{i:04}": array for i, array in enumerate(values(variables))}
    write_npz(path, arrays, {HISTORY: json.dumps(history)}, level=0)  # weights do not compress


def load_variables(path: Path, variables: list, only: list | None = None) -> History:
    """Sets the variables to what `save_variables` wrote, or `only` some; gives the history."""
    with reading.damaged(path, "damaged", ANEW), reading.arrays(path) as arrays:
        history = _history(arrays.json(HISTORY))
        shapes = [arrays.header(name)[0] for name in arrays.names]
        if shapes != [tuple(variable.shape) for variable in variables]:
            raise Error(f"{path}: is of another model; {ANEW}")
        state = [arrays.array(name) for name in arrays.names]
    kept = {id(variable) for variable in (variables if only is None else only)}
    for variable, array in zip(variables, state, strict=True):
        if id(variable) in kept:
            variable.assign(array)
    return history


def _history(told: dict) -> History:
    """A history as it was written; a TypeError for anything else."""
    for name, column in told.items():
        if not isinstance(column, list) or not all(isinstance(x, int | float) for x in column):
            raise TypeError(f"a history whose {name!r:.40} is no list of numbers")
    return told


def values(variables: list) -> list[np.ndarray]:
    """What the variables hold."""
    return [variable.numpy() for variable in variables]


def random_state(model: "keras.Model") -> list:
    """The variables of a model that are states of random generators."""
    weights = {id(variable) for variable in model.weights}
    states = [variable for variable in model.variables if id(variable) not in weights]
    return [variable for variable in states if "int" in str(variable.dtype)]


def _state(model: "keras.Model") -> list:
    return [*model.variables, *model.optimizer.variables]
