"""Ctrl-C and SIGTERM end the process soon, with one line, and leave no process or file behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from musegen.data import demo
from musegen.stopping import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
SCRIPT = """
import gc, hashlib, os, sys, time
from pathlib import Path
from musegen import cli, files, stopping
from musegen.data.workers import processes

def ready():
    print("ready", flush=True)

def tidies_up():
    ready()
    time.sleep(60)

def drops_it():
    while True:
        try:
            tidies_up()
        except BaseException:
            pass

def replaces_it():
    try:
        tidies_up()
    except BaseException:
        raise RuntimeError("lost")

def returns_all_the_same():
    try:
        tidies_up()
    except BaseException:
        return

def collects(phase, about):
    tidies_up()

def is_in_a_callback():
    gc.callbacks.append(collects)
    gc.collect()
    time.sleep(60)

def computes():
    ready()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**8)

def imports():
    Path("slow.py").write_text("import time; print('ready', flush=True); time.sleep(60)")
    sys.path.append("")
    try:
        import slow
    except BaseException:  # as C++ would
        os.abort()

def writes(name="worker"):
    with files.replacing(Path(name)) as part:
        part.write_bytes(b"half")
        tidies_up()

def has_workers():
    with processes(2) as pool:
        pool.submit(writes).result()

def starts_workers():
    with processes(2) as pool:
        ready()
        pool.submit(time.sleep, 60).result()

def stop(name):
    os.chdir(name)
    with files.replacing(Path("out.mid")) as part:
        globals()[sys.argv[2]]()

if __name__ == "__main__":
    stopping.PATIENCE = 0.5
    sys.exit(cli.guard(stop, sys.argv[1]))
"""
ENDS = re.findall(r"^def (\w+)\(\):", SCRIPT, re.MULTILINE)[1:]


def started(*command):
    """Starts a process in a group of its own, as a terminal does."""
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, *map(str, command)], env=environ, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=hear_ctrl_c,
    )  # fmt: skip


def hear_ctrl_c() -> None:
    """Handles Ctrl-C again: a shell makes all that it starts with `&` ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def stopped(process, number, group=False, at_its_end=False):
    """Sends a signal; gives stderr and how many seconds the end took, workers' ends included.

    Python takes its handlers away `at_its_end`, before libraries in C++ have come to theirs: then
    a signal ends the process without them.
    """
    begin = time.monotonic()
    (os.killpg if group else os.kill)(process.pid, number)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    codes = {CODES[number], *([-number] if at_its_end else [])}  # a shell says the same of both
    assert process.returncode in codes, said
    assert said.count("\n") <= 1, said
    assert "Traceback" not in said, said
    return said, time.monotonic() - begin


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("end", ENDS)
def test_the_process_ends_even_if_the_exception_is_lost(tmp_path, end, number):
    script, folder = tmp_path / "script.py", tmp_path / "folder"
    script.write_text(SCRIPT)
    folder.mkdir()
    process = started(script, folder, end)
    assert process.stdout.readline() == "ready\n"
    said, seconds = stopped(process, number, group="workers" in end)
    assert said in ("", "musegen: stopped\n")
    assert seconds < 2
    assert not [*folder.glob(".*"), *folder.glob("worker")]
    assert (folder / "out.mid").exists() == (end == "returns_all_the_same")


LAST = """
import atexit, sys, time
from musegen import cli

def last():
    print("ready", flush=True)
    for _ in range(600):  # a signal just before a sleep is handled only after it
        time.sleep(0.1)

sys.exit(cli.guard(atexit.register, last))
"""


def test_a_signal_at_the_very_end_ends_the_process():
    process = started("-c", LAST)
    assert process.stdout.readline() == "ready\n"
    assert stopped(process, signal.SIGINT)[0] == ""


@pytest.mark.slow
@pytest.mark.parametrize("command", ["info midi-s2", "train"])
def test_ctrl_c_at_six_moments(tmp_path, command):
    np.save(tmp_path / "phrases.npy", demo.phrases(24, n_steps=96, seed=0))
    words = ["-m", "musegen", *command.split()]
    if command == "train":
        words = [ROOT / "train" / "musegan.py", "--model", "composer", "--width", "0.016"]
        words += ["--data", tmp_path / "phrases.npy", "--batch-size", "2", "--every", "2"]
        words += ["--no-jit", "--steps", "4", "--out", tmp_path / "run"]
    begin = time.monotonic()
    whole = started(*words)
    assert whole.communicate(timeout=300)[1] == ""
    length = time.monotonic() - begin
    for k in range(6):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        process = started(*words)
        time.sleep(length * (0.2 + 0.1 * k))
        if process.poll() is not None:  # it was faster than the whole one
            process.communicate()
            break
        seconds = stopped(process, signal.SIGINT, at_its_end=True)[1]
        assert seconds < 2 * PATIENCE, f"moment {k}"  # on a busy machine
        assert not list(tmp_path.rglob("*.part*"))
