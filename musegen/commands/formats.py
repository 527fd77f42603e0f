"""Finds the format of the music that a system makes, which is phrases or notes.

The entry of a system in the catalogue names its kind of music. For each kind there is a module, and
all these modules have the same names:

| name | what it is |
|---|---|
| `UNIT` | the name of one example |
| `ARRAY` | the ending of a file that holds examples as arrays |
| `OPTIONS` | the flags that only this kind of music has, by the name of the argument |
| `read_example(source, number, flag)` | reads one example from any source that `--data` accepts |
| `prepared(ends, system, args)` | converts two examples so that a system can interpolate |
| `check_amount(paths, n, system, args, ends)` | raises an `Error` if `n` examples are too long |
| `finished(music, args)` | applies the user's options to generated music |
| `shown(system)` | what of a system's music is shown, as arguments of the functions with `...` |
| `score(music, args, ...)` | converts music to MIDI |
| `write_array(path, music)`, `draw(music, columns, ...)` | writes arrays, draws a picture |
| `summary(music, args)`, `table(music, ...)` | returns the text to print |
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
    """Returns the module for the music that a trained system makes.

    An option of another kind of music, or an array file of another kind, raises an `Error`.

    Args:
        system: name or folder of the system.
        args: options of the command.
        out: files to write.
    """
    music = registry.entry(system).music
    module = import_module(FORMATS[music])
    for other in map(import_module, (FORMATS[name] for name in FORMATS.keys() - {music})):
        for name, flag in other.OPTIONS.items():
            if getattr(args, name, None):
                raise Error(f"{flag}: {system} makes {music}, which have no such option")
    check_array(out, module, system)
    return module


def check_array(out: Sequence[Path], music: ModuleType, system: str | Path) -> None:
    """Raises an `Error` if an array file among the outputs has the ending of another kind."""
    for path in out:
        if path.suffix.lower() in (".npy", ".npz") and path.suffix.lower() != music.ARRAY:
            raise Error(
                f"{path}: the music of {system} is written as {music.ARRAY}; change the name"
            )


def write(
    paths: Sequence[Path],
    music: ModuleType,
    made: Any,
    args: Namespace,
    columns: int | None = None,
    **shown: Any,
) -> None:
    """Writes all files, or none if one fails.

    Args:
        paths: files to write; the ending of each says its format.
        music: module for this kind of music.
        made: the music.
        args: options of the command.
        columns: number of columns in the picture, if it has columns.
        shown: what of the music is shown, if not all.
    """
    outputs.write(
        paths,
        music.score(made, args, **shown),
        lambda path: music.write_array(path, made),
        lambda: music.draw(made, columns, **shown),
    )
