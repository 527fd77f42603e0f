"""How the commands talk to a system of any kind: they open it, and ask it for what it can do.

A system's methods say by their parameters which options there are. One that is asked for and is not
there is a mistake of the user's, not passed over.
"""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import Error, registry
from musegen.environment import import_keras
from musegen.layout import N_BARS

if TYPE_CHECKING:
    import numpy as np

SAID = {"interpolate_seeds": "interpolate", "grid": "play a grid"}  # methods in words


def open_system(what: str | Path, *methods: str) -> Any:
    """Loads a trained system that has all of these methods."""
    import_keras()
    system = registry.load(what)
    for method in methods:
        check(system, what, method)
    return system


def check(system: Any, what: str | Path, method: str) -> None:
    """Raises an `Error` where a system lacks a method."""
    if not hasattr(system, method):
        raise Error(f"{what}: cannot {SAID.get(method, method)}; a system that can is needed")


def ask(system: Any, method: str, *inputs, **options) -> Any:
    """Calls a method with options; it must have them all."""
    bound = getattr(system, method)
    for name, value in options.items():
        if name not in inspect.signature(bound).parameters:
            flag = f"--{'no-' * (value is False)}{name.replace('_', '-')}"
            doing = SAID.get(method, method)
            raise Error(f"{flag}: this system has no such choice when it is to {doing}")
    if options.get("z_std") == "fit" and not hasattr(system, "latents"):
        raise Error("--z-std fit: this system keeps no measured latents; give a number")
    return bound(*inputs, **options)


def generate(system: Any, n: int, **options) -> "tuple[np.ndarray, str]":
    """`n` new phrases, and how they were drawn."""
    return drawn(system, "generate", n, **options)


def drawn(system: Any, method: str, *inputs, **options) -> "tuple[np.ndarray, str]":
    """Phrases by a method that draws at random, and how they were drawn."""
    told = f"seed {options['seed']}"
    if "z_std" in inspect.signature(getattr(system, method)).parameters:
        if "z_std" not in options and getattr(system, "latents", None):
            options["z_std"] = "fit"
        told += f", z-std {options.get('z_std', 'of the preset')}"
    return ask(system, method, *inputs, **options), told


def n_bars(system: Any) -> int:
    """Bars of a phrase that a system writes."""
    return getattr(getattr(system, "kind", None), "n_bars", N_BARS)


def given(system: Any) -> str | None:
    """The track that a system must be given, if it plays to one."""
    return getattr(getattr(system, "kind", None), "given", None)
