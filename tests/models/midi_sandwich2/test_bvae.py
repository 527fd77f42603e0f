"""BVAE: numbers of parameters, sampling, the KL term, and that it learns."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from checks import check_model, check_on_jax, check_trains
from keras import ops

from musegen import Error
from musegen.models.layers.cell_metrics import ActiveF1, CellAccuracy
from musegen.models.layers.lstm import hard_sigmoid
from musegen.models.layers.sampling import Sampling, sample
from musegen.models.midi_sandwich2 import bvae
from musegen.models.midi_sandwich2.settings import PRESETS
from musegen.training import optimizers

TINY = replace(PRESETS["paper"].bvae, width=8, latent=4)
SLOW_BUT_LARGE = [
    name if name == "large" else pytest.param(name, marks=pytest.mark.slow) for name in PRESETS
]
COUNTS = {"repo": (480_768, 639_888), "paper": (125_568, 170_384)}


def bars(n: int, n_steps: int = 48, seed: int = 0) -> np.ndarray:
    cells = np.random.default_rng(seed).random((n, n_steps, 84)) < 0.03
    return 2 * cells.astype("float32") - 1


@pytest.mark.parametrize("n_steps", [48, 96])
@pytest.mark.parametrize("preset", COUNTS)
def test_parameter_counts_and_shapes(preset, n_steps):
    model = bvae.bvae(PRESETS[preset].bvae, n_steps)
    encoder, decoder = bvae.encoder_and_decoder(model)
    assert (encoder.count_params(), decoder.count_params()) == COUNTS[preset]
    assert model.count_params() == sum(COUNTS[preset])
    latent = (None, PRESETS[preset].bvae.latent)
    assert encoder.output_shape == [latent] * 3
    assert decoder.output_shape == (None, n_steps, 84)


@pytest.mark.parametrize("preset", SLOW_BUT_LARGE)
def test_halves_survive_configuration_and_file(preset, tmp_path):
    settings = replace(PRESETS[preset].bvae, width=8, latent=8, noise=0.0)
    encoder, decoder = bvae.encoder_and_decoder(bvae.bvae(settings))
    check_model(encoder, bars(3), tmp_path)
    check_model(decoder, np.zeros((2, 8), "float32"), tmp_path)


@pytest.mark.parametrize("preset", SLOW_BUT_LARGE)
def test_every_weight_is_trained(preset):
    settings = replace(PRESETS[preset].bvae, width=8, latent=8)
    x = bvae.as_input(bars(4) > 0, settings)
    check_trains(bvae.compiled(bvae.bvae(settings), settings), x, x)


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_tensorflow_and_jax_agree(preset, tmp_path):
    check_on_jax(
        bvae.bvae(replace(PRESETS[preset].bvae, noise=0.0), name=preset), bars(2), tmp_path
    )


def test_output_lies_inside_the_open_interval():
    y = bvae.bvae(TINY).predict(100 * bars(4), verbose=0)
    assert (np.abs(y) < 1).all()
    y = bvae.bvae(replace(TINY, loss="bce")).predict(100 * bars(4), verbose=0)
    assert (y > 0.2689).all()  # sigmoid of -1: the output of an LSTM, so cross-entropy ends at 0.31
    assert (y < 0.7311).all()


@pytest.mark.parametrize(("noise_scale", "factor"), [("exp", np.exp(0.5 / 2)), ("raw", 0.5)])
def test_sampling_adds_scaled_noise_to_the_mean(noise_scale, factor):
    mean, s = np.full((20_000, 4), 3.0, "float32"), np.full((20_000, 4), 0.5, "float32")
    e = np.float32([[1, -1, 2, 0]])
    np.testing.assert_allclose(sample(mean, s, e, noise_scale), mean + factor * e, rtol=1e-6)
    layer = Sampling(noise=0.01, noise_scale=noise_scale, seed=1)
    z = ops.convert_to_numpy(layer([mean, s]))
    assert z.std() == pytest.approx(0.01 * factor, rel=0.02)
    assert z.mean() == pytest.approx(3, abs=1e-3)


def test_raw_sampling_with_sigma_0_is_the_mean():
    mean = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    z = Sampling(noise_scale="raw")([mean, np.zeros_like(mean)])
    np.testing.assert_array_equal(ops.convert_to_numpy(z), mean)


@pytest.mark.parametrize(("reduction", "times"), [("mean", 1), ("sum", 4), ("batch_sum", 20)])
def test_kl_term(reduction, times):
    mean = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    layer = Sampling(kl_reduction=reduction, kl_weight=2.0)
    layer([np.zeros_like(mean), np.zeros_like(mean)])
    assert float(layer.losses[0]) == 0
    layer = Sampling(kl_reduction=reduction, kl_weight=2.0)
    layer([mean, np.zeros_like(mean)])
    assert float(layer.losses[0]) == pytest.approx(2 * times * 0.5 * (mean**2).mean(), rel=1e-5)


def test_logged_loss_is_squared_error_plus_kl():
    settings = replace(TINY, noise=0.0)
    model, x = bvae.compiled(bvae.bvae(settings), settings), bars(8)
    logs = model.evaluate(x, x, verbose=0, return_dict=True)
    y = model.predict(x, verbose=0)
    _, mean, s = bvae.encoder_and_decoder(model)[0].predict(x, verbose=0)
    kl = -0.5 * (1 + s - mean**2 - np.exp(s)).mean()
    assert logs["mse"] == pytest.approx(((x - y) ** 2).mean(), rel=1e-5)
    assert logs["loss"] == pytest.approx(logs["mse"] + kl, rel=1e-5)


def test_likelihood_is_that_of_independent_cells():
    x = bars(3)
    y = np.random.default_rng(1).uniform(-0.99, 0.99, x.shape).astype("float32")
    chance = np.where(x > 0, (1 + y) / 2, (1 - y) / 2)  # that the cell is as it is
    found = ops.convert_to_numpy(bvae.nll(x, y))
    np.testing.assert_allclose(found, -np.log(chance).mean(axis=-1), rtol=1e-4)
    settings = replace(TINY, loss="nll", noise=0.0, kl_weight=0.0)
    model = bvae.compiled(bvae.bvae(settings), settings)
    logs = model.evaluate(x, x, verbose=0, return_dict=True)
    assert logs["nll"] == pytest.approx(logs["loss"])
    expected = bvae.nll(x, model.predict(x, verbose=0))
    assert logs["nll"] == pytest.approx(float(ops.mean(expected)), rel=1e-4)


def test_kl_weight_changes_between_epochs():
    settings = replace(TINY, noise=0.0)
    model, x = bvae.compiled(bvae.bvae(settings), settings), bars(8)
    whole = model.evaluate(x, x, verbose=0, return_dict=True)
    bvae.weigh_kl(model, 0.0)
    without = model.evaluate(x, x, verbose=0, return_dict=True)
    assert without["loss"] == pytest.approx(whole["mse"], rel=1e-6)
    assert whole["loss"] > whole["mse"]


def test_gates_of_the_presets():
    x = np.float32([1, 2.5, -2.5, 0])
    np.testing.assert_allclose(hard_sigmoid(x), [0.7, 1, 0, 0.5], atol=1e-6)
    for preset, gate in (("repo", hard_sigmoid), ("paper", keras.activations.sigmoid)):
        for half in bvae.encoder_and_decoder(
            bvae.bvae(replace(PRESETS[preset].bvae, width=8, latent=4))
        ):
            lstms = [layer for layer in half.layers if isinstance(layer, keras.layers.LSTM)]
            assert lstms
            assert all(layer.cell.recurrent_activation is gate for layer in lstms)


def test_scores_of_cells():
    y_true, y_pred = np.float32([[-1, -1, 1, 1]]), np.float32([[-0.5, 0.1, 0.2, -0.9]])
    assert float(ActiveF1(0.0)(y_true, y_pred)) == pytest.approx(0.5)
    assert float(CellAccuracy(0.0)(y_true, y_pred)) == pytest.approx(0.5)
    assert float(ActiveF1(0.5)(y_true > 0, np.float32([[0.4, 0.1, 0.6, 0.9]]))) == 1


def test_other_settings_are_refused():
    plain = replace(TINY, latent=64)
    bvae.check(bvae.bvae(replace(plain, loss="nll")), plain, "bass")
    for other, message in (
        ({"latent": 8}, "8 latent numbers"),
        ({"loss": "bce"}, "another --loss"),
    ):
        with pytest.raises(Error, match=f"BVAE of the bass: .*{message}"):
            bvae.check(bvae.bvae(replace(plain, **other)), plain, "bass")


@pytest.mark.slow
def test_it_learns_to_write_what_it_reads():
    x = np.repeat(bars(4), 8, axis=0)
    settings = PRESETS["large"].bvae
    cells = x > 0
    model = bvae.compiled(bvae.bvae(settings), settings, optimizers.adam(3e-3))
    x = bvae.as_input(cells, settings)
    model.fit(x, x, batch_size=32, epochs=60, verbose=0)
    assert model.evaluate(x, x, verbose=0, return_dict=True)["f1"] > 0.95


def test_the_weight_of_the_kl_term_changes_without_a_new_trace():
    settings = replace(PRESETS["paper"].bvae, width=4, latent=4, noise=0.0)
    model, x = bvae.bvae(settings, n_steps=8), bars(4, n_steps=8)
    bvae.compiled(model, settings, jit_compile=False)
    losses, functions = {}, set()
    for weight in (0.0, 1.0, 3.0):
        bvae.weigh_kl(model, weight)
        losses[weight] = model.evaluate(x, x, verbose=0, return_dict=True)["loss"]
        functions.add(model.test_function)
    assert len(functions) == 1
    kl = losses[1.0] - losses[0.0]
    assert kl > 1e-4
    assert losses[3.0] - losses[0.0] == pytest.approx(3 * kl, rel=1e-3)
    assert model.count_params() == bvae.bvae(settings, n_steps=8).count_params()
