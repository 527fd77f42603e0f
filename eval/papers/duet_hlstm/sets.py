"""The music in the panels of the DuetHLSTM report: data, a MuseGAN baseline, and DuetHLSTM."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musegen import Error, registry
from musegen.data import Data, load
from musegen.eval.papers.drawing import Missing, Sources
from musegen.eval.tables.measure import DUET_PHRASES, evenly_spaced
from musegen.metrics.duet_claims import PAIR
from musegen.music.phrases import reorder
from musegen.system import TrainedSystem

SYSTEM = "duet-hlstm"
COMMAND = "python train/duet_hlstm.py --out {runs}/duet-hlstm"
# The report's baseline is the pretrained MuseGAN; the first of these that exists is drawn.
BASELINES = ("bmusegan", "musegan-hybrid", "musegan-composer", "musegan-jamming")
N = DUET_PHRASES["duet"]  # phrases of a set
READ = 62  # phrases that are read of a file, so that those of Figure 6 are among them


@dataclass(frozen=True, eq=False)
class Panel:
    """The music of a panel.

    Args:
        name: name of the music, or why there is none.
        phrases: phrases of piano and strings `(n, bars, steps, 84, 2)`, at most `READ`, or None.
    """

    name: str
    phrases: np.ndarray | None = None


def panels(sources: Sources) -> dict[str, Panel]:
    """Returns the panels a, b and c; later figures of the same command get the same music."""
    if "panels" not in sources.kept:
        sources.kept["panels"] = {
            "a": _of_file(_data(sources)),
            "b": _baseline(sources),
            "c": _system(sources),
        }
    return sources.kept["panels"]


def _data(sources: Sources, n_steps: int | None = None) -> Data:
    return load(sources.one_source, n_steps, sources.split)


def _baseline(sources: Sources) -> Panel:
    given = sources.baseline
    if given is None:
        found = [name for name in BASELINES if sources.part(name).folder]
        if not found:
            return Panel("no MuseGAN; give --baseline")
        return _generated(sources, found[0], sources.part(found[0]).trained(""))
    if (Path(given) / registry.SYSTEM_FILE).is_file() or given in registry.pretrained():
        return _generated(sources, Path(given).name, registry.load(registry.place(given)))
    return _of_file(load(given))


def _system(sources: Sources) -> Panel:
    if sources.generated:
        return _of_file(load(sources.generated))
    part = sources if sources.system else sources.part(SYSTEM)
    try:
        return _generated(sources, Path(sources.system or SYSTEM).name, part.trained(COMMAND))
    except Missing as missing:
        return Panel(str(missing))


def _generated(sources: Sources, name: str, system: TrainedSystem) -> Panel:
    """Returns what a system makes for its paper's tables; one that continues is given the data."""
    if system.entry.music != "phrases" or "evaluate" not in system.can:
        raise Error(f"{name}: makes no phrases; give a system of two or five tracks")
    originals = evenly_spaced(_data(sources, system.n_steps), N, f"reading for {name}")
    for row in system.evaluate(originals, N, sources.seed):
        if row.music is not None:
            return _of_file(load(row.music), name)
    raise Error(f"{name}: makes no music that can be drawn; give another system")


def _of_file(data: Data, name: str = "") -> Panel:
    phrases = next(data.blocks(READ))
    tracks = data.layout.tracks
    try:
        duo = phrases if len(tracks) == 2 else reorder(phrases, tracks, PAIR)
    except Error as error:
        raise Error(f"{name or data.name}: {error}; the figures are of piano and strings") from None
    return Panel(name or data.name, duo)
