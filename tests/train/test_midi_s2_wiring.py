"""Each flag of the script that trains all of MIDI-Sandwich2 reaches the stages that it is of.

Stages are caught as command lines and parsed by their own scripts, whose flags have tests of their
own; a `Whole` stands for the system that is put together of them.
"""

import json
import shlex
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import wiring
from wiring import HELD_OUT, LEARNED, OTHERS, PHRASES

from musegen import plots, saving
from musegen.models.midi_sandwich2 import system, training_data
from musegen.music import midi
from musegen.music.phrases import TRACKS, resample
from musegen.train import bvae, mfg_vae, refine
from musegen.train import midi_s2 as script
from musegen.training import jobs as at_a_time

SCRIPTS = {"bvae": bvae, "refine": refine, "mfg_vae": mfg_vae}
BVAES = [f"bvae-{track}" for track in TRACKS]
BACKEND = keras.config.backend()
OTHER = (
    "--data {data}/others.npy --preset paper --recipe pca-warmup --bars 8 --val-split 0.5 "
    "--batch-size 5 --seed 3 --precision mixed_bfloat16 --keep best --patience 4 --no-jit "
    "--tensorboard --half --epochs 7 --refine-epochs 8 --fusion-epochs 9 --unit bar "
    f"--strategy project --steps 96 --jobs 3 --backend {BACKEND}"
)


@dataclass
class Whole:
    """What was seen of one run, and the system of it."""

    folder: Path
    n_steps: int
    stages: dict[str, Namespace] = field(default_factory=dict)  # by their folders
    jobs: list[int] = field(default_factory=list)
    preset: str = ""
    opened: list[str] = field(default_factory=list)  # networks
    measured: np.ndarray | None = None
    saved: tuple = ()
    precision: str = ""
    generated: tuple = ()
    written: dict[str, np.ndarray] = field(default_factory=dict)

    def run_chains(self, chains: dict, jobs: int) -> None:
        self.jobs.append(jobs)
        for name, flags in (stage for chain in chains.values() for stage in chain):
            args = wiring.parser(SCRIPTS[name]).parse_args(flags)
            self.stages[str(Path(args.out).relative_to(self.folder))] = args

    def open(self, path: Path) -> str:
        self.opened.append(str(path.relative_to(self.folder)))
        return path.stem

    def put_together(self, preset: str, bvaes: dict, fusion: str, refiners: dict) -> "Whole":
        self.preset, self.precision = preset, keras.config.dtype_policy().name
        assert (bvaes, fusion) == (dict(zip(TRACKS, BVAES, strict=True)), "mfg-vae")
        assert refiners in ({}, {track: f"refine-{track}" for track in TRACKS})
        return self

    def measure_latents(self, data) -> None:
        self.measured = data.phrases

    def save(self, *given: Any) -> None:
        self.saved = given

    def restore(self, phrases: np.ndarray) -> np.ndarray:
        return ~phrases

    def generate(self, *given: Any) -> np.ndarray:
        self.generated = given
        return PHRASES[:1]


@pytest.fixture(scope="module")
def watch(tmp_path_factory) -> Callable[[str], Whole]:
    data = tmp_path_factory.mktemp("midi_s2")
    np.save(data / "phrases.npy", PHRASES)
    np.save(data / "others.npy", OTHERS)
    new = tmp_path_factory.mktemp
    return cache(lambda flags="": run(flags, data, new("run")))


def run(flags: str, data: Path, folder: Path) -> Whole:
    line = f"--data {data}/phrases.npy --preset large --val-split 0.2 --out {folder} "
    line += flags.format(data=data)
    args = wiring.parser(script).parse_args(shlex.split(line))
    seen = Whole(folder, args.steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", BACKEND)
        patch.setattr(at_a_time, "run_chains", seen.run_chains)
        patch.setattr(saving, "load_model", seen.open)
        patch.setattr(system, "MidiS2", seen.put_together)
        patch.setattr(training_data, "REPO_PHRASES", 6)
        patch.setattr(training_data, "REPO_FIRST", 9)
        patch.setattr(midi, "write", lambda music, path: seen.written.update({path.stem: music}))
        patch.setattr(plots, "midi_s2", lambda shown: None)
        patch.setattr(plots, "save", lambda *args: None)
        try:
            script.run(args)
        finally:
            keras.config.set_dtype_policy("float32")
    return seen


def passed_on(flag: str, usual: Any, other: Any) -> Callable:
    """Checks that every stage has what the flag says."""

    def check(watch: Callable[[str], Whole]) -> None:
        for flags, wanted, n in (("", usual, 6), (OTHER, other, 11)):
            found = [getattr(stage, flag) for stage in watch(flags).stages.values()]
            assert found == [wanted] * n

    return check


def of_stages(flag: str, kind: str, usual: Any, other: Any) -> Callable:
    """Checks that the stages of one kind have what the flag says, and no others."""

    def check(watch: Callable[[str], Whole]) -> None:
        for flags, wanted in (("", usual), (OTHER, other)):
            stages = watch(flags).stages.items()
            found = {getattr(stage, flag) for name, stage in stages if name.startswith(kind)}
            assert found <= {wanted}
        assert found  # of the other flags, there are such stages
        others = [stage for name, stage in stages if not name.startswith(kind)]
        assert other not in [getattr(stage, flag, None) for stage in others]

    return check


def data(watch) -> None:
    for flags, name in (("", "phrases"), (OTHER, "others")):
        assert {Path(own.data).stem for own in watch(flags).stages.values()} == {name}
    np.testing.assert_array_equal(watch().measured, LEARNED)
    np.testing.assert_array_equal(watch(OTHER).measured, resample(OTHERS[:2], 96))


def val_split(watch) -> None:
    """Samples are of music that is not learned if there is any."""
    passed_on("val_split", 0.2, 0.5)(watch)
    np.testing.assert_array_equal(watch().written["original"], HELD_OUT)
    np.testing.assert_array_equal(watch().written["restored"], ~HELD_OUT)
    np.testing.assert_array_equal(watch(OTHER).written["original"], resample(OTHERS[5:], 96))
    np.testing.assert_array_equal(watch("--val-split 0").written["original"], PHRASES[:8])


def bars(watch) -> None:
    passed_on("bars", None, 8)(watch)
    assert [len(watch(flags).measured) for flags in ("", OTHER)] == [8, 2]


def preset(watch) -> None:
    passed_on("preset", "large", "paper")(watch)
    assert [watch(flags).preset for flags in ("", OTHER)] == ["large", "paper"]
    drawn = PHRASES[np.random.default_rng(0).permutation(9)[:6]]
    np.testing.assert_array_equal(watch("--preset repo").measured, drawn[:5])


def seed(watch) -> None:
    passed_on("seed", 0, 3)(watch)
    assert [watch(flags).generated for flags in ("", OTHER)] == [(8, 0, "fit"), (8, 3, "fit")]


def precision(watch) -> None:
    passed_on("precision", "float32", "mixed_bfloat16")(watch)
    assert [watch(flags).precision for flags in ("", OTHER)] == ["float32", "mixed_bfloat16"]


def half(watch) -> None:
    """Of the system; the stages keep what the next ones learn from."""
    for flags, halved in (("", False), (OTHER, True)):
        assert watch(flags).saved == (watch(flags).folder, halved)
        assert {stage.half for stage in watch(flags).stages.values()} == {False}


def out(watch) -> None:
    """The folder of the system, in which the stages' are, and where they look for each other."""
    seen = watch(OTHER)
    assert list(seen.stages)[:2] == ["bvae-drums", "refine-bar-drums"]
    assert {getattr(own, "bvaes", str(seen.folder)) for own in seen.stages.values()} == {
        str(seen.folder)
    }


def recipe(watch) -> None:
    for flags, wanted in (("", "large"), (OTHER, "pca-warmup")):
        stages = watch(flags).stages
        assert {stages[name].recipe for name in (*BVAES, "mfg-vae")} == {wanted}


def steps(watch) -> None:
    for flags, n in (("", 48), (OTHER, 96)):
        assert {watch(flags).stages[name].steps for name in BVAES} == {n}


def unit(watch) -> None:
    """Which refine networks there are, or none."""
    assert watch().opened == [*(f"{name}/{name}.keras" for name in BVAES), "mfg-vae/mfg-vae.keras"]
    for flags, kind in (("--unit note", "note"), (OTHER, "bar")):
        seen = watch(flags)
        refiners = [own for name, own in seen.stages.items() if name.startswith("refine")]
        assert [(own.unit, own.track) for own in refiners] == [(kind, track) for track in TRACKS]
        opened = [f"refine-{kind}-{track}/refine-{track}.keras" for track in TRACKS]
        assert [name for name in seen.opened if name.startswith("refine")] == opened
    assert [watch().stages[name].track for name in BVAES] == list(TRACKS)


def jobs(watch) -> None:
    """So many tracks at a time; the MFG-VAE, which reads them all, after them."""
    assert [watch(flags).jobs for flags in ("", OTHER)] == [[1, 1], [3, 1]]
    assert list(watch(OTHER).stages)[-1] == "mfg-vae"


def resume(watch) -> None:
    """What is trained is left as it is, what is begun goes on, the rest begins."""
    folder = watch().folder
    for name, finished in (("bvae-drums", "today"), ("bvae-bass", None)):
        told = {"settings": {}, "finished": finished}
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(told))
    music = Path(watch().stages["mfg-vae"].data).parent
    for flags, resumed in (("--resume", ["bvae-bass"]), ("", [])):
        stages = run(flags, music, folder).stages
        assert set(stages) == {*BVAES, "mfg-vae"} - {"bvae-drums"}
        assert [name for name, own in stages.items() if own.resume] == resumed


def assemble(watch) -> None:
    seen = watch("--assemble")
    assert seen.jobs == []
    assert seen.saved


TABLE = {
    own.__name__: own
    for own in (
        data, val_split, bars, preset, seed, precision, half, out, recipe, steps, unit, jobs,
        resume, assemble,
    )
} | {
    "batch_size": passed_on("batch_size", 32, 5),
    "keep": passed_on("keep", "last", "best"),
    "patience": passed_on("patience", None, 4),
    "jit": passed_on("jit", True, False),
    "tensorboard": passed_on("tensorboard", False, True),
    "backend": passed_on("backend", None, BACKEND),
    "epochs": of_stages("epochs", "bvae", None, 7),
    "refine_epochs": of_stages("epochs", "refine", None, 8),
    "fusion_epochs": of_stages("epochs", "mfg-vae", None, 9),
    "strategy": of_stages("strategy", "mfg-vae", None, "project"),
}  # fmt: skip


def test_every_flag_has_its_check():
    assert TABLE.keys() == wiring.flags_of(script)


@wiring.by_flag(TABLE)
def test_a_flag_has_its_effect(check, watch):
    check(watch)
