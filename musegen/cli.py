"""The `musegen` command, also `python -m musegen`.

A command is a module with `add_arguments(parser)` and `run(args)`; it is imported when it is named,
so that no command waits for what another one needs.
"""

import errno
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from importlib import import_module

from musegen import Error, __version__

# words: module, what it does, what it reads and writes, an example
COMMANDS = {
    "data prepare": (
        "musegen.data.prepare",
        "make phrase shards from MIDI files or LPD",
        "Reads a folder, tar, zip or WAD of MIDI files or LPD .npz files.\n"
        "Writes shards of phrases, manifest.json and skipped.csv to a folder.",
        "musegen data prepare songs/ -o phrases/ --steps 48 --workers 2",
    ),
    "data info": (
        "musegen.data.info",
        "say what a data set holds",
        "Reads phrase shards, or anything else that --data takes.\n"
        "Prints counts, density and metrics; writes a picture of 16 random phrases.",
        "musegen data info phrases/",
    ),
    "eval objective": (
        "musegen.eval.objective",
        "objective metrics beside the papers' tables",
        "Reads data and files of generated music: shards, arrays, MIDI, or the word demo.\n"
        "Prints tables; writes JSON, CSV or Markdown on request.",
        "musegen eval objective --data demo",
    ),
    "render": (
        "musegen.audio",
        "play a MIDI file into a WAV file",
        "Reads a MIDI file. Writes a WAV file. Needs FluidSynth and a sound font.",
        "musegen render song.mid -o song.wav",
    ),
    "info": (
        "musegen.environment",
        "versions, backends and what is installed",
        "Reads nothing. Prints what a bug report needs.",
        "musegen info",
    ),
}


class _Parser(ArgumentParser):
    """Says a mistake in one line."""

    def error(self, message: str):
        raise Error(f"{message}; {self.prog} --help says what there is")


def main(argv: list[str] | None = None) -> int:
    """Runs a command line; returns its exit code."""
    return guard(_dispatch, sys.argv[1:] if argv is None else argv)


def guard(function: Callable, *args) -> int:
    """Calls `function`; a user's mistake becomes one line on stderr and exit code 2."""
    try:
        function(*args)
        sys.stdout.flush()
    except Error as error:
        print(f"musegen: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("musegen: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print("musegen: no space left on the device", file=sys.stderr)
        return 2
    return 0


def run_module(command: str, argv: list[str] | None = None) -> None:
    """Parses the options of one command and runs it."""
    module, summary, files, example = COMMANDS[command]
    parser = _Parser(
        prog=f"musegen {command}",
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{files}",
        epilog=f"example:\n  {example}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    room = import_module(module)
    room.add_arguments(parser)
    room.run(parser.parse_args(argv))


def _dispatch(argv: list[str]) -> None:
    for words in (2, 1):
        command = " ".join(argv[:words])
        if command in COMMANDS:
            return run_module(command, argv[words:])
    if not argv or argv[0] in ("-h", "--help"):
        print(_help(COMMANDS))
        return None
    if argv[0] == "--version":
        print(f"musegen {__version__}")
        return None
    group = {name: row for name, row in COMMANDS.items() if name.split()[0] == argv[0]}
    if group and (len(argv) == 1 or argv[1] in ("-h", "--help")):
        print(_help(group))
        return None
    known = " ".join(argv[:2] if group else argv[:1])
    raise Error(f"there is no command {known!r}; musegen --help lists them")


def _help(commands: dict) -> str:
    lines = [f"  {name:<16}{row[1]}" for name, row in commands.items()]
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
