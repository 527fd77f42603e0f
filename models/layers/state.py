"""A number that belongs to a layer and changes while it is trained, but is no weight."""

import keras


class State(keras.random.SeedGenerator):
    """A variable that compiled functions and checkpoints know, and no `.keras` file.

    Keras treats the states of random generators so, and has no other kind of variable that it
    neither counts nor saves as a weight.

    Example:
        >>> layer.kl_scale = State(1.0)
        >>> layer.kl_scale.value.assign(0.5)
    """

    def __init__(self, value: float, dtype: str = "float32", name: str = "state"):
        super().__init__(0, name=name)
        self.state = keras.Variable(value, dtype=dtype, trainable=False, name=name)

    @property
    def value(self) -> keras.Variable:
        return self.state
