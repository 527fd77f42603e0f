"""Rendering of MIDI as WAV; without FluidSynth a message says what to install."""

import shutil
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from musegen import Error, audio, cli
from musegen.music import midi


@pytest.fixture
def song(tmp_path):
    x = np.zeros((1, 4, 48, 84, 5), bool)
    x[0, :, 0:40, 36, 1] = True
    return midi.write(x, tmp_path / "song.mid")


def installed() -> bool:
    try:
        audio.sound_font()
    except Error:
        return False
    return shutil.which("fluidsynth") is not None


@pytest.mark.skipif(not installed(), reason="FluidSynth or a sound font is not installed")
def test_the_song_sounds_for_its_length(song, tmp_path):
    with wave.open(str(audio.render(song, tmp_path / "out" / "song.wav", rate=22050))) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        assert (sound.getnchannels(), sound.getframerate()) == (2, 22050)
        assert 9.0 < sound.getnframes() / 22050 < 15.0
    assert np.abs(samples.astype(int)).max() > 1000
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["song.wav"]


def test_without_fluidsynth_it_says_what_to_install(song, tmp_path, monkeypatch):
    monkeypatch.setattr(audio.shutil, "which", lambda name: None)
    with pytest.raises(Error, match="install Debian's package fluidsynth"):
        audio.render(song, tmp_path / "song.wav")


def test_without_a_sound_font_it_says_what_to_install(song, tmp_path, monkeypatch):
    monkeypatch.setattr(audio.shutil, "which", lambda name: "/usr/bin/fluidsynth")
    monkeypatch.setattr(audio, "FOLDERS", ())
    with pytest.raises(Error, match="fluid-soundfont-gm or timgm6mb-soundfont"):
        audio.render(song, tmp_path / "song.wav")
    with pytest.raises(Error, match="no such sound font"):
        audio.render(song, tmp_path / "song.wav", tmp_path / "none.sf2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wav": "song.mid"}, "ends in .wav"),
        ({"wav": "x.wav", "rate": 0}, "choose 8000 to 96000"),
        ({"wav": "x.wav", "soundfont": "song.mid"}, "no sound font"),
        ({"wav": "/dev/null/x.wav"}, "cannot be written"),
    ],
)
@pytest.mark.skipif(not installed(), reason="FluidSynth or a sound font is not installed")
def test_mistakes_leave_the_song_alone(song, options, message, monkeypatch):
    monkeypatch.chdir(song.parent)
    before = song.read_bytes()
    with pytest.raises(Error, match=message):
        audio.render(song, **options)
    assert song.read_bytes() == before


@pytest.fixture
def player(tmp_path, monkeypatch):
    """Replaces FluidSynth by a Python script, in which `F` is the file to write to."""
    (tmp_path / "font.sf2").write_bytes(b"RIFF")
    program = tmp_path / "fluidsynth"

    def plays(script):
        start = (
            f"#!{sys.executable}\nimport sys, os, time\nF = sys.argv[sys.argv.index('-F') + 1]\n"
        )
        program.write_text(start + script)
        program.chmod(0o755)
        monkeypatch.setattr(audio.shutil, "which", lambda name: str(program))
        return tmp_path / "font.sf2"

    return plays


FOREVER = "f = open(F, 'wb')\nwhile True: f.write(bytes(1 << 20))\n"


def test_a_sound_that_is_cut_off_is_no_sound(song, tmp_path, player):
    font = player("open(F, 'wb').write(bytes(1000))")
    with pytest.raises(Error, match="FluidSynth stopped before its end"):
        audio.render(song, tmp_path / "out" / "x.wav", font)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_sound_without_end_is_cut(song, tmp_path, player):
    path = audio.render(song, tmp_path / "out" / "x.wav", player(FOREVER), rate=8000)
    with wave.open(str(path)) as sound:
        assert audio.TAIL + 7 < sound.getnframes() / 8000 < audio.TAIL + 15
    assert list((tmp_path / "out").iterdir()) == [path]


def test_a_full_disk_is_reported_and_the_old_sound_stays(song, tmp_path, player, full_disk):
    out = tmp_path / "out" / "x.wav"
    out.parent.mkdir()
    out.write_bytes(b"old")
    font = player(FOREVER)
    with full_disk(100_000), pytest.raises(Error, match=r"x\.wav: cannot be written"):
        audio.render(song, out, font)
    assert out.read_bytes() == b"old"
    assert [path.name for path in out.parent.iterdir()] == ["x.wav"]


def test_a_file_of_44_bytes_does_not_sound_for_days(tmp_path, player):
    slowest = b"\0\xff\x51\x03\xff\xff\xff"
    note = b"\0\x90\x3c\x40\x83\xe0\x38\x80\x3c\0\0\xff\x2f\0"
    track = slowest + note
    path = tmp_path / "long.mid"
    path.write_bytes(
        b"MThd" + struct.pack(">I3H", 6, 0, 1, 8) + b"MTrk" + struct.pack(">I", len(track)) + track
    )
    font = player("open('/dev/null'); raise SystemExit('must not start')")
    with pytest.raises(Error, match=r"long.mid: .*(hours|beats)"):
        audio.render(path, tmp_path / "long.wav", font)
    assert not (tmp_path / "long.wav").exists()


def test_a_killed_parent_takes_the_player_with_it(song, tmp_path, player):
    font = player(f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n" + FOREVER)
    program = tmp_path / "fluidsynth"
    code = (
        "import sys; from musegen import audio\n"
        "audio.player = lambda: sys.argv[1]; audio.render(*sys.argv[2:])"
    )
    words = [program, song, tmp_path / "x.wav", font]
    parent = subprocess.Popen([sys.executable, "-c", code, *map(str, words)])
    try:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    finally:
        parent.kill()
        parent.wait()
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not runs(pid))


def until(happens):
    end = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.05)


def runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_name_that_begins_with_a_dash_is_no_option(song, tmp_path, player, monkeypatch):
    monkeypatch.chdir(tmp_path)
    song.rename("-i.mid")
    told = tmp_path / "words"
    font = player(
        f"open({str(told)!r}, 'w').write('\\n'.join(sys.argv))\nopen(F, 'wb').write(bytes(1 << 22))"
    )
    assert audio.render("-i.mid", "x.wav", font.name).read_bytes()[:4] == b"RIFF"
    assert told.read_text().splitlines()[-2:] == [str(font), str(tmp_path / "-i.mid")]


def test_a_song_is_not_played_over_itself(song, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    song.rename("song.wav")
    before = Path("song.wav").read_bytes()
    for words in (["song.wav"], ["song.wav", "-o", "song.wav"], ["./song.wav"]):
        assert cli.main(["render", *words]) == 2
        assert "is read or written already" in capsys.readouterr().err
    assert Path("song.wav").read_bytes() == before


def test_the_best_sound_font_is_taken(tmp_path, monkeypatch):
    for name in ("TimGM6mb.sf2", "FluidR3_GM.sf2", "other.sf3"):
        (tmp_path / name).touch()
    monkeypatch.setattr(audio, "FOLDERS", (str(tmp_path),))
    assert audio.sound_font().name == "FluidR3_GM.sf2"
