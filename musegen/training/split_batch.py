"""Training on the two parts of a batch in two threads, where JAX would leave a core idle.

JAX runs the steps of a recurrent network one after the other, and the product of small matrices in
a step is too little work to share: on a CPU one core does nearly all of it. Here two threads
compute the gradients of half a batch each, and a third function, in no time, applies their mean.
Losses, metrics and gradients are those of the whole batch; only the noise of random layers is drawn
in another order.

On two nearly free cores of an EPYC a step of the BVAE on bars of 48 steps took 24.9 ms in this way,
and 36.2 ms in Keras's own. Where other programs kept both cores busy the two took equally long, but
on bars of 96 steps two threads were still 1.46 times faster.

A model's `compute_loss_and_updates`, which this builds on, is no documented method of Keras. With a
version of Keras that is not in `KERAS`, Keras trains in its own way.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from musegen.training.checkpoints import random_state

if TYPE_CHECKING:
    import keras

KERAS = ("3.13", "3.14", "3.15")  # releases with which the tests of this file have passed

# Added to the random generators, so that the noise of the second part is not that of the first.
SAME_SEED, OTHER_SEED = np.uint32(0), np.uint32(0x9E3779B9)


class Part(NamedTuple):
    """The results of one part of a batch; no gradient moves the variables `fixed`."""

    gradient: list
    loss: Any
    outputs: Any
    fixed: list


def split_batches(model: "keras.Model") -> bool:
    """Lets `fit` train a compiled model in two threads if that helps; returns whether it does."""
    if not useful(model):
        return False

    def make_train_function(force: bool = False) -> None:
        if force or model.train_function is None:
            model.train_function = train_function(model)

    model.make_train_function = make_train_function
    model.train_function = None
    return True


def useful(model: "keras.Model") -> bool:
    """Returns whether JAX runs on a CPU of several cores, and the network is recurrent.

    Batch normalization, which looks at all of a batch, rules it out, and so does a KL term that is
    summed over the batch.
    """
    import keras

    if keras.config.backend() != "jax" or (os.cpu_count() or 1) < 2 or not model.jit_compile:
        return False
    if keras.__version__.rpartition(".")[0] not in KERAS:
        return False
    import jax

    kinds = {type(layer) for layer in layers(model)}
    recurrent = any(issubclass(kind, keras.layers.RNN) for kind in kinds)
    whole = any(issubclass(kind, keras.layers.BatchNormalization) for kind in kinds) or any(
        getattr(layer, "kl_reduction", None) == "batch_sum" for layer in layers(model)
    )
    return jax.default_backend() == "cpu" and recurrent and not whole


def layers(model: "keras.Model") -> Iterator["keras.layers.Layer"]:
    """Yields the layers of a model and of the models in it."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from layers(layer)


def train_function(model: "keras.Model") -> Callable[[tuple, Iterator], tuple]:
    """Returns what `fit` calls with its state and an iterator over batches `(inputs, targets)`."""
    import jax
    from keras import tree

    learn, apply = jax.jit(learner(model)), jax.jit(applier(model), donate_argnums=(0, 1, 2))
    pool = ThreadPoolExecutor(1, thread_name_prefix="second-part")
    traced = set()

    def train(state: tuple, batches: Iterator) -> tuple:
        trainable, _, optimizer, metrics = state
        batch = tree.map_structure(np.asarray, next(batches))  # its rows are then no copies
        n = len(tree.flatten(batch)[0])

        def learn_part(rows: slice, seed: np.uint32) -> Part:
            x, y = tree.map_structure(lambda array: array[rows], batch)
            return jax.block_until_ready(learn(state, seed, x, y))

        second = pool.submit(learn_part, slice(n // 2, n), OTHER_SEED if n > 1 else SAME_SEED)
        if n not in traced:  # of two threads that trace a model each reads the other's losses
            second.result()
            traced.add(n)
        parts = [learn_part(slice(n // 2), SAME_SEED)] if n > 1 else []
        parts.append(second.result())
        logs, trainable, optimizer, metrics = apply(trainable, optimizer, metrics, *batch, parts)
        return logs, (trainable, parts[0].fixed, optimizer, metrics)

    return train


def learner(model: "keras.Model") -> Callable[..., Part]:
    """Returns a pure function that computes the gradient, loss and outputs of some rows."""
    import jax

    drawn = {id(variable) for variable in random_state(model)}
    drawn = [id(variable) in drawn for variable in model.non_trainable_variables]

    def learn(state: tuple, seed: np.uint32, x: Any, y: Any) -> Part:
        weights, fixed, optimizer, metrics = state
        fixed = [
            value + seed if is_drawn else value
            for value, is_drawn in zip(fixed, drawn, strict=True)
        ]

        def loss(weights):
            return model.compute_loss_and_updates(
                weights, fixed, metrics, x, y, None, training=True, optimizer_variables=optimizer
            )

        (_, found), gradient = jax.value_and_grad(loss, has_aux=True)(weights)
        unscaled, outputs, fixed, _ = found  # unscaled: an optimizer may scale what it minimizes
        return Part(gradient, unscaled, outputs, fixed)

    return learn


def applier(model: "keras.Model") -> Callable[..., tuple]:
    """Returns a pure function that updates weights, optimizer and metrics by both parts."""
    import keras
    from keras import ops, tree

    def apply(
        trainable: list, optimizer: list, metrics: list, x: Any, y: Any, parts: list[Part]
    ) -> tuple:
        sizes = [len(tree.flatten(part.outputs)[0]) for part in parts]
        n = sum(sizes)

        def mean(*values):
            return sum(size / n * value for size, value in zip(sizes, values, strict=True))

        gradient = tree.map_structure(mean, *(part.gradient for part in parts))
        outputs = tree.map_structure(
            lambda *rows: ops.concatenate(rows), *(part.outputs for part in parts)
        )
        trainable, optimizer = model.optimizer.stateless_apply(optimizer, gradient, trainable)
        pairs = zip(model.metrics_variables, metrics, strict=True)
        with keras.StatelessScope(state_mapping=list(pairs)) as scope:
            tracker = model.metrics[0]  # of the loss
            tracker.update_state(mean(*(part.loss for part in parts)), sample_weight=n)
            logs = model.compute_metrics(x, y, outputs, None)
        metrics = [scope.get_current_value(variable) for variable in model.metrics_variables]
        return logs, trainable, optimizer, metrics

    return apply
