"""The versions of this installation, for bug reports; and an import of Keras without log lines."""

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
# Log lines of TensorFlow that are removed: those of the level "information", a warning about the
# logger itself, and, where no driver of a GPU is installed, the error that there is none.
GREETING = re.compile(rb"WARNING: All log messages before absl|I\d{4} [\d:.]+ +\d+ \w+\.cc:")
NO_GPU = re.compile(rb"E\d{4} [\d:.]+ +\d+ cuda_\w+\.cc:\d+\] failed call to cuInit")
DRIVER = Path("/dev/nvidiactl")


def describe() -> dict:
    """Returns the versions of musegen, Python and the packages it needs, and the sound font."""
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
    """Imports Keras without log lines; raises an `Error` if the backend cannot be imported."""
    try:
        with quiet():
            import keras

            if keras.config.backend() == "tensorflow":
                import tensorflow

                tensorflow.config.list_physical_devices("GPU")  # its log lines come now, not later
                # TensorFlow warns of retracing where several models are traced once each.
                logging.getLogger("tensorflow").addFilter(lambda log: "retracing" not in log.msg)
    except (ImportError, ValueError) as error:
        backend = os.environ.get("KERAS_BACKEND", "that it chooses")
        raise Error(
            f"Keras cannot start with the backend {backend} ({error}); set KERAS_BACKEND to "
            "tensorflow, jax or torch, whichever is installed"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Removes TensorFlow's first log lines while the block imports it.

    TF_CPP_MIN_LOG_LEVEL silences TensorFlow only after its start. Some lines come before that, and
    are written directly to the file descriptor of stderr. This function collects what is written
    there, removes these lines, and writes all others when the block ends. With the variable set to
    0 nothing is removed.
    """
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if level == "0" or "tensorflow" in sys.modules:
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            written.seek(0)
            os.write(2, b"".join(line for line in written if not _is_noise(line)))


def _is_noise(line: bytes) -> bool:
    return bool(GREETING.match(line) or (not DRIVER.exists() and NO_GPU.match(line)))
