"""Each flag of the script that trains a BVAE has the effect that its help names."""

import json

import keras
import numpy as np
import pytest
import wiring
from wiring import BASS, HELD_OUT, LEARNED, OTHERS, PHRASES, Watch

from musegen.data.pipeline import SHIFTS
from musegen.models.layers.lstm import hard_sigmoid
from musegen.models.midi_sandwich2 import bvae
from musegen.music.phrases import TRACKS, bars_of, resample, transpose
from musegen.train import bvae as script

DRUMS = TRACKS.index("drums")


def bars(phrases: np.ndarray, track: int = BASS) -> np.ndarray:
    return bars_of(phrases[..., [track]]).astype("float32")


@pytest.fixture(scope="module")
def watch(tmp_path_factory) -> Watch:
    return Watch(script, tmp_path_factory.mktemp("bvae"), bars, long=wiring.TUNED)


OTHER = "--loss nll --steps 96 --track piano"
IN_MEMORY = "--unique --passes 2 --track shared"
REPO = "--preset repo --recipe paper"
PAPER = "--preset paper --epochs 3 --kl-warmup 2"


def preset(watch: Watch) -> None:
    """The network, and of `repo` the 800 phrases, here 6, that its code draws."""
    for flags, gates in ((PAPER, keras.activations.sigmoid), (REPO, hard_sigmoid)):
        encoder, _ = bvae.encoder_and_decoder(watch(flags).model)
        assert encoder.get_layer("read").recurrent_activation is gates
    drawn, first = PHRASES[np.random.default_rng(0).permutation(9)[:6]], watch(REPO).first
    wiring.assert_same_rows(first.inputs, 2 * bars(drawn[:5]) - 1)
    np.testing.assert_array_equal(first.validation[0][0], 2 * bars(drawn[5:]) - 1)


def track(watch: Watch) -> None:
    piano = resample(PHRASES, 96)[..., [TRACKS.index("piano")]]
    epoch = watch(OTHER).first
    wiring.assert_same_rows(epoch.inputs, 2 * bars_of(piano[:8]) - 1.0)
    np.testing.assert_array_equal(epoch.validation[0][0], 2 * bars_of(piano[8:]) - 1.0)
    assert len(np.unique(watch(IN_MEMORY).first.inputs, axis=0)) > 3 * 32  # of all five


def steps(watch: Watch) -> None:
    for flags, n in (("", 48), (OTHER, 96)):
        assert watch(flags).first.inputs.shape[1:] == watch(flags).model.input_shape[1:] == (n, 84)


def loss(watch: Watch) -> None:
    """It also decides how a cell that is off is written."""
    for flags, function, off in (
        ("", keras.losses.binary_crossentropy, 0),
        (OTHER, bvae.nll, -1),
        (PAPER, keras.losses.mean_squared_error, -1),
    ):
        epoch = watch(flags).first
        assert epoch.model.loss is function
        assert set(np.unique(epoch.inputs)) == {off, 1}


def kl_warmup(watch: Watch) -> None:
    """A thousandth of the KL term for so many epochs, and its full weight afterwards."""
    weights = [epoch.kl_weight for epoch in watch(PAPER).epochs]
    np.testing.assert_allclose(weights, [1e-3, 1e-3, 1])
    seen = watch(REPO)  # which has 8 such epochs
    assert seen.first.kl_weight == pytest.approx(1e-3)
    assert wiring.kl_weight(seen.model) == 1


def augment(watch: Watch) -> None:
    """Every bar is moved by one of twelve shifts; what is to validate with, and drums, never."""
    epoch = watch("--augment").first
    keys = [{row.tobytes() for row in bars(transpose(LEARNED, shift))} for shift in SHIFTS]
    found = [[row.tobytes() in key for key in keys] for row in epoch.inputs]
    assert np.any(found, axis=1).all()
    assert np.mean(found, axis=0)[SHIFTS.index(0)] < 0.5
    watch.assert_validates(epoch, HELD_OUT)
    # In memory: beats are of no key that the bars had.
    moved = watch("--augment --mix").first
    assert any(
        own - old for own, old in zip(beats(moved.inputs), beats(bars(LEARNED)), strict=True)
    )
    watch.assert_validates(moved, HELD_OUT)
    of_drums = watch("--augment --mix --track drums").first.inputs.any(axis=(0, 1))
    np.testing.assert_array_equal(of_drums, bars(LEARNED, DRUMS).any(axis=(0, 1)))


def beats(rows: np.ndarray) -> list[set[bytes]]:
    """The different contents of each of the four beats."""
    parts = (rows > 0).reshape(len(rows), 4, -1)
    return [{row.tobytes() for row in parts[:, beat]} for beat in range(4)]


def mix(watch: Watch) -> None:
    """About half of the bars get beats of others; of drums the pitches of others."""
    old, new = bars(LEARNED, DRUMS), watch("--augment --mix --track drums").first.inputs
    known = {row.tobytes() for row in old}
    assert 4 < sum(row.tobytes() not in known for row in new) < 28
    assert any(one - other for one, other in zip(beats(new), beats(old), strict=True))  # by pitch


def unique(watch: Watch) -> None:
    """Of all tracks' bars those that differ, here in each of two passes."""
    different = np.unique(bars_of(LEARNED), axis=0)
    assert len(different) < len(bars_of(LEARNED))
    wiring.assert_same_rows(watch(IN_MEMORY).first.inputs, np.tile(different, (2, 1, 1)))


def passes(watch: Watch) -> None:
    """And what is to validate with comes once, repeats and all."""
    _, times = np.unique(watch(IN_MEMORY).first.inputs, axis=0, return_counts=True)
    assert set(times) == {2}
    found = np.concatenate([x for x, _ in watch(IN_MEMORY).first.validation])
    np.testing.assert_array_equal(found, bars_of(HELD_OUT))


TABLE = wiring.OF_EVERY_SCRIPT | wiring.OF_A_RECIPE
TABLE |= {
    own.__name__: own
    for own in (preset, track, steps, loss, kl_warmup, augment, unique, mix, passes)
}


def test_every_flag_has_its_check():
    assert TABLE.keys() == wiring.flags_of(script)


@wiring.by_flag(TABLE)
def test_a_flag_has_its_effect(check, watch):
    check(watch)


def test_bars_are_what_is_to_be_written(watch):
    np.testing.assert_array_equal(watch().first.inputs, watch().first.targets)


def test_samples_are_of_music_that_is_not_learned_if_there_is_any(watch, monkeypatch):
    monkeypatch.setattr(keras.Model, "predict", lambda model, bars, **_: bars)  # perfect
    for flags, music in (("", HELD_OUT), (wiring.OTHER, OTHERS[:2]), (PAPER, HELD_OUT)):
        shown = watch(flags).samples[0]
        known = {phrase.tobytes() for phrase in music[..., [BASS]]}
        assert {phrase.tobytes() for phrase in shown.original} <= known
        assert len(shown.original) == min(4, len(music))
        np.testing.assert_array_equal(shown.versions()["reconstruction"], shown.original)


def test_how_wide_the_means_lie_is_measured_of_what_is_learned(watch):
    told = json.loads((watch().folder / "latents.json").read_text())
    encoder, _ = bvae.encoder_and_decoder(watch().model)
    means = np.asarray(encoder(bars(LEARNED))[1])
    assert told == {"bars": 32, "std_of_means": pytest.approx(means.std(axis=0).mean(), rel=1e-4)}


@pytest.mark.slow
def test_all_tracks_are_learned_in_turn(watch):
    seen = watch("--track all")
    for epoch, name in zip(seen.epochs, TRACKS, strict=True):
        assert epoch.model.name == f"bvae-{name}"
        assert (seen.folder / f"bvae-{name}" / "config.json").exists()
        wiring.assert_same_rows(epoch.inputs, bars(LEARNED, TRACKS.index(name)))
