"""What a training script gives its network, watched in this process while nothing is learned.

A `Watch` runs a script by its own command line, with the presets of MIDI-Sandwich2 narrowed. In
place of `keras.Model.fit` stands a function that writes down what it is given, moves one weight by
1, and gives out values by which the second epoch is the best. Pictures and weights are not written.

`OF_EVERY_SCRIPT` says of each flag that all scripts with epochs share how its effect is seen.
"""

import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import toys

from musegen import Error, plots, saving
from musegen.data import demo, pipeline
from musegen.models import prediction
from musegen.models.midi_sandwich2 import bvae, training_data
from musegen.models.midi_sandwich2.settings import PRESETS
from musegen.music.phrases import TRACKS
from musegen.training import record, runs, split_batch
from musegen.training.samples import Sampler

PHRASES = demo.phrases(10, n_steps=48, seed=0)
OTHERS = demo.phrases(10, n_steps=48, seed=9)
LEARNED, HELD_OUT = PHRASES[:8], PHRASES[8:]  # by --val-split 0.2
BASS = TRACKS.index("bass")
LOSSES = (3.0, 1.0)  # of the first two epochs; 2 of all that follow


@dataclass(frozen=True)
class Epoch:
    """What one call of `keras.Model.fit` was given; `rates` are those before and after it."""

    model: keras.Model
    batches: list
    validation: list | None
    kl_weight: float | None
    rates: tuple[float, float]
    first: np.ndarray  # of the first weight, before it

    @property
    def inputs(self) -> np.ndarray:
        return np.concatenate([x for x, _ in self.batches])

    @property
    def targets(self) -> np.ndarray:
        return np.concatenate([y for _, y in self.batches])


@dataclass(frozen=True)
class Seen:
    """What was seen of one run."""

    folder: Path
    epochs: list[Epoch] = field(default_factory=list)
    saved: dict[str, SimpleNamespace] = field(default_factory=dict)  # by the network's name
    samples: list[SimpleNamespace] = field(default_factory=list)
    opened: list[Path] = field(default_factory=list)
    jit: list[bool | str] = field(default_factory=list)  # of each network that was compiled
    metrics: dict[int, list[str]] = field(default_factory=dict)  # and its metrics' names
    logs: list[int] = field(default_factory=list)  # numbers of epochs, for TensorBoard
    split: list[keras.Model] = field(default_factory=list)  # networks that two threads train

    @property
    def first(self) -> Epoch:
        return self.epochs[0]

    @property
    def model(self) -> keras.Model:
        return self.epochs[-1].model

    def fit(self, model: keras.Model, data: Any, validation_data: Any = None, **_: Any):
        """Stands for `keras.Model.fit`."""
        weight, optimizer = model.trainable_weights[0], model.optimizer
        first, rate = weight.numpy(), float(optimizer.learning_rate)
        batches = as_arrays(data)
        optimizer.iterations.assign_add(len(batches))
        rates = rate, float(optimizer.learning_rate)
        validation = None if validation_data is None else as_arrays(validation_data)
        before = sum(epoch.model is model for epoch in self.epochs)
        self.epochs.append(Epoch(model, batches, validation, kl_weight(model), rates, first))
        weight.assign_add(np.ones(weight.shape))
        loss = LOSSES[before] if before < len(LOSSES) else 2.0
        logs = {"loss": loss} | dict.fromkeys(self.metrics[id(model)], 1 / loss)
        logs |= {f"val_{name}": value for name, value in logs.items()} if validation else {}
        return SimpleNamespace(history={name: [value] for name, value in logs.items()})

    def save(self, model: keras.Model, path: Path, half: bool = False) -> None:
        """Stands for `musegen.saving.save_model`."""
        weight = model.trainable_weights[0].numpy()
        self.saved[model.name] = SimpleNamespace(weight=weight, half=half)
        Path(path).touch()

    def draw(self, sampler: Sampler, epoch: int, versions: Callable) -> None:
        """Stands for `Sampler.__call__`."""
        shown = SimpleNamespace(original=sampler.original, epoch=epoch, versions=versions)
        self.samples.append(shown)


def as_arrays(data: Any) -> list:
    return [keras.tree.map_structure(np.asarray, data[i]) for i in range(len(data))]


def kl_weight(model: keras.Model) -> float | None:
    """What its sampling layer, if any, weighs the KL term with at present."""
    own = [layer for layer in split_batch.layers(model) if layer.name == "sampling"]
    return float(own[0].present_kl_weight.value) if own else None


@cache
def autoencoder(name: str, preset: str) -> keras.Model:
    """A narrow BVAE with random weights and without noise, for the scripts that open one."""
    keras.utils.set_random_seed(sum(map(ord, name)))
    with pytest.MonkeyPatch.context() as patch:
        settings = replace(toys.narrowed(patch, preset).bvae, noise=0.0)
    model = bvae.bvae(settings, name=name)
    model.set_weights([3 * weight if weight.ndim > 1 else weight for weight in model.get_weights()])
    return model


class Writer:
    """Stands for `keras.callbacks.TensorBoard`."""

    def __init__(self, logs: list[int]):
        self.logs = logs
        self.set_model = self.on_train_begin = self.on_train_end = lambda *args: None

    def on_epoch_end(self, epoch: int, row: dict) -> None:
        self.logs.append(epoch)


def stand_in(patch: pytest.MonkeyPatch, logs: list[int]) -> None:
    """Replaces what is slow or may not be installed: the graphs of tf.data, and TensorBoard."""
    patch.setattr(pipeline, "_tf_dataset", pipeline._py_dataset)  # of the same batches
    patch.setattr(record, "find_spec", lambda package: True)
    patch.setattr(keras.callbacks, "TensorBoard", lambda *args, **own: Writer(logs))


class Watch:
    """Runs a script and tells what was seen; equal flags are run once.

    Args:
        rows: what the network is given of phrases, in some order.
        of: the rows of an epoch to compare with these, its inputs or targets.
        optimizer: of the preset large.
        long: flags of the run that is stopped.
        other: flags of the run with most other flags.
    """

    def __init__(
        self,
        script: ModuleType,
        folder: Path,
        rows: Callable,
        of: str = "inputs",
        optimizer: str = "Adam",
        long: str = "",
        other: str = "",
    ):
        self.script, self.folder, self.rows, self.of = script, folder, rows, of
        self.optimizer, self.long = optimizer, f"{LONG} {long}"
        self.other = other or OTHER
        self.flags = f"--data {folder}/phrases.npy --preset large --val-split 0.2 --epochs 1"
        self.known: dict[str, Seen] = {}
        self.numbers = count()  # of folders, some of whose runs do not come to their end
        np.save(folder / "phrases.npy", PHRASES)
        np.save(folder / "others.npy", OTHERS)

    def __call__(self, flags: str = "") -> Seen:
        if flags not in self.known:
            self.known[flags] = self.run(flags, self.folder / f"run-{next(self.numbers)}")
        return self.known[flags]

    def run(self, flags: str, folder: Path) -> Seen:
        line = f"{self.flags} {flags} --out {folder}".format(folder=self.folder)
        args, seen = parser(self.script).parse_args(shlex.split(line)), Seen(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KERAS_BACKEND", keras.config.backend())
            self.stand_in(patch, seen)
            for preset in PRESETS:
                toys.narrowed(patch, preset)
            for name in read_by(args):  # before the script sets its seed
                autoencoder(name, args.preset)

            def opened(path: Path) -> keras.Model:
                seen.opened.append(path)
                return autoencoder(path.stem, args.preset)

            patch.setattr(saving, "load_model", opened)
            try:
                self.script.run(args)
            finally:
                keras.config.set_dtype_policy("float32")
        return seen

    @staticmethod
    def stand_in(patch: pytest.MonkeyPatch, seen: Seen) -> None:
        compiled = keras.Model.compile

        def compile(model: keras.Model, optimizer: Any, loss: Any, metrics: list, jit_compile: Any):
            seen.jit.append(jit_compile)
            seen.metrics[id(model)] = [metric.name for metric in metrics]
            compiled(model, optimizer, loss, metrics=metrics, jit_compile=jit_compile)

        patch.setattr(keras.Model, "compile", compile)
        patch.setattr(keras.Model, "fit", lambda model, *args, **own: seen.fit(model, *args, **own))
        patch.setattr(Sampler, "__call__", lambda sampler, *args: seen.draw(sampler, *args))
        patch.setattr(runs, "save_model", seen.save)
        patch.setattr(split_batch, "split_batches", seen.split.append)
        patch.setattr(plots, "history", lambda *args, **own: None)
        patch.setattr(plots, "save", lambda *args: None)
        patch.setattr(training_data, "REPO_PHRASES", 6)
        patch.setattr(training_data, "REPO_FIRST", 9)
        stand_in(patch, seen.logs)
        patch.setattr(prediction, "predictor", partial(prediction.predictor, eager=True))

    def assert_learns(self, epoch: Epoch, phrases: np.ndarray) -> None:
        """An epoch goes once through these phrases, in whatever order."""
        assert_same_rows(getattr(epoch, self.of), self.rows(phrases))

    def assert_validates(self, epoch: Epoch, phrases: np.ndarray) -> None:
        position = ("inputs", "targets").index(self.of)
        found = np.concatenate([batch[position] for batch in epoch.validation])
        np.testing.assert_allclose(found, self.rows(phrases), atol=1e-5)  # in their order


def read_by(args: Namespace) -> list[str]:
    """The BVAEs that a script opens."""
    track = getattr(args, "track", "all")
    return [f"bvae-{own}" for own in TRACKS if "bvaes" in args and track in (own, "all")]


def parser(script: ModuleType) -> ArgumentParser:
    made = ArgumentParser()
    script.add_arguments(made)
    return made


def flags_of(script: ModuleType) -> set[str]:
    return {own.dest for own in parser(script)._actions} - {"help"}


def assert_same_rows(one: np.ndarray, other: np.ndarray) -> None:
    """The same rows as often, in whatever order."""

    def ordered(rows: np.ndarray) -> np.ndarray:
        rows = rows.reshape(len(rows), -1).astype(float)
        weights = np.random.default_rng(0).standard_normal(rows.shape[1])
        return rows[np.argsort(rows @ weights)]

    assert one.shape == other.shape
    np.testing.assert_allclose(ordered(one), ordered(other), atol=1e-5)


# How the effect of each flag that all share is seen. Several have theirs in the same run.

OTHER = (
    "--data {folder}/others.npy --bars 8 --val-split 0 --batch-size 5 --precision mixed_bfloat16 "
    "--half --no-jit --tensorboard"
)
LONG = "--epochs 6 --keep best --patience 3"


def data(watch: Watch) -> None:
    watch.assert_learns(watch(watch.other).first, OTHERS[:2])


def bars(watch: Watch) -> None:
    watch.assert_learns(watch().first, LEARNED)
    watch.assert_learns(watch(watch.other).first, OTHERS[:2])


def val_split(watch: Watch) -> None:
    watch.assert_validates(watch().first, HELD_OUT)
    assert watch(watch.other).first.validation is None


def batch_size(watch: Watch) -> None:
    for flags, size in (("", 32), (watch.other, 5)):
        x, y = watch(flags).first.batches[0]
        assert len(x) == len(y) == size


def precision(watch: Watch) -> None:
    for flags, kind in (("", "float32"), (watch.other, "bfloat16")):
        layers = list(split_batch.layers(watch(flags).model))
        assert kind in {layer.compute_dtype for layer in layers if layer.weights}
        assert {layer.variable_dtype for layer in layers} == {"float32"}


def half(watch: Watch) -> None:
    for flags, halved in (("", False), (watch.other, True)):
        assert {own.half for own in watch(flags).saved.values()} == {halved}


def jit(watch: Watch) -> None:
    assert [set(watch(flags).jit) for flags in ("", watch.other)] == [{"auto"}, {False}]


def tensorboard(watch: Watch) -> None:
    assert (watch().logs, watch(watch.other).logs) == ([], [0])


def backend(watch: Callable[[str], Any]) -> None:
    running = keras.config.backend()
    other = "jax" if running != "jax" else "torch"
    with pytest.raises(Error, match=f"Keras runs on {running} already; .*KERAS_BACKEND={other}"):
        watch(f"--backend {other}")


def out(watch: Watch) -> None:
    folder = watch("--seed 1").folder
    assert (folder / "config.json").exists()
    assert (folder / "history.csv").exists()


def seed(watch: Watch) -> None:
    """First weights, and the order, which is another in each epoch."""
    one, (other, second, _) = watch().first, watch("--seed 1 --epochs 3").epochs
    assert (one.first != other.first).any()
    for later in (other, second):
        assert (getattr(one, watch.of) != getattr(later, watch.of)).any()


def epochs(watch: Watch) -> None:
    assert [len(watch(flags).epochs) for flags in ("", "--seed 1 --epochs 3")] == [1, 3]


def resume(watch: Watch) -> None:
    """It goes on with the weights and the batches of the epochs that are left."""
    begun = watch("--seed 1").folder
    second, third = watch.run("--seed 1 --epochs 3 --resume", begun).epochs
    _, *expected = watch("--seed 1 --epochs 3").epochs
    for one, other in zip((second, third), expected, strict=True):
        np.testing.assert_array_equal(one.inputs, other.inputs)
        np.testing.assert_array_equal(one.first, other.first)


def keep(watch: Watch) -> None:
    """The weights that are saved: each epoch has added 1, and the second is the best."""
    for flags, trained in (("--seed 1 --epochs 3", 3), (watch.long, 2)):
        seen = watch(flags)
        moved = seen.saved[seen.model.name].weight - seen.first.first
        np.testing.assert_allclose(moved, trained, atol=1e-5)


def patience(watch: Watch) -> None:
    assert len(watch(watch.long).epochs) == 5


OF_EVERY_SCRIPT = {
    own.__name__: own
    for own in (
        data, bars, val_split, batch_size, precision, half, jit, tensorboard, backend, out, seed,
        epochs, resume, keep, patience,
    )
}  # fmt: skip


# The same of the flags of a recipe, for the scripts that have one.

TUNED = "--optimizer adam --learning-rate 0.5 --decay late --kl-weight 3"
WARMED = "--recipe pca-warmup --learning-rate 0.25 --pca-warmup 2"


def recipe(watch: Watch) -> None:
    for epoch in watch(WARMED).epochs:
        assert isinstance(epoch.model.optimizer, keras.optimizers.Muon)
        assert epoch.kl_weight == pytest.approx(1e-3)
    assert epoch.rates == pytest.approx((0.25, 0), abs=1e-6)


def pca_warmup(watch: Watch) -> None:
    """Epochs before the first, of a network in which components stand for the latent vector."""
    seen = watch(WARMED).epochs
    led = ["components" in {layer.name for layer in epoch.model.layers} for epoch in seen]
    assert led == [True, True, False]
    for epoch in seen:
        assert_same_rows(epoch.inputs, seen[-1].inputs)


def optimizer(watch: Watch) -> None:
    assert isinstance(watch(watch.long).model.optimizer, keras.optimizers.Adam)
    assert watch().model.optimizer.__class__.__name__ == watch.optimizer


def learning_rate(watch: Watch) -> None:
    assert [watch(flags).first.rates[0] for flags in (watch.long, WARMED)] == [0.5, 0.25]


def decay(watch: Watch) -> None:
    """Late: at the full rate for four of six epochs; the fifth is the last that is trained."""
    rates = [rate for _, rate in (epoch.rates for epoch in watch(watch.long).epochs)]
    np.testing.assert_allclose(rates, [0.5, 0.5, 0.5, 0.5, 0.25], atol=1e-6)


def of_the_kl_term(watch: Watch) -> None:
    assert {epoch.kl_weight for epoch in watch(watch.long).epochs} == {3}
    assert watch().first.kl_weight == pytest.approx(1e-4)  # of the preset large


def split(watch: Watch) -> None:
    assert watch().split == [watch().model]
    assert watch("--no-split-batch").split == []


OF_A_RECIPE = {
    own.__name__: own for own in (recipe, pca_warmup, optimizer, learning_rate, decay)
} | {"kl_weight": of_the_kl_term, "split_batch": split}


def by_flag(checks: dict[str, Callable], slow: tuple[str, ...] = ()) -> Callable:
    """Parametrizes a test by a table of checks."""
    marks = {name: [pytest.mark.slow] if name in slow else [] for name in checks}
    cases = [pytest.param(own, id=name, marks=marks[name]) for name, own in checks.items()]
    return pytest.mark.parametrize("check", cases)
