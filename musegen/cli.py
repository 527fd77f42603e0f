"""The `musegen` command, also `python -m musegen`.

A command is a module with the functions `add_arguments(parser)` and `run(args)`. Only the module of
the command that is run is imported, so that each command starts quickly.
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

# For each command: its module, a summary, what it reads and writes, and an example.
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
    "data notes": (
        "musegen.data.note_report",
        "count notes, segments and values of music as note triples",
        "Reads prepared notes, MIDI files, or anything else that holds pieces. Prints a table by\n"
        "the rules of systems of note triples, with a row for each source; --json writes it.",
        "musegen data notes nottingham.tar.xz jsb-chorales-16th.json --preset repo",
    ),
    "generate": (
        "musegen.commands.generate",
        "generate music with a trained system",
        "Reads a trained system. Writes MIDI, arrays, .png or .wav, as the ending of -o says.",
        "musegen generate {system} -n 8 -o band.mid -o band.png",
    ),
    "restore": (
        "musegen.commands.restore",
        "encode a song with a system and decode it again",
        "Reads a song of any length; systems of phrases need 4/4, and keep its tempo, meter and\n"
        "keys. Writes the system's version of it as MIDI, arrays, .png or .wav, as the ending of\n"
        "-o says.",
        "musegen restore song.mid --system {system} --keep drums -o adapted.mid",
    ),
    "accompany": (
        "musegen.commands.accompany",
        "generate an accompaniment to one track of a song",
        "Reads a song in 4/4 of any length. Writes one track of it unchanged, with new other\n"
        "tracks and the tempo, meter and keys of the song, as MIDI, .npy, .png or .wav, as the\n"
        "ending of -o says.",
        "musegen accompany song.mid --system {system} --track piano -o band.mid",
    ),
    "continue": (
        "musegen.commands.continue_song",
        "continue a song with new bars",
        "Reads a song. Writes it unchanged, followed by new bars of the system, as MIDI, .npz,\n"
        ".png or .wav, as the ending of -o says.",
        "musegen continue song.mid --system {system} --bars 8 -o longer.mid",
    ),
    "interpolate": (
        "musegen.commands.interpolate",
        "interpolate between two phrases or pieces",
        "Reads two phrases or pieces, or makes them from two seeds. Writes them and those between\n"
        "as MIDI, arrays, .png or .wav, as the ending of -o says.",
        "musegen interpolate {system} --from a.mid --to b.mid -n 9 -o way.mid",
    ),
    "export": (
        "musegen.commands.export",
        "write the networks of a trained system as plain Keras files",
        "Reads a trained system. Writes its networks, without noise and with Keras's own layers\n"
        "only, to a folder, so that Keras opens them without musegen; parts.json explains them.",
        "musegen export {system} -o networks/",
    ),
    "render": (
        "musegen.audio",
        "play a MIDI file into a WAV file",
        "Reads a MIDI file, pieces in an .npz file, or chorales in JSON. Writes a WAV file. Needs\n"
        "FluidSynth and a sound font.",
        "musegen render song.mid -o song.wav",
    ),
    "info": (
        "musegen.commands.system_info",
        "list systems, their networks, versions and what is installed",
        "Without a name it prints the versions that a bug report needs, all systems, and the\n"
        "trained ones. With a name it prints the networks of that system.",
        "musegen info {system}",
    ),
}
SCRIPTS = {"train": "musegen.train", "eval": "musegen.eval"}  # packages whose modules are scripts
GROUPS = {
    "train": "train a system, or a part of one; musegen train lists the scripts",
    "eval": "measure and draw what systems make; musegen eval lists the scripts",
}
# Methods of systems that have another name than the command.
METHODS = {"continue": "extend", "export": "parts"}
HELP = ("-h", "--help")


class _Parser(ArgumentParser):
    """A parser that reports a mistake in one line."""

    command_line: list[str]

    def error(self, message: str):
        raise Error(f"{message}; see {self.prog} --help")


def main(argv: list[str] | None = None) -> int:
    """Runs a command line; returns its exit code."""
    return guard(_dispatch, sys.argv[1:] if argv is None else argv)


def guard(function: Callable, *args) -> int:
    """Calls a function and returns the exit code.

    A user's mistake is printed as one line on stderr, with exit code 2. A signal that stops the
    function is printed as one line, too, and then ends the process.
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
            if not caught and (code := _explained(error)) is None:
                raise
        if caught or code == 130:
            _failed(reason)
        if caught:  # even if other code has swallowed or replaced the exception
            leave(caught[0])
    return code


def _explained(error: BaseException) -> int | None:
    """Prints an error that is not a bug in one line and returns the exit code; None for a bug."""
    if isinstance(error, Error):
        return _failed(error)
    if isinstance(error, BrokenPipeError):  # the reader of a pipe has ended, as `head` does
        _print(sys.stdout, "")
        return 141
    if isinstance(error, OSError):
        reason, name = error.strerror or str(error), error.filename
        if isinstance(name, str | bytes | os.PathLike):
            reason = f"{os.fsdecode(name)}: cannot be read or written ({reason})"
        return _failed(reason)
    return None


def _prepare_streams() -> None:
    """Makes standard output and error usable in any encoding, and even if they are closed.

    A character that the encoding lacks is printed as an escape. The number of a closed stream is
    taken by the null device, because the next file that is opened would get it otherwise.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(number, "w", closefd=False))  # noqa: SIM115, it stays open
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _failed(reason: object, code: int = 2) -> int:
    """Prints in one line why there is no result; returns the exit code."""
    _print(sys.stdout, "")
    _print(sys.stderr, f"musegen: {shown(reason)}\n")
    return code


def _print(stream: TextIO, text: str) -> None:
    """Writes text, and all that is buffered, to a stream.

    If that fails, the stream is redirected to the null device, because Python would try to write
    again at its end.
    """
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
    """Parses the options of one script and runs it."""
    file = name.replace("-", "_")
    script = import_module(f"{SCRIPTS[group]}.{file}")
    epilog = f"in a checkout the same as:\n  python {group}/{file}.py"
    _run(script, f"{group} {name}", cleandoc(script.__doc__), epilog, argv)


def run_command(command: str, argv: list[str] | None = None) -> None:
    """Parses the options of one of `COMMANDS` and runs it."""
    module, summary, files, example = COMMANDS[command]
    description = f"{summary[0].upper()}{summary[1:]}.\n\n{files}"
    if "{system}" in example:
        able = registry.able(METHODS.get(command, command))
        example = example.format(system=able[0] if able else "NAME")
    _run(import_module(module), command, description, f"example:\n  {example}", argv)


def _run(
    module: ModuleType, command: str, description: str, epilog: str, argv: list[str] | None
) -> None:
    """Parses the options of a module and runs it."""
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
    """Returns the scripts of a group by name, with their summaries, without importing them."""
    modules = iter_modules(import_module(SCRIPTS[group]).__path__)
    summaries = {}
    for finder, name, is_package in sorted(modules, key=lambda module: module.name):
        if not is_package:
            source = finder.find_spec(name).loader.get_source(name)
            summaries[name.replace("_", "-")] = get_docstring(parse(source)).splitlines()[0]
    return summaries


def _dispatch(argv: list[str]) -> None:
    """Runs the command, script or help that a command line names."""
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
    unknown = " ".join(argv[:2] if group else argv[:1])
    raise Error(f"there is no command {unknown!r}; musegen --help lists them")


def _useful(command: str) -> bool:
    """Returns whether some system can do what a command is for."""
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
    """Returns the help text that lists commands with their summaries."""
    width = max(map(len, summaries))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in summaries.items()]
    return "\n".join(
        [
            "usage: musegen COMMAND [options]",
            "",
            "Symbolic multi-track music generation.",
            "",
            *lines,
            "",
            "musegen COMMAND --help explains what a command reads and writes, with an example.",
            "musegen --version prints the version.",
        ]
    )
