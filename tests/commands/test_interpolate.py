"""`musegen interpolate`: from one phrase to another."""

import numpy as np
import pytest

from musegen import midi
from musegen.commands import systems

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def ends(tmp_path):
    """Two files of two phrases each; the second of 96 steps a bar."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 4, 48, 84, 5)) < 0.01, rng.random((2, 4, 96, 84, 5)) < 0.01
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    return a, b


def test_the_way_starts_and_ends_at_the_phrases_that_were_asked_for(
    musegen, system, ends, tmp_path
):
    a, b = ends
    code, told, _ = musegen(
        "interpolate", system, "--from", "a.npy", "--to", "b.npy", "--phrase-from", 2, "-n", 5,
        "-o", "way.npy", "-o", "way.mid", "-o", "way.png",
    )  # fmt: skip
    assert code == 0
    assert told.startswith("way.npy, way.mid and way.png: 5 phrases of 4 bars, 48.0 s")
    way = np.load(tmp_path / "way.npy")
    band = systems.open_system(system)
    assert np.array_equal(way, band.interpolate(a[1], b[0, :, ::2], 5))
    assert not np.array_equal(way[0], way[-1])
    assert np.array_equal(midi.phrases(tmp_path / "way.mid"), way)
    assert (tmp_path / "way.png").read_bytes().startswith(b"\x89PNG")


def test_two_seeds_are_the_ends(musegen, system, tmp_path):
    code, told, _ = musegen("interpolate", system, "--seeds", 1, 2, "-n", 3, "--no-refine")
    assert code == 0
    assert told.startswith("band-interpolated.mid: 3 phrases")
    band = systems.open_system(system)
    first, last = (band.generate(1, seed=seed)[0] for seed in (1, 2))
    expected = band.interpolate(first, last, 3, refine=False)
    assert np.array_equal(midi.phrases(tmp_path / "band-interpolated.mid"), expected)


def test_phrases_of_different_lengths_do_not_meet(musegen, system, ends, tmp_path):
    np.save(tmp_path / "short.npy", ends[0][:, :2])
    code, _, error = musegen("interpolate", system, "--from", "a.npy", "--to", "short.npy")
    assert code == 2
    assert "a.npy has phrases of 4 bars and short.npy of 2" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give --from and --to, or two --seeds"),
        (("--from", "a.npy"), "give --from and --to, or two --seeds"),
        (("--seeds", "1", "2", "--to", "a.npy"), "--seeds stands instead of --from and --to"),
        (("--seeds", "1", "2", "--phrase-to", "1"), "--seeds stands instead of --from and --to"),
        (("--from", "a.npy", "--to", "no.mid"), "no.mid: no such file or folder"),
        (("--from", "a.npy", "--to", "b.npy", "--phrase-to", "3"), "--phrase-to 3: b.npy has 2"),
        (("--from", "eight.npy", "--to", "b.npy"), "eight.npy: has the tracks drums, piano"),
        (("--from", "a.npy", "--to", "b.npy", "-o", "a.npy"), "a.npy: is read or written"),
        (("--seeds", "1", "2", "-n", "1"), "1: give a whole number from 2 to 1000"),
    ],
)
def test_mistakes_are_told_before_the_system_is_loaded(
    words, message, musegen, ends, tmp_path, monkeypatch
):
    np.save(tmp_path / "eight.npy", np.ones((1, 4, 48, 84, 8), bool))
    monkeypatch.setattr(systems, "open_system", None)
    code, told, error = musegen("interpolate", "x", *words)
    assert (code, told, error.count("\n")) == (2, "", 1)
    assert message in error
