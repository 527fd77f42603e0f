"""The script that trains MuseGAN, run as a user runs it, on little music and narrow networks."""

import csv
import json
import math
import zipfile
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops
from matplotlib.image import imread

import musegen
from musegen import Error
from musegen.cli import run_script
from musegen.data import Data, demo
from musegen.models.musegan import settings as musegan_settings
from musegen.models.musegan.system import MuseGAN
from musegen.music import midi
from musegen.music.phrases import TRACKS, Layout
from musegen.train import musegan as script
from musegen.training.gan import loop, wgan_gp
from musegen.training.gan.wgan_gp import WGANGP

LITTLE = ["--width", "0.016", "--batch-size", "2", "--no-jit", "--every", "2"]


@pytest.fixture(scope="module")
def phrases(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("data") / "phrases.npy"
    np.save(path, demo.phrases(24, n_steps=96, seed=0))
    return str(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, phrases):
    """A composer, six steps in one go."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    command = ["--model", "composer", "--data", phrases, *LITTLE, "--steps", "6"]
    run_script("train", "musegan", [*command, "--out", str(folder)])
    return folder


@pytest.fixture
def uncompiled(monkeypatch):
    """Steps that run as they are written: tracing would take longer than the few that are taken."""

    def written(function, variables, jit):
        return lambda *inputs: function(*keras.tree.map_structure(ops.convert_to_tensor, inputs))

    monkeypatch.setattr(wgan_gp, "compiled", written)


@pytest.mark.slow
def test_a_run_leaves_a_system_curves_and_samples(trained):
    with (trained / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [0, 2, 4, 6]
    assert all(math.isfinite(float(row["critic_loss"])) for row in rows[1:])
    data = json.loads((trained / "data.json").read_text())
    assert set(data) < set(rows[0])
    assert all(float(row["spread"]) > 0 for row in rows)
    assert len(data) == 5 + 4 + 4 + 1
    with np.load(trained / "samples" / "steps.npz") as kept:
        np.testing.assert_array_equal(kept["steps"], [0, 2, 4, 6])
        assert kept["values"].shape == (4, 1, 4, 96, 84, 5)
        assert (kept["values"][0] > 0).mean() > 0.05  # tiny values of the start stay above 0
    assert (trained / "curves.png").stat().st_size > 0
    for name, height in {"raw": 693, "binary": 693, "chroma": 117}.items():
        assert imread(trained / "samples" / f"{name}.png").shape == (height, 3093, 3)
    assert (trained / "samples" / "evolution.png").stat().st_size > 0
    assert midi.phrases(trained / "samples" / "step-000006.mid").shape[1:] == (4, 96, 84, 5)
    system = musegen.load(trained)
    assert system.kind.model == "composer"
    assert system.generate(2).shape == (2, 4, 96, 84, 5)
    finished = json.loads((trained / "config.json").read_text())
    assert finished["finished"]
    assert finished["settings"]["learning_rate"] == 1e-3


@pytest.mark.slow
def test_interrupted_and_resumed_it_ends_bit_for_bit_the_same(
    trained, phrases, tmp_path, monkeypatch
):
    command = ["--model", "composer", "--data", phrases, *LITTLE, "--steps", "6"]
    command += ["--out", str(tmp_path / "parts")]
    step = WGANGP.step

    def interrupted(self, music):
        if self.iterations == 5:
            raise KeyboardInterrupt
        return step(self, music)

    with monkeypatch.context() as patch:
        patch.setattr(WGANGP, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_script("train", "musegan", command)
    picture = tmp_path / "parts" / "samples" / "step-000004.mid"
    picture.unlink()  # as if the interruption had come before it was drawn
    run_script("train", "musegan", [*command, "--resume"])
    assert picture.exists()
    with (
        np.load(trained / "checkpoint" / "last.npz") as whole,
        np.load(tmp_path / "parts" / "checkpoint" / "last.npz") as parts,
    ):
        # Keras numbers the optimizers of a process, so their names differ here.
        pairs = zip(whole.files, parts.files, strict=True)
        pairs = [pair for pair in pairs if pair != ("history.json", "history.json")]
        assert len(pairs) > 100
        for one, other in pairs:
            np.testing.assert_array_equal(whole[one], parts[other])
    assert (trained / "history.csv").read_text().count("\n") == 5
    for one, other in zip(
        musegen.load(trained).network.get_weights(),
        musegen.load(tmp_path / "parts").network.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.usefixtures("uncompiled")
def test_a_conditional_one_learns_and_accompanies(phrases, tmp_path):
    command = ["--model", "composer", "--condition", "bass", "--data", phrases, *LITTLE]
    command += ["--steps", "2", "--keep", "best", "--out", str(tmp_path / "run")]
    run_script("train", "musegan", command)
    system = musegen.load(tmp_path / "run")
    assert (system.kind.model, system.kind.given) == ("composer", "bass")
    music = demo.phrases(3, n_steps=96)
    played = system.accompany(music)
    bass = TRACKS.index("bass")
    np.testing.assert_array_equal(played[..., bass], music[..., bass])


@pytest.mark.slow
@pytest.mark.usefixtures("uncompiled")
def test_a_narrow_one_learns_to_a_piano_that_plays_the_parts_of_others(phrases, tmp_path):
    """Where only the strings play, they are its piano."""
    music = np.load(phrases)
    music[..., [TRACKS.index("piano"), TRACKS.index("guitar")]] = False
    np.save(tmp_path / "strings.npy", music)
    command = ["--preset", "narrow", "--condition", "piano", "--exchange", *LITTLE, "--steps", "2"]
    command += ["--data", str(tmp_path / "strings.npy"), "--out", str(tmp_path / "run")]
    run_script("train", "musegan", command)
    aims = json.loads((tmp_path / "run" / "data.json").read_text())
    assert aims["EB strings"] == 1 > aims["EB piano"]
    with (tmp_path / "run" / "history.csv").open() as file:
        assert all(float(row["spread"]) > 1e-3 for row in csv.DictReader(file))  # vectors matter
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert settings["learning_rate"] == 1e-3
    system = musegen.load(tmp_path / "run")
    assert (system.kind.given, system.settings.z_std) == ("piano", 1)
    music, piano = demo.phrases(3, n_steps=96), TRACKS.index("piano")
    np.testing.assert_array_equal(system.accompany(music)[..., piano], music[..., piano])


@pytest.mark.slow
def test_the_ablated_composer_and_the_codes_way(phrases, tmp_path):
    command = ["--model", "composer", "--no-batchnorm", "--data", phrases, *LITTLE, "--steps", "1"]
    command += ["--preset", "repo", "--half"]
    run_script("train", "musegan", [*command, "--out", str(tmp_path / "run")])
    system = musegen.load(tmp_path / "run")
    for kernel in system.network.get_weights():
        if kernel.ndim > 1:
            np.testing.assert_array_equal(kernel, kernel.astype("float16"))
    assert not any("norm" in variable.path for variable in system.network.variables)
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert settings["learning_rate"] == 2e-4


@pytest.mark.slow
@pytest.mark.usefixtures("uncompiled")
def test_single_bars_are_learned_and_played(phrases, tmp_path):
    command = ["--one-bar", "--model", "composer", "--preset", "narrow", *LITTLE, "--steps", "2"]
    run_script("train", "musegan", [*command, "--data", phrases, "--out", str(tmp_path / "run")])
    assert musegen.load(tmp_path / "run").generate(2).shape == (2, 1, 96, 84, 5)
    run = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (run["data"]["n_bars"], run["data"]["phrases"]) == (1, 24 * 4)
    with np.load(tmp_path / "run" / "samples" / "steps.npz") as kept:
        assert kept["values"].shape == (2, 1, 1, 96, 84, 5)


@pytest.mark.slow
@pytest.mark.usefixtures("uncompiled")
def test_the_rnn_composer_learns_at_a_rate_that_falls(phrases, tmp_path):
    command = ["--model", "rnn", "--decay", "late", "--preset", "narrow", *LITTLE, "--steps", "2"]
    run_script("train", "musegan", [*command, "--data", phrases, "--out", str(tmp_path / "run")])
    assert musegen.load(tmp_path / "run").generate(2).shape == (2, 4, 96, 84, 5)


def test_a_rate_that_falls_is_0_after_the_last_step_of_both():
    options = script.Training(data="x", preset="repo", steps=30, width=0.01, decay="late")
    options = script.with_defaults(options)
    settings = replace(musegan_settings.PRESETS["repo"], width=0.01)
    made = script.wgan(settings, musegan_settings.Kind("composer"), options)
    # With the warm-up the critic has 100 steps in each of 25 iterations, then 5.
    for optimizer, steps in ((made.generator_optimizer, 30), (made.critic_optimizer, 2525)):
        for share, rate in ((0, 2e-4), (0.6, 2e-4), (0.8, 1.2e-4), (1, 0)):
            optimizer.iterations.assign(round(share * steps))
            assert float(optimizer.learning_rate) == pytest.approx(rate)


@pytest.mark.slow
@pytest.mark.usefixtures("uncompiled")
def test_a_training_that_starts_from_a_trained_generator(trained, phrases, tmp_path, monkeypatch):
    monkeypatch.setattr(wgan_gp, "WARMUP_STEPS", 10)  # steps of the critic in the first iterations
    command = ["--model", "composer", "--start", str(trained), "--data", phrases, *LITTLE]
    out = ["--out", str(tmp_path / "run")]
    run_script("train", "musegan", [*command, "--steps", "1", "--learning-rate", "0", *out])
    one, other = (musegen.load(folder).network for folder in (trained, tmp_path / "run"))
    for weight, same in zip(one.trainable_weights, other.trainable_weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), ops.convert_to_numpy(same))
    with pytest.raises(Error, match=r"--init-from .*: is built differently; give the --model"):
        run_script(
            "train", "musegan", [*command, "--preset", "narrow", "--out", str(tmp_path / "not")]
        )
    with pytest.raises(Error, match=r"--init-from .*: is built differently; .*--set"):
        run_script(
            "train", "musegan", [*command, "--set", "z_std=1", "--out", str(tmp_path / "not")]
        )
    assert not (tmp_path / "not").exists()


def test_the_codes_epochs_have_785_batches_of_the_papers_phrases():
    options = script.with_defaults(script.Training(data="x", preset="repo", width=0.01))
    made = script.wgan(
        replace(musegan_settings.PRESETS["repo"], width=0.01),
        musegan_settings.Kind("hybrid"),
        options,
    )
    phrases = Data("all", Layout(4, 96), (50_266,), rows=lambda piece: None)
    learned, _ = phrases.split(options.val_split)
    assert len(script.feeder(learned, made, options)(0)) == 785
    assert options.steps == 20 * 785


@pytest.mark.slow
def test_the_untrained_generator_is_never_the_best(phrases, tmp_path, monkeypatch):
    far = iter([0.1, 0.3, 0.4])
    monkeypatch.setattr(loop, "distance", lambda found, data: next(far))
    command = ["--model", "composer", "--data", phrases, *LITTLE, "--steps", "4", "--keep", "best"]
    run_script("train", "musegan", [*command, "--out", str(tmp_path)])
    with zipfile.ZipFile(tmp_path / "checkpoint" / "best.npz") as kept:
        assert json.loads(kept.read("history.json"))["step"] == [0, 2]


def test_defaults_come_from_the_preset_and_the_data():
    demo = script.with_defaults(script.Training())
    assert (demo.preset, demo.steps, demo.batch_size) == ("narrow", 600, 4)
    assert (demo.width, demo.every, demo.learning_rate) == (1 / 16, 40, 1e-3)
    paper = script.with_defaults(script.Training(data="phrases"))
    assert (paper.preset, paper.steps, paper.batch_size) == ("paper", 10_000, 64)
    assert (paper.width, paper.every, paper.learning_rate) == (1, 100, 1e-3)
    code = script.with_defaults(script.Training(data="phrases", preset="repo", steps=7))
    assert (code.steps, code.learning_rate) == (7, 2e-4)
    assert script.with_defaults(script.Training(data="phrases", model="rnn")).preset == "repo"
    assert script.with_defaults(script.Training(data="phrases", one_bar=True)).preset == "repo"
    assert script.with_defaults(script.Training(one_bar=True)).preset == "narrow"
    assert (demo.val_split, paper.val_split, code.val_split) == (0, 0, 0)
    given = script.Training(data="phrases", condition="piano")
    assert script.with_defaults(given).val_split == 0.1
    assert script.with_defaults(replace(given, preset="repo")).val_split == 0
    assert script.with_defaults(replace(given, val_split=0.2)).val_split == 0.2


def test_distance_is_0_for_the_data_and_1_where_all_is_undefined():
    data = {"EB bass": 0.1, "UPC bass": 3.0, "QN bass": math.nan}
    assert loop.distance(data, data) == 0
    assert loop.distance(dict.fromkeys(data, math.nan), data) == 1
    near = loop.distance({"EB bass": 0.1, "UPC bass": 3.3, "QN bass": 0.5}, data)
    assert near == pytest.approx(0.1 / 2**0.5)  # a metric of two is 10 % off


def test_distance_takes_the_mean_over_tracks_and_minds_the_metric_that_is_far():
    data = {"EB bass": 0.1, "EB piano": 0.3, "QN bass": 0.9}
    even = {"EB bass": 0.3, "EB piano": 0.3, "QN bass": 0.8}
    uneven = {"EB bass": 0.1, "EB piano": 0.3, "QN bass": 0.7}
    assert loop.distance(even, data) == pytest.approx(0.1)
    assert loop.distance(uneven, data) == pytest.approx(0.2 / 2**0.5)


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_stops_at_its_step(phrases, tmp_path, monkeypatch):
    step = WGANGP.step

    def broken(self, music):
        losses = step(self, music)
        return losses | {"critic_loss": math.nan} if self.iterations == 3 else losses

    monkeypatch.setattr(WGANGP, "step", broken)
    command = ["--model", "composer", "--data", phrases, *LITTLE, "--steps", "6"]
    with pytest.raises(Error, match=r"critic_loss became nan at step 3; .*last.npz holds"):
        run_script("train", "musegan", [*command, "--out", str(tmp_path / "run")])
    with np.load(tmp_path / "run" / "checkpoint" / "last.npz") as kept:
        assert all(np.isfinite(kept[name]).all() for name in kept.files if name != "history.json")


@pytest.mark.slow
def test_music_that_is_not_a_number_never_becomes_the_last_good_state(
    phrases, tmp_path, monkeypatch
):
    """A generator can be lost in its last step, after which no loss was taken."""
    values = MuseGAN.values
    calls = []

    def broken(self, z):
        calls.append(z)
        return values(self, z) * (math.nan if len(calls) == 3 else 1)

    monkeypatch.setattr(MuseGAN, "values", broken)
    command = ["--model", "composer", "--data", phrases, *LITTLE, "--steps", "6"]
    with pytest.raises(Error, match=r"generated music became nan at step 4; .*last.npz holds"):
        run_script("train", "musegan", [*command, "--out", str(tmp_path / "run")])
    with zipfile.ZipFile(tmp_path / "run" / "checkpoint" / "last.npz") as kept:
        assert json.loads(kept.read("history.json"))["step"] == [0, 2]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--exchange"], "--exchange: with --condition piano or guitar or strings"),
        (["--exchange", "--condition", "bass"], "--exchange: with --condition piano or"),
        (["--width", "0"], "--width 0.0: 0.0078125 at least"),
        (["--width", "1e-9"], "--width 1e-09: 0.0078125 at least"),
        (["--no-batchnorm"], "--no-batchnorm: the paper's ablation is of the composer"),
        (["--epochs", "3"], "--epochs: this training counts --steps"),
        (["--patience", "3"], "--patience: this training does not validate"),
        (["--condition", "kazoo"], "kazoo"),
        (["--one-bar", "--condition", "bass"], "each bar by itself already"),
        (["--model", "rnn", "--one-bar"], "the rnn composer writes four bars from scratch"),
        (["--model", "rnn", "--preset", "paper"], "--preset paper: .*choose repo, narrow"),
        (["--data", "nowhere"], "nowhere: no such file or folder"),
        (["--batch-size", "9"], "24 phrases are too few, a step takes 5 batches of 9; .* --batch"),
        (["--batch-size", "97", "--one-bar"], "96 bars are too few, a step takes 1 batches of 97"),
        (["--batch-size", "5", "--condition", "bass"], "a step takes 6 batches of 5"),
        (["--data", "two-bars.npy"], "phrases of 2 bars where 4 are needed"),
        (
            ["--data", "silence.npy", "--condition", "bass"],
            "its bass is silent in the first 18 phr",
        ),
        (["--set", "z_std=wide"], "--set z_std=wide: z_std is a number"),
    ],
)
def test_a_users_mistake_is_one_line(flags, message, phrases, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("two-bars.npy", np.zeros((20, 2, 96, 84, 5), bool))
    np.save("silence.npy", np.zeros((20, 4, 96, 84, 5), bool))
    command = ["--data", phrases, *LITTLE, *flags, "--out", str(tmp_path / "run")]
    with pytest.raises(Error, match=message) as raised:
        run_script("train", "musegan", command)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()
