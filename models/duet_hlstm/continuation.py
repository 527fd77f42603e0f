"""The loop in which DuetHLSTM continues music, step by step."""

import keras
from keras import layers, ops

from musegen.models.duet_hlstm.decisions import decided
from musegen.models.duet_hlstm.duet_hlstm import head_name, roles, wired
from musegen.models.duet_hlstm.settings import DuetSettings
from musegen.music.layout import N_PITCHES


def continuer(network: keras.Model, settings: DuetSettings, n_steps: int) -> keras.Model:
    """Returns the network that continues windows by new steps, all of a batch in one loop.

    Its inputs are `window` `(B, W, tracks, 84)` of 0 and 1 and, by the rule `"bernoulli"`, `chance`
    `(B, n_steps, tracks, 84)`, numbers drawn evenly from 0 to 1, and `temperature` `(B,)`. Its
    outputs are the new `cells`, 0 or 1, and `outputs`, the numbers that they are made of, both
    `(B, n_steps, tracks, 84)`; and the last `state` of the first LSTMs `(B, tracks, 2, 84)`.

    Example:
        >>> from musegen.models.duet_hlstm.duet_hlstm import duet_hlstm
        >>> play = continuer(duet_hlstm(), DuetSettings(), n_steps=28)
        >>> play.output["cells"].shape
        (None, 28, 2, 84)
    """
    step = (len(settings.tracks), N_PITCHES)
    inputs = {"window": keras.Input((settings.window, *step), name="window")}
    if settings.decode == "bernoulli":
        inputs["chance"] = keras.Input((n_steps, *step), name="chance")
        inputs["temperature"] = keras.Input((), name="temperature")
    loop = Continuation(network, settings, n_steps, name="continuation")
    return keras.Model(inputs, loop(inputs), name="continuer")


class Continuation(layers.Layer):
    """The loop over new steps, of which each is read before the next is predicted."""

    def __init__(self, network: keras.Model, settings: DuetSettings, n_steps: int, **options):
        super().__init__(dtype="float32", **options)
        self.network, self.settings, self.n_steps = network, settings, n_steps
        self.roles = roles(settings)

    def compute_output_spec(self, inputs):
        n, _, *step = inputs["window"].shape
        shape = (n, self.n_steps, *step)
        state = (n, len(self.roles), 2, self.settings.widths[0])
        return {
            "cells": keras.KerasTensor(shape, "float32"),
            "outputs": keras.KerasTensor(shape, "float32"),
            "state": keras.KerasTensor(state, "float32"),
        }

    def call(self, inputs):
        window = ops.transpose(inputs["window"], (2, 0, 1, 3))  # (tracks, B, W, 84)
        none = ops.zeros_like(window[:, :, 0])  # (tracks, B, 84)
        zero = ops.zeros_like(none[0][:, :1]) * ops.zeros((1, self.settings.widths[0]))
        fresh = [[zero, zero] for _ in self.roles]
        chance = inputs.get("chance")

        def step(carry, numbers):
            window, state, _, _ = carry
            p, state = self.predict_step(window, state if self.settings.carry else fresh)
            cells = self.decide(p, numbers, inputs)
            read = p if self.settings.feedback == "real" else cells
            window = ops.concatenate([window[:, :, 1:], read[:, :, None]], axis=2)
            carry = window, state, cells, p
            return carry, carry  # Keras on TensorFlow stacks only what has the form of the carry

        drawn = None if chance is None else ops.transpose(chance, (1, 2, 0, 3))
        begin = window, fresh, none, none
        (_, state, _, _), (_, _, cells, p) = ops.scan(step, begin, drawn, length=self.n_steps)
        return {
            "cells": ops.transpose(cells, (2, 0, 1, 3)),
            "outputs": ops.transpose(p, (2, 0, 1, 3)),
            "state": ops.stack([ops.stack(own, axis=1) for own in state], axis=1),
        }

    def predict_step(self, window, state: list):
        """Returns the outputs `(tracks, B, 84)` for a window, and the state of the first LSTMs."""
        after = []

        def first(k: int, steps: list):
            outputs, own = run_cell(
                self.network.get_layer(f"{self.roles[k]}_lstm1"), steps, state[k]
            )
            after.append([ops.cast(part, "float32") for part in own])  # of any precision
            return outputs

        def second(k: int, steps: list):
            layer = self.network.get_layer(f"{self.roles[k]}_lstm2")
            zero = ops.zeros_like(steps[0][:, : self.settings.widths[1]])
            return run_cell(layer, steps, [zero, zero])[0][-1]

        def beside(a: list, b: list) -> list:
            return [ops.concatenate(pair, axis=-1) for pair in zip(a, b, strict=True)]

        notes = [[window[k, :, t] for t in range(window.shape[2])] for k in range(len(self.roles))]
        vectors = wired(notes, first, second, beside, self.settings.wiring)
        heads = [self.network.get_layer(head_name(k))(v) for k, v in enumerate(vectors)]
        return ops.stack(heads), after

    def decide(self, p, numbers, inputs):
        """Returns the notes of outputs `(tracks, B, 84)`."""
        temperature = inputs.get("temperature")
        if temperature is not None:
            temperature = temperature[None, :, None]
        return decided(p, self.settings.decode, self.settings.threshold, numbers, temperature)


def run_cell(layer: layers.RNN, steps: list, state: list) -> tuple[list, list]:
    """Applies an LSTM to steps `(B, features)`; returns its outputs and its last state."""
    outputs = []
    for x in steps:
        h, state = layer.cell(x, state)
        outputs.append(h)
    return outputs, list(state)
