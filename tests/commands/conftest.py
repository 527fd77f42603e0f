"""A system and songs to try the commands on."""

import dataclasses
import functools

import numpy as np
import pytest
import symusic
import toys

from musegen import cli, data, registry

QUARTER = 480
FOUR_FOUR = ((0, 4, 4),)


@pytest.fixture(scope="session")
def system(tmp_path_factory):
    """The folder of a system with random weights."""
    return toys.band(tmp_path_factory.mktemp("systems") / "band")


@pytest.fixture(scope="session")
def fitted(system, tmp_path_factory):
    """The same system with measured latents."""
    from musegen.models.midi_sandwich2 import system as midi_s2

    band = midi_s2.MidiS2.load(system)
    music = np.random.default_rng(0).random((4, 4, 48, 84, 5)) < 0.01
    band.latents = band.measure_latents(data.load(music))
    return band.save(tmp_path_factory.mktemp("systems") / "fitted")


# A system is opened once: what it plays depends on the seed alone.
opened = functools.cache(registry.load)


@pytest.fixture
def musegen(capsys, tmp_path, monkeypatch):
    """Runs a command line in an empty folder; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "load", opened)

    def run(*words):
        code = cli.main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


PROGRAMS = {"drums": 0, "piano": 5, "guitar": 25, "bass": 33, "strings": 50}


def song(
    meters=FOUR_FOUR, beats=30, tracks=("drums", "piano", "bass"), tempi=((0, 120),), tpq=QUARTER
):
    """A MIDI file of eighth notes; meters and tempi are placed in beats. Gives its bytes."""
    rng = np.random.default_rng(beats)
    score = symusic.Score(tpq)
    for beat, top, bottom in meters:
        score.time_signatures.append(symusic.TimeSignature(round(beat * tpq), top, bottom))
    for beat, tempo in tempi:
        score.tempos.append(symusic.Tempo(round(beat * tpq), tempo))
    score.key_signatures.append(symusic.KeySignature(0, -3, 1))
    score.key_signatures.append(symusic.KeySignature(9 * tpq, 2, 0))
    for name in tracks:
        track = symusic.Track(name=f"my {name}", program=PROGRAMS[name], is_drum=name == "drums")
        for start in range(0, beats * tpq, tpq // 2):
            pitch, velocity = rng.integers(36, 60), rng.integers(40, 110)
            track.notes.append(symusic.Note(start, tpq // 2, int(pitch), int(velocity)))
        score.tracks.append(track)
    return score.dumps_midi()


@pytest.fixture
def write_song(tmp_path):
    """Writes such a file and gives its path."""

    def write(name="song.mid", **options):
        path = tmp_path / name
        path.write_bytes(song(**options))
        return path

    return write


def tiny(given, folder):
    """A MuseGAN with few and random weights, alone or to a given track.

    The first layers have weights so large that vectors are heard beside a given track.
    """
    from musegen.models.musegan.generators import generator
    from musegen.models.musegan.settings import PRESETS, Kind
    from musegen.models.musegan.system import MuseGAN

    settings = dataclasses.replace(PRESETS["paper"], width=1 / 32)
    kind = Kind("hybrid", given)
    network, rng = generator(settings, kind), np.random.default_rng(0)
    for weight in network.trainable_weights:
        if weight.name == "kernel":
            loud = 50 if given and "time_1" in weight.path else 1
            weight.assign(loud * rng.standard_normal(weight.shape) / np.sqrt(weight.shape[-1]))
    return MuseGAN("paper", kind, network).save(folder)


@pytest.fixture(scope="session")
def composing(tmp_path_factory):
    """The folder of a system that reads no music and writes it in 96 steps a bar."""
    return tiny(None, tmp_path_factory.mktemp("systems") / "composing")


@pytest.fixture(scope="session")
def accompanying(tmp_path_factory):
    """The folder of a system that writes music to a piano."""
    return tiny("piano", tmp_path_factory.mktemp("systems") / "accompanying")
