"""WGAN-GP: a critic learns how far generated music is from real music, a generator to come closer.

    critic     mean s(fake) - mean s(real) + lambda * mean (|gradient of s at x^| - 1)^2
    generator  - mean s(fake)

where x^ lies at random between a real and a fake example. Several critic steps and the generator's
are one compiled call. Random vectors and mixing shares are drawn outside, by seed and step alone,
so that a resumed training draws what it would have drawn.

Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville: "Improved Training of Wasserstein GANs", 2017.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen.training import checkpoints
from musegen.training.autodiff import compiled, constant, gradients, input_gradient, repeat
from musegen.training.checkpoints import Variables

if TYPE_CHECKING:
    import keras

AXES = {"phrase": (1, 2, 3, 4), "bar": (2, 3, 4), "track": (1, 2, 3)}  # that a norm runs over
EPSILON = 1e-8  # below the root of the norm
# Number of critic steps in a warm-up, of first iterations that have one, and from one later
# iteration with a warm-up to the next.
WARMUP_STEPS, WARMUP_ITERATIONS, WARMUP_EVERY = 100, 25, 500


@dataclass(frozen=True)
class WGANSettings:
    """How generator and critic are trained against each other.

    Args:
        unit: part of the music that has a score of its own, a name of `AXES`: a whole phrase, each
            bar of it, or each track; the losses of tracks are added up.
        tracks: numbers of the tracks that are scored, where each is a unit.
        penalty: weight of the gradient penalty.
        critic_steps: number of critic steps for each step of the generator.
        same_batch: whether all steps of an iteration use the same music and random vectors.
        given: number of the track that the generator receives, or None.
        critic_warmup: whether the critic has `WARMUP_STEPS` steps in the first iterations and now
            and then, as the original code of MuseGAN does it.
    """

    unit: str = "phrase"
    tracks: tuple[int, ...] = ()
    penalty: float = 10.0
    critic_steps: int = 5
    same_batch: bool = False
    given: int | None = None
    critic_warmup: bool = False

    def __post_init__(self):
        if self.unit == "track" and not self.tracks:
            raise ValueError("tracks as units need the numbers of those that are scored")

    @property
    def batches(self) -> int:
        """Number of batches in an iteration: one a critic step, and one for the given track."""
        return 1 if self.same_batch else self.critic_steps + (self.given is not None)

    def rounds(self, iteration: int) -> int:
        """Returns how many times an iteration does the critic's steps; the first is number 0."""
        long = iteration < WARMUP_ITERATIONS or iteration % WARMUP_EVERY == 0
        return WARMUP_STEPS // self.critic_steps if self.critic_warmup and long else 1


@contextmanager
def in_float32(network: "keras.Model") -> Iterator[None]:
    """Lets a network compute in float32, whatever its precision, while the block lasts.

    A gradient by so many cells as music has is near 0 in each of them, and 0 in float16.
    """
    policies = [(layer, layer.dtype_policy) for layer in _layers(network)]
    try:
        for layer, _ in policies:
            layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy


def _layers(network: "keras.Model") -> "Iterator[keras.Layer]":
    """Yields a network, its layers, and theirs."""
    yield network
    for layer in getattr(network, "layers", ()):
        yield from _layers(layer)


class WGANGP:
    """A generator and a critic in training.

    Args:
        generator: network from a dictionary of random vectors, and `given`, to phrases in (-1, 1).
        critic: network from phrases to scores.
        latents: shape of each random vector of one phrase, by name.
        optimizers: optimizer of the generator, and that of the critic.
        z_std: standard deviation of the random vectors.
        jit: whether XLA compiles the steps.

    Example:
        >>> training = WGANGP(generator, critic, {"z": (64,)}, (Adam(1e-3), Adam(1e-3)))
        >>> training.step(phrases)["critic_loss"]  # bool (5, B, 4, 96, 84, 5)
    """

    def __init__(
        self,
        generator: "keras.Model",
        critic: "keras.Model",
        latents: Mapping[str, tuple[int, ...]],
        optimizers: "tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]",
        settings: WGANSettings = WGANSettings(),
        z_std: float = 0.1,
        seed: int = 0,
        jit: bool = True,
    ):
        self.generator, self.critic, self.settings = generator, critic, settings
        self.latents, self.z_std, self.seed = dict(latents), z_std, seed
        self.generator_optimizer, self.critic_optimizer = optimizers
        self.generator_optimizer.build(generator.trainable_variables)
        self.critic_optimizer.build(critic.trainable_variables)
        self.iterations = 0
        self._critic_steps = compiled(self._learn_critic, self.variables, jit)
        self._iteration = compiled(self._learn_both, self.variables, jit)

    @property
    def named(self) -> Variables:
        """All that a checkpoint must hold, besides `iterations`, under the checkpoint's names."""
        parts = ("generator", "critic", "generator_optimizer", "critic_optimizer")
        return checkpoints.named(**{part: getattr(self, part).variables for part in parts})

    @property
    def variables(self) -> "list[keras.Variable]":
        """All variables that a step reads or assigns to."""
        return list(self.named.values())

    def step(self, music: np.ndarray) -> dict[str, float]:
        """Does one iteration: critic steps, then one of the generator.

        Args:
            music: bool phrases `(batches of an iteration, B, bars, steps, 84, tracks)`.

        Returns:
            The losses of the last steps: `critic_loss`, `penalty`, which is part of it, and
            `generator_loss`.
        """
        if len(music) != self.settings.batches:
            raise ValueError(f"{len(music)} batches of music, not {self.settings.batches}")
        n, rng = self.settings.critic_steps, np.random.default_rng((self.seed, self.iterations))
        z = self._draw(rng, 1 if self.settings.same_batch else n + 1, music.shape[1])
        for _ in range(self.settings.rounds(self.iterations) - 1):
            self._critic_steps(music, z, self._shares(rng, music))
        losses = self._iteration(music, z, self._shares(rng, music))
        self.iterations += 1
        return {name: float(value) for name, value in losses.items()}

    def _draw(self, rng: np.random.Generator, n: int, batch: int) -> dict[str, np.ndarray]:
        std = np.float32(self.z_std)
        return {
            name: rng.standard_normal((n, batch, *shape), np.float32) * std
            for name, shape in self.latents.items()
        }

    def _shares(self, rng: np.random.Generator, music: np.ndarray) -> np.ndarray:
        """Draws where between real and fake each example of each critic step lies."""
        sizes = [
            1 if axis + 1 in AXES[self.settings.unit] else n
            for axis, n in enumerate(music.shape[2:])
        ]
        return rng.random((self.settings.critic_steps, music.shape[1], *sizes), np.float32)

    # What is compiled.

    def _learn_both(self, music, z: dict, shares) -> dict[str, Any]:
        losses = self._learn_critic(music, z, shares)
        last = {name: vectors[-1] for name, vectors in z.items()}
        return losses | self._learn_generator(last, self._real(music[-1]))

    def _learn_critic(self, music, z: dict, shares) -> dict[str, Any]:
        from keras import ops

        def learn(k, _):
            i = 0 if self.settings.same_batch else k
            vectors = {name: steps[i] for name, steps in z.items()}
            return self._learn_critic_once(self._real(music[i]), vectors, shares[k])

        start = {name: ops.zeros(()) for name in ("critic_loss", "penalty")}
        return repeat(self.settings.critic_steps, learn, start, self.variables)

    def _learn_critic_once(self, real, z: dict, share) -> dict[str, Any]:
        from keras import ops

        fake = constant(self._generate, z, real)
        between = real + share * (fake - real)

        def loss():
            n = real.shape[0]
            scores = ops.cast(self.critic(ops.concatenate([fake, real]), training=True), "float32")
            penalty = self.settings.penalty * self._mean(ops.square(self._slope(between) - 1))
            value = self._mean(scores[:n]) - self._mean(scores[n:]) + penalty
            return self.critic_optimizer.scale_loss(value), {
                "critic_loss": value,
                "penalty": penalty,
            }

        wanted = self.critic.trainable_variables
        (_, losses), found = gradients(loss, wanted, self.variables)
        self.critic_optimizer.apply(found, wanted)
        return losses

    def _learn_generator(self, z: dict, real) -> dict[str, Any]:
        from keras import ops

        def loss():
            scores = self.critic(self._generate(z, real), training=True)
            value = -self._mean(ops.cast(scores, "float32"))
            return self.generator_optimizer.scale_loss(value), {"generator_loss": value}

        wanted = self.generator.trainable_variables
        (_, losses), found = gradients(loss, wanted, self.variables)
        self.generator_optimizer.apply(found, wanted)
        return losses

    def _generate(self, z: dict, real):
        k = self.settings.given
        inputs = z if k is None else {**z, "given": real[..., k : k + 1]}
        return self.generator(inputs, training=True)

    def _slope(self, x):
        """Returns the norm of the critic's gradient by each scored part, computed in float32."""
        from keras import ops

        with in_float32(self.critic):
            gradient = input_gradient(lambda x: self.critic(x, training=True), x)
        norms = ops.sqrt(EPSILON + ops.sum(ops.square(gradient), axis=AXES[self.settings.unit]))
        if self.settings.unit == "track":
            return ops.take(norms, self.settings.tracks, axis=1)
        return norms

    def _mean(self, values):
        """Returns the mean over a batch; of tracks, the sum of their means."""
        from keras import ops

        if self.settings.unit == "track":
            return ops.sum(ops.mean(values, axis=0))
        return ops.mean(values)

    def _real(self, music):
        """Turns cells into what the critic reads, -1 and 1."""
        from keras import ops

        return 2 * ops.cast(music, "float32") - 1
