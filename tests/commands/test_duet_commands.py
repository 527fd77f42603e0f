"""The commands with a DuetHLSTM, which plays two tracks in eighths of a bar."""

import json
from functools import partial

import keras
import numpy as np
import pretty_midi
import pytest
import symusic
import toys
from matplotlib import image

from musegen import registry
from musegen.cli import run_script
from musegen.models import prediction
from musegen.models.duet_hlstm import system as module
from musegen.music import midi
from musegen.music.midi import read_piece
from musegen.music.phrases import TRACKS
from musegen.music.piece_phrases import to_phrases

PIANO, STRINGS = 1, 4


@pytest.fixture(scope="session")
def duet(tmp_path_factory):
    """The folder of a narrow system with random weights."""
    made = toys.duet(n_beginnings=9)
    return made.save(tmp_path_factory.mktemp("systems") / "duet")


def test_generate(musegen, duet, tmp_path):
    """Two instruments as in the original's files: programs, tempo, velocity, a silent bar after
    each phrase, and notes as long as their cells."""
    files = [word for kind in ("mid", "npy", "png") for word in ("-o", f"x.{kind}")]
    code, printed, error = musegen("generate", duet, "-n", 3, "--seed", 1, *files)
    assert (code, error) == (0, "")
    first, header, *_ = printed.splitlines()
    assert first.startswith("x.mid, x.npy and x.png: 3 phrases of 4 bars, 33.6 s at 100 beats")
    assert header.split() == ["piano", "strings"]
    phrases = np.load(tmp_path / "x.npy")
    assert phrases.shape == (3, 4, 8, 84, 5)
    assert not phrases[..., [0, 2, 3]].any()
    np.testing.assert_array_equal(midi.phrases(tmp_path / "x.mid"), phrases)
    assert image.imread(tmp_path / "x.png").ndim == 3
    song = pretty_midi.PrettyMIDI(str(tmp_path / "x.mid"))
    assert [own.program for own in song.instruments] == [0, 48]
    assert not any(own.is_drum for own in song.instruments)
    assert song.get_tempo_changes()[1] == pytest.approx([100])
    assert song.get_end_time() <= 3 * 12 - 2.4 + 1e-6
    for own, k in zip(song.instruments, (PIANO, STRINGS), strict=True):
        assert {note.velocity for note in own.notes} == {100}
        sounding = np.zeros((3 * 5 * 8, 84), bool)
        for note in own.notes:
            start, end = round(note.start / 0.3), round(note.end / 0.3)
            sounding[start:end, note.pitch - 24] = True
        bars = sounding.reshape(3, 5, 8, 84)
        np.testing.assert_array_equal(bars[:, :4], phrases[..., k])
        assert not bars[:, 4].any()


def test_options_of_generate(musegen, duet, tmp_path):
    np.save(tmp_path / "music.npy", np.random.default_rng(3).random((3, 4, 8, 84, 2)) < 0.05)
    code, _, error = musegen(
        "generate", duet, "-n", 2, "--bars", 5, "--decode", "absolute", "--gap", 0,
        "--seeds-from", "music.npy", "-o", "x.npy", "-o", "x.mid",
    )  # fmt: skip
    assert (code, error.count("\n")) == (0, 1)
    assert "training phrases have 4 bars; these have 5" in error
    assert np.load(tmp_path / "x.npy").shape == (2, 5, 8, 84, 5)
    assert pretty_midi.PrettyMIDI(str(tmp_path / "x.mid")).get_end_time() <= 24 + 1e-6
    assert "there are 9 beginnings" in musegen("generate", duet, "-n", 10, "-o", "y.npy")[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--temperature", 1), "--temperature: the rule relative draws no notes"),
        (("--decode", "bernoulli"), "decode bernoulli: draws notes"),
        (("--seeds-from", "nowhere.npy"), "nowhere.npy: no such file"),
        (("--z-std", 1), "--z-std: duet-hlstm has no such option to generate"),
    ],
)
def test_mistakes_of_generate_are_one_line(words, message, musegen, duet):
    code, printed, error = musegen("generate", duet, *words)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert message in error


# Continuing a song.


def test_a_song_without_strings_is_continued(musegen, duet, write_song, tmp_path):
    """What is given stays as it is; the bass stands for the strings, drums are not read."""
    song = write_song()  # of drums, piano and bass, 7 and a half bars
    code, printed, error = musegen("continue", song, "--system", duet, "--bars", 3, "-o", "x.mid")
    assert (code, error) == (0, "")
    assert "3 bars more" in printed
    assert "outside C1 to B7" not in printed
    longer, first = read_piece(tmp_path / "x.mid"), read_piece(song)
    end = int(first.bars(closed=True)[-1])
    ticks = longer.ticks_per_quarter // first.ticks_per_quarter
    kept = longer.cut(0, end * ticks)
    assert kept.quantised(480).notes.tolist() == first.notes.tolist()
    assert longer.parts == first.parts
    assert len(longer.bars()) == len(first.bars()) + 3
    added = to_phrases(longer.cut(end * ticks, longer.length), 8)[0, :3]
    system = registry.load(duet)
    expected = system.extend(midi.read(song).bars(8), 3)
    np.testing.assert_array_equal(
        added.any(axis=(0, 1, 2)), [name in ("piano", "bass") for name in TRACKS]
    )
    np.testing.assert_array_equal(expected.any(axis=2).any(axis=1), added.any(axis=2).any(axis=1))


def test_a_song_is_continued_from_a_bar(musegen, duet, write_song, tmp_path):
    """As if it ended there."""
    song = write_song()
    whole = midi.read(song).bars(8)
    words = ("--system", duet, "--bars", 2, "-o", "x.mid")
    code, printed, _ = musegen("continue", song, *words, "--from-bar", 4)
    assert code == 0
    assert "x.mid: " in printed
    longer, first = read_piece(tmp_path / "x.mid"), read_piece(song)
    lines = first.bars(closed=True)
    ticks = longer.ticks_per_quarter // first.ticks_per_quarter
    kept = longer.cut(0, int(lines[3]) * ticks).quantised(480)
    assert kept.notes.tolist() == first.cut(0, int(lines[3])).notes.tolist()
    assert len(longer.bars()) == 5
    added = to_phrases(longer.cut(int(lines[3]) * ticks, longer.length), 8)[0, :2]
    expected = registry.load(duet).extend(whole[:3], 2)
    np.testing.assert_array_equal(expected.any(axis=(1, 2)), added.any(axis=(1, 2)))


def test_silent_bars_at_the_end_are_read_as_silence(musegen, duet, tmp_path, monkeypatch):
    score = symusic.Score(far_song(tmp_path / "song.mid"))
    score.tempos.append(symusic.Tempo(12 * 4 * 480, 120))  # after eight bars with notes
    score.dump_midi(tmp_path / "song.mid")
    read = []
    monkeypatch.setattr(
        module.DuetHLSTM, "extend", lambda _, bars, n, **options: read.append(bars) or bars[:n]
    )
    for words in ((), ("--from-bar", 11)):
        assert musegen("continue", "song.mid", "--system", duet, "--bars", 2, *words)[0] == 0
    ended, silent = read
    assert (len(ended), len(silent)) == (8, 10)
    np.testing.assert_array_equal(silent[:8], ended)
    assert not silent[8:].any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from-bar", 99), "--from-bar 99: song.mid has 8 bars"),
        (("--melody", "guitar"), "track guitar: is silent in the song; those that sound: drums"),
        (
            ("--melody", "bass", "--accompaniment", "bass"),
            "track bass: cannot be melody and accomp",
        ),
    ],
)
def test_mistakes_of_continue_are_one_line(words, message, musegen, duet, write_song):
    code, printed, error = musegen("continue", write_song(), "--system", duet, *words)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert message in error


def far_song(path, start: int = 0):
    """A song of a piano: 8 bars, of which all notes before a beat are missing."""
    score = symusic.Score(480)
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    track = symusic.Track(program=0)
    for beat in range(start, 32):
        for pitch in (20, 60, 110) if beat % 16 == 0 else (60, 64):
            track.notes.append(symusic.Note(beat * 480, 480, pitch, 90))
    score.tracks.append(track)
    path.write_bytes(score.dumps_midi())
    return path


def test_notes_out_of_range_are_read_in_other_octaves(musegen, duet, tmp_path):
    """They are counted, as far as the song is kept, and stay where they were."""
    song = far_song(tmp_path / "far.mid")
    words = ("--system", duet, "--bars", 1, "-o", "x.mid")
    for flags, n in (((), 4), (("--from-bar", 3), 2)):
        code, printed, _ = musegen("continue", song, *words, *flags)
        assert code == 0
        assert f"{n} notes outside C1 to B7: the system read other octaves" in printed
    assert {20, 110} <= set(read_piece(tmp_path / "x.mid").notes["pitch"].tolist())
    late = far_song(tmp_path / "late.mid", start=8)
    code, _, error = musegen("continue", late, *words, "--from-bar", 3)
    assert (code, error.count("\n")) == (2, 1)
    assert "--from-bar 3: there is no note in late.mid before it" in error


# The other commands.


def test_info(musegen):
    code, printed, _ = musegen("info", "duet-hlstm", "--preset", "paper", "--json")
    assert code == 0
    (model,) = json.loads(printed)["models"]
    assert (model["params"], model["trainable_params"]) == (159_816, 159_816)
    assert (model["inputs"], model["outputs"]) == ([[4, 84]] * 2, [[168]])


def test_export(musegen, duet, tmp_path):
    code, printed, error = musegen("export", duet, "-o", "duet")
    assert (code, error) == (0, "")
    assert "relative" in printed + "".join(
        path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".md", ".json", ".txt")
    )
    (path,) = tmp_path.rglob("*.keras")
    assert keras.saving.load_model(path).output_shape == (None, 168)


def test_objective_evaluation(duet, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "predictor", partial(prediction.predictor, eager=True))
    np.save("music.npy", np.random.default_rng(3).random((4, 4, 8, 84, 5)) < 0.05)
    words = ["--data", "music.npy", "--system", str(duet), "--phrases", "4", "--json", "all.json"]
    run_script("eval", "objective", words)
    printed = capsys.readouterr().out
    assert "duet generated (4)" in printed
    assert "duet next step: loss " in printed
    values = json.loads((tmp_path / "all.json").read_text())["systems"]["duet next step"]
    assert {"loss", "F1", "F1 of copying", "F1 piano", "F1 of copying strings"} <= values.keys()
