"""Numbers of a layer that change during training but are no weights."""

import keras


class State(keras.random.SeedGenerator):
    """A variable that compiled functions update and checkpoints save, but `.keras` files do not.

    It is made as the state of a random generator, since this is the only kind of variable that
    Keras neither counts nor saves as a weight.

    Example:
        >>> kl_scale = State(1.0)
        >>> kl_scale.value.assign(0.5)
        >>> float(kl_scale.value)
        0.5
    """

    def __init__(self, value: float, dtype: str = "float32", name: str = "state"):
        super().__init__(0, name=name)
        self.state = keras.Variable(value, dtype=dtype, trainable=False, name=name)

    @property
    def value(self) -> keras.Variable:
        return self.state
