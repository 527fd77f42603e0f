"""The kinds of music that systems make, and how the commands handle each.

The entry of a system in the catalogue names its kind of music. A module stands for each kind, and
has the same names as the other:

| name | what it is |
|---|---|
| `UNIT` | what one example is called |
| `ARRAY` | ending of the file that holds examples as arrays |
| `OPTIONS` | options of commands that only this kind has, by argument |
| `read_example(source, number, flag)` | one example of whatever `--data` takes |
| `prepared(ends, system, args)` | two examples as a system interpolates between them |
| `check_amount(paths, n, n_bars, args)` | raises an `Error` where `n` examples are too long |
| `finished(music, args)` | generated music, as the user wants it |
| `score(music, args)`, `write_array(path, music)`, `draw(music, columns)` | what is written |
| `summary(music, args)`, `table(music)` | what is printed |
"""

from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from musegen import Error, registry
from musegen.commands import outputs

FORMATS = {
    "phrases": "musegen.commands.phrase_format",
    "notes": "musegen.commands.note_format",
}


def format_of(system: str | Path, args: Namespace, out: Sequence[Path] = ()) -> ModuleType:
    """The format of the music that a trained system makes.

    An option of another kind of music, or a file to write that this kind does not have, is an
    `Error`.
    """
    music = registry.entry(system).music
    own = import_module(FORMATS[music])
    for other in map(import_module, (FORMATS[name] for name in FORMATS.keys() - {music})):
        for name, flag in other.OPTIONS.items():
            if getattr(args, name, None):
                raise Error(f"{flag}: {system} makes {music}, which have no such option")
    check_array(out, own, system)
    return own


def check_array(out: Sequence[Path], music: ModuleType, system: str | Path) -> None:
    """Checks that an array file among the outputs is one of this kind of music."""
    for path in out:
        if path.suffix.lower() in (".npy", ".npz") and path.suffix.lower() != music.ARRAY:
            raise Error(f"{path}: what {system} makes is written as {music.ARRAY}; change the name")


def write(
    paths: Sequence[Path], music: ModuleType, made: Any, args: Namespace, columns: int | None = None
) -> None:
    """Writes all files or none.

    Args:
        paths: files to write, the ending of each says what it is.
        music: format of the music.
        made: the music.
        args: options of the command.
        columns: number of columns of the picture, where it has any.
    """
    outputs.write(
        paths,
        music.score(made, args),
        lambda path: music.write_array(path, made),
        lambda: music.draw(made, columns),
    )
