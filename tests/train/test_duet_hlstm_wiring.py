"""Each flag of the script that trains DuetHLSTM has the effect that its help names."""

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import wiring
from wiring import Seen, Watch

from musegen import Error
from musegen.models.duet_hlstm import duet_reports, step_windows
from musegen.models.duet_hlstm.duet_options import Training, settings_of, with_defaults
from musegen.models.duet_hlstm.settings import ORDER, PRESETS
from musegen.models.duet_hlstm.step_windows import phrase_order, reduced
from musegen.models.layers.lstm import hard_sigmoid
from musegen.music.phrases import TRACKS
from musegen.train import duet_hlstm as script
from musegen.training.options import read_flags

PAIR = ("piano", "strings")
MUSIC = np.random.default_rng(0).random((10, 2, 16, 84, 5)) < 0.05
OTHERS = np.random.default_rng(9).random((10, 2, 16, 84, 5)) < 0.05
LEARNED, HELD_OUT = MUSIC[:8], MUSIC[8:]  # by --val-split 0.2
OTHER = (
    "--data {folder}/others.npy --bars 4 --val-split 0 --batch-size 5 --precision mixed_bfloat16 "
    "--half --no-jit --tensorboard"
)
REPO = "--preset repo --batch-size 3 --seed 5 --epochs 2 --samples 4"
TRIO = "--tracks bass piano drums --wiring star --window 5"
SIGMOID = "--head sigmoid --carry yes --feedback real"
TUNED = "--learning-rate 0.5 --decay late"


class DuetWatch(Watch):
    """Watches the script on 10 phrases of two bars of 16 steps, with the numbers 0 to 9."""

    def __init__(self, folder):
        super().__init__(script, folder, rows, long=TUNED, other=OTHER)
        self.flags = "--data {folder}/phrases.npy --val-split 0.2 --epochs 1 --batch-size 32"
        np.save(folder / "phrases.npy", MUSIC)
        np.save(folder / "others.npy", OTHERS)

    @staticmethod
    def stand_in(patch: pytest.MonkeyPatch, seen: Seen) -> None:
        Watch.stand_in(patch, seen)

        class Samples:
            """Stands for the samples; they leave a state that tells the epoch."""

            def __init__(self, system, table, options, run):
                own = SimpleNamespace(system=system, table=table, n=options.samples)
                seen.samples.append(own)
                self.own, self.state = own, None

            def __call__(self, epoch: int) -> None:
                self.state = np.full((self.own.n, 2, 2, 84), epoch, np.float32)

        patch.setattr(step_windows, "_has_tensorflow", lambda: False)
        patch.setattr(duet_reports, "Samples", Samples)
        patch.setattr(duet_reports, "evaluate", lambda *args: None)

    def assert_learns(self, epoch, phrases: np.ndarray) -> None:
        wiring.assert_same_rows(joined(epoch.batches), rows(phrases))

    def assert_validates(self, epoch, phrases: np.ndarray) -> None:
        np.testing.assert_array_equal(joined(epoch.validation), rows(phrases))

    def system(self, flags: str = ""):
        return self(flags).samples[0].system


def rows(phrases: np.ndarray, tracks=PAIR, window: int = 4, last: int = 16) -> np.ndarray:
    """Windows and the step after them, `(n, W + 1, tracks, 84)`."""
    steps = step_windows.as_steps(reduced(phrases, TRACKS, tracks))
    return np.concatenate([own[t : t + window + 1][None] for own in steps
                           for t in range(last - window)]).astype("float32")  # fmt: skip


def joined(batches: list) -> np.ndarray:
    """The same of batches."""
    parts = []
    for x, y in batches:
        windows = [own for own in x if own.ndim == 3]  # without the state
        target = y.reshape(len(y), 1, len(windows), 84)
        parts.append(np.concatenate([np.stack(windows, axis=2), target], axis=1))
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def watch(tmp_path_factory) -> DuetWatch:
    return DuetWatch(tmp_path_factory.mktemp("duet"))


def data(watch: DuetWatch) -> None:
    watch.assert_learns(watch(OTHER).first, OTHERS[:2])


def bars(watch: DuetWatch) -> None:
    watch.assert_learns(watch().first, LEARNED)
    watch.assert_learns(watch(OTHER).first, OTHERS[:2])


def val_split(watch: DuetWatch) -> None:
    watch.assert_validates(watch().first, HELD_OUT)
    assert watch(OTHER).first.validation is None


def learning_rate(watch: DuetWatch) -> None:
    assert [watch(flags).first.rates[0] for flags in ("", watch.long)] == pytest.approx([1e-3, 0.5])


def seed(watch: DuetWatch) -> None:
    one, (other, second, _) = watch().first, watch("--seed 1 --epochs 3").epochs
    assert (one.first != other.first).any()
    for later in (other, second):
        assert (joined(one.batches) != joined(later.batches)).any()


def resume(watch: DuetWatch) -> None:
    begun = watch("--seed 1").folder
    second, third = watch.run("--seed 1 --epochs 3 --resume", begun).epochs
    _, *expected = watch("--seed 1 --epochs 3").epochs
    for one, other in zip((second, third), expected, strict=True):
        np.testing.assert_array_equal(joined(one.batches), joined(other.batches))
        np.testing.assert_array_equal(one.first, other.first)


def batch_size(watch: DuetWatch) -> None:
    for flags, size in (("", 32), (watch.other, 5)):
        (x, *_), y = watch(flags).first.batches[0]
        assert len(x) == len(y) == size


def preset(watch: DuetWatch) -> None:
    """Gates, head and rule; the same window of many phrases; a state in the first batch."""
    for flags, gate in (("", "sigmoid"), (REPO, hard_sigmoid)):
        layer = watch.system(flags).network.get_layer("melody_lstm1")
        found = layer.recurrent_activation
        assert (found if gate is hard_sigmoid else found.__name__) == gate
    assert (watch.system().settings, watch.system(REPO).settings) == tuple(PRESETS.values())
    first, second = watch(REPO).epochs
    assert len(first.batches) == 2 * 11  # two of the eight phrases are left out
    for number, epoch in enumerate((first, second)):
        steps = step_windows.as_steps(reduced(LEARNED, TRACKS, PAIR))
        order = phrase_order(8, 5, number)
        found = joined(epoch.batches).reshape(2, 11, 3, 5, 2, 84)
        for batch, own in enumerate(found):
            phrases = steps[order[3 * batch :][:3]]
            expected = np.stack([phrases[:, t : t + 5] for t in range(11)])
            flat = [x.reshape(11, -1) for x in (own, expected)]
            wiring.assert_same_rows(*flat)
        states = [x[-1] for x, _ in epoch.batches]
        np.testing.assert_array_equal(states[0], np.full((3, 2, 2, 84), number))
        assert not any(own.any() for own in states[1:])
    assert all(not x[-1].any() for x, _ in first.validation)


def tracks(watch: DuetWatch) -> None:
    settings = watch.system(TRIO).settings
    assert settings.tracks == ("bass", "piano", "drums")
    found = joined(watch(TRIO).first.batches)
    wiring.assert_same_rows(found, rows(LEARNED, settings.tracks, window=5))


def the_wiring(watch: DuetWatch) -> None:
    for flags, name in ((TRIO, "star"), ("--tracks piano strings bass", "cascade")):
        assert watch.system(flags).settings.wiring == name
        reads = watch.system(flags).network.get_layer("accomp2_lstm1").cell.kernel.shape[0]
        assert reads == {"star": 84, "cascade": 168}[name]


def window(watch: DuetWatch) -> None:
    assert watch.system(TRIO).network.input_shape[0] == (None, 5, 84)


def head(watch: DuetWatch) -> None:
    """And with it the rule."""
    for flags, name, rule in (("", "softmax", "relative"), (SIGMOID, "sigmoid", "round")):
        network, settings = watch.system(flags).network, watch.system(flags).settings
        assert {network.get_layer(own).activation.__name__ for own in ("dense", "dense_1")} == {
            name
        }
        assert settings.decode == rule
    flags = "--preset repo --head softmax"
    assert settings_of(options(flags)).decode == "relative"
    assert settings_of(options(flags)).feedback == "real"


def decode(watch: DuetWatch) -> None:
    """The rule of the system, and of what is logged."""
    flags = "--decode absolute"
    assert watch.system(flags).settings.decode == "absolute"
    metrics = {own.name for own in watch(flags).model._compile_metrics._user_metrics}
    assert metrics == {"f1"} | {f"{m}_{t}" for m in ("f1", "density") for t in PAIR}
    assert {own.rule for own in watch(flags).model._compile_metrics._user_metrics} == {"absolute"}
    assert {own.rule for own in watch().model._compile_metrics._user_metrics} == {"relative"}


def threshold(watch: DuetWatch) -> None:
    """Of the system, and of what is logged."""
    for flags, value in (("", 0.15), ("--threshold 0.4", 0.4)):
        assert watch.system(flags).settings.threshold == value
        metrics = watch(flags).model._compile_metrics._user_metrics
        assert {own.threshold for own in metrics} == {value}


def carry(watch: DuetWatch) -> None:
    assert [watch.system(flags).settings.carry for flags in ("", SIGMOID, REPO)] == [
        False, True, True
    ]  # fmt: skip
    assert settings_of(options("--preset repo --carry no")).carry is False


def feedback(watch: DuetWatch) -> None:
    found = [watch.system(flags).settings.feedback for flags in ("", SIGMOID, REPO)]
    assert found == ["decided", "real", "real"]


def optimizer(watch: DuetWatch) -> None:
    """Adam of the original code does not clip gradients."""
    assert type(watch().model.optimizer) is keras.optimizers.Adam
    assert watch().model.optimizer.clipnorm is None
    assert type(watch("--optimizer muon").model.optimizer).__name__ == "Muon"


def samples(watch: DuetWatch) -> None:
    assert [watch(flags).samples[0].n for flags in ("", REPO)] == [8, 4]
    assert options("--preset repo").samples == 1000


def recipe(watch: DuetWatch) -> None:
    """Quick has Muon, whose rate falls to 0."""
    quick = watch("--recipe quick")
    assert type(quick.model.optimizer).__name__ == "Muon"
    assert quick.first.rates == pytest.approx((0.015, 0), abs=1e-6)
    assert watch().first.rates == pytest.approx((1e-3, 1e-3))


TABLE = wiring.OF_EVERY_SCRIPT | {
    own.__name__: own
    for own in (
        data, bars, val_split, learning_rate, seed, resume, batch_size, preset, tracks, window,
        head, decode, threshold, carry, feedback, optimizer, samples, recipe,
    )
}  # fmt: skip
TABLE |= {
    "wiring": the_wiring,
    "decay": wiring.decay,
    "split_batch": wiring.split,
}


def options(flags: str) -> Training:
    args = wiring.parser(script).parse_args(["--data", "songs", *flags.split()])
    return with_defaults(read_flags(args, Training))


def test_every_flag_has_its_check():
    assert TABLE.keys() == wiring.flags_of(script)


@wiring.by_flag(TABLE)
def test_a_flag_has_its_effect(check, watch):
    check(watch)


def test_samples_begin_with_phrases_that_are_held_out_if_there_are_any(watch):
    """With repo with those of the training, as the original code does."""
    for flags, phrases in (("", HELD_OUT), (OTHER, OTHERS[:2]), (REPO, LEARNED)):
        expected = step_windows.as_steps(reduced(phrases, TRACKS, PAIR))
        np.testing.assert_array_equal(watch(flags).samples[0].table.steps(), expected)
        begun = expected[:, :4]
        np.testing.assert_array_equal(watch.system(flags).beginnings, begun)


def test_fewer_phrases_than_a_batch_are_learned(watch):
    """Every batch of repo is then one window of all of them."""
    flags = "--preset repo --batch-size 1000"
    batches = watch(flags).first.batches
    assert [len(y) for _, y in batches] == [8] * 11
    wiring.assert_same_rows(joined(batches), rows(LEARNED, last=15))


def test_what_is_kept_of_the_data_is_printed(watch, capsys):
    half_silent = MUSIC.copy()
    half_silent[:4, ..., TRACKS.index("strings")] = False
    np.save(watch.folder / "half.npy", half_silent)
    watch.run("--data {folder}/half.npy --val-split 0", watch.folder / "printed")
    printed = capsys.readouterr().out
    assert "duet-hlstm: 159,816 parameters, 10 phrases of half.npy, 4 updates an epoch" in printed
    cells = reduced(half_silent, TRACKS, PAIR)
    for k, (track, n) in enumerate((("piano", 0), ("strings", 4))):
        share = 100 * cells[..., k].mean()
        assert f"{track}: {share:.2f} % of the cells are on; silent in {n} phrases" in printed


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--tracks piano organ", "tracks piano organ: give one to five of drums, piano"),
        ("--tracks piano piano", "tracks piano piano: .* each once"),
        (
            "--window 16",
            "phrases.npy: phrases of 16 eighths of a bar are too short for --window 16",
        ),
        ("--preset repo --window 15", "phrases.npy: .* too short for --window 15"),
        ("--decode bernoulli", "decode bernoulli: .*needs the head sigmoid"),
        ("--threshold 1", "threshold 1.0: a number between 0 and 1"),
        ("--head sigmoid --threshold 0.3", "--threshold: the rule round has none; choose --decode"),
        ("--window 0", "--window 0: at least 1"),
        ("--samples 0", "--samples 0: at least 1"),
        ("--learning-rate -1", "--learning-rate -1.0: at least 0"),
        ("--data {folder}/nowhere.npy", "nowhere.npy: no such file"),
        ("--data {folder}/none.npy", "none.npy: no phrases"),
        ("--data {folder}/coarse.npy", "coarse.npy: has 12 steps a bar; a multiple of 8 is needed"),
        ("--data {folder}/silent.npy", "silent.npy: there is no note of strings; choose other --t"),
        ("--data {folder}/two.npy --tracks bass", "two.npy: has no track named bass, but piano"),
        ("--val-split 0 --keep best", "--keep best and --patience need data to validate with"),
    ],
)
def test_a_mistake_is_one_line(watch, flags, message):
    silent = MUSIC.copy()
    silent[..., TRACKS.index("strings")] = False
    for name, phrases in (
        ("none", MUSIC[:0]), ("coarse", MUSIC[:, :, :12]), ("silent", silent),
        ("two", MUSIC[..., :2]),
    ):  # fmt: skip
        np.save(watch.folder / f"{name}.npy", phrases)
    with pytest.raises(Error, match=message) as caught:
        watch(flags)
    assert "\n" not in str(caught.value)


def test_defaults_come_from_preset_recipe_and_demo():
    demo = with_defaults(Training())
    assert (demo.recipe, demo.epochs, demo.batch_size, demo.val_split) == ("quick", 8, 100, 0.1)
    assert (demo.optimizer, demo.learning_rate, demo.decay, demo.samples) == (
        "muon",
        0.015,
        "cosine",
        8,
    )
    for preset in PRESETS:
        found = with_defaults(Training(data="songs", preset=preset))
        assert (found.recipe, found.epochs, found.batch_size) == (preset, 50, 1000)
        assert (found.optimizer, found.learning_rate, found.decay) == ("adam", 1e-3, "none")
        assert found.val_split == 0
    assert settings_of(options("")) == PRESETS["paper"]
    assert settings_of(options("--preset repo")) == PRESETS["repo"]
    five = settings_of(options(f"--tracks {' '.join(ORDER)}"))
    assert five == replace(PRESETS["paper"], tracks=ORDER)


def test_a_run_describes_its_settings(watch):
    """What differs from the preset, so that the system is the same when it is opened."""
    described = json.loads((watch(TRIO).folder / "system.json").read_text())
    assert described["settings"] == {
        "tracks": ["bass", "piano", "drums"], "wiring": "star", "window": 5
    }  # fmt: skip
    described = json.loads((watch(SIGMOID).folder / "system.json").read_text())
    assert described["settings"] == {
        "head": "sigmoid", "decode": "round", "carry": True, "feedback": "real"
    }  # fmt: skip
    with (watch().folder / "history.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert {"loss", "f1", "f1_piano", "density_strings", "val_loss", "val_f1"} <= row.keys()
