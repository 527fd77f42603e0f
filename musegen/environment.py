"""What this installation is: the first thing a bug report needs."""

import json
import platform
import shutil
from argparse import ArgumentParser, Namespace
from importlib import metadata

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
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: Namespace) -> None:
    facts = describe()
    if args.json:
        print(json.dumps(facts, indent=2))
        return
    packages = facts.pop("packages")
    for name, value in {**facts, **packages}.items():
        print(f"{name:<16}{value or 'not installed'}")
