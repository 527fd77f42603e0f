"""Makes optimizers by name, with a learning rate that may fall."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

DECAYS = ("none", "cosine", "late")


def optimizer(
    name: str, learning_rate: float = 1e-3, decay: str = "none", n_batches: int = 0
) -> "keras.optimizers.Optimizer":
    """Makes one of `OPTIMIZERS`.

    Args:
        decay: name of the schedule of the learning rate; see `falling`.
        n_batches: number of batches of the whole training.

    Example:
        >>> optimizer("muon", 3e-3, "cosine", n_batches=10_000)
    """
    return OPTIMIZERS[name](falling(learning_rate, decay, n_batches))


def falling(learning_rate: float, decay: str, n_batches: int) -> Any:
    """Returns a learning rate, as optimizers take it, that falls to 0 over so many batches.

    Args:
        decay: name of the schedule: `"cosine"` falls from the first batch on, `"late"` in a
            straight line over the last third, `"none"` never.

    Example:
        >>> keras.optimizers.Adam(falling(1e-3, "late", 10_000))
    """
    from keras import ops
    from keras.optimizers import schedules

    class Late(schedules.LearningRateSchedule):
        def __call__(self, step):
            left = 1 - ops.cast(step, "float32") / n_batches
            return learning_rate * ops.clip(3 * left, 0, 1)

    if decay == "none":
        return learning_rate
    return Late() if decay == "late" else schedules.CosineDecay(learning_rate, n_batches)


def rmsprop(learning_rate, epsilon: float = 1e-7) -> "keras.optimizers.Optimizer":
    """Makes RMSprop as Keras 2 and PyTorch compute it: `rate * g / (sqrt(v) + epsilon)`.

    Keras 3 divides by `sqrt(v + epsilon)`, and no epsilon inside the root gives the same steps:
    1e-7 hardly moves a weight whose gradients are far below 3e-4, as those of a mean squared error
    over bars are, and 1e-14 moves one with gradients near 1e-7 by up to 41 % too far.
    """
    import keras
    from keras import ops

    @keras.saving.register_keras_serializable("musegen")
    class RMSprop(keras.optimizers.Optimizer):
        rho = 0.9

        def __init__(self, learning_rate=1e-3, epsilon=1e-7, **options):
            super().__init__(learning_rate, **options)
            self.epsilon = epsilon

        def build(self, variables):
            if not self.built:
                super().build(variables)
                self.velocities = self.add_optimizer_variables(variables, "velocity")

        def update_step(self, gradient, variable, learning_rate):
            rate = ops.cast(learning_rate, variable.dtype)
            gradient = ops.cast(summed(gradient, variable), variable.dtype)
            velocity = self.velocities[self._get_variable_index(variable)]
            self.assign(velocity, self.rho * velocity + (1 - self.rho) * ops.square(gradient))
            self.assign_sub(variable, rate * gradient / (ops.sqrt(velocity) + self.epsilon))

        def get_config(self):
            return super().get_config() | {"epsilon": self.epsilon}

    return RMSprop(learning_rate, epsilon)


def summed(gradient: Any, variable: "keras.Variable") -> Any:
    """Adds the rows of one index in the gradient of an embedding, which TensorFlow lists singly.

    Keras's optimizers would square each of them before they are added.
    """
    from keras import ops

    rows = hasattr(gradient, "dense_shape")
    return ops.add(ops.zeros_like(variable), gradient) if rows else gradient


def with_summed_gradients(kind: type) -> type:
    """Returns a class of optimizers that treats the gradients of embeddings as those of others."""
    import keras

    class Summed(kind):
        def apply(self, grads, trainable_variables=None):
            variables = trainable_variables or self._trainable_variables
            grads = [summed(g, v) for g, v in zip(grads, variables, strict=True)]
            return super().apply(grads, trainable_variables)

    Summed.__name__ = kind.__name__  # Keras names its variables after the class
    return keras.saving.register_keras_serializable("musegen")(Summed)


def adam(learning_rate) -> "keras.optimizers.Optimizer":
    """Makes Adam with clipped gradients."""
    import keras

    return with_summed_gradients(keras.optimizers.Adam)(learning_rate, clipnorm=1.0)


def muon(learning_rate) -> "keras.optimizers.Optimizer":
    """Makes Muon, which moves a matrix equally far in every direction; biases have Adam.

    With it recurrent networks need some hundred steps to leave the plateau on which they only know
    how often a cell is on.
    """
    import keras

    return with_summed_gradients(keras.optimizers.Muon)(
        learning_rate, adam_lr_ratio=0.5, weight_decay=0.0, adam_weight_decay=0.0
    )


OPTIMIZERS = {"rmsprop": rmsprop, "adam": adam, "muon": muon}
