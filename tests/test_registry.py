"""Systems by name and by folder, and messages about damaged ones."""

import json

import keras
import numpy as np
import pytest

import musegen
from musegen import Error, registry
from musegen.models.midi_sandwich2 import system as midi_s2

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of trained systems, with one in it."""
    folder = tmp_path_factory.mktemp("pretrained")
    midi_s2.untrained("large").save(folder / "band")
    return folder


@pytest.fixture
def installed(folder, monkeypatch):
    from musegen import pretrained

    monkeypatch.setattr(pretrained, "__path__", [str(folder)])
    return folder


def test_trained_systems_are_found_by_name_and_by_folder(installed):
    assert registry.pretrained() == {"band": installed / "band"}
    by_name, by_folder = musegen.load("band"), musegen.load(installed / "band")
    assert type(by_name) is midi_s2.MidiS2
    assert np.array_equal(by_name.generate(1, seed=4), by_folder.generate(1, seed=4))


def test_a_single_network_is_a_keras_model(folder):
    model = musegen.load(folder / "band" / "refine-bass.keras")
    assert isinstance(model, keras.Model)
    assert model.count_params() == 524_884


IN_CODE_ALONE = ("musegan-rnn", *(f"musegan-{x}-bar" for x in ("jamming", "composer", "hybrid")))


@pytest.mark.slow
def test_every_system_says_what_it_is_and_builds():
    for name, entry in registry.catalogue().items():
        assert entry.summary
        assert "\n" not in entry.summary
        assert entry.presets[0] == ("repo" if name in IN_CODE_ALONE else "paper")
        assert name == entry.name == name.lower()
        models = entry.networks(entry.presets[0], 48)
        assert all(isinstance(model, keras.Model) for model in models)


def test_what_is_not_there_lists_what_is(installed, tmp_path):
    with pytest.raises(Error, match="nobody: no trained system; there are band, or give a folder"):
        musegen.load("nobody")
    with pytest.raises(Error, match="no trained system"):
        musegen.load(tmp_path)
    with pytest.raises(Error, match=r"x\.keras: no such file"):
        musegen.load(tmp_path / "x.keras")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"system": "of tomorrow", "preset": "paper"}', "[" * 9999]
)
def test_a_damaged_folder_is_one_line(content, tmp_path):
    (tmp_path / "system.json").write_text(content)
    with pytest.raises(Error, match=r"system\.json: damaged, or of another release") as caught:
        musegen.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_part_is_no_system(tmp_path):
    (tmp_path / "system.json").write_text('{"system": "bvae"}')
    with pytest.raises(Error, match=r"system\.json: bvae is only a part of a system"):
        musegen.load(tmp_path)


def test_a_preset_of_tomorrow_and_missing_parts_are_one_line(tmp_path):
    description = {"system": "midi-s2", "preset": "tomorrow", "n_steps": 48, "refine": None}
    (tmp_path / "system.json").write_text(json.dumps(description))
    with pytest.raises(Error, match="unknown preset 'tomorrow'"):
        musegen.load(tmp_path)
    for wrong in (None, ["paper"], {}, 3):
        (tmp_path / "system.json").write_text(json.dumps(description | {"preset": wrong}))
        with pytest.raises(Error, match="unknown preset"):
            musegen.load(tmp_path)
    (tmp_path / "system.json").write_text(json.dumps(description | {"preset": "paper"}))
    with pytest.raises(Error, match=r"bvae-drums\.keras: no such file"):
        musegen.load(tmp_path)


def test_a_damaged_network_is_one_line(tmp_path):
    (tmp_path / "x.keras").write_bytes(b"PK not a model")
    with pytest.raises(Error, match=r"x\.keras: damaged, or no Keras model") as caught:
        musegen.load(tmp_path / "x.keras")
    assert "\n" not in str(caught.value)
