"""Safe reading of files that may be damaged or hostile: JSON, `.npy` and `.npz`.

A mistake in a file raises a `ValueError` of one line here, or an `Error` that names the file.
Memory is allocated only after the sizes in a header were compared with `musegen.budget` and with
the size of the file. Nothing is unpickled.
"""

import contextlib
import io
import json
import lzma
import math
import re
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from musegen import Error, budget

if TYPE_CHECKING:
    import numpy as np

# Exceptions that NumPy and the standard library raise for damaged or hostile files. RuntimeError
# includes NotImplementedError (a zip member of a later version) and RecursionError.
DAMAGE = (
    OSError, EOFError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError,
    MemoryError, RuntimeError, SyntaxError, struct.error, tokenize.TokenError, zlib.error,
    lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip


def reason(error: BaseException) -> str:
    """Returns the text of an exception as one printable line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError):
        text = f"there is no {text}"
    return printable(text)


def printable(text: str) -> str:
    """Returns a text from a file as messages may quote it: in one line, of limited length."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:200])


@contextlib.contextmanager
def damaged(path: Any, what: str, remedy: str) -> Iterator[None]:
    """Turns each exception that a damaged file raises in the block into an `Error`.

    Args:
        path: path of the file, for the message.
        what: what is wrong with the file, such as "damaged".
        remedy: what the user can do.
    """
    try:
        yield
    except DAMAGE as error:
        raise Error(f"{path}: {what} ({reason(error)}); {remedy}") from error


# JSON


def parse(content: bytes) -> dict[str, Any]:
    """Parses a JSON text that is an object; raises a `ValueError` for any other text."""
    try:
        parsed = json.loads(content)
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None
    if not isinstance(parsed, dict):
        raise ValueError("it holds no names and values")
    return parsed


def read_json(path: str | Path, remedy: str, most: int = budget.JSON_BYTES) -> dict[str, Any]:
    """Reads a JSON file that holds an object; raises an `Error` that names the file.

    Args:
        path: path of the file.
        remedy: what the user can do about a damaged file, for the message.
        most: largest size of the file in bytes.
    """
    with damaged(path, "cannot be read", remedy), open(path, "rb") as file:
        content = file.read(most + 1)
    with damaged(path, "damaged", remedy):
        budget.check(len(content), most, "bytes")
        return parse(content)


# Arrays

# A header as NumPy writes it for an array of numbers or texts.
PLAIN_HEADER = re.compile(
    rb"\{'descr': '([<>|][biufUS]\d+)', 'fortran_order': (True|False), "
    rb"'shape': \((|\d+,|\d+(?:, \d+)+)\), \} *\n"
)
HEADER_BYTES = 10_000  # NumPy refuses longer headers, too


def npy_header(file: BinaryIO) -> "tuple[tuple[int, ...], bool, np.dtype]":
    """Reads the header of an array of numbers or texts.

    NumPy parses headers with `ast`, which raises a SystemError now and then in Python 3.11 when
    several threads use it, as those that read for a training do. So headers of NumPy's usual form
    are parsed here; NumPy parses only the others.

    Returns:
        The shape, whether the order is Fortran's, and the type.
    """
    import numpy as np

    try:
        first_version = np.lib.format.read_magic(file) == (1, 0)
        length = file.read(2 if first_version else 4)
        text = file.read(min(int.from_bytes(length, "little"), HEADER_BYTES))
        if plain := PLAIN_HEADER.fullmatch(text):
            shape = tuple(int(count) for count in plain[3].split(b",") if count)
            fortran, dtype = plain[2] == b"True", np.dtype(plain[1].decode())
        else:
            read = np.lib.format.read_array_header_2_0
            if first_version:
                read = np.lib.format.read_array_header_1_0
            with warnings.catch_warnings(action="ignore"):  # for files that Python 2 has written
                shape, fortran, dtype = read(io.BytesIO(length + text))
    except DAMAGE as error:
        raise ValueError(f"no header of an array: {reason(error)}") from None
    if min(shape, default=0) < 0 or dtype.kind not in "biufUS" or not dtype.itemsize:
        raise ValueError(f"an array of shape {shape} and type {dtype}")
    return shape, fortran, dtype


def map_npy(path: Path) -> "np.ndarray":
    """Maps the array of a `.npy` file into memory, without reading it."""
    import numpy as np

    with path.open("rb") as file:
        shape, fortran, dtype = npy_header(file)
        start, size = file.tell(), file.seek(0, io.SEEK_END)
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > size - start:
        raise ValueError(f"claims the shape {shape}, but holds {size - start:,} bytes")
    order = "F" if fortran else "C"
    if not claimed:
        return np.empty(shape, dtype, order)
    return np.memmap(path, dtype, "r", start, shape, order)


class Arrays:
    """The members of an open `.npz` file; each is read when its method is called."""

    def __init__(self, archive: zipfile.ZipFile):
        self.archive = archive
        self.sizes = {member.filename: member.file_size for member in archive.infolist()}
        budget.check(len(archive.infolist()), budget.MEMBERS, "members")

    def __contains__(self, name: str) -> bool:
        return f"{name}.npy" in self.sizes

    @property
    def names(self) -> list[str]:
        """The names of all arrays, in the order of the file."""
        return [name[:-4] for name in self.sizes if name.endswith(".npy")]

    def header(self, name: str) -> "tuple[tuple[int, ...], np.dtype]":
        """Returns the shape and the type of an array, without reading it."""
        with self.archive.open(f"{name}.npy") as file:
            shape, _, dtype = npy_header(file)
        return shape, dtype

    def array(self, name: str, kinds: str = "biuf", most: int = budget.EXPANDED) -> "np.ndarray":
        """Reads an array.

        Args:
            name: name of the array.
            kinds: letters of the kinds of types that are allowed, as in `numpy.dtype.kind`.
            most: largest number of values.
        """
        import numpy as np

        member = f"{name}.npy"
        size = self.sizes.get(member, 0)
        budget.check(size, budget.EXPANDED, f"bytes of {member}")
        with self.archive.open(member) as file:
            shape, fortran, dtype = npy_header(file)
            count, rest = math.prod(shape), size - file.tell()
            if dtype.kind not in kinds:
                raise ValueError(f"{member} holds values of type {dtype}")
            budget.check(count, most, f"values of {member}")
            if count * dtype.itemsize != rest:
                raise ValueError(f"{member} claims the shape {shape}, but holds {rest:,} bytes")
            content = file.read(rest)
        if len(content) < rest:
            raise ValueError(f"{member} is cut off")
        return np.frombuffer(content, dtype, count).reshape(shape, order="F" if fortran else "C")

    def json(self, name: str) -> dict[str, Any]:
        """Reads a member that is JSON and holds an object."""
        budget.check(self.sizes.get(name, 0), budget.JSON_BYTES, f"bytes of {name}")
        return parse(self.archive.read(name))


@contextlib.contextmanager
def arrays(source: str | Path | bytes) -> Iterator[Arrays]:
    """Opens an `.npz` file, given by its path or its bytes.

    A damaged file raises exceptions of `DAMAGE`: use this inside `damaged`, or catch them.
    """
    with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
        yield Arrays(archive)


def finite(values: Any, what: str, low: float, high: float) -> "np.ndarray":
    """Returns numbers as float64; raises a `ValueError` for one that is out of bounds.

    Args:
        values: numbers of an object of another library.
        what: name of such a number, for the message.
        low, high: bounds, which are allowed themselves.
    """
    import numpy as np

    try:
        numbers = np.asarray(values, float)
    except (TypeError, ValueError):
        raise ValueError(f"{what} that is no number") from None
    if not ((numbers >= low) & (numbers <= high)).all():  # false for NaN, too
        worst = numbers[~((numbers >= low) & (numbers <= high))].flat[0]
        raise ValueError(f"{what} of {worst:g}; {low:g} to {high:g} exist")
    return numbers
