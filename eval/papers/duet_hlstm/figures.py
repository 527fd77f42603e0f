"""The figures of the DuetHLSTM report, and the course of a training, which is numbered 7.

Figures 2 to 6 have a panel each for the data, a MuseGAN baseline and DuetHLSTM. Figures 2 to 5
count as the original code does, every step but the last of the first 20 phrases of a melody and its
accompaniment (definition `duet`), and show the published values, too.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from musegen import Error, plots
from musegen.eval.papers import duet_hlstm
from musegen.eval.papers.drawing import Drawing, Missing, Sources, read_history
from musegen.eval.papers.duet_hlstm import layer_diagram, published, sets
from musegen.eval.papers.duet_hlstm.sets import COMMAND, SYSTEM, N, Panel
from musegen.metrics import duet
from musegen.metrics.duet_claims import PAIR

TRACK = ""  # both tracks are drawn
CURVES: set[int] = set()
SMOOTHED = False
PANELS = {2, 3, 4, 5, 6}
WHO = {"a": "LPD", "b": "MuseGAN", "c": "DuetHLSTM"}  # the report's panels
SHOWN = 3  # phrases of a panel of Figure 6
GENERATED = "generated.csv"  # file of a run: what its samples are like after each epoch
# Labels of the panels of Figure 7, with the columns of that file and their factor to our units.
COURSE = {
    "cells that are on, %": ("density", 100),
    "silent steps, %": ("silent", 100),
    "unchanged steps, %": ("unchanged", 100),
    "notes of a sounding step": ("notes", 1),
    "most notes of a step": ("most", 1),
}

Row = Callable[[plots.Sets, Sequence[str], plots.Sets], object]


def note_lengths(sources: Sources) -> Drawing:
    """Draws Figure 2: how often each length of a note occurs, as the code counts it."""
    return _histograms(sources, "NLH", published.NLH, published.LENGTHS)


def length_transitions(sources: Sources) -> Drawing:
    """Draws Figure 3: which length follows which."""
    return _matrices(sources, "NCTM", published.NCTM, published.LENGTH_SIGNS)


def pitch_classes(sources: Sources) -> Drawing:
    """Draws Figure 4: how often each pitch class sounds."""
    return _histograms(sources, "PCH", published.PCH, published.PITCH_CLASSES)


def pitch_transitions(sources: Sources) -> Drawing:
    """Draws Figure 5: which pitch class sounds one step after which."""
    return _matrices(sources, "PCTM", published.PCTM, published.PITCH_CLASSES)


def _histograms(sources: Sources, code: str, known: Mapping, labels: Sequence[str]) -> Drawing:
    return _statistic(sources, code, known, labels, plots.bar_row, plots.bar_image)


def _matrices(sources: Sources, code: str, known: Mapping, labels: Sequence[str]) -> Drawing:
    return _statistic(sources, code, known, labels, plots.matrix_rows, plots.matrix_image)


def _statistic(
    sources: Sources, code: str, known: Mapping, labels: Sequence[str], row: Row, image: Callable
) -> Drawing:
    """Draws a statistic of all panels side by side; each is also a picture as in the report."""
    panels = sets.panels(sources)
    values = {
        letter: None if panel.phrases is None else _measured(panel.phrases[:N])[code]
        for letter, panel in panels.items()
    }
    titles = {letter: _title(letter, panel) for letter, panel in panels.items()}
    figure = row(
        {titles[letter]: value for letter, value in values.items()},
        labels,
        {titles[letter]: known[letter] for letter in published.PANELS},
    )
    images = {k: image(value, labels) for k, value in values.items() if value is not None}
    return Drawing(figure, f"{code}, {_about(panels)}", images)


def _measured(phrases: np.ndarray) -> duet.Values:
    return duet.evaluate(phrases, "duet", PAIR)


def _title(letter: str, panel: Panel) -> str:
    name = "not measured" if panel.phrases is None else panel.name
    return f"({letter}) {name}\npublished: {WHO[letter]}"


def _about(panels: Mapping[str, Panel]) -> str:
    parts = [
        f"({letter}) {panel.name}"
        + ("" if panel.phrases is None else f", {len(panel.phrases[:N])} phrases")
        for letter, panel in panels.items()
    ]
    return "; ".join(parts)


def phrases(sources: Sources) -> Drawing:
    """Draws Figure 6: three phrases of each panel, as a MIDI editor shows them."""
    shown, ranges, about = {}, {}, []
    for letter, panel in sets.panels(sources).items():
        if panel.phrases is None:
            about.append(f"({letter}) {panel.name}")
            continue
        first = published.FIGURE_6.get(letter)
        if first is None or len(panel.phrases) < first + SHOWN:
            first = _fullest(panel.phrases)
        chosen = panel.phrases[first : first + SHOWN]
        title = f"({letter}) {panel.name}"
        shown[title], ranges[title] = chosen, panel.phrases
        about.append(f"{title}, phrases {first} to {first + len(chosen) - 1}")
    return Drawing(plots.editor_rows(shown, ranges, sets.pair(sources)), "; ".join(about))


def _fullest(phrases: np.ndarray) -> int:
    """Returns the first of the successive phrases in which the most bars of both tracks sound."""
    sounding = phrases.any(axis=(2, 3)).sum(axis=(1, 2))
    shown = min(SHOWN, len(phrases))
    return int(np.convolve(sounding, np.ones(shown, int), "valid").argmax())


def course(sources: Sources) -> Drawing:
    """Draws the course of a training: what its samples are like beside those published."""
    table = duet_hlstm.TRAJECTORY
    samples = [(int(name.split()[-1]), table.metrics(name)) for name in duet_hlstm.COUNTS]
    known = {
        label: {
            track: ([epoch for epoch, _ in samples], [row[code][track] for _, row in samples])
            for track in PAIR
        }
        for label, (code, _) in COURSE.items()
    }
    data = {
        label: {k: v for k, v in table.metrics(table.reference)[code].items() if v is not None}
        for label, (code, _) in COURSE.items()
    }
    ours, about = _training(sources)
    return Drawing(plots.course(ours, known, data), f"the course of a training, {about}")


def _training(sources: Sources) -> tuple[dict, str]:
    """Returns the columns of a run's `generated.csv` by label and track, and their description.

    Without a run that the command line names there are none.
    """
    part = sources if sources.system else sources.part(SYSTEM)
    try:
        path = part.run_file(GENERATED, COMMAND)
    except Missing as missing:
        if sources.runs or sources.system:
            raise
        return {}, f"published samples only: {missing}"
    history = read_history(path)
    duo = sources.tracks or [
        name.removeprefix("density_") for name in history if "density_" in name
    ]
    columns = [f"{code}_{track}" for code, _ in COURSE.values() for track in duo[:2]]
    absent = [name for name in columns if name not in history]
    if absent or len(duo) < 2:
        why = f"column {absent[0]}" if absent else "columns of two tracks"
        raise Error(f"{path}: has no {why}; give the run of a {SYSTEM} of two tracks or more")
    epochs = history.get("epoch") or list(range(1, len(history[columns[0]]) + 1))
    ours = {
        label: {
            role: (epochs, [scale * value for value in history[f"{code}_{track}"]])
            for role, track in zip(PAIR, duo[:2], strict=True)
        }
        for label, (code, scale) in COURSE.items()
    }
    names = f" ({duo[0]} as piano, {duo[1]} as strings)" if (*duo[:2],) != PAIR else ""
    run = path.parent.parent if path.parent.name == "history" else path.parent
    return ours, f"{len(epochs)} epochs of {run.name}{names} beside published samples"


FIGURES = {
    1: layer_diagram.architecture,
    2: note_lengths,
    3: length_transitions,
    4: pitch_classes,
    5: pitch_transitions,
    6: phrases,
    7: course,
}
