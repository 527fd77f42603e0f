"""Each flag of the script that trains MuseGAN has the effect that its help names.

In place of a step stands a function that writes down the music it is given and moves a weight by 1;
what is generated is silence, and how far it is from the data is decided beforehand.
"""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import wiring

from musegen import Error, registry
from musegen.data import demo
from musegen.data.pipeline import SHIFTS
from musegen.metrics.muse import DEFINITIONS
from musegen.models.musegan import system
from musegen.models.musegan.system import MuseGAN
from musegen.music.phrases import TRACKS, transpose
from musegen.train import musegan as script
from musegen.training.gan import loop, pictures, wgan_gp
from musegen.training.gan.wgan_gp import WGANGP

PHRASES, OTHERS = (demo.phrases(12, n_steps=96, seed=seed) for seed in (0, 9))
PIANO = TRACKS.index("piano")
PARTS = [TRACKS.index(track) for track in ("piano", "guitar", "strings")]
DISTANCES = (0.9, 0.5, 0.2)  # of the first looks; 0.4 of all that follow
OTHER = (
    "--data {data}/others.npy --bars 40 --batch-size 2 --seed 1 --precision mixed_float16 --half "
    "--no-jit --tensorboard --learning-rate 0.25 --decay late --width 0.016 --set z_std=0.5 "
    "--keep best --steps 6 --every 2"
)
REPO = "--preset repo --one-bar --batch-size 8 --steps 7"
GIVEN = "--condition piano --exchange --val-split 0.25 --steps 3"
ABLATED = "--no-batchnorm --augment --seed 1"


@dataclass
class Seen:
    """What was seen of one run."""

    data: Path
    folder: Path
    training: WGANGP | None = None
    first: list[np.ndarray] = field(default_factory=list)  # weights of the generator, before a step
    music: list[np.ndarray] = field(default_factory=list)  # of each step
    rates: list[tuple[float, float]] = field(default_factory=list)  # after each step
    jit: bool | None = None
    fixed: dict[str, np.ndarray] = field(default_factory=dict)
    drawn: list[tuple] = field(default_factory=list)  # the data's metrics, and pitches of classes
    logs: list[int] = field(default_factory=list)
    saved: SimpleNamespace | None = None
    looks: int = 0

    @property
    def phrases(self) -> np.ndarray:
        """All that was fed, in order."""
        return np.concatenate([own.reshape(-1, *own.shape[2:]) for own in self.music])

    @property
    def steps(self) -> list[int]:
        """When it was looked at."""
        lines = (self.folder / "history.csv").read_text().splitlines()[1:]
        return [int(line.split(",")[0]) for line in lines]

    def step(self, training: WGANGP, music: np.ndarray) -> dict[str, float]:
        """Stands for `WGANGP.step`."""
        weight, n = training.generator.trainable_weights[0], training.settings.critic_steps
        if self.training is None:
            self.training, self.first = training, training.generator.get_weights()
        self.music.append(np.array(music))
        weight.assign_add(np.ones(weight.shape))
        rates = []
        for optimizer, steps in ((training.generator_optimizer, 1), (training.critic_optimizer, n)):
            own = getattr(optimizer, "inner_optimizer", optimizer)
            own.iterations.assign_add(steps)
            rates.append(float(own.learning_rate))
        self.rates.append(tuple(rates))
        training.iterations += 1
        return dict.fromkeys(loop.LOSSES, 0.0)

    def values(self, made: MuseGAN, z: dict[str, np.ndarray]) -> np.ndarray:
        """Stands for `MuseGAN.values`."""
        self.fixed = z
        return np.zeros((len(next(iter(z.values()))), made.n_bars, 96, 84, 5), np.float32)

    def distance(self, *_: Any) -> float:
        """Stands for `loop.distance`."""
        self.looks += 1
        return [*DISTANCES, 0.4][min(self.looks - 1, len(DISTANCES))]

    def compiled(self, function: Callable, variables: list, jit: bool) -> None:
        self.jit = jit

    def drawer(self, run: Any, binarise: Callable, goal: dict, chroma: np.ndarray) -> Callable:
        self.drawn.append((goal, chroma))
        return lambda *args: None

    def save(self, network: keras.Model, path: Path, half: bool) -> None:
        weight = network.trainable_weights[0].numpy()
        self.saved = SimpleNamespace(weight=weight, half=half)


@pytest.fixture(scope="module")
def watch(tmp_path_factory) -> Callable[[str], Seen]:
    new = tmp_path_factory.mktemp
    data = new("musegan")
    np.save(data / "phrases.npy", PHRASES)
    np.save(data / "others.npy", OTHERS)
    return cache(lambda flags="": run(flags, data, new("run") / "musegan"))


def run(flags: str, data: Path, folder: Path) -> Seen:
    line = f"--data {data}/phrases.npy --model composer --preset narrow --width 0.0078125 "
    line += f"--batch-size 1 --steps 4 --every 4 {flags.format(data=data)} --out {folder}"
    seen = Seen(data, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", keras.config.backend())
        wiring.stand_in(patch, seen.logs)
        patch.setattr(WGANGP, "step", lambda training, music: seen.step(training, music))
        patch.setattr(MuseGAN, "values", lambda made, z: seen.values(made, z))
        patch.setattr(loop, "distance", seen.distance)
        patch.setattr(wgan_gp, "compiled", seen.compiled)
        patch.setattr(pictures, "drawer", seen.drawer)
        patch.setattr(system, "save_model", seen.save)
        patch.setattr(script, "MONITORED_PHRASES", 2)
        try:
            script.run(wiring.parser(script).parse_args(shlex.split(line)))
        finally:
            keras.config.set_dtype_policy("float32")
    return seen


def known(phrases: np.ndarray) -> set[bytes]:
    return {phrase.tobytes() for phrase in phrases}


def data(watch) -> None:
    """Phrases as they are, each no more than once in an epoch, here of two steps."""
    for flags, music, n in (("", PHRASES, 10), (OTHER, OTHERS[:10], 10)):
        epoch = watch(flags).phrases[:n]
        assert known(epoch) <= known(music)
        assert len(known(epoch)) == len(known(music[:n])) == n


def bars(watch) -> None:
    assert known(watch(OTHER).phrases) == known(OTHERS[:10])


def batch_size(watch) -> None:
    """Of one step: a batch for each of the critic's five, and its size."""
    assert [watch(flags).music[0].shape[:2] for flags in ("", OTHER)] == [(5, 1), (5, 2)]


def preset(watch) -> None:
    """The code's: the same batch in all of a step, in the order of the file in every epoch."""
    paper, repo = watch("--preset paper"), watch(REPO)
    assert repo.music[0].shape[:2] == (1, 8)
    bars = PHRASES.reshape(-1, 1, 96, 84, 5)
    np.testing.assert_array_equal(repo.phrases, bars[np.arange(56) % 48])
    for seen in (paper, watch()):
        first, second = (seen.phrases[start : start + 10] for start in (0, 10))
        assert (first != PHRASES[:10]).any()
        assert (first != second).any()
    for seen, z_std, rate, warmup, definition in (
        (paper, 0.1, 1e-3, False, "paper"),
        (watch(), 1.0, 1e-3, False, "paper"),
        (repo, 0.1, 2e-4, True, "v1"),
    ):
        assert (seen.training.z_std, seen.training.settings.critic_warmup) == (z_std, warmup)
        assert seen.rates[0] == pytest.approx((rate, rate))
        np.testing.assert_array_equal(seen.drawn[0][1], DEFINITIONS[definition].chroma)


def model(watch) -> None:
    told = [named(watch(flags)) for flags in ("", "--model rnn")]
    assert told == ["musegan-composer", "musegan-rnn"]
    assert watch("--model rnn").training.latents == {"z_time": (4, 128)}


def named(seen: Seen) -> str:
    return json.loads((seen.folder / "system.json").read_text())["system"]


def one_bar(watch) -> None:
    assert named(watch(REPO)) == "musegan-composer-bar"
    assert watch(REPO).training.generator.output_shape[1:] == (1, 96, 84, 5)
    assert known(watch(REPO).phrases) <= known(PHRASES.reshape(-1, 1, 96, 84, 5))


def condition(watch) -> None:
    """The generator is given the track in training, and that of other phrases when looked at."""
    seen = watch(GIVEN)
    assert seen.training.settings.given == PIANO
    assert seen.training.settings.batches == len(seen.music[0]) == 6
    assert seen.fixed["given"].shape == (2, 4, 96, 84, 1)
    assert "given" not in watch().fixed
    assert watch().training.settings.given is None


def exchange(watch) -> None:
    """In what is learned, measured and given, the piano plays the part of any of three."""
    seen = watch(GIVEN)
    own = {phrase[..., PIANO].tobytes() for phrase in PHRASES}
    parts = {phrase[..., part].tobytes() for phrase in PHRASES for part in PARTS}
    found = {phrase[..., PIANO].tobytes() for phrase in seen.phrases}
    assert found <= parts
    assert not found <= own
    options = SimpleNamespace(exchange=True, seed=0, condition="piano")
    held_out = script.exchange(options, PHRASES[9:11], 0)
    np.testing.assert_array_equal(seen.fixed["given"], 2 * held_out[..., [PIANO]] - 1.0)
    assert (held_out != PHRASES[9:11]).any()
    assert seen.drawn[0][0] != loop.monitored(PHRASES[:9])


def val_split(watch) -> None:
    """What a conditional one is given when looked at is not learned; the others learn all."""
    others = [i for i in range(5) if i not in PARTS]
    assert known(watch(GIVEN).phrases[..., others]) <= known(PHRASES[:9][..., others])
    assert len(known(watch().phrases) - known(PHRASES[:9]))


def batchnorm(watch) -> None:
    for flags, normal in (("", True), (ABLATED, False)):
        paths = [weight.path for weight in watch(flags).training.generator.weights]
        assert any("norm" in path for path in paths) == normal
    assert named(watch(ABLATED)) == "musegan-ablated"


def set_(watch) -> None:
    assert watch(OTHER).training.z_std == 0.5
    vectors = np.concatenate([z.ravel() for z in watch(OTHER).fixed.values()])
    assert vectors.std() == pytest.approx(0.5, rel=0.2)
    assert json.loads((watch(OTHER).folder / "system.json").read_text())["settings"] == {
        "z_std": 0.5
    }


def width(watch) -> None:
    for network in ("generator", "critic"):
        sizes = [getattr(watch(flags).training, network).count_params() for flags in ("", OTHER)]
        assert sizes[0] < sizes[1]


def init_from(watch) -> None:
    """The weights of the trained one, before the first step; and the critic has its warm-up."""
    rng, plain = np.random.default_rng(0), watch()
    generator = keras.models.clone_model(plain.training.generator)
    weights = [rng.random(weight.shape) for weight in generator.get_weights()]
    generator.set_weights(weights)
    trained = MuseGAN("narrow", script.kind_of(script.Training(model="composer")), generator)
    opened = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "place", lambda name: Path(f"{name}-elsewhere"))
        patch.setattr(registry, "load", lambda name: opened.append(name) or trained)
        seen = watch("--init-from known --steps 1")
    assert opened == ["known"]
    for found, wanted in zip(seen.first, weights, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert seen.training.settings.critic_warmup


def steps(watch) -> None:
    assert [len(watch(flags).music) for flags in ("", OTHER)] == [4, 6]


def every(watch) -> None:
    assert [watch(flags).steps for flags in ("", OTHER)] == [[0, 4], [0, 2, 4, 6]]


def learning_rate(watch) -> None:
    assert watch(OTHER).rates[0] == (0.25, 0.25)
    assert watch().rates == [pytest.approx((1e-3, 1e-3))] * 4


def decay(watch) -> None:
    """Late: over the last third of the steps, of the generator as of the critic."""
    found = np.array(watch(OTHER).rates)
    rates = [0.25, 0.25, 0.25, 0.25, 0.125, 0]
    np.testing.assert_allclose(found, np.stack([rates, rates], axis=1), atol=1e-6)


def refused(flag: str, message: str) -> Callable:
    def check(watch) -> None:
        with pytest.raises(Error, match=message):
            watch(f"--{flag} 3")

    return check


def keep(watch) -> None:
    """Weights of the last step, or of the look that came nearest: each step has added 1."""
    for flags, trained in (("", 4), (OTHER, 4)):
        seen = watch(flags)
        moved = seen.saved.weight - seen.first[0]
        np.testing.assert_allclose(moved, trained, atol=1e-5)


def augment(watch) -> None:
    """Every phrase is moved by one of twelve shifts."""
    keys = [known(transpose(PHRASES, shift)) for shift in SHIFTS]
    found = [[phrase.tobytes() in key for key in keys] for phrase in watch(ABLATED).phrases]
    assert np.any(found, axis=1).all()
    assert np.mean(found, axis=0)[SHIFTS.index(0)] < 0.5


def seed(watch) -> None:
    """First weights, order, and the random vectors of training and of looking."""
    one, other = watch(), watch(ABLATED)
    assert (one.first[0] != other.first[0]).any()
    assert (one.phrases[..., 0] != other.phrases[..., 0]).any()  # the drums, which stay as they are
    assert (one.training.seed, other.training.seed) == (0, 1)
    assert all((one.fixed[name] != other.fixed[name]).any() for name in one.fixed)


def resume(watch) -> None:
    """It goes on with the weights and the music of the steps that are left."""
    two, four = watch("--seed 1 --steps 2"), watch("--seed 1")
    rest = run("--seed 1 --resume", two.data, two.folder)
    for one, other in zip(rest.music, four.music[2:], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(rest.first[0], two.saved.weight)
    np.testing.assert_array_equal(rest.saved.weight, four.saved.weight)


def precision(watch) -> None:
    for flags, kind in (("", "float32"), (OTHER, "float16")):
        training = watch(flags).training
        for network in (training.generator, training.critic):
            assert kind in {own.compute_dtype for own in wgan_gp._layers(network) if own.weights}
        scaled = isinstance(training.critic_optimizer, keras.optimizers.LossScaleOptimizer)
        assert scaled == (kind == "float16")


def half(watch) -> None:
    assert [watch(flags).saved.half for flags in ("", OTHER)] == [False, True]


def jit(watch) -> None:
    assert [watch(flags).jit for flags in ("", OTHER)] == [True, False]


def out(watch) -> None:
    names = {path.name for path in watch().folder.iterdir()}
    assert {"config.json", "history.csv", "data.json", "system.json"} <= names


def tensorboard(watch) -> None:
    assert [watch(flags).logs for flags in ("", OTHER)] == [[], [2, 4, 6]]


TABLE = {
    own.__name__.rstrip("_"): own
    for own in (
        data, bars, batch_size, preset, model, one_bar, condition, exchange, val_split, batchnorm,
        set_, width, init_from, steps, every, learning_rate, decay, keep, augment, seed, resume,
        precision, half, jit, out, tensorboard, wiring.backend,
    )
} | {
    "epochs": refused("epochs", "this training counts --steps"),
    "patience": refused("patience", "this training does not validate"),
}  # fmt: skip


def test_every_flag_has_its_check():
    assert TABLE.keys() == wiring.flags_of(script)


@wiring.by_flag(TABLE, slow=("model", "init_from", "resume"))
def test_a_flag_has_its_effect(check, watch):
    check(watch)
