"""The loop in which BachProp's own network writes new notes."""

from collections.abc import Callable

import keras
from keras import layers, ops

from musegen.models.bachprop.bachprop import below, one_hot
from musegen.models.bachprop.settings import LEVELS, N_NOTES, READS, BachPropSettings
from musegen.models.mvae.mvae import beside
from musegen.models.mvae.settings import ATTRIBUTES
from musegen.models.writing import note_inputs, written


def player(network: keras.Model, settings: BachPropSettings, n_notes: int = N_NOTES) -> keras.Model:
    """Returns the network that writes new notes `(B, n_notes, 3)`, all of a batch in one loop.

    Its inputs are those of `musegen.models.writing.note_inputs`. A song ends with the first note
    that has a tag; what stands after it has no meaning.
    """
    inputs = note_inputs(n_notes)
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
        return keras.KerasTensor(inputs["given"].shape, "int32")

    def call(self, inputs):
        given = inputs["given"]
        dtype = self.network.get_layer("read_1").compute_dtype
        zero = ops.zeros((ops.shape(given)[0], self.settings.width), dtype)
        tags = ops.zeros_like(given[:, 0]) + ops.array(self.settings.sizes) - 1
        return written(inputs, ([zero] * len(LEVELS), tags), self.step)

    def step(self, state, pick: Callable):
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
            values.append(pick(i, logits))
            hot.append(ops.one_hot(values[i], self.settings.sizes[i]))
        note = ops.stack(values, axis=-1)
        return ([states[k] for k in LEVELS], note), note
