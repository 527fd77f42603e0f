"""The examples in docstrings run, and give what stands under them."""

import doctest
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("musegen", "models", "train", "eval")


def modules_with_examples() -> list:
    """The names of modules that have an example; those that need Keras are slow."""
    found = []
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if ">>> " in text:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            name = name if name.startswith("musegen") else f"musegen.{name}"
            heavy = "keras" in text or "load(" in text
            found.append(pytest.param(name, marks=pytest.mark.slow if heavy else ()))
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
    (tmp_path / "runs" / "bvae-bass").mkdir()
    shutil.copy(ROOT / "pretrained" / "midi-s2" / "bvae-bass.keras", "runs/bvae-bass")


def names() -> dict:
    """What examples take for granted."""
    phrases = np.random.default_rng(0).random((4, 4, 48, 84, 5)) < 0.02
    found = {"phrases": phrases, "generated": phrases[:, ::-1], "held_out": phrases, "np": np}
    for name in ("musegen", "musegen.metrics.mgeval", "musegen.metrics.events"):
        import_module(name)
    import musegen
    from musegen.metrics import mgeval
    from musegen.metrics.events import from_phrases

    return found | {"musegen": musegen, "mgeval": mgeval, "from_phrases": from_phrases}


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("module", modules_with_examples())
def test_examples_run(module, capsys):
    room = import_module(module)
    tests = [test for test in doctest.DocTestFinder().find(room) if test.examples]
    assert tests, "an example that no docstring of a public name holds"
    runner = doctest.DocTestRunner(AnythingWhereNothingIsSaid(), optionflags=doctest.ELLIPSIS)
    for test in tests:
        test.globs |= {name: value for name, value in names().items() if name not in test.globs}
        if "keras" in test.docstring + "".join(example.source for example in test.examples):
            test.globs["keras"] = import_module("keras")
        runner.run(test)
    assert not runner.failures, capsys.readouterr().out
