"""Sampling of the latent vector of a variational autoencoder."""

import keras
from keras import layers, ops

from musegen.models.layers.state import State
from musegen.saving import NoStockForm


@keras.saving.register_keras_serializable("musegen")
class Sampling(layers.Layer):
    """Draws z from a mean and s, and adds the KL divergence from a unit Gaussian as a loss.

    It draws noise in prediction as in training, and computes in float32 under every precision.

    Args:
        noise: standard deviation of the noise.
        noise_scale: `"exp"` to multiply the noise by exp(s / 2), `"raw"` to multiply it by s.
        kl_reduction: `"mean"` or `"sum"` of the KL divergence over the latent numbers, and the mean
            over the batch; or `"batch_sum"`, the sum over both.
        kl_weight: weight of the KL divergence in the loss, at first; `present_kl_weight` holds it.
        seed: seed of the noise.
    """

    def __init__(
        self,
        noise: float = 0.01,
        noise_scale: str = "exp",
        kl_reduction: str = "mean",
        kl_weight: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.noise, self.noise_scale = noise, noise_scale
        self.kl_reduction, self.kl_weight = kl_reduction, kl_weight
        self.seed = seed
        self.random = keras.random.SeedGenerator(seed)
        self.present_kl_weight = State(kl_weight)

    def call(self, inputs):
        mean, s = inputs
        kl = divergence(mean, s)  # (B, L)
        if self.kl_reduction == "sum":
            kl = ops.sum(kl, axis=-1)
        kl = ops.sum(kl) if self.kl_reduction == "batch_sum" else ops.mean(kl)
        self.add_loss(self.present_kl_weight.value * kl)
        e = keras.random.normal(ops.shape(mean), stddev=self.noise, seed=self.random)
        return sample(mean, s, e, self.noise_scale)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def stock(self, expand: bool) -> layers.Layer:
        raise NoStockForm(f"{self.name} draws noise")

    @classmethod
    def from_config(cls, config):
        if "spread" in config:  # the name of `noise_scale` in files of version 0.1
            config = {**config, "noise_scale": config["spread"]}
            del config["spread"]
        return super().from_config(config)

    def get_config(self):
        names = ("noise", "noise_scale", "kl_reduction", "kl_weight", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


def divergence(mean, log_variance):
    """Computes, for each latent number, the KL divergence of its Gaussian from the unit Gaussian.

    It is (m^2 + v - ln v - 1) / 2 with mean m and variance v, in nats.
    """
    return -0.5 * (1 + log_variance - ops.square(mean) - ops.exp(log_variance))


def sample(mean, s, e, noise_scale: str):
    """Computes z from the mean, the second output `s` of an encoder, and noise `e`."""
    return mean + (ops.exp(s / 2) if noise_scale == "exp" else s) * e
