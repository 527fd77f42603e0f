"""Keras models in `.keras` files, and networks of Keras's own layers alone.

Some layers of ours compute what stock Keras layers compute, only faster or by another rule. Such a
layer says with which stock layers by a method `stock`; `stock(model)` below asks all of them. The
file of a model whose layers all have a stock form opens with plain Keras where musegen is not
installed. The others, such as those that draw noise, need `import musegen.models` first.
"""

import contextlib
import io
import json
import re
import zipfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import Error, budget, reading

if TYPE_CHECKING:
    import keras


WEIGHTS = "model.weights.h5"  # the member of a .keras file that holds them


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
    remedy = "fetch, train or export it again"
    with reading.damaged(path, "damaged, or no Keras model of this release", remedy):
        if zipfile.is_zipfile(path):
            _check(path)
        return keras.saving.load_model(path, compile=False)


def _check(path: Path) -> None:
    """Raises an exception of `reading.DAMAGE` for a `.keras` file that asks for too much."""
    import h5py

    with reading.arrays(path) as archive:
        _check_sizes(archive.json("config.json"))
        texts = {name for name in archive.sizes if name.endswith(".json")}
        budget.check(
            max(archive.sizes[name] for name in texts), budget.JSON_BYTES, "bytes of settings"
        )
        budget.check(sum(archive.sizes.values()), budget.WEIGHTS, "bytes when unpacked")
        claimed = []
        with archive.archive.open(WEIGHTS) as file, h5py.File(file) as weights:

            def claim(_: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    claimed.append(item.size * item.dtype.itemsize)

            weights.visititems(claim)
        budget.check(sum(claimed), budget.WEIGHTS, "bytes of weights")


def _check_sizes(told: Any, key: str = "") -> None:
    """Looks for a layer that no memory holds; seeds and ids may be any number."""
    if isinstance(told, dict):
        for name, value in told.items():
            _check_sizes(value, name)
    elif isinstance(told, list):
        for value in told:
            _check_sizes(value, key)
    elif isinstance(told, int) and not re.search("seed|_id$", key):
        budget.check(told, budget.SIZE, f"for {key}")


def save_model(model: "keras.Model", path: str | Path, half: bool = False) -> None:
    """Writes a model, without its optimizer, in stock layers where it has a stock form.

    Args:
        half: writes the weights in half precision; see `halve`.
    """
    with contextlib.suppress(NoStockForm):
        model = stock(model)
    bare = type(model).from_config(model.get_config())
    copy_weights(model, bare)
    bare.save(path)
    if half:
        halve(path)


def halve(path: str | Path) -> None:
    """Writes the weights of a `.keras` file anew: matrices in half precision, compressed.

    Vectors, such as biases and moving averages, stay float32, and so does what float16 cannot hold.
    Keras reads the file into float32 variables.
    """
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[WEIGHTS] = _halved(members[WEIGHTS])
    with zipfile.ZipFile(path, "w") as archive:  # the weights are compressed inside their member
        for name, content in members.items():
            kind = zipfile.ZIP_STORED if name == WEIGHTS else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, kind)


def _halved(content: bytes) -> bytes:
    """An HDF5 file of weights, as `halve` writes them."""
    import h5py
    import numpy as np

    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as old, h5py.File(buffer, "w") as new:

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Group):
                made = new.require_group(name)
            elif item.ndim < 2 or item.dtype != np.float32:
                made = new.create_dataset(name, data=item[()])
            else:
                values = item[()]
                with np.errstate(over="ignore"):
                    rounded = values.astype(np.float16)
                values = rounded if np.isfinite(rounded).all() else values
                made = new.create_dataset(name, data=values, compression=9, shuffle=True)
            made.attrs.update(item.attrs)

        new.attrs.update(old.attrs)
        old.visititems(copy)
    return buffer.getvalue()


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
