"""Every output of every command is checked before the work begins."""

import os
from argparse import ArgumentParser
from importlib import import_module

import pytest

from musegen import Error, cli
from musegen.train import mfg_vae, refine
from musegen.training.options import add_flags, read_flags

# How each command is called; a name with a suffix is a file that it reads, another one a folder.
CALLS = {
    "data prepare": ["songs"],
    "data info": ["songs"],
    "data notes": ["songs"],
    "generate": ["system"],
    "restore": ["song.mid", "--system", "system"],
    "accompany": ["song.mid", "--system", "system"],
    "continue": ["song.mid", "--system", "system"],
    "interpolate": ["system", "--from", "song.mid", "--to", "songs"],
    "export": ["system"],
    "render": ["song.mid"],
    "eval objective": [
        *("--data", "songs", "--generated", "song.npy", "song.png", "--system", "system"),
        *("--suite", "mgeval"),
    ],
    "eval figures": ["midi-s2", "--runs", "runs", "--data", "songs", "--system", "system"],
    "eval restoring": ["--data", "songs", "--system", "system"],
    "eval latent": ["--data", "songs", "--system", "system"],
    "eval curves": ["runs", "run.png"],
    "train bvae": ["--data", "songs"],
    "train mfg-vae": ["--data", "songs"],
    "train midi-s2": ["--data", "songs"],
    "train musegan": ["--data", "songs", "--start", "system"],
    "train mvae": ["--data", "songs"],
    "train bachprop": ["--data", "songs"],
    "train duet-hlstm": ["--data", "songs"],
    "train refine": ["--data", "songs", "--unit", "bar"],
}
WITHOUT = {"info"}  # writes nothing
ENDINGS = {"picture": ".png", "plot": ".png", "csv": ".csv", "json": ".json", "markdown": ".md"}
OUTPUTS = {"out", *ENDINGS}
SCRIPTS = {f"{group} {name}" for group in cli.SCRIPTS for name in cli.scripts(group)}
TRAINING = {command for command in SCRIPTS if command.startswith("train ")}
FOLDERS = {"data prepare", "export", "eval figures", *TRAINING}  # those whose output is one


def outputs() -> list[tuple[str, str, str]]:
    """Commands, their options that name outputs, and how such names end."""
    found = []
    for command in CALLS:
        parser = ArgumentParser()
        import_module(module(command)).add_arguments(parser)
        for action in parser._actions:
            if action.dest in OUTPUTS and action.nargs != 0:
                ending = {"render": ".wav", "eval curves": ".png", "eval latent": ".png"}.get(
                    command, ".mid"
                )
                ending = "" if command in FOLDERS else ENDINGS.get(action.dest, ending)
                found.append((command, action.option_strings[-1], ending))
    return found


def module(command: str) -> str:
    """Returns the module of a command or a script."""
    if command in SCRIPTS:
        return f"musegen.{command.replace('-', '_').replace(' ', '.')}"
    return cli.COMMANDS[command][0]


def test_no_command_is_left_out():
    assert CALLS.keys() | WITHOUT == cli.COMMANDS.keys() | SCRIPTS
    assert {command for command, *_ in outputs()} == CALLS.keys()


@pytest.fixture
def place(tmp_path):
    """Makes the files that the commands above read, and files in the place of their outputs."""
    for folder in ("songs", "system", "runs"):
        (tmp_path / folder).mkdir()
        for ending in ("mid", "npy", "png", "json", "csv", "md", "wav"):
            (tmp_path / folder / f"own.{ending}").write_text("precious")
    for name in ("system/system.json", "songs/manifest.json", "runs/history.csv"):
        (tmp_path / name).write_text("{}")
    for name in ("song.mid", "song.npy", "song.png", "run.png", "file"):
        (tmp_path / name).write_text("precious")
    return tmp_path


def tree(folder):
    return {
        path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))
    }


def in_the_way(place, command, ending):
    """Names that cannot be written, or that would cost a file that is read."""
    folders = [name for name in CALLS[command] if name in ("songs", "system", "runs")]
    if command in FOLDERS:
        yield from folders
    files = [name for name in CALLS[command] if ending and name.endswith(ending)]
    for name in files:
        yield name
        yield f"{folders[0] if folders else 'songs'}/../{name}"
        (place / f"link{ending}").symlink_to(name)
        yield f"link{ending}"
    for folder in folders:
        yield f"{folder}/own{ending}"
        yield f"{folder}/new{ending}"
    yield "n" * 256 + ending
    (place / f"loop{ending}").symlink_to(f"loop{ending}")
    yield f"loop{ending}"
    os.mkfifo(place / f"fifo{ending}")
    yield f"fifo{ending}"
    yield f"file/new{ending}"
    if ending:
        (place / f"folder{ending}").mkdir()
        yield f"folder{ending}"
        yield f"nowhere/new{ending}"
    else:
        yield "file"


@pytest.mark.parametrize(("command", "option", "ending"), outputs())
def test_an_output_is_refused_before_the_work(command, option, ending, place, musegen):
    for name in in_the_way(place, command, ending):
        before = tree(place)
        code, out, said = musegen(*command.split(), *CALLS[command], option, name)
        assert (code, out) == (2, ""), name
        assert said.startswith(f"musegen: {name}: "), said
        assert said.count("\n") == 1
        assert tree(place) == before, name


@pytest.mark.parametrize(("command", "option", "ending"), outputs())
def test_a_source_must_be_a_file(command, option, ending, place, musegen):
    os.mkfifo(place / "pipe.mid")
    names = {"song.mid", "songs", "runs"}
    words = ["pipe.mid" if word in names else word for word in CALLS[command]]
    if "pipe.mid" in words:
        code, out, said = musegen(*command.split(), *words, option, f"new{ending}")
        assert (code, out) == (2, "")
        assert said.startswith("musegen: pipe.mid: ")
        assert said.count("\n") == 1
        assert not (place / f"new{ending}").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "x.json", "--csv", "x.json"],
        ["--markdown", "x.json", "--csv", "./x.json"],
        ["--json", "x.png", "--plot", "x.png", "--suite", "mgeval", "--generated", "song.npy"],
    ],
)
def test_an_output_cannot_be_named_twice(words, place, musegen):
    code, _, said = musegen("eval", "objective", *words)
    assert code == 2
    assert "is read or written already" in said


@pytest.mark.parametrize("command", sorted(TRAINING))
def test_runs_are_not_written_into_the_data(command, place, musegen):
    """Without --out a run is written to the folder runs."""
    before = tree(place)
    for data, why in ((".", "is inside"), ("runs", "is read or written already")):
        code, out, said = musegen(*command.split(), "--data", data)
        assert (code, out) == (2, "")
        assert said.startswith(f"musegen: runs: {why}")
        assert said.count("\n") == 1
    assert tree(place) == before


@pytest.mark.parametrize("script", [mfg_vae, refine])
def test_runs_are_not_written_into_other_runs(script, place):
    parser = ArgumentParser()
    add_flags(parser, script.Training)
    (place / "runs" / "bvae-bass").mkdir()
    for name in ("bvae-bass", "bvae-bass/deep"):
        words = ["--bvaes", str(place / "runs"), "--out", str(place / "runs" / name)]
        with pytest.raises(Error, match=r"is read or written already|is inside .*bvae-bass"):
            read_flags(parser.parse_args(words), script.Training)
    words[-1] = str(place / "runs" / "bvae-bass-2")
    assert read_flags(parser.parse_args(words), script.Training).out == words[-1]
