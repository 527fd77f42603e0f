"""The refine networks: parameters, shapes, and the original per-bar network with all cells on."""

import numpy as np
import pytest
from checks import check_model, check_on_jax, check_trains, parameters

from musegen.models.midi_sandwich2 import refine
from musegen.models.midi_sandwich2.settings import PRESETS

RNG = np.random.default_rng(0)


def outputs(*shape: int) -> np.ndarray:
    """Returns random outputs as of a BVAE: real values in (-1, 1), mostly low."""
    return np.tanh(RNG.normal(-1, 0.6, shape)).astype("float32")


@pytest.mark.parametrize("preset", PRESETS)
def test_parameter_counts(preset):
    settings = PRESETS[preset].refine
    assert parameters(refine.per_note(settings)) == (524_884, 524_884)
    for n_steps in (48, 96):
        model = refine.per_bar(settings, n_steps)
        assert parameters(model) == (34_535, 33_623)
        assert model.output_shape == model.input_shape == (None, n_steps, 84, 1)


@pytest.mark.slow
def test_both_survive_configuration_and_file(tmp_path):
    check_model(refine.per_note(), outputs(5, 84), tmp_path)
    for preset in ("paper", "repo"):
        model = refine.per_bar(PRESETS[preset].refine, name=preset)
        check_model(model, outputs(1, 48, 84, 1), tmp_path)


@pytest.mark.slow
def test_both_agree_with_jax(tmp_path):
    check_on_jax(refine.per_note(), outputs(5, 84), tmp_path)
    check_on_jax(refine.per_bar(PRESETS["repo"].refine), outputs(1, 48, 84, 1), tmp_path)


@pytest.mark.slow
def test_every_weight_is_trained():
    note = refine.compiled(refine.per_note())
    check_trains(note, outputs(8, 84), (RNG.random((8, 84)) < 0.1).astype("float32"))
    bar = refine.compiled(refine.per_bar())
    check_trains(bar, outputs(2, 48, 84, 1), (RNG.random((2, 48, 84, 1)) < 0.1).astype("float32"))


@pytest.mark.slow
def test_the_originals_per_bar_net_switches_every_cell_on():
    x = outputs(2, 48, 84, 1)
    assert refine.per_bar(PRESETS["repo"].refine).predict(x, verbose=0).min() >= 0.5
    assert not (refine.per_bar().predict(x, verbose=0) >= 0.5).all()


@pytest.mark.parametrize(("loss", "times"), [("mse", 1), ("column", 48)])
def test_losses_of_the_per_bar_net(loss, times):
    """The column loss is the squared error times the steps, not a cross-entropy."""
    model, x = refine.compiled(refine.per_bar(), loss), outputs(2, 48, 84, 1)
    y = (RNG.random(x.shape) < 0.1).astype("float32")
    penalty = sum(float(one) for one in model.losses)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    error = ((model.predict(x, verbose=0) - y) ** 2).mean()
    assert logs["loss"] == pytest.approx(times * error + penalty, rel=1e-4)
    assert penalty > 0


def test_per_note_loss_is_the_mean_cross_entropy_of_the_cells():
    model, x = refine.compiled(refine.per_note()), outputs(16, 84)
    y = (RNG.random(x.shape) < 0.1).astype("float32")
    p = model.predict(x, verbose=0).astype(float)
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(entropy, rel=1e-4)
    assert logs["accuracy"] == pytest.approx(((p > 0.5) == y).mean(), rel=1e-6)
