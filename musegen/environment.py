"""What this installation is, the first thing a bug report needs; and a quiet start of Keras."""

import logging
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musegen import Error, __version__, audio

PACKAGES = (
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "torch",
    "keras",
    "numpy",
    "scipy",
    "matplotlib",
    "pypianoroll",
    "pretty_midi",
    "symusic",
    "mido",
)
# Lines of the level "information", what the logger says of itself, and, where no driver of a GPU
# is installed, that there is none.
GREETING = re.compile(rb"WARNING: All log messages before absl|I\d{4} [\d:.]+ +\d+ \w+\.cc:")
NO_GPU = re.compile(rb"E\d{4} [\d:.]+ +\d+ cuda_\w+\.cc:\d+\] failed call to cuInit")
DRIVER = Path("/dev/nvidiactl")


def describe() -> dict:
    """Versions of musegen, Python and the packages it stands on, and the sound font."""
    versions = {name: _version(name) for name in PACKAGES}
    try:
        font = str(audio.sound_font())
    except Error:
        font = None
    return {
        "musegen": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions,
        "fluidsynth": shutil.which("fluidsynth"),
        "soundfont": font,
    }


def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def import_keras() -> None:
    """Imports Keras without TensorFlow's greeting; a backend that cannot be is an `Error`."""
    try:
        with quiet():
            import keras

            if keras.config.backend() == "tensorflow":
                import tensorflow

                tensorflow.config.list_physical_devices("GPU")  # else it looks, and speaks, later
                # Several models that are traced once each it takes for one that is traced often.
                logging.getLogger("tensorflow").addFilter(lambda said: "retracing" not in said.msg)
    except (ImportError, ValueError) as error:
        backend = os.environ.get("KERAS_BACKEND", "of its own choice")
        raise Error(
            f"Keras cannot start with the backend {backend} ({error}); KERAS_BACKEND may be "
            "tensorflow, jax or torch, whichever is installed"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps TensorFlow's greeting away while something imports it.

    TF_CPP_MIN_LOG_LEVEL silences what TensorFlow says once it has begun, but some lines come
    before that, straight to the file that is stderr. These alone are taken out; all others are
    passed on afterwards. Who sets the variable to 0 sees everything.
    """
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if level == "0" or "tensorflow" in sys.modules:
        yield
        return
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(screen, 2)
            os.close(screen)
            said.seek(0)
            os.write(2, b"".join(line for line in said if not _is_noise(line)))


def _is_noise(line: bytes) -> bool:
    return bool(GREETING.match(line) or (not DRIVER.exists() and NO_GPU.match(line)))
