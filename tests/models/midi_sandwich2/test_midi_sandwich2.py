"""The whole system: generating, restoring and interpolating."""

from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest
import toys

from musegen import Error
from musegen.data import demo, load
from musegen.models.midi_sandwich2 import bvae, mfg_vae, refine
from musegen.models.midi_sandwich2 import system as midi_s2
from musegen.models.midi_sandwich2.settings import PRESETS
from musegen.models.midi_sandwich2.system import MidiS2
from musegen.models.midi_sandwich2.training_data import load_training_data
from musegen.music.phrases import TRACKS

PHRASES = demo.phrases(4, n_steps=48, seed=0)


@cache
def tiny(preset: str = "paper", unit: str | None = "note") -> MidiS2:
    """A narrow system with random weights, shared by all tests that do not change it."""
    with pytest.MonkeyPatch.context() as patch:
        settings = toys.narrowed(patch, preset)
        keras.utils.set_random_seed(1)
        bvaes = {track: bvae.bvae(settings.bvae, name=f"bvae-{track}") for track in TRACKS}
        build = {"note": refine.per_note, "bar": refine.per_bar}.get(unit)
        named = TRACKS if build else ()
        refiners = {track: build(settings.refine, name=f"refine-{track}") for track in named}
        return MidiS2(preset, bvaes, mfg_vae.mfg_vae(settings.mfg_vae), refiners)


@pytest.fixture
def system() -> MidiS2:
    return tiny()


@pytest.mark.parametrize(("preset", "total"), [("repo", 9_983_988), ("paper", 4_531_956)])
def test_parameter_count_of_the_whole(preset, total):
    assert sum(model.count_params() for model in midi_s2.networks(preset=preset)) == total


@pytest.mark.slow
def test_shapes_and_seeds(system):
    phrases = system.generate(8, seed=3)
    assert (phrases.shape, phrases.dtype) == ((8, 4, 48, 84, 5), bool)
    np.testing.assert_array_equal(phrases, system.generate(8, seed=3))
    assert (phrases != system.generate(8, seed=4)).any()
    assert system.generate(8, fusion=False).shape == (8, 4, 48, 84, 5)
    assert system.restore(PHRASES).shape == PHRASES.shape
    assert system.restore(PHRASES, fusion=False).shape == PHRASES.shape
    assert system.encode(PHRASES).shape == (4, 4, 6)
    assert system.interpolate(PHRASES[0], PHRASES[1], 5).shape == (5, 4, 48, 84, 5)


def test_interpolation_begins_and_ends_with_its_ends(system):
    path = system.interpolate(PHRASES[0], PHRASES[1], 3, seed=5)
    decoded = system.decode(system.encode(PHRASES[[0, 0, 1]]), seed=5)
    np.testing.assert_array_equal(path[0], decoded[0])
    np.testing.assert_array_equal(path[2], decoded[2])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "scale"),
    [
        ("paper", lambda s: np.exp(s / 2)),
        ("repo", lambda s: s),
    ],
)
def test_restoring_is_the_seven_steps_of_the_paper(preset, scale):
    """Sampling comes after the MFG-VAE, and uses the mean and sigma of each track."""
    system = tiny(preset)
    rng = np.random.default_rng(7)
    own = 0.01 * rng.standard_normal((16, 5, 4), np.float32)
    fused = 0.01 * rng.standard_normal((16, 6), np.float32)
    bars = PHRASES.reshape(-1, 48, 84, 5)

    rows = np.zeros((16, 5, 8), np.float32)
    for k, track in enumerate(TRACKS):
        _, mean, s = bvae.encoder_and_decoder(system.bvaes[track])[0].predict(
            2.0 * bars[..., k] - 1, verbose=0
        )
        rows[:, k] = np.concatenate([mean, s], axis=1)
    encoder, decoder = bvae.encoder_and_decoder(system.fusion)
    _, mean, s = encoder.predict(rows, verbose=0)
    written = decoder.predict(mean + scale(s) * fused, verbose=0)
    z = written[..., :4] + scale(written[..., 4:]) * own
    expected = np.zeros(bars.shape, bool)
    margin = np.zeros(bars.shape, bool)  # so near to the threshold that rounding may decide
    for k, track in enumerate(TRACKS):
        y = bvae.encoder_and_decoder(system.bvaes[track])[1].predict(z[:, k], verbose=0)
        expected[..., k], margin[..., k] = y > 0, np.abs(y) < 1e-6
    found = system.restore(PHRASES, seed=7, refine=False).reshape(bars.shape)
    assert margin.mean() < 0.05
    np.testing.assert_array_equal(found[~margin], expected[~margin])


@pytest.mark.slow
def test_refining_changes_the_roll_and_bars_are_refined_too():
    for unit in ("note", "bar"):
        system = tiny(unit=unit)
        assert system.refine_unit == unit
        plain, refined = (system.generate(2, refine=choice) for choice in (False, True))
        assert (plain != refined).any()


@pytest.mark.slow
def test_the_presets_restore_with_and_without_refining():
    paper, repo = tiny(), tiny("repo")
    np.testing.assert_array_equal(paper.restore(PHRASES), paper.restore(PHRASES, refine=True))
    np.testing.assert_array_equal(repo.restore(PHRASES), repo.restore(PHRASES, refine=False))
    with pytest.raises(Error, match="preset repo: the per-bar refine networks cannot be used"):
        tiny("repo", unit="bar").generate(1, refine=True)
    with pytest.raises(Error, match="this system has no refine networks"):
        tiny(unit=None).generate(1, refine=True)


def test_width_of_the_random_latents(system, monkeypatch):
    """By default it is that of the preset; fitted, mean and deviation are the measured ones."""
    assert PRESETS["repo"].z_std == 0.01
    assert PRESETS["repo"].z_std_tracks == 0.1
    drawn = {}

    def play(graph, inputs, *_):
        drawn["z"] = inputs[0]
        return np.zeros((len(inputs[0]), 48, 84, 5), bool)

    monkeypatch.setattr(system, "_play", play)
    for z_std, wanted in ((None, 1.0), (0.25, 0.25)):
        system.generate(500, z_std=z_std)
        assert drawn["z"].std() == pytest.approx(wanted, rel=0.02)
    with pytest.raises(Error, match="no measured latents"):
        system.generate(1, z_std="fit")
    monkeypatch.setattr(system, "latents", system.measure_latents(load(PHRASES)))
    system.generate(2000, z_std="fit")
    np.testing.assert_allclose(drawn["z"].mean(axis=0), system.latents["fusion_mean"], atol=0.01)
    found = np.cov(drawn["z"].reshape(-1, 6), rowvar=False)
    wanted = np.cov(system.encode(PHRASES).reshape(-1, 6), rowvar=False)
    np.testing.assert_allclose(found, wanted, atol=0.05 * wanted.max())


def test_latents_are_measured_by_their_means(system):
    """The means are those that each track's encoder returns, and the fusion of these means."""
    latents, bars = system.measure_latents(load(PHRASES)), PHRASES.reshape(-1, 48, 84, 5)
    fused = system.encode(PHRASES).reshape(16, -1)
    own = {"fusion": [(latents["fusion_mean"], latents["fusion_factor"], fused)], "tracks": []}
    for k, track in enumerate(TRACKS):
        encoder, _ = bvae.encoder_and_decoder(system.bvaes[track])
        means = np.asarray(encoder(2.0 * bars[..., k].astype("float32") - 1)[1])
        own["tracks"].append((latents["tracks_mean"][k], latents["tracks_factor"][k], means))
    for mean, factor, wanted in (*own["fusion"], *own["tracks"]):
        np.testing.assert_allclose(mean, wanted.mean(axis=0), atol=1e-5)
        covariance = np.cov(wanted, rowvar=False)
        np.testing.assert_allclose(factor @ factor.T, covariance, atol=1e-5 * covariance.max())


def test_without_fusion_the_tracks_are_independent(system):
    """The other tracks stay the same when the network of one track is replaced."""
    before = system.generate(2, seed=1, fusion=False)
    bass = system.bvaes["bass"]
    weights = bass.get_weights()
    bass.set_weights([-2 * weight for weight in weights])
    after = system.generate(2, seed=1, fusion=False)
    bass.set_weights(weights)
    k = TRACKS.index("bass")
    assert (before[..., k] != after[..., k]).any()
    others = [i for i in range(5) if i != k]
    np.testing.assert_array_equal(before[..., others], after[..., others])


@pytest.mark.slow
def test_files_give_the_same_system(system, tmp_path, monkeypatch):
    toys.narrowed(monkeypatch, "paper")
    monkeypatch.setattr(system, "latents", system.measure_latents(load(PHRASES)))
    loaded = MidiS2.load(system.save(tmp_path / "system"))
    np.testing.assert_array_equal(system.generate(2, z_std="fit"), loaded.generate(2, z_std="fit"))
    np.testing.assert_array_equal(system.restore(PHRASES), loaded.restore(PHRASES))


def test_parts_that_do_not_go_together_are_refused(system, monkeypatch):
    toys.narrowed(monkeypatch, "paper")
    other = mfg_vae.mfg_vae(replace(PRESETS["paper"].mfg_vae, track_latent=8, width=8, latent=6))
    with pytest.raises(Error, match=r"MFG-VAE: takes .5, 16., the BVAEs give .5, 8."):
        MidiS2("paper", system.bvaes, other)
    with pytest.raises(Error, match=r"this system takes .48, 84, 5."):
        system.restore(demo.phrases(1, n_steps=96))


def test_training_data_of_the_presets():
    phrases = np.zeros((2000, 4, 48, 84, 5), bool)
    phrases[np.arange(2000), 0, 0, 0, 0] = np.arange(2000) < 1799  # on in those within reach
    train, val = load_training_data(phrases, "repo")
    assert (4 * len(train), 4 * len(val)) == (2880, 320)  # 90 and 10 batches of 32
    assert train.phrases[:, 0, 0, 0, 0].all()
    train, val = load_training_data(phrases)
    assert (len(train), len(val)) == (1800, 200)
    train, val = load_training_data(phrases, val_split=0, bars=640)
    assert (4 * len(train), val) == (640, None)


def test_damaged_latents_are_one_line(tmp_path):
    settings = PRESETS["paper"]
    track, fused = settings.bvae.latent, settings.mfg_vae.latent
    good = {
        "tracks_mean": np.zeros((5, track), "f4"), "tracks_factor": np.zeros((5, track, track)),
        "fusion_mean": np.zeros(fused), "fusion_factor": np.zeros((fused, fused)),
    }  # fmt: skip
    path = tmp_path / "latents.npz"
    np.savez(path, **good)
    assert midi_s2._latents(path, settings).keys() == good.keys()
    for name, wrong in (
        ("fusion_mean", np.zeros(fused + 1)),
        ("fusion_mean", np.full(fused, np.nan)),
        ("tracks_mean", np.zeros((5, track), int)),
        ("tracks_factor", np.zeros((5, track, track), "S1")),
    ):
        np.savez(path, **(good | {name: wrong}))
        with pytest.raises(Error, match=r"latents\.npz: damaged \([^\n]+\); fetch"):
            midi_s2._latents(path, settings)
    path.write_bytes(b"PK")
    with pytest.raises(Error, match=r"latents\.npz: damaged"):
        midi_s2._latents(path, settings)
