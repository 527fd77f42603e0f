"""Sound that is too long is refused before the music is made, in a line that names the file."""

import pytest

from musegen import Error, audio
from musegen.commands import calls, outputs


@pytest.fixture
def playing(monkeypatch):
    """Makes a player seem to exist, and every system fail if it is called."""
    monkeypatch.setattr(audio, "sound_font", lambda: None)
    monkeypatch.setattr(audio, "player", lambda: None)
    monkeypatch.setattr(calls, "call", None)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("-n", 401, "--tempo", 40, "--gap", 0), "lasts 2.7 hours"),
        (("-n", 451, "--tempo", 40, "--gap", 0), "lasts 3.0 hours; 3 at most are played"),
        (("-n", 501, "--tempo", 1000), "has 10,016 beats; 10,000 at most are played"),
        (("-n", 10_000), "lasts 33.3 hours"),
    ],
)
@pytest.mark.usefixtures("playing")
def test_generate(words, why, musegen, system, tmp_path):
    if "2.7" in why:  # is played
        with pytest.raises(TypeError):
            musegen("generate", system, *words, "-o", "x.wav")
        return
    code, out, said = musegen("generate", system, *words, "-o", "x.mid", "-o", "x.wav")
    assert (code, out) == (2, "")
    assert said.startswith("musegen: x.wav: ")
    assert why in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("playing")
def test_interpolate(musegen, composing, system, write_song):
    grid = ("--grid", "-n", 32, "--tempo", 20)
    seeds = ("--seeds", 1, 2, "-n", 1000, "--gap", 64)
    own = write_song()
    ends = ("--from", own, "--to", own, "-n", 999, "--tempo", 20)
    for name, words in ((composing, grid), (composing, seeds), (system, ends)):
        code, _, said = musegen("interpolate", name, *words, "-o", "x.wav")
        assert code == 2
        assert said.startswith("musegen: x.wav: lasts ")


@pytest.mark.usefixtures("playing")
def test_songs(musegen, system, accompanying, write_song):
    slow = write_song(tempi=((0, 4),), beats=800)
    for command, player in (("restore", system), ("accompany", accompanying)):
        code, _, said = musegen(command, slow, "--system", player, "-o", "x.wav")
        assert code == 2
        assert said.startswith("musegen: x.wav: lasts 3.3 hours; 3 at most are played")


def test_other_limits_name_the_users_file(tmp_path, monkeypatch):
    class Crowded:
        def dumps_midi(self):
            return b"MThd" + bytes(1 << 22)

    with pytest.raises(Error, match=r"x\.wav: too large for one song"):
        outputs.write([tmp_path / "x.wav"], Crowded(), None, None)
    assert list(tmp_path.iterdir()) == []
