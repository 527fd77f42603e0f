"""The likelihood of music under a model, and measures of its latent space.

Conventions
    All values are in nats (natural logarithms); `bits` converts them.

Input
    `logits` are a model's outputs `(..., classes)`: log-probabilities up to a constant, so the
    logarithm of a softmax output serves as well. `targets` are the true classes `(...)`. A `mask`
    is False at padding. A model may predict several attributes of an event, as the modularized VAE
    (time since the last event, duration, pitch): measure each attribute, then add the nats.

Edge cases
    Padding costs nothing, even where the model gives it no probability. Without any token the
    perplexity and the accuracy raise an `Error`.
"""

from collections.abc import Sequence

import numpy as np

from musegen import Error


def token_nats(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns the cross-entropy of every token, -ln p(target), in the shape of `targets`."""
    logits, targets = np.asarray(logits, float), np.asarray(targets)
    _check_tokens(logits, targets)
    chosen = np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return np.logaddexp.reduce(logits, axis=-1) - chosen


def sequence_nats(nats: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Sums the nats of tokens `(N, ...)` to those of sequences `(N,)`, the reconstruction loss.

    The modularized VAE reports its mean over sequences (Table 1). A uniform guess over V classes
    costs ln V a token.
    """
    nats = _masked(nats, mask)
    return nats.reshape(len(nats), -1).sum(axis=1)


def gaussian_kl(mean: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    """Returns the KL divergence of each Gaussian posterior from the unit Gaussian, in nats.

    It is -1/2 sum(1 + ln v - m^2 - v) over the latent numbers, with mean m and variance v. Report
    its mean over sequences; the code of the modularized VAE prints the sum over a batch.

    Args:
        mean, log_variance: arrays `(N, latent)` of m and ln v.

    Returns:
        An array `(N,)`.
    """
    mean, log_variance = np.asarray(mean, float), np.asarray(log_variance, float)
    return 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).sum(axis=-1)


def bits(nats: np.ndarray | float) -> np.ndarray | float:
    """Converts nats to bits: divides by ln 2."""
    return nats / np.log(2)


def perplexity(nats: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Returns exp(mean nats of a token), which is V for a uniform guess over V classes."""
    n_tokens = np.size(nats) if mask is None else np.count_nonzero(mask)
    return perplexity_per_step(nats, n_tokens, mask)


def perplexity_per_step(nats: np.ndarray, n_steps: int, mask: np.ndarray | None = None) -> float:
    """Returns exp(total nats / time steps), which compares between encodings of the same music.

    It is the second form that Magenta's `events_rnn_graph.py` reports.
    """
    if n_steps < 1:
        raise Error("a perplexity needs one token or time step at least")
    return float(np.exp(_masked(nats, mask).sum() / n_steps))


def token_accuracy(
    logits: Sequence[np.ndarray], targets: Sequence[np.ndarray], mask: np.ndarray | None = None
) -> float:
    """Returns the share of tokens whose most likely class is the target, over all attributes.

    Args:
        logits: an array `(N, positions, classes)` for each attribute.
        targets: an array `(N, positions)` for each attribute.
        mask: bool array `(N, positions)` for all attributes, False at padding.
    """
    for one_logits, one_targets in zip(logits, targets, strict=True):
        _check_tokens(np.asarray(one_logits), np.asarray(one_targets))
    correct = np.stack([np.argmax(x, axis=-1) == y for x, y in zip(logits, targets, strict=True)])
    counted = np.broadcast_to(True if mask is None else np.asarray(mask, bool), correct.shape)
    if not counted.any():
        raise Error("an accuracy needs one token at least")
    return float(correct[counted].mean())


def latent_line(start: np.ndarray, end: np.ndarray, n_points: int) -> np.ndarray:
    """Puts points on the line between latent codes, `(..., D)` to `(..., n_points, D)`."""
    return np.linspace(start, end, n_points, axis=-2)


def hamming_path(tokens: np.ndarray) -> np.ndarray:
    """Returns the share of tokens that differ from the start of a path, `(points,)`.

    It is the mean over all pairs and tokens; times the tokens of a piece (300 in the modularized
    VAE) it is the Hamming distance of the modularized VAE's Figure 2.

    Args:
        tokens: most likely tokens `(pairs, points, ...)` at the points of `latent_line`.
    """
    tokens = np.asarray(tokens)
    differs = tokens != tokens[:, :1]
    return differs.reshape(*tokens.shape[:2], -1).mean(axis=(0, 2))


def _masked(nats: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Sets the nats of padding to 0, even where they are infinite."""
    return np.asarray(nats, float) if mask is None else np.where(mask, nats, 0.0)


def _check_tokens(logits: np.ndarray, targets: np.ndarray) -> None:
    if logits.shape[:-1] != targets.shape:
        raise Error(
            f"logits {logits.shape} need targets {logits.shape[:-1]}, one class a token, "
            f"not {targets.shape}"
        )
