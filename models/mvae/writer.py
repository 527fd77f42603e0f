"""The loop in which the decoder of the melody VAE writes new notes."""

from collections.abc import Callable

import keras
from keras import layers, ops

from musegen.models.layers.gru import GRU, advance
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

    The step is that of the original code; `musegen.models.mvae.mvae.decoder` computes the same
    for given notes.
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
        step = Step(self.settings, self.embed, self.decoder, inputs.get("z"))
        return written(inputs, step.first(inputs), step)


class Step:
    """The step of the loop, which writes one note.

    What is equal for all notes, the product of z and each kernel, is computed before the loop. The
    state of an attribute after its value is chosen is also its state before the next note. So
    it is computed once, and multiplied once with its part of the kernel of the context. Of the
    three products that the context reads, one changes with each value.
    """

    def __init__(self, settings: MVAESettings, embed: list, decoder: keras.Model, z):
        layer = decoder.get_layer
        self.settings, self.embed = settings, embed
        self.start = None if z is None else layer("start")(z)
        self.logits = [layer(f"logits_{a}") for a in ATTRIBUTES]
        self.context = Cell(layer("context"))
        self.parts = ops.split(self.context.kernel, 3)  # of its kernel, for each attribute
        self.read = [Cell(layer(f"attribute_{a}"), z) for a in ATTRIBUTES]
        self.write = [Cell(layer(f"write_{a}"), z) for a in ATTRIBUTES]

    def first(self, inputs: dict) -> dict:
        """Returns the state before the first note, for which all attributes have read index 0."""
        zero, width = ops.zeros_like(inputs["given"][:, 0, 0]), self.settings.width
        dtype = self.context.kernel.dtype
        start = ops.zeros((ops.shape(zero)[0], width), dtype) if self.start is None else self.start
        read = [cell(embed(zero), start) for cell, embed in zip(self.read, self.embed, strict=True)]
        known = [ops.matmul(h, part) for h, part in zip(read, self.parts, strict=True)]
        return {"read": read, "known": known, "context": start, "write": [start] * 3}

    def __call__(self, state: dict, pick: Callable):
        """Writes one note; returns the state after it, and its values `(B, 3)`."""
        read, write, context = [*state["read"]], [*state["write"]], state["context"]
        known, following, note = [*state["known"]], [], []
        for i, part in enumerate(self.parts):
            if i == 0 or self.settings.unrolling:
                context = self.context.after(known[0] + known[1] + known[2], context)
            write[i] = self.write[i](context, write[i])
            logits = self.logits[i](read[i] + write[i])
            note.append(pick(i, allowed(logits, self.settings.zero_written)))
            # A table of the products of all embeddings would save these. But XLA takes its rows in
            # the loop that computes the gates, which then takes more time than the products do.
            x, before = self.embed[i](note[i]), read[i]
            read[i] = self.read[i](x, before)
            known[i] = ops.matmul(read[i], part)
            following.append(known[i])
            if i == 0 and not self.settings.own_cells:  # the context reads it with the GRU of T
                known[i] = ops.matmul(self.read[1](x, before), part)
        state = {"read": read, "known": following, "context": context, "write": write}
        return state, ops.stack(note, axis=-1)


class Cell:
    """The steps of a GRU of the decoder in a loop.

    Args:
        layer: the GRU.
        constant: what is joined to each input `(B, L)`; it is multiplied once.
    """

    def __init__(self, layer: GRU, constant=None):
        weights = layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias
        kernel, self.recurrent, bias = (ops.cast(w, layer.compute_dtype) for w in weights)
        self.bias, self.inner_bias = bias[0], bias[1]
        size = kernel.shape[0] - (0 if constant is None else constant.shape[-1])
        self.kernel = kernel[:size]
        if constant is not None:
            constant = ops.cast(constant, kernel.dtype)
            self.bias = self.bias + ops.matmul(constant, kernel[size:])

    def __call__(self, x, state):
        """Returns the state after a step, which reads x."""
        return self.after(ops.matmul(x, self.kernel), state)

    def after(self, product, state):
        """Returns the state after a step, from the product of what it reads and the kernel."""
        inner = ops.matmul(state, self.recurrent) + self.inner_bias
        return advance(product + self.bias, inner, state)[0]


def allowed(logits, zero_written: bool):
    """Returns logits in float32, by which index 0 is not chosen unless it may be."""
    logits = ops.cast(logits, "float32")
    if zero_written:
        return logits
    return ops.where(ops.equal(ops.arange(logits.shape[-1]), 0), -float("inf"), logits)
