"""Reads the music files in folders and archives, one at a time.

`items(source)` reads a folder, a tar archive (plain, gzip, xz or bzip2), a zip archive, a Doom WAD
(its music lumps, so that Debian's `freedoom` package is a corpus), or a single file. It yields the
MIDI files and LPD `.npz` files in it, always in the same order: those of a folder sorted by name,
those of an archive in the order of the archive.

Archives are read as streams: nothing is unpacked to disk, and only one member at a time is in
memory, or a few for `ahead`. The first bytes of a member say what it is. A member with the name or
the content of a music file that cannot be used is yielded as well, with the reason as its `error`;
any other member is ignored.
"""

import bz2
import gzip
import io
import lzma
import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from musegen import Error
from musegen.data import corpora
from musegen.files import check, shown

MAX_BYTES = 1 << 26  # largest size of one member
SUFFIXES = (".mid", ".midi", ".kar", ".npz")

_MIDI, _ZIP, _MUS = b"MThd", b"PK\3\4", b"MUS\x1a"
_WADS = (b"IWAD", b"PWAD")
# Exceptions of the standard library for archives that are damaged or malicious.
_DAMAGE = (
    OSError, EOFError, ValueError, ArithmeticError, RuntimeError,
    struct.error, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip
# Names of members that lead out of the archive: absolute paths and paths with "..".
_OUTSIDE = re.compile(r"([A-Za-z]:)?[\\/]|(.*[\\/])?\.\.([\\/]|$)", re.DOTALL)


@dataclass(frozen=True)
class Item:
    """One file of a source.

    Args:
        name: path of the file in the source, made safe to show and store.
        kind: `"midi"` or `"npz"`; empty if there is an error.
        data: content of the file.
        at: share of the source that has been read, 0 to 1.
        error: reason why the file cannot be used.
    """

    name: str
    kind: str = ""
    data: bytes = b""
    at: float = 0.0
    error: str | None = None

    def __post_init__(self):
        object.__setattr__(self, "name", shown(self.name))
        object.__setattr__(self, "error", self.error and shown(self.error))

    @cached_property
    def digest(self) -> bytes:
        """Returns a hash of the content, which is equal for equal files of different names."""
        return blake2b(self.data, digest_size=16).digest()


def items(source: str | Path) -> Iterator[Item]:
    """Returns an iterator over all music files of a source; without any it raises an `Error`.

    Args:
        source: path of a folder, archive, WAD or file, or `freedoom` if that is installed.
    """
    stream = _freedoom() if str(source) == "freedoom" else _open(Path(source))
    return _not_empty(stream, source)


def ahead(stream: Iterator[Item], n: int = 4) -> Iterator[Item]:
    """Yields the same files, each read in a thread while those before it are used.

    Args:
        n: number of files that may be in memory.
    """
    end = object()
    with ThreadPoolExecutor(1) as pool:
        following = deque(pool.submit(next, stream, end) for _ in range(n))
        try:
            while (item := following.popleft().result()) is not end:
                following.append(pool.submit(next, stream, end))
                yield item
        finally:
            pool.shutdown(cancel_futures=True)


def is_json(path: Path) -> bool:
    """Returns whether a file is JSON with names and values, by its first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
        # The archive of a file whose name begins with a bracket begins with that name.
        return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and not tarfile.is_tarfile(path)
    except OSError:
        return False  # whoever reads the file will say so


def _not_empty(stream: Iterator[Item], source: str | Path) -> Iterator[Item]:
    """Yields the files of a stream; at the end of an empty one it raises an `Error`."""
    empty = True
    for item in stream:
        empty = False
        yield item
    if empty:
        raise Error(f"{source}: there is no MIDI file and no LPD .npz file in it")


def _open(path: Path) -> Iterator[Item]:
    """Returns an iterator over the files in a path, by its first bytes."""
    check([], [path])  # reading a pipe might never end
    try:
        if path.is_dir():
            return _folder(path)
        with path.open("rb") as file:
            head = file.read(6)
    except FileNotFoundError:
        raise Error(
            f"{path}: no such file or folder; give a folder, a .tar, .tar.gz, .tar.xz or .zip "
            "archive, a .wad, or a MIDI or LPD .npz file"
        ) from None
    except OSError as error:
        raise Error(f"{path}: cannot be read ({error.strerror})") from None
    if head[:4] == _MIDI or _is_npz(path, head):
        return _file(path, path.name, at=1.0)
    if head[:4] in _WADS:
        return _wad(path)
    if is_json(path):
        raise Error(
            f"{path}: a JSON file, and no songs in files; chorales in JSON need no preparation: "
            "give the file itself to `musegen data info` or as --data to a system of notes"
        )
    return _zip(path) if head[:2] == b"PK" else _tar(path, head)


def _item(
    name: str, size: int, open_file: Callable[[], BinaryIO], at: float, expected: bool
) -> Item | None:
    """Reads one member; returns None for one that is not music by its name or its content.

    Args:
        name: name of the member.
        size: number of bytes that it claims to have.
        open_file: function that opens it.
        at: share of the source that has been read.
        expected: whether its name is that of a music file, so that a problem is reported.
    """
    reject = partial(Item, name, at=at)
    if expected and _OUTSIDE.match(name):
        return reject(error="its path leads out of the archive")
    if size > MAX_BYTES:
        return reject(error=f"too large ({size:,} bytes)") if expected else None
    try:
        with open_file() as file:
            head = file.read(4)
            kind = "midi" if head == _MIDI else "npz" if head == _ZIP and expected else ""
            if not kind and not expected:
                return None
            data = head + file.read(MAX_BYTES)
    except _DAMAGE as error:
        return reject(error=f"cannot be read ({_text(error)})") if expected else None
    if kind:
        return Item(name, kind, data, at)
    if not data:
        return reject(error="empty file")
    if head == _MUS:
        return reject(error="in Doom's own MUS format, not MIDI")
    return reject(error="neither a MIDI nor an .npz file (by its first bytes)")


def _text(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _expected(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


# Folders and files


def _folder(folder: Path) -> Iterator[Item]:
    """Yields the files of a folder and its subfolders.

    The entries of a folder count as equal shares of it.
    """
    waiting = [("", 0.0, 1.0)]
    while waiting:
        name, low, high = waiting.pop()
        path = folder / name
        if not os.path.isdir(path):  # unlike Path.is_dir it is False where access is denied
            yield from _file(path, name, high)
        elif name and os.path.islink(path):
            yield Item(name, at=high, error="a link to a folder; give that folder itself")
        else:
            try:
                entries = sorted(os.listdir(path), reverse=True)
            except OSError as error:
                yield Item(name or ".", at=high, error=f"cannot be read ({error.strerror})")
                continue
            share = (high - low) / max(len(entries), 1)
            waiting += [
                (f"{name}/{entry}" if name else entry, high - (k + 1) * share, high - k * share)
                for k, entry in enumerate(entries)
            ]


def _file(path: Path, name: str, at: float) -> Iterator[Item]:
    expected = _expected(name)
    try:
        size = path.stat().st_size
        if not path.is_file():
            return
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        if expected:
            yield Item(name, at=at, error=f"cannot be read ({error.strerror})")
        return
    if head in _WADS:
        yield from _wad(path, f"{name}/")
    elif item := _item(name, size, partial(path.open, "rb"), at, expected):
        yield item


def _is_npz(path: Path, head: bytes) -> bool:
    if head[:4] != _ZIP:
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except _DAMAGE:
        return path.suffix == ".npz"


# Tar


class _Tape:
    """A file for tarfile that can be read only forwards, and only a limited amount at a time.

    It is a protection, because a header can claim any length and point anywhere. `last` is what was
    read last, which shows whether the archive ends with its end mark, a block of zeros.
    """

    def __init__(self, file: BinaryIO):
        self.file, self.last, self.tell = file, b"", file.tell

    def read(self, size: int) -> bytes:
        if size > MAX_BYTES:
            raise tarfile.ReadError(f"a header claims {size:,} bytes")
        self.last = self.file.read(size)
        return self.last

    def seek(self, position: int) -> None:
        if position < self.tell():
            raise tarfile.ReadError("a header points backwards")
        self.file.seek(position)


def _decompressed(file: BinaryIO, head: bytes) -> BinaryIO:
    for magic, module in ((b"\x1f\x8b", gzip), (b"\xfd7zXZ", lzma), (b"BZh", bz2)):
        if head.startswith(magic):
            return module.open(file)
    return file


def _tar(path: Path, head: bytes) -> Iterator[Item]:
    with path.open("rb") as raw, _decompressed(raw, head) as file:
        size, tape = path.stat().st_size, _Tape(file)
        try:
            archive = tarfile.open(fileobj=tape, mode="r:")  # noqa: SIM115, closes with `file`
        except _DAMAGE as error:
            raise Error(
                f"{path}: not a folder, archive, WAD, MIDI or LPD .npz file ({_text(error)})"
            ) from None
        try:
            while member := archive.next():
                archive.members.clear()  # otherwise it keeps every member in memory
                name, at = member.name, raw.tell() / size
                if member.isreg():
                    open_file = partial(archive.extractfile, member)
                    if item := _item(name, member.size, open_file, at, _expected(name)):
                        yield item
                elif not member.isdir() and _expected(name):
                    yield Item(name, at=at, error="a link or a device, not a file")
            if tape.last.strip(b"\0"):
                yield _broken(path, "a header cannot be read")
            elif not tape.last:
                yield _broken(path, "its end mark is missing")
        except _DAMAGE as error:
            yield _broken(path, _text(error))


def _broken(path: Path, reason: str) -> Item:
    return Item(path.name, at=1.0, error=f"damaged archive: the rest of it is not read ({reason})")


# Zip


def _zip(path: Path) -> Iterator[Item]:
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        yield from _cut_off_zip(path)
        yield _broken(path, _text(error))
        return
    with archive:
        members = archive.infolist()
        for k, member in enumerate(members, 1):
            if not member.filename.endswith("/"):  # `is_dir` fails on an empty name
                name, open_file = member.filename, partial(archive.open, member)
                at = k / len(members)
                if item := _item(name, member.file_size, open_file, at, _expected(name)):
                    yield item


def _cut_off_zip(path: Path) -> Iterator[Item]:
    """Yields the members of a zip archive whose end, with the directory, is missing."""
    header = struct.Struct("<4s2x2H4x3I2H")
    total = path.stat().st_size
    with path.open("rb") as file:
        while len(start := file.read(header.size)) == header.size:
            magic, flags, method, crc, packed, size, n_name, n_extra = header.unpack(start)
            if magic != _ZIP or flags & 9 or method not in (0, 8):
                return  # encrypted, or of unknown length
            name = file.read(n_name).decode("utf-8" if flags & 0x800 else "cp437", "replace")
            file.seek(n_extra, os.SEEK_CUR)
            following = file.tell() + packed
            open_file = partial(_inflated, file, packed, method, crc)
            at = min(following / total, 1.0)
            if item := _item(name, size, open_file, at, _expected(name)):
                yield item
            file.seek(following)


def _inflated(file: BinaryIO, packed: int, method: int, crc: int) -> BinaryIO:
    """Decompresses the member of a zip archive that begins at the position of `file`."""
    data = file.read(min(packed, MAX_BYTES))
    if len(data) < packed:
        raise EOFError("the archive ends within it")
    if method:
        data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, MAX_BYTES)
    if zlib.crc32(data) != crc:
        raise zipfile.BadZipFile("wrong checksum")
    return io.BytesIO(data)


# Doom


def _freedoom() -> Iterator[Item]:
    files = corpora.files("freedoom")
    for k, path in enumerate(files):
        for item in _wad(path, f"{path.name}/"):
            yield replace(item, at=(k + item.at) / len(files))


def _wad(path: Path, prefix: str = "") -> Iterator[Item]:
    """Yields the music lumps of a WAD, without duplicates; their names begin with `D_`."""
    digests, total = set(), path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        count, where = struct.unpack("<4xii", start) if len(start) == 12 else (-1, 0)
        if count < 0 or where < 0:
            yield _broken(path, "its header makes no sense")
            return
        file.seek(where)
        directory = file.read(min(16 * count, total))
        for k, (offset, size, name) in enumerate(
            struct.iter_unpack("<ii8s", directory[: len(directory) // 16 * 16]), 1
        ):
            name = name.split(b"\0")[0].decode("latin-1")
            open_file = partial(_lump, file, offset, size)
            item = _item(prefix + name, size, open_file, k / count, name.startswith("D_"))
            digest = item and item.digest
            if item and (item.error or digest not in digests):
                digests.add(digest)
                yield item
        if len(directory) < 16 * count:
            yield _broken(path, "its directory is cut off")


def _lump(file: BinaryIO, offset: int, size: int) -> BinaryIO:
    file.seek(offset)
    data = file.read(max(size, 0))
    if len(data) < size:
        raise EOFError("the file ends within it")
    return io.BytesIO(data)
