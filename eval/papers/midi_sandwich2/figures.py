"""The figures of MIDI-Sandwich2: three block diagrams, four trainings, two sets of piano-rolls."""

from collections.abc import Sequence

from musegen import plots
from musegen.eval.papers.drawing import Drawing, Missing, Sources
from musegen.eval.papers.midi_sandwich2 import diagrams
from musegen.music.phrases import TRACKS

TRACK = "bass"  # the track whose training is drawn
SHOWN = 8  # phrases of a picture, as in the original code
SYSTEM = "python train/midi_s2.py --out {runs}"
BVAE = "python train/bvae.py --track {track} --out {{runs}}/bvae-{track}"
REFINE = (
    "python train/refine.py --unit {unit} --track {track} --bvaes {{runs}} "
    "--out {{runs}}/refine-{unit}-{track}"
)
FUSION = "python train/mfg_vae.py --bvaes {runs} --out {runs}/mfg-vae"
# The paper's accuracy of a VAE is the share of steps at which the strongest pitch is the right one.
VAE_ACCURACY, CELL_ACCURACY = ("acc_argmax", "accuracy"), ("accuracy",)


def refine_per_note(sources: Sources) -> Drawing:
    """Draws Figure 4, the training of a refine network per note."""
    return _refine(sources, "note")


def refine_per_bar(sources: Sources) -> Drawing:
    """Draws Figure 7, the training of a refine network per bar."""
    return _refine(sources, "bar")


def _refine(sources: Sources, unit: str) -> Drawing:
    command = REFINE.format(unit=unit, track=sources.track)
    title = f"refine network per {unit}, {sources.track}"
    return _training(sources, f"refine-{unit}-{sources.track}", command, title, CELL_ACCURACY)


def single_bvae(sources: Sources) -> Drawing:
    """Draws Figure 5, the training of a BVAE."""
    command, title = BVAE.format(track=sources.track), f"BVAE, {sources.track}"
    return _training(sources, f"bvae-{sources.track}", command, title, VAE_ACCURACY)


def fusion(sources: Sources) -> Drawing:
    """Draws Figure 6, the training of the MFG-VAE."""
    return _training(sources, "mfg-vae", FUSION, "MFG-VAE", VAE_ACCURACY)


def _training(
    sources: Sources, run: str, command: str, title: str, accuracies: Sequence[str]
) -> Drawing:
    """Draws accuracy and loss of a run over its epochs; the description has the last values."""
    history = sources.history(run, command)
    accuracy = next((name for name in accuracies if name in history), accuracies[0])
    figure = plots.history(history, accuracy, title=title)
    ends = [
        f"{name} {history[name][-1]:.4g}"
        for name in ("loss", "val_loss", accuracy, f"val_{accuracy}")
        if name in history
    ]
    return Drawing(figure, f"{title}, epoch {len(history['loss'])}: {', '.join(ends)}")


def restoring(sources: Sources) -> Drawing:
    """Draws Figure 8: eight phrases, restored without and with the refine networks."""
    system = sources.trained(SYSTEM)
    if not system.can_refine:
        raise Missing(
            f"{sources.folder}: has no refine networks that can be used here; train them with "
            "train/refine.py"
        )
    phrases, source = sources.phrases(SHOWN, system.n_steps)
    rough, refined = (system.restore(phrases, sources.seed, refine) for refine in (False, True))
    sets = {"original": phrases, "restored without refine": rough, "complete restore": refined}
    return _rolls(sets, source)


def weight_sharing(sources: Sources) -> Drawing:
    """Draws Figure 9: phrases restored by five BVAEs, and by one BVAE that all tracks share."""
    system = sources.trained(SYSTEM)
    command = BVAE.format(track="shared") + f" --preset {system.preset}"
    shared = sources.model("bvae-shared", command)
    shared_system = type(system)(system.preset, dict.fromkeys(TRACKS, shared), system.fusion)
    phrases, source = sources.phrases(SHOWN, system.n_steps)
    by_five, by_one = (
        one.restore(phrases, sources.seed, refine=False, fusion=False)
        for one in (system, shared_system)
    )
    sets = {"independent BVAEs": by_five, "one shared BVAE": by_one}
    return _rolls(sets, source)


def _rolls(sets: dict, about: str) -> Drawing:
    images = {title.replace(" ", "-"): plots.image_midi_s2(music) for title, music in sets.items()}
    return Drawing(plots.midi_s2(sets), f"{', '.join(sets)}: {about}", images)


CURVES, SMOOTHED = {4, 5, 7}, False
PANELS: set[int] = set()
FIGURES = {
    1: diagrams.architecture,
    2: diagrams.refine_networks,
    3: diagrams.fusion,
    4: refine_per_note,
    5: single_bvae,
    6: fusion,
    7: refine_per_bar,
    8: restoring,
    9: weight_sharing,
}
