"""Each flag of the script that trains the MFG-VAE has the effect that its help names."""

from pathlib import Path

import keras
import numpy as np
import pytest
import wiring
from wiring import HELD_OUT, LEARNED, OTHERS, Watch

from musegen.data.pipeline import SHIFTS
from musegen.models.midi_sandwich2 import bvae
from musegen.models.midi_sandwich2.system import MidiS2
from musegen.music.phrases import TRACKS, transpose
from musegen.train import mfg_vae as script


def read(phrases: np.ndarray, preset: str = "large") -> np.ndarray:
    """Mean and sigma of every bar of every track, `(n, 5, 2L)`."""
    low = 0 if preset == "large" else -1
    rows = []
    for k, track in enumerate(TRACKS):
        bars = np.where(phrases.reshape(-1, 48, 84, 5)[..., k], 1, low).astype("float32")
        encoder, _ = bvae.encoder_and_decoder(wiring.autoencoder(f"bvae-{track}", preset))
        _, mean, sigma = encoder(bars)
        rows.append(np.concatenate([mean, sigma], axis=1))
    return np.stack(rows, axis=1)


@pytest.fixture(scope="module")
def watch(tmp_path_factory) -> Watch:
    folder = tmp_path_factory.mktemp("mfg_vae")
    return Watch(script, folder, read, optimizer="RMSprop", long=wiring.TUNED)


AUGMENTED = "--strategy project --augment --bvaes elsewhere"


def preset(watch: Watch) -> None:
    """The network, and how its BVAEs read a cell that is off."""
    epoch = watch("--preset paper").first
    assert layers_of(epoch.model) == {"bars", "read", "mean", "sigma", "sampling"}  # vrae
    assert epoch.kl_weight == 1
    wiring.assert_same_rows(epoch.inputs, read(LEARNED, "paper"))


def layers_of(model: keras.Model) -> set[str]:
    return {layer.name for layer in bvae.encoder_and_decoder(model)[0].layers}


def strategy(watch: Watch) -> None:
    for flags, one, other in (("", "join", "add"), (AUGMENTED, "add", "join")):
        assert one in layers_of(watch(flags).model)
        assert other not in layers_of(watch(flags).model)


def bvaes(watch: Watch) -> None:
    for flags, folder in (("", "runs"), (AUGMENTED, "elsewhere")):
        names = [f"bvae-{track}" for track in TRACKS]
        assert watch(flags).opened == [Path(folder, name, f"{name}.keras") for name in names]


def augment(watch: Watch) -> None:
    """All bars in twelve keys; those to validate with in their own."""
    epoch = watch(AUGMENTED).first
    music = np.concatenate([transpose(LEARNED, shift) for shift in SHIFTS])
    wiring.assert_same_rows(epoch.inputs, read(music))
    watch.assert_validates(epoch, HELD_OUT)


TABLE = wiring.OF_EVERY_SCRIPT | wiring.OF_A_RECIPE
TABLE |= {own.__name__: own for own in (preset, strategy, bvaes, augment)}


def test_every_flag_has_its_check():
    assert TABLE.keys() == wiring.flags_of(script)


@wiring.by_flag(TABLE, slow=("preset", "resume"))
def test_a_flag_has_its_effect(check, watch):
    check(watch)


def test_what_is_read_is_what_is_to_be_written(watch):
    np.testing.assert_array_equal(watch().first.inputs, watch().first.targets)


def test_samples_are_of_music_that_is_not_learned_if_there_is_any(watch, monkeypatch):
    monkeypatch.setattr(MidiS2, "restore", lambda system, phrases: phrases)  # perfect
    for flags, music in (("", HELD_OUT), (wiring.OTHER, OTHERS[:2])):
        shown = watch(flags).samples[0]
        known = {phrase.tobytes() for phrase in music}
        assert {phrase.tobytes() for phrase in shown.original} <= known
        np.testing.assert_array_equal(shown.versions()["restored"], shown.original)
