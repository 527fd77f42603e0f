"""The MFG-VAE: numbers of parameters of all strategies, and its input from the BVAEs."""

from dataclasses import replace

import numpy as np
import pytest
from checks import check_model, check_on_jax, check_trains

from musegen import Error
from musegen.models.midi_sandwich2 import bvae, mfg_vae
from musegen.models.midi_sandwich2.settings import PRESETS
from musegen.music.phrases import TRACKS

COUNTS = {
    ("vrae", "repo"): (344_704, 1_411_584),
    ("vrae", "paper"): (164_608, 263_168),
    ("concat", "repo"): (13_278_080, 13_264_128),
    ("concat", "paper"): (9_378_816, 9_346_432),
    ("project", "repo"): (364_096, 364_480),
    ("project", "paper"): (123_072, 118_848),
}
TINY = replace(
    PRESETS["paper"].mfg_vae, track_latent=4, width=8, latent=6, noise=0.0, concat_noise=0.0
)


def latents(n: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.05, (n, 5, size)).astype("float32")


@pytest.mark.parametrize(("strategy", "preset"), COUNTS)
def test_parameter_counts_and_shapes(strategy, preset):
    settings = PRESETS[preset].mfg_vae
    model = mfg_vae.mfg_vae(settings, strategy)
    encoder, decoder = bvae.encoder_and_decoder(model)
    assert (encoder.count_params(), decoder.count_params()) == COUNTS[strategy, preset]
    assert model.count_params() == sum(COUNTS[strategy, preset])
    assert model.input_shape == model.output_shape == (None, 5, 2 * settings.track_latent)
    assert encoder.output_shape == [(None, settings.latent)] * 3


def test_the_projection_of_each_track_and_the_joined_one_differ_as_counted():
    settings = replace(PRESETS["repo"].mfg_vae, projection="add")
    assert (
        bvae.encoder_and_decoder(mfg_vae.mfg_vae(settings, "project"))[0].count_params() == 364_608
    )
    settings = replace(PRESETS["paper"].mfg_vae, projection="join")
    assert (
        bvae.encoder_and_decoder(mfg_vae.mfg_vae(settings, "project"))[0].count_params() == 122_560
    )


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["concat", "vrae", "project"])
def test_every_strategy_survives_configuration_and_file(strategy, tmp_path):
    encoder, decoder = bvae.encoder_and_decoder(mfg_vae.mfg_vae(TINY, strategy))
    check_model(encoder, latents(3, 8), tmp_path)
    check_model(decoder, np.ones((2, 6), "float32"), tmp_path)
    model = mfg_vae.compiled(mfg_vae.mfg_vae(TINY, strategy))
    check_trains(model, latents(64, 8), latents(64, 8))


@pytest.mark.slow
def test_the_chosen_strategy_agrees_with_jax(tmp_path):
    settings = replace(PRESETS["paper"].mfg_vae, noise=0.0)
    check_on_jax(mfg_vae.mfg_vae(settings), latents(2, 128), tmp_path)


def test_the_concat_decoder_of_the_original_cannot_write_negative_numbers():
    for preset, low in (("repo", True), ("paper", False)):
        settings = replace(PRESETS[preset].mfg_vae, track_latent=4)
        _, decoder = bvae.encoder_and_decoder(mfg_vae.mfg_vae(settings, "concat"))
        written = decoder.predict(np.ones((3, settings.latent), "float32"), verbose=0)
        assert (written >= 0).all() == low


def test_the_order_of_the_tracks_matters_to_the_chosen_strategy():
    encoder, _ = bvae.encoder_and_decoder(mfg_vae.mfg_vae(TINY))
    x = latents(3, 8)
    swapped = x[:, [1, 0, 2, 3, 4]]
    _, mean, _ = encoder.predict(x, verbose=0)
    _, other, _ = encoder.predict(swapped, verbose=0)
    assert np.abs(mean - other).max() > 1e-5


TINY_BVAE = replace(PRESETS["paper"].bvae, width=8, latent=4)


def some_bvaes(n_steps: int = 48) -> dict:
    return {track: bvae.bvae(TINY_BVAE, n_steps, name=f"bvae-{track}") for track in TRACKS}


@pytest.mark.slow
def test_the_reader_gives_the_mean_then_the_sigma_of_each_track_in_order():
    bvaes = some_bvaes()
    cells = np.random.default_rng(0).random((3, 48, 84, 5)) < 0.05
    rows = mfg_vae.reader(bvaes, PRESETS["paper"].bvae).predict(cells, verbose=0)
    assert rows.shape == (3, 5, 8)
    for k, track in enumerate(TRACKS):
        encoder, _ = bvae.encoder_and_decoder(bvaes[track])
        _, mean, sigma = encoder.predict(2.0 * cells[..., k] - 1, verbose=0)
        np.testing.assert_allclose(rows[:, k, :4], mean, atol=1e-6)
        np.testing.assert_allclose(rows[:, k, 4:], sigma, atol=1e-6)


def test_bvaes_of_another_preset_or_layout_are_refused():
    mfg_vae.check(some_bvaes(), TINY_BVAE)
    with pytest.raises(Error, match="BVAE of the drums: 4 latent numbers where 64 are expected"):
        mfg_vae.check(some_bvaes(), PRESETS["paper"].bvae)
    mixed = some_bvaes() | {"bass": some_bvaes(n_steps=96)["bass"]}
    with pytest.raises(Error, match="BVAE of the bass: bars of 96 steps, that of the drums 48"):
        mfg_vae.check(mixed, TINY_BVAE)
