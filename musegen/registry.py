"""The systems by name, and the trained ones on disk.

`musegen.models.catalogue` says which systems there are; this file names none of them, and imports
that table when it is asked. A trained system is a folder with a `system.json`, such as
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
    """All systems by name, trained or not."""
    return import_module("musegen.models.catalogue").CATALOGUE


def pretrained() -> dict[str, Path]:
    """The folders of the trained systems that come with musegen, by name."""
    rooms = import_module("musegen.pretrained").__path__
    found = [file.parent for room in rooms for file in Path(room).glob(f"*/{SYSTEM_FILE}")]
    return {folder.name: folder for folder in sorted(found)}


def place(what: str | Path) -> Path:
    """The folder of a trained system, by its name or folder; it may not exist."""
    path = Path(what)
    return path if (path / SYSTEM_FILE).is_file() else pretrained().get(str(what), path)


def entry(what: str | Path) -> Entry:
    """The entry in the catalogue of a trained system, by its name or folder."""
    folder = place(what)
    if folder.suffix == ".keras" and folder.is_file():
        raise Error(f"{what}: is one network; name a whole system")
    if not (folder / SYSTEM_FILE).is_file():
        known = ", ".join(pretrained()) or "none"
        raise Error(
            f"{what}: no trained system; there are {known}, or give a folder that "
            f"holds a {SYSTEM_FILE}, or a .keras file"
        )
    with described(folder) as facts:
        found = catalogue()[facts["system"]]
    if not found.can:
        raise Error(f"{folder / SYSTEM_FILE}: {found.name} is but a part of a system")
    return found


def able(verb: str) -> list[str]:
    """The names of the trained systems that come with musegen and can do something."""
    return [name for name, folder in pretrained().items() if verb in entry(folder).can]


def load(what: str | Path) -> "TrainedSystem | keras.Model":
    """A trained system by its name or folder, or one Keras model by its `.keras` file.

    Example:
        >>> musegen.load("midi-s2").generate(8)
        >>> musegen.load("runs/midi-s2").restore(phrases)
        >>> musegen.load("runs/bvae-bass/bvae-bass.keras").summary()
    """
    path = Path(what)
    return load_model(path) if path.suffix == ".keras" else entry(what).load(place(what))


@contextlib.contextmanager
def described(folder: Path) -> Iterator[dict[str, Any]]:
    """The content of a folder's `system.json`; whatever is wrong with it is an `Error`."""
    path = folder / SYSTEM_FILE
    with reading.damaged(path, "damaged, or of another release", "fetch or train it again"):
        yield reading.parse(path.read_bytes())
