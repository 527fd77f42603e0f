"""BachProp: music note by note, without a latent vector.

A note is three attributes, as in `musegen.models.mvae`: dT, T, P. The preset `paper` is the network
that the paper of the melody VAE compares itself with: its decoder, with note unrolling, but without
z. The preset `repo` is the network of BachProp's own code:

    notes (B, L, 3) -> four GRUs above one another; the lower three read the notes, too
    first GRU -> dT of the next note
    first and second GRU, that dT -> T of the next note
    all four GRUs, that dT and T -> P of the next note

It reads songs in windows of 128 notes, and its states go on from one window to the next. The last
index of each dictionary is a tag that stands before and after a song. -1 stands where a song has
ended already; such a note leaves the states as they are.

Colombo, Gerstner: "BachProp: Learning to Compose Music in Multiple Styles", 2018, arXiv 1802.05162.
Original code: github.com/FlorianColombo/BachProp.
"""

import keras
from keras import layers, ops

from musegen.models.bachprop.settings import (
    LEVELS,
    N_NOTES,
    READS,
    REPO,
    SHARES,
    BachPropSettings,
)
from musegen.models.layers.lstm import hard_sigmoid
from musegen.models.mvae.mvae import beside
from musegen.models.mvae.settings import ATTRIBUTES


def bachprop(settings: BachPropSettings = REPO, n_notes: int = N_NOTES) -> keras.Model:
    """Builds the network of preset `repo`; `part` returns the network of one attribute.

    Its inputs are `notes` and `next`, the notes after them, both `(B, L, 3)`, and `state_1` to
    `state_4` `(B, H)`. Its outputs are the probabilities `dT`, `T` and `P` of the next notes
    `(B, L, V)`, and the states after the last note.

    Example:
        >>> bachprop().count_params()
        961963
    """
    notes, following = (
        keras.Input((n_notes, 3), dtype="int32", name=name) for name in ("notes", "next")
    )
    before = {k: keras.Input((settings.width,), name=f"state_{k}") for k in LEVELS}
    x, hot = one_hot(notes, settings), one_hot(following, settings)
    there = ops.all(notes >= 0, axis=-1)  # (B, L)
    read, after = {}, {}
    for k in LEVELS:
        layer = layers.GRU(
            settings.width,
            recurrent_activation=hard_sigmoid if settings.gates == "hard_sigmoid" else "sigmoid",
            reset_after=False,
            return_sequences=True,
            return_state=True,
            name=f"read_{k}",
        )
        h = beside(*below(k, x, read))
        read[k], after[k] = layer(h, initial_state=before[k], mask=there)
    outputs = {}
    for i, (attribute, size) in enumerate(zip(ATTRIBUTES, settings.sizes, strict=True)):
        h = beside(*(read[k] for k in READS[attribute]), *hot[:i])
        h = layers.Dense(size, "relu", name=f"hidden_{attribute}")(h)
        outputs[attribute] = layers.Dense(size, "softmax", name=f"write_{attribute}")(h)
    inputs = {"notes": notes, "next": following} | {f"state_{k}": before[k] for k in LEVELS}
    outputs |= {f"state_{k}": after[k] for k in LEVELS}
    return keras.Model(inputs, outputs, name="bachprop")


def one_hot(notes, settings: BachPropSettings) -> list:
    """Returns each attribute of notes as a vector of 0 and 1; it is 0 for -1."""
    return [ops.one_hot(notes[..., i], size) for i, size in enumerate(settings.sizes)]


def below(level: int, x: list, read: dict) -> list:
    """Returns the inputs of a GRU: the notes, but not for the highest, and the GRU below."""
    return [*(x if level < 4 else []), *([read[level - 1]] if level > 1 else [])]


def part(network: keras.Model, attribute: str) -> keras.Model:
    """Returns the network of one attribute, which shares its layers with the others."""
    names = [attribute, *(f"state_{k}" for k in READS[attribute])]
    outputs = {name: network.output[name] for name in names}
    needed = ["notes", *(["next"] if attribute != "dT" else []), *names[1:]]
    inputs = {name: network.input[name] for name in needed}
    return keras.Model(inputs, outputs, name=f"bachprop-{attribute}")


# Training.


def counted(notes, following, attribute: str):
    """Returns which notes the loss of an attribute counts `(B, L)`.

    A note after the end of a song does not count; nor, but for dT, does the end itself, where there
    is no next note.
    """
    there = ops.all(notes >= 0, axis=-1)
    for i in range(ATTRIBUTES.index(attribute)):
        there = ops.logical_and(there, following[..., i] >= 0)
    return there


def loss(notes, following, probabilities, attribute: str):
    """Computes the loss of one attribute: its share of the cross-entropy, the mean over notes."""
    return loss_of(sums(notes, following, probabilities, attribute), attribute)


def loss_of(totals, attribute: str):
    """Computes the loss of one attribute from its `sums`."""
    nats, _, n_notes = totals
    return SHARES[attribute] * nats / ops.maximum(n_notes, 1.0)


def sums(notes, following, probabilities, attribute: str):
    """Returns, of one attribute, the sum of the nats, how many are right, and how many there are.

    Right is a value that is the most likely one.
    """
    there = ops.cast(counted(notes, following, attribute), "float32")
    nats, right = of_notes(following[..., ATTRIBUTES.index(attribute)], probabilities)
    return ops.sum(there * nats), ops.sum(there * right), ops.sum(there)


def of_notes(true, probabilities):
    """Returns the nats of each true value, and whether it is the most likely one, both float32."""
    likely = ops.clip(probabilities, 1e-7, 1 - 1e-7)  # as Keras does
    hot = ops.one_hot(true, probabilities.shape[-1])
    likeliest = ops.cast(ops.argmax(probabilities, axis=-1), "int32")
    right = ops.cast(ops.equal(likeliest, ops.cast(true, "int32")), "float32")
    return -ops.sum(hot * ops.log(likely), axis=-1), right


def scorer(network: keras.Model, settings: BachPropSettings) -> keras.Model:
    """Returns the network that measures how likely the next notes are, from states of 0, `(B,)`.

    Its inputs are `notes` and `next`. Its outputs are those of `musegen.models.mvae.mvae.scorer`,
    without `KL`.
    """
    inputs = {name: keras.Input(network.input[name].shape[1:], dtype="int32", name=name)
              for name in ("notes", "next")}  # fmt: skip
    zero = ops.repeat(ops.cast(0 * inputs["notes"][:, 0, :1], "float32"), settings.width, axis=1)
    found = network({**inputs, **{f"state_{k}": zero for k in LEVELS}})
    there = ops.cast(ops.all(inputs["next"] >= 0, axis=-1), "float32")  # (B, L)
    outputs = {}
    for i, a in enumerate(ATTRIBUTES):
        nats, right = of_notes(inputs["next"][..., i], found[a])
        outputs[f"Rec. {a}"] = ops.sum(there * nats, axis=-1)
        outputs[f"accuracy {a}"] = ops.sum(there * right, axis=-1) / ops.sum(there, axis=-1)
    return keras.Model(inputs, outputs, name="scorer")
