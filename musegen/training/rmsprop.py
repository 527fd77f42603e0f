"""RMSprop as Keras 2 computed it, which the original code of MIDI-Sandwich2 trains with."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("musegen")
class RMSprop(keras.optimizers.Optimizer):
    """RMSprop whose epsilon stands outside the root: `rate * g / (sqrt(v) + epsilon)`.

    Keras 3 divides by `sqrt(v + epsilon)`. No epsilon inside the root gives the same steps: 1e-7
    hardly moves a weight whose gradients are far below 3e-4, as those of a mean squared error
    over bars are, and 1e-14 moves one with gradients near 1e-7 by up to 41 % too far.

    Args:
        rho: share of the old mean of squares that is kept at each step.
        epsilon: added to the root of the mean of squares.
    """

    def __init__(self, learning_rate=1e-3, rho: float = 0.9, epsilon: float = 1e-7, **options):
        super().__init__(learning_rate=learning_rate, **options)
        self.rho, self.epsilon = rho, epsilon

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        velocity = self.velocities[self._get_variable_index(variable)]
        self.assign(velocity, self.rho * velocity + (1 - self.rho) * ops.square(gradient))
        self.assign_sub(variable, rate * gradient / (ops.sqrt(velocity) + self.epsilon))

    def get_config(self):
        return super().get_config() | {"rho": self.rho, "epsilon": self.epsilon}
