"""The `musegen` command, also `python -m musegen`.

A command is a module with `add_arguments(parser)` and `run(args)`; it is imported when it is named,
so that no command waits for what another one needs.
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

# words: module, what it does, what it reads and writes, an example
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
        "say what a data set holds",
        "Reads prepared phrases or notes, or anything else that --data takes.\n"
        "Prints counts and statistics; writes a picture of 16 random phrases or of a piece.",
        "musegen data info phrases/",
    ),
    "generate": (
        "musegen.commands.generate",
        "new music by a trained system",
        "Reads a trained system. Writes MIDI; by the ending of -o also arrays, .png or .wav.",
        "musegen generate {system} -n 8 -o band.mid -o band.png",
    ),
    "restore": (
        "musegen.commands.restore",
        "play a song again in a system's own manner",
        "Reads a song in 4/4 of any length. Writes it as the system restores it, bar by bar, with\n"
        "the tempo, meter and keys of the original; by the ending of -o also .npy, .png or .wav.",
        "musegen restore song.mid --system {system} --keep drums -o adapted.mid",
    ),
    "accompany": (
        "musegen.commands.accompany",
        "new tracks to one track of a song",
        "Reads a song in 4/4 of any length. Writes one track of it, note by note as it is, with\n"
        "new other tracks and the tempo, meter and keys of the song; by the ending of -o also\n"
        ".npy, .png or .wav.",
        "musegen accompany song.mid --system {system} --track piano -o band.mid",
    ),
    "continue": (
        "musegen.commands.continue_song",
        "more bars behind a song",
        "Reads a song. Writes it, note by note as it is, and behind it bars that the system plays\n"
        "on; by the ending of -o also .npz, .png or .wav.",
        "musegen continue song.mid --system {system} --bars 8 -o longer.mid",
    ),
    "interpolate": (
        "musegen.commands.interpolate",
        "music on the way from one phrase or piece to another",
        "Reads two phrases or pieces, or makes them of two seeds. Writes those between as MIDI;\n"
        "by the ending of -o also arrays, .png or .wav.",
        "musegen interpolate {system} --from a.mid --to b.mid -n 9 -o way.mid",
    ),
    "export": (
        "musegen.commands.export",
        "the networks of a trained system as plain Keras files",
        "Reads a trained system. Writes its networks without noise to a folder, in Keras's own\n"
        "layers, which open where musegen is not installed, and parts.json, which explains them.",
        "musegen export {system} -o networks/",
    ),
    "render": (
        "musegen.audio",
        "play a MIDI file into a WAV file",
        "Reads a MIDI file, or pieces in an .npz file. Writes a WAV file. Needs FluidSynth and a\n"
        "sound font.",
        "musegen render song.mid -o song.wav",
    ),
    "info": (
        "musegen.commands.system_info",
        "the systems and their networks, versions and what is installed",
        "Without a name prints what a bug report needs, the systems, and those that come trained.\n"
        "With one prints the networks of that system, built without data.",
        "musegen info {system}",
    ),
}
SCRIPTS = {"train": "musegen.train", "eval": "musegen.eval"}  # their modules are found, not listed
GROUPS = {
    "train": "train a system, or a part of one; musegen train lists the scripts",
    "eval": "measure and draw what systems make; musegen eval lists the scripts",
}
METHODS = {"continue": "extend"}  # what a system needs for a command of another name
HELP = ("-h", "--help")


class _Parser(ArgumentParser):
    """Says a mistake in one line."""

    command_line: list[str]

    def error(self, message: str):
        raise Error(f"{message}; {self.prog} --help says what there is")


def main(argv: list[str] | None = None) -> int:
    """Runs a command line; returns its exit code."""
    return guard(_dispatch, sys.argv[1:] if argv is None else argv)


def guard(function: Callable, *args) -> int:
    """Calls `function`; a user's mistake becomes one line on stderr and exit code 2.

    A signal that stops it becomes one line too, and the end of the process.
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
        if caught:  # even if the exception was lost on its way, or has become another one
            leave(caught[0])
    return code


def _explained(error: BaseException) -> int | None:
    """Says in one line what is no bug; gives the exit code."""
    if isinstance(error, Error):
        return _failed(error)
    if isinstance(error, BrokenPipeError):  # the reader of a pipe went away, as `head` does
        _say(sys.stdout, "")
        return 141
    if isinstance(error, OSError):
        reason, name = error.strerror or str(error), error.filename
        if isinstance(name, str | bytes | os.PathLike):
            reason = f"{os.fsdecode(name)}: cannot be read or written ({reason})"
        return _failed(reason)
    return None


def _prepare_streams() -> None:
    """Lets every name be printed, in an encoding that lacks it too, and closed streams be written.

    Where a stream is closed its number would be that of the next file to be opened.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(number, "w", closefd=False))  # noqa: SIM115, as the others are
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _failed(reason: object, code: int = 2) -> int:
    """Says in one line why there is no result; gives the exit code."""
    _say(sys.stdout, "")
    _say(sys.stderr, f"musegen: {shown(reason)}\n")
    return code


def _say(stream: TextIO, text: str) -> None:
    """Writes what there is; what is not taken is dropped, or Python would try again at its end."""
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
    same = f"in a checkout the same as:\n  python {group}/{file}.py"
    _run(script, f"{group} {name}", cleandoc(script.__doc__), same, argv)


def run_command(command: str, argv: list[str] | None = None) -> None:
    """Parses the options of one of `COMMANDS` and runs it."""
    module, summary, files, example = COMMANDS[command]
    description = f"{summary[0].upper()}{summary[1:]}.\n\n{files}"
    if "{system}" in example:
        able = registry.able(METHODS.get(command, command))
        example = example.format(system=able[0] if able else "NAME")
    _run(import_module(module), command, description, f"example:\n  {example}", argv)


def _run(
    room: ModuleType, command: str, description: str, epilog: str, argv: list[str] | None
) -> None:
    parser = _Parser(
        prog=f"musegen {command}",
        description=description,
        epilog=epilog,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.command_line = sys.argv[1:] if argv is None else argv
    room.add_arguments(parser)
    room.run(parser.parse_args(argv))


def scripts(group: str) -> dict[str, str]:
    """The scripts of a group by name, and what each does; none is imported for it."""
    modules = iter_modules(import_module(SCRIPTS[group]).__path__)
    first = {}
    for finder, name, is_package in sorted(modules, key=lambda module: module.name):
        if not is_package:
            source = finder.find_spec(name).loader.get_source(name)
            first[name.replace("_", "-")] = get_docstring(parse(source)).splitlines()[0]
    return first


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
            "musegen COMMAND --help says what a command reads and writes, with an example.",
            "musegen --version prints the version.",
        ]
    )
