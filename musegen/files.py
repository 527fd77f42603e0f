"""Writing files whole or not at all."""

import contextlib
import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error

if TYPE_CHECKING:
    import numpy as np


def write_bytes(path: str | Path, content: bytes | memoryview) -> Path:
    """Writes a whole file or none of it; a file of that name is replaced at once."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        raise Error(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives another path to write to; what was written there then replaces `path` at once."""
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise Error(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_npz(
    path: str | Path,
    arrays: Mapping[str, "np.ndarray"],
    texts: Mapping[str, str] | None = None,
    level: int = 4,
) -> Path:
    """Writes arrays, and members of text, as a compressed `.npz`: equal content, equal bytes.

    Level 4 takes half the time of zlib's usual 6 for piano-rolls, at a third more bytes.
    """
    import numpy as np

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            _add(archive, f"{name}.npy", member.getbuffer(), level)
        for name, text in (texts or {}).items():
            _add(archive, name, text.encode(), level)
    return write_bytes(path, buffer.getbuffer())


def _add(archive: zipfile.ZipFile, name: str, content: bytes | memoryview, level: int) -> None:
    member = zipfile.ZipInfo(name)  # of 1980: a date would make equal content differ
    archive.writestr(member, content, zipfile.ZIP_DEFLATED, level)
