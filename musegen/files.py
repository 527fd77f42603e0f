"""Writing files whole or not at all, and nowhere else than where they may stand."""

import contextlib
import io
import os
import secrets
import stat
import zipfile
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error

if TYPE_CHECKING:
    import numpy as np

_unfinished: set[Path] = set()  # what is being written


def shown(name: object) -> str:
    """A name is shown on one line: what cannot be printed in it is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name))


def cell(name: str) -> str:
    """A name in a table stays text: spreadsheets take `=`, `+`, `-` and `@` for a formula."""
    return f"'{shown(name)}" if name.lstrip()[:1] in tuple("=+-@") else shown(name)


def check(outputs: Iterable[str | Path], sources: Iterable[str | Path] = ()) -> None:
    """Outputs that cannot be written, or that would cost a file that is read, raise an `Error`.

    Args:
        outputs: files to write, each a new one or a regular file.
        sources: files and folders that are read, nothing in which is written to; what is there but
            neither of the two, such as a FIFO, is no source.
    """
    taken = _places(sources)
    for path in map(Path, outputs):
        mode = _mode(path, "written")
        if not path.name or stat.S_ISDIR(mode):
            raise Error(f"{path}: is a folder; choose another name")
        if mode and not stat.S_ISREG(mode):
            raise Error(f"{path}: is no regular file; choose another name")
        if not path.parent.is_dir():
            raise Error(f"{path}: there is no folder {path.parent}; make it first")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise Error(f"{path}: the folder {path.parent} may not be written to; choose another")
        _mode(_beside(path), "written")  # a name that is too long for this place
        _refuse(path, taken)
        taken.add(Path(os.path.realpath(path)))


def check_folder(folder: Path, sources: Iterable[str | Path] = ()) -> None:
    """A folder to write to that is none, or that is read or stands in one, raises an `Error`."""
    mode = _mode(folder, "written")
    if mode and not stat.S_ISDIR(mode):
        raise Error(f"{folder}: is no folder; choose another one")
    above = folder
    while not above.exists():
        above = above.parent
    if not above.is_dir():
        raise Error(f"{folder}: {above} is no folder; choose another one")
    if not os.access(above, os.W_OK | os.X_OK):
        raise Error(f"{folder}: the folder {above} may not be written to; choose another")
    _refuse(folder, _places(sources))


@contextlib.contextmanager
def making(folder: Path) -> Iterator[None]:
    """Makes a folder; it, and those above it that were made for it, go if nothing is in them."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in made:
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()


def _places(sources: Iterable[str | Path]) -> set[Path]:
    """Where the sources stand that are there."""
    found = set()
    for source in sources:
        mode = _mode(Path(source), "read")
        if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise Error(f"{source}: is neither a file nor a folder; give a copy of what is in it")
        if not str(source):
            raise Error("'': an empty name is no file or folder; give one, . is this folder")
        if mode:
            found.add(Path(os.path.realpath(source)))
    return found


def _refuse(path: Path, taken: Container[Path]) -> None:
    place = Path(os.path.realpath(path))
    if place in taken:
        raise Error(f"{path}: is read or written already; choose another name")
    for above in place.parents:
        if above in taken:
            raise Error(f"{path}: is inside {above}, which is read; choose another place")


def _mode(path: Path, what: str) -> int:
    """What is at a path, 0 for nothing; an `Error` says why it cannot be told."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise Error(f"{path}: cannot be {what} ({error.strerror})") from None


def _beside(path: Path, ending: str = "") -> Path:
    """A name in the same folder that nobody can guess, and that is short whatever `path` is."""
    return path.parent / f".{secrets.token_hex(8)}.part{ending}"


def _opened(partial: Path) -> int:
    """Opens a new file; one that is there already, or a link, is none of ours."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    return os.open(partial, flags | getattr(os, "O_BINARY", 0), 0o666)


def discard() -> None:
    """Removes what is half written, where this process ends before its time."""
    while _unfinished:
        with contextlib.suppress(OSError, KeyError):  # another thread may have been faster
            _unfinished.pop().unlink()


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Writes a whole file or none of it; a file of that name is replaced at once."""
    path = Path(path)
    with _put(path, _beside(path)) as partial, os.fdopen(_opened(partial), "wb") as file:
        file.write(content)
    return path


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Writes several files, all or none."""
    with contextlib.ExitStack() as written:
        for path, content in contents.items():
            written.enter_context(replacing(path)).write_bytes(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives another path to write to; what was written there then replaces `path` at once."""
    with _put(path, _beside(path, path.suffix)) as partial:
        os.close(_opened(partial))
        yield partial


@contextlib.contextmanager
def _put(path: Path, partial: Path) -> Iterator[Path]:
    """What was written to `partial` takes the place of `path`, or is gone."""
    _unfinished.add(partial)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise Error(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        _unfinished.discard(partial)


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
            _add(archive, f"{name}.npy", member.getvalue(), level)
        for name, text in (texts or {}).items():
            _add(archive, name, text.encode(), level)
    return write_bytes(path, buffer.getvalue())


def _add(archive: zipfile.ZipFile, name: str, content: bytes, level: int) -> None:
    member = zipfile.ZipInfo(name)  # of 1980: a date would make equal content differ
    archive.writestr(member, content, zipfile.ZIP_DEFLATED, level)
