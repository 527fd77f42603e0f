"""The loop in which the decoder of the melody VAE writes new notes."""

from collections.abc import Callable

import keras
from keras import layers, ops

from musegen.models.mvae.mvae import beside
from musegen.models.mvae.settings import ATTRIBUTES, N_NOTES, MVAESettings
from musegen.models.writing import note_inputs, written


def player(network: keras.Model, settings: MVAESettings, n_notes: int = N_NOTES) -> keras.Model:
    """Returns the network that writes new notes `(B, n_notes, 3)`, all of a batch in one loop.

    Its inputs are those of `musegen.models.writing.note_inputs` and, where there is a z, `z`
    `(B, H)`.

    Example:
        >>> from musegen.models.mvae.mvae import mvae
        >>> play = player(mvae(MVAESettings(width=8)), MVAESettings(width=8), n_notes=7)
        >>> play.output_shape
        (None, 7, 3)
    """
    inputs = note_inputs(n_notes)
    decoder = network.get_layer("decoder")
    if settings.latent != "none":
        inputs["z"] = keras.Input(decoder.input_shape[-1][1:], name="z")
    writer = Writer(settings, network.get_layer("embeddings"), decoder, name="writer")
    return keras.Model(inputs, writer(inputs), name="player")


class Writer(layers.Layer):
    """The loop of a trained decoder over notes, each of which it reads before the next.

    The step is that of the original code; `decoder` above computes the same for given notes.
    """

    def __init__(
        self, settings: MVAESettings, embeddings: keras.Model, decoder: keras.Model, **options
    ):
        super().__init__(dtype="float32", **options)
        self.settings, self.decoder = settings, decoder
        self.embed = [embeddings.get_layer(f"embed_{a}") for a in ATTRIBUTES]

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs["given"].shape, "int32")

    def call(self, inputs):
        z = inputs.get("z")
        embedded = [embed(ops.zeros_like(inputs["given"][:, 0, 0])) for embed in self.embed]
        start = ops.zeros_like(embedded[0]) if z is None else self.decoder.get_layer("start")(z)
        state = {"read": [start] * 3, "context": start, "write": [start] * 3, "before": embedded}
        return written(inputs, state, lambda state, pick: self.step(state, pick, z))

    def step(self, state: dict, pick: Callable, z):
        """Writes one note; returns the state after it, and its values `(B, 3)`."""
        read = [
            self.cell(f"attribute_{a}", state["before"][i], z, state["read"][i])
            for i, a in enumerate(ATTRIBUTES)
        ]
        chosen, context, unrolling = list(read), state["context"], self.settings.unrolling
        write, before, note = [], [], []
        for i, a in enumerate(ATTRIBUTES):
            if i == 0 or unrolling:
                context = self.cell("context", beside(*chosen), None, context)
            write.append(self.cell(f"write_{a}", context, z, state["write"][i]))
            logits = self.decoder.get_layer(f"logits_{a}")(read[i] + write[i])
            note.append(pick(i, self.allowed(logits)))
            before.append(self.embed[i](note[i]))
            if unrolling and i < 2:
                own = a if self.settings.own_cells else "T"
                chosen[i] = self.cell(f"attribute_{own}", before[i], z, chosen[i])
        state = {"read": read, "context": context, "write": write, "before": before}
        return state, ops.stack(note, axis=-1)

    def cell(self, name: str, x, z, state):
        """Applies one step of a GRU of the decoder, to x and, where it is given, z."""
        x = x if z is None else beside(x, ops.cast(z, x.dtype))
        return self.decoder.get_layer(name).cell(x, [state])[0]

    def allowed(self, logits):
        """Returns logits in float32, by which index 0 is not chosen unless it may be."""
        logits = ops.cast(logits, "float32")
        if self.settings.zero_written:
            return logits
        return ops.where(ops.equal(ops.arange(logits.shape[-1]), 0), -float("inf"), logits)
