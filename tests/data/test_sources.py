import gzip
import io
import os
import struct
import tarfile
import zipfile
from contextlib import closing
from itertools import pairwise

import pytest

from musegen import Error
from musegen.data import corpora, sources
from musegen.data.sources import items

MIDI = b"MThd" + bytes(range(30))
NPZ = b"PK\3\4" + bytes(range(30))


def names(source):
    return [item.name for item in items(source) if not item.error]


def errors(source):
    return {item.name: item.error for item in items(source) if item.error}


def write_tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def write_wad(path, lumps, magic=b"IWAD"):
    """Writes a WAD of lumps `(name, data)`."""
    body, directory = b"", b""
    for name, data in lumps:
        directory += struct.pack("<ii8s", 12 + len(body), len(data), name.encode())
        body += data
    path.write_bytes(struct.pack("<4sii", magic, len(lumps), 12 + len(body)) + body + directory)
    return path


def write_folder(path, members):
    for name, data in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


MEMBERS = {
    "b/two.MIDI": MIDI + b"2",
    "a.mid": MIDI + b"1",
    "readme.txt": b"words",
    "no-suffix": MIDI + b"3",
    "c.npz": NPZ,
    "other.zip": NPZ,
}
WRITERS = {
    "tar": write_tar,
    "tar.gz": lambda path, members: write_tar(path, members, "w:gz"),
    "tar.xz": lambda path, members: write_tar(path, members, "w:xz"),
    "tar.bz2": lambda path, members: write_tar(path, members, "w:bz2"),
    "zip": write_zip,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_an_archive_gives_its_music_in_its_order(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "named-otherwise", MEMBERS)
    found = list(items(path))
    assert [item.name for item in found] == ["b/two.MIDI", "a.mid", "no-suffix", "c.npz"]
    assert [item.kind for item in found] == ["midi", "midi", "midi", "npz"]
    assert found[1].data == MIDI + b"1"
    assert all(0 < a.at <= b.at <= 1 for a, b in pairwise(found))
    assert sorted(path.parent.iterdir()) == [path]  # nothing was unpacked


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    found = list(items(write_folder(tmp_path, MEMBERS)))
    assert [item.name for item in found] == ["a.mid", "b/two.MIDI", "c.npz", "no-suffix"]
    assert found[-1].at < 1  # other.zip and readme.txt follow
    assert [round(item.at, 3) for item in found[:2]] == [round(1 / 6, 3), round(2 / 6, 3)]


def test_single_files(tmp_path):
    folder = write_folder(tmp_path, {"x.bin": MIDI})
    assert [(i.name, i.kind, i.data) for i in items(folder / "x.bin")] == [("x.bin", "midi", MIDI)]
    lpd = write_zip(tmp_path / "song.npz", {"info.json": b"{}", "pianoroll_0_csc_data.npy": b""})
    assert [(i.name, i.kind) for i in items(lpd)] == [("song.npz", "npz")]


def test_links_and_loops_in_a_folder(tmp_path):
    folder = write_folder(tmp_path / "folder", {"a.mid": MIDI})
    (folder / "loop").symlink_to(folder)
    (folder / "z.mid").symlink_to(folder / "a.mid")
    (folder / "gone.mid").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.mid")
    assert names(folder) == ["a.mid", "z.mid"]
    assert errors(folder) == {
        "loop": "a link to a folder; give that folder itself",
        "gone.mid": "cannot be read (No such file or directory)",
    }


@pytest.mark.parametrize("kind", WRITERS)
def test_hostile_paths_are_reported_and_never_used(tmp_path, kind):
    bad = ["../../evil.mid", "/etc/evil.mid", "C:\\evil.mid", "a\\..\\..\\evil.mid", "x/.."]
    members = {**dict.fromkeys(bad[:4], MIDI), "fine..mid": MIDI, "a: b.mid": MIDI}
    path = WRITERS[kind](tmp_path / "archive", members)
    assert names(path) == ["fine..mid", "a: b.mid"]
    assert set(errors(path).values()) == {"its path leads out of the archive"}
    assert len(errors(path)) == 4
    assert sorted(tmp_path.iterdir()) == [path]


def test_unusable_members_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 1000)
    members = {"big.mid": MIDI * 100, "empty.mid": b"", "text.mid": b"hm", "big.txt": b"x" * 9999}
    folder = write_folder(tmp_path / "folder", members)
    expected = {
        "big.mid": "too large (3,400 bytes)",
        "empty.mid": "empty file",
        "text.mid": "neither a MIDI nor an .npz file (by its first bytes)",
    }
    assert errors(folder) == expected
    assert errors(write_zip(tmp_path / "zip", members)) == expected
    monkeypatch.setattr(sources, "MAX_BYTES", 1 << 14)  # tarfile itself reads blocks
    assert errors(write_tar(tmp_path / "tar", {"big.mid": MIDI * 1000})) == {
        "big.mid": "too large (34,000 bytes)"
    }


def test_names_are_safe_to_print(tmp_path):
    path = write_tar(tmp_path / "tar", {"a\nb\x1b[2J.mid": MIDI, "caf\udce9.mid": MIDI})
    assert names(path) == ["a\\nb\\x1b[2J.mid", "caf\\udce9.mid"]


def test_links_in_a_tar_are_not_followed(tmp_path):
    with tarfile.open(tmp_path / "tar", "w") as archive:
        info = tarfile.TarInfo("link.mid")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    assert errors(tmp_path / "tar") == {"link.mid": "a link or a device, not a file"}


def test_reading_ahead(tmp_path):
    """The files and errors are the same, in the same order; whoever stops early waits for none."""
    write_tar(tmp_path / "songs.tar", {f"{i}.mid": MIDI + bytes([i]) for i in range(20)})
    plain = list(items(tmp_path / "songs.tar"))
    assert [item.data for item in sources.ahead(iter(plain))] == [item.data for item in plain]
    with closing(sources.ahead(iter(plain))) as stream:
        assert next(stream).name == plain[0].name
    (tmp_path / "empty").mkdir()
    with pytest.raises(Error, match="empty: "):
        list(sources.ahead(items(tmp_path / "empty")))


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.xz", "zip"])
def test_a_cut_off_archive_gives_what_can_be_read(tmp_path, kind):
    songs = {f"{k:02}.mid": MIDI + os.urandom(40_000) for k in range(20)}
    path = WRITERS[kind](tmp_path / "archive", songs)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = list(items(path))
    whole = [item for item in found if not item.error]
    assert 5 <= len(whole) < 20
    assert all(item.data == songs[item.name] for item in whole)
    assert found[-1].name == "archive"
    assert found[-1].error.startswith("damaged archive: the rest of it is not read (")


def test_a_damaged_member_of_a_zip_does_not_hide_the_others(tmp_path):
    path = write_zip(tmp_path / "zip", {f"{k}.mid": MIDI + os.urandom(500) for k in range(3)})
    data = bytearray(path.read_bytes())
    second = data.index(b"1.mid")
    data[second + 50 : second + 90] = bytes(40)
    path.write_bytes(data)
    assert names(path) == ["0.mid", "2.mid"]
    assert errors(path)["1.mid"].startswith("cannot be read (")


def test_a_damaged_header_of_a_tar(tmp_path):
    path = write_tar(tmp_path / "tar", {"a.mid": MIDI, "b.mid": MIDI, "c.mid": MIDI})
    data = bytearray(path.read_bytes())
    data[1024 + 148 : 1024 + 156] = b"\xff" * 8  # the checksum of the second
    path.write_bytes(data)
    assert names(path) == ["a.mid"]
    assert "a header cannot be read" in errors(path)["tar"]


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE])
def test_a_header_that_claims_four_gigabytes(tmp_path, kind):
    info = tarfile.TarInfo("b.mid")
    info.type, info.size = kind, 1 << 32
    header = info.tobuf(tarfile.GNU_FORMAT)
    path = write_tar(tmp_path / "tar", {"a.mid": MIDI})
    path.write_bytes(gzip.compress(path.read_bytes()[:1024] + header + bytes(10_000)))
    assert names(path) == ["a.mid"]
    assert 1 <= len(errors(path)) <= 2


def test_a_tar_whose_members_have_negative_length_ends(tmp_path):
    info = tarfile.TarInfo("b.mid")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12  # base 256: -1
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    path = tmp_path / "tar"
    path.write_bytes(bytes(header) + bytes(2048))
    assert errors(path)


@pytest.mark.parametrize("magic", [b"IWAD", b"PWAD"])
def test_the_music_of_a_wad(tmp_path, magic):
    lumps = [
        ("PLAYPAL", b"colours"),
        ("D_E1M1", MIDI),
        ("D_E1M2", MIDI + b"2"),
        ("D_E1M3", MIDI),  # the same again
        ("D_OLD", b"MUS\x1a..."),
        ("SECRET", MIDI + b"3"),
        ("MARKER", b""),
    ]
    path = write_wad(tmp_path / "doom", lumps, magic)
    assert names(path) == ["D_E1M1", "D_E1M2", "SECRET"]
    assert errors(path) == {"D_OLD": "in Doom's own MUS format, not MIDI"}
    folder = write_folder(tmp_path / "games", {"x.mid": MIDI})
    path.rename(folder / "doom.wad")
    assert names(folder) == ["doom.wad/D_E1M1", "doom.wad/D_E1M2", "doom.wad/SECRET", "x.mid"]


def test_the_word_freedoom(tmp_path, monkeypatch):
    one = write_wad(tmp_path / "one.wad", [("D_A", MIDI)])
    two = write_wad(tmp_path / "two.wad", [("D_A", MIDI + b"2")])
    monkeypatch.setattr(corpora, "files", {"freedoom": [one, two]}.get)
    assert [(i.name, i.at) for i in items("freedoom")] == [("one.wad/D_A", 0.5), ("two.wad/D_A", 1)]


def test_a_damaged_wad(tmp_path):
    path = write_wad(tmp_path / "wad", [("D_A", MIDI), ("D_B", MIDI + b"2")])
    data = bytearray(path.read_bytes())
    data[4:8] = struct.pack("<i", 1 << 30)  # entries that are not there
    data[-12:-8] = struct.pack("<i", 1 << 20)  # a lump longer than the file
    path.write_bytes(data)
    assert names(path) == ["D_A"]
    assert errors(path) == {
        "D_B": "cannot be read (the file ends within it)",
        "wad": "damaged archive: the rest of it is not read (its directory is cut off)",
    }
    path.write_bytes(struct.pack("<4sii", b"IWAD", -1, 12))
    assert "its header makes no sense" in errors(path)["wad"]


def test_what_is_no_source(tmp_path):
    with pytest.raises(Error, match=r"no such file or folder; give a folder, a \.tar"):
        list(items(tmp_path / "nowhere"))
    (tmp_path / "text").write_bytes(b"no music at all" * 100)
    with pytest.raises(Error, match="not a folder, archive, WAD, MIDI or LPD"):
        list(items(tmp_path / "text"))
    (tmp_path / "text").write_bytes(gzip.compress(b"no music at all" * 100))
    with pytest.raises(Error, match="not a folder, archive, WAD, MIDI or LPD"):
        list(items(tmp_path / "text"))
    for write in (write_tar, write_zip):
        with pytest.raises(Error, match=r"there is no MIDI file and no LPD \.npz file in it"):
            list(items(write(tmp_path / "archive", {"a.txt": b"words"})))


def test_the_archives_of_the_corpora(shared_data):
    counts = {"freedoom": 100, "jsb": 207, "nottingham": 922, "piano_midi": 295, "pop909": 779}
    for name, count in counts.items():
        found = list(items(shared_data / f"{name}.tar.xz"))
        assert len(found) == count
        assert not any(item.error for item in found)


def test_a_member_without_a_name_is_no_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("", "song.mid"):
            with archive.open(name, "w") as member:
                member.write(b"MThd and more")
    assert [item.name for item in items(tmp_path / "x.zip")] == ["", "song.mid"]
