"""An LSTM that JAX trains faster on a CPU than Keras's own, and the hard sigmoid of Keras 2."""

import keras
import numpy as np
from keras import ops

from musegen.saving import NoStockForm


@keras.saving.register_keras_serializable("musegen")
def hard_sigmoid(x):
    """Computes the hard sigmoid of Keras 2, whose slope is 0.2; that of Keras 3 is 1/6."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


STEEPER = 0.2 / (1 / 6)  # slope of Keras 2's hard sigmoid / slope of Keras 3's


@keras.saving.register_keras_serializable("musegen")
class HardSigmoid(keras.layers.Layer):
    """The hard sigmoid of Keras 2 as a layer."""

    def call(self, x):
        return hard_sigmoid(x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def stock(self, expand: bool) -> keras.layers.Layer:
        if not expand:
            raise NoStockForm(f"{self.name} is the hard sigmoid of Keras 2")
        steps = [
            keras.layers.Rescaling(STEEPER, dtype=self.dtype_policy),
            keras.layers.Activation("hard_sigmoid", dtype=self.dtype_policy),
        ]
        return keras.Sequential(steps, name=self.name)


@keras.saving.register_keras_serializable("musegen")
class LSTM(keras.layers.LSTM):
    """A `keras.layers.LSTM` with the same weights and results.

    On JAX, on a CPU, in float32, from a zero state and without masks and dropout, it calls
    `unroll_gates` below, which trains in 0.7 of the time. In all other cases it calls Keras's LSTM.

    Args:
        units: number of units; all other arguments are those of `keras.layers.LSTM`, too.
        n_steps: number of steps at each of which the same vector is the input. The input of the
            layer is then `(B, L)`, as if RepeatVector came before it, but the vector is multiplied
            with the kernel only once. By default the input is a sequence `(B, T, L)`.

    Example:
        >>> sequence = LSTM(128, n_steps=48, return_sequences=True)(keras.ops.zeros((32, 64)))
        >>> keras.ops.shape(sequence)
        (32, 48, 128)
    """

    def __init__(self, units: int, *args, n_steps: int | None = None, **kwargs):
        super().__init__(units, *args, **kwargs)
        self.n_steps = n_steps
        if n_steps is not None:
            self.input_spec = keras.layers.InputSpec(ndim=2)

    def build(self, sequences_shape, initial_state_shape=None):
        super().build(self.unfolded(sequences_shape), initial_state_shape)

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        return super().compute_output_shape(self.unfolded(sequences_shape), initial_state_shape)

    def unfolded(self, shape):
        """Returns the shape of the sequence that the layer reads."""
        if self.n_steps is None:
            return shape
        return (shape[0], self.n_steps, shape[1])

    def get_config(self):
        return super().get_config() | {"n_steps": self.n_steps}

    @property
    def is_hard(self) -> bool:
        return self.recurrent_activation is hard_sigmoid

    def stock(self, expand: bool) -> keras.layers.Layer:
        config = super().get_config()
        if self.is_hard:
            if not expand:
                raise NoStockForm(f"{self.name} has the hard sigmoid of Keras 2")
            config["recurrent_activation"] = "hard_sigmoid"
        lstm = keras.layers.LSTM.from_config(config)
        if self.n_steps is None:
            return lstm
        return keras.Sequential([keras.layers.RepeatVector(self.n_steps), lstm], name=self.name)

    def stock_weights(self) -> list:
        """Returns weights that make up for the smaller slope of Keras 3's hard sigmoid."""
        scale = STEEPER if self.is_hard else 1.0
        by_gate = np.repeat(np.float32([scale, scale, 1, scale]), self.units)  # i, f, c, o
        return [weight * by_gate for weight in self.get_weights()]

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if initial_state is None and mask is None and self.is_plain and jax_on_cpu():
            return self.call_fast(sequences)
        if self.n_steps is not None:
            sequences = ops.repeat(ops.expand_dims(sequences, 1), self.n_steps, axis=1)
        return super().call(sequences, initial_state, mask, training)

    @property
    def is_plain(self) -> bool:
        """Returns whether `unroll_gates` can compute this layer with its options."""
        return is_usual(self) and self.recurrent_activation in (
            keras.activations.sigmoid,
            hard_sigmoid,
        )

    def call_fast(self, x):
        cell = self.cell
        z = ops.matmul(x, cell.kernel) + cell.bias  # all steps at once
        if self.n_steps is None:
            z = ops.transpose(z, (1, 0, 2))  # (T, B, 4H)
        else:
            z = ops.broadcast_to(z, (self.n_steps, *z.shape))
        gates = HardGates if self.is_hard else Gates
        h = unroll_gates(z, cell.recurrent_kernel, gates(self.units))  # (T, B, H)
        return ops.transpose(h, (1, 0, 2)) if self.return_sequences else h[-1]


class Gates:
    """The activations of an LSTM, computed together on `(B, 4H)`: input, forget, candidate, output.

    The gates have a sigmoid and the candidate a tanh. As sigmoid(x) = 0.5 tanh(0.5 x) + 0.5, all
    columns are scale * tanh(scale * x) + shift.
    """

    def __init__(self, units: int):
        self.is_candidate = ops.repeat(ops.array([False, False, True, False]), units)
        self.scale = ops.where(self.is_candidate, 1.0, 0.5)
        self.shift = ops.where(self.is_candidate, 0.0, 0.5)

    def value(self, x):
        return self.scale * ops.tanh(self.scale * x) + self.shift

    def slope(self, value):
        """Computes the derivative from the value, so that the gradient needs no tanh."""
        return ops.square(self.scale) - ops.square(value - self.shift)


class HardGates(Gates):
    """The activations of an LSTM with hard sigmoids."""

    def value(self, x):
        return ops.where(self.is_candidate, ops.tanh(x), hard_sigmoid(x))

    def slope(self, value):
        inside = ops.cast((value > 0) & (value < 1), value.dtype)
        return ops.where(self.is_candidate, 1 - ops.square(value), 0.2 * inside)


def unroll_gates(z, kernel, gates: Gates):
    """Computes the outputs of an LSTM, with a gradient that is written by hand.

    The gradient uses the gates that were stored instead of computing them again, and computes the
    kernel's gradient in one product over all steps instead of a sum of one product a step.

    Args:
        z: products of the inputs and their kernel, with the bias, `(T, B, 4H)`.
        kernel: recurrent kernel, `(H, 4H)`.
        gates: activations of the gates.

    Returns:
        The outputs of all steps, `(T, B, H)`.
    """

    @ops.custom_gradient
    def run(z, kernel):
        zero = ops.zeros((z.shape[1], kernel.shape[0]), z.dtype)

        def step(state, z):
            h, c = state
            g = gates.value(z + ops.matmul(h, kernel))
            i, f, a, o = ops.split(g, 4, axis=-1)
            c = f * c + i * a
            tanh_c = ops.tanh(c)
            h = o * tanh_c
            return (h, c), (h, c, g, tanh_c)

        _, (hs, cs, gs, tanh_cs) = ops.scan(step, (zero, zero), z)

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            transposed = ops.transpose(kernel)

            def back(state, stored):
                dh, dc = state
                dy, g, c, tanh_c = stored  # c: before the step
                i, f, a, o = ops.split(g, 4, axis=-1)
                dh = dh + dy
                dc = dc + dh * o * (1 - ops.square(tanh_c))
                dz = ops.concatenate([dc * a, dc * c, dc * i, dh * tanh_c], -1) * gates.slope(g)
                return (ops.matmul(dz, transposed), dc * f), dz

            stored = (upstream, gs, before(cs), tanh_cs)
            _, dz = ops.scan(back, (zero, zero), stored, reverse=True)
            # Without a reshape a batch that lies on several devices is not moved.
            return dz, ops.tensordot(before(hs), dz, [[0, 1], [0, 1]])

        return hs, gradient

    return run(z, ops.convert_to_tensor(kernel))


def before(states, first=None):
    """Returns the states `(T, B, H)` one step earlier; the first one `(B, H)` is 0 by default."""
    first = ops.zeros_like(states[:1]) if first is None else first[None]
    return ops.concatenate([first, states[:-1]], axis=0)


def is_usual(layer: keras.layers.RNN) -> bool:
    """Returns whether a recurrent layer has no option that the fast layers leave to Keras."""
    unusual = (
        layer.go_backwards,
        layer.stateful,
        layer.unroll,
        layer.return_state,
        layer.dropout,
        layer.recurrent_dropout,
    )
    return (
        not any(unusual)
        and layer.use_bias
        and layer.compute_dtype == "float32"
        and layer.activation is keras.activations.tanh
    )


def jax_on_cpu() -> bool:
    """Returns whether the backend is JAX on a CPU, the only case in which `unroll_gates` is faster.

    On a GPU Keras calls cuDNN.
    """
    if keras.backend.backend() != "jax":
        return False
    import jax

    return jax.default_backend() == "cpu"
