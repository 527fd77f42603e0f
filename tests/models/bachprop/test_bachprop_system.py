"""The trained BachProp in both presets: its files, what it writes and continues, and measures."""

from dataclasses import replace

import numpy as np
import pytest
import toys

import musegen
from musegen import Error
from musegen.data import demo_tunes
from musegen.models.bachprop import system as bachprop_system
from musegen.models.bachprop.system import BachProp
from musegen.models.mvae.settings import ATTRIBUTES
from musegen.models.prediction import predictor
from musegen.music.piece import Part, Piece, note_array
from musegen.music.tokens.dictionaries import Dictionaries

slow = pytest.mark.slow
PRESETS = ("paper", "repo")
VIOLIN = Part(40)


@pytest.fixture(scope="module")
def systems() -> dict[str, BachProp]:
    return {preset: toys.writer_of_notes("bachprop", preset) for preset in PRESETS}


@pytest.fixture(params=PRESETS)
def system(request, systems) -> BachProp:
    return systems[request.param]


@pytest.fixture
def code(systems) -> BachProp:
    return systems["repo"]


def rows(piece: Piece) -> list:
    return piece.notes.tolist()


def test_a_saved_system_is_the_same(system, tmp_path):
    again = musegen.load(system.save(tmp_path))
    assert (again.preset, again.settings) == (system.preset, system.settings)
    assert (again.dictionaries, again.notes) == (system.dictionaries, system.notes)
    for one, other in zip(system.network.get_weights(), again.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@slow
def test_half_precision_and_dictionaries_of_another_size(system, tmp_path):
    half = musegen.load(system.save(tmp_path, half=True))
    kernel, halved = (made.network.get_weights()[0] for made in (system, half))
    np.testing.assert_array_equal(kernel.astype("float16"), halved)
    shorter = replace(system.dictionaries, P=system.dictionaries.P[:-1])
    shorter.save(tmp_path / "dictionaries.json")
    with pytest.raises(Error, match=r"dictionaries\.json: has .* values .*; copy both from one"):
        musegen.load(tmp_path)


def test_seeds_and_temperature(system):
    pieces = system.generate(3, seed=5, length=7)
    assert system.generate(3, seed=5, length=7) == pieces
    assert system.generate(2, seed=5, length=7) == pieces[:2]
    assert system.generate(3, seed=6, length=7) != pieces
    likely = [rows(piece) for piece in system.generate(3, temperature=0, length=7)]
    assert likely == likely[:1] * 3 != [rows(piece) for piece in pieces]
    assert system.preferred == {"temperature": 1.0 if system.preset == "paper" else 0.5}
    assert system.generate(3, 5, system.temperature, 7) == pieces


def test_given_notes_are_kept_and_change_what_follows(system):
    given = np.random.default_rng(0).integers(1, system.sizes, (2, 3, 3))
    found = system.write(2, 7, temperature=0, given=given)
    np.testing.assert_array_equal(found[:, :3], given)
    alone = system.write(2, 7, temperature=0)
    assert (found[0, 3:] != found[1, 3:]).any()
    assert (found[:, 3:] != alone[:, 3:]).any()


def test_the_tag_is_the_last_index_and_number_0(code):
    """BachProp's own network has no index without a value in front."""
    numbers = np.array([[0, 1, 2], np.array(code.sizes) - 1])
    indices = code.indices(numbers)
    assert indices.tolist() == [[code.sizes[0] - 1, 0, 1], (np.array(code.sizes) - 2).tolist()]
    np.testing.assert_array_equal(code.numbers(indices), numbers)


def test_a_song_ends_at_its_first_tag(code, capsys):
    songs = np.ones((3, 4, 3), int)
    songs[0, 2, 1] = songs[1, 0] = 0
    pieces = code.pieces(songs, ["a", "b", "c"])
    assert [len(piece) for piece in pieces] == [2, 0, 4]
    assert capsys.readouterr().err == ""


# Continuing.


def song(n_bars: int, meter: tuple[int, int] = (4, 4), part: Part = VIOLIN) -> Piece:
    """Notes of an eighth, two quarters apart, at 24 ticks a quarter."""
    quarters = n_bars * 4 * meter[0] // meter[1]
    onset = np.arange(0, 24 * quarters, 48)
    notes = note_array(onset, 12, 60 + np.arange(len(onset)) % 5)
    meters, tempi = [(0, *meter)], [(0, 400_000)]
    return Piece("song", 24, notes, (part,), meters=meters, tempi=tempi, length=24 * quarters)


def always(system: BachProp, monkeypatch, dT: int, T: int = 12) -> None:
    """Lets a system write notes that are all so far apart and so long, in parts of the grid."""
    known = Dictionaries("grid", (dT,), (T,), (60,))
    monkeypatch.setattr(system, "dictionaries", known)

    def write(n, total, seed, temperature, given):
        return np.pad(given, ((0, 0), (0, total - given.shape[1]), (0, 0)), constant_values=1)

    monkeypatch.setattr(system, "write", write)


@pytest.mark.parametrize(
    ("dT", "onsets"),
    [
        (12, range(0, 960, 60)),  # the next note would have begun in the last bar of the song
        (96, [0, 480]),  # just after it, as the last note of the song is two quarters before
    ],
)
def test_new_bars_begin_where_the_song_ends(systems, monkeypatch, dT, onsets):
    system = systems["paper"]
    always(system, monkeypatch, dT)
    (new,) = system.extend([song(2)], 1)
    assert new.ticks_per_quarter == 240
    assert new.length == 960
    assert new.notes["onset"].tolist() == list(onsets)
    assert (new.parts, new.tempi) == ((VIOLIN,), ())


def test_silence_between_the_song_and_new_notes_is_kept(systems, monkeypatch):
    system = systems["paper"]
    always(system, monkeypatch, 96)
    late = replace(song(2), notes=song(2).notes[:-1])  # its last onset is a bar before its end
    assert system.extend([late], 1)[0].notes["onset"].tolist() == [0, 480]
    near = replace(song(2), notes=note_array([168], 12, 60))  # a quarter before it
    assert system.extend([near], 1)[0].notes["onset"].tolist() == [240, 720]


def test_drums_after_the_last_note_do_not_count(systems, monkeypatch):
    """They are not read in preset paper."""
    system = systems["paper"]
    always(system, monkeypatch, 96)
    own = song(2)
    notes = np.concatenate([own.notes, note_array([180, 185], [12, 0], 40, part=[1, 0])])
    both = replace(own, notes=notes, parts=(VIOLIN, Part(is_drum=True)))
    assert system.extend([both], 1)[0].notes["onset"].tolist() == [0, 480]


@pytest.mark.parametrize(("meter", "quarters"), [((3, 4), 3), ((6, 8), 3), ((4, 4), 4)])
@pytest.mark.parametrize("n_bars", [1, 5])
def test_as_many_bars_are_new_in_any_meter(systems, monkeypatch, meter, quarters, n_bars):
    system = systems["paper"]
    always(system, monkeypatch, 12, T=96)
    (new,) = system.extend([song(2, meter)], n_bars)
    assert new.length == n_bars * quarters * 240
    assert len(new) == n_bars * quarters * 4  # four notes a quarter, also beyond the first 64
    assert new.ends.max() == new.length  # notes are cut off there


@pytest.mark.parametrize("preset", [pytest.param("paper", marks=slow), "repo"])
def test_a_system_continues_songs(preset, systems, monkeypatch):
    system = systems[preset]
    monkeypatch.setattr(bachprop_system, "FIRST", 8)
    monkeypatch.setattr(bachprop_system, "MOST", 16)
    songs = [song(2, (3, 4)), song(2, (3, 4), Part(is_drum=True))]
    pieces = [piece for piece in songs if system.readable([piece])]
    assert len(pieces) == (1 if system.preset == "paper" else 2)
    new = system.extend(pieces, 2, seed=1)
    assert system.extend(pieces, 2, seed=1) == new
    for piece in new:
        assert piece.length == 2 * 3 * 240
        assert piece.ends.max(initial=0) <= piece.length
        assert not any(part.is_drum for part in piece.parts)
    assert system.extend(pieces, 2, seed=1, temperature=0) != new
    if system.preset == "paper":
        with pytest.raises(Error, match=r"song: there is no note in it \(3 drums\)"):
            system.extend(songs, 1)


def test_a_song_that_ends_at_once_is_followed_by_silence(code, monkeypatch):
    def write(n, total, seed, temperature, given):
        return np.pad(given, ((0, 0), (0, total - given.shape[1]), (0, 0)))

    monkeypatch.setattr(code, "write", write)
    (new,) = code.extend([song(2)], 2)
    assert (len(new), new.length) == (0, 2 * 4 * 240)


def test_only_the_last_notes_of_a_long_song_are_read(system, monkeypatch):
    seen = []

    def write(n, total, seed, temperature, given):
        seen.append(given)
        return np.ones((1, total, 3), int)

    monkeypatch.setattr(system, "write", write)
    notes = note_array(np.zeros(100_000), 24, 60 + np.arange(100_000) % 3)
    system.extend([Piece("chord", 24, notes, (Part(),), length=96)], 1)
    assert seen[0].shape == (1, 256, 3)


# Measuring.


@pytest.mark.parametrize("preset", [pytest.param("paper", marks=slow), "repo"])
def test_measures_are_those_of_the_probabilities(preset, systems):
    system = systems[preset]
    numbers = system.segments(map(demo_tunes.song, (0, 1)))
    found = system.measure(numbers)
    if system.preset == "repo":
        n, place = len(numbers), np.array(system.sizes) - 1
        notes, following = (np.full((n, 128, 3), -1) for _ in range(2))
        following[:, :100] = numbers - 1
        notes[:, 0], notes[:, 1:100] = place, numbers[:, :-1] - 1
        states = {f"state_{k}": np.zeros((n, 8), "float32") for k in (1, 2, 3, 4)}
        inputs = {"notes": notes.astype("int32"), "next": following.astype("int32")}
        likely = predictor(system.network)(inputs | states)
        likely = [likely[a][:, :100] for a in ATTRIBUTES]
        true = numbers - 1
    else:
        logits = np.split(predictor(system.network)(numbers), np.cumsum(system.sizes)[:-1], axis=-1)
        powers = [np.exp(own - own.max(-1, keepdims=True)) for own in logits]
        likely, true = [own / own.sum(-1, keepdims=True) for own in powers], numbers
    nats = []
    for i, (a, own) in enumerate(zip(ATTRIBUTES, likely, strict=True)):
        chosen = np.take_along_axis(own.astype(float), true[:, :, i, None], axis=-1)
        nats.append(-np.log(np.maximum(chosen, 1e-7)).sum() / len(numbers))
        assert found[f"Rec. {a}"] == pytest.approx(nats[i], rel=1e-3)
        right = (own.argmax(-1) == true[:, :, i]).mean()
        assert found[f"accuracy {a}"] == pytest.approx(right, rel=1e-4)
    assert found["Rec."] == pytest.approx(sum(nats), rel=1e-3)
    assert "KL" not in found


@slow
def test_an_evaluation_has_one_row(system):
    drums = Piece("drums", 48, note_array([0, 48], 48, 40), (Part(is_drum=True),))
    (row,) = system.evaluate([drums, toys.tune(120)], 2)
    assert len(row.music) == 2
    assert row.values["Rec."] > 0
