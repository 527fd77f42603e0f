"""The state of a training in one file: weights, optimizers, random generators, and the history.

Each array is named after the variable that it comes from: the part of the training that has the
variable, and the path that Keras gives it, such as `model/read/lstm_cell/kernel`. The file is
replaced at once, so that an interruption leaves the former one whole.
"""

import json
import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error, reading
from musegen.files import write_npz

if TYPE_CHECKING:
    import keras

History = dict[str, list[float]]
Variables = dict[str, "keras.Variable"]

HISTORY = "history.json"
REMEDY = "start again with another --out"


def named(**parts: "list[keras.Variable]") -> Variables:
    """Names variables by part and path; where a path is taken, `#2` or `#3` is added to it.

    Example:
        >>> list(named(model=model.variables, optimizer=model.optimizer.variables))[0]
        'model/read/kernel'
    """
    variables: Variables = {}
    for part, members in parts.items():
        for variable in members:
            path = name = f"{part}/{variable.path}"
            n = 1
            while name in variables:
                n += 1
                name = f"{path}#{n}"
            variables[name] = variable
    return variables


def save(path: Path, variables: Variables, history: History) -> None:
    """Writes what the variables hold, and a history."""
    arrays = dict(zip(variables, values(variables.values()), strict=True))
    write_npz(path, arrays, {HISTORY: json.dumps(history)}, level=0)  # weights do not compress


def load(path: Path, variables: Variables, only: Container[str] | None = None) -> History:
    """Sets variables to what `save` wrote, and returns the history.

    Args:
        variables: all variables of the training.
        only: names of the variables to set; the file may hold no others.
    """
    wanted = {name: v for name, v in variables.items() if only is None or name in only}
    with reading.damaged(path, "damaged", REMEDY), reading.arrays(path) as arrays:
        history = _history(arrays.json(HISTORY))
        shapes = {name: arrays.header(name)[0] for name in arrays.names}
        members = _members(shapes, variables) or _members(shapes, wanted)
        if members is None:
            raise Error(f"{path}: is of another model; {REMEDY}")
        state = {name: arrays.array(members[name]) for name in wanted}
    for name, array in state.items():
        wanted[name].assign(array)
    return history


def _members(shapes: dict[str, tuple], variables: Variables) -> dict[str, str] | None:
    """Finds the array of each variable in a file, or returns None if the file is of others.

    Names that differ in numbers alone are matched in their order: Keras numbers what has no name of
    its own, such as an optimizer, by what the process has built before. So are the numbers without
    names that version 0.1 wrote.
    """
    if set(shapes) == set(variables):
        members = {name: name for name in variables}
    else:
        members = dict(zip(variables, shapes, strict=False))
    if len(shapes) != len(variables) or any(
        shapes[member] != tuple(variables[name].shape)
        or not (member.isdecimal() or _numberless(member) == _numberless(name))
        for name, member in members.items()
    ):
        return None
    return members


def _numberless(name: str) -> str:
    return re.sub(r"_\d+(?=[_/#]|$)", "", name)


def _history(content: dict) -> History:
    """Returns a history as it was written, or raises a TypeError for anything else."""
    for name, column in content.items():
        if not isinstance(column, list) or not all(isinstance(x, int | float) for x in column):
            raise TypeError(f"a history whose {name!r:.40} is no list of numbers")
    return content


def values(variables: Iterable["keras.Variable"]) -> list[np.ndarray]:
    """Returns what the variables hold."""
    return [variable.numpy() for variable in variables]


def random_state(model: "keras.Model") -> "list[keras.Variable]":
    """Returns the variables of a model that are states of random generators."""
    weights = {id(variable) for variable in model.weights}
    states = [variable for variable in model.variables if id(variable) not in weights]
    return [variable for variable in states if "int" in str(variable.dtype)]
