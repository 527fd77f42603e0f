"""Fixtures that several test files share."""

import contextlib
import gc
import os
import resource
from pathlib import Path

import pytest

# XLA does not optimize: this would take longer than the programs of the tests. The variable is set
# before TensorFlow or JAX starts, and is inherited by the processes that tests start.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

# The workers of pytest-xdist share the cores, so that one thread each is enough; and building many
# networks makes many objects, which Python would search for cycles again and again.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
gc.set_threshold(200_000, 20, 20)

# With `--dist loadfile` these files start first, the longest at the top, so that no core waits
# for one of them at the end.
LONGEST = (
    "test_golden_on_backends", "test_note_scripts", "test_midi_s2_scripts", "test_signals",
    "test_saving", "test_musegan_script", "test_duet_hlstm_script", "test_mvae",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    rank = {name: k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of golden values and corpora beside a developer's checkout."""
    if not SHARED.is_dir():
        pytest.skip("golden values and corpora (the folder shared/ beside the checkout) are absent")
    return SHARED


@pytest.fixture(scope="session")
def shared_data(shared: Path) -> Path:
    return shared / "data"


@pytest.fixture
def add_toy(tmp_path, monkeypatch):
    """Adds a toy system, trained in a folder of its name; see `toys.add`."""
    import toys

    from musegen import registry

    catalogue = dict(registry.catalogue())
    monkeypatch.setattr(registry, "catalogue", lambda: catalogue)
    return lambda name, can, **own: toys.add(tmp_path, catalogue, name, can, **own)


@pytest.fixture
def full_disk():
    """Simulates a full disk: no file can get longer than some bytes."""

    @contextlib.contextmanager
    def full(size: int):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return full
