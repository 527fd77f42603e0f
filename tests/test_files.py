"""Files are written whole or not at all, and no source is overwritten."""

import gc
import os

import numpy as np
import pytest

from musegen import Error, files


def test_a_full_disk_leaves_the_old_file(tmp_path, full_disk):
    path = tmp_path / "x.bin"
    path.write_bytes(b"old")
    with full_disk(1000), pytest.raises(Error, match=r"x\.bin: cannot be written"):
        files.write_bytes(path, bytes(2000))
    with (
        full_disk(1000),
        pytest.raises(Error, match=r"x\.bin: cannot be written"),
        files.replacing(path) as partial,
    ):
        partial.write_bytes(bytes(2000))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.bin"]


def test_a_failed_write_leaves_nothing_that_cannot_be_freed(tmp_path, full_disk):
    """Python 3.13 warns of a buffer that is freed while it has a view."""
    with full_disk(10), pytest.raises(Error) as caught:
        files.write_npz(tmp_path / "x.npz", {"zeros": np.zeros(1000)})
    caught.value.cycle = caught.value  # so that the collector frees the frames of the traceback
    del caught
    gc.collect()


def test_a_temporary_name_that_is_a_link_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "urandom", lambda n: b"k")
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    for name in (".6b.part", ".6b.part.npy"):
        (tmp_path / name).symlink_to(precious)
    with pytest.raises(Error, match="cannot be written"):
        files.write_bytes(tmp_path / "x.npy", b"other")
    with pytest.raises(Error, match="cannot be written"), files.replacing(tmp_path / "x.npy") as p:
        p.write_bytes(b"other")
    assert precious.read_bytes() == b"mine"


def test_what_may_be_written(tmp_path):
    source, folder = tmp_path / "source.npy", tmp_path / "folder"
    source.touch()
    folder.mkdir()
    (folder / "member").touch()
    files.check([tmp_path / "new", tmp_path / ("n" * 255)], [source, folder, "demo", "x" * 99])
    files.check([source], [folder])  # a regular file is replaced
    for k in "ab":
        (tmp_path / f"loop-{k}").symlink_to(tmp_path / f"loop-{'ab'[k == 'a']}")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(source)
    for name, message in (
        ("source.npy", "is read or written already"),
        ("link", "is read or written already"),
        ("folder/../source.npy", "is read or written already"),
        ("folder/member", "is inside .*folder"),
        ("folder/new", "is inside .*folder"),
        ("folder", "is a folder"),
        ("nowhere/new", "there is no folder .*nowhere"),
        ("source.npy/new", "there is no folder"),
        ("fifo", "is no regular file"),
        ("loop-a", "cannot be written"),
        ("n" * 256, "cannot be written"),
    ):
        with pytest.raises(Error, match=message):
            files.check([tmp_path / name], [source, folder])
    for path, message in (("", "is a folder"), ("/dev/full", "is no regular file")):
        with pytest.raises(Error, match=message):
            files.check([path])
    with pytest.raises(Error, match="is read or written already"):
        files.check([tmp_path / "new", folder / ".." / "new"])
    with pytest.raises(Error, match="fifo: is neither a file nor a folder"):
        files.check([], [tmp_path / "fifo"])
    with pytest.raises(Error, match="an empty name"):
        files.check([], [""])
    with pytest.raises(Error, match="cannot be read"):
        files.check([], [tmp_path / "loop-a"])


def test_which_folders_may_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "source").mkdir()
    files.check_folder(tmp_path / "new" / "deep", [tmp_path / "source"])
    files.check_folder(tmp_path, [tmp_path / "source"])
    for name, message in (
        ("file", "is no folder"),
        ("file/new", "file is no folder"),
        ("source", "is read or written already"),
        ("source/new", "is inside .*source"),
    ):
        with pytest.raises(Error, match=message):
            files.check_folder(tmp_path / name, [tmp_path / "source"])


def test_names_are_shown_on_one_line_and_are_no_formulas():
    odd = os.fsdecode(b"a\xff\n\x1b[0m\xc3\xa9")
    assert files.shown(odd) == files.shown(files.shown(odd)) == "a\\udcff\\n\\x1b[0mé"
    assert files.cell("=HYPERLINK()") == "'=HYPERLINK()"
    assert files.cell(" @SUM(A1)") == "' @SUM(A1)"
    assert files.cell("\t=1") == "'\\t=1"
    assert files.cell("a=1.mid") == "a=1.mid"
