"""Activations as operations, against Keras; `tests/test_activations.py` has the formulas in float64."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.variable import Variable
from lamina.ops import nn
from tests.ops.parity import case, check_gradients, check_symbolic, check_values, keras, normal, whole

SETTINGS = {
    "leaky_relu": [{}, {"negative_slope": 0.01}],
    "elu": [{}, {"alpha": 0.5}],
    "celu": [{}, {"alpha": 0.5}],
    "gelu": [{}, {"approximate": False}],
    "squareplus": [{}, {"b": 1.0}],
    "soft_shrink": [{}, {"threshold": 1.0}],
    "hard_shrink": [{}, {"threshold": 1.0}],
    "threshold": [{"threshold": 0.3, "default_value": -1.0}],
    "glu": [{}, {"axis": 0}],
    "softmax": [{}, {"axis": 0}, {"axis": (0, 2)}, {"axis": None}],
    "log_softmax": [{}, {"axis": 1}, {"axis": (0, 1)}, {"axis": None}],
}
NAMES = [name for name in nn.__all__[: nn.__all__.index("conv")] if name != "sparsemax"]
CASES = [
    case(name, {"x": 2 * normal(4, 6, 3 + (name == "glu"))}, **settings)
    for name in NAMES
    for settings in SETTINGS.get(name, [{}])
]
FLOATS_ONLY_IN_KERAS = {"sigmoid", "silu", "swish", "glu", "softmax", "log_softmax"}
# Reductions over the batch make no sense in a model, and Keras cannot declare their shapes.
SYMBOLIC = [one for one in CASES if one.settings.get("axis", -1) in (-1, 1)]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(nn, one.name), one)


@pytest.mark.parametrize("one", [one for one in CASES if one.name in ("relu", "gelu", "log_softmax")], ids=str)
def test_gradients_are_those_of_keras(one):  # `tests/parity/test_activations.py` has the others
    check_gradients(getattr(nn, one.name), one, tolerance=2e-6)


@pytest.mark.parametrize("one", SYMBOLIC, ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    check_symbolic(getattr(nn, one.name), one)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32", "uint8"])
def test_dtypes_are_those_of_keras(name, dtype):
    arguments = SETTINGS["threshold"][0] if name == "threshold" else {}
    x = jax.ShapeDtypeStruct((4, 6), dtype)
    ours = jax.eval_shape(lambda x: getattr(nn, name)(x, **arguments), x).dtype
    if "int" in dtype and name in FLOATS_ONLY_IN_KERAS:
        assert ours == "float32"
    else:
        assert ours == jax.eval_shape(lambda x: getattr(keras.ops, name)(x, **arguments), x).dtype


@pytest.mark.parametrize("name", NAMES)
def test_lists_numbers_and_variables_are_taken(name):
    arguments = SETTINGS["threshold"][0] if name == "threshold" else {}
    function = lambda x: getattr(nn, name)(x, **arguments)  # noqa: E731
    x = whole(2, 4, low=-3, high=4).astype(np.float32)
    for same in (x.tolist(), Variable(x)):
        np.testing.assert_array_equal(function(same), function(jnp.asarray(x)))
    if name not in ("glu", "softmax", "log_softmax"):
        np.testing.assert_allclose(function(2.0), function(np.float32([2]))[0], rtol=1e-6)


def test_the_warning_of_a_useless_softmax_points_at_the_caller():
    with pytest.warns(UserWarning, match="softmax along axis -1 .* is always 1") as caught:
        nn.softmax(np.zeros((3, 1)))
    assert caught[0].filename == __file__
