"""What the figures of a paper are drawn from: run folders, a trained system, data."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen import Error, registry
from musegen.data import load
from musegen.eval.tables import evaluated
from musegen.eval.tables.measure import evenly_spaced
from musegen.music.phrases import TRACKS
from musegen.saving import load_model

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

AMONG = 200  # phrases that some are chosen from
History = dict[str, list[float]]


class Missing(Error):
    """What a figure needs has not been made yet; the message says how to make it."""


def read_history(path: Path) -> History:
    """The columns of a `history.csv`."""
    try:
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
        rows = [{name: float(value) for name, value in line.items()} for line in lines]
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise Error(f"{path}: no history of a training ({error})") from None
    if not rows:
        raise Missing(f"{path}: not one epoch yet")
    return {name: [row[name] for row in rows] for name in rows[0]}


@dataclass(frozen=True)
class Drawing:
    """A figure, half a line on what it shows, and pictures pixel by pixel that go with it."""

    figure: "Figure"
    about: str
    images: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """What the command line names; everything is opened when a figure asks for it.

    Args:
        paper: the system of that name is drawn unless another one is named.
        system: name or folder of a trained system; else the one in `runs`, else the pretrained.
        runs: folder of run folders; else the histories and models beside the system.
        median: width of the median filter of training curves; else as the figure has it.
        place: of a paper with several systems, the name in `runs` of the folder of this one.
    """

    paper: str
    system: str | None = None
    runs: Path | None = None
    data: str = "demo"
    split: str | None = None
    track: str = "bass"
    seed: int = 0
    median: int | None = None
    place: str = ""

    def part(self, name: str) -> "Sources":
        """The sources of one of a paper's several systems, whose run folder bears its name.

        The system that the command line names stands for the one that it is.
        """
        if name not in self._parts:
            system = self.system if self.system and self.kind == name else None
            self._parts[name] = replace(self, paper=name, system=system, place=name)
        return self._parts[name]

    @cached_property
    def _parts(self) -> "dict[str, Sources]":
        return {}

    @cached_property
    def kind(self) -> str | None:
        """The name in the catalogue of the trained system."""
        if self.folder is None:
            return None
        with registry.described(self.folder) as told:
            return str(told["system"])

    @cached_property
    def folder(self) -> Path | None:
        """Where the trained system lies."""
        trained = self.runs / self.place if self.runs and self.system is None else None
        if trained and (trained / registry.SYSTEM_FILE).is_file():
            return trained
        given = Path(self.system or self.paper)
        if (given / registry.SYSTEM_FILE).is_file():
            return given
        found = registry.pretrained().get(str(given))
        if found is None and self.system:
            raise Error(f"{given}: no trained system of that name, nor a folder that holds one")
        return found

    def trained(self, command: str) -> Any:
        """The trained system; `command` makes one."""
        if self.folder is None:
            raise Missing(f"no trained {self.paper}; {self._told(command)}")
        return self._opened

    @cached_property
    def _opened(self) -> Any:
        return registry.load(self.folder)

    def history(self, run: str, command: str) -> History:
        """The columns of a run's `history.csv`; `command` makes the run."""
        path = self._found(run, "history.csv", f"history/{run}.csv", command)
        try:
            return read_history(path)
        except Missing as missing:
            raise Missing(f"{missing}; {self._told(command)}") from None

    def model(self, run: str, command: str) -> "keras.Model":
        """The Keras model of a run; `command` makes the run."""
        path = self._found(run, f"{run}.keras", f"{run}.keras", command)
        return load_model(path)

    def run_file(self, name: str, command: str) -> Path:
        """A file of the run that made the system; `command` makes the run.

        Of a system outside `runs` it lies beside it, or in its folder `history`.
        """
        folder = self.runs / self.place if self.runs and self.system is None else self.folder
        if folder is None:
            raise Missing(f"no run {self.place}; {self._told(command)}")
        for path in (folder / name, folder / "history" / Path(name).name):
            if path.is_file():
                return path
        raise Missing(f"{folder / name}: not there; {self._told(command)}")

    def phrases(self, n: int, n_steps: int, track: str | None = None) -> tuple[np.ndarray, str]:
        """The fullest of some phrases that are held out, as silence shows little; what they are.

        Args:
            track: in which there shall be music first of all.
        """
        held_out = evaluated.held_out(load(self.data, n_steps).five_tracks(), self.split)
        some = evenly_spaced(held_out, AMONG, "read")
        bars = some.any(axis=(2, 3))  # (N, bars, tracks)
        sounding = bars.sum(axis=(1, 2))
        if track:
            own = bars[..., TRACKS.index(track)].sum(axis=1)
            if not own.any():
                raise Error(f"{held_out.name}: its {track} is silent in all phrases that were read")
            sounding = sounding + own * bars[0].size
        fullest = sorted((-sounding).argsort(kind="stable")[:n])
        return some[fullest], f"{len(fullest)} full phrases of {held_out.name}"

    def learned(self, n: int, n_steps: int) -> tuple[np.ndarray, str]:
        """Phrases of the training data at random, and what they are."""
        data = load(self.data, n_steps).five_tracks()
        data = data.of(self.split or "train")
        some = evenly_spaced(data, AMONG, "read")
        chosen = np.random.default_rng(self.seed).permutation(len(some))[:n]
        return some[np.sort(chosen)], f"{len(chosen)} phrases of {data.name}, at random"

    def _found(self, run: str, in_runs: str, beside_system: str, command: str) -> Path:
        """A file of a run folder or, where no runs were named, of the system's folder."""
        if self.runs:
            path = self.runs / run / in_runs
        elif self.folder:
            path = self.folder / beside_system
        else:
            raise Missing(f"no run {run}; {self._told(command)}")
        if not path.is_file():
            raise Missing(f"{path}: not there; {self._told(command)}")
        return path

    def _told(self, command: str) -> str:
        """`command` with the folder of runs filled in, and how to show what it makes."""
        runs = self.runs or Path("runs") / ("" if self.place else self.paper)
        again = "" if self.runs else f", then --runs {runs}"
        return f"`{command.format(runs=runs)}` makes it{again}"
