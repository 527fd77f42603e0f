"""The figures of the melody VAE: its architecture, lines through its latent space, and a map."""

from collections.abc import Sequence

from musegen import Error
from musegen.eval.papers.drawing import Drawing, Missing, Sources
from musegen.eval.papers.mvae import architecture
from musegen.eval.tables import evaluated, latent_figures

TRACK = ""  # no training is drawn
CURVES: set[int] = set()
SMOOTHED = False
PANELS: set[int] = set()
COMPARED = {"mvae": "unrolling", "mvae-autoencoder": "autoencoder"}  # names and variants
WITH_MAP = ("mvae", "mvae-flat", "mvae-autoencoder")


def lines(sources: Sources) -> Drawing:
    """Draws Figure 2: what is decoded on lines between two segments, VAE beside autoencoder."""
    systems = {name: sources.part(name).trained("") for name in _existing(sources, [*COMPARED])}
    made = latent_figures.interpolation(
        systems, evaluated.corpora(sources.data, sources.split), seed=sources.seed
    )
    return Drawing(made.figure, made.about)


def corpora_map(sources: Sources) -> Drawing:
    """Draws Figure 3: the codes of segments of several corpora."""
    if len(sources.data) < 2:
        raise Missing(
            f"--data {sources.data[0]}: the map compares corpora; name two or more sources"
        )
    name = _existing(sources, WITH_MAP)[0]
    system = sources.part(name).trained("")
    made = latent_figures.corpora_map(
        name, system, evaluated.corpora(sources.data, sources.split), seed=sources.seed
    )
    return Drawing(made.figure, f"{name}, {made.about}")


def _existing(sources: Sources, names: Sequence[str]) -> list[str]:
    """Returns which of these systems exist, or the one that the command line names."""
    if sources.system:
        if sources.kind not in names:
            known = " or a ".join(names)
            raise Error(f"{sources.system}: is a {sources.kind}; give a {known}")
        return [sources.kind]
    found = [name for name in names if sources.part(name).folder]
    if not found:
        variant = COMPARED[names[0]]
        command = f"python train/mvae.py --variant {variant} --out {{runs}}/{names[0]}"
        sources.part(names[0]).trained(command)  # raises
    return found


FIGURES = {1: architecture.architecture, 2: lines, 3: corpora_map}
