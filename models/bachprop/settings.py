"""The settings of BachProp, without Keras.

Citation and original code: see `musegen.models.bachprop.bachprop`.
"""

from dataclasses import dataclass

from musegen.models.mvae import settings as mvae
from musegen.models.mvae.settings import MVAESettings

N_NOTES = 128  # notes of a window
LEVELS = (1, 2, 3, 4)  # of the GRUs, from the lowest
READS = {"dT": (1,), "T": (1, 2), "P": (1, 2, 3, 4)}  # the GRUs of each attribute
SHARES = {"dT": 0.1, "T": 0.3, "P": 0.6}  # factors of the losses


@dataclass(frozen=True)
class BachPropSettings:
    """The settings of BachProp's own network.

    Args:
        width: number of units of every GRU.
        sizes: sizes of the dictionaries of the three attributes, with the tag.
        gates: activation of the gates: `"hard_sigmoid"` as in Keras 2, or `"sigmoid"`, which later
            releases of Keras have in its place.
    """

    width: int = 128
    sizes: tuple[int, int, int] = (96, 181, 88)
    gates: str = "hard_sigmoid"


REPO = BachPropSettings()
PRESETS: dict[str, MVAESettings | BachPropSettings] = {
    "paper": mvae.settings_of("bachprop", "paper"),
    "repo": REPO,
}
