"""How likely a model finds music, and how well its latent space is laid out.

Everything is in nats (natural logarithms); `bits` converts. A model's output is `logits` of shape
`(..., classes)`: log-probabilities up to a constant, so the logarithm of a softmax output does as
well. `targets` are the true classes `(...)`. A model that predicts several attributes of an event
(modularized VAE: time since the last event, duration, pitch) is measured attribute by attribute
and the nats are added. A `mask` is False at padding.
"""

from collections.abc import Sequence

import numpy as np

from musegen import Error


def token_nats(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Negative log-likelihood (cross-entropy) of every token, shaped as `targets`."""
    logits, targets = np.asarray(logits, float), np.asarray(targets)
    _check_tokens(logits, targets)
    chosen = np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return np.logaddexp.reduce(logits, axis=-1) - chosen


def sequence_nats(nats: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Reconstruction loss: nats of each sequence, `(N,)`, from those of its tokens, `(N, ...)`.

    A uniform guess over V classes costs ln V a token.
    """
    nats = _masked(nats, mask)
    return nats.reshape(len(nats), -1).sum(axis=1)


def gaussian_kl(mean: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    """KL divergence of each posterior from the unit Gaussian in nats, `(N, latent)` to `(N,)`.

    Its mean is the figure to report; its sum is what the modularized VAE's code prints for a batch.
    """
    mean, log_variance = np.asarray(mean, float), np.asarray(log_variance, float)
    return 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).sum(axis=-1)


def bits(nats: np.ndarray | float) -> np.ndarray | float:
    """Nats to bits."""
    return nats / np.log(2)


def perplexity(nats: np.ndarray, mask: np.ndarray | None = None) -> float:
    """exp of the mean nats of a predicted token: V for a uniform guess over V classes."""
    n_tokens = np.size(nats) if mask is None else np.count_nonzero(mask)
    return perplexity_per_step(nats, n_tokens, mask)


def perplexity_per_step(nats: np.ndarray, n_steps: int, mask: np.ndarray | None = None) -> float:
    """exp of the total nats by time steps: comparable between encodings of the same music."""
    if n_steps < 1:
        raise Error("a perplexity needs one token or time step at least")
    return float(np.exp(_masked(nats, mask).sum() / n_steps))


def token_accuracy(
    logits: Sequence[np.ndarray], targets: Sequence[np.ndarray], mask: np.ndarray | None = None
) -> float:
    """Share of tokens whose most likely class is the target, over all attributes together.

    Args:
        logits: one array `(N, positions, classes)` an attribute.
        targets: one array `(N, positions)` an attribute.
        mask: `(N, positions)`, the same for all attributes.
    """
    for one_logits, one_targets in zip(logits, targets, strict=True):
        _check_tokens(np.asarray(one_logits), np.asarray(one_targets))
    right = np.stack([np.argmax(x, axis=-1) == y for x, y in zip(logits, targets, strict=True)])
    counted = np.broadcast_to(True if mask is None else np.asarray(mask, bool), right.shape)
    if not counted.any():
        raise Error("an accuracy needs one token at least")
    return float(right[counted].mean())


def latent_line(start: np.ndarray, end: np.ndarray, n_points: int) -> np.ndarray:
    """Points of the straight line between two latent codes, `(..., D)` to `(..., n_points, D)`."""
    return np.linspace(start, end, n_points, axis=-2)


def hamming_path(tokens: np.ndarray) -> np.ndarray:
    """Share of tokens that differ from the decoding of a path's start, `(points,)`.

    Args:
        tokens: arg-max decodings `(pairs, points, ...)` of the points of `latent_line`; the mean is
            over all pairs and tokens. Times the tokens of a piece (300 in the modularized VAE) it
            is the Hamming distance.
    """
    tokens = np.asarray(tokens)
    differs = tokens != tokens[:, :1]
    return differs.reshape(*tokens.shape[:2], -1).mean(axis=(0, 2))


def _masked(nats: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Padding costs nothing, whatever the model says there (also inf)."""
    return np.asarray(nats, float) if mask is None else np.where(mask, nats, 0.0)


def _check_tokens(logits: np.ndarray, targets: np.ndarray) -> None:
    if logits.shape[:-1] != targets.shape:
        raise Error(
            f"logits {logits.shape} need targets {logits.shape[:-1]}, one class a token, "
            f"not {targets.shape}"
        )
