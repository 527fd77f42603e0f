"""Opens trained systems and calls their methods for the commands."""

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

# The names of methods in messages, where they differ.
VERBS = {
    "interpolate_seeds": "interpolate",
    "grid": "draw a grid",
    "extend": "continue",
    "parts": "export",
}
# Methods for evaluations and of nearly every system, which messages do not list.
MINOR = ("parts", "evaluate", "measure", "encode")


def open_system(what: str | Path, *verbs: str) -> TrainedSystem:
    """Loads a trained system; one that lacks a method of these names raises an `Error`."""
    for verb in verbs:
        check(what, verb)
    import_keras()
    return registry.load(what)


def check(what: str | Path, verb: str) -> None:
    """Raises an `Error` if a trained system lacks a method; it does not load Keras.

    Args:
        what: name or folder of the system.
        verb: name of the method.
    """
    can = registry.entry(what).can
    if verb not in can:
        abilities = dict.fromkeys(VERBS.get(word, word) for word in can if word not in MINOR)
        able = registry.able(verb)
        others = f"; {', '.join(able)} can" if able else ""
        raise Error(
            f"{what}: cannot {VERBS.get(verb, verb)}, but it can {' and '.join(abilities)}{others}"
        )


def options(system: TrainedSystem, verb: str, args: Namespace) -> dict[str, Any]:
    """Returns the options for a method: those of the user, else those preferred to generate.

    An option of the user that the method does not take raises an `Error`.
    """
    known = system.entry.can[verb]
    chosen = {name: getattr(args, name, None) for name in CHOICES}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    for name in chosen:
        if name not in known:
            doing = VERBS.get(verb, verb)
            raise Error(f"{CHOICES[name].flag}: {system.entry.name} has no such option to {doing}")
    return (system.preferred if verb == "generate" else {}) | chosen


def call(
    system: TrainedSystem, verb: str, args: Namespace, *inputs: Any, packed: bool = False
) -> "tuple[np.ndarray | Packed, str]":
    """Calls a method of a system with the options of the user.

    Args:
        system: trained system.
        verb: name of the method.
        args: options of the command.
        inputs: arguments of the method before the options.
        packed: whether to return packed phrases, if the system can do that.

    Returns:
        The music, and a text such as "seed 0" that says how it was drawn.
    """
    chosen = options(system, verb, args)
    if packed and "packed" in system.entry.can[verb]:
        chosen["packed"] = True
    drawn = f"seed {chosen.get('seed', 0)}"
    if "z_std" in system.entry.can[verb]:
        drawn += f", z-std {chosen.get('z_std', 'of the preset')}"
    return getattr(system, verb)(*inputs, **chosen), drawn
