"""Training on both halves of a batch at once, where JAX would leave cores idle.

JAX runs the steps of a recurrent network one after the other, and a step's product of small
matrices is too little work to share: on a CPU a single core does nearly all of it. Here two threads
compute the gradients of half a batch each, and a third function, in no time, applies their mean.
The losses, metrics and gradients are those of the whole batch; only the noise of random layers is
drawn in another order.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from musegen.training.checkpoints import random_state

if TYPE_CHECKING:
    import keras

# Added to the random generators, so that the second half's noise is not the first's.
SAME_SEED, OTHER_SEED = np.uint32(0), np.uint32(0x9E3779B9)


class Half(NamedTuple):
    """What one half of a batch gives; `fixed` are the variables that no gradient moves."""

    gradient: list
    loss: Any
    outputs: Any
    fixed: list


def learn_in_halves(model: "keras.Model") -> bool:
    """Lets `fit` train a compiled model so, if that is of use; says whether it is."""
    if not useful(model):
        return False

    def make_train_function(force: bool = False) -> None:
        if force or model.train_function is None:
            model.train_function = train_function(model)

    model.make_train_function = make_train_function
    model.train_function = None
    return True


def useful(model: "keras.Model") -> bool:
    """Whether JAX runs on a CPU of several cores, and the network is recurrent.

    Batch normalization, which looks at all of a batch, rules it out.
    """
    import keras

    if keras.config.backend() != "jax" or (os.cpu_count() or 1) < 2 or not model.jit_compile:
        return False
    import jax

    kinds = {type(layer) for layer in layers(model)}
    recurrent = any(issubclass(kind, keras.layers.RNN) for kind in kinds)
    normalized = any(issubclass(kind, keras.layers.BatchNormalization) for kind in kinds)
    return jax.default_backend() == "cpu" and recurrent and not normalized


def layers(model: "keras.Model") -> Iterator["keras.layers.Layer"]:
    """The layers of a model and of the models in it."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from layers(layer)


def train_function(model: "keras.Model") -> Callable[[tuple, Iterator], tuple]:
    """What `fit` calls with its state and an iterator over batches `(inputs, targets)`."""
    import jax
    from keras import tree

    learn, apply = jax.jit(learner(model)), jax.jit(applier(model), donate_argnums=(0, 1, 2))
    pool = ThreadPoolExecutor(1, thread_name_prefix="second-half")
    traced = set()

    def train(state: tuple, batches: Iterator) -> tuple:
        trainable, _, moments, metrics = state
        batch = tree.map_structure(np.asarray, next(batches))  # its rows are then no copies
        n = len(tree.flatten(batch)[0])

        def half(rows: slice, seed: np.uint32) -> Half:
            x, y = tree.map_structure(lambda array: array[rows], batch)
            return jax.block_until_ready(learn(state, seed, x, y))

        second = pool.submit(half, slice(n // 2, n), OTHER_SEED if n > 1 else SAME_SEED)
        if n not in traced:  # of two threads that trace a model each reads the other's losses
            second.result()
            traced.add(n)
        halves = [half(slice(n // 2), SAME_SEED)] if n > 1 else []
        halves.append(second.result())
        logs, trainable, moments, metrics = apply(trainable, moments, metrics, *batch, halves)
        return logs, (trainable, halves[0].fixed, moments, metrics)

    return train


def learner(model: "keras.Model") -> Callable[..., Half]:
    """A pure function: the gradient, loss and outputs of some rows."""
    import jax

    drawn = {id(variable) for variable in random_state(model)}
    drawn = [id(variable) in drawn for variable in model.non_trainable_variables]

    def learn(state: tuple, seed: np.uint32, x: Any, y: Any) -> Half:
        weights, fixed, moments, metrics = state
        fixed = [value + seed if own else value for value, own in zip(fixed, drawn, strict=True)]

        def loss(weights):
            return model.compute_loss_and_updates(
                weights, fixed, metrics, x, y, None, training=True, optimizer_variables=moments
            )

        (_, (own, outputs, changed, _)), gradient = jax.value_and_grad(loss, has_aux=True)(weights)
        return Half(gradient, own, outputs, changed)

    return learn


def applier(model: "keras.Model") -> Callable[..., tuple]:
    """A pure function: updates weights, optimizer and metrics by what the halves found."""
    import keras
    from keras import ops, tree

    def apply(trainable: list, moments: list, metrics: list, x: Any, y: Any, halves: list[Half]):
        sizes = [len(tree.flatten(half.outputs)[0]) for half in halves]
        n = sum(sizes)

        def mean(*values):
            return sum(size / n * value for size, value in zip(sizes, values, strict=True))

        gradient = tree.map_structure(mean, *(half.gradient for half in halves))
        outputs = tree.map_structure(
            lambda *parts: ops.concatenate(parts), *(half.outputs for half in halves)
        )
        trainable, moments = model.optimizer.stateless_apply(moments, gradient, trainable)
        pairs = zip(model.metrics_variables, metrics, strict=True)
        with keras.StatelessScope(state_mapping=list(pairs)) as scope:
            tracker = model.metrics[0]  # of the loss
            tracker.update_state(mean(*(half.loss for half in halves)), sample_weight=n)
            logs = model.compute_metrics(x, y, outputs, None)
        metrics = [scope.get_current_value(variable) for variable in model.metrics_variables]
        return logs, trainable, moments, metrics

    return apply
