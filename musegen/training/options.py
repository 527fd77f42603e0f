"""The options that every training script shares, as one frozen dataclass.

A script adds its own, and gets its flags from the same fields:

    @dataclass(frozen=True)
    class Training(Options):
        track: str = option("bass", "the track to learn", choices=TRACKS)

    def add_arguments(parser):
        add_flags(parser, Training)

    def run(args):
        options = read_flags(args, Training)
        prepare(options)
"""

import dataclasses
import math
import os
import sys
import typing
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

from musegen import Error
from musegen.environment import import_keras
from musegen.files import check_folder

BACKENDS = ("tensorflow", "jax", "torch")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
KEEP = ("last", "best")
# Names of settings, and of recipes, in the flags and the config.json of version 0.1.
FORMER_NAMES = {"lead": "pca_warmup", "start": "init_from"}
FORMER_RECIPES = {"led": "pca-warmup"}
RUNS = "runs"  # where the folders of runs are made unless --out says otherwise


def option(
    default: Any,
    help: str,
    choices: Sequence | None = None,
    metavar: str | None = None,
    least: float | None = None,
) -> Any:
    """Makes a field of a settings dataclass that is a flag as well.

    A field that is True by default becomes `--no-name`, so its help says what that switches off.

    Args:
        least: least value that the field may have.
    """
    return dataclasses.field(
        default=default,
        metadata={"help": help, "choices": choices, "metavar": metavar, "least": least},
    )


@dataclass(frozen=True)
class Options:
    """The options that every training script has; a mistake is an `Error` that names the flag."""

    data: str = option(
        "demo",
        "the music to learn: phrase shards, .npy, MIDI or LPD files, a folder or archive of them, "
        "demo or freedoom",
        metavar="D",
    )
    preset: str = option(
        "paper", "settings of the paper, or of its code", choices=("paper", "repo")
    )
    epochs: int | None = option(
        None, "number of times to go through the data (default: by preset)", metavar="N", least=1
    )
    batch_size: int = option(32, "examples in a batch", metavar="N", least=1)
    seed: int = option(
        0, "seed of the first weights, the noise and the order of the data", metavar="N"
    )
    precision: str = option("float32", "precision of the computation", choices=PRECISIONS)
    backend: str | None = option(
        None, "backend of Keras (default: the one that Keras is set up with)", choices=BACKENDS
    )
    jit: bool = option(True, "do not compile with XLA")
    out: str | None = option(None, "folder of the run (default: runs/ and its name)", metavar="DIR")
    resume: bool = option(False, "go on with the run in the folder where it was interrupted")
    val_split: float = option(
        0.1, "share of the data to validate with, where they have no split of their own",
        metavar="S",
    )  # fmt: skip
    keep: str = option(
        "last",
        "weights to end with: those of the last epoch, or of the best one in validation",
        choices=KEEP,
    )
    patience: int | None = option(
        None, "number of epochs without a better validation after which to stop (default: never)",
        metavar="N", least=1,
    )  # fmt: skip
    half: bool = option(
        False, "write the trained networks in half precision: files of half the size"
    )
    tensorboard: bool = option(False, "write logs/ for TensorBoard as well")

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, facts = getattr(self, field.name), field.metadata
            choices, least = facts["choices"], facts["least"]
            if value is None:
                continue
            if choices and value not in choices:
                raise Error(f"{flag(field.name)} {value}: choose {', '.join(map(str, choices))}")
            if least is not None and not least <= value < math.inf:
                raise Error(f"{flag(field.name)} {value}: at least {least} is needed")
        if self.val_split is not None and not 0 <= self.val_split <= 0.5:
            raise Error(f"--val-split {self.val_split}: a share from 0 to 0.5 is needed")
        if not 0 <= self.seed < 2**32:
            raise Error(f"--seed {self.seed}: a number from 0 to {2**32 - 1} is needed")

    def reads(self) -> list[str | Path]:
        """Returns the files and folders that are read, in which no run may stand."""
        return [self.data] if isinstance(self.data, str) else list(self.data)


@dataclass(frozen=True)
class PhraseOptions(Options):
    """The options of every script that learns phrases."""

    bars: int | None = option(
        None, "number of bars to learn, the first ones (default: all)", metavar="N", least=1
    )


def flag(name: str) -> str:
    """Returns the flag of a field."""
    return f"--{name.replace('_', '-')}"


def add_flags(parser: ArgumentParser, cls: type) -> None:
    """Gives a parser one flag for each field of a dataclass made of `option`s."""
    types = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        facts, default = field.metadata, field.default
        text = facts["help"].replace("%", "%%")
        if isinstance(default, bool):
            name, action = (f"no_{field.name}", "store_false") if default else (
                field.name, "store_true"
            )  # fmt: skip
            parser.add_argument(flag(name), dest=field.name, action=action, help=text)
            continue
        if default is not None:
            shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
            text += f" (default: {shown})"
        known = {"choices": facts["choices"], "metavar": facts["metavar"]}
        kind = types[field.name]
        if typing.get_origin(kind) is UnionType:
            kind = _plain(kind)
        if typing.get_origin(kind) is tuple:
            known["nargs"] = "+"
        known["type"] = _plain(kind)
        if field.name == "recipe":
            known["type"] = lambda word: FORMER_RECIPES.get(word, word)
        parser.add_argument(flag(field.name), default=default, help=text, **known)
        for former in (old for old, new in FORMER_NAMES.items() if new == field.name):
            hidden = {"dest": field.name, "default": SUPPRESS, "help": SUPPRESS}
            parser.add_argument(flag(former), **known, **hidden)


def to_flags(settings: Mapping[str, Any], cls: type) -> list[str]:
    """Turns settings of a script into a command line that `add_flags` and `read_flags` understand.

    Args:
        settings: values by name; those that are None are left out.
        cls: dataclass of the script's options.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(cls)}
    line = []
    for name, value in settings.items():
        if isinstance(defaults[name], bool):
            line += [] if value == defaults[name] else [flag(name if value else f"no_{name}")]
        elif isinstance(value, tuple):
            line += [flag(name), *map(str, value)]
        elif value is not None:
            line += [flag(name), str(value)]
    return line


def read_flags(args: Namespace, cls: type) -> Any:
    """Makes the dataclass of a parsed command line, and checks that its runs may stand there."""
    given = {field.name: getattr(args, field.name) for field in dataclasses.fields(cls)}
    given = {k: tuple(value) if isinstance(value, list) else value for k, value in given.items()}
    options = cls(**given)
    check_folder(Path(options.out or RUNS), options.reads())
    return options


def say_if_one_batch(n: int, unit: str, batch_size: int) -> None:
    """Prints a line where a batch is larger than the data, so that an epoch has one step."""
    if n < batch_size:
        print(f"{n:,} {unit} are less than a batch of {batch_size:,}: every step sees all of them")


def _plain(kind: Any) -> type:
    """Returns `int` for `int | None` and for `tuple[int, ...]`."""
    return next((part for part in typing.get_args(kind) if part is not NoneType), kind)


def prepare(options: Options) -> None:
    """Chooses backend and precision and sets all seeds: call it before anything imports Keras."""
    wanted = options.backend or os.environ.get("KERAS_BACKEND")
    if wanted:
        _choose(wanted)
    import_keras()
    import keras

    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)


def _choose(backend: str) -> None:
    if backend not in BACKENDS:
        raise Error(f"unknown backend {backend!r}; choose {', '.join(BACKENDS)}")
    if "keras" in sys.modules:
        running = sys.modules["keras"].config.backend()
        if running != backend:
            raise Error(
                f"Keras runs on {running} already; start Python with KERAS_BACKEND={backend}"
            )
    elif find_spec(backend) is None:
        raise Error(f"the backend {backend} is not installed; pip install 'musegen[{backend}]'")
    os.environ["KERAS_BACKEND"] = backend


def jit_compile(options: Options) -> bool | str:
    """Returns what `compile(jit_compile=...)` takes: XLA where Keras thinks it helps, or never."""
    return "auto" if options.jit else False
