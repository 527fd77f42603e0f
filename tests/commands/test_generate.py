"""`musegen generate`: what is written, and every mistake in one line before a model is loaded."""

import subprocess
import sys

import numpy as np
import pretty_midi
import pytest
from matplotlib import image

from musegen import cli
from musegen.commands import calls
from musegen.music import midi
from musegen.music.phrases import TRACKS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.slow
def test_a_users_first_song(system, tmp_path):
    """The command in a process prints what it has written, and nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", "musegen", "generate", system, "-n", "2", "--seed", "3"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    first, header, notes, *_ = done.stdout.splitlines()
    assert first == (
        "band.mid: 2 phrases of 4 bars, 21.6 s at 100 beats a minute; seed 3, z-std of the preset"
    )
    assert header.split() == list(TRACKS)
    assert notes.startswith("notes ")
    assert midi.phrases(tmp_path / "band.mid").shape == (2, 4, 48, 84, 5)


def test_the_same_seed_gives_the_same_bytes_and_another_other_ones(musegen, system, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert musegen("generate", system, "-n", 1, "--seed", seed, "-o", f"{name}.mid")[0] == 0
    a, b, c = ((tmp_path / f"{name}.mid").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_every_kind_of_file_holds_the_same_music(musegen, system, tmp_path):
    files = [word for kind in ("mid", "npy", "png") for word in ("-o", f"x.{kind}")]
    code, printed, _ = musegen("generate", system, *files)
    assert code == 0
    assert printed.startswith("x.mid, x.npy and x.png: 8 phrases of 4 bars, 93.6 s")
    phrases = np.load(tmp_path / "x.npy")
    assert phrases.dtype == bool
    assert np.array_equal(phrases, midi.phrases(tmp_path / "x.mid"))
    assert image.imread(tmp_path / "x.png").shape[:2] == (430, 1587)  # as published
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.mid", "x.npy", "x.png"]


def test_the_table_counts_notes_silence_and_distinct_bars(musegen, system, tmp_path):
    _, printed, _ = musegen("generate", system, "-n", 2, "-o", "x.npy", "-o", "x.mid")
    rows = {line[:13].strip(): line[13:].split() for line in printed.splitlines()[2:]}
    counts = [int(word.replace(",", "")) for word in rows["notes"]]
    played = pretty_midi.PrettyMIDI(str(tmp_path / "x.mid"))
    assert counts == [len(track.notes) for track in played.instruments]
    silent = 1 - np.load(tmp_path / "x.npy").any(axis=(2, 3)).reshape(8, 5).mean(axis=0)
    assert rows["silent bars"][::2] == [f"{100 * share:.0f}" for share in silent]
    assert rows["distinct bars"][::3] == ["8"] * 5


def test_more_than_eight_phrases_are_drawn_in_rows(musegen, system, tmp_path):
    musegen("generate", system, "-n", 9, "-o", "x.png")
    assert image.imread(tmp_path / "x.png").shape[:2] == (860, 1587)


def test_tempo_and_gap(musegen, system, tmp_path):
    code, printed, _ = musegen(
        "generate", system, "-n", 2, "--tempo", 200, "--gap", 0, "-o", "x.mid"
    )  # fmt: skip
    assert code == 0
    assert "9.6 s at 200 beats" in printed
    assert pretty_midi.PrettyMIDI(str(tmp_path / "x.mid")).get_end_time() <= 9.6 + 0.1


def test_z_std_is_fit_where_latents_were_measured(musegen, system, fitted, tmp_path):
    assert "z-std fit" in musegen("generate", fitted, "-n", 1, "-o", "a.mid")[1]
    assert "z-std fit" in musegen("generate", fitted, "-n", 1, "--z-std", "fit", "-o", "b.mid")[1]
    assert "z-std 0.5" in musegen("generate", fitted, "-n", 1, "--z-std", 0.5, "-o", "c.mid")[1]
    a, b, c = ((tmp_path / f"{name}.mid").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    code, _, error = musegen("generate", system, "-n", 1, "--z-std", "fit")
    assert (code, error.count("\n")) == (2, 1)
    assert "no measured latents to fit" in error


def test_refine_and_fusion_can_be_left_out(musegen, system, tmp_path):
    for name, flag in (("a", ()), ("b", ("--no-refine",)), ("c", ("--no-fusion",))):
        assert musegen("generate", system, "-n", 1, *flag, "-o", f"{name}.mid")[0] == 0
    assert len({(tmp_path / f"{name}.mid").read_bytes() for name in "abc"}) == 3


@pytest.mark.slow
def test_binarisation_is_up_to_systems_that_have_a_choice(musegen, composing, system, tmp_path):
    rules = ("threshold", "monophonic", "bernoulli")
    for rule in rules:
        words = ("--binarisation", rule, "-o", f"{rule}.npy")
        assert musegen("generate", composing, "-n", 1, *words)[0] == 0
    threshold, monophonic, bernoulli = (np.load(tmp_path / f"{rule}.npy") for rule in rules)
    assert np.array_equal(threshold, calls.open_system(composing).generate(1))
    assert monophonic[..., 3].sum(axis=-1).max() == 1 < threshold[..., 3].sum(axis=-1).max()
    assert not np.array_equal(threshold, bernoulli)
    code, printed, error = musegen("generate", system, "-n", 1, "--binarisation", "threshold")
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert "--binarisation: midi-s2 has no such option to generate" in error


@pytest.mark.slow
def test_quantised_music_has_a_step_for_each_sixteenth(musegen, composing, system, tmp_path):
    whole = calls.open_system(composing).generate(2, seed=4)
    groups = whole.reshape(2, 4, 16, 6, 84, 5)
    expected = {
        "keep": groups[:, :, :, 0],
        "any": groups.any(axis=3),
        "majority": groups.sum(axis=3) > 3,
    }
    for rule, steps in expected.items():
        files = [word for kind in ("npy", "mid", "png") for word in ("-o", f"{rule}.{kind}")]
        words = ("-n", 2, "--seed", 4, "--quantise", rule, *files)
        assert musegen("generate", composing, *words)[0] == 0
        assert np.array_equal(np.load(tmp_path / f"{rule}.npy"), steps)
        assert np.array_equal(midi.phrases(tmp_path / f"{rule}.mid"), steps)
    piano = pretty_midi.PrettyMIDI(str(tmp_path / "keep.mid")).instruments[1]
    sounding = sum(note.end - note.start for note in piano.notes)  # no note lasts into the next
    assert sounding == pytest.approx(expected["keep"][..., 1].sum() * 2.4 / 16)
    musegen("generate", system, "-n", 1, "--quantise", "keep", "-o", "band.npy")
    band = calls.open_system(system).generate(1)
    assert np.array_equal(np.load(tmp_path / "band.npy"), band[:, :, ::3])


def test_a_system_without_measured_latents_has_nothing_to_fit(musegen, composing):
    code, printed, error = musegen("generate", composing, "-n", 1, "--z-std", "fit")
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert "z_std 'fit': this system has no measured vectors; give a number" in error
    assert "z-std of the preset" in musegen("generate", composing, "-n", 1)[1]
    assert "z-std 0.5" in musegen("generate", composing, "-n", 1, "--z-std", 0.5)[1]


def test_a_system_that_accompanies_writes_nothing_alone(musegen, accompanying):
    code, printed, error = musegen("generate", accompanying)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert f"{accompanying}: cannot generate, but it can accompany; bachprop, " in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "x.txt"), "x.txt: the name must end in .mid, .midi, .npy, .npz, .png or .wav"),
        (("-o", "no/x.mid"), "no/x.mid: there is no folder no"),
        (("-o", "x.mid", "-o", "./x.mid"), "x.mid: is read or written already"),
        (("-o", "folder.mid"), "folder.mid: is a folder"),
        (("-n", "0"), "0: give a whole number from 1 to 10000"),
        (("--seed", "-1"), "-1: give a whole number from 0 to 4294967295"),
        (("--z-std", "nan"), "nan: give a number from 0 to 1000"),
        (("--binarisation", "x"), "argument --binarisation: invalid choice: 'x'"),
        (("--quantise", "x"), "argument --quantise: invalid choice: 'x'"),
        (("--tempo", "1"), "1: give a number from 4 to 1000"),
    ],
)
def test_mistakes_are_reported_before_the_system_is_loaded(
    words, message, musegen, system, tmp_path, monkeypatch
):
    (tmp_path / "folder.mid").mkdir()
    monkeypatch.setattr(calls, "open_system", None)
    code, printed, error = musegen("generate", system, *words)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert message in error
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mid"]


def test_unknown_and_damaged_systems(musegen, system, tmp_path):
    code, _, error = musegen("generate", "nobody")
    assert (code, error.count("\n")) == (2, 1)
    assert "nobody: no trained system; there are " in error
    network = system / "mfg-vae.keras"
    assert f"{network}: is one network; name a whole system" in musegen("generate", network)[2]
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "system.json").write_text('{"system": "nothing"}')
    assert "damaged, or of another release" in musegen("generate", broken)[2]


def test_an_option_that_a_system_does_not_have_is_a_mistake(musegen, add_toy):
    phrase = np.zeros((1, 4, 48, 84, 5), bool)
    add_toy("simple", {"generate": ("seed",)}, generate=lambda n, seed=0: phrase.repeat(n, axis=0))
    code, said, _ = musegen("generate", "simple", "-n", 2, "--seed", 3)
    assert code == 0
    assert said.startswith("simple.mid: 2 phrases of 4 bars")
    assert "; seed 3\n" in said
    for flag in ("--no-fusion", "--z-std=0.1"):
        code, _, error = musegen("generate", "simple", flag)
        assert (code, error.count("\n")) == (2, 1)
        assert f"{flag[:7]}" in error
        assert "simple has no such option to generate" in error


def test_help_shows_the_options_of_the_system_that_is_named(capsys):
    def shown(*words):
        with pytest.raises(SystemExit):
            cli.main(["generate", *words, "--help"])
        return capsys.readouterr().out

    assert "--no-fusion" in shown()
    assert "--binarisation" in shown()
    assert "--no-fusion" in shown("midi-s2")
    assert "--binarisation" not in shown("midi-s2")
    assert "--binarisation" in shown("musegan-hybrid")
    assert "--no-fusion" not in shown("musegan-hybrid")


def test_a_full_disk_is_one_line(musegen, system, monkeypatch, tmp_path):
    (tmp_path / "full").symlink_to("/dev")
    code, _, error = musegen("generate", system, "-n", 1, "-o", "full/full/x.mid")
    assert code == 2
    assert error.count("\n") == 1


def test_an_unknown_backend_is_one_line(system, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "musegen", "generate", system],
        capture_output=True, text=True, cwd=tmp_path,
        env={"KERAS_BACKEND": "theano", "PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "Keras cannot start with the backend theano" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_all_files_are_written_or_none(system, musegen, tmp_path, full_disk):
    for name in ("a.mid", "b.npy"):
        (tmp_path / name).write_bytes(b"old")
    with full_disk(70_000):
        words = ("-n", 1, "--no-refine", "-o", "a.mid", "-o", "b.npy")
        code, _, said = musegen("generate", system, *words)
    assert code == 2
    assert said.startswith("musegen: b.npy: cannot be written (")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a.mid": b"old", "b.npy": b"old"
    }  # fmt: skip
