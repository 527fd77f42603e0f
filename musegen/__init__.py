"""musegen: symbolic multi-track music generation on Keras 3."""

from pathlib import Path

__version__ = "0.1.0"

# In a checkout `models/`, `train/`, `eval/` and `pretrained/` stand beside this package; an
# installed musegen holds them inside. Either way they are `musegen.models` and so on.
_root = Path(__file__).resolve().parent.parent
if (_root / "setup.py").exists():
    __path__.append(str(_root))


def __getattr__(name):
    if name == "midi":  # a short way to what most users need
        from musegen.music import midi

        return midi
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Error(Exception):
    """A mistake of the user's: one line that says what is wrong and what to do."""


def load_model(path):
    """A Keras model from its `.keras` file, with all layers of ours registered."""
    from musegen.saving import load_model

    return load_model(path)


def load(what):
    """A trained system or Keras model; see `musegen.registry.load`."""
    from musegen.registry import load

    return load(what)
