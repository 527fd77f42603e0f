"""The systems by name, and the trained systems on disk.

The table of all systems is `musegen.models.catalogue`, which is imported only when it is needed;
this file names no system. A trained system is a folder that holds a `system.json`, such as
`pretrained/NAME` or the run folder of a training script.
"""

import contextlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import Error, reading
from musegen.saving import load_model
from musegen.system import Entry, TrainedSystem

if TYPE_CHECKING:
    import keras

SYSTEM_FILE = "system.json"


def catalogue() -> dict[str, Entry]:
    """Returns the entries of all systems by name, trained or not."""
    return import_module("musegen.models.catalogue").CATALOGUE


def pretrained() -> dict[str, Path]:
    """Returns the folders of the trained systems that come with musegen, by name."""
    paths = import_module("musegen.pretrained").__path__
    folders = [file.parent for path in paths for file in Path(path).glob(f"*/{SYSTEM_FILE}")]
    return {folder.name: folder for folder in sorted(folders)}


def place(what: str | Path) -> Path:
    """Returns the folder of a trained system, given its name or folder; it may not exist."""
    path = Path(what)
    return path if (path / SYSTEM_FILE).is_file() else pretrained().get(str(what), path)


def is_trained(what: str | Path) -> bool:
    """Returns whether there is a trained system of this name or in this folder."""
    return (place(what) / SYSTEM_FILE).is_file()


def entry(what: str | Path) -> Entry:
    """Returns the entry in the catalogue of a trained system, given its name or folder."""
    folder = place(what)
    if folder.suffix == ".keras" and folder.is_file():
        raise Error(f"{what}: is one network; name a whole system")
    if not is_trained(folder):
        known = ", ".join(pretrained()) or "none"
        raise Error(
            f"{what}: no trained system; there are {known}, or give a folder that "
            f"holds a {SYSTEM_FILE}, or a .keras file"
        )
    with described(folder) as description:
        known_entry = catalogue()[description["system"]]
    if not known_entry.can:
        raise Error(
            f"{folder / SYSTEM_FILE}: {known_entry.name} is only a part of a system; name a system"
        )
    return known_entry


def able(verb: str) -> list[str]:
    """Returns the names of the trained systems that come with musegen and have a method `verb`."""
    return [name for name, folder in pretrained().items() if verb in entry(folder).can]


def load(what: str | Path) -> "TrainedSystem | keras.Model":
    """Loads a trained system, given its name or folder, or a Keras model, given its `.keras` file.

    Example:
        >>> musegen.load("midi-s2").generate(8)
        >>> musegen.load("runs/midi-s2").restore(phrases)
        >>> musegen.load("runs/bvae-bass/bvae-bass.keras").summary()
    """
    path = Path(what)
    return load_model(path) if path.suffix == ".keras" else entry(what).load(place(what))


@contextlib.contextmanager
def described(folder: Path) -> Iterator[dict[str, Any]]:
    """Gives the content of a folder's `system.json` to the block.

    If the file is damaged, or the block fails because of its content, an `Error` is raised.
    """
    path = folder / SYSTEM_FILE
    with reading.damaged(path, "damaged, or of another release", "fetch or train it again"):
        yield reading.parse(path.read_bytes())
