"""`musegen interpolate`: from one phrase to another."""

import numpy as np
import pytest

from musegen import plots
from musegen.commands import calls
from musegen.music import midi

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def ends(tmp_path):
    """Two files of two phrases each; the second of 96 steps a bar."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 4, 48, 84, 5)) < 0.01, rng.random((2, 4, 96, 84, 5)) < 0.01
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    return a, b


def test_the_ends_are_the_chosen_phrases(musegen, system, ends, tmp_path):
    a, b = ends
    code, printed, _ = musegen(
        "interpolate", system, "--from", "a.npy", "--to", "b.npy", "--phrase-from", 2, "-n", 5,
        "-o", "way.npy", "-o", "way.mid", "-o", "way.png",
    )  # fmt: skip
    assert code == 0
    assert printed.startswith("way.npy, way.mid and way.png: 5 phrases of 4 bars, 48.0 s")
    way = np.load(tmp_path / "way.npy")
    band = calls.open_system(system)
    assert np.array_equal(way, band.interpolate(a[1], b[0, :, ::2], 5))
    assert not np.array_equal(way[0], way[-1])
    assert np.array_equal(midi.phrases(tmp_path / "way.mid"), way)
    assert (tmp_path / "way.png").read_bytes().startswith(b"\x89PNG")


def test_two_seeds_are_the_ends(musegen, system, tmp_path):
    code, printed, _ = musegen("interpolate", system, "--seeds", 1, 2, "-n", 3, "--no-refine")
    assert code == 0
    assert printed.startswith("band-interpolated.mid: 3 phrases")
    band = calls.open_system(system)
    first, last = (band.generate(1, seed=seed)[0] for seed in (1, 2))
    expected = band.interpolate(first, last, 3, refine=False)
    assert np.array_equal(midi.phrases(tmp_path / "band-interpolated.mid"), expected)


def test_phrases_of_different_lengths_are_refused(musegen, system, ends, tmp_path):
    np.save(tmp_path / "short.npy", ends[0][:, :2])
    code, _, error = musegen("interpolate", system, "--from", "a.npy", "--to", "short.npy")
    assert code == 2
    assert "a.npy has phrases of 4 bars and short.npy of 2" in error


@pytest.mark.slow
def test_a_system_that_reads_no_music_goes_from_seed_to_seed(musegen, composing, tmp_path):
    ways = {"plain": (), "lerp": ("--way", "lerp"), "slerp": ("--way", "slerp")}
    for name, words in ways.items():
        out = ("-o", f"{name}.npy", "-o", f"{name}.png")
        code, printed, _ = musegen("interpolate", composing, "--seeds", 1, 2, "-n", 5, *words, *out)
        assert code == 0
        assert printed.startswith(f"{name}.npy and {name}.png: 5 phrases of 4 bars, 48.0 s")
    plain, lerp, slerp = (np.load(tmp_path / f"{name}.npy") for name in ways)
    band = calls.open_system(composing)
    assert np.array_equal(plain, lerp)
    assert np.array_equal(lerp, band.interpolate_seeds((1, 2), 5))
    assert np.array_equal(slerp, band.interpolate_seeds((1, 2), 5, "slerp"))
    assert not np.array_equal(lerp[2], slerp[2])


@pytest.mark.slow
def test_a_grid_has_as_many_rows_as_columns(musegen, composing, tmp_path, monkeypatch):
    drawn = []
    picture = plots.phrase_grid
    monkeypatch.setattr(plots, "phrase_grid", lambda *given: drawn.append(given) or picture(*given))
    out = ("-o", "grid.npy", "-o", "grid.mid", "-o", "grid.png")
    code, printed, _ = musegen("interpolate", composing, "--grid", "-n", 3, *out)
    assert code == 0
    assert printed.startswith("grid.npy, grid.mid and grid.png: 9 phrases of 4 bars")
    grid = np.load(tmp_path / "grid.npy")
    assert np.array_equal(grid, calls.open_system(composing).grid(3))
    assert np.array_equal(midi.phrases(tmp_path / "grid.mid"), grid)
    assert [columns for _, columns in drawn] == [3]
    musegen("interpolate", composing, "--grid", "--binarisation", "monophonic", "-o", "whole.npy")
    whole = np.load(tmp_path / "whole.npy")
    assert len(whole) == 64
    assert whole[..., 3].sum(axis=-1).max() == 1
    musegen("interpolate", composing, "--grid", "-n", 2, "--reach", 3, "-o", "far.npy")
    far = np.load(tmp_path / "far.npy")
    assert np.array_equal(far, calls.open_system(composing).grid(2, 3.0))
    assert not np.array_equal(far[0], far[1])


def test_what_a_system_cannot_do(musegen, system, composing, accompanying, ends):
    files, seeds = ("--from", "a.npy", "--to", "b.npy"), ("--seeds", 1, 2)
    choice = "has no such option to interpolate"
    alone = f"{accompanying}: cannot interpolate, but it can accompany; midi-s2, "
    for name, words, message in (
        (composing, files, f"{composing}: has no encoder to read a phrase; give two --seeds"),
        (composing, (*seeds, "--seed", 0), f"--seed: musegan-hybrid {choice}"),
        (composing, (*seeds, "--no-refine"), f"--no-refine: musegan-hybrid {choice}"),
        (system, (*seeds, "--way", "lerp"), f"--way: midi-s2 {choice}"),
        (system, (*files, "--way", "slerp"), f"--way: midi-s2 {choice}"),
        (system, (*seeds, "--binarisation", "threshold"), f"--binarisation: midi-s2 {choice}"),
        (
            system,
            ("--grid",),
            f"{system}: cannot draw a grid, but it can generate and restore and interpolate; ",
        ),
        (system / "mfg-vae.keras", seeds, "mfg-vae.keras: is one network; name a whole system"),
        (accompanying, seeds, alone),
        (accompanying, files, alone),
        (accompanying, ("--grid",), alone.replace("interpolate", "draw a grid").split("; ")[0]),
    ):
        code, printed, error = musegen("interpolate", name, *words)
        assert (code, printed, error.count("\n")) == (2, "", 1)
        assert message in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give --from and --to, or two --seeds"),
        (("--from", "a.npy"), "give --from and --to, or two --seeds"),
        (("--seeds", "1", "2", "--to", "a.npy"), "--seeds replaces --from and --to"),
        (("--seeds", "1", "2", "--phrase-to", "1"), "--seeds replaces --from and --to"),
        (("--from", "a.npy", "--to", "no.mid"), "no.mid: no such file or folder"),
        (("--from", "a.npy", "--to", "b.npy", "--phrase-to", "3"), "--phrase-to 3: b.npy has 2"),
        (("--from", "eight.npy", "--to", "b.npy"), "eight.npy: has the tracks drums, piano"),
        (("--from", "a.npy", "--to", "b.npy", "-o", "a.npy"), "a.npy: is read or written"),
        (("--grid", "--seeds", "1", "2"), "--grid cannot be used with --seeds"),
        (("--grid", "--from", "a.npy"), "--grid cannot be used with --from"),
        (("--grid", "--phrase-to", "1"), "--grid cannot be used with --phrase-to"),
        (("--grid", "--way", "lerp"), "--grid cannot be used with --way"),
        (("--grid", "--seed", "0"), "--grid cannot be used with --seed:"),
        (("--seeds", "1", "2", "--reach", "0.5"), "--reach needs --grid"),
        (("--grid", "-n", "33"), "-n 33: a grid has at most 32 x 32 phrases"),
        (("--seeds", "1", "2", "--way", "x"), "argument --way: invalid choice: 'x'"),
        (("--seeds", "1", "2", "-n", "1"), "1: give a whole number from 2 to 1000"),
    ],
)
def test_mistakes_are_reported_before_the_system_is_loaded(
    words, message, musegen, ends, tmp_path, monkeypatch
):
    np.save(tmp_path / "eight.npy", np.ones((1, 4, 48, 84, 8), bool))
    monkeypatch.setattr(calls, "open_system", None)
    code, printed, error = musegen("interpolate", "midi-s2", *words)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert message in error
