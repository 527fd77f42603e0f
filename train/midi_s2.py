"""Trains all of MIDI-Sandwich2: five BVAEs, five refine networks, the MFG-VAE over them.

    python train/midi_s2.py
    python train/midi_s2.py --data phrases/ --out runs/mine
    musegen generate runs/mine -n 8

Runs the stages in order, each in its own folder inside runs/midi-s2, by the scripts
train/bvae.py, train/refine.py and train/mfg_vae.py. A stage that is trained already is skipped;
--resume goes on with one that was interrupted. Writes the system to runs/midi-s2 itself, with
samples/ of phrases that it generates and restores.
"""

import os
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from musegen import Error
from musegen.music.layout import TRACKS
from musegen.training.options import (
    PhraseOptions,
    add_flags,
    flag,
    option,
    prepare,
    read_flags,
    to_flags,
)
from musegen.training.recipes import RECIPE_HELP, recipe_name

if TYPE_CHECKING:
    from musegen.data import Data
    from musegen.models.midi_sandwich2.system import MidiS2

UNITS = ("note", "bar", "none")
SHOWN = 8  # phrases of a sample, as in the paper's pictures
DECISIVE = ("data", "preset", "batch_size", "seed", "val_split", "bars")
PASSED_ON = (*DECISIVE, "precision", "backend", "keep", "patience", "jit", "tensorboard")
# Settings for the demo band, unless flags say otherwise: they show in minutes that it works. The
# greater weight of the KL term keeps latent vectors of so short a training inside (-1, 1).
QUICK = {
    "bvae": {"epochs": 3, "pca_warmup": 1, "kl_weight": 0.1},
    "refine": {"epochs": 1, "batch_size": 256, "learning_rate": 2e-3},
    "mfg_vae": {"epochs": 5, "pca_warmup": 2},
}
QUICK_LARGE = {"bvae": {"epochs": 3}, "mfg_vae": {"epochs": 5}, "refine": {"epochs": 1}}


@dataclass(frozen=True)
class Training(PhraseOptions):
    """Options of this script."""

    preset: str | None = option(
        None, "settings of the paper, of its code, or a larger network of ours, which learns "
        "faster (default: paper, on the demo large)", choices=("paper", "repo", "large"),
    )  # fmt: skip
    recipe: str | None = option(
        None,
        RECIPE_HELP,
        choices=("paper", "repo", "large", "pca-warmup"),
    )
    batch_size: int | None = option(None, "examples in a batch (default: 32)", metavar="N", least=1)
    epochs: int | None = option(
        None, "number of epochs of each BVAE (default: as train/bvae.py)", metavar="N"
    )
    refine_epochs: int | None = option(
        None, "number of epochs of each refine network (default: as train/refine.py)", metavar="N"
    )
    fusion_epochs: int | None = option(
        None, "number of epochs of the MFG-VAE (default: as train/mfg_vae.py)", metavar="N"
    )
    unit: str | None = option(
        None,
        "input of the refine networks, a time step (note) or a bar; with none there are no refine "
        "networks (default: note; none for large)",
        choices=UNITS,
    )
    strategy: str | None = option(
        None,
        "how the tracks are fused (default: vrae, and concat for large)",
        choices=("vrae", "concat", "project"),
    )
    steps: int = option(48, "steps of a bar", choices=(48, 96))
    jobs: int | None = option(
        None, "number of tracks to train at the same time (default: 2 on the demo band, else 1)",
        metavar="N", least=1,
    )  # fmt: skip
    assemble: bool = option(False, "train nothing; put together the stages that the folder holds")


def run(args: Namespace) -> None:
    train(with_defaults(read_flags(args, Training)))


def with_defaults(options: Training) -> Training:
    """Completes the options with what the preset and the data decide."""
    demo = options.data == "demo"
    options = replace(options, preset=options.preset or ("large" if demo else "paper"))
    return replace(
        options,
        unit=options.unit or ("none" if options.preset == "large" else "note"),
        recipe=recipe_name(options),
        jobs=options.jobs or (2 if demo and (os.cpu_count() or 1) > 1 else 1),
    )


def train(options: Training) -> Path:
    """Trains all stages and returns the folder of the system."""
    from musegen.training.runs import locked

    folder = Path(options.out or "runs/midi-s2")
    check(options, folder)
    with locked(folder):
        return train_in(options, folder)


def check(options: Training, folder: Path) -> None:
    """Raises an `Error` for a folder that cannot be used, or an option that would do nothing."""
    from musegen.training.runs import LOCK, begun

    if options.unit == "none" and options.refine_epochs:
        raise Error("--refine-epochs: there is no refine network; add --unit note or --unit bar")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    stages = [name for name in names if begun(folder / name)]
    if options.resume and not stages:
        raise Error(f"{folder}: no run to resume; start it without --resume")
    if names - {LOCK} and not stages:
        raise Error(f"{folder}: holds other things; give another --out")


def train_in(options: Training, folder: Path) -> Path:
    """Trains all stages, in a folder that no other training uses."""
    if not options.assemble:
        train_stages(options, folder)
    prepare(options)
    from musegen.models.midi_sandwich2.training_data import load_training_data

    system = assemble(options, folder)
    data, held_out = load_training_data(
        options.data, options.preset, system.n_steps, options.val_split, options.bars, options.seed
    )
    system.latents = system.measure_latents(data)
    system.save(folder, options.half)  # the stages keep what the next ones learn from
    sample(system, held_out or data, options.seed, folder)
    print(f"musegen generate {folder} -n 8")
    return folder


def train_stages(options: Training, folder: Path) -> None:
    """Trains what is not trained yet: the tracks, several at a time, then the MFG-VAE."""
    from musegen.training.jobs import run_chains
    from musegen.training.runs import begun

    def chain(stages: list[Stage]) -> list[tuple[str, list[str]]]:
        commands = []
        for name, script, settings in stages:
            out = folder / name
            if trained(out, settings):
                print(f"{name}: trained already", flush=True)
                continue
            resume = options.resume and begun(out)
            options_of_script = import_module(f"musegen.train.{script}").Training
            flags = to_flags(settings | {"out": out, "resume": resume}, options_of_script)
            commands.append((script, flags))
        return commands

    tracks = {track: chain(of_track(options, track, folder)) for track in TRACKS}
    run_chains({track: stages for track, stages in tracks.items() if stages}, options.jobs)
    run_chains({"": chain([fusion(options, folder)])}, 1)


class Stage(NamedTuple):
    """A training script, the folder of its run, and its settings where they are not None."""

    name: str
    script: str
    settings: dict[str, Any]


def of_track(options: Training, track: str, folder: Path) -> list[Stage]:
    """Returns the stages of a track: the BVAE and, if wanted, the refine network."""
    settings = {"recipe": options.recipe, "epochs": options.epochs, "steps": options.steps}
    stages = [stage(options, f"bvae-{track}", "bvae", {"track": track} | settings)]
    if options.unit != "none":
        settings = {"unit": options.unit, "epochs": options.refine_epochs, "bvaes": folder}
        name = f"refine-{options.unit}-{track}"
        stages.append(stage(options, name, "refine", {"track": track} | settings))
    return stages


def fusion(options: Training, folder: Path) -> Stage:
    """Returns the stage of the MFG-VAE over all tracks."""
    settings = {
        "recipe": options.recipe,
        "strategy": options.strategy,
        "epochs": options.fusion_epochs,
        "bvaes": folder,
    }
    return stage(options, "mfg-vae", "mfg_vae", settings)


def stage(options: Training, name: str, script: str, settings: dict[str, Any]) -> Stage:
    """Makes a stage with the settings that all share and, on the demo band, quick ones."""
    given = {name: getattr(options, name) for name in PASSED_ON} | settings
    given = {name: value for name, value in given.items() if value is not None}
    default = {"batch_size": PhraseOptions.batch_size}
    if options.data == "demo":
        default |= (QUICK_LARGE if options.preset == "large" else QUICK)[script]
    return Stage(name, script, default | given)


def trained(folder: Path, settings: dict[str, Any]) -> bool:
    """Returns whether a stage has been trained to its end, and with such settings."""
    from musegen.training.runs import begun, read_config

    if not begun(folder):
        return False
    config = read_config(folder)
    for name in (*DECISIVE, "recipe"):
        wanted = settings.get(name)
        former = config["settings"].get(name, wanted)
        if former != wanted:
            trained_with = f"{folder}: was trained with {flag(name)} {former}"
            raise Error(f"{trained_with}, not {wanted}; give another --out")
    return config.get("finished") is not None


def assemble(options: Training, folder: Path) -> "MidiS2":
    """Puts the system together from the models of the stages."""
    from musegen.models.midi_sandwich2.system import MidiS2
    from musegen.saving import load_model

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
    from musegen import plots
    from musegen.music import midi

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


if __name__ == "__main__":
    from musegen.cli import script_main

    script_main(__file__)
