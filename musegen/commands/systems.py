"""How the commands talk to a system of any kind: they open it, and ask it for what it can do.

A system's methods say by their parameters which options there are. One that is asked for and is not
there is a mistake of the user's, not passed over.
"""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import Error, registry
from musegen.environment import import_keras

if TYPE_CHECKING:
    import numpy as np


def open_system(what: str | Path, *methods: str) -> Any:
    """Loads a trained system that has all of these methods."""
    import_keras()
    system = registry.load(what)
    for method in methods:
        if not hasattr(system, method):
            raise Error(f"{what}: cannot {method}; a system that can is needed")
    return system


def ask(system: Any, method: str, *inputs, **options) -> Any:
    """Calls a method with options; it must have them all."""
    bound = getattr(system, method)
    for name, value in options.items():
        if name not in inspect.signature(bound).parameters:
            flag = f"--{'no-' * (value is False)}{name.replace('_', '-')}"
            raise Error(f"{flag}: this system has no such choice when it is to {method}")
    return bound(*inputs, **options)


def generate(system: Any, n: int, **options) -> "tuple[np.ndarray, str]":
    """`n` new phrases, and how they were drawn."""
    drawn = f"seed {options['seed']}"
    if "z_std" in inspect.signature(system.generate).parameters:
        if "z_std" not in options and getattr(system, "latents", None):
            options["z_std"] = "fit"
        drawn += f", z-std {options.get('z_std', 'of the preset')}"
    return ask(system, "generate", n, **options), drawn
