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

from dataclasses import dataclass, replace

import keras
from keras import layers, ops

from musegen.models import mvae
from musegen.models.layers.lstm import hard_sigmoid
from musegen.models.mvae import ATTRIBUTES, MVAESettings, beside
from musegen.models.writing import choose, written

N_NOTES = 128  # notes of a window
LEVELS = (1, 2, 3, 4)  # of the GRUs, from the lowest
READS = {"dT": (1,), "T": (1, 2), "P": (1, 2, 3, 4)}  # the GRUs of each attribute
SHARES = {"dT": 0.1, "T": 0.3, "P": 0.6}  # factors of the losses


@dataclass(frozen=True)
class BachPropSettings:
    """The settings of BachProp's own network.

    Args:
        width: number of units of every GRU.
        sizes: sizes of the dictionaries of the three attributes, with the tag.
        gates: activation of the gates: `"hard_sigmoid"` as in Keras 2, or `"sigmoid"`, which later
            releases of Keras have in its place.
    """

    width: int = 128
    sizes: tuple[int, int, int] = (96, 181, 88)
    gates: str = "hard_sigmoid"


PRESETS: dict[str, MVAESettings | BachPropSettings] = {
    "paper": replace(mvae.PAPER, latent="none"),
    "repo": BachPropSettings(),
}


def bachprop(settings: BachPropSettings = PRESETS["repo"], n_notes: int = N_NOTES) -> keras.Model:
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


def networks(name: str, preset: str, n_steps: int) -> list[keras.Model]:
    """Builds the untrained network, which `musegen info` shows."""
    settings = PRESETS[preset]
    if isinstance(settings, MVAESettings):
        return [mvae.mvae(settings, name=name)]
    return [bachprop(settings)]


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
    there = ops.cast(counted(notes, following, attribute), "float32")
    true = following[..., ATTRIBUTES.index(attribute)]
    likely = ops.clip(probabilities, 1e-7, 1 - 1e-7)  # as Keras does
    hot = ops.one_hot(true, probabilities.shape[-1])
    nats = -ops.sum(hot * ops.log(likely), axis=-1)
    return SHARES[attribute] * ops.sum(there * nats) / ops.maximum(ops.sum(there), 1.0)


# Writing of new notes.


def player(network: keras.Model, settings: BachPropSettings, n_notes: int = N_NOTES) -> keras.Model:
    """Returns the network that writes new notes `(B, n_notes, 3)`, all of a batch in one loop.

    Its inputs are `temperature` and `chance`, as of `musegen.models.mvae.player`. A song ends with
    the first note that has a tag; what stands after it has no meaning.
    """
    inputs = {
        "temperature": keras.Input((), name="temperature"),
        "chance": keras.Input((n_notes, 3), name="chance"),
    }
    return keras.Model(inputs, Writer(settings, network, name="writer")(inputs), name="player")


class Writer(layers.Layer):
    """The loop of a trained network over notes.

    As in the original code, the networks of the three attributes share their states, and each of
    them moves the states that it reads. So the first GRU reads a note three times, the second
    twice.
    """

    def __init__(self, settings: BachPropSettings, network: keras.Model, **options):
        super().__init__(dtype="float32", **options)
        self.settings, self.network = settings, network

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs["chance"].shape, "int32")

    def call(self, inputs):
        chance, temperature = inputs["chance"], inputs["temperature"]
        dtype = self.network.get_layer("read_1").compute_dtype
        zero = ops.zeros((ops.shape(chance)[0], self.settings.width), dtype)
        tags = ops.zeros_like(chance[:, 0], "int32") + ops.array(self.settings.sizes) - 1
        start = ([zero] * len(LEVELS), tags)
        return written(chance, start, lambda *now: self.step(*now, temperature))

    def step(self, state, chance, temperature):
        """Writes one note; returns the state after it, and its values `(B, 3)`."""
        states, note = dict(zip(LEVELS, state[0], strict=True)), state[1]
        x, hot, values = one_hot(note, self.settings), [], []
        for i, attribute in enumerate(ATTRIBUTES):
            for k in READS[attribute]:
                cell = self.network.get_layer(f"read_{k}").cell
                states[k] = cell(beside(*below(k, x, states)), [states[k]])[0]
            h = beside(*(states[k] for k in READS[attribute]), *hot)
            h = self.network.get_layer(f"hidden_{attribute}")(h)
            likely = self.network.get_layer(f"write_{attribute}")(h)
            logits = ops.log(ops.maximum(ops.cast(likely, "float32"), 1e-30))
            values.append(choose(logits, chance[:, i], temperature))
            hot.append(ops.one_hot(values[i], self.settings.sizes[i]))
        note = ops.stack(values, axis=-1)
        return ([states[k] for k in LEVELS], note), note
