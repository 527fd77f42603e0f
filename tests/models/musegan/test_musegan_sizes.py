"""MuseGAN: numbers of parameters and shapes of all models and presets at full width."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from checks import parameters
from keras import layers, ops

from musegen.models.layers.normalization import BatchNorm
from musegen.models.musegan import critics, generators
from musegen.models.musegan import system as musegan_system
from musegen.models.musegan.settings import KINDS, PRESETS, Kind

PROJECTION = 512 * 128 + 128
# The layer of the note counts, and the weights of the next layer for its outputs.
COUNTED = (4 * 10 * 128 + 128) + 4 * 128 * 256
WHOLE, OF_BARS = 3_798_402 + COUNTED + PROJECTION, 3_336_961 + COUNTED  # critics of narrow
# Generator and critic, trainable: the spec's section 7. Those of narrow differ from repo's by the
# given track and by a critic that projects each bar to 128 and receives note counts.
COUNTS = {
    "musegan-jamming": {
        "paper": [8_368_655, 17_877_765],
        "repo": [6_473_349, 3_798_402],
        "narrow": [6_473_349, WHOLE],
    },
    "musegan-composer": {
        "paper": [1_676_815, 3_576_577],
        "repo": [1_562_501, 3_798_402],
        "narrow": [1_562_501, WHOLE],
    },
    "musegan-hybrid": {
        "paper": [7_715_983, 3_576_577],
        "repo": [6_309_413, 3_798_402],
        "narrow": [6_309_413, WHOLE],
    },
    "musegan-ablated": {
        "paper": [1_670_149, 3_576_577],
        "repo": [1_555_589, 3_798_402],
        "narrow": [1_555_589, WHOLE],
    },
    "musegan-jamming-conditional": {
        "paper": [5_693_004, 14_302_212],
        "repo": [5_120_532, 3_336_961],
        "narrow": [5_120_532, OF_BARS],
    },
    "musegan-composer-conditional": {
        "paper": [1_430_412, 3_576_577],
        "repo": [1_287_829, 3_336_961],
        "narrow": [1_286_868, OF_BARS],
    },
    "musegan-hybrid-conditional": {
        "paper": [5_693_004, 3_576_577],
        "repo": [5_120_532, 3_336_961],
        "narrow": [5_120_532, OF_BARS],
    },
    "musegan-jamming-bar": {"repo": [6_142_405, 3_336_961], "narrow": [6_142_405, OF_BARS]},
    "musegan-composer-bar": {"repo": [1_231_557, 3_336_961], "narrow": [1_231_557, OF_BARS]},
    "musegan-hybrid-bar": {"repo": [6_142_405, 3_336_961], "narrow": [6_142_405, OF_BARS]},
    "musegan-rnn": {"repo": [1_363_141, 3_798_402], "narrow": [1_363_141, WHOLE]},
}
BARS = {  # one track, five, five without batch norm; conditional of 1, 4, 5: sections 4 and 5
    "paper": ((1_342_787, 1_345_871, 1_341_381), (1_421_827, 1_424_716, 1_425_679)),
    "repo": ((1_228_481, 1_231_557, 1_226_821), (1_278_849, 1_281_732, 1_282_693)),
}
BARS["narrow"] = BARS["repo"]
SHAPES = {  # of a bar generator, layer by layer: tables 4.1 and 4.2
    "paper": [(2, 1, 1024), *((n, 1, 256) for n in (4, 8, 16, 32)), (96, 1, 128), (96, 7, 64)],
    "repo": [(1, 1, 1024), (4, 1, 512), (8, 1, 256), (16, 1, 256), (32, 1, 128), (96, 1, 128),
             (96, 7, 64)],
}  # fmt: skip
SHAPES["narrow"] = SHAPES["repo"]
both = pytest.mark.parametrize("preset", PRESETS)
slow = pytest.mark.slow
QUICK = ("musegan-hybrid", "musegan-composer-conditional")


def trained(model: keras.Model) -> int:
    return parameters(model)[1]


def norms(model: keras.Model) -> list[str]:
    return [layer.name for layer in model._flatten_layers() if isinstance(layer, BatchNorm)]


@pytest.mark.parametrize(
    ("preset", "width"),
    [
        pytest.param(preset, width, marks=() if (preset, width) == ("paper", 0.3) else slow)
        for preset in PRESETS
        for width in (0.03, 0.2, 0.3)
    ],
)
def test_any_width_is_built(preset, width):
    """Also those at which 1024 filters become an odd number."""
    settings = replace(PRESETS[preset], width=width)
    for kind in (Kind("hybrid"), Kind("hybrid", "piano")):
        assert generators.generator(settings, kind).output_shape == (None, 4, 96, 84, 5)
        assert critics.critic(settings, kind).input_shape == (None, 4, 96, 84, 5)


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        pytest.param(name, preset, marks=() if name in QUICK else slow)
        for name in COUNTS
        for preset in COUNTS[name]
    ],
)
def test_counts_of_the_whole(name, preset):
    kind, networks = KINDS[name], musegan_system.networks(name, preset)
    generator, critic = networks
    assert list(map(trained, networks)) == COUNTS[name][preset]
    assert generator.output_shape == critic.input_shape == (None, kind.n_bars, 96, 84, 5)
    assert not norms(critic)
    assert bool(norms(generator)) == (name != "musegan-ablated")
    whole = 20 if preset == "repo" else 1
    scores = {"phrase": whole, "track": len(kind.written), "bar": kind.n_bars}
    assert critic.output_shape == (None, scores[critics.unit(PRESETS[preset], kind)])


def test_counts_are_known_of_every_system_in_all_its_presets():
    assert {name: tuple(presets) for name, presets in COUNTS.items()} == {
        name: kind.presets for name, kind in KINDS.items()
    }


def test_counts_of_the_literal_temporal_generator():
    joint = replace(PRESETS["paper"], temporal="joint")
    assert trained(generators.generator(joint, Kind("hybrid"))) == 7_441_551


@both
def test_counts_of_the_parts(preset):
    settings = PRESETS[preset]
    alone, to_a_track = BARS[preset]
    bare = replace(settings, batch_norm=False)
    made = (generators.bar_generator(settings, 1), generators.bar_generator(settings, 5),
            generators.bar_generator(bare, 5))  # fmt: skip
    assert tuple(map(trained, made)) == alone
    made = (generators.bar_generator(settings, n, conditional=True) for n in (1, 4, 5))
    assert tuple(map(trained, made)) == to_a_track
    temporal = [generators.temporal_generator(s, n) for s in (settings, bare) for n in (32, 64)]
    assert [trained(m) for m in temporal] == [167_008, 330_944, 164_896, 328_768]
    assert trained(generators.temporal_generator(settings, 32, 5)) == 560_608
    assert trained(generators.recurrent_generator()) == 131_584


def test_counts_of_encoders_and_critics():
    paper, repo = PRESETS["paper"], PRESETS["repo"]
    assert [trained(generators.encoder(s)) for s in (paper, repo)] == [5_696, 5_136]
    assert [trained(critics.phrase_critic(paper, n)) for n in (5, 1)] == [3_576_577, 3_575_553]
    assert [trained(critics.bar_critic(repo, n)) for n in (5, 1)] == [3_336_961, 3_330_817]
    assert trained(critics.bars_critic(repo)) == 461_441


@both
def test_shapes_layer_by_layer(preset):
    model = generators.bar_generator(PRESETS[preset], 5)
    found = [x.output.shape[1:] for x in model.layers if isinstance(x, layers.Conv2DTranspose)]
    assert found == [*SHAPES[preset], (96, 84, 5)]
    if preset != "paper":
        assert model.get_layer("unfold").output.shape == (None, 2, 1, 512)
    # One in front of every activation, but before the last only the paper's.
    assert len(norms(model)) == (8 if preset == "paper" else 7)
    assert ("pitch_8_norm" in norms(model)) == (preset == "paper")
    sizes = [(96, 7), (96, 1), (32, 1), (16, 1), (8, 1), (4, 1), (2, 1), (1, 1)]
    found = [x.shape[1:] for x in generators.encoder(PRESETS[preset]).outputs]
    assert found == [(*size, 16) for size in sizes[: 8 if preset == "paper" else 7]]
    assert found == generators.encoded_shapes(PRESETS[preset])


def test_note_counts_of_the_critic():
    """Counted are, for each track and step, the notes that begin, and those that sound."""
    bar = np.zeros((1, 96, 84, 2), bool)
    bar[0, 0:6, 40, 0] = bar[0, 3:9, 44, 0] = bar[0, 9:12, 44, 1] = bar[0, 12, 45, 1] = True
    found = ops.convert_to_numpy(critics.note_counts(2 * bar.astype("float32") - 1))[0, :, 0]
    first, second, sound = np.zeros(96), np.zeros(96), bar[0].sum(axis=1)
    first[[0, 3]] = second[[9, 12]] = 1
    np.testing.assert_allclose(found, np.stack([first, second, *sound.T], axis=1), atol=1e-5)


def test_a_narrow_model_is_nearly_silent_at_first_but_varied():
    """The last layer's numbers are about normal around -2 before the tanh, for any filters."""
    z = np.random.default_rng(0).normal(size=(16, 128)).astype("float32")
    for width in (1 / 16, 1 / 4):
        keras.utils.set_random_seed(1)
        model = generators.bar_generator(replace(PRESETS["narrow"], width=width), 5)
        before = np.arctanh(np.clip(ops.convert_to_numpy(model(z, training=True)), -0.9999, 0.9999))
        assert before.mean() == pytest.approx(-2, abs=0.3)
        assert 0.4 < before.std() < 1.6
        assert 0.002 < (before > 0).mean() < 0.1  # music of the data: 0.01
