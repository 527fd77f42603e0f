"""The loop in which a network writes notes, each of which it reads before it writes the next."""

from collections.abc import Callable

import keras
from keras import ops


def note_inputs(n_notes: int) -> dict[str, keras.KerasTensor]:
    """Returns the inputs that every network has that writes notes.

    `temperature` `(B,)`, where 0 takes the most likely value; `chance` `(B, n_notes, 3)`, numbers
    drawn evenly from 0 to 1 that choose the values where the temperature is above 0; and `given`
    `(B, n_notes, 3)`, the values that are not chosen but given; -1 where there is none.
    """
    return {
        "temperature": keras.Input((), name="temperature"),
        "chance": keras.Input((n_notes, 3), name="chance"),
        "given": keras.Input((n_notes, 3), dtype="int32", name="given"),
    }


def written(inputs: dict, state, step: Callable):
    """Writes the notes of a batch `(B, L, 3)` in one loop.

    Args:
        inputs: those of `note_inputs`.
        state: tensors that one note passes to the next.
        step: function from the state, and a function `pick(i, logits)` that returns the value of
            attribute i `(B,)`, to the next state and the values of the note `(B, 3)`.
    """
    chance, given = (ops.transpose(inputs[name], (1, 0, 2)) for name in ("chance", "given"))
    n_notes = chance.shape[0]
    index = ops.reshape(ops.arange(n_notes), (-1, 1, 1))

    def turn(t, carry):
        numbers, known = (ops.take(array, t, axis=0) for array in (chance, given))

        def pick(i: int, logits):
            value = choose(logits, numbers[:, i], inputs["temperature"])
            return ops.where(known[:, i] >= 0, known[:, i], value)

        state, note = step(carry[0], pick)
        return state, ops.where(ops.equal(index, t), note, carry[1])

    _, notes = ops.fori_loop(0, n_notes, turn, (state, ops.zeros_like(given)))
    return ops.transpose(notes, (1, 0, 2))


def choose(logits, chance, temperature):
    """Returns indices `(B,)`: those of the largest logits, or such as `chance` draws.

    Args:
        logits: logits `(B, V)`.
        chance: numbers from 0 to 1 `(B,)`. The index is the one in whose part of the way from 0 to
            1 the number lies, when each part is as long as the index is likely.
        temperature: number by which the logits are divided `(B,)`; 0 takes the largest logit.
    """
    likely = ops.cast(ops.argmax(logits, axis=-1), "int32")

    def drawn():
        scaled = logits / ops.maximum(temperature, 1e-6)[:, None]
        below = ops.cumsum(ops.softmax(scaled, axis=-1), axis=-1)
        passed = ops.cast(below <= chance[:, None] * below[:, -1:], "int32")
        return ops.where(temperature > 0, ops.cast(ops.sum(passed, axis=-1), "int32"), likely)

    # The sums of the parts take a tenth of the time of writing.
    return ops.cond(ops.any(temperature > 0), drawn, lambda: likely)
