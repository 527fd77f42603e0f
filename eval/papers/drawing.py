"""The sources of a paper's figures: run folders, a trained system, and data."""

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
from musegen.eval.tables.phrase_samples import evenly_spaced
from musegen.music.phrases import TRACKS
from musegen.saving import load_model

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

AMONG = 200  # phrases from which those of a figure are chosen
History = dict[str, list[float]]


class Missing(Error):
    """A figure needs something that does not exist yet; the message says how to make it."""


def read_history(path: Path) -> History:
    """Reads the columns of a `history.csv`."""
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
    """A figure of a paper.

    Args:
        figure: the figure.
        about: description of half a line.
        images: further pictures, pixel by pixel, by name.
    """

    figure: "Figure"
    about: str
    images: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """The sources that the command line names; each is opened when a figure needs it.

    Args:
        paper: name of the paper, and of the pretrained system that is drawn by default.
        system: name or folder of a trained system; by default the one in `runs`, or else the
            pretrained one.
        runs: folder that holds the run folders; by default the files beside the system are used.
        data: data sets; most figures show one.
        split: split of the data set; by default the test split, or the training split for figures
            of training data.
        track: name of the track whose training is drawn.
        seed: seed of random choices.
        median: width of the median filter of training curves; by default that of the figure.
        place: name of the system's folder in `runs`, for a paper with several systems.
        baseline: trained system or music of another system, for figures that compare.
        generated: music to draw in place of what the system generates.
        tracks: names of the tracks to draw, for figures of two; by default those of the system.
    """

    paper: str
    system: str | None = None
    runs: Path | None = None
    data: tuple[str, ...] = ("demo",)
    split: str | None = None
    track: str = "bass"
    seed: int = 0
    median: int | None = None
    place: str = ""
    baseline: str | None = None
    generated: str | None = None
    tracks: tuple[str, ...] | None = None

    def part(self, name: str) -> "Sources":
        """Returns the sources of one of the several systems of a paper.

        Its run folder has the name of the system. The system that the command line names is used
        if it is this one.
        """
        if name not in self._parts:
            system = self.system if self.system and self.kind == name else None
            self._parts[name] = replace(self, paper=name, system=system, place=name)
        return self._parts[name]

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What a figure keeps for the figures after it, by name."""
        return {}

    @cached_property
    def _parts(self) -> "dict[str, Sources]":
        return {}

    @property
    def one_source(self) -> str:
        """The data set of a figure that shows one."""
        if len(self.data) > 1:
            raise Error(f"--data {' '.join(self.data)}: this figure is of one source; name one")
        return self.data[0]

    @cached_property
    def kind(self) -> str | None:
        """The name of the trained system in the catalogue."""
        if self.folder is None:
            return None
        with registry.described(self.folder) as description:
            return str(description["system"])

    @cached_property
    def folder(self) -> Path | None:
        """The folder of the trained system."""
        trained = self.runs / self.place if self.runs and self.system is None else None
        if trained and (trained / registry.SYSTEM_FILE).is_file():
            return trained
        given = self.system or self.paper
        if registry.is_trained(given):
            return registry.place(given)
        if self.system:
            raise Error(f"{given}: no trained system of that name, and no folder that holds one")
        return None

    def trained(self, command: str) -> Any:
        """Loads the trained system; `command` is the command that trains one."""
        if self.folder is None:
            raise Missing(f"no trained {self.paper}; {self._remedy(command)}")
        return self._opened

    @cached_property
    def _opened(self) -> Any:
        return registry.load(self.folder)

    def history(self, run: str, command: str) -> History:
        """Reads the columns of a run's `history.csv`; `command` is the command of the run."""
        path = self._found(run, "history.csv", f"history/{run}.csv", command)
        try:
            return read_history(path)
        except Missing as missing:
            raise Missing(f"{missing}; {self._remedy(command)}") from None

    def model(self, run: str, command: str) -> "keras.Model":
        """Loads the Keras model of a run; `command` is the command of the run."""
        path = self._found(run, f"{run}.keras", f"{run}.keras", command)
        return load_model(path)

    def run_file(self, name: str, command: str) -> Path:
        """Returns the path of a file of the run that trained the system.

        For a system outside `runs` the file lies beside the system, or in its folder `history`.

        Args:
            name: name of the file in the run folder.
            command: command of the run.
        """
        folder = self.runs / self.place if self.runs and self.system is None else self.folder
        if folder is None:
            raise Missing(f"no run {self.place}; {self._remedy(command)}")
        for path in (folder / name, folder / "history" / Path(name).name):
            if path.is_file():
                return path
        raise Missing(f"{folder / name}: not there; {self._remedy(command)}")

    def phrases(self, n: int, n_steps: int, track: str | None = None) -> tuple[np.ndarray, str]:
        """Chooses held-out phrases with as few silent bars as possible.

        Args:
            n: number of phrases.
            n_steps: number of steps of a bar.
            track: name of a track whose bars are counted before those of the others.

        Returns:
            The phrases, and their description.
        """
        held_out = evaluated.held_out(load(self.one_source, n_steps).five_tracks(), self.split)
        phrases = evenly_spaced(held_out, AMONG, "reading")
        bars = phrases.any(axis=(2, 3))  # (N, bars, tracks)
        sounding = bars.sum(axis=(1, 2))
        if track:
            of_track = bars[..., TRACKS.index(track)].sum(axis=1)
            if not of_track.any():
                raise Error(f"{held_out.name}: its {track} is silent in all phrases that were read")
            sounding = sounding + of_track * bars[0].size
        fullest = sorted((-sounding).argsort(kind="stable")[:n])
        return phrases[fullest], f"{len(fullest)} full phrases of {held_out.name}"

    def learned(self, n: int, n_steps: int) -> tuple[np.ndarray, str]:
        """Chooses phrases of the training data at random; returns them and their description."""
        data = load(self.one_source, n_steps).five_tracks()
        data = data.of(self.split or "train")
        phrases = evenly_spaced(data, AMONG, "reading")
        chosen = np.random.default_rng(self.seed).permutation(len(phrases))[:n]
        return phrases[np.sort(chosen)], f"{len(chosen)} phrases of {data.name}, at random"

    def _found(self, run: str, in_runs: str, beside_system: str, command: str) -> Path:
        """Returns the path of a file in a run folder or, without `runs`, in the system's folder."""
        if self.runs:
            path = self.runs / run / in_runs
        elif self.folder:
            path = self.folder / beside_system
        else:
            raise Missing(f"no run {run}; {self._remedy(command)}")
        if not path.is_file():
            raise Missing(f"{path}: not there; {self._remedy(command)}")
        return path

    def _remedy(self, command: str) -> str:
        """Returns the end of a message: the command to run, with the folder of runs filled in."""
        runs = self.runs or Path("runs") / ("" if self.place else self.paper)
        again = "" if self.runs else f", then --runs {runs}"
        return f"`{command.format(runs=runs)}` makes it{again}"
