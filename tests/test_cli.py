"""The command line as a user types it."""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import musegen
import musegen.train as musegen_train
from musegen import cli, environment

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = [
    path.stem.replace("_", "-")
    for path in sorted((ROOT / "train").glob("*.py"))
    if path.stem != "__init__"
]
NEEDED = "the following arguments are required"


def musegen_command(*argv, **options):
    return subprocess.run(
        [sys.executable, "-m", "musegen", *argv], capture_output=True, text=True, **options
    )


def test_version_and_help():
    assert musegen_command("--version").stdout == f"musegen {musegen.__version__}\n"
    shown = musegen_command("--help").stdout
    assert all(name in shown for name in cli.COMMANDS)
    assert "data prepare" in musegen_command("data").stdout
    assert "render" not in musegen_command("data", "--help").stdout


def helped_at_once(*words):
    """What `--help` prints, within 0.3 s of the processor: a busy machine does not count.

    Nor does a slow one: without NumPy and all that stands on it, this is half the time it has.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = musegen_command(*words, "--help", env=os.environ | {"PYTHONPROFILEIMPORTTIME": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"\| +(numpy|keras)$", done.stderr, re.MULTILINE)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.3
    return done.stdout


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_help_answers_at_once(command):
    shown = helped_at_once(*command.split())
    assert not command or "example:\n  musegen " in shown


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_of_a_training_script_answers_at_once(name):
    shown = helped_at_once("train", name)
    assert shown.startswith(f"usage: musegen train {name} ")
    assert f"python train/{name.replace('-', '_')}.py" in shown


def test_training_scripts_are_listed_with_their_first_lines():
    assert SCRIPTS
    for words in (["train"], ["train", "--help"]):
        shown = musegen_command(*words).stdout
        for name in SCRIPTS:
            source = (ROOT / "train" / f"{name.replace('-', '_')}.py").read_text()
            assert re.search(rf"  train {name} +{re.escape(source.splitlines()[0][3:])}\n", shown)


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """A training script of its own beside the others."""
    (tmp_path / "big_band.py").write_text(
        '"""Trains nothing.\n\n    python train/big_band.py --hard\n\nWrites nothing.\n"""\n'
        "def add_arguments(parser):\n    parser.add_argument('--hard', action='store_true')\n"
        "def run(args):\n    print('hard' if args.hard else 'easy')\n"
    )
    monkeypatch.setattr(musegen_train, "__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "musegen.train.big_band", raising=False)


def test_a_training_script_is_found_and_run_by_either_spelling(lesson, capsys):
    assert cli.main(["train", "big-band", "--hard"]) == 0
    assert cli.main(["train", "big_band"]) == 0
    cli.run_training("big_band", ["--hard"])
    assert capsys.readouterr().out == "hard\neasy\nhard\n"
    assert cli.main(["train"]) == 0
    assert "  train big-band  Trains nothing.\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["train", "big-band", "--help"])
    shown = capsys.readouterr().out
    assert "Trains nothing.\n\n    python train/big_band.py --hard\n\nWrites nothing.\n" in shown
    assert cli.main(["train", "big-band", "--soft"]) == 2
    assert "unrecognized arguments: --soft; musegen train big-band" in capsys.readouterr().err


def test_greetings_are_dropped_and_all_else_is_said(monkeypatch, capfd):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    said = (
        b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        b"I0000 00:00:1795252214.283337   10611 port.cc:153] oneDNN custom operations are on.\n"
        b"E0000 00:00:1795252214.283337   10611 cuda.cc:1] no GPU\nand more\n"
    )
    with environment.quiet():
        os.write(2, said)
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert capfd.readouterr().err.startswith("E0000")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with environment.quiet():
        os.write(2, said)
    assert capfd.readouterr().err == said.decode()


def test_import_is_light():
    code = "import musegen, sys; print({'tensorflow', 'keras', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["sing"], "there is no command 'sing'; musegen --help lists them"),
        (["data", "cook"], "there is no command 'data cook'; musegen --help lists them"),
        (["train", "cook"], f"there is no training script 'cook'; there are {', '.join(SCRIPTS)}"),
        (["render", "nowhere.mid"], "nowhere.mid: no such file"),
        (["render"], f"{NEEDED}: midi; musegen render --help says what there is"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(argv, message):
    done = musegen_command(*argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"musegen: {message}\n"


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        cli.guard(lambda: 1 / 0)


def test_info_names_every_package_and_is_json():
    facts = json.loads(musegen_command("info", "--json").stdout)
    assert facts["musegen"] == musegen.__version__
    assert facts["packages"]["numpy"]
    assert "keras" in musegen_command("info").stdout


def test_a_closed_pipe_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m musegen info | true",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
