"""The examples in docstrings run, and give what stands under them."""

import doctest
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import toys

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("musegen", "models", "train", "eval")


def modules_with_examples() -> list[str]:
    """The names of modules that have an example."""
    found = []
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if ">>> " in text:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found.append(name if name.startswith("musegen") else f"musegen.{name}")
    return found


class AnythingWhereNothingIsSaid(doctest.OutputChecker):
    """An example without a result may print what it likes."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want or super().check_output(want, got, optionflags)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with copies of the trained systems and runs that examples name."""
    monkeypatch.chdir(tmp_path)
    for folder in ("pretrained/midi-s2", "runs/midi-s2", "runs/musegan-hybrid"):
        shutil.copytree(ROOT / "pretrained" / Path(folder).name, tmp_path / folder)
    for name in ("mvae", "bachprop"):
        toys.writer_of_notes(name).save(tmp_path / "runs" / name)
    toys.duet().save(tmp_path / "runs" / "duet-hlstm")
    (tmp_path / "runs" / "bvae-bass").mkdir()
    shutil.copy(ROOT / "pretrained" / "midi-s2" / "bvae-bass.keras", "runs/bvae-bass")


def names(module: str) -> dict:
    """What the examples of a module take for granted."""
    import keras

    import musegen
    from musegen.metrics import mgeval
    from musegen.metrics.events import from_phrases

    phrases = np.random.default_rng(0).random((4, 4, 48, 84, 5)) < 0.02
    found = {"phrases": phrases, "generated": phrases[:, ::-1], "held_out": phrases, "np": np}
    found |= {"musegen": musegen, "mgeval": mgeval, "from_phrases": from_phrases, "keras": keras}
    if module.endswith(("gan.wgan_gp", "training.runs", "training.checkpoints")):
        z, music = keras.Input((64,), name="z"), keras.Input((4, 96, 84, 5))
        cells = keras.layers.Dense(4 * 96 * 84 * 5, "tanh")(keras.layers.Dense(2, name="read")(z))
        found["generator"] = keras.Model({"z": z}, keras.layers.Reshape((4, 96, 84, 5))(cells))
        found["generator"].compile("adam", "mse")
        score = keras.layers.Dense(1)(keras.layers.Flatten()(music))
        found |= {"critic": keras.Model(music, score), "model": found["generator"]}
        found |= {"phrases": np.zeros((5, 2, 4, 96, 84, 5), bool), "Adam": keras.optimizers.Adam}
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("module", modules_with_examples())
def test_examples_run(module, capsys, monkeypatch):
    if module == "musegen.training.jobs":  # its networks need minutes: their names are printed
        monkeypatch.setattr(f"{module}._run_named", print)
    tests = doctest.DocTestFinder().find(import_module(module), globs=None)
    tests = [test for test in tests if test.examples]
    assert tests, "the example is in no docstring of a public name"
    runner = doctest.DocTestRunner(AnythingWhereNothingIsSaid())
    for test in tests:
        test.globs |= {k: value for k, value in names(module).items() if k not in test.globs}
        runner.run(test)
    assert not runner.failures, capsys.readouterr().out
