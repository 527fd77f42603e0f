"""MIDI to WAV, with FluidSynth where it is installed and a clear line where it is not."""

import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from musegen import Error, audio, midi


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


def test_a_sound_that_is_cut_off_is_no_sound(song, tmp_path, monkeypatch):
    def plays_a_little(command, **_):
        Path(command[command.index("-F") + 1]).write_bytes(bytes(1000))
        return subprocess.CompletedProcess(command, 0, "", "")

    (tmp_path / "font.sf2").write_bytes(b"RIFF")
    monkeypatch.setattr(audio.shutil, "which", lambda name: "/usr/bin/fluidsynth")
    monkeypatch.setattr(audio.subprocess, "run", plays_a_little)
    with pytest.raises(Error, match="the sound is cut off"):
        audio.render(song, tmp_path / "out" / "x.wav", tmp_path / "font.sf2")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_best_sound_font_is_taken(tmp_path, monkeypatch):
    for name in ("TimGM6mb.sf2", "FluidR3_GM.sf2", "other.sf3"):
        (tmp_path / name).touch()
    monkeypatch.setattr(audio, "FOLDERS", (str(tmp_path),))
    assert audio.sound_font().name == "FluidR3_GM.sf2"
