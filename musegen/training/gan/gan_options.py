"""The options of a script that trains a generative adversarial network.

Such a training counts steps of the generator, not epochs, and does not validate.
"""

from argparse import SUPPRESS
from dataclasses import dataclass

from musegen import Error
from musegen.training.options import KEEP, PhraseOptions, option


@dataclass(frozen=True)
class GANOptions(PhraseOptions):
    """The options that every adversarial training has."""

    steps: int | None = option(
        None, "steps of the generator (default: by preset, fewer on the demo)", metavar="N", least=1
    )
    every: int | None = option(
        None, "steps from one report of losses and metrics to the next (default: by preset, fewer "
        "on the demo)", metavar="N", least=1,
    )  # fmt: skip
    epochs: int | None = option(None, SUPPRESS)  # refused with a word on --steps
    patience: int | None = option(None, SUPPRESS)
    keep: str = option(
        "last", "weights to end with: those of the last step, or of the report whose metrics were "
        "nearest to the data's", choices=KEEP,
    )  # fmt: skip

    def __post_init__(self):
        super().__post_init__()
        if self.epochs is not None:
            raise Error("--epochs: this training counts --steps of the generator")
        if self.patience is not None:
            raise Error("--patience: this training does not validate; give it --steps")
