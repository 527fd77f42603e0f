"""BachProp: numbers of parameters, songs that have ended, losses."""

import numpy as np
import pytest
from checks import check_on_jax
from keras import ops

from musegen.models.bachprop import bachprop, system, tag_writer
from musegen.models.bachprop.settings import BachPropSettings
from musegen.models.mvae.settings import ATTRIBUTES

TINY = BachPropSettings(width=5, sizes=(4, 6, 7))
RNG = np.random.default_rng(0)


def inputs(n: int, n_notes: int) -> dict[str, np.ndarray]:
    made = {name: RNG.integers(0, TINY.sizes, (n, n_notes, 3)) for name in ("notes", "next")}
    return made | {f"state_{k}": np.zeros((n, TINY.width), "float32") for k in (1, 2, 3, 4)}


def test_parameter_counts():
    network = system.networks("bachprop", "repo", 0)[0]
    counts = [bachprop.part(network, attribute).count_params() for attribute in ATTRIBUTES]
    assert [*counts, network.count_params()] == [211_392, 525_379, 843_432, 961_963]
    assert system.networks("bachprop", "paper", 0)[0].count_params() == 12_983_666


def test_states_go_on_from_window_to_window_and_stop_with_the_song():
    network, x = bachprop.bachprop(TINY, 8), inputs(3, 8)
    x["notes"][1, 5:] = -1
    x = {name: ops.convert_to_tensor(value) for name, value in x.items()}
    whole = network(x)
    parts, states = [], {name: value for name, value in x.items() if name.startswith("state")}
    short = bachprop.bachprop(TINY, 4)
    short.set_weights(network.get_weights())
    for k in (0, 4):
        found = short(states | {name: x[name][:, k : k + 4] for name in ("notes", "next")})
        states = {name: found[name] for name in states}
        parts.append(found)
    for attribute in ATTRIBUTES:
        joined = ops.concatenate([found[attribute] for found in parts], axis=1)
        np.testing.assert_allclose(joined, whole[attribute], atol=1e-6)
    ended = bachprop.bachprop(TINY, 5)
    ended.set_weights(network.get_weights())
    cut = {name: value if name in states else value[:, :5] for name, value in x.items()}
    first = ended(cut)
    for name in states:
        np.testing.assert_allclose(states[name], whole[name], atol=1e-6)
        np.testing.assert_allclose(first[name][1], whole[name][1], atol=1e-6)
        assert np.abs(first[name][0] - whole[name][0]).max() > 1e-4


@pytest.mark.parametrize(("attribute", "share"), [("dT", 0.1), ("T", 0.3), ("P", 0.6)])
def test_loss_counts_the_notes_of_a_song(attribute, share):
    x = inputs(2, 4)
    x["notes"][1, 3], x["next"][1, 2:], x["next"][0, 1, 0] = -1, -1, -1
    i = ATTRIBUTES.index(attribute)
    likely = np.random.default_rng(1).dirichlet(np.ones(TINY.sizes[i]), (2, 4)).astype("float32")
    nats = []
    for row in range(2):
        for k in range(4):
            true = x["next"][row, k]
            if (x["notes"][row, k] >= 0).all() and (true[:i] >= 0).all():
                nats.append(-np.log(likely[row, k, true[i]]) if true[i] >= 0 else 0)
    found = float(bachprop.loss(x["notes"], x["next"], likely, attribute))
    assert found == pytest.approx(share * np.mean(nats), rel=1e-5)


@pytest.mark.slow
def test_tensorflow_and_jax_agree(tmp_path):
    check_on_jax(bachprop.bachprop(TINY, 4), inputs(2, 4), tmp_path)


def test_written_notes():
    play = tag_writer.player(bachprop.bachprop(TINY, 4), TINY, 6)
    chance = RNG.random((3, 6, 3), "float32")
    draws = {"chance": chance, "given": np.full((3, 6, 3), -1)}
    warm = play.predict({"temperature": np.ones(3), **draws}, verbose=0)
    assert warm.shape == (3, 6, 3)
    assert (warm >= 0).all()
    assert (warm < TINY.sizes).all()
    again = play.predict({"temperature": np.ones(3), **draws}, verbose=0)
    np.testing.assert_array_equal(warm, again)
    likely = play.predict({"temperature": np.zeros(3), **draws}, verbose=0)
    np.testing.assert_array_equal(likely, likely[:1].repeat(3, axis=0))
    assert (likely != warm).any()
