"""Packaging. `models/`, `train/`, `eval/` and `pretrained/` install as parts of `musegen`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
version = re.search(r'__version__ = "(.+)"', (here / "musegen/__init__.py").read_text()).group(1)
rooms = ["models", "train", "eval", "pretrained"]

setup(
    name="musegen",
    version=version,
    description="Symbolic multi-track music generation on Keras 3",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[
        *find_packages(include=["musegen", "musegen.*"]),
        *(f"musegen.{room}" for room in rooms),
        *(f"musegen.{room}.{name}" for room in rooms for name in find_packages(room)),
    ],
    package_dir={f"musegen.{room}": room for room in rooms},
    package_data={"musegen.pretrained": ["*/*", "*/history/*"]},
    install_requires=[
        "tensorflow>=2.18",
        "keras>=3.13",
        "numpy>=1.26",
        "scipy>=1.11",
        "matplotlib>=3.10",
        "pypianoroll>=1.0.4",
        "pretty_midi>=0.2.11",
        "symusic>=0.6.0",
        "mido>=1.3",
    ],
    extras_require={
        "test": ["pytest>=8", "pytest-xdist>=3.5", "jax>=0.4.30"],
        "jax": ["jax>=0.4.30"],
        "torch": ["torch>=2.4"],
        "gpu": ["tensorflow[and-cuda]>=2.18"],
        "tensorboard": ["tensorboard>=2.18"],
        "dev": ["pytest>=8", "pytest-xdist>=3.5", "jax>=0.4.30", "ruff>=0.9", "build>=1.2"],
    },
    entry_points={"console_scripts": ["musegen = musegen.cli:main"]},
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 14)),
        "Topic :: Multimedia :: Sound/Audio :: MIDI",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
