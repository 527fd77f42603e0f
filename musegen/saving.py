"""Loading and saving of Keras models, if possible with layers of Keras alone.

Some layers of musegen compute what layers of Keras compute, but faster or with other constants.
Such a layer has a method `stock(expand)`, which returns a Keras layer in its place, its stock form.
If all layers of a model have one, `save_model` writes these, and the file opens where musegen is
not installed. Files of other models, such as those that draw noise, need `import musegen.models`.
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


WEIGHTS = "model.weights.h5"  # the member of a .keras file that holds the weights


class NoStockForm(Exception):
    """A layer has no stock form."""


def load_model(path: str | Path) -> "keras.Model":
    """Loads a Keras model from its file, without its optimizer.

    Example:
        >>> musegen.load_model("pretrained/midi-s2/bvae-bass.keras").summary()
    """
    import_module("musegen.models")  # registers all layers of musegen
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
    """Raises an exception of `reading.DAMAGE` if a `.keras` file exceeds the limits of `budget`."""
    import h5py

    with reading.arrays(path) as archive:
        _check_sizes(archive.json("config.json"))
        texts = {name for name in archive.sizes if name.endswith(".json")}
        budget.check(
            max(archive.sizes[name] for name in texts), budget.JSON_BYTES, "bytes of settings"
        )
        budget.check(sum(archive.sizes.values()), budget.WEIGHTS, "bytes when unpacked")
        sizes = []
        with archive.archive.open(WEIGHTS) as file, h5py.File(file) as weights:

            def add_size(_: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    sizes.append(item.size * item.dtype.itemsize)

            weights.visititems(add_size)
        budget.check(sum(sizes), budget.WEIGHTS, "bytes of weights")


def _check_sizes(config: Any, key: str = "") -> None:
    """Checks all integers in the description of a model, but seeds and ids, against `SIZE`."""
    if isinstance(config, dict):
        for name, value in config.items():
            _check_sizes(value, name)
    elif isinstance(config, list):
        for value in config:
            _check_sizes(value, key)
    elif isinstance(config, int) and not re.search("seed|_id$", key):
        budget.check(config, budget.SIZE, f"for {key}")


def save_model(model: "keras.Model", path: str | Path, half: bool = False) -> None:
    """Writes a model without its optimizer, in its stock form if it has one.

    Args:
        model: the model.
        path: path of the `.keras` file.
        half: whether the weights are written in half precision; see `halve`.
    """
    with contextlib.suppress(NoStockForm):
        model = stock(model)
    bare = type(model).from_config(model.get_config())
    copy_weights(model, bare)
    bare.save(path)
    if half:
        halve(path)


def halve(path: str | Path) -> None:
    """Converts the weights of a `.keras` file to half precision and compresses them.

    Vectors, such as biases and moving averages, stay float32, and so do matrices with numbers that
    float16 cannot hold. Keras reads the file into float32 variables.
    """
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[WEIGHTS] = _halved(members[WEIGHTS])
    with zipfile.ZipFile(path, "w") as archive:  # the weights are compressed inside their member
        for name, content in members.items():
            kind = zipfile.ZIP_STORED if name == WEIGHTS else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, kind)


def _halved(content: bytes) -> bytes:
    """Converts the content of an HDF5 file of weights as `halve` says."""
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
    """Returns the stock form of a model: the same function, of layers of Keras alone.

    Args:
        model: the model; `NoStockForm` is raised if it has no stock form.
        expand: whether a layer may be replaced by several layers, or by one with other weights. The
            result can be used, but its weights cannot be loaded into the networks of musegen.
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
    """Copies the weights of a layer or model to another one of the same structure."""
    for new, old in zip(target.weights, source.weights, strict=True):
        new.assign(old)
