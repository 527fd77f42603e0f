"""The systems by name, and the trained ones on disk.

`musegen.models` says which systems there are; this file names none of them and imports that room,
and with it Keras, only when asked. A trained system is a folder with a `system.json`, such as
`pretrained/NAME` or the run folder of a training script.
"""

import contextlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from musegen import Error, reading
from musegen.saving import load_model

SYSTEM_FILE = "system.json"


def systems() -> dict[str, Any]:
    """All systems by name; see `musegen.models.System`."""
    return import_module("musegen.models").SYSTEMS


def pretrained() -> dict[str, Path]:
    """The trained systems that come with musegen, by name."""
    rooms = import_module("musegen.pretrained").__path__
    found = [file.parent for room in rooms for file in Path(room).glob(f"*/{SYSTEM_FILE}")]
    return {folder.name: folder for folder in sorted(found)}


def place(what: str | Path) -> Path:
    """Where a trained system of that name or folder stands, if there is one."""
    path = Path(what)
    return path if (path / SYSTEM_FILE).is_file() else pretrained().get(str(what), path)


def load(what: str | Path) -> Any:
    """A trained system by its name or folder, or one Keras model by its `.keras` file.

    Example:
        >>> musegen.load("midi-s2").generate(8)
        >>> musegen.load("runs/midi-s2").restore(phrases)
        >>> musegen.load("runs/bvae-bass/bvae-bass.keras").summary()
    """
    path = Path(what)
    if path.suffix == ".keras":
        return load_model(path)
    folder = path if (path / SYSTEM_FILE).is_file() else pretrained().get(str(what))
    if folder is None:
        known = ", ".join(pretrained()) or "none"
        raise Error(
            f"{what}: no trained system; there are {known}, or give a folder that "
            f"holds a {SYSTEM_FILE}, or a .keras file"
        )
    with described(folder) as told:
        name = told["system"]
        system = systems()[name]
    if system.load is None:
        raise Error(f"{folder / SYSTEM_FILE}: {name} is but a part of a system")
    return system.load(folder)


@contextlib.contextmanager
def described(folder: Path) -> Iterator[dict[str, Any]]:
    """What the `system.json` of a folder tells; whatever is wrong with that is an `Error`."""
    path = folder / SYSTEM_FILE
    with reading.damaged(path, "damaged, or of another release", "fetch or train it again"):
        yield reading.parse(path.read_bytes())
