"""The scripts that train MIDI-Sandwich2, run as a user runs them, on little music."""

import csv
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import pytest

import musegen
from musegen import Error
from musegen.cli import run_script
from musegen.data import demo
from musegen.models.midi_sandwich2 import bvae
from musegen.models.midi_sandwich2.settings import PRESETS
from musegen.models.midi_sandwich2.training_data import of_track
from musegen.music import midi
from musegen.music.phrases import TRACKS, bars_of, from_bars
from musegen.train import bvae as script
from musegen.train import mfg_vae as fusion_script
from musegen.train import midi_s2 as whole
from musegen.train import refine as refine_script
from musegen.training import runs
from musegen.training.options import to_flags

LITTLE = ["--bars", "64", "--batch-size", "64", "--no-jit"]
EPOCHS = ["--unit", "note", "--epochs", "2", "--refine-epochs", "1", "--fusion-epochs", "1"]


@pytest.fixture(scope="module")
def phrases(tmp_path_factory) -> str:
    """A file of 24 phrases of 48 steps."""
    path = tmp_path_factory.mktemp("data") / "phrases.npy"
    np.save(path, demo.phrases(24, n_steps=48, seed=0))
    return str(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, phrases) -> Path:
    """A whole system of the preset large, whose dense layers compile at once."""
    folder = tmp_path_factory.mktemp("runs") / "band"
    command = ["--data", phrases, "--preset", "large", *LITTLE, "--out", str(folder)]
    run_script("train", "midi_s2", [*command, *EPOCHS, "--jobs", "2"])
    return folder


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_whole_system_is_trained_stage_by_stage(trained):
    stages = [f"bvae-{track}" for track in TRACKS] + [f"refine-note-{track}" for track in TRACKS]
    for stage in (*stages, "mfg-vae"):
        config = json.loads((trained / stage / "config.json").read_text())
        assert config["finished"]
        assert (trained / stage / "loss.png").exists()
        with (trained / stage / "history.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == config["settings"]["epochs"]
        assert float(rows[-1]["loss"]) > 0
        samples = {path.name for path in (trained / stage / "samples").iterdir()}
        last = f"epoch-{len(rows):04}"
        assert {"original.mid", f"{last}.mid", f"{last}.png"} <= samples
    system = musegen.load(trained)
    assert system.generate(2, z_std="fit").shape == (2, 4, 48, 84, 5)
    restored = midi.phrases(trained / "samples" / "restored.mid")
    original = midi.phrases(trained / "samples" / "original.mid")
    np.testing.assert_array_equal(restored, system.restore(original))


@pytest.mark.slow
def test_kl_and_squared_error_are_logged_apart(trained):
    with (trained / "mfg-vae" / "history.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["loss"]) == pytest.approx(float(row["mse"]) + float(row["kl"]), rel=1e-6)
    assert "acc_argmax" in row


@pytest.mark.slow
def test_later_stages_leave_the_bvaes_bit_for_bit(trained, phrases, tmp_path):
    files = sorted(trained.glob("bvae-*/*.keras"))
    before = [digest(path) for path in files]
    common = ["--data", phrases, "--preset", "large", *LITTLE, "--epochs", "1"]
    bvaes = ["--bvaes", str(trained)]
    run_script("train", "refine", [*common, *bvaes, "--out", str(tmp_path / "refine")])
    run_script("train", "mfg_vae", [*common, *bvaes, "--out", str(tmp_path / "mfg-vae")])
    assert len(files) == 15
    assert [digest(path) for path in files] == before
    for track in TRACKS:  # and the whole system holds the same weights
        (one,) = (musegen.load(trained / name) for name in (f"bvae-{track}.keras",))
        other = musegen.load(trained / f"bvae-{track}" / f"bvae-{track}.keras")
        for weight, same in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, same)


@pytest.mark.slow
def test_what_is_trained_is_skipped_and_other_settings_are_refused(trained, phrases, capsys):
    common = ["--data", phrases, *LITTLE, "--out", str(trained)]
    run_script("train", "midi_s2", [*common, *EPOCHS, "--preset", "large"])
    assert capsys.readouterr().out.count("trained already") == 11
    with pytest.raises(Error, match="bvae-drums: was trained with --preset large, not paper"):
        run_script("train", "midi_s2", [*common, *EPOCHS])


@pytest.mark.parametrize("content", ["", "[]", "[" * 10_000, '{"settings": []}', '"\xff"'])
def test_a_damaged_stage_is_one_line(content, phrases, tmp_path):
    (tmp_path / "bvae-drums").mkdir()
    (tmp_path / "bvae-drums" / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(Error, match=r"config\.json: .*; give another --out") as raised:
        run_script("train", "midi_s2", ["--data", phrases, "--out", str(tmp_path)])
    assert "\n" not in str(raised.value)


def test_a_whole_system_takes_a_folder_of_its_own(phrases, tmp_path):
    command = ["--data", phrases, *LITTLE, "--out", str(tmp_path)]
    with pytest.raises(Error, match="no run to resume; start it without --resume"):
        run_script("train", "midi_s2", [*command, "--resume"])
    with (
        runs.locked(tmp_path),
        pytest.raises(Error, match="another process trains there; wait or give another --out"),
    ):
        run_script("train", "midi_s2", command)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(Error, match="holds other things; give another --out"):
        run_script("train", "midi_s2", command)


@pytest.mark.slow
def test_the_bvae_of_the_paper(phrases, tmp_path, capsys):
    folder = tmp_path / "run"
    command = ["--track", "bass", "--data", phrases, *LITTLE, "--epochs", "2", "--kl-warmup", "1"]
    run_script("train", "bvae", [*command, "--half", "--out", str(folder)])
    assert (folder / "bvae-bass.keras").stat().st_size < 700_000  # of 1.2 MB in float32
    assert "bvae-bass: 295,952 parameters, 64 bars of phrases.npy" in capsys.readouterr().out
    model = musegen.load(folder / "bvae-bass.keras")
    encoder, decoder = bvae.encoder_and_decoder(model)
    for name, part in (("encoder", encoder), ("decoder", decoder)):
        saved = musegen.load(folder / f"{name}.keras")
        with zipfile.ZipFile(folder / f"{name}.keras") as file:  # opens without musegen
            assert b"musegen>" not in file.read("config.json")
        for weight, same in zip(part.get_weights(), saved.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, same)
    assert encoder.get_layer("sampling").kl_weight == 1.0  # the warm-up is over
    assert json.loads((folder / "latents.json").read_text())["std_of_means"] > 0


@pytest.mark.parametrize(("flags", "models"), [([], 1), (["--no-split-batch"], 0)])
def test_two_threads_learn_a_batch_unless_a_flag_says_not(
    flags, models, phrases, tmp_path, monkeypatch
):
    split = []
    import_module("musegen.training.pca_warmup")  # or it would import, and keep, the other `fit`
    monkeypatch.setattr("musegen.training.split_batch.split_batches", split.append)
    monkeypatch.setattr("musegen.training.fit.fit", lambda *arguments: {})
    command = ["--data", phrases, "--preset", "large", *LITTLE, "--out", str(tmp_path / "run")]
    run_script("train", "bvae", [*command, *flags])
    assert len(split) == models


@pytest.mark.slow
def test_a_run_with_pca_warmup_is_resumed_to_the_same_weights(phrases, tmp_path):
    command = [
        "--data",
        phrases,
        *LITTLE,
        "--recipe",
        "pca-warmup",
        "--preset",
        "large",
        "--pca-warmup",
        "1",
    ]

    def weights(folder: str, *epochs: str) -> list:
        for flags in epochs:
            run_script("train", "bvae", [*command, *flags.split(), "--out", str(tmp_path / folder)])
            sample = tmp_path / folder / "samples" / "epoch-0001.png"
            assert sample.exists()
            sample.unlink()  # as if the run had been killed before it was drawn
        return musegen.load(tmp_path / folder / "bvae-bass.keras").get_weights()

    whole = weights("whole", "--epochs 2 --decay none")
    parts = weights("parts", "--epochs 1 --decay none", "--epochs 2 --decay none --resume")
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)
    columns = {}
    for folder, rows in (("whole/pca-warmup", 1), ("whole", 2), ("parts", 2)):
        with (tmp_path / folder / "history.csv").open() as file:
            columns[folder] = list(csv.DictReader(file))
        assert len(columns[folder]) == rows
    for one, other in zip(columns["whole"], columns["parts"], strict=True):
        assert {**one, "seconds": ""} == {**other, "seconds": ""}  # the validation among them
    settings = json.loads((tmp_path / "whole" / "config.json").read_text())["settings"]
    assert (settings["optimizer"], settings["kl_weight"]) == ("muon", 0.001)


def test_the_demo_band_is_learned_quickly_unless_flags_say_otherwise():
    def line(**flags) -> list[str]:
        options = whole.with_defaults(replace(whole.Training(), **{"preset": "paper", **flags}))
        _, refine = whole.of_track(options, "bass", Path("runs"))
        return to_flags(refine.settings, refine_script.Training)

    quick = line()
    assert quick[quick.index("--batch-size") + 1] == "256"
    given = line(refine_epochs=7, batch_size=16, jit=False)
    for flag, value in (("--batch-size", "16"), ("--epochs", "7"), ("--track", "bass")):
        assert given[given.index(flag) + 1] == value
    assert "--no-jit" in given
    assert "--tensorboard" not in given
    slow = line(data="phrases")
    assert slow[slow.index("--batch-size") + 1] == "32"
    assert "--epochs" not in slow


def test_epochs_of_a_refine_network_that_is_not_there_are_refused(tmp_path):
    options = whole.Training(out=str(tmp_path / "new"), unit="none", refine_epochs=3)
    with pytest.raises(Error, match="--refine-epochs: there is no refine network; add --unit"):
        whole.train(options)
    assert not (tmp_path / "new").exists()


def test_without_a_preset_the_demo_band_is_learned_by_the_one_that_learns_fast():
    band, music = (whole.with_defaults(whole.Training(data=data)) for data in ("demo", "phrases"))
    assert (band.preset, band.recipe, band.unit) == ("large", "large", "none")
    assert (music.preset, music.recipe, music.unit) == ("paper", "paper", "note")
    (bvae_stage,) = whole.of_track(band, "bass", Path("runs"))
    assert (bvae_stage.settings["epochs"], bvae_stage.settings["preset"]) == (3, "large")


@pytest.mark.slow
def test_one_network_shared_by_all_tracks(phrases, tmp_path):
    command = ["--track", "shared", "--data", phrases, *LITTLE, "--epochs", "1"]
    run_script("train", "bvae", [*command, "--preset", "large", "--out", str(tmp_path / "run")])
    assert musegen.load(tmp_path / "run" / "bvae-shared.keras").count_params() > 0
    assert midi.phrases(tmp_path / "run" / "samples" / "original.mid").shape[-1] == 5


@pytest.mark.slow
def test_a_batch_larger_than_the_data_is_said(trained, phrases, tmp_path, capsys):
    common = ["--data", phrases, "--preset", "large", "--bars", "8", "--epochs", "1", "--no-jit"]
    common += ["--batch-size", "4096", "--bvaes", str(trained)]
    for name, seen in (("bvae", "8 bars"), ("mfg_vae", "8 bars"), ("refine", "384 steps")):
        flags = common[: -2 if name == "bvae" else None]
        run_script("train", name, [*flags, "--out", str(tmp_path / name)])
        out = capsys.readouterr().out
        line = f"{seen} are less than a batch of 4,096: every step sees all of them\n"
        assert out.count("every step sees") == out.count(line) == 1
    music = musegen.data.load(demo.phrases(2, n_steps=48))
    for size, said in ((9, 1), (8, 0)):
        options = replace(script.Training(), batch_size=size, mix=True)
        script.feeder(options, bvae.PRESETS["paper"], music)
        assert capsys.readouterr().out.count("8 bars are less than a batch of 9") == said


def test_rows_of_bars_and_back():
    music = demo.phrases(3, n_steps=48)
    bars = bars_of(music)
    np.testing.assert_array_equal(bars[(4 * 2 + 1) * 5 + 3], music[2, 1, :, :, 3])
    np.testing.assert_array_equal(from_bars(bars, 5), music)
    bass = bars_of(of_track(music, "bass"))
    np.testing.assert_array_equal(bass[4 * 2 + 1], music[2, 1, :, :, 3])


@pytest.mark.parametrize("flags", [{}, {"unique": True}, {"mix": True, "augment": True}])
def test_batches_of_one_epoch(flags):
    music = demo.phrases(8, n_steps=48)
    options = replace(script.Training(), batch_size=8, **flags)
    feed = script.feeder(options, PRESETS["paper"].bvae, musegen.data.load(music))

    def epoch(number: int) -> np.ndarray:
        pairs = [(np.asarray(x), np.asarray(y)) for x, y in feed(number)]
        for x, y in pairs:
            np.testing.assert_array_equal(x, y)
            assert set(np.unique(x)) <= {-1.0, 1.0}
        return np.concatenate([x for x, _ in pairs])

    bars = bars_of(of_track(music, "bass"))
    first, again, second = epoch(0), epoch(0), epoch(1)
    np.testing.assert_array_equal(first, again)
    assert first.shape[1:] == (48, 84)
    assert (first != second).any()
    different = np.unique(bars.reshape(len(bars), -1), axis=0)
    assert len(first) == (len(different) if flags.get("unique") else len(bars))
    if not flags.get("augment"):
        found = np.unique((first > 0).reshape(len(first), -1), axis=0)
        np.testing.assert_array_equal(found, different)


@pytest.mark.slow
def test_mixed_precision_computes_in_it(phrases, tmp_path):
    """Runs in another process, since the precision stays set."""
    code = (
        "import sys, musegen\n"
        "from musegen.cli import run_script\n"
        "run_script('train', 'bvae', sys.argv[1:])\n"
        "from musegen.models.midi_sandwich2.bvae import encoder_and_decoder\n"
        "model = musegen.load(sys.argv[2] + '/bvae-bass.keras')\n"
        "layer = encoder_and_decoder(model)[0].get_layer('read')\n"
        "print(layer.compute_dtype, layer.variable_dtype, model.output.dtype)\n"
    )
    command = ["--data", phrases, *LITTLE, "--epochs", "1", "--preset", "large"]
    out = ["--out", str(tmp_path / "run"), "--precision", "mixed_bfloat16"]
    done = subprocess.run(
        [sys.executable, "-c", code, *out, *command], capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "bfloat16 float32 float32", done.stderr


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("bvae", ["--track", "kazoo"], "'drums', 'piano', 'guitar', 'bass', 'strings'"),
        ("bvae", ["--data", "nowhere"], "nowhere: no such file or folder"),
        ("bvae", ["--track", "shared", "--augment"], "--augment: would move the drums too"),
        ("refine", ["--bvaes", "nowhere"], "bvae-bass.keras: no such file"),
        ("refine", ["--loss", "column"], "--loss column: sums over the steps of a bar"),
        ("mfg_vae", ["--bvaes", "nowhere"], "bvae-drums.keras: no such file"),
    ],
)
def test_a_users_mistake_is_one_line(name, flags, message, tmp_path):
    with pytest.raises(Error, match=message) as raised:
        run_script("train", name, [*flags, "--out", str(tmp_path / "run")])
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_bvaes_of_another_preset_are_refused(trained, phrases, tmp_path):
    command = ["--data", phrases, "--bvaes", str(trained), "--out", str(tmp_path / "run")]
    with pytest.raises(Error, match="128 latent numbers where 64 are expected"):
        run_script("train", "mfg_vae", command)


def test_precision_is_what_it_was():
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.slow
def test_latents_in_several_keys(trained, phrases):
    from musegen.models.midi_sandwich2 import mfg_vae
    from musegen.music.phrases import transpose

    system, data = musegen.load(trained), musegen.data.load(phrases).part(0, 4)
    reader = mfg_vae.reader(system.bvaes, system.settings.bvae)
    rows, targets = fusion_script.read(reader, data, (0, 5))
    assert rows is targets
    bars = data.phrases.reshape(-1, 48, 84, 5)
    expected = [reader.predict(transpose(bars, shift), verbose=0) for shift in (0, 5)]
    np.testing.assert_allclose(rows, np.concatenate(expected), atol=1e-5)
    assert (rows[:16, 1:] != rows[16:, 1:]).any()
    np.testing.assert_allclose(rows[:16, 0], rows[16:, 0], atol=1e-5)  # drums stay
