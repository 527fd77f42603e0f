"""The trained DuetHLSTM: its files, what it generates, continues and measures."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops
from toys import duet as untrained

import musegen
from musegen import Error
from musegen.models.duet_hlstm import system as module
from musegen.models.duet_hlstm.continuation import continuer
from musegen.models.duet_hlstm.settings import ORDER, changed
from musegen.models.duet_hlstm.step_windows import StepTable, as_steps
from musegen.models.duet_hlstm.system import DuetHLSTM
from musegen.music.phrases import TRACKS

slow = pytest.mark.slow
DRUMS, PIANO, GUITAR, BASS, STRINGS = range(5)
MUSIC = np.random.default_rng(5).random((5, 4, 8, 84, 5)) < 0.05
OTHERS = [DRUMS, GUITAR, BASS]


@pytest.fixture(scope="module")
def system() -> DuetHLSTM:
    return untrained()


@pytest.fixture(scope="module")
def saved(system, tmp_path_factory):
    return system.save(tmp_path_factory.mktemp("duet") / "duet")


# Files.


def test_a_saved_system_is_the_same(system, saved):
    again = musegen.load(saved)
    assert (again.entry.name, again.preset) == ("duet-hlstm", "paper")
    assert (again.settings, again.changes) == (system.settings, system.changes)
    np.testing.assert_array_equal(again.beginnings, system.beginnings)
    for one, other in zip(system.network.get_weights(), again.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_settings_and_half_precision_are_saved(tmp_path):
    made = untrained("repo", tracks=("bass", "drums", "piano"), wiring="star", window=3)
    made.beginnings = None
    again = musegen.load(made.save(tmp_path, half=True))
    assert again.settings == made.settings
    assert again.tracks == ("bass", "drums", "piano")
    assert again.beginnings is None
    for one, other in zip(made.network.get_weights(), again.network.get_weights(), strict=True):
        kind = "float16" if one.ndim > 1 else "float32"
        np.testing.assert_array_equal(one.astype(kind).astype("float32"), other)
    with pytest.raises(Error, match="saved without beginnings; name music by --seeds-from"):
        again.generate(1)


def described(folder, **changes) -> None:
    path = folder / "system.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def broken(folder, what: str) -> None:
    """Puts something wrong into the folder of a system."""
    own = {"widths": (6, 4)}
    if what == "beginnings":
        content = (folder / "beginnings.npz").read_bytes()
        (folder / "beginnings.npz").write_bytes(content[: len(content) // 2])
    elif what == "other beginnings":
        untrained(window=5).save(folder / "other")
        shutil.copy(folder / "other" / "beginnings.npz", folder)
    elif what == "json":
        (folder / "system.json").write_text('{"system": "duet-hlstm", ')
    elif what == "preset":
        described(folder, preset="own")
    elif what == "setting":
        described(folder, settings=own | {"colour": 3})
    elif what == "value":
        described(folder, settings=own | {"head": "tanh"})
    elif what == "tracks":
        described(folder, settings=own | {"tracks": ["piano", "piano"]})
    elif what == "window":
        described(folder, settings=own | {"window": 5})
    elif what == "wiring":
        untrained(tracks=ORDER[:3]).save(folder)
        described(folder, settings=own | {"tracks": ORDER[:3], "wiring": "star"})
    elif what == "another network":
        x = [keras.Input((4, 84), name=name) for name in ("a", "b")]
        keras.Model(x, keras.layers.Concatenate()(x)).save(folder / "duet-hlstm.keras")
    elif what == "no network":
        (folder / "duet-hlstm.keras").unlink()
    else:
        content = (folder / "duet-hlstm.keras").read_bytes()
        (folder / "duet-hlstm.keras").write_bytes(content[:-500])


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("beginnings", r"beginnings\.npz: damaged \(.*\); copy it from its run again"),
        ("other beginnings", r"beginnings\.npz: damaged \(.*\); copy it from its run again"),
        ("json", r"system\.json: damaged"),
        ("preset", "has an unknown preset 'own'; train it again"),
        ("setting", r"system\.json: damaged, or of another release \(.*colour"),
        ("value", r"system\.json: damaged, or of another release \(head 'tanh'"),
        ("tracks", r"system\.json: damaged, or of another release \(tracks piano piano"),
        ("window", r"duet-hlstm\.keras: the network takes .*; copy the system again"),
        ("wiring", r"duet-hlstm\.keras: the network has no accomp2_lstm1.*wiring star"),
        ("another network", r"duet-hlstm\.keras: the network has no melody_lstm1"),
        ("no network", r"duet-hlstm\.keras: no such file"),
        ("network", r"duet-hlstm\.keras: damaged"),
    ],
)
def test_a_broken_folder_is_one_line(what, message, saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "own")
    broken(folder, what)
    with pytest.raises(Error, match=message) as caught:
        musegen.load(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


# Generation.


def test_phrases_begin_with_what_they_continue(system, capsys):
    made = system.generate(5, seed=2)
    assert made.shape == (5, 4, 8, 84, 5)
    assert made.dtype == bool
    assert not made[..., OTHERS].any()
    steps = as_steps(made[..., [PIANO, STRINGS]])
    order = np.random.default_rng(2).permutation(5)
    np.testing.assert_array_equal(steps[:, :4], system.beginnings[order])
    play = continuer(system.network, system.settings, 4)
    window = ops.convert_to_tensor(system.beginnings[order], "float32")
    expected = ops.convert_to_numpy(play({"window": window})["cells"])
    np.testing.assert_array_equal(steps[:, 4:8], expected)
    assert 0.001 < steps[:, 8:].mean() < 0.5
    np.testing.assert_array_equal(made, system.generate(5, seed=2))
    assert (made != system.generate(5, seed=1)).any()
    assert capsys.readouterr().err == ""


def test_more_phrases_than_beginnings_are_said_to_repeat(system, capsys):
    made = system.generate(7)
    assert capsys.readouterr().err == (
        "musegen: there are 5 beginnings, so that some of 7 phrases are equal\n"
    )
    assert len({phrase.tobytes() for phrase in made}) == 5


def test_phrases_of_other_lengths(system, capsys):
    """Longer ones than in training are remarked; they are the shorter ones, continued."""
    long, short = system.generate(2, n_bars=5), system.generate(2)
    assert long.shape == (2, 5, 8, 84, 5)
    np.testing.assert_array_equal(long[:, :4], short)
    assert capsys.readouterr().err == (
        "musegen: training phrases have 4 bars; these have 5, and may lose their way\n"
    )
    wide = untrained(window=8)
    with pytest.raises(Error, match=r"--bars 1: this system reads 8 steps .* give 2 or more"):
        wide.generate(1, n_bars=1)


@slow
def test_many_phrases_are_continued_in_parts(system, monkeypatch):
    """To equal music, by a rule that draws, too, but for what a batch of another size rounds."""
    whole = untrained("repo").generate(5, decode="bernoulli", seed=3)
    monkeypatch.setattr(module, "at_once", lambda n_steps: 2)
    parts = untrained("repo").generate(5, decode="bernoulli", seed=3)
    assert whole.mean() > 0.01
    assert (whole != parts).mean() < 1e-4
    monkeypatch.undo()
    assert [module.at_once(n) for n in (1, 28, 320, 10**6)] == [1000, 1000, 100, 1]


def test_rules_and_temperature(system):
    one, other = (system.generate(2, decode=rule) for rule in ("relative", "absolute"))
    np.testing.assert_array_equal(one, system.generate(2))
    assert (one != other).any()
    with pytest.raises(Error, match="--temperature: the rule relative draws no notes"):
        system.generate(2, temperature=0.5)
    with pytest.raises(Error, match=r"decode bernoulli: .*needs the head sigmoid"):
        system.generate(2, decode="bernoulli")


def test_music_gives_its_beginnings(system, tmp_path):
    """Of finer steps and five tracks; a phrase that begins with silence gives none."""
    music = np.zeros((3, 4, 48, 84, 5), bool)
    music[:, :, ::6] = MUSIC[:3]
    music[1, 0, :24] = False
    np.save(tmp_path / "music.npy", music)
    made = system.generate(2, seeds_from=str(tmp_path / "music.npy"))
    begun = {as_steps(phrase[None])[:, :4].tobytes() for phrase in made}
    expected = [as_steps(MUSIC[[k]])[:, :4] for k in (0, 2)]
    for steps in expected:
        steps[:, :, OTHERS] = False
    assert begun == {steps.tobytes() for steps in expected}
    np.save(tmp_path / "silent.npy", music[:1] & False)
    with pytest.raises(Error, match=r"silent\.npy: no phrase begins with a note of .*: piano, str"):
        system.generate(1, seeds_from=str(tmp_path / "silent.npy"))
    wide = untrained(window=9)
    with pytest.raises(Error, match="phrases of 8 eighths of a bar; this system reads 9"):
        wide.beginnings_of(MUSIC[:, :1])


# Continuation.


def test_the_last_half_bar_is_continued(system):
    """And the state begins at zero, whatever was before."""
    bars = MUSIC[0]
    made = system.extend(bars, 2)
    assert made.shape == (2, 8, 84, 5)
    assert not made[..., OTHERS].any()
    window = as_steps(bars[None][..., [PIANO, STRINGS]])[:, -4:]
    expected = system.continued(window, 16)
    np.testing.assert_array_equal(as_steps(made[None][..., [PIANO, STRINGS]]), expected)
    np.testing.assert_array_equal(made, system.extend(bars[3:], 2))


@slow
def test_few_bars_have_silence_before_them():
    wide = untrained(window=10)
    steps = np.concatenate([np.zeros((1, 2, 2, 84), bool), as_steps(MUSIC[:1, :1, ..., [1, 4]])], 1)
    made = wide.extend(MUSIC[0, :1], 1)
    np.testing.assert_array_equal(as_steps(made[None][..., [1, 4]]), wide.continued(steps, 8))


def band(**pitches: int) -> np.ndarray:
    """Bars in which some tracks sound, each with one pitch."""
    bars = np.zeros((2, 8, 84, 5), bool)
    for track, pitch in pitches.items():
        bars[:, :, pitch, TRACKS.index(track)] = True
    return bars


@pytest.mark.parametrize(
    ("bars", "wanted", "expected"),
    [
        (band(drums=9, piano=30, strings=20, bass=5), (), ["piano", "strings"]),
        (band(piano=30, guitar=20, bass=5), (), ["piano", "guitar"]),
        (band(drums=60, piano=30), (), ["piano", "strings"]),  # silence
        (band(guitar=40, bass=5), (), ["guitar", "bass"]),
        (band(strings=40, bass=5), (), ["strings", "bass"]),
        (band(strings=40), (), ["strings", "piano"]),  # silence, and no drums
        (band(guitar=40, strings=50), (), ["strings", "guitar"]),
        (band(guitar=60, strings=50), (), ["guitar", "strings"]),
        (band(drums=9), (), ["piano", "strings"]),
        (band(piano=30, strings=20, bass=5), ("bass",), ["bass", "strings"]),
        (band(piano=30, bass=5), ("bass", None), ["bass", "piano"]),
        (band(piano=30, strings=20), ("strings",), ["strings", "piano"]),
        (band(piano=30, strings=20), (None, "piano"), ["strings", "piano"]),
        (band(piano=30, guitar=20, bass=5), (None, "bass"), ["piano", "bass"]),
    ],
)
def test_which_tracks_of_a_song_are_read(bars, wanted, expected, system):
    assert system.sources(bars, wanted) == expected


def test_tracks_of_a_song_for_five():
    quintet = untrained(tracks=ORDER)
    assert quintet.sources(MUSIC[0]) == list(ORDER)
    found = quintet.sources(band(drums=30, strings=20, bass=5))
    assert found == ["strings", "piano", "guitar", "bass", "drums"]
    only = untrained(tracks=("piano",))
    assert only.sources(band(bass=5)) == ["bass"]
    with pytest.raises(Error, match="--accompaniment: this system has one track only, piano"):
        only.sources(MUSIC[0], (None, "bass"))


def test_new_bars_are_played_by_the_tracks_that_were_read(system):
    made = system.extend(band(guitar=40, strings=30), 2)
    assert made[..., GUITAR].any()
    assert made[..., STRINGS].any()
    assert not made[..., [DRUMS, PIANO, BASS]].any()
    swapped = system.extend(band(guitar=40, strings=30), 2, "strings", "guitar")
    assert (swapped != made).any()


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (("guitar", None), "track guitar: is silent in the song; those that sound: piano, bass"),
        (("piano", "piano"), "track piano: cannot be melody and accompaniment"),
    ],
)
def test_tracks_that_cannot_be_named(named, message, system):
    with pytest.raises(Error, match=message):
        system.extend(band(piano=30, bass=5), 1, *named)


# Measuring.


@pytest.mark.parametrize("preset", ["paper", pytest.param("repo", marks=slow)])
def test_figures_are_those_of_a_direct_computation(preset):
    """Window by window; with `repo` the last step of a phrase is no target."""
    made = untrained(preset, decode="absolute", threshold=0.2)
    steps = as_steps(MUSIC[:3][..., [PIANO, STRINGS]]).astype("float32")
    n = made.settings.n_windows(32)
    windows = np.concatenate([steps[:, t : t + 5] for t in range(n)])  # (3 n, 5, 2, 84)
    given, last, true = windows[:, :4], windows[:, 3], windows[:, 4]
    p = made.network([ops.convert_to_tensor(given[:, :, k]) for k in range(2)])
    p = ops.convert_to_numpy(p).reshape(true.shape)
    # Keras clips what the loss sees, so that no logarithm is infinite.
    clipped = np.clip(p.astype(float), 1e-7, 1 - 1e-7)
    loss = -np.log(np.where(true > 0, clipped, 1 - clipped)).mean()
    counts = np.zeros((2, 2, 2))  # network and copying, hits and notes, tracks
    for k, guess in enumerate((p >= 0.2, last)):
        counts[k] = (guess * true).sum(axis=(0, 2)), (guess + true).sum(axis=(0, 2))
    f1 = 2 * counts[:, 0] / counts[:, 1]
    total = 2 * counts[:, 0].sum(axis=1) / counts[:, 1].sum(axis=1)
    found = made.predicted(StepTable.of_steps(steps > 0))
    assert found["loss"] == pytest.approx(loss, rel=1e-4)
    assert [found["F1"], found["F1 of copying"]] == pytest.approx(total, rel=1e-6)
    for k, track in enumerate(("piano", "strings")):
        own = [found[f"F1 {track}"], found[f"F1 of copying {track}"]]
        assert own == pytest.approx(f1[:, k], rel=1e-6)


def test_an_evaluation_continues_the_phrases_of_the_data(system):
    music, figures = system.evaluate(MUSIC, 7, seed=1)
    assert music.music.shape == (7, 4, 8, 84, 5)
    begun = as_steps(music.music[..., [PIANO, STRINGS]])[:, :4]
    expected = as_steps(MUSIC[..., [PIANO, STRINGS]])[[0, 1, 2, 3, 4, 0, 1], :4]
    np.testing.assert_array_equal(begun, expected)
    assert figures.values == system.predicted(StepTable.of_steps(as_steps(MUSIC[..., [1, 4]])))
    wide = untrained(window=8)
    with pytest.raises(Error, match="phrases of 8 steps: this system reads 8 before"):
        wide.evaluate(MUSIC[:, :1], 2)


@slow
def test_what_draws_notes_is_measured_by_what_is_likely():
    drawing, deciding = (
        untrained("repo", decode=rule, threshold=0.3) for rule in ("bernoulli", "absolute")
    )
    table = StepTable.of_steps(as_steps(MUSIC[:2][..., [1, 4]]))
    assert drawing.predicted(table) == deciding.predicted(table)


def test_settings_that_do_not_exist():
    for given, message in (
        ({"tracks": ("piano", "organ")}, "tracks piano organ: give one to five of"),
        ({"tracks": ("piano", "piano")}, "tracks piano piano: .* each once"),
        ({"tracks": ()}, "give one to five of"),
        ({"window": 0}, "window 0: a number of steps from 1 to 1024"),
        ({"head": "tanh"}, "head 'tanh': choose softmax, sigmoid"),
        ({"decode": "bernoulli"}, "decode bernoulli: .*needs the head sigmoid"),
    ):
        with pytest.raises(Error, match=message):
            replace(changed("paper", {}), **given)
    assert changed("paper", {"head": "sigmoid"}).decode == "round"
    assert changed("repo", {"head": "softmax"}).decode == "relative"
