"""Reading of JSON, of headers and of `.npz` files."""

import ast
import io
import zipfile

import numpy as np
import pytest

from musegen import Error, budget, reading


def header(text: str, version: bytes = b"\x01\x00") -> bytes:
    """Returns a `.npy` file with the header that a text describes."""
    content = text.encode()
    length = len(content).to_bytes(4 if version == b"\x02\x00" else 2, "little")
    return b"\x93NUMPY" + version + length + content


def npz(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"[1]", b"3", b"{", b'{"a": "\xbd"}'],
)
def test_json_that_is_none_is_one_line(content, tmp_path):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(Error, match=r"x\.json: damaged \(.+\); fetch it$") as caught:
        reading.read_json(tmp_path / "x.json", "fetch it")
    assert str(caught.value).isprintable()


def test_json_is_not_read_beyond_the_budget(tmp_path):
    (tmp_path / "x.json").write_bytes(b'{"a": 1}' + b" " * 100)
    with pytest.raises(Error, match="more than 50 bytes"):
        reading.read_json(tmp_path / "x.json", "fetch it", most=50)
    with pytest.raises(Error, match=r"none\.json: cannot be read \(No such file"):
        reading.read_json(tmp_path / "none.json", "fetch it")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (2,"),  # a TokenError
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}"),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"),
        header("{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (1,)}"),
        header("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,)}"),
        header("{'descr': {}, 'fortran_order': False, 'shape': (1,)}"),
        header("(" * 5000),
        header("{1: 2, 'a': 3}"),
        header("{}", b"\x09\x00"),
    ],
)
def test_headers_that_are_none_are_value_errors(content):
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        reading.npy_header(io.BytesIO(content))


@pytest.mark.parametrize("count", [2**40, 2**63, 10**30])
def test_nothing_is_allocated_on_the_word_of_a_header(count, tmp_path):
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count},)}}"
    with (
        reading.arrays(npz(x=header(text) + b"\x01")) as arrays,
        pytest.raises(ValueError, match="more than"),
    ):
        arrays.array("x")
    (tmp_path / "x.npy").write_bytes(header(text) + b"\x01")
    with pytest.raises(ValueError, match="but holds 1 bytes"):
        reading.map_npy(tmp_path / "x.npy")


def test_arrays_are_read_as_numpy_reads_them(tmp_path):
    for array in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.eye(3)), np.zeros((0, 4))):
        with reading.arrays(npz(x=npy(array))) as arrays:
            assert arrays.names == ["x"]
            assert "x" in arrays
            np.testing.assert_array_equal(arrays.array("x"), array)
        np.save(tmp_path / "x.npy", array)
        np.testing.assert_array_equal(reading.map_npy(tmp_path / "x.npy"), array)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (1, 2, 0, 12345)])
@pytest.mark.parametrize("dtype", ["?", "u1", "<i8", ">i4", "<f2", "f8", "<U7", "S3"])
def test_headers_of_numpy_are_parsed_without_ast(dtype, shape, order, monkeypatch):
    """CPython's issue 106905: `ast` in several threads raises a SystemError at times."""
    content = npy(np.zeros(shape, dtype, order))
    expected = np.lib.format.read_array_header_1_0(io.BytesIO(content[8:]))
    monkeypatch.setattr(ast, "literal_eval", None)
    file = io.BytesIO(content)
    assert reading.npy_header(file) == expected
    assert file.tell() == len(content) - np.zeros(shape, dtype).nbytes


def test_headers_of_other_writers_are_read():
    for text, shape in (
        ("{'shape': (2L, 3L), 'fortran_order': False, 'descr': '|u1'}", (2, 3)),
        ('{"descr":"<f4","fortran_order":False,"shape":(4,)}', (4,)),
    ):
        assert reading.npy_header(io.BytesIO(header(text)))[0] == shape
        assert reading.npy_header(io.BytesIO(header(text, b"\x02\x00")))[0] == shape


@pytest.mark.parametrize(
    ("place", "value"),
    [(6, 99), (8, 1), (10, 99), (10, 14)],
    ids=["version", "key", "zip", "xz"],
)
def test_members_that_zipfile_does_not_read(place, value, tmp_path):
    """NotImplementedError and RuntimeError: of a later version, encrypted, otherwise compressed."""
    forged = bytearray(npz(x=npy(np.arange(3))))
    forged[forged.rfind(b"PK\1\2") + place] = value
    if place > 6:  # the same stands before the member
        forged[place - 2] = value
    with (
        pytest.raises(Error, match=r"x\.npz: damaged \([^\n]+\); fetch it"),
        reading.damaged("x.npz", "damaged", "fetch it"),
        reading.arrays(bytes(forged)) as arrays,
    ):
        arrays.array("x")


def test_members_are_counted(monkeypatch):
    monkeypatch.setattr(budget, "MEMBERS", 2)
    three = npz(a=b"", b=b"", c=b"")
    with pytest.raises(ValueError, match="more than 2 members"), reading.arrays(three):
        pass


def test_numbers_of_objects_have_bounds():
    assert reading.finite([1, 2.5], "a time", 0, 3).tolist() == [1, 2.5]
    for wrong in ([np.nan], [np.inf], [-1], ["x"], [None], [[1], [1, 2]], [4]):
        with pytest.raises(ValueError, match="a time"):
            reading.finite(wrong, "a time", 0, 3)
