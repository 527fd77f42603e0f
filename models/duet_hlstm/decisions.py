"""The rules by which outputs of DuetHLSTM become notes.

A cell with output p is on by the rule

- `round` if p > 0.5, as the original code rounds;
- `absolute` if p is at least the threshold;
- `relative` if p >= m / 3, where m is the largest output of the track, which is at least the
  threshold;
- `nearest` if p is among the k largest. The number k of notes, 0 to 12, is the one whose perfect
  output is nearest to that of the track;
- `bernoulli` if a number is below p that is drawn evenly from 0 to 1.

The outputs of a softmax add up to 1. The best that they can do for n notes is 1/n for each of them,
and for silence 1/84 for every pitch, so that chords need `absolute`, `relative` or `nearest`.
"""

from keras import ops

from musegen.models.duet_hlstm.settings import THRESHOLD
from musegen.music.layout import N_PITCHES

SHARE = 1 / 3
MOST_NOTES = 12


def decided(p, rule: str, threshold: float = THRESHOLD, chance=None, temperature=None):
    """Returns which cells are on, float32 0 or 1 `(..., 84)`.

    Args:
        p: outputs of the network for one track `(..., 84)`.
        rule: name of the rule.
        threshold: threshold of `"absolute"` and `"relative"`.
        chance: numbers drawn evenly from 0 to 1 `(..., 84)`, for `"bernoulli"`.
        temperature: number by which the logits of p are divided, for `"bernoulli"`.
    """
    p = ops.convert_to_tensor(p)
    if rule == "round":
        on = p > 0.5
    elif rule == "absolute":
        on = p >= threshold
    elif rule == "relative":
        largest = ops.max(p, axis=-1, keepdims=True)
        on = ops.logical_and(largest >= threshold, p >= SHARE * largest)
    elif rule == "nearest":
        on = nearest(p)
    else:
        on = ops.convert_to_tensor(chance) < cooled(p, temperature)
    return ops.cast(on, "float32")


def steady(rule: str) -> str:
    """Returns the rule by which predictions are measured: for that which draws it is `absolute`."""
    return "absolute" if rule == "bernoulli" else rule


def nearest(p):
    """Returns which cells are on by the rule `nearest`."""
    largest, _ = ops.top_k(p, MOST_NOTES)  # sorted
    n_notes = ops.arange(1, MOST_NOTES + 1, dtype=p.dtype)
    # The squared distance of p from 1/k on its k largest values, without the sum of p * p.
    distance = 1 / n_notes - 2 / n_notes * ops.cumsum(largest, axis=-1)
    of_silence = 1 / N_PITCHES - 2 / N_PITCHES * ops.sum(p, axis=-1)
    best = ops.argmin(distance, axis=-1)[..., None]
    least = ops.take_along_axis(largest, best, axis=-1)
    sounds = ops.min(distance, axis=-1) < of_silence
    return ops.logical_and(sounds[..., None], p >= least)


def cooled(p, temperature):
    """Divides the logits of probabilities by a temperature; at 0 it rounds them."""
    odds = ops.log(ops.clip(p, 1e-7, 1.0)) - ops.log(ops.clip(1 - p, 1e-7, 1.0))
    return ops.sigmoid(odds / ops.maximum(temperature, 1e-6))
