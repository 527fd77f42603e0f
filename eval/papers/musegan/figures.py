"""The figures of MuseGAN: generated phrases, the course of a training, and the training data."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from musegen import Error, plots, reading
from musegen.eval.papers.drawing import Drawing, Missing, Sources, read_history
from musegen.models.musegan.settings import ABLATED, KINDS
from musegen.models.musegan.system import MuseGAN
from musegen.music.phrases import TRACKS, binarise
from musegen.training.gan.loop import read_pictures

TRACK = "strings"  # the track whose training is drawn
SHOWN, COLUMNS = 6, 3  # phrases of a picture, and phrases of a row
N_STEPS = 96
# Where the paper shows one system, the first of these that exists is drawn, the paper's own first.
SCRATCH = ("musegan-composer", "musegan-hybrid", "musegan-jamming")
CONDITIONAL = tuple(f"{name}-conditional" for name in SCRATCH)
OTHERS = tuple(name for name in KINDS if name not in SCRATCH + CONDITIONAL)
STEPS = "samples/steps.npz"
DAMAGED = "train it again, or draw other figures"


# Phrases.


def generated(sources: Sources) -> Drawing:
    """Draws Figure 7: three phrases of a composer and three of a hybrid."""
    models = ("composer", "hybrid")
    names = [f"musegan-{model}" for model in models]
    _shown(sources, names)  # a system that is named must be one of the two
    phrases = [_trained(sources, name).generate(COLUMNS, sources.seed) for name in names]
    figure = plots.phrase_grid(np.concatenate(phrases), COLUMNS, models)
    return Drawing(figure, f"{COLUMNS} phrases each of {' and '.join(models)}, seed {sources.seed}")


def training_data(sources: Sources) -> Drawing:
    """Draws Figure 10: phrases of the training data."""
    phrases, about = sources.learned(SHOWN, N_STEPS)
    return Drawing(plots.phrase_grid(phrases, COLUMNS), about)


def composer(sources: Sources) -> Drawing:
    """Draws Figure 11."""
    return _raw_and_binarised(sources, "composer")


def hybrid(sources: Sources) -> Drawing:
    """Draws Figure 12."""
    return _raw_and_binarised(sources, "hybrid")


def _raw_and_binarised(sources: Sources, model: str) -> Drawing:
    """Draws real-valued phrases of a model, and the same phrases as cells."""
    system = _trained(sources, *_shown(sources, [f"musegan-{model}"]))
    z = system.draw(SHOWN, sources.seed)
    figure = _grid({"raw": (system.values(z) + 1) / 2, "binarised": system.play(z, sources.seed)})
    return Drawing(figure, f"{model}, raw and binarised, seed {sources.seed}")


def conditional(sources: Sources) -> Drawing:
    """Draws Figure 13: given tracks, and the phrases that a system writes to them."""
    system = _trained(sources, *_shown(sources, CONDITIONAL))
    given, model = system.kind.given, system.kind.model
    phrases, source = sources.phrases(COLUMNS, N_STEPS, given)
    written = system.accompany(phrases, sources.seed)
    given_track = phrases & (np.array(TRACKS) == given)
    values = system.values(system.draw(len(phrases), sources.seed) | system.condition(phrases))
    figure = _grid({f"given {given}": given_track, "raw": (values + 1) / 2, "binarised": written})
    return Drawing(figure, f"{model} given the {given}: {source}, seed {sources.seed}")


def _grid(sets: Mapping[str, np.ndarray]) -> Figure:
    """Draws sets of phrases below each other, each labelled at its first row."""
    labels = []
    for name, phrases in sets.items():
        labels += [name] + [""] * (-(-len(phrases) // COLUMNS) - 1)
    music = np.concatenate([np.asarray(phrases, np.float32) for phrases in sets.values()])
    return plots.phrase_grid(music, COLUMNS, labels)


# Training.


def evolution(sources: Sources) -> Drawing:
    """Draws Figure 8: the phrase of one random vector at five steps of a training."""
    run, (path,) = _run(sources, STEPS)
    pictures = read_pictures(path, DAMAGED)
    marks = plots.marked(list(pictures))
    values = np.stack([pictures[step] for step in marks.values()])
    sample = values[:, sources.seed % values.shape[1]]
    # In the paper's first panel the bass has one pitch at a time while the other tracks are dense.
    phrases = binarise(sample, monophonic_bass=True)
    titles = [f"step {step:,} ({letter})" for letter, step in marks.items()]
    shown = ", ".join(f"{step:,}" for step in marks.values())
    return Drawing(plots.stacked(phrases, titles), f"{run.paper}, one sample at steps {shown}")


def losses(sources: Sources) -> Drawing:
    """Draws Figure 9: the critic's loss and two metrics of generated music over a training."""
    run, (path, data) = _run(sources, "history.csv", "data.json")
    history, data = read_history(path), _goal(data)
    curves = plots.monitored(history, data, sources.track, sources.median)
    if len(curves) < 3:
        raise Missing(f"{path}: a metric of {sources.track} is undefined at every step")
    steps = history["step"]
    try:  # the letters mark the steps of Figure 8
        marks = plots.marked(list(read_pictures(run.run_file(STEPS, ""), DAMAGED)))
    except Missing:
        marks = plots.marked(steps)
    ends = [f"{curve.label} {_last(curve.values):.4g}" for curve in curves]
    about = f"{run.paper}, step {steps[-1]:,.0f}: {', '.join(ends)}"
    return Drawing(plots.training(curves, marks), about)


def _goal(path: Path) -> dict[str, float | None]:
    """Reads the metrics of the training data, None where undefined."""
    metrics = reading.read_json(path, DAMAGED)
    with reading.damaged(path, "damaged", DAMAGED):
        return {name: None if value is None else float(value) for name, value in metrics.items()}


def _last(values: Sequence[float]) -> float:
    """Returns the last defined value."""
    values = np.asarray(values)
    return values[np.isfinite(values)][-1]


# Choice of a system or run.


def _command(name: str) -> str:
    """Returns the command that trains a system; conditional ones as in the paper's Figure 13."""
    kind = KINDS[name]
    flags = f"--model {kind.model}"
    flags += " --condition strings" if kind.given else " --one-bar" if kind.independent_bars else ""
    flags += " --no-batchnorm" if name == ABLATED else ""
    return f"python train/musegan.py {flags} --out {{runs}}/{name}"


def _shown(sources: Sources, names: Sequence[str]) -> Sequence[str]:
    """Returns the system that the command line names, if it is one of these; else all of these.

    An `Error` is raised if it names another one.
    """
    named = sources.kind if sources.system else None
    if named and named not in KINDS:
        raise Error(f"{sources.system}: is a {named}, not a MuseGAN")
    if named and named not in names:
        raise Missing(f"{sources.system} is a {named}; give a {' or a '.join(names)}")
    return (named,) if named else names


def _trained(sources: Sources, *names: str) -> MuseGAN:
    """Loads the first of these systems that exists."""
    existing = [name for name in names if sources.part(name).folder]
    name = (existing or names)[0]
    return sources.part(name).trained(_command(name))


def _run(sources: Sources, *files: str) -> tuple[Sources, list[Path]]:
    """Finds the first training that has these files; with `--system`, the one of that system.

    Returns:
        The sources of that system, and the paths of the files.
    """
    errors = []
    for name in _shown(sources, SCRATCH + CONDITIONAL + OTHERS):
        part = sources.part(name)
        try:
            return part, [part.run_file(file, _command(name)) for file in files]
        except Missing as error:
            errors.append(error)
    raise errors[0]


CURVES, SMOOTHED = {9}, True
PANELS: set[int] = set()
FIGURES = {
    7: generated,
    8: evolution,
    9: losses,
    10: training_data,
    11: composer,
    12: hybrid,
    13: conditional,
}
