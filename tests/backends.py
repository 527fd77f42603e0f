"""The environment of a process that runs on another backend of Keras."""

import os
from importlib.metadata import version
from importlib.util import find_spec

# With these loop emitters XLA takes twice as long to compile JAX's many small programs.
EMITTERS = "--xla_cpu_use_fusion_emitters=false"
KNOWN_FROM = (0, 10)  # the release of jaxlib in which the flag was tried; a strange one is fatal


def environment(backend: str, **more: str) -> dict[str, str]:
    """Returns the variables of this process with another backend, and `more` of them."""
    found = {**os.environ, "KERAS_BACKEND": backend, **more}
    if backend == "jax" and find_spec("jaxlib"):
        release = tuple(map(int, version("jaxlib").split(".")[:2]))
        if release >= KNOWN_FROM:
            found["XLA_FLAGS"] = f"{found.get('XLA_FLAGS', '')} {EMITTERS}"
    return found
