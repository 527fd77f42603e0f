"""The loop in which a network writes notes, each of which it reads before it writes the next."""

from collections.abc import Callable

from keras import ops


def written(chance, state, step: Callable):
    """Writes the notes of a batch `(B, L, 3)` in one loop.

    Args:
        chance: numbers from 0 to 1 `(B, L, 3)`.
        state: tensors that one note passes to the next.
        step: function from the state and the numbers of a note `(B, 3)` to the next state and the
            values of the note `(B, 3)`.
    """
    chance = ops.transpose(chance, (1, 0, 2))
    n_notes = chance.shape[0]
    index = ops.reshape(ops.arange(n_notes), (-1, 1, 1))

    def turn(t, carry):
        state, note = step(carry[0], ops.take(chance, t, axis=0))
        return state, ops.where(ops.equal(index, t), note, carry[1])

    _, notes = ops.fori_loop(0, n_notes, turn, (state, ops.zeros_like(chance, "int32")))
    return ops.transpose(notes, (1, 0, 2))


def choose(logits, chance, temperature):
    """Returns indices `(B,)`: those of the largest logits, or such as `chance` draws.

    Args:
        logits: logits `(B, V)`.
        chance: numbers from 0 to 1 `(B,)`. The index is the one in whose part of the way from 0 to
            1 the number lies, when each part is as long as the index is likely.
        temperature: by how much the logits are divided `(B,)`; the largest logit where it is 0.
    """
    likely = ops.argmax(logits, axis=-1)
    scaled = logits / ops.maximum(temperature, 1e-6)[:, None]
    below = ops.cumsum(ops.softmax(scaled, axis=-1), axis=-1)
    passed = ops.cast(below <= chance[:, None] * below[:, -1:], "int32")
    drawn = ops.sum(passed, axis=-1)
    return ops.where(temperature > 0, drawn, ops.cast(likely, "int32"))
