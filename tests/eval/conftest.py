"""An untrained system, for the tests of evaluations and figures."""

import json
from pathlib import Path

import numpy as np
import pytest
import toys

from musegen import registry
from musegen.cli import run_script
from musegen.data.piece_loading import load_pieces


@pytest.fixture(scope="session")
def system_folder(tmp_path_factory) -> Path:
    return toys.band(tmp_path_factory.mktemp("systems") / "band")


@pytest.fixture(scope="session")
def opened(system_folder):
    return registry.load(system_folder)


@pytest.fixture
def system(opened, system_folder, monkeypatch):
    """The system of `system_folder`, which no test opens a second time."""
    load = registry.load
    same = system_folder.resolve()
    monkeypatch.setattr(
        registry, "load", lambda what: opened if Path(what).resolve() == same else load(what)
    )
    return opened


@pytest.fixture(scope="session")
def notes_folder(tmp_path_factory) -> Path:
    """A folder with `songs.json`, chorales in three splits."""
    folder = tmp_path_factory.mktemp("notes")
    parts = {"train": 2, "valid": 1, "test": 3}
    songs = {split: toys.chorales(n, seed=n) for split, n in parts.items()}
    (folder / "songs.json").write_text(json.dumps(songs))
    return folder


@pytest.fixture(scope="session")
def notes_systems(notes_folder) -> dict:
    """Untrained systems of notes by name, whose graphs are traced once for all tests.

    Their folders, which `registry.load` finds them by, are in `notes_folder`.
    """
    pieces = load_pieces(notes_folder / "songs.json")
    systems = {name: toys.melody_vae(pieces, name) for name in ("mvae", "mvae-autoencoder")}
    for name, system in systems.items():
        (notes_folder / name).mkdir()
        system.describe(notes_folder / name)
    return systems


@pytest.fixture
def notes_place(notes_folder, notes_systems, tmp_path, monkeypatch) -> Path:
    """An empty folder to work in, with links to what is in `notes_folder`."""
    load = registry.load
    monkeypatch.setattr(
        registry, "load", lambda what: notes_systems.get(Path(what).name) or load(what)
    )
    for path in notes_folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def figures_of(tmp_path, monkeypatch, capsys):
    """Gives the command that draws a paper's figures of some music into `tmp_path/out`.

    The command returns what was printed. There are no pretrained systems.
    """

    def command_for(paper: str, music: np.ndarray):
        np.save(tmp_path / "music.npy", music)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(registry, "pretrained", dict)

        def command(*options: str) -> str:
            words = [paper, "--out", "out", "--data", "music.npy", *options]
            run_script("eval", "figures", words)
            return capsys.readouterr().out

        return command

    return command_for


@pytest.fixture(scope="session")
def music() -> np.ndarray:
    """Random notes, bars of 48 steps."""
    beats = np.random.default_rng(0).random((12, 4, 8, 84, 5)) < 0.05
    return np.repeat(beats, 6, axis=2)
