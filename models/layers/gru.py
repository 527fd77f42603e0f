"""GRUs that JAX trains faster on a CPU than Keras's own."""

from functools import partial

import keras
from keras import ops

from musegen.models.layers.lstm import before, is_usual, jax_on_cpu
from musegen.saving import NoStockForm


@keras.saving.register_keras_serializable("musegen")
class GRU(keras.layers.GRU):
    """A `keras.layers.GRU` with the same weights and results.

    On JAX, on a CPU, in float32, and without masks and dropout, it calls `unroll` below. In all
    other cases it calls Keras's GRU.

    `constant` is a vector `(B, L)` that is joined to the input of every step. It is multiplied with
    the kernel only once.

    Example:
        >>> sequence = GRU(128, return_sequences=True)(keras.ops.zeros((32, 100, 64)))
        >>> keras.ops.shape(sequence)
        (32, 100, 128)
    """

    has_constant = False

    def stock(self, expand: bool) -> keras.layers.Layer:
        if self.has_constant:
            raise NoStockForm(f"{self.name} joins a constant to its input")
        return keras.layers.GRU.from_config(self.get_config())

    def build(self, sequences_shape, initial_state_shape=None, constant_shape=None):
        self.has_constant = constant_shape is not None
        *rest, size = sequences_shape
        super().build((*rest, size + (constant_shape[-1] if constant_shape else 0)))

    def compute_output_shape(self, sequences_shape, initial_state_shape=None, constant_shape=None):
        return super().compute_output_shape(sequences_shape, initial_state_shape)

    def call(self, sequences, initial_state=None, mask=None, training=False, constant=None):
        if mask is None and self.is_plain and jax_on_cpu():
            return self.unrolled(self.products(sequences, constant), initial_state)
        if constant is not None:
            every = ops.repeat(constant[:, None], sequences.shape[1], axis=1)
            sequences = ops.concatenate([sequences, every], axis=-1)
        return super().call(sequences, initial_state, mask, training)

    @property
    def is_plain(self) -> bool:
        """Returns whether `unroll` can compute this layer with its options."""
        return (
            is_usual(self)
            and self.reset_after
            and self.recurrent_activation is keras.activations.sigmoid
        )

    def products(self, sequences, constant=None):
        """Computes the products of the inputs and their kernel, for all steps at once."""
        size = sequences.shape[-1]
        products = ops.matmul(sequences, self.cell.kernel[:size])
        if constant is not None:
            products = products + ops.matmul(constant, self.cell.kernel[size:])[:, None]
        return products

    def unrolled(self, products, start=None):
        """Computes the outputs from the products of all steps `(B, T, 3H)`."""
        if isinstance(start, list | tuple):
            (start,) = start
        if start is None:
            start = ops.zeros((ops.shape(products)[0], self.units), products.dtype)
        inputs = ops.transpose(products + self.cell.bias[0], (1, 0, 2))  # (T, B, 3H)
        h = unroll(inputs, start, self.cell.recurrent_kernel, self.cell.bias[1])  # (T, B, H)
        return ops.transpose(h, (1, 0, 2)) if self.return_sequences else h[-1]


@keras.saving.register_keras_serializable("musegen")
class UnrollingGRU(GRU):
    """The context GRU of note unrolling, which makes three steps for a note.

    It reads the states of the three attributes `before` the note `(B, L, 3H)`, then with the state
    of dT `after` that is chosen, then with the states of dT and T `after` those are chosen
    `(B, L, 2H)`. Its outputs are `(B, L, 3, H)`.
    """

    def stock(self, expand: bool) -> keras.layers.Layer:
        raise NoStockForm(f"{self.name} makes three steps for a note")

    def build(self, before_shape, after_shape=None, initial_state_shape=None):
        super().build(before_shape)

    def compute_output_shape(self, before_shape, after_shape=None, initial_state_shape=None):
        return (*before_shape[:2], 3, self.units)

    def call(self, before, after, initial_state=None):
        fast = self.is_plain and jax_on_cpu()
        old, new = ops.split(before, 3, axis=-1), ops.split(after, 2, axis=-1)
        if fast:  # multiply each state with its part of the kernel once, not in up to three steps
            kernels = ops.split(self.cell.kernel, 3)
            old, new = (
                [ops.matmul(x, kernel) for x, kernel in zip(states, kernels, strict=False)]
                for states in (old, new)
            )
        join = sum if fast else partial(ops.concatenate, axis=-1)
        steps = ops.stack([join([*new[:i], *old[i:]]) for i in range(3)], axis=2)
        sequence = ops.reshape(steps, (-1, 3 * before.shape[1], steps.shape[-1]))
        compute = self.unrolled if fast else super().call
        h = compute(sequence, initial_state)
        return ops.reshape(h, (-1, before.shape[1], 3, self.units))


def advance(x, inner, h):
    """Computes one step of a GRU.

    Args:
        x: product of the input and its kernel, with their bias, `(B, 3H)`.
        inner: product of the state before the step and the recurrent kernel, with their bias.
        h: state before the step, `(B, H)`.

    Returns:
        The state after the step, and what its gradient needs: both gates, the candidate, and the
        part of `inner` that the reset gate is multiplied with.
    """
    width = h.shape[-1]
    gates = ops.sigmoid(x[:, : 2 * width] + inner[:, : 2 * width])
    update, reset = ops.split(gates, 2, axis=-1)
    inner = inner[:, 2 * width :]
    candidate = ops.tanh(x[:, 2 * width :] + reset * inner)
    return update * h + (1 - update) * candidate, gates, candidate, inner


def unroll(inputs, start, kernel, bias):
    """Computes the outputs of a GRU, with a gradient that is written by hand.

    The gradient uses the gates that were stored instead of computing them again, and computes the
    kernel's gradient in one product over all steps instead of a sum of one product a step.

    Args:
        inputs: products of the inputs and their kernel, with their bias, `(T, B, 3H)`: for the
            update gate, the reset gate and the candidate.
        start: state before the first step, `(B, H)`.
        kernel: recurrent kernel, `(H, 3H)`.
        bias: recurrent bias, `(3H,)`.

    Returns:
        The outputs of all steps, `(T, B, H)`.
    """
    width = kernel.shape[0]

    @ops.custom_gradient
    def run(inputs, start, kernel, bias):
        def step(h, x):
            h, *parts = advance(x, ops.matmul(h, kernel) + bias, h)
            return h, (h, *parts)

        _, (hs, gates, candidates, inners) = ops.scan(step, start, inputs)
        former = before(hs, start)

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            transposed = ops.transpose(kernel)

            def back(dh, stored):
                dy, gates, candidate, inner, h = stored  # h: before the step
                update, reset = ops.split(gates, 2, axis=-1)
                dh = dh + dy
                d_candidate = dh * (1 - update) * (1 - ops.square(candidate))
                d_gates = ops.concatenate([dh * (h - candidate), d_candidate * inner], axis=-1)
                d_gates = d_gates * gates * (1 - gates)
                d_inner = ops.concatenate([d_gates, d_candidate * reset], axis=-1)
                return dh * update + ops.matmul(d_inner, transposed), (d_gates, d_candidate)

            stored = (upstream, gates, candidates, inners, former)
            d_start, (d_gates, d_candidates) = ops.scan(
                back, ops.zeros_like(start), stored, reverse=True
            )
            resets = gates[..., width:]
            d_inputs = ops.concatenate([d_gates, d_candidates], axis=-1)
            d_inners = ops.concatenate([d_gates, d_candidates * resets], axis=-1)
            # Without a reshape a batch that lies on several devices is not moved.
            d_kernel = ops.tensordot(former, d_inners, [[0, 1], [0, 1]])
            return d_inputs, d_start, d_kernel, ops.sum(d_inners, axis=(0, 1))

        return hs, gradient

    return run(inputs, start, ops.convert_to_tensor(kernel), ops.convert_to_tensor(bias))
