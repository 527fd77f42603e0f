"""The music in the panels of the DuetHLSTM report: data, a MuseGAN baseline, and DuetHLSTM."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musegen import Error, registry
from musegen.data import Data, load
from musegen.eval.papers.drawing import Missing, Sources
from musegen.eval.papers.duet_hlstm.duet_rows import DUET_PHRASES
from musegen.eval.tables.evaluated import of_pair, own_pair
from musegen.eval.tables.phrase_samples import evenly_spaced
from musegen.metrics.duet_claims import PAIR
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
        phrases: phrases of melody and accompaniment `(n, bars, steps, 84, 2)`, at most `READ`, or
            None.
    """

    name: str
    phrases: np.ndarray | None = None


def panels(sources: Sources) -> dict[str, Panel]:
    """Returns the panels a, b and c; later figures of the same command get the same music."""
    if "panels" not in sources.kept:
        duo = pair(sources)
        sources.kept["panels"] = {
            "a": _of_file(_data(sources), duo),
            "b": _baseline(sources, duo),
            "c": _system(sources, duo),
        }
    return sources.kept["panels"]


def pair(sources: Sources) -> Sequence[str]:
    """Returns the tracks that are shown, those of a system of two tracks unless they are given."""
    if sources.tracks:
        return sources.tracks
    part = sources if sources.system else sources.part(SYSTEM)
    if sources.generated or not part.folder:
        return PAIR
    return own_pair([part.trained(COMMAND)]) or PAIR


def _data(sources: Sources, n_steps: int | None = None) -> Data:
    return load(sources.one_source, n_steps, sources.split)


def _baseline(sources: Sources, duo: Sequence[str]) -> Panel:
    given = sources.baseline
    if given is None:
        found = [name for name in BASELINES if sources.part(name).folder]
        if not found:
            return Panel("no MuseGAN; give --baseline")
        return _generated(sources, found[0], sources.part(found[0]).trained(""), duo)
    if registry.is_trained(given):
        return _generated(sources, Path(given).name, registry.load(given), duo)
    return _of_file(load(given), duo)


def _system(sources: Sources, duo: Sequence[str]) -> Panel:
    if sources.generated:
        return _of_file(load(sources.generated), duo)
    part = sources if sources.system else sources.part(SYSTEM)
    try:
        name = Path(sources.system or SYSTEM).name
        return _generated(sources, name, part.trained(COMMAND), duo)
    except Missing as missing:
        return Panel(str(missing))


def _generated(sources: Sources, name: str, system: TrainedSystem, duo: Sequence[str]) -> Panel:
    """Returns what a system makes for its paper's tables; one that continues is given the data."""
    if system.entry.music != "phrases" or "evaluate" not in system.can:
        raise Error(f"{name}: makes no phrases; give a system of two or five tracks")
    originals = evenly_spaced(_data(sources, system.n_steps), N, f"reading for {name}")
    for row in system.evaluate(originals, N, sources.seed):
        if row.music is not None:
            return _of_file(load(row.music), duo, name)
    raise Error(f"{name}: makes no music that can be drawn; give another system")


def _of_file(data: Data, duo: Sequence[str], name: str = "") -> Panel:
    data = of_pair(replace(data, name=name or data.name), duo)
    return Panel(data.name, next(data.blocks(READ)))
