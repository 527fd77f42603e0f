"""Each flag of the script that trains a refine network has the effect that its help names."""

from pathlib import Path

import keras
import numpy as np
import pytest
import wiring
from wiring import BASS, HELD_OUT, LEARNED, OTHERS, PHRASES, Watch

from musegen.models.layers.lstm import HardSigmoid
from musegen.models.midi_sandwich2 import refine
from musegen.music.phrases import TRACKS, bars_of
from musegen.train import refine as script

OTHER = "--unit bar --track piano --bvaes elsewhere --loss column"


def steps(phrases: np.ndarray) -> np.ndarray:
    """Of the bass, as they are to be."""
    return bars_of(phrases[..., [BASS]]).reshape(-1, 84).astype("float32")


@pytest.fixture(scope="module")
def watch(tmp_path_factory) -> Watch:
    folder = tmp_path_factory.mktemp("refine")
    return Watch(script, folder, steps, "targets", long="--learning-rate 0.5")


def preset(watch: Watch) -> None:
    """The end of the network per bar, and its loss."""
    seen = watch("--preset repo --unit bar")
    assert isinstance(seen.model.layers[-1], HardSigmoid)
    assert seen.model.loss == "mean_squared_error"
    assert watch().model.layers[-1].activation is keras.activations.sigmoid
    drawn = PHRASES[np.random.default_rng(0).permutation(9)[:6]]
    wiring.assert_same_rows(seen.first.targets.reshape(-1, 84), steps(drawn[:5]))


def unit(watch: Watch) -> None:
    for flags, shape in (("", (84,)), (OTHER, (48, 84, 1))):
        epoch = watch(flags).first
        assert epoch.inputs.shape[1:] == epoch.targets.shape[1:] == shape
        assert epoch.model.input_shape[1:] == epoch.model.output_shape[1:] == shape


def track(watch: Watch) -> None:
    """Its cells are the targets; what its BVAE writes of the same bars are the inputs."""
    for flags, name in (("", "bass"), (OTHER, "piano")):
        epoch, k = watch(flags).first, TRACKS.index(name)
        cells = bars_of(LEARNED[..., [k]])
        wiring.assert_same_rows(epoch.targets.reshape(-1, 84), cells.reshape(-1, 84))
        ordered = [np.concatenate(rows) for rows in zip(*epoch.validation, strict=True)]
        cells = bars_of(HELD_OUT[..., [k]])
        for rows, wanted in zip(ordered, (written(name, cells), cells), strict=True):
            np.testing.assert_allclose(rows.reshape(wanted.shape), wanted, atol=1e-3)
        assert written(name, cells).std(axis=0).max() > 0.1


def written(track: str, bars: np.ndarray) -> np.ndarray:
    return np.asarray(wiring.autoencoder(f"bvae-{track}", "large")(bars.astype("float32")))


def bvaes(watch: Watch) -> None:
    assert watch("").opened == [Path("runs/bvae-bass/bvae-bass.keras")]
    assert watch(OTHER).opened == [Path("elsewhere/bvae-piano/bvae-piano.keras")]


def learning_rate(watch: Watch) -> None:
    assert watch().first.rates[0] == pytest.approx(1e-3)
    assert watch(watch.long).first.rates[0] == 0.5


def loss(watch: Watch) -> None:
    assert watch().model.loss == "binary_crossentropy"
    assert watch(OTHER).model.loss is refine.column_error


TABLE = wiring.OF_EVERY_SCRIPT | {
    own.__name__: own for own in (preset, track, unit, bvaes, learning_rate, loss)
}


def test_every_flag_has_its_check():
    assert TABLE.keys() == wiring.flags_of(script)


@wiring.by_flag(TABLE, slow=("preset", "resume"))
def test_a_flag_has_its_effect(check, watch):
    check(watch)


def test_samples_are_of_music_that_is_not_learned_if_there_is_any(watch, monkeypatch):
    """Beside each phrase stands what the BVAE and then the network make of the same phrase."""
    for flags, music in (("", HELD_OUT), (wiring.OTHER, OTHERS[:2])):
        shown = watch(flags).samples[0]
        known = {phrase.tobytes() for phrase in music[..., [BASS]]}
        assert {phrase.tobytes() for phrase in shown.original} <= known
        rough = written("bass", bars_of(shown.original)) > 0.5
        assert rough.any()
        with monkeypatch.context() as patch:
            patch.setattr(keras.Model, "predict", lambda model, rows, **_: rows)  # as it was
            versions = shown.versions()
        for version in versions.values():
            assert (bars_of(version) != rough).mean() < 1e-3


@pytest.mark.slow
def test_all_tracks_are_learned_in_turn(watch):
    seen = watch("--track all")
    for epoch, name in zip(seen.epochs, TRACKS, strict=True):
        assert epoch.model.name == f"refine-{name}"
        assert (seen.folder / f"refine-note-{name}" / "config.json").exists()
