"""Writing of files: each is written whole or not at all, and no source is overwritten."""

import contextlib
import io
import os
import stat
import zipfile
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error

if TYPE_CHECKING:
    import numpy as np

_unfinished: set[Path] = set()  # files that are being written


def shown(name: object) -> str:
    """Returns a name as messages print it: in one line, unprintable characters escaped."""
    text = str(name)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def cell(name: str) -> str:
    """Returns a name for a table; a leading `=`, `+`, `-` or `@` is quoted.

    Spreadsheets would read it as the start of a formula.
    """
    return f"'{shown(name)}" if name.lstrip()[:1] in tuple("=+-@") else shown(name)


def check(outputs: Iterable[str | Path], sources: Iterable[str | Path] = ()) -> None:
    """Raises an `Error` if an output cannot be written, or would overwrite a source.

    Args:
        outputs: files to write; one that exists must be a regular file.
        sources: files to read, and folders to read from. No output may be one of them, or be inside
            such a folder. An existing path that is neither, such as a FIFO, raises an `Error`.
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
        _mode(_beside(path), "written")  # raises if the path is too long
        _refuse(path, taken)
        taken.add(Path(os.path.realpath(path)))


def check_folder(folder: Path, sources: Iterable[str | Path] = ()) -> None:
    """Raises an `Error` if a folder cannot be written to, or is or lies in one of the sources."""
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
    """Makes a folder for the block, and removes it afterwards if it is empty.

    The same is done with the folders above it that did not exist.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in made:
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()


def _places(sources: Iterable[str | Path]) -> set[Path]:
    """Returns the real paths of the sources that exist."""
    places = set()
    for source in sources:
        mode = _mode(Path(source), "read")
        if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise Error(f"{source}: is neither a file nor a folder; give a copy of what is in it")
        if not str(source):
            raise Error("'': an empty name is no file or folder; give . for this folder")
        if mode:
            places.add(Path(os.path.realpath(source)))
    return places


def _refuse(path: Path, taken: Container[Path]) -> None:
    """Raises an `Error` if a path is one of those that are taken, or inside one of them."""
    place = Path(os.path.realpath(path))
    if place in taken:
        raise Error(f"{path}: is read or written already; choose another name")
    for above in place.parents:
        if above in taken:
            raise Error(f"{path}: is inside {above}, which is read; choose another place")


def _mode(path: Path, what: str) -> int:
    """Returns the mode of the file at a path, 0 if there is none; an `Error` if it is unknown."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise Error(f"{path}: cannot be {what} ({error.strerror})") from None


def _beside(path: Path, ending: str = "") -> Path:
    """Returns a random short name in the same folder."""
    return path.parent / f".{os.urandom(8).hex()}.part{ending}"


def _opened(partial: Path) -> int:
    """Opens a new file; raises if the name exists, or is a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    return os.open(partial, flags | getattr(os, "O_BINARY", 0), 0o666)


def discard() -> None:
    """Removes the files that are half written, when this process is stopped."""
    while _unfinished:
        with contextlib.suppress(OSError, KeyError):  # another thread may have been faster
            _unfinished.pop().unlink()


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Writes a file whole or not at all; an existing file is replaced in one step."""
    path = Path(path)
    with _put(path, _beside(path)) as partial, os.fdopen(_opened(partial), "wb") as file:
        file.write(content)
    return path


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Writes several files, all or none of them."""
    with contextlib.ExitStack() as written:
        for path, content in contents.items():
            written.enter_context(replacing(path)).write_bytes(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write to, whose file then replaces `path` in one step."""
    with _put(path, _beside(path, path.suffix)) as partial:
        os.close(_opened(partial))
        yield partial


@contextlib.contextmanager
def _put(path: Path, partial: Path) -> Iterator[Path]:
    """Moves the file `partial` to `path` after the block, or removes it if the block fails."""
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
    """Writes a compressed `.npz` file; equal content gives equal bytes.

    Args:
        path: path of the file.
        arrays: arrays by name.
        texts: further members that are text, by name.
        level: compression level of zlib. For piano-rolls 4 takes half the time of the usual 6, and
            a third more bytes.
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
    member = zipfile.ZipInfo(name)  # dated 1980, so that equal content gives equal bytes
    archive.writestr(member, content, zipfile.ZIP_DEFLATED, level)
