"""Trains all of MIDI-Sandwich2: five BVAEs, five refine networks, the MFG-VAE over them.

    python train/midi_s2.py
    python train/midi_s2.py --data phrases/ --out runs/mine
    musegen generate runs/mine -n 8

Runs the stages in order, each in a folder of its own inside runs/midi-s2, by the scripts
train/bvae.py, train/refine.py and train/mfg_vae.py. A stage that is trained already is skipped;
--resume goes on with one that was interrupted. Writes the system to runs/midi-s2 itself, with
samples/ of phrases that it generates and restores.
"""

import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.phrases import TRACKS
from musegen.training.options import Options, add_flags, flag, option, prepare, read_flags
from musegen.training.recipes import RECIPE_HELP

if TYPE_CHECKING:
    from musegen.data import Data
    from musegen.models.midi_s2 import MidiS2

UNITS = ("note", "bar", "none")
SHOWN = 8  # phrases of a sample, as in the paper's pictures
DECISIVE = ("data", "preset", "batch_size", "seed", "val_split", "bars")
PASSED_ON = (*DECISIVE, "precision", "backend", "keep", "patience")


@dataclass(frozen=True)
class Training(Options):
    """Options of this script."""

    preset: str = option(
        "paper", "settings of the paper, of its code, or a larger network of ours",
        choices=("paper", "repo", "large"),
    )  # fmt: skip
    recipe: str | None = option(
        None,
        RECIPE_HELP + "; on the demo band led",
        choices=("paper", "repo", "large", "led"),
    )
    epochs: int | None = option(None, "of each BVAE (default: as train/bvae.py)", metavar="N")
    refine_epochs: int | None = option(None, "of each refine network", metavar="N")
    fusion_epochs: int | None = option(None, "of the MFG-VAE", metavar="N")
    unit: str | None = option(
        None, "of the refine networks, or none (default: note, for large none)", choices=UNITS
    )
    strategy: str | None = option(
        None,
        "how the tracks are fused (default: vrae, and concat for large)",
        choices=("vrae", "concat", "project"),
    )
    steps: int = option(48, "steps of a bar", choices=(48, 96))
    assemble: bool = option(False, "train nothing; put together the stages that the folder holds")


def run(args: Namespace) -> None:
    options = read_flags(args, Training)
    prepare(options)
    large = options.preset == "large"
    quick = options.data == "demo" and not large
    train(
        replace(
            options,
            unit=options.unit or ("none" if large else "note"),
            recipe=options.recipe or ("led" if quick else options.preset),
            refine_epochs=options.refine_epochs or (1 if quick else None),
        )
    )


def train(options: Training) -> Path:
    """All stages; gives the folder of the system."""
    from musegen.cli import run_training
    from musegen.models.midi_s2 import material
    from musegen.training.runs import begun

    folder = Path(options.out or "runs/midi-s2")
    for name, script, flags in () if options.assemble else stages(options, folder):
        if trained(folder / name, options):
            print(f"{name}: trained already")
            continue
        resume = ["--resume"] if options.resume and begun(folder / name) else []
        run_training(script, [*shared(options), *flags, *resume, "--out", str(folder / name)])
    system = assemble(options, folder)
    data, held_out = material(
        options.data, options.preset, system.n_steps, options.val_split, options.bars, options.seed
    )
    system.latents = system.measure(data)
    system.save(folder)
    sample(system, held_out or data, options.seed, folder)
    print(f"musegen generate {folder} -n 8")
    return folder


def stages(options: Training, folder: Path) -> list[tuple[str, str, list[str]]]:
    """Folder, script and own flags of each stage, in order."""
    recipe, bvaes = ["--recipe", options.recipe], ["--bvaes", str(folder)]
    own = [*recipe, *epochs(options.epochs), "--steps", str(options.steps)]
    plan = [(f"bvae-{track}", "bvae", ["--track", track, *own]) for track in TRACKS]
    for track in TRACKS if options.unit != "none" else ():
        flags = ["--track", track, "--unit", options.unit, *epochs(options.refine_epochs), *bvaes]
        plan.append((f"refine-{options.unit}-{track}", "refine", flags))
    strategy = ["--strategy", options.strategy] if options.strategy else []
    flags = [*recipe, *strategy, *epochs(options.fusion_epochs), *bvaes]
    plan.append(("mfg-vae", "mfg_vae", flags))
    return plan


def epochs(n: int | None) -> list[str]:
    return [] if n is None else ["--epochs", str(n)]


def shared(options: Training) -> list[str]:
    """The flags that every stage is given."""
    given = {name: getattr(options, name) for name in PASSED_ON}
    pairs = [(flag(name), str(value)) for name, value in given.items() if value is not None]
    switches = ["--no-jit"] * (not options.jit) + ["--tensorboard"] * options.tensorboard
    return [word for pair in pairs for word in pair] + switches


def trained(folder: Path, options: Training) -> bool:
    """Whether a stage has been trained to its end, and as these options want it."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    for name in (*DECISIVE, "recipe"):
        wanted = getattr(options, name)
        own = config["settings"].get(name, wanted)
        if own != wanted:
            raise Error(
                f"{folder}: was trained with {flag(name)} {own}, not {wanted}; give another --out"
            )
    return config["finished"] is not None


def assemble(options: Training, folder: Path) -> "MidiS2":
    """The whole system of the stages' models."""
    from musegen.models.midi_s2 import MidiS2
    from musegen.registry import load_model

    def model(stage: str, name: str):
        return load_model(folder / stage / f"{name}.keras")

    bvaes = {track: model(f"bvae-{track}", f"bvae-{track}") for track in TRACKS}
    refiners = {
        track: model(f"refine-{options.unit}-{track}", f"refine-{track}")
        for track in TRACKS if options.unit != "none"
    }  # fmt: skip
    return MidiS2(options.preset, bvaes, model("mfg-vae", "mfg-vae"), refiners)


def sample(system: "MidiS2", data: "Data", seed: int, folder: Path) -> None:
    """Draws and writes phrases: of the data, the same restored, and generated ones."""
    from musegen import midi, plots

    original = data.part(0, SHOWN).phrases
    shown = {
        "original": original,
        "restored": system.restore(original),
        "generated": system.generate(SHOWN, seed, "fit"),
    }
    for name, phrases in shown.items():
        midi.write(phrases, folder / "samples" / f"{name}.mid")
    picture = folder / "samples" / "phrases.png"
    plots.save(plots.midi_s2(shown), picture)
    print(picture)


def add_arguments(parser: ArgumentParser) -> None:
    add_flags(parser, Training)


def main(argv: list[str] | None = None) -> None:
    from musegen.cli import run_training

    run_training("midi_s2", argv)


if __name__ == "__main__":
    from musegen.cli import guard

    sys.exit(guard(main))
