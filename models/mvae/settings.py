"""The settings of the melody VAE and of what it is compared with, without Keras.

Citation and original code: see `musegen.models.mvae.mvae`.
"""

import math
from dataclasses import dataclass, replace

ATTRIBUTES = ("dT", "T", "P")  # in this order everywhere
N_NOTES = 100  # notes of a segment


@dataclass(frozen=True)
class MVAESettings:
    """The settings of one network.

    Args:
        width: H, the number of units of every GRU, and the size of embeddings and of z.
        sizes: sizes of the dictionaries of the three attributes, with index 0.
        latent: kind of z: `"gaussian"`, drawn from a mean and a variance; `"plain"`, computed
            without noise; `"none"`, where there is no z and no encoder.
        unrolling: whether the decoder has note unrolling.
        own_cells: whether note unrolling updates the state of an attribute with the GRU of that
            attribute, and not always with the GRU of the duration, as the original code does.
        noise: standard deviation of the noise from which z is drawn.
        kl_reduction: `"sum"` of the KL divergence over the latent numbers, and the mean over the
            batch; or `"batch_sum"`, the sum over both.
        kl_end: weight of the KL term at the end of training.
        kl_midpoint: epoch, counted from 1, in which the weight is half of that.
        zero_written: whether index 0 may be chosen when notes are written.
    """

    width: int = 512
    sizes: tuple[int, int, int] = (96, 180, 94)
    latent: str = "gaussian"
    unrolling: bool = True
    own_cells: bool = True
    noise: float = 1.0
    kl_reduction: str = "sum"
    kl_end: float = 1.0
    kl_midpoint: float = 10.0
    zero_written: bool = False


# The sizes are those of Nottingham, JSB Chorales and Piano-midi.de together.
PAPER = MVAESettings()
PRESETS = {
    "paper": PAPER,
    "repo": MVAESettings(
        width=256,
        sizes=(37, 78, 92),
        own_cells=False,
        kl_reduction="batch_sum",
        kl_end=0.01,
        zero_written=True,
    ),
}
# The systems, and what each has unlike the preset. `bachprop` is its network as the paper has it.
VARIANTS = {
    "mvae": {},
    "mvae-flat": {"unrolling": False},
    "mvae-autoencoder": {"latent": "plain"},
    "bachprop": {"latent": "none"},
}


def settings_of(name: str, preset: str) -> MVAESettings:
    """Returns the settings of a system, one of `VARIANTS`, in a preset."""
    return replace(PRESETS[preset], **VARIANTS[name])


def kl_weight(settings: MVAESettings, epoch: float) -> float:
    """Returns the weight of the KL term in an epoch, counted from 1: a logistic curve."""
    return settings.kl_end / (1 + math.exp(-0.9 * (epoch - settings.kl_midpoint)))
