"""Events of MIDI files: arrays give what the plain loop gives, whatever the bytes are."""

import tarfile
import tracemalloc
from collections import defaultdict, deque

import numpy as np
import pytest

from musegen.music.midi import messages, pedal

CORPORA = {"nottingham": 10, "jsb": 10, "piano_midi": 10, "freedoom": 100, "pop909": 5}  # files


def number(value: int) -> bytes:
    """A number of MIDI, seven bits a byte."""
    lower = bytes([value & 127])
    while value := value >> 7:
        lower = bytes([value & 127 | 128]) + lower
    return lower


def joined(*tracks: bytes) -> bytes:
    """A file of tracks given by their content."""
    chunks = (b"MTrk" + len(track).to_bytes(4) + track for track in tracks)
    return b"MThd\0\0\0\6\0\1" + len(tracks).to_bytes(2) + b"\0\x18" + b"".join(chunks)


def event(rng: np.random.Generator, running: int) -> bytes:
    """A random event without its time; with a `running` status it need not tell its own."""
    kind = int(rng.choice([0x80, 0x90, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0, 0xFF]))
    if kind >= 0xF0:
        content = rng.bytes(int(rng.choice([0, 1, 3, 6, 200])))
        about = bytes([rng.choice([0x01, 0x2F, 0x51, 0x58])]) if kind == 0xFF else b""
        return bytes([kind]) + about + number(len(content)) + content
    values = bytes([rng.choice([60, 61, 64]), rng.choice([0, 1, 127])])
    if running and rng.random() < 0.5:
        return values[: 1 if running >> 4 in (0xC, 0xD) else 2]
    return bytes([kind | rng.choice([0, 1, 9])]) + values[: 1 if kind in (0xC0, 0xD0) else 2]


def track(rng: np.random.Generator, narrow: bool) -> bytes:
    """A random track.

    Args:
        narrow: whether an event of one data byte lends its status.
    """
    made, running = b"", 0
    for _ in range(rng.integers(80)):
        lends = running and (narrow or running >> 4 not in (0xC, 0xD))
        made += number(int(rng.choice([0, 1, 127, 128, 20_000, 3_000_000])))
        chosen = event(rng, running if lends else 0)
        made += chosen
        running = chosen[0] if 128 <= chosen[0] < 0xF0 else running
    return made


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Changes, cuts out or inserts some bytes, and cuts off the end."""
    made = bytearray(content)
    for _ in range(rng.integers(4)):
        at = rng.integers(len(made) + 1)
        made[at : at + rng.integers(3)] = rng.bytes(int(rng.integers(3)))
    return bytes(made[: rng.integers(len(made) + 1)] if rng.random() < 0.5 else made)


def contents(data: bytes) -> list[bytes]:
    """The content of each track, found one after the other."""
    at, found = 8 + int.from_bytes(data[4:8]), []
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8])
        found += [data[at + 8 : at + 8 + size]] * (data[at : at + 4] == b"MTrk")
        at += 8 + size
    return found


def check(data: bytes) -> None:
    """Compares the events of a file with those that the plain loop finds."""
    columns = [column.tolist() for column in messages.events(data)]
    assert list(zip(*columns, strict=True)) == [
        (number, *found)
        for number, content in enumerate(contents(data))
        for found in messages.one_by_one(content)
    ]


@pytest.mark.parametrize("seed", range(100))
def test_random_tracks_whole_and_damaged(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    wide, narrow = ([track(rng, lends) for _ in range(3)] for lends in (False, True))
    check(joined(*narrow))
    for _ in range(5):
        check(joined(*(damaged(content, rng) for content in narrow)))
        check(damaged(joined(*wide, *narrow), rng))
    monkeypatch.delattr(messages, "_plain")
    check(joined(*wide))


@pytest.mark.parametrize(
    "content",
    [
        "", "00", "81", "00 90", "00 90 3c", "00 ff", "00 ff 51", "00 f0", "00 f0 85",
        "00 ff 51 03 07", "00 ff 51 03 07 a1", "00 ff 51 83", "00 f0 05 01", "00 3c 40",
        "00 90 3c 40 00 c0 05 00 06 00 07", "00 d0 05 00 90 3c 40 00 3c 00",
        "81 80 80 80 00 90 3c 40", "00 90 3c 40 00 f0 80 80 80 80 01 00 05 3c 00",
        "ff ff ff 7f 90 3c 40" * 9, "ff ff ff ff 7f 90 3c 40", "ff" * 40 + "7f 90 3c 40",
        "00 c0 05 00 ff 01 01 41 06 07 00 90 3c 40", "00 90 ff ff 00 ff ff 00",
    ],
)  # fmt: skip
def test_what_is_unusual(content):
    """It is found with other tracks around it, and at the end of the file."""
    content, usual = bytes.fromhex(content), bytes.fromhex("05 90 3c 40 05 3c 00 00 c0 07")
    data = joined(usual, content, usual)
    found = messages.events(data)
    check(data)
    check(joined(usual, content))
    assert found.tick[found.track == 2].tolist() == [5, 10, 10]
    assert found.programs(np.flatnonzero(found.track == 2)).tolist() == [0, 0, 7]


@pytest.mark.parametrize("corpus", CORPORA)
def test_corpora(corpus, shared_data):
    left = CORPORA[corpus]
    with tarfile.open(shared_data / f"{corpus}.tar.xz") as archive:
        for member in archive:
            if left and member.name.endswith(".mid"):
                check(archive.extractfile(member).read())
                left -= 1
    assert not left


@pytest.mark.parametrize("content", [b"\0\x90\x3c\x40", b"\0\x3c\x40", b"\0\xff\x01\0", b"\0\xff"])
def test_memory(content):
    """Also that of a track made to do harm stays within some times its length."""
    data = joined(content * (1_000_000 // len(content)))
    tracemalloc.start()
    try:
        messages.events(data)
        assert tracemalloc.get_traced_memory()[1] < 100 * len(data)
    finally:
        tracemalloc.stop()


def sounding(data: bytes) -> list[tuple[int, int, int]]:
    """Track, channel and program of all voices, found with a queue for each pitch."""
    voices = set()
    for number, content in enumerate(contents(data)):
        programs, opened = [0] * 16, defaultdict(deque)
        for _, status, first, second in messages.one_by_one(content):
            kind, channel = status >> 4, status & 15
            if kind == messages.ON and second:
                opened[channel, first].append(programs[channel])
            elif kind in (messages.ON, messages.OFF) and opened[channel, first]:
                voices.add((number, channel, opened[channel, first].popleft()))
            elif kind == messages.PROGRAM:
                programs[channel] = first
    return sorted(voices)


@pytest.mark.parametrize("seed", range(100))
def test_voices_are_those_of_queues(seed):
    rng = np.random.default_rng(seed)
    data = joined(*(track(rng, True)[: rng.integers(200)] for _ in range(8)))
    events = messages.events(data)
    assert pedal._voices(events, pedal._ended(events)) == sounding(data)
