"""Keras models in `.keras` files, and networks of Keras's own layers alone.

Some layers of ours compute what stock Keras layers compute, only faster or by another rule. Such a
layer says with which stock layers by a method `stock`; `stock(model)` below asks all of them. The
file of a model whose layers all have a stock form opens with plain Keras where musegen is not
installed. The others, such as those that draw noise, need `import musegen.models` first.
"""

import contextlib
import json
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import Error

if TYPE_CHECKING:
    import keras


class NoStockForm(Exception):
    """A layer that no stock layers of Keras stand for."""


def load_model(path: str | Path) -> "keras.Model":
    """A Keras model from its file, without its training state.

    Example:
        >>> musegen.load_model("pretrained/midi-s2/bvae-bass.keras").summary()
    """
    import_module("musegen.models")  # registers every layer of ours
    import keras

    path = Path(path)
    if not path.is_file():
        raise Error(f"{path}: no such file")
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise Error(f"{path}: damaged, or no Keras model of this release ({reason})") from error


def save_model(model: "keras.Model", path: str | Path) -> None:
    """Writes a model, without its optimizer, in stock layers where it has a stock form."""
    with contextlib.suppress(NoStockForm):
        model = stock(model)
    bare = type(model).from_config(model.get_config())
    copy_weights(model, bare)
    bare.save(path)


def stock(model: "keras.Model", expand: bool = False) -> "keras.Model":
    """The same function in layers of Keras's own alone; raises `NoStockForm` if there is none.

    Args:
        expand: also takes the layers apart whose stock form has other weights or more layers than
            they have, for a file that is to be used and not to be loaded into our networks again.
    """
    import keras

    pairs = []

    def form(layer: Any) -> Any:
        if not isinstance(layer, keras.layers.Layer):
            return layer  # an operation, such as a reshape
        if hasattr(layer, "stock"):
            new = layer.stock(expand)
        else:
            new = type(layer).from_config(layer.get_config())
        pairs.append((layer, new))
        return new

    same = keras.models.clone_model(model, clone_function=form, recursive=True)
    for layer, new in pairs:
        if hasattr(layer, "stock_weights"):
            new.set_weights(layer.stock_weights())
        else:
            copy_weights(layer, new)
    if ours := re.findall(r'"(musegen>\w+)"', json.dumps(same.get_config(), default=str)):
        raise NoStockForm(f"{model.name}: {ours[0]} is no layer of Keras's own")
    return same


def copy_weights(source: "keras.layers.Layer", target: "keras.layers.Layer") -> None:
    """Gives a layer or model the weights of another that is built alike."""
    for variable, known in zip(target.weights, source.weights, strict=True):
        variable.assign(known)
