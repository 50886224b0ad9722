"""Random graphs against the real Keras: same layers and weights, same outputs, gradients and configs.

A plan is drawn from a seed: inputs, then calls, each on tensors made before; both libraries follow the same plan.
"""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import lamina

keras = pytest.importorskip("keras")

KINDS = ("dense", "shared", "merge", "concatenate", "operators", "slice", "mean", "nested", "normalize")


@st.composite
def plans(draw):
    """Inputs and calls: (kind, places of the tensors, setting)."""
    widths = draw(st.lists(st.integers(2, 5), min_size=1, max_size=3))
    calls = []
    size = len(widths)
    for _ in range(draw(st.integers(1, 10))):
        places = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=3))
        calls.append((draw(st.sampled_from(KINDS)), places, draw(st.integers(0, 3))))
        size += 1
    return {"widths": widths, "calls": calls, "outputs": draw(st.integers(1, 3)), "nest": draw(st.integers(0, 2))}


def build(library, plan):
    layers, ops = library.layers, library.ops
    names = iter(range(10_000))

    def dense(units, activation=None):
        return layers.Dense(units, activation=activation, name=f"dense_{next(names)}")

    inputs = [layers.Input((width,), name=f"in_{i}") for i, width in enumerate(plan["widths"])]
    tensors = list(inputs)
    shared: dict[int, object] = {}  # layers by width of their input
    nested: dict[int, object] = {}
    for kind, places, setting in plan["calls"]:
        taken = [tensors[place] for place in places]
        first = taken[0]
        width = first.shape[-1]
        if kind == "dense":
            new = dense(3 + setting, ["relu", "tanh", None, "sigmoid"][setting])(first)
        elif kind == "shared":
            layer = shared.setdefault(width, dense(width, "tanh"))
            new = layer(layer(first))
        elif kind == "merge":
            kinds = [layers.Add, layers.Multiply, layers.Maximum, layers.Average]
            same = [dense(4)(tensor) for tensor in [*taken, first]]
            new = kinds[setting](name=f"merge_{next(names)}")(same)
        elif kind == "concatenate":
            new = layers.Concatenate(name=f"concatenate_{next(names)}")([*taken, first])
        elif kind == "operators":
            new = (first * 0.5 + dense(width)(taken[-1])) / 2.0 - (1.0 - first)
        elif kind == "slice":
            new = first[:, : 1 + setting]
        elif kind == "mean":
            new = ops.mean(first, axis=-1, keepdims=True) + ops.square(first)
        elif kind == "nested":
            if width not in nested:
                inner = layers.Input((width,), name=f"inner_{next(names)}")
                middle = dense(3, "tanh")(inner)
                merged = layers.Add(name=f"merge_{next(names)}")([middle, dense(3)(inner)])
                nested[width] = library.Model(inner, merged, name=f"nested_{next(names)}")
            new = nested[width](first)
        else:
            new = layers.LayerNormalization(name=f"normalize_{next(names)}")(first)
        tensors.append(new)
    every = layers.Concatenate(name="every")([*tensors, tensors[-1]])  # so that each input is used
    outputs = [dense(2, "tanh")(every), *tensors[len(inputs) :]][: plan["outputs"]]
    if plan["nest"] == 0:
        outputs = outputs[0] if len(outputs) == 1 else outputs
    elif plan["nest"] == 1:
        outputs = {f"out_{i}": tensor for i, tensor in enumerate(outputs)}
    else:
        outputs = [outputs[0], {"rest": outputs[1:]}] if len(outputs) > 1 else outputs
    return library.Model(inputs if len(inputs) > 1 else inputs[0], outputs, name="graph")


def share_weights(ours, theirs):
    """Give both the same random weights; they are listed in the same order with the same paths."""
    rng = np.random.default_rng(7)
    values = [rng.normal(0, 0.5, w.shape).astype("float32") for w in theirs.weights]
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    ours.set_weights(values)
    theirs.set_weights(values)


def total(outputs):
    return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(outputs))


@settings(max_examples=12, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(plans())
def test_a_random_graph_is_the_one_of_keras(plan):
    keras.utils.clear_session()
    lamina.utils.clear_session()
    theirs, ours = build(keras, plan), build(lamina, plan)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert ours.count_params() == theirs.count_params()
    share_weights(ours, theirs)
    rng = np.random.default_rng(1)
    data = [rng.normal(size=(3, width)).astype("float32") for width in plan["widths"]]
    data = data if len(data) > 1 else data[0]

    expected, got = theirs(data), ours(data)
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)

    def loss(model):
        return lambda weights, data: total(model.stateless_call(weights, [], data)[0])

    weights = [jnp.asarray(w) for w in theirs.get_weights()]
    g_expected = jax.jit(jax.grad(loss(theirs), argnums=(0, 1)))(weights, data)
    g_got = jax.jit(jax.grad(loss(ours), argnums=(0, 1)))(weights, data)
    for a, b in zip(jax.tree.leaves(g_got), jax.tree.leaves(g_expected), strict=True):
        scale = float(np.abs(b).max(initial=1e-3))
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * scale)

    config = json.loads(json.dumps(ours.get_config()))
    again = type(ours).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    again.set_weights(ours.get_weights())
    for a, b in zip(jax.tree.leaves(again(data)), jax.tree.leaves(got), strict=True):
        np.testing.assert_array_equal(a, b)
    read = keras.Model.from_config(config)  # Keras reads our config
    read.set_weights(theirs.get_weights())
    for a, b in zip(jax.tree.leaves(read(data)), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
