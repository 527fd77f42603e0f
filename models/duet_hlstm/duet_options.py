"""The flags of DuetHLSTM's training, and the recipes with their default values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from musegen import Error
from musegen.models.duet_hlstm.settings import (
    DECODES,
    FEEDBACKS,
    HEADS,
    PRESETS,
    WIRINGS,
    WITH_THRESHOLD,
    DuetSettings,
    changed,
)
from musegen.training.options import PhraseOptions, option
from musegen.training.recipes import OptimizerOptions, completed

SETTINGS = ("tracks", "wiring", "head", "decode", "threshold", "carry", "feedback", "window")
ON = {"yes": True, "no": False}


@dataclass(frozen=True, kw_only=True)
class DuetRecipe:
    """How a network is trained where no flag says otherwise.

    Args:
        epochs: number of epochs.
        batch_size: number of windows in a batch.
        val_split: share of the data to validate with.
        optimizer: name of the optimizer, Adam of Keras or Muon.
        learning_rate: its learning rate.
        decay: name of the schedule by which the learning rate falls; see
            `musegen.training.optimizers.falling`.
    """

    epochs: int = 50
    batch_size: int = 1000
    val_split: float = 0.0
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    decay: str = "none"


QUICK = DuetRecipe(
    epochs=8, batch_size=250, val_split=0.1, optimizer="muon", learning_rate=0.015, decay="cosine"
)
RECIPES = {"paper": DuetRecipe(), "repo": DuetRecipe(), "quick": QUICK}
DEMO = {"batch_size": 100}  # on the demo band, enough to see it work
SAMPLES = {"paper": 8, "repo": 1000}


@dataclass(frozen=True)
class Training(PhraseOptions, OptimizerOptions):
    """The options of `train/duet_hlstm.py`."""

    tracks: tuple[str, ...] | None = option(
        None, "the tracks to learn, the melody first; one to five of drums, piano, guitar, bass "
        "and strings (default: piano strings)", metavar="T",
    )  # fmt: skip
    wiring: str | None = option(
        None, "tracks that the third track and the next ones depend on: all before them (cascade) "
        "or only the melody (star) (default: cascade)", choices=WIRINGS,
    )  # fmt: skip
    head: str | None = option(
        None, "activation of the output (default: by preset, softmax for paper and sigmoid for "
        "repo)", choices=HEADS,
    )  # fmt: skip
    decode: str | None = option(
        None, "rule by which outputs become notes (default: relative for softmax, round for "
        "sigmoid)", choices=DECODES,
    )  # fmt: skip
    threshold: float | None = option(
        None, "threshold of the rule: with absolute, outputs from it on are notes (networks with "
        "bernoulli are measured so, too); with relative, a track is silent if its largest output "
        "is below it (default: 0.15)", metavar="P",
    )  # fmt: skip
    carry: str | None = option(
        None, "whether the LSTM states go on from step to step while music is generated (default: "
        "by preset, yes for repo)", choices=tuple(ON),
    )  # fmt: skip
    feedback: str | None = option(
        None, "what is read again while music is generated: the decided notes, or the real numbers "
        "of the output (default: by preset)", choices=FEEDBACKS,
    )  # fmt: skip
    val_split: float | None = option(
        None, "share of the data to validate with, where they have no split of their own (default: "
        "0.1 for the recipe quick, otherwise 0: everything is learned)", metavar="S",
    )  # fmt: skip
    window: int | None = option(
        None, "number of steps that the network reads (default: 4)", metavar="N", least=1
    )
    samples: int | None = option(
        None, "number of phrases to generate after each epoch, whose figures go to generated.csv "
        "(default: 8, or 1000 for repo)", metavar="N", least=1,
    )  # fmt: skip
    recipe: str | None = option(
        None, "recipe of the training; quick is ours, for a machine without a GPU (default: the "
        "one of the preset's name, or quick on the demo band)", choices=tuple(RECIPES),
    )  # fmt: skip
    batch_size: int | None = option(
        None, "windows in a batch (default: by recipe)", metavar="N", least=1
    )
    optimizer: str | None = option(None, "optimizer (default: by recipe)", choices=("adam", "muon"))


def with_defaults(options: Training) -> Training:
    """Completes the options with the values of the recipe."""
    name = options.recipe or ("quick" if options.data == "demo" else options.preset)
    values: dict[str, Any] = asdict(RECIPES[name]) | {"samples": SAMPLES[options.preset]}
    if options.data == "demo":
        values |= DEMO
    return completed(replace(options, recipe=name), values)


def changes_of(options: Training) -> Mapping[str, Any]:
    """Returns the settings that the options change in the preset."""
    given = {name: getattr(options, name) for name in SETTINGS}
    given = {
        name: ON.get(value, value) if name == "carry" else value for name, value in given.items()
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if "head" in changes:
        changes["decode"] = changed(options.preset, changes).decode
    rule = changed(options.preset, changes).decode
    if "threshold" in changes and rule not in WITH_THRESHOLD:
        choices = ", ".join(WITH_THRESHOLD)
        raise Error(f"--threshold: the rule {rule} has none; choose --decode {choices}")
    preset = PRESETS[options.preset]
    return {name: value for name, value in changes.items() if value != getattr(preset, name)}


def settings_of(options: Training) -> DuetSettings:
    """Returns the settings of a training."""
    return changed(options.preset, changes_of(options))
