"""The command line: `musegen`, or `python -m musegen`.

A command is a module with `add_arguments(parser)` and `run(args)`. It is imported only when it is
called, so that no command waits for the imports of another one.
"""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from ast import get_docstring, parse
from collections.abc import Callable
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TextIO

from musegen import Error, __version__, registry
from musegen.files import shown
from musegen.stopping import leave, stoppable

# For each command: its module, what it does, what it reads and writes, and an example.
COMMANDS = {
    "data prepare": (
        "musegen.data.prepare",
        "make training data from MIDI files or LPD",
        "Reads a folder, tar, zip or WAD of MIDI files or LPD .npz files. Writes shards of\n"
        "phrases, or a store of notes, manifest.json and skipped.csv to a folder.",
        "musegen data prepare songs/ -o phrases/ --steps 48 --workers 2",
    ),
    "data info": (
        "musegen.data.info",
        "describe a data set",
        "Reads prepared phrases or notes, or anything else that --data takes.\n"
        "Prints counts and statistics; writes a picture of 16 random phrases or of a piece.",
        "musegen data info phrases/",
    ),
    "generate": (
        "musegen.commands.generate",
        "generate new music with a trained system",
        "Reads a trained system. Writes MIDI; by the ending of -o also arrays, .png or .wav.",
        "musegen generate {system} -n 8 -o band.mid -o band.png",
    ),
    "restore": (
        "musegen.commands.restore",
        "encode a song and decode it again with a trained system",
        "Reads a song in 4/4 of any length. Writes it as the system restores it, bar by bar, with\n"
        "the tempo, meter and keys of the original; by the ending of -o also .npy, .png or .wav.",
        "musegen restore song.mid --system {system} --keep drums -o adapted.mid",
    ),
    "accompany": (
        "musegen.commands.accompany",
        "write new tracks to one track of a song",
        "Reads a song in 4/4 of any length. Writes one track of it, note by note as it is, with\n"
        "new other tracks and the tempo, meter and keys of the song; by the ending of -o also\n"
        ".npy, .png or .wav.",
        "musegen accompany song.mid --system {system} --track piano -o band.mid",
    ),
    "continue": (
        "musegen.commands.continue_song",
        "continue a song with new bars",
        "Reads a song. Writes it, note by note as it is, and behind it bars that the system plays\n"
        "on; by the ending of -o also .npz, .png or .wav.",
        "musegen continue song.mid --system {system} --bars 8 -o longer.mid",
    ),
    "interpolate": (
        "musegen.commands.interpolate",
        "generate music between two phrases or pieces",
        "Reads two phrases or pieces, or makes them of two seeds. Writes those between as MIDI;\n"
        "by the ending of -o also arrays, .png or .wav.",
        "musegen interpolate {system} --from a.mid --to b.mid -n 9 -o way.mid",
    ),
    "export": (
        "musegen.commands.export",
        "write the networks of a trained system as plain Keras files",
        "Reads a trained system. Writes its networks without noise to a folder, in Keras's own\n"
        "layers, which open where musegen is not installed, and parts.json, which explains them.",
        "musegen export {system} -o networks/",
    ),
    "render": (
        "musegen.audio",
        "render a MIDI file as a WAV file",
        "Reads a MIDI file, or pieces in an .npz file. Writes a WAV file. Needs FluidSynth and a\n"
        "sound font.",
        "musegen render song.mid -o song.wav",
    ),
    "info": (
        "musegen.commands.system_info",
        "list the systems, their networks, and the versions that are installed",
        "Without a name prints what a bug report needs, the systems, and those that come trained.\n"
        "With one prints the networks of that system, built without data.",
        "musegen info {system}",
    ),
}
SCRIPTS = {"train": "musegen.train", "eval": "musegen.eval"}  # packages whose modules are scripts
GROUPS = {
    "train": "train a system, or a part of one; musegen train lists the scripts",
    "eval": "measure and draw what systems make; musegen eval lists the scripts",
}
METHODS = {"continue": "extend"}  # what a system needs for a command of another name
HELP = ("-h", "--help")


class _Parser(ArgumentParser):
    """A parser that raises an `Error` for a mistake on the command line."""

    command_line: list[str]

    def error(self, message: str):
        raise Error(f"{message}; {self.prog} --help lists the options")


def main(argv: list[str] | None = None) -> int:
    """Runs a command line and returns its exit code."""
    return guard(_dispatch, sys.argv[1:] if argv is None else argv)


def guard(function: Callable, *args) -> int:
    """Calls a function and returns an exit code.

    A mistake by the user becomes one line on stderr and exit code 2. A signal that stops the
    function becomes one line, too, and ends the process.
    """
    _prepare_streams()
    with stoppable() as caught:
        reason = "stopped"
        try:
            function(*args)
            sys.stdout.flush()
            code = 0
        except KeyboardInterrupt as error:
            code, reason = 130, str(error) or reason
        except BaseException as error:
            if not caught and (code := _reported(error)) is None:
                raise
        if caught or code == 130:
            _report(reason)
        if caught:  # even if its exception was dropped or replaced by another one
            leave(caught[0])
    return code


def _reported(error: BaseException) -> int | None:
    """Prints an exception that is no bug in one line; returns the exit code, or None for a bug."""
    if isinstance(error, Error):
        return _report(error)
    if isinstance(error, BrokenPipeError):  # the reader of a pipe has closed it, as `head` does
        _write(sys.stdout, "")
        return 141
    if isinstance(error, OSError):
        reason, name = error.strerror or str(error), error.filename
        if isinstance(name, str | bytes | os.PathLike):
            reason = f"{os.fsdecode(name)}: cannot be read or written ({reason})"
        return _report(reason)
    return None


def _prepare_streams() -> None:
    """Makes stdout and stderr accept all text, even if they are closed.

    Characters that the encoding lacks are escaped. A closed stream gets a file that discards all
    text; otherwise the next file to be opened would take its number, and the text.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(number, "w", closefd=False))  # noqa: SIM115, stays open
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _report(reason: object) -> int:
    """Prints in one line why there is no result; returns the exit code 2."""
    _write(sys.stdout, "")
    _write(sys.stderr, f"musegen: {shown(reason)}\n")
    return 2


def _write(stream: TextIO, text: str) -> None:
    """Writes and flushes text; discards it if the stream fails, or Python would try again later."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def script_main(file: str) -> None:
    """Runs a script of `train/` or `eval/` as the main program."""
    path = Path(file)
    sys.exit(guard(run_script, path.parent.name, path.stem))


def run_script(group: str, name: str, argv: list[str] | None = None) -> None:
    """Parses the options of a script and runs it."""
    file = name.replace("-", "_")
    script = import_module(f"{SCRIPTS[group]}.{file}")
    epilog = f"in a checkout the same as:\n  python {group}/{file}.py"
    _run(script, f"{group} {name}", cleandoc(script.__doc__), epilog, argv)


def run_command(command: str, argv: list[str] | None = None) -> None:
    """Parses the options of a command and runs it."""
    module, summary, files, example = COMMANDS[command]
    description = f"{summary[0].upper()}{summary[1:]}.\n\n{files}"
    if "{system}" in example:
        able = registry.able(METHODS.get(command, command))
        example = example.format(system=able[0] if able else "NAME")
    _run(import_module(module), command, description, f"example:\n  {example}", argv)


def _run(
    module: ModuleType, command: str, description: str, epilog: str, argv: list[str] | None
) -> None:
    parser = _Parser(
        prog=f"musegen {command}",
        description=description,
        epilog=epilog,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.command_line = sys.argv[1:] if argv is None else argv
    module.add_arguments(parser)
    module.run(parser.parse_args(argv))


def scripts(group: str) -> dict[str, str]:
    """Returns the scripts of a group and what each does, without importing them."""
    modules = iter_modules(import_module(SCRIPTS[group]).__path__)
    summaries = {}
    for finder, name, is_package in sorted(modules, key=lambda module: module.name):
        if not is_package:
            source = finder.find_spec(name).loader.get_source(name)
            summaries[name.replace("_", "-")] = get_docstring(parse(source)).splitlines()[0]
    return summaries


def _dispatch(argv: list[str]) -> None:
    if argv and argv[0] in SCRIPTS:
        return _dispatch_script(argv[0], argv[1:])
    for words in (2, 1):
        command = " ".join(argv[:words])
        if command in COMMANDS:
            return run_command(command, argv[words:])
    if not argv or argv[0] in HELP:
        print(_help({name: row[1] for name, row in COMMANDS.items() if _useful(name)} | GROUPS))
        return None
    if argv[0] == "--version":
        print(f"musegen {__version__}")
        return None
    group = {name: row[1] for name, row in COMMANDS.items() if name.split()[0] == argv[0]}
    if group and (len(argv) == 1 or argv[1] in HELP):
        print(_help(group))
        return None
    known = " ".join(argv[:2] if group else argv[:1])
    raise Error(f"there is no command {known!r}; musegen --help lists them")


def _useful(command: str) -> bool:
    """Whether some system can do what a command is for."""
    entries = registry.catalogue().values()
    return command not in METHODS or any(METHODS[command] in entry.can for entry in entries)


def _dispatch_script(group: str, argv: list[str]) -> None:
    """Runs a script of a group, or lists them all."""
    known = scripts(group)
    if argv and argv[0].replace("_", "-") in known:
        return run_script(group, argv[0].replace("_", "-"), argv[1:])
    if argv and argv[0] not in HELP:
        raise Error(f"there is no script {group} {argv[0]!r}; there are {', '.join(known)}")
    print(_help({f"{group} {name}": summary for name, summary in known.items()}))
    return None


def _help(summaries: dict[str, str]) -> str:
    lines = [f"  {name:<16}{summary}" for name, summary in summaries.items()]
    return "\n".join(
        [
            "usage: musegen COMMAND [options]",
            "",
            "Symbolic multi-track music generation.",
            "",
            *lines,
            "",
            "musegen COMMAND --help describes a command and gives an example.",
            "musegen --version prints the version.",
        ]
    )
