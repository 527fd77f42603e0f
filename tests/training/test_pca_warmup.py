"""PCA warm-up: its components, and that encoder and decoder learn them."""

from dataclasses import replace

import numpy as np
import pytest

from musegen.models.midi_sandwich2 import bvae
from musegen.models.midi_sandwich2.settings import PRESETS
from musegen.training.optimizers import muon
from musegen.training.pca_warmup import CODE_STD, components, with_components


def bars(n: int, n_steps: int = 8, seed: int = 0) -> np.ndarray:
    held = np.random.default_rng(seed).random((n, n_steps // 4, 84)) < 0.03
    return 2 * held.repeat(4, axis=1).astype("float32") - 1


@pytest.mark.parametrize("n", [4, 12])
def test_components_are_those_of_an_eigendecomposition(n):
    x = bars(10, n_steps=8)
    flat = x.reshape(10, -1)
    kernel, bias = components(flat, n)
    code = flat @ kernel + bias
    k = min(n, 9)
    assert code.shape == (10, n)
    assert np.abs(code.mean(axis=0)).max() < 1e-4
    assert code[:, :k].std() == pytest.approx(CODE_STD, rel=1e-3)
    assert not code[:, k:].any()
    centred = flat - flat.mean(axis=0)
    sizes = np.sqrt(np.linalg.eigvalsh(centred @ centred.T)[::-1][:k])
    found = np.sort(np.linalg.norm(code[:, :k], axis=0))[::-1]
    np.testing.assert_allclose(found / found[0], sizes / sizes[0], rtol=1e-3)


@pytest.mark.slow
def test_encoder_and_decoder_learn_a_common_code():
    settings = replace(PRESETS["paper"].bvae, width=32, latent=8, loss="nll", kl_weight=1e-3)
    model, x = bvae.bvae(settings, n_steps=8), np.repeat(bars(8, n_steps=8), 8, axis=0)
    before = model.get_weights()
    start = bvae.compiled(
        with_components(*bvae.encoder_and_decoder(model), x), settings, muon(1e-2)
    )
    assert start.count_params() == model.count_params() + (8 * 84 + 1) * 8  # and the components
    start.fit(x, x, batch_size=32, epochs=60, verbose=0)
    for weight, former in zip(model.get_weights(), before, strict=True):
        assert not np.array_equal(weight, former)
    # Nothing has been trained from end to end, and yet it writes what it reads.
    assert bvae.compiled(model, settings).evaluate(x, x, verbose=0, return_dict=True)["f1"] > 0.8
