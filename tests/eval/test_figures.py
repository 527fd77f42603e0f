"""The figures of MIDI-Sandwich2, drawn from an untrained system and made-up histories."""

import csv
import re
import subprocess
import sys
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from matplotlib.text import Text

from musegen import Error, plots, registry
from musegen.music.phrases import TRACKS

RUNS = {4: "refine-note-bass", 5: "bvae-bass", 6: "mfg-vae", 7: "refine-bar-bass"}
HISTORY = {
    "loss": [0.3, 0.1], "acc_argmax": [0.2, 0.6], "accuracy": [0.8, 0.9],
    "val_loss": [0.4, 0.2], "val_acc_argmax": [0.1, 0.5], "val_accuracy": [0.7, 0.8],
}  # fmt: skip


@pytest.fixture
def run(figures_of, music):
    return figures_of("midi-s2", music)


@pytest.fixture
def drawn(monkeypatch) -> dict:
    """The figures that were saved, by the names of their files."""
    saved, save = {}, plots.save

    def keeping(figure, path: Path) -> Path:
        saved[path.stem] = figure
        return save(figure, path)

    monkeypatch.setattr(plots, "save", keeping)
    return saved


def write_history(path: Path, columns: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *columns])
        writer.writerows(zip((1, 2), *columns.values(), strict=True))


def pixels(name: str) -> np.ndarray:
    return np.round(255 * imread(f"out/midi-s2-figure-{name}.png")).astype(np.uint8)


def test_without_runs_it_draws_the_diagrams_and_says_how_to_make_the_others(run, drawn):
    text = run()
    assert [int(name.rpartition("-")[2]) for name in drawn] == [1, 2, 3]
    assert all((Path("out") / f"{name}.png").is_file() for name in drawn)
    words = {name: {t.get_text() for t in drawn[name].findobj(Text)} for name in drawn}
    assert {"125,568", "170,384", "164,608", "263,168", "524,884", "48 × 84"} <= words[
        "midi-s2-figure-1"
    ]
    assert {"4,933", "2,368", "2,305", "43,520", "262,656"} <= words["midi-s2-figure-2"]
    assert {"131,584", "16,512", "→ 5 × 128", "std 0.01"} <= words["midi-s2-figure-3"]
    assert "4,531,956 parameters" in text

    notes = [line for line in text.splitlines() if "makes it" in line]
    assert [int(re.match(r"figure (\d)", note)[1]) for note in notes] == [4, 5, 6, 7, 8, 9]
    for script, flags in re.findall(r"`python train/(\w+)\.py (.*?)`", text):
        parser = ArgumentParser(exit_on_error=False)
        import_module(f"musegen.train.{script}").add_arguments(parser)
        assert parser.parse_args(flags.split()).out.startswith("runs/midi-s2")


def test_training_curves_of_run_folders(run, drawn):
    for k, name in enumerate(RUNS.values()):
        columns = HISTORY if name in ("bvae-bass", "mfg-vae") else HISTORY | {"acc_argmax": [9, 9]}
        columns = {column: [v + k for v in values] for column, values in columns.items()}
        write_history(Path("runs") / name / "history.csv", columns)
    text = run("--runs", "runs", "--figure", "7", "4", "5", "6")
    accuracies = {4: "accuracy", 5: "acc_argmax", 6: "acc_argmax", 7: "accuracy"}
    for k, (number, accuracy) in enumerate(accuracies.items()):
        (axes,) = drawn[f"midi-s2-figure-{number}"].axes
        curves = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
        assert curves == {
            label: [v + k for v in HISTORY[column]]
            for label, column in (
                ("train acc", accuracy), ("train loss", "loss"),
                ("val acc", f"val_{accuracy}"), ("val loss", "val_loss"),
            )
        }  # fmt: skip
    assert "figure 5: BVAE, bass, epoch 2: loss 1.1, val_loss 1.2, acc_argmax 1.6" in text
    assert text.index("figure 4") < text.index("figure 7")


def test_training_curves_that_lie_beside_a_system(run, drawn, tmp_path):
    folder = tmp_path / "band"
    write_history(folder / "history" / "bvae-piano.csv", {"loss": [2, 1], "accuracy": [0, 1]})
    (folder / registry.SYSTEM_FILE).write_text("{}")
    run("--system", "band", "--track", "piano", "--figure", "5")
    (axes,) = drawn["midi-s2-figure-5"].axes
    assert axes.get_title() == "BVAE, piano"
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0, 1], [2, 1]]


def test_figure_8_restores_eight_phrases(run, drawn, system, system_folder, music):
    text = run("--system", str(system_folder), "--figure", "8", "--seed", "2")
    assert "8 full phrases of music.npy" in text
    original, rough, refined = (
        pixels(f"8-{name}") for name in ("original", "restored-without-refine", "complete-restore")
    )
    sounding = music.any(axis=(2, 3)).sum(axis=(1, 2))
    chosen = music[sorted((-sounding).argsort(kind="stable")[:8])]
    for image, phrases in (
        (original, chosen),
        (rough, system.restore(chosen, 2, refine=False)),
        (refined, system.restore(chosen, 2, refine=True)),
    ):
        assert image.shape == (430, 1587)
        assert (image == plots.image_midi_s2(phrases)).all()
    titles = [axes.get_title(loc="left") for axes in drawn["midi-s2-figure-8"].axes]
    assert titles == ["original", "restored without refine", "complete restore"]


def test_figure_9_shows_five_bvaes_and_one_shared_bvae(run, system, system_folder):
    shared = Path("runs/bvae-shared/bvae-shared.keras")
    shared.parent.mkdir(parents=True)
    options = ("--system", str(system_folder), "--runs", "runs", "--figure", "9")
    with pytest.raises(Error, match=r"not there; `python train/bvae\.py --track shared"):
        run(*options)
    system.bvaes["bass"].save(shared)
    run(*options)
    own, together = (pixels(f"9-{name}") for name in ("independent-BVAEs", "one-shared-BVAE"))
    assert own.shape == together.shape == (430, 1587)
    for track in TRACKS:
        rows = slice(3 + 85 * TRACKS.index(track), 3 + 85 * TRACKS.index(track) + 84)
        assert (own[rows] == together[rows]).all() == (track == "bass")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--figure", "10"], "--figure 10: midi-s2 has the figures 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        (["--figure", "4"], "no run refine-note-bass; `python train/refine.py"),
        (["--figure", "8"], "no trained midi-s2; `python train/midi_s2.py"),
        (["--runs", "nowhere"], "nowhere: no such folder"),
        (["--system", "nobody"], "nobody: no trained system"),
        (["--out", "music.npy"], "music.npy: is no folder"),
        (["--track", "lute"], "--track lute: choose drums, piano, guitar, bass, strings"),
        (["--runs", "runs", "--figure", "6"], "history.csv: no history of a training"),
        (["--runs", "runs", "--figure", "5"], "history.csv: not one epoch yet"),
    ],
)
def test_mistakes(run, options, message):
    for name, text in (("mfg-vae", "epoch,loss\n1,much\n"), ("bvae-bass", "epoch,loss\n")):
        path = Path("runs") / name / "history.csv"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    with pytest.raises(Error, match=message) as raised:
        run(*options)
    assert "\n" not in str(raised.value)


def test_help_needs_neither_numpy_nor_keras():
    code = (
        "import sys; from musegen.cli import run_script\n"
        "try: run_script('eval', 'figures', ['--help'])\n"
        "except SystemExit: assert not {'numpy', 'matplotlib', 'keras'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "in a checkout the same as:" in done.stdout


def test_a_full_disk_leaves_the_old_figure(run, full_disk):
    path = Path("out/midi-s2-figure-1.png")
    path.parent.mkdir()
    path.write_bytes(b"old")
    with full_disk(2000), pytest.raises(Error, match=r"figure-1\.png: cannot be written"):
        run("--figure", "1")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
