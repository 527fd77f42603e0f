"""Files of trained networks: in layers of Keras if possible, with the same outputs."""

import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from backends import environment

import musegen
from musegen import Error, registry
from musegen.models.layers.lstm import LSTM
from musegen.models.midi_sandwich2 import bvae, refine
from musegen.models.midi_sandwich2 import settings as midi_sandwich2
from musegen.models.midi_sandwich2 import system as midi_s2
from musegen.models.midi_sandwich2.settings import BVAESettings
from musegen.models.musegan import generators
from musegen.models.musegan.settings import PRESETS, Kind
from musegen.models.musegan.system import MuseGAN
from musegen.registry import pretrained
from musegen.saving import WEIGHTS, NoStockForm, load_model, save_model, stock

# A program that opens files and saves their outputs; it cannot import musegen.
WITHOUT_MUSEGEN = """
import sys
sys.modules["musegen"] = None
import keras, numpy as np
for model, given, made in (line.split() for line in sys.stdin):
    network = keras.saving.load_model(model)
    with np.load(given) as inputs:
        inputs = dict(inputs)
    outputs = network(inputs if len(inputs) > 1 else inputs["x"], training=False)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    np.savez(made, *map(keras.ops.convert_to_numpy, outputs))
"""
FILES = [path for folder in pretrained().values() for path in sorted(folder.glob("*.keras"))]


def example(network: keras.Model, n: int = 3) -> dict[str, np.ndarray]:
    """Returns random inputs of a network by their names; `x` if there is only one."""
    rng = np.random.default_rng(0)
    found = {
        tensor.name: rng.normal(size=(n, *tensor.shape[1:])).astype("float32")
        for tensor in network.inputs
    }
    return found if len(found) > 1 else {"x": next(iter(found.values()))}


def outputs(network: keras.Model, inputs: dict) -> list[np.ndarray]:
    found = network(inputs if len(inputs) > 1 else inputs["x"], training=False)
    return [keras.ops.convert_to_numpy(x) for x in (found if isinstance(found, list) else [found])]


def lively(model: keras.Model) -> keras.Model:
    """Sets random weights, also biases and averages, so that each of them has an effect."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        positive = "variance" in weight.path or "gamma" in weight.path
        low, high = (0.5, 1.5) if positive else (-0.3, 0.3)
        weight.assign(rng.uniform(low, high, weight.shape))
    return model


def registered(path: Path) -> bool:
    """Returns whether a file names a layer of musegen."""
    with zipfile.ZipFile(path) as archive:
        return b'"musegen>' in archive.read("config.json")


# Layers.


@pytest.mark.parametrize("gates", ["sigmoid", "hard_sigmoid"])
@pytest.mark.parametrize("n_steps", [None, 6])
def test_stock_form_of_an_lstm(gates, n_steps):
    settings = BVAESettings(gates=gates)
    x = keras.Input((5,) if n_steps else (6, 5))
    y = LSTM(7, n_steps=n_steps, recurrent_activation=bvae.gates(settings), return_sequences=True)(
        x
    )
    model = lively(keras.Model(x, y))
    inputs = {"x": 3 * example(model)["x"]}  # so that hard gates are shut and open, too
    same = stock(model, expand=True)
    np.testing.assert_allclose(outputs(same, inputs), outputs(model, inputs), atol=1e-6)
    if gates == "hard_sigmoid":
        with pytest.raises(NoStockForm, match="hard sigmoid of Keras 2"):
            stock(model)
    else:
        np.testing.assert_allclose(outputs(stock(model), inputs), outputs(same, inputs), atol=1e-6)


@pytest.mark.parametrize("preset", ["paper", "repo"])
def test_stock_form_of_a_refine_network(preset):
    model = lively(refine.per_bar(midi_sandwich2.PRESETS[preset].refine, 12))
    inputs = example(model)
    np.testing.assert_allclose(
        outputs(stock(model, expand=True), inputs), outputs(model, inputs), atol=2e-6
    )


@pytest.mark.parametrize(
    ("preset", "kind"),
    [
        ("paper", Kind("composer", "piano")),
        pytest.param("repo", Kind("hybrid"), marks=pytest.mark.slow),
    ],
)
def test_stock_form_of_a_generator(preset, kind, tmp_path):
    settings = generators.Settings(**{**vars(PRESETS[preset]), "width": 1 / 64})
    model = lively(generators.generator(settings, kind))
    inputs = example(model)
    np.testing.assert_allclose(
        outputs(stock(model, expand=True), inputs), outputs(model, inputs), atol=1e-4
    )
    save_model(model, tmp_path / "generator.keras")
    assert registered(tmp_path / "generator.keras") == (preset == "repo")  # batch statistics
    same = load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(outputs(same, inputs), outputs(model, inputs), atol=1e-5)


def test_a_model_that_draws_noise_is_saved_as_it_is(tmp_path):
    model = lively(bvae.bvae())
    with pytest.raises(NoStockForm, match="sampling draws noise"):
        stock(model, expand=True)
    save_model(model, tmp_path / "bvae.keras")
    assert registered(tmp_path / "bvae.keras")
    again = musegen.load_model(tmp_path / "bvae.keras")
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# Files.


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_pretrained_files_without_noise_hold_stock_layers_alone(path):
    own = ("bvae-", "mfg-vae", "mvae", "bachprop")  # noise, or recurrent layers of musegen's own
    assert registered(path) == path.name.startswith(own)


def test_half_precision(tmp_path):
    model = lively(refine.per_note())
    kernel, _ = model.get_layer("dense_1").weights
    kernel.assign(1e-3 * np.asarray(kernel))
    path, small = tmp_path / "whole.keras", tmp_path / "half.keras"
    save_model(model, path)
    save_model(model, small, half=True)
    assert small.stat().st_size < 0.5 * path.stat().st_size
    again = keras.saving.load_model(small)
    for weight, known in zip(again.weights, model.weights, strict=True):
        assert weight.dtype == "float32"
        exact = known if len(known.shape) < 2 else np.asarray(known).astype("float16")
        np.testing.assert_array_equal(weight, exact)
    kernel.assign(1e5 * np.ones(kernel.shape))  # more than float16 holds
    save_model(model, small, half=True)
    np.testing.assert_array_equal(keras.saving.load_model(small).layers[1].kernel, kernel)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_pretrained_files_are_in_half_precision(path):
    kinds = set()

    def look(name: str, item) -> None:
        if isinstance(item, h5py.Dataset):
            kinds.add((item.ndim > 1, str(item.dtype)))

    with zipfile.ZipFile(path) as archive, archive.open(WEIGHTS) as file, h5py.File(file) as h5:
        h5.visititems(look)
    assert kinds <= {(True, "float16"), (False, "float32"), (False, "uint32")}


@pytest.mark.parametrize("case", ["blanks", "filters", "brackets", "metadata", "weights"])
def test_a_model_that_asks_for_too_much_is_refused(case, tmp_path):
    path = tmp_path / "x.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(7)]).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if case == "weights":  # 4 TB of zeros that are stored nowhere
        with h5py.File(tmp_path / "x.h5", "w") as h5:
            h5.create_dataset("x", (10**6, 10**6), "f4", chunks=(1000, 1000))
        members[WEIGHTS] = (tmp_path / "x.h5").read_bytes()
    name = "metadata.json" if case == "metadata" else "config.json"
    members[name] = {
        "blanks": members[name] + b" " * (50 << 20),
        "metadata": members[name] + b" " * (50 << 20),
        "filters": members[name].replace(b'"units": 7', b'"units": 1000000000'),
        "brackets": b"[" * 100_000,
        "weights": members[name],
    }[case]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(Error, match=r"x\.keras: .*(more than|too deeply)[^\n]+$"):
        musegen.load_model(path)


def test_load_model_says_what_is_wrong(tmp_path):
    with pytest.raises(Error, match=r"none\.keras: no such file"):
        musegen.load_model(tmp_path / "none.keras")
    (tmp_path / "torn.keras").write_bytes(b"PK")
    with pytest.raises(Error, match=r"torn\.keras: damaged, or no Keras model of this release"):
        musegen.load_model(tmp_path / "torn.keras")


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> list[tuple[Path, keras.Model]]:
    """The exported files, and the networks of musegen that they replace."""
    folder = tmp_path_factory.mktemp("exported")
    kind = Kind("hybrid")
    settings = generators.Settings(**{**vars(PRESETS["repo"]), "width": 1 / 64})
    able = [name for name in pretrained() if "parts" in registry.entry(name).can]
    systems = {name: musegen.load(name) for name in able}
    repo = midi_s2.untrained("repo")
    for network in (*repo.bvaes.values(), repo.fusion):
        lively(network)
    systems["midi-s2-repo"] = repo
    systems["musegan-repo"] = MuseGAN("repo", kind, lively(generators.generator(settings, kind)))
    found = [(path, load_model(path)) for path in FILES if not registered(path)]
    for name, system in systems.items():
        for part, (network, words) in system.parts().items():
            if any(track in part for track in ("drums", "guitar", "strings")):
                continue  # as those of piano and bass
            assert words
            path = folder / f"{name}-{part}.keras"
            stock(network, expand=True).save(path)
            found.append((path, network))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_files_open_where_musegen_is_not_installed(backend, exported, tmp_path):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    lines = []
    for k, (path, network) in enumerate(exported):
        np.savez(tmp_path / f"given-{k}.npz", **example(network))
        lines.append(f"{path} {tmp_path / f'given-{k}.npz'} {tmp_path / f'made-{k}.npz'}")
    variables = environment(backend)
    command = [sys.executable, "-c", WITHOUT_MUSEGEN]
    subprocess.run(
        command, input="\n".join(lines), env=variables, cwd=tmp_path, text=True, check=True
    )
    for k, (path, network) in enumerate(exported):
        with np.load(tmp_path / f"made-{k}.npz") as made:
            theirs = list(made.values())
        tolerance = 1e-3 if "repo-generator" in path.name else 1e-4
        for one, other in zip(theirs, outputs(network, example(network)), strict=True):
            np.testing.assert_allclose(one, other, atol=tolerance, err_msg=path.name)


def test_the_command(tmp_path, monkeypatch, capsys):
    from musegen import cli

    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", "musegan-composer"]) == 0
    assert "generator.keras" in capsys.readouterr().out
    folder = tmp_path / "musegan-composer-keras"
    facts = json.loads((folder / "parts.json").read_text())["parts"]
    assert set(facts) == {"generator"}
    assert facts["generator"]["outputs"] == {"phrase": [4, 96, 84, 5]}
    assert not registered(folder / "generator.keras")
    system = pretrained()["musegan-composer"]
    other = pretrained()["musegan-hybrid"]
    for out, words in (
        (system, "is read or written already"),
        (other, "holds a trained system"),
        (other / "card.md", "is no folder"),
    ):
        assert cli.main(["export", "musegan-composer", "-o", str(out)]) == 2
        assert words in capsys.readouterr().err
    assert cli.main(["export", "nothing"]) == 2
    assert "nothing: no trained system" in capsys.readouterr().err
