"""`musegen accompany` copies the given track from the file; the others are in step with it."""

import numpy as np
import pytest
import symusic

from musegen.commands import calls
from musegen.music import midi
from musegen.music.phrases import TRACKS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PICKUP = ((0, 1, 4), (1, 4, 4))
CHANGES = ((0, 120), (7.3, 91), (20, 140))
OTHERS = [track for track in TRACKS if track != "piano"]


def notes_of(path, name):
    """Start and length in beats, pitch and velocity of the notes of one instrument."""
    score = symusic.Score(path)
    (track,) = (track for track in score.tracks if track.name == name)
    columns = track.notes.numpy()
    beats = [(columns[key] / score.tpq).tolist() for key in ("time", "duration")]
    return [*beats, columns["pitch"].tolist(), columns["velocity"].tolist()]


@pytest.mark.parametrize(
    ("n_bars", "options"),
    [
        (1, {"beats": 2}),
        pytest.param(4, {"beats": 16}, marks=pytest.mark.slow),
        pytest.param(8, {}, marks=pytest.mark.slow),
        (5, {"beats": 17, "tempi": CHANGES, "tpq": 100}),
        (9, {"meters": PICKUP, "tempi": CHANGES}),
        (7, {"meters": ((2, 4, 4),), "tempi": CHANGES}),
    ],
    ids=["half a bar", "one phrase", "two", "another beat", "pickup", "late first beat"],
)
def test_any_length_of_song_keeps_its_piano_and_its_time(
    n_bars, options, musegen, accompanying, write_song, tmp_path
):
    source, out = write_song(**options), tmp_path / "out.mid"
    code, printed, error = musegen("accompany", source, "--system", accompanying, "-o", "out.mid")
    assert (code, error) == (0, "")
    drawn, length = "seed 0, z-std of the preset", "1 bar" if n_bars == 1 else f"{n_bars} bars"
    assert printed.splitlines()[0] == f"out.mid: {length}, in step with {source}; {drawn}"
    assert printed.splitlines()[-1].split() == ["part", "new", "given", "new", "new", "new"]
    assert notes_of(out, "my piano") == notes_of(source, "my piano")
    ours, theirs = symusic.Score(out), symusic.Score(source)
    assert sorted(track.name for track in ours.tracks) == sorted(["my piano", *OTHERS])
    for score in (ours, theirs):
        score.tempos.sort(), score.time_signatures.sort()
    for kind in ("tempos", "time_signatures", "key_signatures"):
        assert events_in(ours, kind) == events_in(theirs, kind)
    for track in ours.tracks:
        for note in track.notes:
            assert note.start >= 0
            assert note.end / ours.tpq <= theirs.end() / theirs.tpq + 1e-9


def events_in(score, kind):
    """Events of the whole song with their times in beats."""
    names = {
        "tempos": ("qpm",),
        "time_signatures": ("numerator", "denominator"),
        "key_signatures": ("key", "tonality"),
    }[kind]
    return [
        (event.time / score.tpq, *(getattr(event, name) for name in names))
        for event in getattr(score, kind)
    ]


def test_the_others_are_what_the_system_plays_to_the_piano(
    musegen, accompanying, write_song, tmp_path
):
    source = write_song(meters=PICKUP, beats=30)
    musegen("accompany", source, "--system", accompanying, "-o", "out.npy", "-o", "out.mid")
    (bars,) = np.load(tmp_path / "out.npy")
    song = midi.read(source)
    original = song.bars(96)
    phrases = np.zeros((3, 4, 96, 84, 5), bool)  # of 9 bars, the first a pickup
    phrases.reshape(12, 96, 84, 5)[:9] = original
    played = calls.open_system(accompanying).accompany(phrases).reshape(12, 96, 84, 5)[:9]
    inside = song.lasts(96)[..., None, None]
    assert np.array_equal(bars, played & inside)
    assert np.array_equal(bars[..., 1], original[..., 1])
    assert bars.any(axis=(1, 2))[:, [0, 2, 3, 4]].all()
    assert not bars[0, :72].any()
    again = midi.read(tmp_path / "out.mid").bars(96)
    bars[8, 23] = again[8, 23]  # the last step is the silence at the end of every note
    assert np.array_equal(again, bars)


def test_equal_seeds_give_equal_files_and_other_choices_others(
    musegen, accompanying, write_song, tmp_path
):
    source = write_song(beats=16)
    ways = {
        "a": (), "b": ("--track", "piano", "--seed", 0), "c": ("--seed", 7),
        "d": ("--z-std", 0.5), "e": ("--binarisation", "monophonic"),
        "f": ("--binarisation", "bernoulli"), "g": ("--quantise", "any"),
    }  # fmt: skip
    for name, words in ways.items():
        out = ("-o", f"{name}.mid", "-o", f"{name}.npy")
        code, printed, _ = musegen("accompany", source, "--system", accompanying, *words, *out)
        assert code == 0
        assert ("z-std 0.5" in printed) == (name == "d")
        assert notes_of(tmp_path / f"{name}.mid", "my piano") == notes_of(source, "my piano")
    a, b, *others = ((tmp_path / f"{name}.mid").read_bytes() for name in ways)
    assert a == b
    assert len({a, *others}) == 6
    plain, quantised = (np.load(tmp_path / f"{name}.npy") for name in "ag")
    sixteenths = plain.reshape(1, 4, 16, 6, 84, 5).any(axis=3)
    assert np.array_equal(quantised[:, :, ::6, :, [0, 2, 3, 4]], sixteenths[..., [0, 2, 3, 4]])
    assert np.array_equal(quantised[:, :, 5::6, :, 2:], sixteenths[..., 2:])
    assert np.array_equal(quantised[..., 1], plain[..., 1])
    assert np.load(tmp_path / "e.npy")[..., 3].sum(axis=-1).max() == 1


def test_a_picture_shows_the_song_and_what_was_played(musegen, accompanying, write_song, tmp_path):
    write_song("my song.mid")
    code, printed, _ = musegen(
        "accompany", "my song.mid", "--system", accompanying, "-o", "out.png"
    )
    assert code == 0
    assert printed.startswith("out.png: 8 bars")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    musegen("accompany", "my song.mid", "--system", accompanying)
    assert (tmp_path / "my song-accompanied.mid").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--track", "oboe"), "--track oboe: there is no such track; choose drums, piano"),
        (("--binarisation", "hard"), "argument --binarisation: invalid choice: 'hard'"),
        (("--quantise", "some"), "argument --quantise: invalid choice: 'some'"),
        (("--z-std", "much"), "much: give a number from 0 to 1000"),
    ],
)
def test_mistakes_are_reported_before_the_system_is_loaded(
    words, message, musegen, write_song, monkeypatch
):
    monkeypatch.setattr(calls, "open_system", None)
    write_song()
    code, printed, error = musegen("accompany", "song.mid", "--system", "x", *words)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert message in error


def test_what_a_system_cannot_do(musegen, system, composing, accompanying, write_song, tmp_path):
    write_song()
    write_song("drums.mid", tracks=["drums"])
    for song, name, words, message in (
        ("song.mid", system, (),
         f"{system}: cannot accompany, but it can generate and restore and interpolate; "),
        ("song.mid", composing, (), f"{composing}: cannot accompany, but it can generate and "),
        ("song.mid", accompanying, ("--track", "bass"),
         "--track bass: this system can accompany only piano"),
        ("song.mid", accompanying, ("--z-std", "fit"),
         "z_std 'fit': this system has no measured vectors; give a number"),
        ("drums.mid", accompanying, (), "drums.mid: has no note in the piano to accompany"),
        ("song.mid", "nobody", (), "nobody: no trained system"),
    ):  # fmt: skip
        code, printed, error = musegen("accompany", song, "--system", name, *words)
        assert (code, printed, error.count("\n")) == (2, "", 1)
        assert message in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drums.mid", "song.mid"]
