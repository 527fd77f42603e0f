"""Run folders: one process at a time, one run a folder, files whole or not at all."""

import errno
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from musegen import Error
from musegen.data import load
from musegen.training import runs
from musegen.training.runs import Run, begun, describe_data, revision

# Keras 3.15 saves in a way that numpy 2.4 announces to end.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SETTINGS = {"track": "bass", "epochs": 2, "sizes": (1, 2)}


def config(folder) -> dict:
    return json.loads((folder / "config.json").read_text())


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dropout(0.5)])
    model.compile("adam", "mse", run_eagerly=True)
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    return model


def test_config_says_what_and_with_what(tmp_path):
    data = load(np.zeros((3, 4, 48, 84, 5), bool))
    assert not begun(tmp_path / "run")
    with Run(tmp_path / "run", SETTINGS, data=describe_data(data)) as run:
        assert begun(run.folder)
        assert config(run.folder)["finished"] is None
    facts = config(run.folder)
    assert facts["settings"]["track"] == "bass"
    assert facts["settings"]["backend"] == keras.config.backend()
    assert (facts["data"]["phrases"], facts["data"]["n_steps"]) == (3, 48)
    assert facts["versions"]["packages"]["keras"] == keras.__version__
    assert facts["hardware"]["cores"] == os.cpu_count()
    assert facts["started"] <= facts["finished"]
    assert facts["git"] == revision()


def test_a_folder_holds_one_run(tmp_path):
    with pytest.raises(Error, match="no run to resume; start it without --resume"):
        Run(tmp_path / "none", SETTINGS, resume=True).__enter__()
    assert not (tmp_path / "none").exists()
    with pytest.raises(Error, match="no run to resume; start it without --resume"):
        Run(tmp_path, SETTINGS, resume=True).__enter__()
    with Run(tmp_path, SETTINGS):
        pass
    with pytest.raises(Error, match="holds a run already; --resume it or give another --out"):
        Run(tmp_path, SETTINGS).__enter__()
    with Run(tmp_path, SETTINGS | {"epochs": 9, "tensorboard": True}, resume=True):
        pass
    assert len(config(tmp_path)["resumed"]) == 1
    with pytest.raises(Error, match="its run has --track bass, not piano"):
        Run(tmp_path, SETTINGS | {"track": "piano"}, resume=True).__enter__()
    with pytest.raises(Error, match="its run has data of which phrases is None, not 7"):
        Run(tmp_path, SETTINGS, resume=True, data={"phrases": 7}).__enter__()
    whole = config(tmp_path)
    for text in (
        "{", "[]", "[" * 9999,
        *(json.dumps(whole | {name: 3}) for name in ("settings", "data", "resumed", "saved")),
    ):  # fmt: skip
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(Error, match=r"config\.json: [^\n]+; give another --out"):
            Run(tmp_path, SETTINGS, resume=True).__enter__()


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Error, match="cannot be a run folder"):
        Run(tmp_path / "file", SETTINGS).__enter__()


def test_one_process_at_a_time(tmp_path):
    code = (
        "import sys, time\nfrom musegen.training.runs import Run\n"
        "with Run(sys.argv[1], {}):\n    print('in', flush=True)\n    time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(Error, match="another process trains there"):
            Run(tmp_path, {}, resume=True).__enter__()
    finally:
        other.kill()
        other.communicate()
    with pytest.raises(Error, match="holds a run already"):  # the lock died with its process
        Run(tmp_path, {}).__enter__()


def test_saved_models_are_whole_and_bare(tmp_path, model):
    with Run(tmp_path, SETTINGS) as run:
        assert not run.finished("model.keras")
        path = run.save(model, "model.keras")
        assert run.finished("model.keras")
    loaded = keras.saving.load_model(path)
    assert not loaded.compiled
    x = np.random.default_rng(0).random((5, 3))
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    with Run(tmp_path, SETTINGS, resume=True) as run:
        assert run.finished("model.keras")
    with Run(tmp_path, SETTINGS | {"epochs": 5}, resume=True) as run:
        assert not run.finished("model.keras")  # it has still to learn


def test_full_disk_leaves_the_former_model(tmp_path, model, monkeypatch):
    with Run(tmp_path, SETTINGS) as run:
        former = run.save(model, "model.keras").read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", no_space)
            with pytest.raises(Error, match=r"model\.keras: cannot be written \(No space left"):
                run.save(model, "model.keras")
    assert run.path("model.keras").read_bytes() == former
    assert not list(tmp_path.glob(".*.keras"))


def test_no_git_no_revision(monkeypatch):
    def fail(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(runs.subprocess, "run", fail)
    assert revision() is None


def test_interruption_says_how_to_go_on(tmp_path):
    with pytest.raises(KeyboardInterrupt, match="--resume goes on"), Run(tmp_path, SETTINGS):
        raise KeyboardInterrupt
    assert config(tmp_path)["finished"] is None


def test_damaged_samples_are_one_line(tmp_path):
    from musegen.training.gan.loop import _kept_pictures

    with Run(tmp_path, SETTINGS):
        pass
    run, path = Run(tmp_path, SETTINGS, resume=True), tmp_path / "samples" / "steps.npz"
    assert _kept_pictures(run, 5) == {}
    path.parent.mkdir()
    values = np.zeros((2, 1, 4, 8, 84, 5), np.float16)
    np.savez(path, steps=[0, 9], values=values)
    assert list(_kept_pictures(run, 5)) == [0]
    for wrong in (
        {"steps": [0]}, {"steps": ["a", "b"]}, {"values": values[0]}, {"values": values > 0},
        {"values": np.array([{}, {}])},
    ):  # fmt: skip
        np.savez(path, **({"steps": [0, 9], "values": values} | wrong))
        with pytest.raises(Error, match=r"steps\.npz: damaged \([^\n]+\); delete it"):
            _kept_pictures(run, 5)
    path.write_bytes(b"PK")
    with pytest.raises(Error, match=r"steps\.npz: damaged"):
        _kept_pictures(run, 5)
