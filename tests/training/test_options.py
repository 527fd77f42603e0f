"""Options: flags from fields, mistakes in one line, and what `prepare` sets."""

import random
import subprocess
import sys
from argparse import ArgumentParser
from dataclasses import dataclass, fields
from importlib import import_module

import keras
import numpy as np
import pytest

from musegen import Error, cli
from musegen.training import options as options_module
from musegen.training.options import (
    Options,
    add_flags,
    jit_compile,
    option,
    prepare,
    read_flags,
    to_flags,
)


@dataclass(frozen=True)
class Training(Options):
    track: str = option("bass", "the track, 100 % of it", choices=("bass", "piano"))
    width: float | None = option(None, "of the model", metavar="W")


def parse(*words: str) -> Training:
    parser = ArgumentParser()
    add_flags(parser, Training)
    return read_flags(parser.parse_args(words), Training)


def test_flags_are_the_fields():
    assert parse() == Training()
    words = "--track piano --width 2 --batch-size 8 --epochs 3 --no-jit --resume --val-split 0.5"
    assert parse(*words.split()) == Training(
        track="piano", width=2.0, batch_size=8, epochs=3, jit=False, resume=True, val_split=0.5
    )


@pytest.mark.parametrize("name", sorted(cli.scripts("train")))
def test_flags_give_back_the_settings_of_every_script(name):
    """Each switch is turned, and each number is another one than by default."""
    cls = import_module(f"musegen.train.{name.replace('-', '_')}").Training
    changed = {
        field.name: not field.default if isinstance(field.default, bool)
        else field.default + 1 if isinstance(field.default, int)
        else field.default
        for field in fields(cls)
    }  # fmt: skip
    if "steps" in changed and cls.steps == 48:
        changed["steps"] = 96
    parser = ArgumentParser()
    add_flags(parser, cls)
    given = vars(parser.parse_args(to_flags(changed, cls)))
    given = {k: tuple(value) if isinstance(value, list) else value for k, value in given.items()}
    assert given == changed


def test_help_names_each_flag_and_its_default(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "100 % of it (default: bass)" in text
    assert "(default: 0.1)" in text
    assert "(default: None)" not in text
    for name in ("data", "preset", "seed", "precision", "backend", "no-jit", "out", "keep"):
        assert f"--{name} " in text


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"epochs": 0}, "--epochs 0: at least 1"),
        ({"batch_size": -4}, "--batch-size -4: at least 1"),
        ({"patience": 0}, "--patience 0: at least 1"),
        ({"val_split": 0.6}, "--val-split 0.6: a share from 0 to 0.5"),
        ({"val_split": float("nan")}, "--val-split nan"),
        ({"seed": -1}, "--seed -1"),
        ({"precision": "float64"}, "--precision float64: choose float32"),
        ({"backend": "theano"}, "--backend theano: choose tensorflow"),
        ({"track": "oboe"}, "--track oboe: choose bass, piano"),
    ],
)
def test_mistakes_name_the_flag(mistake, message):
    with pytest.raises(Error, match=message):
        Training(**mistake)


def test_options_need_nothing_but_the_standard_library():
    code = (
        "import sys, musegen.training.options, musegen.training\n"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'keras', 'tensorflow', 'jax')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def policy():
    """Puts precision back, which is one for the whole process."""
    yield
    keras.config.set_dtype_policy("float32")


def test_prepare_sets_seed_and_precision(policy):
    prepare(Options(seed=5, precision="mixed_bfloat16"))
    first = random.random()
    noise = keras.random.normal((3,), dtype="float32")
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    prepare(Options(seed=5))
    assert keras.config.dtype_policy().name == "float32"
    assert random.random() == first
    np.testing.assert_array_equal(keras.random.normal((3,), dtype="float32"), noise)


def test_backend_that_cannot_be(monkeypatch):
    running = keras.config.backend()
    other = next(name for name in options_module.BACKENDS if name != running)
    with pytest.raises(Error, match=f"runs on {running} already.*KERAS_BACKEND={other}"):
        prepare(Options(backend=other))
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(Error, match="unknown backend 'theano'"):
        prepare(Options())
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr(options_module, "find_spec", lambda name: None)
    with pytest.raises(Error, match="jax is not installed; pip install"):
        prepare(Options(backend="jax"))


def test_jit_is_for_backends_that_have_xla():
    assert jit_compile(Options(jit=False)) is False
    assert jit_compile(Options()) == "auto"
