"""The choice of a value by its likelihood, and the loop over notes."""

import numpy as np
from keras import ops

from musegen.models.writing import choose, written


def test_each_note_is_written_from_the_one_before():
    """The likeliest value is the number of the note; of the second song some values are given."""
    given = np.full((2, 5, 3), -1)
    given[1, 2:4, 1] = 7
    inputs = {
        "temperature": ops.zeros(2),
        "chance": ops.zeros((2, 5, 3)),
        "given": ops.convert_to_tensor(given, "int32"),
    }

    def step(state, pick):
        values = [pick(i, ops.one_hot(ops.cast(state, "int32"), 9)) for i in range(3)]
        return state + 1, ops.stack(values, axis=-1)

    found = ops.convert_to_numpy(written(inputs, ops.ones(2), step))
    steps = np.arange(1, 6)[None, :, None]
    np.testing.assert_array_equal(found, np.where(given < 0, steps, given))


def test_values_are_drawn_as_often_as_they_are_likely():
    share = np.float32([0.1, 0.2, 0.3, 0.4])
    n, rng = 20_000, np.random.default_rng(0)
    logits = np.tile(0.5 * np.log(share), (n, 1))
    found = choose(logits, rng.random(n, "float32"), np.full(n, 0.5, "float32"))
    counts = np.bincount(ops.convert_to_numpy(found), minlength=4) / n
    np.testing.assert_allclose(counts, share, atol=0.01)
    ends = choose(logits[:2], np.float32([0, 1 - 2**-24]), np.ones(2, "float32"))
    assert ops.convert_to_numpy(ends).tolist() == [0, 3]
