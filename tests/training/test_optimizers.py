"""Optimizers: an embedding whose rows repeat in a batch moves as on a backend that adds them."""

import os
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from backends import environment
from keras import layers, ops

from musegen.training import optimizers

SIZE, WIDTH = 6, 4
ROWS = np.array([[1, 1, 2], [1, 3, 2], [1, 1, 1]])  # three rows in nine places
MAKERS = {
    "adam": lambda: optimizers.adam(0.01),
    "muon": lambda: optimizers.muon(0.01),
    "rmsprop": lambda: optimizers.rmsprop(0.01, epsilon=1e-8),
}


def trained(name: str, dense: bool = False) -> np.ndarray:
    """The weights of an embedding after two steps; a dense one is a product with 0 and 1."""
    x = keras.Input((3,), dtype="int32")
    if dense:
        hot = layers.Lambda(lambda x: ops.one_hot(x, SIZE), output_shape=(3, SIZE))(x)
        y = layers.Dense(WIDTH, use_bias=False, name="embedding")(hot)  # Muon asks for the name
    else:
        y = layers.Embedding(SIZE, WIDTH, name="embedding")(x)
    network = keras.Model(x, y)
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(size=(SIZE, WIDTH))])
    network.compile(MAKERS[name](), "mse", run_eagerly=keras.config.backend() != "jax")
    for _ in range(2):
        network.train_on_batch(ROWS, rng.normal(size=(3, 3, WIDTH)).astype("float32"))
    return network.get_weights()[0]


@pytest.mark.parametrize("name", MAKERS)
def test_repeated_rows_are_added_before_the_step(name):
    former = np.random.default_rng(0).normal(size=(SIZE, WIDTH))
    sparse = trained(name)
    np.testing.assert_allclose(sparse, trained(name, dense=True), atol=1e-6)
    assert np.abs(sparse - former)[1:4].min() > 1e-4


def test_classes_keep_their_names():
    """Keras names variables, and so those of checkpoints, after them."""
    assert type(optimizers.adam(0.1)).__name__ == "Adam"
    assert type(optimizers.muon(0.1)).__name__ == "Muon"


@pytest.mark.parametrize("name", MAKERS)
def test_they_are_restored_from_their_configuration(name):
    """As in a compiled network that Keras copies."""
    made = MAKERS[name]()
    same = keras.optimizers.deserialize(keras.optimizers.serialize(made))
    assert type(same) is type(made)
    assert same.get_config() == made.get_config()


ON_JAX = """
import sys, numpy as np
from training.test_optimizers import MAKERS, trained
np.savez(sys.argv[1], **{name: trained(name) for name in MAKERS})
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_the_same_step_on_jax(tmp_path):
    folders = os.pathsep.join(path for path in sys.path if path)
    variables = environment("jax", PYTHONPATH=folders)
    command = [sys.executable, "-c", ON_JAX, str(tmp_path / "jax.npz")]
    run = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    with np.load(tmp_path / "jax.npz") as found:
        for name in MAKERS:
            np.testing.assert_allclose(trained(name), found[name], atol=1e-6)
