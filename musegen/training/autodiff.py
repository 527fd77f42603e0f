"""Gradients, loops and compilation on each of Keras's backends, for training steps written by hand.

A step that uses these functions is plain Keras: it assigns to variables and applies optimizers in
the same way on TensorFlow, JAX and PyTorch. JAX has no assignment; there `compiled` and `gradients`
run in a scope that keeps the values of variables, and pass them in and out.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

Variables = Sequence[Any]  # of Keras variables


def input_gradient(function: Callable, x: Any) -> Any:
    """Returns the gradient of the sum of `function(x)`, which is itself differentiable."""
    import keras

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)
    if backend == "jax":
        import jax

        return jax.grad(lambda x: function(x).sum())(x)
    import torch

    x = x.detach().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x, create_graph=True)[0]


def gradients(function: Callable[[], Any], wanted: Variables, state: Variables) -> tuple:
    """Returns the value of `function()` and its gradients by some variables, zero where none.

    Args:
        function: function that returns a scalar, and other values in a dictionary.
        wanted: variables to differentiate by.
        state: all variables that the function reads or assigns to, the wanted ones too.

    Returns:
        A tuple `(value, others), gradients`.
    """
    import keras

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value, others = function()
        by = [variable.value for variable in wanted]
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(value, by, unconnected_gradients=zero)
        # A graph without XLA may else assign to one variable before another's gradient is known.
        with tf.control_dependencies(found):
            return (value, others), [tf.identity(gradient) for gradient in found]
    if backend == "jax":
        import jax

        def pure(values):
            kept = [(variable, variable.value) for variable in state]
            moved = zip(wanted, values, strict=True)
            with keras.StatelessScope(state_mapping=[*kept, *moved]) as scope:
                value, others = function()
            return value, (others, [scope.get_current_value(variable) for variable in state])

        assigned = {id(variable) for variable in wanted}
        start = [variable.value for variable in wanted]
        (value, (others, after)), found = jax.value_and_grad(pure, has_aux=True)(start)
        for variable, new in zip(state, after, strict=True):
            if id(variable) not in assigned:
                variable.assign(new)
        return (value, others), found
    import torch

    value, others = function()
    by = [variable.value for variable in wanted]
    found = torch.autograd.grad(value, by, allow_unused=True)
    found = [torch.zeros_like(v) if g is None else g for v, g in zip(by, found, strict=True)]
    value, others = keras.tree.map_structure(torch.Tensor.detach, (value, others))
    return (value, others), found


def constant(function: Callable, *args) -> Any:
    """Returns `function(*args)`; no gradient flows back through it."""
    import keras

    if keras.config.backend() == "torch":
        import torch

        with torch.no_grad():  # else it keeps all that a gradient would need
            return function(*args)
    return keras.ops.stop_gradient(function(*args))


def repeat(n: int, body: Callable, carry: Any, state: Variables) -> Any:
    """Computes `carry = body(k, carry)` for k from 0 to n - 1, compiled once and not n times.

    Args:
        carry: tensors that each turn passes to the next; the last ones are returned.
        state: all variables that the body reads or assigns to.
    """
    import keras

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        def turn(k, carry):
            return k + 1, body(k, carry)

        return tf.while_loop(lambda k, _: k < n, turn, (0, carry), maximum_iterations=n)[1]
    if backend == "jax":
        import jax

        def turn(k, before):
            values, carry = before
            pairs = list(zip(state, values, strict=True))
            with keras.StatelessScope(state_mapping=pairs) as scope:
                carry = body(k, carry)
            return [scope.get_current_value(variable) for variable in state], carry

        start = [variable.value for variable in state]
        values, carry = jax.lax.fori_loop(0, n, turn, (start, carry))
        for variable, value in zip(state, values, strict=True):
            variable.assign(value)
        return carry
    for k in range(n):
        carry = body(k, carry)
    return carry


def compiled(function: Callable, state: Variables, jit: bool = True) -> Callable:
    """Compiles a function of arrays that reads and assigns to the variables `state`.

    Args:
        jit: whether XLA compiles; without it TensorFlow makes a graph all the same. PyTorch never
            compiles.
    """
    import keras

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=jit, autograph=False)
    if backend == "jax":
        import jax

        def pure(values, *args):
            pairs = list(zip(state, values, strict=True))
            args = jax.tree.map(jax.numpy.asarray, args)
            with keras.StatelessScope(state_mapping=pairs) as scope:
                result = function(*args)
            return result, [scope.get_current_value(variable) for variable in state]

        step = jax.jit(pure, donate_argnums=0) if jit else pure

        @wraps(function)
        def run(*args):
            result, after = step([variable.value for variable in state], *args)
            for variable, new in zip(state, after, strict=True):
                variable.assign(new)
            return result

        return run

    @wraps(function)
    def run_eagerly(*args):
        return function(*keras.tree.map_structure(keras.ops.convert_to_tensor, args))

    return run_eagerly
