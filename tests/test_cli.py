"""The command line as a user types it."""

import functools
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
    listed = {name for name in cli.COMMANDS if f"\n  {name} " in shown}
    assert listed == cli.COMMANDS.keys()
    assert "data prepare" in musegen_command("data").stdout
    assert "render" not in musegen_command("data", "--help").stdout


def processor_seconds(*argv, **options):
    """Returns the processor time of a Python process, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


@functools.cache
def limit_of_help():
    """Returns 0.3 s, or on a slow machine eight times what an empty Python process needs there."""
    return max(0.3, 8 * min(processor_seconds("-c", "pass")[0] for _ in range(3)))


def helped_at_once(*words):
    """Returns what `--help` prints; it imports no big package and takes 0.3 s at most.

    A processor that other tests share is slower at times: the fastest of three counts.
    """
    for _ in range(3):
        seconds, done = processor_seconds(
            *("-m", "musegen", *words, "--help"), env=os.environ | {"PYTHONPROFILEIMPORTTIME": "1"}
        )
        assert done.returncode == 0, done.stderr
        assert not re.search(r"\| +(numpy|keras)$", done.stderr, re.MULTILINE)
        if seconds < limit_of_help():
            return done.stdout
    pytest.fail(f"musegen {' '.join(words)} --help takes {seconds:.2f} s")


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
    """A training script in place of the others."""
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
    cli.run_script("train", "big_band", ["--hard"])
    assert capsys.readouterr().out == "hard\neasy\nhard\n"
    assert cli.main(["train"]) == 0
    assert "  train big-band  Trains nothing.\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["train", "big-band", "--help"])
    shown = capsys.readouterr().out
    assert "Trains nothing.\n\n    python train/big_band.py --hard\n\nWrites nothing.\n" in shown
    assert cli.main(["train", "big-band", "--soft"]) == 2
    assert "unrecognized arguments: --soft; see musegen train big-band" in capsys.readouterr().err


def test_first_log_lines_are_removed_and_all_others_are_printed(monkeypatch, capfd):
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
        (["train", "cook"], f"there is no script train 'cook'; there are {', '.join(SCRIPTS)}"),
        (["render", "nowhere.mid"], "nowhere.mid: no such file"),
        (["render"], f"{NEEDED}: midi; see musegen render --help"),
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


def run(words, **options):
    """Runs a shell line in which `$musegen` is the command; returns its exit code and stderr."""
    line = words.replace("$musegen", f"{sys.executable} -m musegen")
    done = subprocess.run(line, shell=True, capture_output=True, text=True, **options)
    return done.returncode, done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_crash(closed):
    assert run(f"$musegen info {closed}") == (0, "")
    assert run(f"$musegen sing {closed}")[0] == 2


def test_a_full_stdout_is_one_line():
    assert run("$musegen info > /dev/full") == (2, "musegen: No space left on device\n")
    assert run("$musegen sing 2> /dev/full") == (2, "")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "denied", "a\nb"), r"a\nb: cannot be read or written (denied)"),
        (OSError(36, "too long", b"n\xff"), r"n\udcff: cannot be read or written (too long)"),
        (OSError(40, "a loop", Path("x")), "x: cannot be read or written (a loop)"),
        (OSError("odd"), "odd"),
    ],
)
def test_what_the_system_refuses_is_one_line(error, line, capsys):
    def fails():
        raise error

    assert cli.guard(fails) == 2
    assert capsys.readouterr().err == f"musegen: {line}\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_odd_names_are_one_line_in_any_encoding(tmp_path, encoding):
    odd = os.fsencode(tmp_path) + b"/\xff\n\xc3\xa9\x1b[0m"
    os.mkdir(odd)
    with open(odd + b"/history.csv", "w") as file:
        file.write("epoch,loss\n1,0.5\n2,0.4\n")
    words = [sys.executable, "-m", "musegen", "eval", "curves", odd, "--out", odd + b".png"]
    environ = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(words, capture_output=True, env=environ)
    assert (done.returncode, done.stderr) == (0, b"")
    written, ends = done.stdout.splitlines()
    assert written.endswith(b"[0m.png")
    assert ends.endswith(b"[0m: 2 epochs, at the end loss 0.4")
    assert b"\x1b" not in done.stdout
    assert os.path.getsize(odd + b".png")
    done = subprocess.run([*words[:4], "info", odd + b".mid"], capture_output=True, env=environ)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


@pytest.mark.parametrize(
    "words",
    [
        ["data prepare", "", "-o", "x"],
        ["data prepare", "song.mid", "-o", ""],
        ["data info", ""],
        ["data info", "demo", "--picture", ""],
        ["data notes", ""],
        ["data notes", "demo", "--json", ""],
        ["generate", ""],
        ["generate", "midi-s2", "-o", ""],
        ["restore", "", "--system", "midi-s2"],
        ["accompany", "", "--system", "midi-s2"],
        ["interpolate", "midi-s2", "--from", "", "--to", ""],
        ["export", ""],
        ["render", ""],
        ["render", "song.mid", "--soundfont", ""],
        ["eval objective", "--data", ""],
        ["eval objective", "--json", ""],
        ["eval objective", "--suite", "mvae", "--data", ""],
        ["eval restoring", "--data", ""],
        ["eval restoring", "--json", ""],
        ["eval figures", "midi-s2", "--data", ""],
        ["eval latent", "--data", ""],
        ["eval latent", "--out", ""],
        ["eval curves", ""],
    ],
)
def test_an_empty_path_is_one_line(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main([*words[0].split(), *words[1:]]) == 2
    said = capsys.readouterr().err
    assert said.startswith("musegen: ")
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["generate", "export", "interpolate --grid", "info"])
@pytest.mark.parametrize("name", ["loop", "n" * 300])
def test_a_system_that_cannot_be_looked_for_is_one_line(
    command, name, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    assert cli.main([*command.split(), name]) == 2
    said = capsys.readouterr().err
    assert said.startswith("musegen: ")
    assert said.count("\n") == 1
