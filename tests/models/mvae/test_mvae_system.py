"""The trained melody VAE: its files, what it writes, restores and measures."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import toys
from keras import ops

import musegen
from musegen import Error
from musegen.data import demo_tunes
from musegen.models import triple_system
from musegen.models.mvae.settings import ATTRIBUTES
from musegen.models.mvae.system import MVAE
from musegen.models.triple_system import DICTIONARIES
from musegen.music.piece import Part, Piece, note_array

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def system() -> MVAE:
    return toys.writer_of_notes("mvae")


@pytest.fixture(scope="module")
def code() -> MVAE:
    """The same in preset repo."""
    return toys.writer_of_notes("mvae", "repo")


def rows(piece: Piece) -> list:
    return piece.notes.tolist()


# Files.


@pytest.mark.parametrize(
    "name", ["mvae", *(pytest.param(own, marks=slow) for own in ("mvae-autoencoder", "mvae-flat"))]
)
def test_a_saved_system_is_the_same(name, system, tmp_path):
    made = system if name == "mvae" else toys.writer_of_notes(name)
    made.notes = replace(made.notes, snap="onset")
    again = musegen.load(made.save(tmp_path))
    made.notes = replace(made.notes, snap="delta")
    assert (again.entry.name, again.preset, again.notes.snap) == (name, "paper", "onset")
    assert (again.dictionaries, again.settings) == (made.dictionaries, made.settings)
    for one, other in zip(made.network.get_weights(), again.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@slow
def test_half_precision_rounds_the_matrices(system, tmp_path):
    again = musegen.load(system.save(tmp_path / "half", half=True))
    for one, other in zip(system.network.get_weights(), again.network.get_weights(), strict=True):
        kind = "float16" if one.ndim > 1 else "float32"
        np.testing.assert_array_equal(one.astype(kind).astype("float32"), other)


def broken(folder, what: str, other: MVAE) -> None:
    """Puts something wrong into the folder of a system."""
    words = folder / DICTIONARIES
    content = json.loads(words.read_text())
    if what == "missing":
        words.unlink()
    elif what == "damaged":
        words.write_text(words.read_text()[:-9])
    elif what == "longer":
        words.write_text(json.dumps(content | {"T": [*content["T"], 3000]}))
    elif what == "of another preset":
        words.write_text(json.dumps(content | {"unit": "sixteenths"}))
    elif what == "unknown snap":
        description = json.loads((folder / "system.json").read_text()) | {"snap": "bar"}
        (folder / "system.json").write_text(json.dumps(description))
    elif what == "unknown preset":
        description = json.loads((folder / "system.json").read_text()) | {"preset": "own"}
        (folder / "system.json").write_text(json.dumps(description))
    elif what == "no network":
        (folder / "mvae.keras").unlink()
    else:
        other.network.save(folder / "mvae.keras")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing", r"dictionaries\.json: "),
        ("damaged", r"dictionaries\.json: .*copy the system again"),
        ("longer", r"dictionaries\.json: has \(\d+, \d+, \d+\) values .*; copy both from one run"),
        ("of another preset", r"dictionaries\.json: is of another preset than paper"),
        ("unknown snap", r"a snap of 'bar'"),
        ("unknown preset", "has an unknown preset 'own'"),
        ("no network", r"mvae\.keras: no such file"),
        ("network of another", r"mvae\.keras: is a network of another system or preset"),
    ],
)
def test_a_broken_folder_is_one_line(what, message, system, saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "own")
    broken(folder, what, toys.writer_of_notes("bachprop", "repo") if "another" in what else system)
    with pytest.raises(Error, match=message) as caught:
        musegen.load(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


@pytest.fixture(scope="module")
def saved(system, tmp_path_factory):
    return system.save(tmp_path_factory.mktemp("saved") / "own")


# Generating.


def test_equal_seeds_give_equal_music(system):
    pieces = system.generate(3, seed=5, length=7)
    assert [len(piece) for piece in pieces] == [7, 7, 7]
    assert system.generate(3, seed=5, length=7) == pieces
    assert system.generate(2, seed=5, length=7) == pieces[:2]
    assert len({str(rows(piece)) for piece in (*pieces, *system.generate(3, seed=6, length=7))}) > 3
    assert {piece.parts for piece in pieces} == {(Part(),)}
    assert {piece.tempi for piece in pieces} == {((0, 500_000),)}
    assert set(pieces[0].notes["velocity"].tolist()) == {100}
    assert len(system.generate(1)[0]) == 100


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_pieces_do_not_depend_on_how_many_are_written_at_once(system, temperature, monkeypatch):
    whole = system.generate(5, seed=5, temperature=temperature, length=7)
    monkeypatch.setattr(triple_system, "AT_ONCE", 2)
    assert system.generate(5, seed=5, temperature=temperature, length=7) == whole
    assert system.generate(3, seed=5, temperature=temperature, length=7) == whole[:3]


def test_temperature(system):
    """From one z: the same at 0 with any seed, and often another at 1."""
    z = np.zeros((6, system.settings.width))
    likely, same, warm, other = (
        system.decode(z, seed, temperature, 7)
        for seed, temperature in ((0, None), (1, 0.0), (0, 1.0), (1, 1.0))
    )
    np.testing.assert_array_equal(likely, likely[:1].repeat(6, axis=0))
    np.testing.assert_array_equal(likely, same)
    assert len(np.unique(warm, axis=0)) == 6
    assert (warm != other).mean() > 0.2
    assert system.preferred == {"temperature": 0.0}


def test_new_pieces_are_drawn_at_their_own_temperature(system, tmp_path, monkeypatch):
    """It is saved with the system; what is restored has that of the preset."""
    monkeypatch.setattr(system, "drawn_at", 0.7)
    again = musegen.load(system.save(tmp_path))
    assert again.preferred == {"temperature": 0.7}
    assert again.generate(3, 5, length=7) == system.generate(3, 5, 0.7, 7)
    assert again.generate(3, 5, 0.0, 7) != again.generate(3, 5, length=7)
    z = np.zeros((2, system.settings.width))
    np.testing.assert_array_equal(again.decode(z, 0, None, 7), again.decode(z, 1, 0.0, 7))
    description = tmp_path / "system.json"
    description.write_text(description.read_text().replace("0.7", "-1"))
    with pytest.raises(Error, match=r"system\.json: damaged.*temperature of -1"):
        musegen.load(tmp_path)


def test_given_notes_are_kept_and_change_what_follows(system):
    z = {"z": np.zeros((2, 8), "float32")}
    given = np.random.default_rng(0).integers(1, system.sizes, (2, 3, 3))
    found = system.write(2, 7, given=given, **z)
    np.testing.assert_array_equal(found[:, :3], given)
    assert (found[0, 3:] != found[1, 3:]).any()
    alone = system.write(2, 7, **z)
    assert (found[:, 3:] != alone[:, 3:]).any()


def bias(system: MVAE, attribute: str, index: int, value: float) -> None:
    layer = system.network.get_layer("decoder").get_layer(f"logits_{attribute}")
    weights = layer.bias.numpy()
    weights[index] = value
    layer.bias.assign(weights)


def test_index_0_is_counted_in_preset_repo_and_never_chosen_in_paper(system, code, capsys):
    for made, missing in ((system, 0), (code, 7)):
        former = made.network.get_weights()
        bias(made, "P", 0, 1e4)
        pieces = made.generate(2, length=7)
        made.network.set_weights(former)
        assert [len(piece) for piece in pieces] == [7 - missing] * 2
        said = capsys.readouterr().err
        assert said == (
            "musegen: 14 notes have no dT, T or P and are left out\n" if missing else ""
        )


# Restoring.


@pytest.mark.parametrize("n", [1, 60, 100, 101, 237])
def test_a_restored_piece_has_as_many_notes(system, n):
    song = replace(toys.tune(n), meters=[(0, 3, 4), (288, 2, 4)])
    (restored,) = system.restore([song])
    assert (len(restored), restored.name) == (n, song.name)
    assert restored.tempi == song.tempi != ()
    assert restored.meters == ((0, 3, 4),)


def test_segments_are_restored_and_joined_in_their_middles(system):
    song, short = toys.tune(237), toys.tune(60, seed=1)
    numbers = system.read(song)
    starts = [0, 50, 100, 137]
    written = system.decode(system.encode(np.stack([numbers[k : k + 100] for k in starts])))
    joined = [written[0][:75], written[1][25:75], written[2][25:68], written[3][31:]]
    restored = system.restore([short, song])
    (expected,) = system.pieces([np.concatenate(joined)], ["own"])
    assert rows(restored[1]) == rows(expected)
    assert [rows(piece) for piece in restored[:1]] == [rows(system.restore([short])[0])]
    repeated = np.concatenate([system.read(short), system.read(short)[:40]])[None]
    (whole,) = system.pieces(system.decode(system.encode(repeated))[:, :60], ["short"])
    assert rows(restored[0]) == rows(whole)


def test_the_ends_of_an_interpolation_are_restored_pieces(system):
    a, b = toys.tune(150), toys.tune(130, seed=1)
    way = system.interpolate(a, b, 4)
    numbers = np.stack([system.read(piece)[:100] for piece in (a, b)])
    ends = system.pieces(system.decode(system.encode(numbers)), ["a", "b"])
    assert [rows(way[0]), rows(way[-1])] == [rows(end) for end in ends]
    assert len({str(rows(piece)) for piece in way}) > 2
    mean = system.encode(numbers).mean(axis=0, keepdims=True)
    (middle,) = system.pieces(system.decode(mean), ["middle"])
    assert rows(system.interpolate(a, b, 3)[1]) == rows(middle)
    assert {piece.tempi for piece in way} == {a.tempi} != {b.tempi}


def test_unknown_values_become_the_nearest_and_are_told_once(system, capsys):
    known = system.dictionaries
    T = max(known.T) + 300
    song = Piece("odd", 48, note_array([0, 48, 96], [48, T, 48], [60, 60, 127]), (Part(),))
    assert max(known.P) < 127
    numbers = system.read(song)
    found, _ = known.decode(numbers)
    assert found[:, 1].tolist() == [48, max(known.T), 48]
    assert found[:, 2].tolist() == [60, 60, max(known.P)]
    assert capsys.readouterr().err == (
        "musegen: odd: 2 of 9 values are replaced by the nearest that mvae knows\n"
    )


def test_a_chord_without_end(system):
    n = 100_000
    song = Piece("chord", 48, note_array(np.zeros(n), 48, 60), (Part(),))
    assert len(system.read(song)) == n


def test_what_is_left_out_of_a_song_is_told(system, code, capsys):
    drums = Piece("drums", 48, note_array([0, 48], 48, 40), (Part(is_drum=True),))
    with pytest.raises(Error, match=r"drums: there is no note in it \(2 drums\)"):
        system.restore([drums])
    assert len(code.read(drums)) == 2  # the original code reads them as pitches
    capsys.readouterr()
    notes = note_array([0, 48, 96], [48, 0, 48], 60, part=[0, 0, 1])
    mixed = Piece("mixed", 48, notes, (Part(), Part(is_drum=True)))
    assert len(system.read(mixed)) == 1
    assert capsys.readouterr().err == (
        "musegen: mixed: notes that are left out or changed: 1 drums, 1 without length\n"
    )
    silent = Piece("silent", 48, note_array([0, 48], 0, 60), (Part(),))
    with pytest.raises(Error, match=r"silent: there is no note in it \(2 without length\)"):
        system.restore([silent])
    meters = replace(toys.tune(120), meters=[(0, 4, 4), (960, 3, 4)])
    assert len(system.read(meters)) == 120
    with pytest.raises(Error, match=r"has 2 time signatures, and one is allowed"):
        code.restore([meters])


# Measuring.


def shares(logits: np.ndarray) -> np.ndarray:
    """The logarithms of the softmax."""
    logits = logits.astype(float)
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def compared(system, logits: np.ndarray, numbers: np.ndarray, found: dict[str, float]) -> None:
    """Compares what is measured with what these logits give."""
    nats, right = {}, {}
    for i, (a, own) in enumerate(
        zip(ATTRIBUTES, np.split(logits, np.cumsum(system.sizes)[:-1], axis=-1), strict=True)
    ):
        likely = np.take_along_axis(shares(own), numbers[:, :, i, None], axis=-1)
        nats[a], right[a] = (
            -likely.sum() / len(numbers),
            (own.argmax(-1) == numbers[:, :, i]).mean(),
        )
        assert found[f"Rec. {a}"] == pytest.approx(nats[a], rel=1e-4)
        assert found[f"accuracy {a}"] == pytest.approx(right[a], rel=1e-5)
    assert found["Rec."] == pytest.approx(sum(nats.values()), rel=1e-4)
    assert found["accuracy"] == pytest.approx(np.mean(list(right.values())), rel=1e-5)


@pytest.mark.parametrize("name", ["mvae", pytest.param("mvae-autoencoder", marks=slow)])
def test_measures_are_those_of_the_logits(name):
    made = toys.writer_of_notes(name, length=6)
    numbers = made.segments(map(demo_tunes.song, (0, 1)))
    assert numbers.shape[1:] == (6, 3)
    found = made.measure(numbers, seed=3)
    parts = [made.network.get_layer(part) for part in ("embeddings", "encoder", "decoder")]
    embed, encoder, decoder = parts
    embedded = embed(np.pad(numbers, ((0, 0), (1, 0), (0, 0))))
    z = encoder([x[:, 1:] for x in embedded])
    if name == "mvae":
        _, mean, log_variance = (np.asarray(x) for x in z)
        noise = np.random.default_rng(3).standard_normal(mean.shape, "float32")
        z = mean + np.exp(log_variance / 2) * noise
        kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1).mean()
        assert found["KL"] == pytest.approx(kl, rel=1e-4)
        np.testing.assert_allclose(made.encode(numbers), mean, atol=1e-5)
    assert ("KL" in found) == (name == "mvae")
    compared(made, np.asarray(decoder([*embedded, ops.convert_to_tensor(z)])), numbers, found)


@slow
def test_an_evaluation_leaves_out_what_cannot_be_read(system, capsys):
    drums = Piece("drums", 48, note_array([0, 48], 48, 40), (Part(is_drum=True),))
    generated, restored = system.evaluate([drums, toys.tune(120)], 2)
    assert [len(piece) for piece in generated.music] == [100, 100]
    assert [len(piece) for piece in restored.music] == [120]
    assert set(restored.values) >= {"Rec.", "Rec. dT", "accuracy", "KL"}
    assert "1 of 2 pieces cannot be read" in capsys.readouterr().err
