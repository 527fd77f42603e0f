"""Every command that reads a song reports a song or an output that it cannot use."""

import numpy as np
import pytest

from musegen.commands import calls
from musegen.music import midi

SYSTEMS = {"accompany": "musegan-hybrid-conditional", "restore": "midi-s2"}
both = pytest.mark.parametrize("command", SYSTEMS)


@both
@pytest.mark.parametrize(
    ("options", "words", "message"),
    [
        ({"meters": ((0, 3, 4),)}, (), "song.mid: from bar 1 it is in 3/4, not 4/4"),
        ({"meters": ((0, 4, 4), (12, 3, 4))}, (), "song.mid: from bar 4 it is in 3/4, not 4/4"),
        ({"meters": ((0, 4, 4), (6, 4, 4))}, (), "song.mid: bar 2 is cut short by a new 4/4"),
        ({"meters": ((0, 6, 8),)}, (), "song.mid: from bar 1 it is in 6/8, not 4/4"),
        ({"beats": 0}, (), "song.mid: there is no note in it"),
        ({}, ("-o", "song.mid"), "song.mid: is read or written already"),
        ({}, ("-o", "nowhere/x.mid"), "there is no folder nowhere"),
        ({}, ("-o", "x.txt"), "x.txt: the name must end in .mid"),
    ],
)
def test_mistakes_are_reported_before_the_system_is_loaded(
    command, options, words, message, musegen, write_song, monkeypatch
):
    monkeypatch.setattr(calls, "open_system", None)
    write_song(**options)
    code, printed, error = musegen(command, "song.mid", "--system", SYSTEMS[command], *words)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert message in error


@both
def test_missing_damaged_and_unplayable_songs(command, musegen, tmp_path):
    (tmp_path / "bad.mid").write_bytes(b"MThd\0\0")
    (tmp_path / "empty.mid").write_bytes(b"")
    midi.write(np.zeros((1, 4, 96, 84, 5), bool), tmp_path / "silent.mid")
    for name, message in (
        ("none.mid", "none.mid: no such file"),
        ("bad.mid", "bad.mid: damaged MIDI file"),
        ("empty.mid", "empty.mid: "),
        ("silent.mid", "silent.mid: has no note in the five tracks"),
    ):
        code, _, error = musegen(command, name, "--system", SYSTEMS[command])
        assert (code, error.count("\n")) == (2, 1)
        assert message in error
