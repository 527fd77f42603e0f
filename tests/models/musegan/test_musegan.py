"""MuseGAN, narrow: which vectors move which tracks, and what becomes of the outputs."""

import json
import re
from dataclasses import replace

import keras
import numpy as np
import pytest
from checks import check_model, check_on_jax, parameters
from keras import ops

from musegen import Error
from musegen.models.musegan import critics, generators
from musegen.models.musegan import settings as musegan_settings
from musegen.models.musegan.settings import PRESETS, Kind
from musegen.models.musegan.system import WAYS, MuseGAN, lerp, slerp
from musegen.music.phrases import TRACKS

TINY = {name: replace(settings, width=1 / 64) for name, settings in PRESETS.items()}
BASS = TRACKS.index("bass")
both = pytest.mark.parametrize("preset", PRESETS)


def lively(model: keras.Model, size: float = 0.6) -> keras.Model:
    """Sets larger weights, so that no output is nearly zero and every input has an effect."""
    rng = np.random.default_rng(3)
    for weight in model.trainable_weights:
        last = "pitch_8/" in weight.path  # not so large that tanh is 1
        spread = (0.2 if last else size) if "kernel" in weight.path else 0.1
        weight.assign(np.float32("gamma" in weight.path) + rng.normal(0, spread, weight.shape))
    return model


def system(preset: str, model: str, given: str | None = None, n_bars: int = 4) -> MuseGAN:
    kind = Kind(model, given, n_bars)
    return MuseGAN(preset, kind, lively(generators.generator(TINY[preset], kind)))


def phrases(n: int = 2) -> np.ndarray:
    return np.random.default_rng(5).random((n, 4, 96, 84, 5)) < 0.03


def moved(one: np.ndarray, other: np.ndarray) -> list[str]:
    """Returns the tracks in which two phrases differ."""
    return [t for k, t in enumerate(TRACKS) if np.abs(one[..., k] - other[..., k]).max() > 1e-3]


# Which vectors move which tracks.


def tracks_moved_by(made: MuseGAN) -> dict[str, list[str]]:
    """The tracks that change with each vector; of the tracks' own vectors, with the guitar's."""
    z = made.draw(2, 0, 1.0)
    if made.kind.given:
        z["given"] = np.float32(2) * phrases()[..., 1:2] - 1
    opposite = np.float32([1, -1])  # batch norm would remove a change that all phrases share
    before, found = ops.convert_to_numpy(made.network(z)), {}
    for name in made.kind.latents:
        other = {key: vectors.copy() for key, vectors in z.items()}
        if "tracks" in name:
            other[name][..., made.kind.written.index("guitar"), :].T[:] += opposite
        else:
            other[name].T[:] += opposite
        found[name] = moved(before, ops.convert_to_numpy(made.network(other)))
    return found


@pytest.mark.slow
@both
def test_which_vectors_move_which_tracks(preset):
    every, guitar = list(TRACKS), ["guitar"]
    assert tracks_moved_by(system(preset, "hybrid")) == {
        "z": every, "z_time": every, "z_tracks": guitar, "z_tracks_time": guitar,
    }  # fmt: skip
    assert tracks_moved_by(system(preset, "jamming")) == {
        "z_tracks": guitar,
        "z_tracks_time": guitar,
    }
    assert tracks_moved_by(system(preset, "composer")) == {"z": every, "z_time": every}
    written = [track for track in TRACKS if track != "piano"]
    assert tracks_moved_by(system(preset, "hybrid", "piano")) == {"z": written, "z_tracks": guitar}
    assert tracks_moved_by(system(preset, "jamming", "piano")) == {"z_tracks": guitar}
    composed = every if preset == "repo" else written
    assert tracks_moved_by(system(preset, "composer", "piano")) == {"z": composed}
    if preset in Kind("rnn").presets:
        assert tracks_moved_by(system(preset, "rnn")) == {"z_time": every}
        assert tracks_moved_by(system(preset, "hybrid", n_bars=1)) == {
            "z": every,
            "z_tracks": guitar,
        }
        assert tracks_moved_by(system(preset, "jamming", n_bars=1)) == {"z_tracks": guitar}
        assert tracks_moved_by(system(preset, "composer", n_bars=1)) == {"z": every}


@pytest.mark.parametrize(("preset", "first"), [("paper", "z"), ("repo", "z_time"), ("narrow", "z")])
def test_which_vectors_stand_first(preset, first):
    """If a composer ignores the first half of the 128 numbers, its first vector has no effect."""
    made = system(preset, "composer")
    layer = made.network.get_layer("bar").get_layer("time_1")
    kernel = ops.convert_to_numpy(layer.kernel).copy()
    kernel[..., :64] = 0  # (time, pitch, filters, inputs)
    layer.kernel.assign(kernel)
    assert [name for name, tracks in tracks_moved_by(made).items() if not tracks] == [first]


def test_an_rnn_reads_the_bars_before():
    """The vector of a bar changes this bar and the bars after it, but none before."""
    made = system("narrow", "rnn")
    z = made.draw(2, 0)
    before = made.values(z)
    z["z_time"][:, 2] += 1
    after = made.values(z)
    assert moved(before[:, 2], after[:, 2]) == moved(before[:, 3], after[:, 3]) == list(TRACKS)
    np.testing.assert_allclose(before[:, :2], after[:, :2], atol=1e-6)


def test_an_rnn_is_the_lstm_of_the_original():
    """By hand as in TensorFlow 1: one kernel for both inputs, 1 added to the forget gate."""
    network = generators.recurrent_generator()
    inputs, recurrent, bias = network.get_weights()
    limit = (6 / (256 + 512)) ** 0.5  # of Glorot and Bengio, for that kernel
    for kernel in (inputs, recurrent):
        assert 0.95 * limit < np.abs(kernel).max() <= limit
    assert bias.reshape(4, 128).mean(axis=1).tolist() == [0, 1, 0, 0]
    kernel = np.concatenate([inputs, recurrent])
    z = np.random.default_rng(0).normal(size=(3, 4, 128)).astype("float32")
    cell = hidden = np.zeros((3, 128))
    bars = []
    for k in range(4):
        gates = np.concatenate([z[:, k], hidden], axis=1) @ kernel
        i, f, new, o = np.split(gates, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f + 1, o))
        cell = f * cell + i * np.tanh(new)
        hidden = o * np.tanh(cell)
        bars.append(hidden)
    np.testing.assert_allclose(network.predict(z, verbose=0), np.stack(bars, axis=1), atol=1e-5)


@pytest.mark.parametrize(
    ("preset", "model", "n"),
    [
        ("paper", "hybrid", 6),
        pytest.param("paper", "jamming", 5, marks=pytest.mark.slow),
        pytest.param("repo", "hybrid", 1, marks=pytest.mark.slow),
    ],
)
def test_bars_differ_only_by_the_unrolled_vectors(preset, model, n):
    """If the unrolled vectors of all bars are equal, all bars are equal."""
    made = system(preset, model)
    z = made.draw(2, 1, 1.0)
    bars = made.values(z)
    assert all(np.abs(bars[:, 0] - bars[:, k]).max() > 1e-2 for k in (1, 2, 3))
    networks = [x for x in made.network._flatten_layers() if x.name.startswith("temporal")]
    assert len(networks) == n
    for network in networks:
        noise = np.random.default_rng(0).normal(0, 9, (9, *network.input_shape[1:]))
        values = ops.convert_to_numpy(network(noise.astype("float32")))
        assert values.min() == 0 < values.max()
        for weight in network.trainable_weights:
            if "time_2" in weight.path and ("kernel" in weight.path or "gamma" in weight.path):
                weight.assign(ops.zeros_like(weight))
    bars = made.values(z)
    np.testing.assert_allclose(bars, np.repeat(bars[:, :1], 4, axis=1), atol=1e-5)


@pytest.mark.parametrize(
    ("preset", "model"),
    [("paper", "hybrid"), ("repo", "composer"), ("repo", "jamming"), ("narrow", "composer")],
)
def test_conditional_bars_are_independent(preset, model):
    """The output has the given track; a bar of it has an effect only on the same bar."""
    settings = replace(TINY[preset], batch_statistics=False)  # else bars share statistics
    made = MuseGAN(preset, Kind(model, "piano"),
                   lively(generators.generator(settings, Kind(model, "piano"))))  # fmt: skip
    music = phrases()
    z = made.draw(2, 0)
    z["given"] = 2 * music[..., 1:2].astype("float32") - 1
    before = made.values(z)
    assert np.array_equal(before[..., 1:2], z["given"]) != (preset == "repo" and
                                                            model == "composer")  # fmt: skip
    other = {**z, "given": z["given"].copy()}
    other["given"][:, 2] *= -1
    after = made.values(other)
    assert moved(before[:, 2], after[:, 2]) == list(TRACKS)
    for bar in (0, 1, 3):
        np.testing.assert_allclose(before[:, bar], after[:, bar], atol=1e-6)
    cells = made.accompany(music, seed=3)
    assert cells.dtype == bool
    np.testing.assert_array_equal(cells[..., 1], music[..., 1])
    assert not np.array_equal(cells[..., 0], music[..., 0])


@pytest.mark.parametrize(
    ("preset", "alone"),
    [("paper", True), ("repo", False), pytest.param("narrow", True, marks=pytest.mark.slow)],
)
def test_batch_statistics_when_music_is_generated(preset, alone):
    made = system(preset, "hybrid")
    z = made.draw(4, 0)
    whole, part = made.values(z), made.values({name: own[:2] for name, own in z.items()})
    assert (np.abs(whole[:2] - part).max() < 1e-5) == alone


# A system.


@pytest.mark.slow
def test_binarisations():
    made = system("repo", "composer")
    poly, mono = (made.generate(64, 1, binarisation=b) for b in ("threshold", "monophonic"))
    bass = made.values(made.draw(64, 1))[..., BASS]
    strongest = bass == bass.max(axis=-1, keepdims=True)
    np.testing.assert_array_equal(mono[..., BASS], poly[..., BASS] & strongest)
    assert poly[..., BASS].sum() > 1.5 * mono[..., BASS].sum() > 0
    np.testing.assert_array_equal(np.delete(mono, BASS, -1), np.delete(poly, BASS, -1))
    np.testing.assert_array_equal(made.generate(64, 1), mono)  # as the preset has it
    made = system("narrow", "composer")
    np.testing.assert_array_equal(
        made.generate(3, 1, binarisation="threshold"), made.values(made.draw(3, 1)) > 0
    )
    one, same, other = (made.generate(2, seed, binarisation="bernoulli") for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    z = made.draw(2, 1)
    assert not np.array_equal(made.play(z, 1, "bernoulli"), made.play(z, 2, "bernoulli"))
    draws = np.mean([made.play(z, seed, "bernoulli") for seed in range(40)], axis=0)
    assert np.abs(draws - (made.values(z) + 1) / 2).mean() < 0.1  # sd of a mean of 40 is <= 0.08


@pytest.mark.slow
def test_a_phrase_that_is_normalized_by_its_batch_is_generated_in_a_full_batch():
    """Alone in its batch it would not depend on its random vectors at all."""
    made = system("repo", "hybrid")
    one, other = (made.values(made.draw(1, seed)) for seed in (1, 2))
    np.testing.assert_allclose(one, other, atol=0.02)
    one, same, other = (made.generate(1, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.shape == (1, 4, 96, 84, 5)
    assert moved(one.astype(float), other.astype(float)) == list(TRACKS)
    whole = made.draw(64, 1)
    np.testing.assert_array_equal(made.play(whole), made.binarised(made.values(whole)))


@pytest.mark.slow
@pytest.mark.parametrize(("model", "n_bars"), [("hybrid", 1), ("rnn", 4)])
def test_kinds_that_only_the_code_has_generate_are_evaluated_and_saved(model, n_bars, tmp_path):
    made = system("repo", model, n_bars=n_bars)
    music = made.generate(3, 1)
    assert music.shape == (3, n_bars, 96, 84, 5)
    again = MuseGAN.load(made.save(tmp_path / "it"))
    assert again.kind == made.kind
    np.testing.assert_array_equal(again.generate(3, 1), music)
    assert made.evaluated * n_bars == 20_000
    (row,) = made.evaluate(phrases(), 3, seed=1)
    assert row.name == {1: "one bar, hybrid", 4: "from scratch, rnn"}[n_bars]
    np.testing.assert_array_equal(row.music, music)


def test_a_bar_grows_along_the_square_of_the_original():
    """As in the original: shared numbers down, those of the tracks across, -0.0005 to 0.0005."""
    made = system("repo", "hybrid", n_bars=1)
    made.play = lambda z, seed, binarisation: z
    z = made.grid(8)
    steps = np.linspace(-0.0005, 0.0005, 8, dtype=np.float32)
    np.testing.assert_array_equal(z["z"], np.tile(np.repeat(steps, 8)[:, None, None], (1, 1, 64)))
    np.testing.assert_array_equal(
        z["z_tracks"], np.tile(np.tile(steps, 8)[:, None, None, None], (1, 1, 5, 64))
    )


def test_seeds_interpolation_and_grid():
    made = system("paper", "hybrid")
    for way in WAYS:
        path = made.interpolate_seeds((1, 2), 5, way)
        assert path.shape == (5, 4, 96, 84, 5)
        np.testing.assert_array_equal(path[0], made.generate(1, 1)[0])
        np.testing.assert_array_equal(path[-1], made.generate(1, 2)[0])
    assert not np.array_equal(path[0], path[-1])
    assert made.draw(500, 0)["z_tracks"].std() == pytest.approx(0.1, rel=0.01)
    seen = []
    made.play = lambda z, seed, binarisation: seen.append(z)
    made.grid(3, 0.5)
    (z,) = seen
    assert {name: own.shape[1:] for name, own in z.items()} == made.kind.latents
    rows, columns = [-0.5] * 3 + [0] * 3 + [0.5] * 3, [-0.5, 0, 0.5] * 3
    for name, own in z.items():
        expected = np.reshape(columns if "tracks" in name else rows, (9, *[1] * (own.ndim - 1)))
        np.testing.assert_array_equal(own, np.broadcast_to(expected, own.shape))


@pytest.mark.parametrize("model", ["jamming", "composer"])
def test_of_vectors_of_one_kind_those_of_the_bars_grow_along_a_grid(model, monkeypatch):
    made = system("narrow", model)
    monkeypatch.setattr(made, "play", lambda z, seed, binarisation: z)
    for name, own in made.grid(2).items():
        rows, columns = [-0.5, -0.5, 0.5, 0.5], [-0.5, 0.5, -0.5, 0.5]
        expected = columns if name.endswith("_time") else rows
        np.testing.assert_array_equal(own.reshape(4, -1)[:, 0], expected)
        assert (own == own.reshape(4, -1)[:, 0].reshape(-1, *[1] * (own.ndim - 1))).all()


@pytest.mark.parametrize("preset", ["paper", "narrow"])
def test_a_grid_reaches_as_far_as_its_preset_says(preset, monkeypatch):
    made = system(preset, "composer")
    monkeypatch.setattr(made, "play", lambda z, seed, binarisation: z)
    assert made.grid(2)["z"].max() == np.float32({"paper": 0.0005, "narrow": 0.5}[preset])


def test_tables_have_as_many_phrases_as_are_asked_for():
    made, music = system("narrow", "composer", "piano"), phrases(2)
    (row,) = made.evaluate(music, 5)
    assert len(row.music) == 5
    np.testing.assert_array_equal(row.music[..., 1], music[[0, 1, 0, 1, 0]][..., 1])
    assert (row.music[0] != row.music[2]).any()  # other random vectors
    with pytest.raises(Error, match="the piano that is given is silent in all 2 phrases"):
        made.evaluate(np.zeros_like(music), 5)


def test_lerp_and_slerp():
    rng = np.random.default_rng(0)
    start, end = rng.normal(size=(2, 1, 5, 32)).astype("float32")
    share = np.linspace(0, 1, 5, dtype="float32")
    for way in (lerp, slerp):
        path = way(start, end, share)
        assert path.shape == (5, 5, 32)
        np.testing.assert_allclose(path[[0, -1]], [start[0], end[0]], atol=1e-6)
    np.testing.assert_allclose(lerp(start, end, share)[2], (start + end)[0] / 2, rtol=1e-5)
    start, end = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (start, end))
    path = slerp(start, end, share)
    np.testing.assert_allclose(np.linalg.norm(path, axis=-1), 1, rtol=1e-5)
    steps = (path[1:] * path[:-1]).sum(axis=-1)  # equal angles
    np.testing.assert_allclose(steps, np.broadcast_to(steps[:1], steps.shape), atol=1e-5)
    straight = slerp(start, 2 * start, share)
    np.testing.assert_allclose(straight[2], 1.5 * start[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("preset", "model", "given"),
    [
        pytest.param("paper", "hybrid", None, marks=pytest.mark.slow),
        ("repo", "composer", "strings"),
    ],
)
def test_save_and_load(preset, model, given, tmp_path):
    made = system(preset, model, given)
    again = MuseGAN.load(made.save(tmp_path / "it"))
    assert (again.kind, again.preset) == (made.kind, preset)
    play = (lambda s: s.accompany(phrases(), 4)) if given else (lambda s: s.generate(3, 4))
    np.testing.assert_array_equal(play(again), play(made))


@pytest.mark.slow
def test_settings_that_were_changed_are_kept(tmp_path):
    kind = Kind("hybrid")
    changed = musegan_settings.changed("monophonic_bass=no,z_std=0.5,temporal=joint", "repo", kind)
    assert changed == {"monophonic_bass": False, "z_std": 0.5, "temporal": "joint"}
    network = generators.generator(replace(TINY["repo"], **changed), kind)
    made = MuseGAN("repo", kind, lively(network), changed)
    again = MuseGAN.load(made.save(tmp_path))
    assert again.settings == replace(PRESETS["repo"], **changed)
    assert again.draw(500, 0)["z"].std() == pytest.approx(0.5, rel=0.02)
    assert again.generate(3)[..., BASS].sum(axis=-1).max() > 1
    for words, message in (
        ("loud=yes", "there is no 'loud'; there are temporal, critic, unrolled_first"),
        ("width=2", "there is no 'width'"),
        ("mixes_bars=perhaps", "mixes_bars is yes or no"),
        ("critic=bars", "critic is phrase or bar"),
        ("z_std", "z_std is a number"),
        ("first_bias=nan", "first_bias is a number"),
        ("z_std=-1", "z_std is a number above 0"),
        ("reach=0", "reach is a number above 0"),
        ("critic=phrase,mixes_bars=no", "--set mixes_bars: makes no difference to the hybrid from"),
        ("writes_all=no", "--set writes_all: makes no difference"),
        ("critic_each=yes", "--set critic_each: makes no difference"),
    ):
        with pytest.raises(Error, match=message):
            musegan_settings.changed(words, "repo", kind)
    one_vector = Kind("composer")  # so that no two could share a network
    for kind in (one_vector, Kind("rnn"), Kind("hybrid", n_bars=1), Kind("hybrid", "piano")):
        with pytest.raises(Error, match="--set temporal: makes no difference to the"):
            musegan_settings.changed("temporal=separate", "repo", kind)


def test_settings_are_read_by_their_names_of_version_0_1(tmp_path):
    kind = Kind("hybrid")
    changed = musegan_settings.changed("hears_onsets=yes", "repo", kind)
    assert changed == {"note_counts": True}
    network = lively(generators.generator(TINY["repo"], kind))
    MuseGAN("repo", kind, network, changed).save(tmp_path)
    file = tmp_path / "system.json"
    file.write_text(file.read_text().replace("note_counts", "hears_onsets"))
    again = MuseGAN.load(tmp_path)
    assert again.settings.note_counts
    assert again.changed == changed


@pytest.mark.parametrize(
    ("preset", "words", "generator", "critic"),
    [  # what each switch adds to the trainable weights of a hybrid
        ("repo", "temporal=separate", True, False),
        ("repo", "critic=phrase", False, True),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("repo", "mixes_bars=no", False, True),
                ("repo", "norm_output=yes", True, False),
                ("repo", "note_counts=yes", False, True),
                ("paper", "critic=bar,mixes_bars=yes", False, True),
                ("paper", "norm_output=no,temporal=shared", True, False),
                ("paper", "batch_statistics=yes,he=yes,first_bias=-1,z_std=1", False, False),
            )
        ),
    ],
)
def test_every_switch_of_the_networks_switches(preset, words, generator, critic):
    kind, settings = Kind("hybrid"), TINY[preset]
    other = replace(settings, **musegan_settings.changed(words, preset, kind))
    for build, differs in ((generators.generator, generator), (critics.critic, critic)):
        one, two = build(settings, kind), build(other, kind)
        assert (parameters(one) != parameters(two)) == differs
        assert one.input_shape == two.input_shape


@pytest.mark.slow
def test_a_folder_that_contradicts_its_network_is_named(tmp_path):
    system("paper", "hybrid", "piano").save(tmp_path)
    told = json.loads((tmp_path / "system.json").read_text())
    for wrong, message in (
        ({"given": "bass"}, "writes bass, drums, guitar, strings, and so does not play to a given"),
        ({"given": None}, "which is not what the hybrid from scratch takes"),
        ({"preset": ["paper"]}, "has an unknown preset"),
        ({"settings": {"loud": True}}, "unexpected keyword argument 'loud'"),
        ({"settings": {"z_std": "1"}}, "its setting z_std is '1', which is no float"),
        ({"settings": {"temporal": []}}, "its setting temporal is"),
        ({"settings": {"layers": [1]}}, "its setting layers is"),
        ({"settings": ["z_std"]}, "dictionary update sequence"),
        ({"settings": 3}, "not iterable"),
    ):
        (tmp_path / "system.json").write_text(json.dumps(told | wrong))
        with pytest.raises(Error, match=f"^{re.escape(str(tmp_path))}: .*{message}") as caught:
            MuseGAN.load(tmp_path)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_networks_survive_configuration_and_file(tmp_path):
    noise = np.random.default_rng(0).normal(size=(2, 128)).astype("float32")
    check_model(lively(generators.bar_generator(TINY["paper"], 5)), noise, tmp_path)
    critic = lively(critics.critic(TINY["repo"], Kind("jamming")))
    check_model(critic, 2 * phrases().astype("float32") - 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_tensorflow_and_jax_agree(preset, tmp_path):
    if preset == "paper":
        made = system(preset, "hybrid", "piano")
        z = made.draw(2, 0)
        z["given"] = 2 * phrases()[..., 1:2].astype("float32") - 1
        check_on_jax(lively(made.network, 0.3), z, tmp_path)
    else:
        critic = lively(critics.critic(TINY[preset], Kind("hybrid")), 0.3)
        check_on_jax(critic, 2 * phrases().astype("float32") - 1, tmp_path)


def test_mistakes_are_one_clear_line(tmp_path):
    made, to_a_track = system("paper", "composer"), system("paper", "composer", "piano")
    x = keras.Input((3,))
    other = keras.Model(x, keras.layers.Dense(2)(x))
    for mistake, words in (
        (lambda: Kind("quartet"), "no model 'quartet'.*jamming, composer, hybrid"),
        (lambda: Kind("hybrid", "flute"), "no track 'flute'.*drums, piano"),
        (lambda: Kind("hybrid", n_bars=2), "phrases of 1 or 4 bars, not 2"),
        (lambda: Kind("rnn", "piano"), "rnn composer writes four bars from scratch"),
        (lambda: Kind("rnn", n_bars=1), "rnn composer writes four bars from scratch"),
        (lambda: Kind("hybrid", "piano", 1), "each bar by itself already"),
        (
            lambda: critics.critic(PRESETS["paper"], Kind("hybrid", n_bars=1)),
            "needs phrases of four",
        ),
        (lambda: system("narrow", "rnn").grid(), "two kinds of random vectors"),
        (lambda: MuseGAN("repo", Kind("rnn"), made.network), "what the rnn from scratch takes"),
        (lambda: MuseGAN("repo", Kind("hybrid", n_bars=1), made.network), "hybrid of one bar"),
        (lambda: to_a_track.generate(1), "accompanies a given piano"),
        (lambda: to_a_track.interpolate_seeds((0, 1), 3), "accompanies a given piano"),
        (lambda: to_a_track.grid(2), "accompanies a given piano"),
        (lambda: made.accompany(phrases()), "is given no track"),
        (lambda: made.generate(1, binarisation="loud"), "binarisation 'loud'.*threshold"),
        (lambda: made.interpolate_seeds((0, 1), 3, "jump"), "way 'jump'.*lerp, slerp"),
        (lambda: to_a_track.accompany(phrases()[:, :, :48]), r"\(4, 48, 84, 5\).*\(4, 96, 84, 5\)"),
        (lambda: to_a_track.accompany(phrases()[0]), "an array of shape"),
        (
            lambda: MuseGAN("paper", Kind("hybrid"), made.network),
            "what the hybrid from scratch takes",
        ),
        (lambda: MuseGAN("paper", Kind("hybrid"), other), "what the hybrid from scratch takes"),
        (
            lambda: MuseGAN("paper", Kind("composer", "bass"), made.network),
            "composer given the bass takes",
        ),
    ):
        with pytest.raises(Error, match=words) as told:
            mistake()
        assert "\n" not in str(told.value)
