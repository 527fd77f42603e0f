"""Checkpoints: each array under the name of its variable, and files of version 0.1."""

import keras
import numpy as np
import pytest

from musegen import Error
from musegen.files import write_npz
from musegen.training import checkpoints

HISTORY = {"loss": [0.5, 0.25]}


def build(units: int = 2) -> keras.Model:
    """A model of layers without names, which Keras numbers by what it has built before."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(units)])
    model.compile(keras.optimizers.Adam(), "mse")
    model.optimizer.build(model.trainable_variables)
    for variable in [*model.variables, model.optimizer.iterations]:
        variable.assign(np.random.default_rng().integers(0, 100, variable.shape))
    return model


def named(model: keras.Model) -> checkpoints.Variables:
    return checkpoints.named(model=model.variables, optimizer=model.optimizer.variables)


def assert_same(one: keras.Model, other: keras.Model) -> None:
    for a, b in zip(named(one).values(), named(other).values(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_file_names_what_it_holds(tmp_path):
    model = build()
    checkpoints.save(tmp_path / "a.npz", named(model), HISTORY)
    with np.load(tmp_path / "a.npz") as file:
        for variable in model.variables:
            np.testing.assert_array_equal(file[f"model/{variable.path}"], variable.numpy())
        iterations = model.optimizer.iterations
        assert file[f"optimizer/{iterations.path}"] == iterations.numpy()


def test_equal_paths_receive_a_number():
    one, other = (keras.Variable(np.full(1, x, "float32"), name="same") for x in (1, 2))
    assert list(checkpoints.named(a=[one, other], b=[one])) == ["a/same", "a/same#2", "b/same"]


def test_numbers_that_keras_gives_to_layers_without_names_do_not_matter(tmp_path):
    one, other = build(), build()
    assert list(named(one)) != list(named(other))
    checkpoints.save(tmp_path / "a.npz", named(one), HISTORY)
    assert checkpoints.load(tmp_path / "a.npz", named(other)) == HISTORY
    assert_same(one, other)


def test_arrays_are_found_by_name_in_any_order(tmp_path):
    model = build(units=4)
    checkpoints.save(tmp_path / "a.npz", dict(reversed(named(model).items())), HISTORY)
    former = checkpoints.values(named(model).values())
    for variable in model.variables:
        variable.assign(variable + 1)
    checkpoints.load(tmp_path / "a.npz", named(model))
    for one, other in zip(former, named(model).values(), strict=True):
        np.testing.assert_array_equal(one, other.numpy())


def test_files_of_version_0_1_have_numbers_for_names(tmp_path):
    one, other = build(), build()
    state = checkpoints.values([*one.variables, *one.optimizer.variables])
    texts = {"history.json": '{"loss": [0.5, 0.25]}'}
    write_npz(tmp_path / "a.npz", {f"{i:04}": array for i, array in enumerate(state)}, texts)
    assert checkpoints.load(tmp_path / "a.npz", named(other)) == HISTORY
    assert_same(one, other)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_some_variables_of_a_file_that_holds_all_or_these(tmp_path, old, whole):
    """In version 0.1 `best.npz` held the whole state, or in adversarial trainings these alone."""
    one, other = build(), build()
    weights = [name for name in named(one) if name.startswith("model/")]
    held = {name: v for name, v in named(one).items() if whole or name in weights}
    if old:
        held = {f"{i:04}": v for i, v in enumerate(held.values())}
    checkpoints.save(tmp_path / "a.npz", held, HISTORY)
    iterations = other.optimizer.iterations.numpy()
    weights = [name for name in named(other) if name.startswith("model/")]
    checkpoints.load(tmp_path / "a.npz", named(other), weights)
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert other.optimizer.iterations.numpy() == iterations


def test_another_model_is_refused(tmp_path):
    one = build()
    checkpoints.save(tmp_path / "a.npz", named(one), HISTORY)
    others = [build(units=3), keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])]
    others[1].compile("adam")
    for other in others:
        with pytest.raises(Error, match=r"a\.npz: is of another model; start again with another"):
            checkpoints.load(tmp_path / "a.npz", named(other))
    renamed = {name.replace("kernel", "matrix"): v for name, v in named(one).items()}
    with pytest.raises(Error, match="is of another model"):
        checkpoints.load(tmp_path / "a.npz", renamed)
