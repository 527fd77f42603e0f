"""musegen: symbolic multi-track music generation on Keras 3."""

from pathlib import Path

__version__ = "0.1.0"

# In a checkout `models/`, `train/`, `eval/` and `pretrained/` lie beside this package; in an
# installed musegen they lie inside it. In both cases they are imported as `musegen.models` etc.
_root = Path(__file__).resolve().parent.parent
if (_root / "setup.py").exists():
    __path__.append(str(_root))


def __getattr__(name):
    if name == "midi":  # a short name for the module that most users need
        from musegen.music import midi

        return midi
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Error(Exception):
    """A mistake by the user. Its text is one line that says what is wrong and what to do."""


def load_model(path):
    """Loads a Keras model from its `.keras` file, with all layers of musegen registered."""
    from musegen.saving import load_model

    return load_model(path)


def load(what):
    """Loads a trained system or a Keras model; see `musegen.registry.load`."""
    from musegen.registry import load

    return load(what)
