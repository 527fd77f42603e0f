"""Reads the messages of a MIDI file from its bytes, track by track."""

from collections.abc import Iterator

OFF, ON, CONTROL, PROGRAM, PRESSURE = 0x8, 0x9, 0xB, 0xC, 0xD  # kinds, the upper half of a status
META = 0xFF  # the status of a message about the file
TEMPO, METER = 0x51, 0x58  # what such a message is about
DRUMS = 9  # the channel


def tracks(data: bytes) -> Iterator[bytes]:
    """Yields the content of each track."""
    at = 8 + int.from_bytes(data[4:8])
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8])
        if data[at : at + 4] == b"MTrk":
            yield data[at + 8 : at + 8 + size]
        at += 8 + size


def events(track: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yields the tick, the status and two bytes (the second 0 if there is only one) of each event.

    A message about the file has the status `META`, its kind as the first byte, and the first
    three bytes of its content as a number in place of the second.
    """
    at = tick = status = 0
    while at < len(track):
        delta, at = _number(track, at)
        tick += delta
        byte = track[at : at + 1]
        if byte >= b"\xf0":  # no channel's: a length follows
            about = track[at + 1 : at + 2] if byte == b"\xff" else b""
            size, at = _number(track, at + 1 + len(about))
            if about:
                yield tick, META, about[0], int.from_bytes(track[at : at + min(size, 3)])
            at += size
            continue
        if byte >= b"\x80":
            status, at = byte[0], at + 1
        width = 1 if status >> 4 in (PROGRAM, PRESSURE) else 2
        values = track[at : at + width]
        if len(values) < width:
            return
        yield tick, status, values[0], values[1] if width == 2 else 0
        at += width


def _number(track: bytes, at: int) -> tuple[int, int]:
    """Returns a number of MIDI, seven bits a byte, and the position after it."""
    number = 0
    while at < len(track):
        byte = track[at]
        number, at = number << 7 | byte & 127, at + 1
        if byte < 128:
            break
    return number, at
