"""Configs of graphs against the real Keras: equal dicts, and each library builds the other's model."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest

import lamina
from tests.parity.graphs import GRAPHS
from tests.parity.test_summaries import text

keras = pytest.importorskip("keras")

# What is no part of the architecture: shapes that layers were built for, settings of training, Keras' quantisation.
APART = ("build_config", "compile_config", "quantization_config")


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture(params=list(GRAPHS))
def pair(request):
    """The same graph in both libraries."""
    lamina.utils.clear_session()
    keras.utils.clear_session()
    return GRAPHS[request.param](lamina), GRAPHS[request.param](keras)


def plain(config):
    """A config as it comes out of a file."""
    return json.loads(json.dumps(config))


def architecture(config):
    """A config without what is no part of the architecture, and what Keras writes though nobody asked for it."""
    if isinstance(config, list):
        return [architecture(item) for item in config]
    if not isinstance(config, dict):
        return config
    kept = {}
    for key, value in config.items():
        if key == "kwargs" and config.get("args"):  # of a call
            value = {
                name: item for name, item in value.items() if item is not None and (name, item) != ("training", False)
            }
        if key in ("input_layers", "output_layers") and isinstance(value, list) and len(value) == 1:
            value = value[0]  # one in a list is that one
        if key not in APART and (key, value) not in (("registered_name", "Functional"), ("registered_name", None)):
            kept[key] = architecture(value)
    return kept


def shapes(model):
    return jax.tree.map(lambda tensor: tuple(tensor.shape), (model.inputs, model.outputs))


def test_configs_are_equal(pair):
    ours, theirs = pair
    assert architecture(plain(ours.get_config())) == architecture(plain(theirs.get_config()))


@pytest.mark.parametrize("way", [lambda config: config, plain], ids=["dict", "json"])
def test_each_library_builds_the_model_of_the_other(pair, way):
    ours, theirs = pair
    read_by_keras = keras.Model.from_config(way(ours.get_config()))
    read_by_lamina = type(ours).from_config(way(theirs.get_config()))
    assert read_by_lamina.name == read_by_keras.name == "net"
    assert shapes(read_by_lamina) == shapes(read_by_keras) == shapes(theirs) == shapes(ours)
    assert text(read_by_lamina, expand_nested=True) == text(read_by_keras, expand_nested=True)
    assert architecture(plain(read_by_lamina.get_config())) == architecture(plain(theirs.get_config()))
    again = keras.Model.from_config(way(theirs.get_config()))  # in which a Sequential is not frozen any more
    assert architecture(plain(read_by_keras.get_config())) == architecture(plain(again.get_config()))


def test_a_round_trip_keeps_names_trainability_and_outputs(pair):
    ours, _ = pair
    again = type(ours).from_config(plain(ours.get_config()))
    assert plain(again.get_config()) == plain(ours.get_config())
    if [w.shape for w in again.weights] != [w.shape for w in ours.weights]:
        pytest.skip("a layer shared by two nested models is two layers in the config, as in Keras")
    assert [v.path for v in again.trainable_variables] == [v.path for v in ours.trainable_variables]
    again.set_weights(ours.get_weights())
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 9, (3, *(n or 4 for n in t.shape[1:]))).astype(t.dtype) for t in ours.inputs]
    inputs = jax.tree.unflatten(jax.tree.structure(ours.input), arrays)
    for one, other in zip(jax.tree.leaves(ours(inputs)), jax.tree.leaves(again(inputs)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_dropout_from_a_config_of_keras_works_in_training():
    model = type(GRAPHS["chain"](lamina)).from_config(GRAPHS["chain"](keras).get_config())
    dropout = model.get_layer(index=2)
    assert dropout.name.startswith("dropout")
    inside = type(model)(model.input, dropout.output)
    x = np.ones((50, 4), "float32")
    assert (np.asarray(inside(x, training=True)) == 0).any()
    assert (np.asarray(inside(x)) != 0).all()
