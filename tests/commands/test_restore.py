"""`musegen restore`: the adapted song plays in step with its original."""

import subprocess
import sys

import mido
import numpy as np
import pretty_midi
import pytest

from musegen.commands import calls
from musegen.music import midi
from musegen.music.phrases import TRACKS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PICKUP = ((0, 1, 4), (1, 4, 4))
CHANGES = ((0, 120), (7.3, 91), (20, 140))


def notes_of(path, drums):
    """Start, end, pitch and velocity of the notes of all drums, or of all other instruments."""
    return [
        (note.start, note.end, note.pitch, note.velocity)
        for track in pretty_midi.PrettyMIDI(str(path)).instruments
        if track.is_drum == drums
        for note in track.notes
    ]


def changes(music):
    """Meters and keys with their times, as one row of numbers."""
    meters = [(m.time, m.numerator, m.denominator) for m in music.time_signature_changes]
    keys = [(key.time, key.key_number) for key in music.key_signature_changes]
    return [number for row in meters + keys for number in row]


@pytest.mark.parametrize(
    ("n_bars", "options"),
    [
        pytest.param(8, {}, marks=pytest.mark.slow),
        (9, {"meters": PICKUP, "tempi": CHANGES}),
        pytest.param(
            8,
            {"meters": ((0, 4, 4), (16, 4, 4)), "tempi": CHANGES, "tpq": 100},
            marks=pytest.mark.slow,
        ),
        (7, {"meters": ((2, 4, 4),), "tempi": CHANGES}),
    ],
    ids=["plain", "pickup", "same meter twice", "late first beat"],
)
def test_the_result_is_in_step_with_the_song(
    n_bars, options, musegen, system, write_song, tmp_path
):
    source = write_song(**options)
    code, printed, _ = musegen("restore", source, "--system", system, "-o", "out.mid")
    assert code == 0
    assert f"out.mid: {n_bars} bars, in step with {source}; seed 0" in printed
    ours, theirs = (pretty_midi.PrettyMIDI(str(p)) for p in (tmp_path / "out.mid", source))
    assert ours.get_downbeats() == pytest.approx(theirs.get_downbeats(), abs=1e-6)
    assert ours.get_end_time() == pytest.approx(theirs.get_end_time(), abs=1e-6)
    for mine, its in zip(ours.get_tempo_changes(), theirs.get_tempo_changes(), strict=True):
        assert mine == pytest.approx(its)
    assert changes(ours) == pytest.approx(changes(theirs))
    assert len(ours.key_signature_changes) == 2
    lengths = [mido.MidiFile(path).length for path in (tmp_path / "out.mid", source)]
    assert lengths[0] == pytest.approx(lengths[1], abs=0.02)


@pytest.mark.parametrize("meters", [((0, 4, 4),), PICKUP])
def test_notes_are_at_the_times_of_the_system(meters, musegen, system, write_song, tmp_path):
    """The file read again has the cells of the array, and so does an unchanged song."""
    source = write_song(meters=meters)
    musegen("restore", source, "--system", system, "-o", "out.mid", "-o", "out.npy")
    (bars,) = np.load(tmp_path / "out.npy")
    again = midi.read(tmp_path / "out.mid").bars(48)
    assert bars.any()
    assert np.array_equal(again, bars)
    song = midi.read(source)
    same = midi.write_like(song.bars(48), source, tmp_path / "same.mid")
    assert np.array_equal(midi.read(same).bars(48), song.bars(48))


def test_kept_tracks_are_the_songs_own(musegen, system, write_song, tmp_path):
    source = write_song(tempi=CHANGES)
    musegen("restore", source, "--system", system, "--keep", "drums", "bass", "-o", "out.mid")
    kept = {i.name: i for i in pretty_midi.PrettyMIDI(str(tmp_path / "out.mid")).instruments}
    for own in pretty_midi.PrettyMIDI(str(source)).instruments:
        if own.name != "my piano":
            assert str(kept[own.name].notes) == str(own.notes)
            assert kept[own.name].program == own.program
    assert set(kept) == {"my drums", "my bass", "piano"}
    assert notes_of(tmp_path / "out.mid", drums=True) == notes_of(source, drums=True)


def test_silence_stays_unless_it_is_to_be_filled(musegen, system, write_song, tmp_path):
    source = write_song()
    code, _, remark = musegen("restore", source, "--system", system, "-o", "out.npy")
    assert code == 0
    assert remark == (
        "musegen: guitar, strings: silent in the song, and silent in the result; "
        "--fill lets the system play there\n"
    )
    played = np.load(tmp_path / "out.npy").any(axis=(0, 1, 2, 3))
    assert played.tolist() == [True, True, False, True, False]
    _, _, remark = musegen("restore", source, "--system", system, "--fill", "-o", "out.npy")
    assert remark == ""
    assert np.load(tmp_path / "out.npy").any(axis=(0, 1, 2, 3)).all()


def test_an_empty_bar_stays_empty(musegen, system, tmp_path):
    phrases = np.zeros((2, 1, 48, 84, 5), bool)
    phrases[:, :, ::12, 30, 1] = True
    midi.write(phrases, tmp_path / "gaps.mid", gap=1)
    for flags, sounds in (((), [1, 0, 1]), (("--fill",), [1, 1, 1])):
        musegen("restore", "gaps.mid", "--system", system, *flags, "-o", "out.npy")
        assert np.load(tmp_path / "out.npy").any(axis=(2, 3, 4)).tolist() == [sounds]


def test_the_table_has_the_f1_of_each_track(musegen, system, write_song, tmp_path):
    source = write_song()
    _, printed, _ = musegen(
        "restore", source, "--system", system, "--keep", "drums", "-o", "out.npy"
    )  # fmt: skip
    before, after = midi.read(source).bars(48)[..., 1], np.load(tmp_path / "out.npy")[0, ..., 1]
    f1 = 2 * (before & after).sum() / (before.sum() + after.sum())
    assert printed.splitlines()[-1].split()[3:] == [
        "kept", f"{f1:.2f}", "-", printed.splitlines()[-1].split()[6], "-"
    ]  # fmt: skip


def test_seeds_and_networks_matter(musegen, system, write_song, tmp_path):
    source = write_song()
    ways = {
        "a": (), "b": (), "c": ("--seed", 7), "d": ("--no-refine",), "e": ("--no-fusion",)
    }  # fmt: skip
    for name, words in ways.items():
        musegen("restore", source, "--system", system, *words, "-o", f"{name}.mid")
    a, b, *others = ((tmp_path / f"{name}.mid").read_bytes() for name in ways)
    assert a == b
    assert len({a, *others}) == 4


def test_a_picture_shows_both(musegen, system, write_song, tmp_path):
    code, printed, _ = musegen("restore", write_song(), "--system", system, "-o", "out.png")
    assert code == 0
    assert printed.startswith("out.png: 8 bars")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_default_name_and_a_quiet_screen(system, write_song, tmp_path):
    write_song("my song.mid", tracks=TRACKS)
    done = subprocess.run(
        [sys.executable, "-m", "musegen", "restore", "my song.mid", "--system", system],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("my song-restored.mid: 8 bars")
    assert (tmp_path / "my song-restored.mid").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("oboe",), "--keep oboe: there is no such track; choose drums"),
        (TRACKS, "nothing is left to restore"),
    ],
)
def test_mistakes_are_reported_before_the_system_is_loaded(
    words, message, musegen, write_song, monkeypatch
):
    monkeypatch.setattr(calls, "open_system", None)
    write_song()
    code, printed, error = musegen("restore", "song.mid", "--system", "midi-s2", "--keep", *words)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert message in error
