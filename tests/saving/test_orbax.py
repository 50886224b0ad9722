"""Orbax checkpoints: state that is spread over eight devices comes back, on as many or fewer."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import FileError
from lamina.saving.orbax import load_orbax, save_orbax

pytest.importorskip("orbax.checkpoint")
X, Y = np.random.default_rng(0).normal(size=(2, 16, 4)).astype("float32")


def network(units: int = 8):
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(units), layers.BatchNormalization(), layers.Dense(4)])
    model.compile("adam", "mse")
    return model


def state(model) -> list[np.ndarray]:
    return [np.asarray(v.value) for v in [*model.variables, *model.optimizer.variables]]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model = network()
    model.fit(X, Y, batch_size=8, verbose=0)
    return model, save_orbax(model, tmp_path_factory.mktemp("orbax") / "state")


def test_training_goes_on_from_a_checkpoint_as_if_nothing_had_been(saved):
    model, folder = saved
    again = network()
    load_orbax(again, folder)
    for a, b in zip(state(again), state(model), strict=True):
        np.testing.assert_array_equal(a, b)
    for each in (again, model):
        lamina.utils.set_random_seed(3)
        each.fit(X, Y, batch_size=8, verbose=0)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_arrays_of_eight_devices_are_read_on_eight_and_on_one(saved, tmp_path):
    _, folder = saved
    code = f"""
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from tests.saving.test_orbax import network, state
from lamina.saving.orbax import load_orbax, save_orbax
assert jax.device_count() == 8
mesh = Mesh(np.array(jax.devices()), ("rows",))
def spread(model):
    kernel = model.layers[0].kernel
    kernel.assign(jax.device_put(kernel.value, NamedSharding(mesh, PartitionSpec(None, "rows"))))
    return kernel
model = network()
kernel = spread(model)
load_orbax(model, {str(folder)!r})  # written by one device
assert len(kernel.value.sharding.device_set) == 8
save_orbax(model, {str(tmp_path / "wide")!r})
other = network()
load_orbax(other, {str(tmp_path / "wide")!r})
assert len(other.layers[0].kernel.value.sharding.device_set) == 1
for a, b in zip(state(other), state(model), strict=True):
    np.testing.assert_array_equal(a, b)
"""
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_what_does_not_fit_is_refused_and_leaves_the_model(saved, tmp_path):
    _, folder = saved
    other = network(5)
    before = state(other)
    with pytest.raises(FileError, match=r"layers\.dense\.vars\.0.*expected shape \(4, 5\), received \(4, 8\)"):
        load_orbax(other, folder)
    smaller = lamina.Sequential([layers.Input((4,)), layers.Dense(8)])
    with pytest.raises(FileError, match="the model has no place for it"):
        load_orbax(smaller, folder)
    deeper = network()
    deeper.add(layers.Dense(2))
    with pytest.raises(FileError, match=r"layers\.dense_2\.vars\.0.*no such array in the checkpoint"):
        load_orbax(deeper, folder)
    for a, b in zip(state(other)[: len(before)], before, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(FileError, match="no such folder"):
        load_orbax(other, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="not an Orbax checkpoint"):
        load_orbax(other, tmp_path / "empty")
    with pytest.raises(ValueError, match="is there already"):
        save_orbax(network(), folder)
