"""WGAN-GP: its losses by hand, who moves when, the same draws and results on every backend."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest
from backends import environment
from keras import layers, ops

from musegen.training.autodiff import compiled, gradients
from musegen.training.gan.wgan_gp import EPSILON, WGANGP, WGANSettings

SHAPE = (2, 3, 4, 2)  # bars, steps, pitches, tracks
N, LATENT = 5, 6
DUMP = "import sys, test_wgan_gp; test_wgan_gp.dump(sys.argv[1])"


def flat(*between) -> list:
    return [keras.Input(SHAPE), layers.Flatten(), *between]


def player(given: bool = False, linear: bool = True) -> keras.Model:
    """Makes a generator; with a given track it has an encoder."""
    inputs = {"z": keras.Input((LATENT,), name="z")}
    x = inputs["z"]
    if given:
        inputs["given"] = keras.Input((*SHAPE[:-1], 1), name="given")
        encoded = layers.Dense(3, name="encoder")(layers.Flatten()(inputs["given"]))
        x = layers.Concatenate()([x, encoded])
    if not linear:
        x = layers.Activation("relu")(layers.BatchNormalization()(layers.Dense(7)(x)))
    x = layers.Dense(int(np.prod(SHAPE)), None if linear else "tanh", not linear)(x)
    return keras.Model(inputs, layers.Reshape(SHAPE, dtype="float32")(x))


def judge(unit: str = "phrase", linear: bool = True) -> keras.Model:
    """Makes a critic of phrases, bars or tracks."""
    x = keras.Input(SHAPE)
    if unit == "phrase":
        parts = [x]
    elif unit == "bar":
        parts = [x[:, k] for k in range(SHAPE[0])]
    else:
        parts = [x[..., k] for k in range(SHAPE[-1])]
    scores = []
    for part in parts:
        y = layers.Flatten()(part)
        y = y if linear else layers.Dense(9, "tanh", use_bias=False)(y)
        scores.append(layers.Dense(1, use_bias=False, dtype="float32")(y))
    return keras.Model(x, layers.Concatenate()(scores) if len(scores) > 1 else scores[0])


def training(unit="phrase", rates=(0.1, 0.1), linear=True, jit=False, adam=False, seed=0, **rules):
    """Makes a training of small networks, with the same numbers every time."""
    tracks = (0, 1) if unit == "track" else ()
    game = WGANSettings(unit=unit, tracks=tracks, **rules)
    networks = player(game.given is not None, linear), judge(unit, linear)
    rng = np.random.default_rng(8)
    for weight in [w for network in networks for w in network.trainable_weights]:
        weight.assign(rng.normal(0, 0.3, weight.shape).astype("float32"))
    kind = keras.optimizers.Adam if adam else keras.optimizers.SGD
    optimizers = tuple(kind(rate) for rate in rates)
    return WGANGP(*networks, {"z": (LATENT,)}, optimizers, game, 1.0, seed, jit)


def music(n: int = 5) -> np.ndarray:
    return np.random.default_rng(9).random((n, N, *SHAPE)) < 0.3


def numbers(network: keras.Model) -> list[np.ndarray]:
    return [np.array(ops.convert_to_numpy(w)) for w in network.trainable_weights]


def same(one: list, other: list) -> list[bool]:
    return [np.array_equal(a, b) for a, b in zip(one, other, strict=True)]


# The losses.


@pytest.mark.parametrize("unit", ["phrase", "bar", "track"])
def test_a_linear_critic_of_slope_one_is_not_punished(unit):
    game = training(unit, rates=(0.0, 0.0))
    assert game.step(music())["penalty"] > 1e-2
    for weight in game.critic.trainable_weights:
        weight.assign(weight / ops.norm(weight))
    assert game.step(music())["penalty"] == pytest.approx(0, abs=1e-8)
    for weight in game.critic.trainable_weights:
        weight.assign(3 * weight)  # (3 - 1)^2; of tracks the sum of two
    expected = 10 * 4 * (2 if unit == "track" else 1)
    assert game.step(music())["penalty"] == pytest.approx(expected, rel=1e-5)


def test_one_iteration_of_linear_players_by_hand():
    game = training(rates=(0.2, 0.05), critic_steps=1)
    (a,), (w,) = (numbers(network) for network in (game.generator, game.critic))
    w = w[:, 0]
    z = game._draw(np.random.default_rng((0, 0)), 2, N)["z"]
    real = 2.0 * music(1)[0].reshape(N, -1) - 1
    fake, norm = z[0] @ a, np.sqrt(EPSILON + (w**2).sum())
    penalty = 10 * (norm - 1) ** 2
    losses = game.step(music(1))
    assert losses["penalty"] == pytest.approx(penalty, rel=1e-5)
    expected = (fake @ w).mean() - (real @ w).mean() + penalty
    assert losses["critic_loss"] == pytest.approx(expected, rel=1e-5)
    w = w - 0.05 * (fake.mean(0) - real.mean(0) + 20 * (norm - 1) * w / norm)
    np.testing.assert_allclose(numbers(game.critic)[0][:, 0], w, atol=1e-5)
    assert losses["generator_loss"] == pytest.approx(-(z[1] @ a @ w).mean(), rel=1e-4)
    a = a + 0.2 * np.outer(z[1].mean(0), w)
    np.testing.assert_allclose(numbers(game.generator)[0], a, atol=1e-5)


def test_penalty_of_a_curved_critic_by_finite_differences():
    """The slope is taken between real and fake, at one share of the way for each example."""
    game = training(rates=(0.0, 0.0), linear=False, critic_steps=1)
    rng = np.random.default_rng((0, 0))
    z = game._draw(rng, 2, N)["z"][0]
    share = rng.random((1, N, 1, 1, 1, 1), np.float32)[0]
    real = 2.0 * music(1)[0] - 1
    fake = np.float64(ops.convert_to_numpy(game.generator({"z": z}, training=True)))
    between = (real + share * (fake - real)).reshape(N, -1)
    a, b = (np.float64(w) for w in numbers(game.critic))
    h = 1e-5 * np.eye(between.shape[-1])[:, None]
    slope = (np.tanh((between + h) @ a) @ b - np.tanh((between - h) @ a) @ b)[..., 0] / 2e-5
    penalty = 10 * ((np.sqrt((slope**2).sum(axis=0)) - 1) ** 2).mean()
    losses = game.step(music(1))
    assert losses["penalty"] == pytest.approx(penalty, rel=1e-4)
    scores = [(np.tanh(x.reshape(N, -1) @ a) @ b).mean() for x in (fake, real)]
    assert losses["critic_loss"] == pytest.approx(scores[0] - scores[1] + penalty, rel=1e-4)


# Who moves when.


@pytest.mark.parametrize(("critic_warmup", "expected"), [(False, 5), (True, 100)])
def test_five_critic_steps_to_one_of_the_generator(critic_warmup, expected):
    game = training(critic_warmup=critic_warmup)
    for done in (1, 2):
        game.step(music())
        assert int(game.critic_optimizer.iterations) == done * expected
        assert int(game.generator_optimizer.iterations) == game.iterations == done


def test_a_critic_with_warm_up_steps_longer_at_first_and_now_and_then():
    steps = [5 * WGANSettings(critic_warmup=True).rounds(at) for at in (0, 24, 25, 499, 500, 501)]
    assert steps == [100, 100, 5, 5, 100, 5]


def test_each_player_moves_in_its_own_steps():
    game = training(linear=False, given=1)
    generator, critic = numbers(game.generator), numbers(game.critic)
    z = game._draw(np.random.default_rng(0), 6, N)
    game._critic_steps(music(), z, game._shares(np.random.default_rng(0), music()))
    assert all(same(numbers(game.generator), generator))
    assert not any(same(numbers(game.critic), critic))
    still = training(linear=False, given=1, rates=(0.1, 0.0))
    generator, critic = numbers(still.generator), numbers(still.critic)
    still.step(music(6))
    assert all(same(numbers(still.critic), critic))
    moved = dict(zip((w.path for w in still.generator.trainable_weights),
                     same(numbers(still.generator), generator), strict=True))  # fmt: skip
    assert "encoder/kernel" in moved
    assert not any(still for path, still in moved.items() if "kernel" in path), moved


def test_a_generator_receives_a_batch_that_no_critic_step_of_its_iteration_used():
    rules = {"linear": False, "given": 1, "critic_steps": 2, "rates": (0.0, 0.0)}
    with pytest.raises(ValueError, match="2 batches of music, not 3"):
        training(**rules).step(music(2))
    real = music(3)
    first = training(**rules).step(real)
    real[2] = ~real[2]
    second = training(**rules).step(real)
    assert second["critic_loss"] == first["critic_loss"]
    assert second["generator_loss"] != pytest.approx(first["generator_loss"], rel=1e-4)


def test_one_batch_and_one_draw_where_the_rules_say_so():
    """Then the scores of the fake music cancel out, if nobody learns."""
    real = music(1)
    sums = []
    for same_batch in (True, False):
        game = training(rates=(0.0, 0.0), same_batch=same_batch, critic_steps=2)
        losses = game.step(real if same_batch else real.repeat(2, axis=0))
        score = (2.0 * real.reshape(N, -1) - 1) @ numbers(game.critic)[0]
        sums.append(losses["critic_loss"] - losses["penalty"] + losses["generator_loss"]
                    + score.mean())  # fmt: skip
    assert sums[0] == pytest.approx(0, abs=1e-5)
    assert abs(sums[1]) > 1e-2


# Again, and elsewhere.


@pytest.mark.slow
def test_the_same_seed_and_iteration_give_the_same():
    def run(seed=0, start=0, n=2):
        game = training(linear=False, adam=True, seed=seed, critic_warmup=True)
        game.iterations = start
        return [game.step(music()) for _ in range(n)], numbers(game.generator)

    (one, first), (two, second) = run(), run()
    assert one == two
    assert all(same(first, second))
    assert one[0] != one[1]
    assert run(start=1, n=1)[0][0] != one[0]
    assert run(seed=1, n=1)[0][0] != one[0]


@pytest.mark.slow
def test_compiled_by_xla_or_not_is_the_same():
    rates = (0.01, 0.01)
    expected = training(linear=False, rates=rates, jit=True)
    losses = [expected.step(music()) for _ in range(2)]
    for _ in range(4):
        game = training(linear=False, rates=rates)
        for expected_losses in losses:
            assert game.step(music()) == pytest.approx(expected_losses, rel=1e-4, abs=1e-5)
        for network in ("generator", "critic"):
            for one, other in zip(*(numbers(getattr(g, network)) for g in (expected, game)),
                                  strict=True):  # fmt: skip
                np.testing.assert_allclose(other, one, atol=1e-4)


def test_no_weight_is_assigned_to_before_all_gradients_have_read_it():
    """TensorFlow's graphs do so, more often than not, where a loss is linear as a critic's is."""
    rng = np.random.default_rng(0)
    x, a, b, t = (rng.normal(size=s).astype("float32") for s in ((36, 3), (3, 3), (3, 4), (36, 4)))

    def learn_once() -> list[np.ndarray]:
        state = [keras.Variable(a + 0), keras.Variable(b + 0)]
        optimizer = keras.optimizers.SGD(1.0)
        optimizer.build(state)

        def loss(x, t):
            return ops.sum(t * ops.matmul(ops.matmul(x, state[0]), state[1])), {}

        def learn(x, t):
            (value, _), found = gradients(lambda: loss(x, t), state, state)
            optimizer.apply(found, state)
            return value

        compiled(learn, [*state, *optimizer.variables], jit=False)(x, t)
        return [ops.convert_to_numpy(variable) for variable in state]

    for _ in range(10):
        for found, expected in zip(
            learn_once(), (a - x.T @ t @ b.T, b - (x @ a).T @ t), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_mixed_precision_keeps_float32_losses_and_weights():
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        game = training(linear=False, adam=True, rates=(0.01, 0.01))
    finally:
        keras.config.set_dtype_policy(former)
    assert game.critic.layers[-2].compute_dtype == "bfloat16"
    z = game._draw(np.random.default_rng(0), 6, N)
    losses = game._iteration(music(), z, game._shares(np.random.default_rng(0), music()))
    assert {keras.backend.standardize_dtype(loss.dtype) for loss in losses.values()} == {"float32"}
    assert all(np.isfinite(float(loss)) for loss in losses.values())
    assert {w.dtype for w in game.generator.weights + game.critic.weights} == {"float32"}


def test_the_penalty_is_float32_in_every_precision():
    """What the critic computes in 16 bits differs in the third digit, its slopes do not."""
    slopes, scores, former = [], [], keras.config.dtype_policy()
    x = ops.convert_to_tensor(2 * music(1)[0].astype("float32") - 1)
    try:
        for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
            keras.config.set_dtype_policy(policy)
            game = training(linear=False)
            dtypes = [layer.compute_dtype for layer in game.critic.layers]
            slopes.append(ops.convert_to_numpy(game._slope(x)))
            scores.append(ops.convert_to_numpy(game.critic(x)))
            assert [layer.compute_dtype for layer in game.critic.layers] == dtypes
    finally:
        keras.config.set_dtype_policy(former)
    for k in (1, 2):
        np.testing.assert_allclose(slopes[k], slopes[0], rtol=1e-6)
        assert np.abs(scores[k] / scores[0] - 1).max() > 1e-4


def unread() -> list[np.ndarray]:
    """Gradients of x^2 by x and by a variable that it does not read."""
    x, y = (keras.Variable(np.float32([1, 2])) for _ in range(2))
    (value, others), found = gradients(lambda: (ops.sum(x * x), {"x": x + 0}), [x, y], [x, y])
    assert float(value) == 5
    assert list(others) == ["x"]
    return [ops.convert_to_numpy(gradient) for gradient in found]


def test_no_gradient_is_zero():
    np.testing.assert_array_equal(unread(), [[2, 4], [0, 0]])


def dump(path: str) -> None:
    """Three steps of each kind of game; also what a subprocess on another backend runs."""
    made = {"unread": np.array(unread())}
    for unit, given in (("phrase", None), ("bar", 1), ("track", None)):
        game = training(unit, (1e-2, 1e-2), linear=False, adam=True, given=given, critic_steps=2,
                        jit=unit != "track")  # fmt: skip
        losses = [game.step(music(game.settings.batches)) for _ in range(3)]
        made[f"{unit}-losses"] = np.array([[row[name] for name in sorted(row)] for row in losses])
        variables = game.generator.variables + game.critic.variables
        made[f"{unit}-sums"] = np.array([np.abs(ops.convert_to_numpy(v)).sum() for v in variables])
    np.savez(path, **made)


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("adversarial") / "here.npz"
    dump(str(path))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same(backend, here, tmp_path):
    if find_spec(backend) is None or keras.config.backend() == backend:
        pytest.skip(f"{backend} is not installed, or runs this already")
    folders = (Path(__file__).parent, Path(__file__).parents[2])
    variables = environment(backend, PYTHONPATH=os.pathsep.join(map(str, folders)))
    command = [sys.executable, "-W", "error::UserWarning", "-c", DUMP, str(tmp_path / "there.npz")]
    subprocess.run(command, env=variables, check=True)
    with np.load(here) as known, np.load(tmp_path / "there.npz") as there:
        assert list(known) == list(there)
        for name, expected in known.items():
            np.testing.assert_allclose(there[name], expected, rtol=1e-4, atol=1e-4, err_msg=name)
