"""How the commands open a trained system and call what it can do."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import Error, registry
from musegen.commands.choices import CHOICES
from musegen.environment import import_keras
from musegen.system import TrainedSystem

if TYPE_CHECKING:
    import numpy as np

    from musegen.music.phrases import Packed

# What a method is called in words, and on the command line, where that differs.
VERBS = {"interpolate_seeds": "interpolate", "grid": "draw a grid", "extend": "continue"}
MINOR = ("export", "evaluate")  # what nearly every system can do


def open_system(what: str | Path, *verbs: str) -> TrainedSystem:
    """Loads a trained system that can do all of this."""
    for verb in verbs:
        check(what, verb)
    import_keras()
    return registry.load(what)


def check(what: str | Path, verb: str) -> None:
    """Raises an `Error` where a trained system cannot do something, before Keras is loaded."""
    can = registry.entry(what).can
    if verb not in can:
        own = dict.fromkeys(VERBS.get(word, word) for word in can if word not in MINOR)
        able = registry.able(verb)
        others = f"; {', '.join(able)} can" if able else ""
        raise Error(
            f"{what}: cannot {VERBS.get(verb, verb)}, but it can {' and '.join(own)}{others}"
        )


def options(system: TrainedSystem, verb: str, args: Namespace) -> dict[str, Any]:
    """The options that the user has chosen; an `Error` for one that the system does not take."""
    given = {name: getattr(args, name, None) for name in CHOICES}
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in system.entry.can[verb]:
            doing = VERBS.get(verb, verb)
            raise Error(f"{CHOICES[name].flag}: {system.entry.name} has no such option to {doing}")
    preferred = {k: v for k, v in system.preferred.items() if k in system.entry.can[verb]}
    return preferred | given


def call(
    system: TrainedSystem, verb: str, args: Namespace, *inputs: Any, packed: bool = False
) -> "tuple[np.ndarray | Packed, str]":
    """What a system makes with the options that the user has chosen, and how it was drawn.

    Args:
        packed: asks for packed phrases, of a system that can give them.
    """
    chosen = options(system, verb, args)
    if packed and "packed" in system.entry.can[verb]:
        chosen["packed"] = True
    drawn = f"seed {chosen.get('seed', 0)}"
    if "z_std" in system.entry.can[verb]:
        drawn += f", z-std {chosen.get('z_std', 'of the preset')}"
    return getattr(system, verb)(*inputs, **chosen), drawn
