"""The training of BachProp's own network: window by window, and attribute by attribute.

For each batch of songs the states begin at 0. All windows are learned for dT, one after the other,
then all for T, then all for P, each with an Adam of its own, as in the original code.
"""

from collections.abc import Iterable

import keras
import numpy as np

from musegen.models.bachprop import bachprop
from musegen.models.bachprop.settings import N_NOTES, BachPropSettings
from musegen.models.mvae.settings import ATTRIBUTES
from musegen.training import autodiff
from musegen.training.checkpoints import Variables, named

Batch = dict[str, np.ndarray]


class SongTraining:
    """The three networks of the attributes, which share layers, and their optimizers.

    Args:
        network: the network.
        settings: its settings.
        optimizers: an optimizer for each attribute.
        jit: whether steps are compiled with XLA.
    """

    def __init__(
        self,
        network: keras.Model,
        settings: BachPropSettings,
        optimizers: dict[str, keras.optimizers.Optimizer],
        jit: bool = True,
    ):
        self.network, self.width = network, settings.width
        self.parts = {a: bachprop.part(network, a) for a in ATTRIBUTES}
        self.optimizers = optimizers
        self.learn, self.look = {}, {}
        for a, part in self.parts.items():
            optimizers[a].build(part.trainable_variables)
            state = [*part.variables, *optimizers[a].variables]
            self.learn[a] = autodiff.compiled(self._learner(a), state, jit)
            self.look[a] = autodiff.compiled(self._measured(a), part.variables, jit)

    @property
    def variables(self) -> Variables:
        """All variables of the training, for checkpoints."""
        own = {f"optimizer-{a}": self.optimizers[a].variables for a in ATTRIBUTES}
        return named(model=self.network.variables, **own)

    def epoch(self, batches: Iterable[Batch], validation: Iterable[Batch]) -> dict[str, float]:
        """Learns all batches once; returns losses and accuracies, also those of the validation."""
        row = self._pass(self.learn, batches)
        held_out = self._pass(self.look, validation)
        return row | {f"val_{name}": value for name, value in held_out.items()}

    def _pass(self, steps: dict, batches: Iterable[Batch]) -> dict[str, float]:
        """Applies a step to every window of every batch; returns the means over all notes."""
        sums = {a: np.zeros(3) for a in ATTRIBUTES}
        for batch in batches:
            for a in ATTRIBUTES:
                names = [name for name in self.parts[a].input if name.startswith("state")]
                zero = np.zeros((len(batch["notes"]), self.width), np.float32)
                states = dict.fromkeys(names, zero)
                for start in range(0, batch["notes"].shape[1], N_NOTES):
                    window = {name: x[:, start : start + N_NOTES] for name, x in batch.items()}
                    found, states = steps[a](window, states)
                    sums[a] += [float(value) for value in found]
        if not any(total[2] for total in sums.values()):
            return {}
        nats = {a: total[0] / total[2] for a, total in sums.items()}
        right = {a: total[1] / total[2] for a, total in sums.items()}
        row = {"loss": sum(nats.values()), "accuracy": float(np.mean(list(right.values())))}
        row |= {"rec": row["loss"]} | {f"rec_{a}": value for a, value in nats.items()}
        return row | {f"accuracy_{a}": float(value) for a, value in right.items()}

    def _found(self, a: str, window: Batch, before: dict) -> tuple:
        """Computes the loss of a window, its sums, and the states after it."""
        part = self.parts[a]
        given = {name: x for name, x in window.items() if name in part.input}
        found = part(given | before)
        sums = bachprop.sums(window["notes"], window["next"], found[a], a)
        return bachprop.loss_of(sums, a), sums, {name: found[name] for name in before}

    def _measured(self, a: str):
        def measured(window, before):
            _, sums, after = self._found(a, window, before)
            return sums, after

        return measured

    def _learner(self, a: str):
        part, optimizer = self.parts[a], self.optimizers[a]

        def learner(window, before):
            def function():
                loss, sums, after = self._found(a, window, before)
                return loss, {"sums": sums, "after": after}

            (_, found), moves = autodiff.gradients(
                function, part.trainable_variables, part.variables
            )
            optimizer.apply(moves, part.trainable_variables)
            return found["sums"], found["after"]

        return learner
