"""Likelihoods and the latent path: values computed by hand."""

import numpy as np
import pytest

from musegen import Error
from musegen.metrics import likelihood


def test_token_nats():
    """Softmax of (0, ln 3) is (1/4, 3/4); a constant added to the logits changes nothing."""
    logits = np.array([[[0, np.log(3)], [0, np.log(3)]]])
    nats = likelihood.token_nats(logits + 700, np.array([[0, 1]]))
    np.testing.assert_allclose(nats, [[np.log(4), np.log(4 / 3)]])
    probabilities = np.array([[0.5, 0.25, 0.25]])
    np.testing.assert_allclose(
        likelihood.token_nats(np.log(probabilities), np.array([1])), [np.log(4)]
    )
    with pytest.raises(Error, match=r"need targets \(1, 2\)"):
        likelihood.token_nats(logits, np.array([0, 1]))


def test_sequence_nats_of_a_uniform_guess():
    """100 (ln V_dT + ln V_T + ln V_P) for the three attributes of 100 events."""
    sizes = (48, 20, 88)
    total = sum(
        likelihood.sequence_nats(
            likelihood.token_nats(np.zeros((2, 100, size)), np.full((2, 100), size - 1))
        )
        for size in sizes
    )
    np.testing.assert_allclose(total, [100 * np.log(np.prod(sizes))] * 2)


def test_padding_costs_nothing():
    nats = np.array([[1.0, 2.0], [3.0, np.inf]])
    mask = np.array([[True, True], [True, False]])
    assert likelihood.sequence_nats(nats, mask).tolist() == [3, 3]
    assert likelihood.perplexity(nats, mask) == pytest.approx(np.exp(2))
    assert likelihood.perplexity_per_step(nats, 6, mask) == pytest.approx(np.e)


def test_gaussian_kl():
    mean = np.array([[0.0, 0.0], [1.0, -2.0], [0.0, 0.0]])
    log_variance = np.array([[0.0, 0.0], [0.0, 0.0], [np.log(4), 0.0]])
    got = likelihood.gaussian_kl(mean, log_variance)
    np.testing.assert_allclose(got, [0, 2.5, 0.5 * (4 - np.log(4) - 1)], atol=1e-15)
    np.testing.assert_allclose(got.sum(), 4 - np.log(2))  # what a batch prints


def test_bits():
    assert likelihood.bits(np.log(8)) == pytest.approx(3)
    np.testing.assert_allclose(likelihood.bits(np.log([2.0, 4.0])), [1, 2])


def test_perplexity():
    """A uniform guess over 5 classes; two tokens a time step square it."""
    nats = likelihood.token_nats(np.zeros((3, 4, 5)), np.ones((3, 4), int))
    assert likelihood.perplexity(nats) == pytest.approx(5)
    assert likelihood.perplexity_per_step(nats, 6) == pytest.approx(25)
    with pytest.raises(Error, match="one token"):
        likelihood.perplexity(nats, np.zeros((3, 4), bool))


def test_token_accuracy():
    first = np.eye(3)[[[0, 1], [2, 2]]]  # most likely classes
    second = np.eye(4)[[[3, 3], [0, 1]]]
    targets = [np.array([[0, 1], [2, 0]]), np.array([[3, 0], [0, 0]])]
    assert likelihood.token_accuracy([first, second], targets) == 5 / 8
    mask = np.array([[True, False], [True, False]])
    assert likelihood.token_accuracy([first, second], targets, mask) == 1
    with pytest.raises(Error, match="one token"):
        likelihood.token_accuracy([first], targets[:1], np.zeros((2, 2), bool))
    with pytest.raises(Error, match="need targets"):
        likelihood.token_accuracy([first], [np.array([0, 1])])


def test_latent_path():
    """A decoder that rounds: on the way from (0, 0) to (2, 4) one token, then the other changes."""
    line = likelihood.latent_line(np.zeros((1, 2)), np.array([[2.0, 4.0]]), 5)
    np.testing.assert_allclose(line[0, :, 1], [0, 1, 2, 3, 4])
    tokens = (line > 0.9).astype(int)
    assert likelihood.hamming_path(tokens).tolist() == [0, 0.5, 1, 1, 1]
    both = np.concatenate([tokens, np.zeros_like(tokens)])
    assert likelihood.hamming_path(both).tolist() == [0, 0.25, 0.5, 0.5, 0.5]
