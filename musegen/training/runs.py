"""The folder of a run: its settings, the versions and data behind it, and what it has made.

    runs/bvae-bass/config.json    settings, versions, data, git revision, times, finished files
                   history.csv, loss.png, checkpoint/, samples/, logs/, *.keras

One process at a time may use a folder. A folder that holds a run is only ever continued, with
`resume` and the same settings.
"""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import musegen
from musegen import Error, environment, reading
from musegen.files import replacing, write_bytes
from musegen.saving import save_model
from musegen.training.options import FORMER_NAMES, FORMER_RECIPES, flag

if TYPE_CHECKING:
    import keras

    from musegen.data import Data

CONFIG = "config.json"
LOCK = ".lock"
FACTS = {"settings": dict, "data": dict, "resumed": list, "saved": list, "started": str}
# Settings that a resumed run may change: they decide how it runs, not what it learns.
HARMLESS = {"patience", "jit", "split_batch", "tensorboard", "resume", "out", "half"}


class Run:
    """A run folder, locked for as long as the `with` block lasts.

    Args:
        folder: folder of the run, which is made if it is not there.
        settings: settings of the script, of types that JSON has.
        resume: whether to go on with the run that the folder holds.
        data: description of the data, from `describe_data`.
        length: name of the setting that says how long the run goes on, `"epochs"` or `"steps"`; a
            resumed run may change it.

    Example:
        >>> with Run("runs/bvae-piano", {"track": "piano"}) as run:
        ...     run.save(model, "bvae-piano.keras")
    """

    def __init__(
        self,
        folder: str | Path,
        settings: dict,
        resume: bool = False,
        data: dict | None = None,
        length: str = "epochs",
    ):
        self.folder, self.resume, self.length = Path(folder), resume, length
        settings = dict(settings)
        if "keras" in sys.modules:  # the backend in use, whether a flag or Keras chose it
            settings["backend"] = sys.modules["keras"].config.backend()
        self.config = _plain({"settings": settings, "data": data or {}})

    def __enter__(self) -> "Run":
        if self.resume and not begun(self.folder):
            raise Error(f"{self.folder}: no run to resume; start it without --resume")
        with ExitStack() as undone:
            undone.enter_context(locked(self.folder))
            self._begin()
            self._lock = undone.pop_all()  # closed by __exit__
        return self

    def __exit__(self, kind, error, trace) -> None:
        try:
            if kind is KeyboardInterrupt:
                raise KeyboardInterrupt(f"{self.folder}: interrupted; --resume goes on from here")
            if kind is None:
                self.config["finished"] = _now()
                self._write()
        finally:
            self._lock.close()

    def path(self, *parts: str) -> Path:
        """Returns a path inside the folder."""
        return self.folder.joinpath(*parts)

    def save(self, model: "keras.Model", name: str) -> Path:
        """Writes a model as `name`, without its optimizer: whole, or not at all."""
        path = self.path(name)
        with replacing(path) as partial:
            save_model(model, partial, self.config["settings"].get("half", False))
        self.config["saved"] = sorted({*self.config["saved"], name})
        self._write()
        return path

    def table(self, name: str, columns: Mapping[str, Iterable]) -> None:
        """Writes columns of equal length as a CSV file."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        write_bytes(self.path(name), text.getvalue().encode())

    def evaluation(self, sets: Mapping[str, Mapping[str, float]]) -> None:
        """Prints the final figures of sets of data, and writes them as `evaluation.json`."""
        for name, figures in sets.items():
            shown = (f"{key} {value:.4g}" for key, value in figures.items())
            print(f"{name}:", *shown, sep="  ")
        write_bytes(self.path("evaluation.json"), json.dumps(sets, indent=2).encode())

    def finished(self, name: str) -> bool:
        """Returns whether `save` has written `name`, in this run or before it was resumed."""
        return name in self.config["saved"] and self.path(name).exists()

    def inner(self, name: str) -> "Run":
        """Makes a run in a folder of this one, with its settings and data, and resumed like it."""
        settings, data = self.config["settings"], self.config["data"]
        folder = self.path(name)
        return Run(folder, settings, self.resume and begun(folder), data)

    def _begin(self) -> None:
        known = begun(self.folder)
        if known and not self.resume:
            raise Error(f"{self.folder}: holds a run already; --resume it or give another --out")
        former = read_config(self.folder) if known else {}
        if known:
            _compare(self.folder, former, self.config, HARMLESS | {self.length})
        old, new = former.get("settings", {}), self.config["settings"]
        same = all(old.get(name) == new.get(name) for name in (self.length, "patience"))
        self.config |= {
            "versions": environment.describe(),
            "git": revision(),
            "hardware": {"cores": os.cpu_count()},
            "started": former.get("started", _now()),
            "resumed": [*former.get("resumed", []), *([_now()] if known else [])],
            "finished": None,
            "saved": former.get("saved", []) if same else [],
        }
        self._write()

    def _write(self) -> None:
        write_bytes(self.path(CONFIG), json.dumps(self.config, indent=2).encode())


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes a folder and keeps other trainings out of it while the block lasts."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / LOCK, "a+")  # noqa: SIM115 - closed below
    except OSError as error:
        raise Error(f"{folder}: cannot be a run folder ({error.strerror})") from None
    with file:
        _lock(file, folder)
        yield


def begun(folder: str | Path) -> bool:
    """Returns whether a folder holds a run, finished or not."""
    return (Path(folder) / CONFIG).exists()


def read_config(folder: Path) -> dict:
    """Reads the `config.json` of a run folder, and gives former settings the names of today."""
    path, remedy = folder / CONFIG, "give another --out"
    facts = reading.read_json(path, remedy)
    with reading.damaged(path, "cannot be read", remedy):
        for name, kind in FACTS.items():
            if not isinstance(facts.setdefault(name, kind()), kind):
                raise TypeError(f"its {name!r} is of the wrong type")
        settings = {FORMER_NAMES.get(k, k): value for k, value in facts["settings"].items()}
        if isinstance(recipe := settings.get("recipe"), str):
            settings["recipe"] = FORMER_RECIPES.get(recipe, recipe)
    return facts | {"settings": settings}


def describe_data(data: "Data") -> dict:
    """Describes the data for `config.json`."""
    layout = data.layout
    return {
        "name": data.name,
        "phrases": len(data),
        "n_bars": layout.n_bars,
        "n_steps": layout.n_steps,
        "tracks": layout.tracks,
    }


def revision() -> str | None:
    """Returns the git revision of a checkout of musegen, with `-dirty` if it was changed."""
    root = Path(musegen.__file__).parent.parent
    if not (root / ".git").exists():
        return None
    command = ["git", "--no-optional-locks", "-C", str(root), "describe"]
    options = ["--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run([*command, *options], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def _compare(folder: Path, former: dict, present: dict, harmless: set[str]) -> None:
    """Raises an `Error` that names the first setting, or fact of the data, that differs."""
    for part in ("settings", "data"):
        old, new = former.get(part, {}), present[part]
        for name in {**old, **new}:
            if name not in harmless and old.get(name) != new.get(name):
                what = flag(name) if part == "settings" else f"data of which {name} is"
                raise Error(
                    f"{folder}: its run has {what} {old.get(name)}, not {new.get(name)}; "
                    "resume it with its own or give another --out"
                )


def _lock(file: io.TextIOBase, folder: Path) -> None:
    """Locks a file for as long as it is open; the system frees it when its process dies."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        def lock():
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:

        def lock():
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    try:
        lock()
    except (BlockingIOError, PermissionError):
        raise Error(f"{folder}: another process trains there; wait or give another --out") from None
    except OSError:
        pass  # a network drive without locks: trained there all the same


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _plain(value: dict) -> dict:
    """Returns the value as JSON would give it back, so that old and new values compare."""
    return json.loads(json.dumps(value, default=str))
