"""Activations against formulas in float64 (NumPy, SciPy); the contract that every one keeps; names and errors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from lamina import activations
from lamina.core.config import Configurable, custom_object_scope, register_serializable
from lamina.core.errors import LaminaError
from lamina.core.variable import Variable

HELPERS = {"get", "serialize", "deserialize"}
SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017, equation 14


def simplex_projection(x):
    """Held, Wolfe & Crowder 1974 by bisection: the tau at which max(x - tau, 0) sums to one."""
    low, high = x.min(-1, keepdims=True) - 1, x.max(-1, keepdims=True)
    for _ in range(200):
        middle = (low + high) / 2
        too_much = np.maximum(x - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(too_much, middle, low), np.where(too_much, high, middle)
    return np.maximum(x - high, 0)


def halves(x):
    return np.split(x, 2, axis=-1)


# Name -> the formula in float64.
REFERENCE = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x >= 0, x, 0.2 * x),
    "relu6": lambda x: np.clip(x, 0, 6),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0))),
    "celu": lambda x: np.maximum(x, 0) + np.expm1(np.minimum(x, 0)),
    "gelu": lambda x: x * special.ndtr(x),
    "silu": lambda x: x * special.expit(x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "glu": lambda x: halves(x)[0] * special.expit(halves(x)[1]),
    "softplus": lambda x: np.logaddexp(0, x),
    "squareplus": lambda x: np.maximum(x, 0) + 2 / (np.abs(x) + np.hypot(x, 2)),
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (np.clip(x, -1, 1) + 1) ** 2 / 4)),
    "exponential": np.exp,
    "sigmoid": special.expit,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "log_sigmoid": special.log_expit,
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "tanh": np.tanh,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "threshold": lambda x: np.where(x > 0.3, x, -1.0),
    "softmax": lambda x: special.softmax(x, axis=-1),
    "log_softmax": lambda x: special.log_softmax(x, axis=-1),
    "sparsemax": simplex_projection,
    "linear": lambda x: x,
}
REFERENCE |= {"swish": REFERENCE["silu"], "hard_swish": REFERENCE["hard_silu"]}
ARGUMENTS = {"threshold": {"threshold": 0.3, "default_value": -1.0}}
NAMES = sorted(set(activations.__all__) - HELPERS)


def activation(name):
    function, arguments = getattr(activations, name), ARGUMENTS.get(name, {})
    return lambda x: function(x, **arguments)


def some_inputs(seed=0, scale=2.0):
    return (scale * np.random.default_rng(seed).standard_normal((5, 8))).astype(np.float32)


def test_every_public_activation_has_a_reference():
    assert set(NAMES) == set(REFERENCE)


@pytest.mark.parametrize("name", NAMES)
def test_values_are_the_formula_in_float64(name):
    x = some_inputs()
    np.testing.assert_allclose(activation(name)(x), REFERENCE[name](x.astype(np.float64)), rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_the_slopes_of_the_formula(name):
    x = some_inputs(seed=3)
    value, pullback = jax.vjp(activation(name), jnp.asarray(x))
    weights = np.random.default_rng(1).standard_normal(value.shape)
    slopes, step, wide = np.zeros(x.shape), 1e-6, x.astype(np.float64)
    for index in np.ndindex(*x.shape):
        shift = np.zeros(x.shape)
        shift[index] = step
        slopes[index] = np.sum(weights * (REFERENCE[name](wide + shift) - REFERENCE[name](wide - shift))) / (2 * step)
    np.testing.assert_allclose(pullback(jnp.asarray(weights, jnp.float32))[0], slopes, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_float_dtypes_and_shapes_are_kept(name, dtype):
    y = jax.eval_shape(activation(name), jax.ShapeDtypeStruct((5, 8), dtype))
    assert y.dtype == dtype
    assert y.shape == ((5, 4) if name == "glu" else (5, 8))


@pytest.mark.parametrize("name", NAMES)
def test_compiled_equals_eager(name):
    x = some_inputs()
    np.testing.assert_allclose(jax.jit(activation(name))(x), activation(name)(x), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_everywhere(name):
    corners = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, 80.0, -80.0, -1e4, -1e20, -3e38, 1e4, 1e20, 3e38]
    if name == "exponential":
        corners = corners[:-3]  # further out it is infinite, and so is its slope
    x = jnp.repeat(jnp.array(corners)[:, None], 2, axis=1)
    value, pullback = jax.vjp(activation(name), x)
    assert np.isfinite(pullback(jnp.ones_like(value))[0]).all()


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"linear"}))
def test_lists_variables_and_whole_numbers_are_taken(name):
    whole = np.arange(-20, 20).reshape(5, 8) % 7 - 3
    expected = activation(name)(whole.astype(np.float32))
    for x in (whole, whole.tolist(), whole.astype(float).tolist(), Variable(whole.astype(np.float32))):
        np.testing.assert_allclose(activation(name)(x), expected, rtol=1e-6)


def test_relu_arguments_bend_the_line_where_they_say():
    x = np.array([-2.0, 0.0, 1.0, 3.0, 9.0], np.float32)
    y = activations.relu(x, negative_slope=0.5, max_value=4.0, threshold=2.0)
    np.testing.assert_allclose(y, [-2.0, -1.0, -0.5, 3.0, 4.0])
    assert activations.relu(np.array([-1, 2])).tolist() == [0, 2]


@pytest.mark.parametrize("x", [-1e4, -100.0, 100.0, 1e15, 1e30])
def test_squareplus_neither_cancels_nor_overflows(x):
    value, slope = jax.value_and_grad(activations.squareplus)(jnp.float32(x))
    wide = np.longdouble(np.float32(x))
    np.testing.assert_allclose(float(value), float(max(wide, 0) + 2 / (abs(wide) + np.hypot(wide, 2))), rtol=1e-6)
    np.testing.assert_allclose(float(slope), 1.0 if x > 1e3 else float(0.5 * (1 + wide / np.hypot(wide, 2))), rtol=1e-5)


@pytest.mark.parametrize("scale", [0.1, 1.0, 1e4])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sparsemax_is_the_nearest_point_of_the_simplex(scale, axis):
    x = (scale * np.random.default_rng(5).standard_normal((6, 4, 7))).astype(np.float32)
    y = np.asarray(activations.sparsemax(x, axis=axis))
    expected = np.moveaxis(simplex_projection(np.moveaxis(x.astype(np.float64), axis, -1)), -1, axis)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    np.testing.assert_allclose(y.sum(axis), 1.0, rtol=1e-5)


def test_sparsemax_of_equal_and_masked_scores():
    np.testing.assert_allclose(activations.sparsemax([3.0, 3.0, 3.0, 3.0]), [0.25] * 4)
    np.testing.assert_allclose(activations.sparsemax([0.5, 0.0, -np.inf]), [0.75, 0.25, 0.0])
    assert activations.sparsemax([7.0]).tolist() == [1.0]


def test_softmax_of_large_scores_does_not_overflow():
    np.testing.assert_allclose(activations.softmax([1e4, 1e4, -1e4]), [0.5, 0.5, 0.0])


def test_softmax_along_an_axis_of_one_element_warns():
    with pytest.warns(UserWarning, match=r"softmax along axis -1 of an input of shape \(3, 1\) is always 1.*sigmoid"):
        activations.softmax(np.zeros((3, 1)))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_finds_its_function_and_survives_a_config(name):
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.deserialize(activations.serialize(function)) is function


def test_nothing_means_linear():
    assert activations.get(None) is activations.linear
    assert activations.deserialize(None) is activations.linear


def test_functions_pass_through_and_other_things_are_refused():
    assert activations.get(jnp.sin) is jnp.sin
    with pytest.raises(TypeError, match=r"Expected an? activation \(a name such as .*received 3 of type int"):
        activations.get(3)


def test_unknown_name_gives_the_closest_match():
    with pytest.raises(LaminaError, match=r"Unknown activation: 'rleu'\. Did you mean 'relu'\?"):
        activations.get("rleu")


def test_functions_of_the_user_come_back_from_their_config():
    def double(x):
        return 2 * x

    config = activations.serialize(double)
    assert activations.deserialize(config, custom_objects={"double": double}) is double
    with custom_object_scope({"double": double}):
        assert activations.get(config) is double
    with pytest.raises(LaminaError, match=r"Unknown activation: 'double'.*custom_objects"):
        activations.get(config)


def test_objects_of_the_user_come_back_from_their_config():
    @register_serializable(package="test_activations")
    class Gain(Configurable):
        def __init__(self, gain=2.0):
            self.gain = gain

        def __call__(self, x):
            return self.gain * x

    again = activations.get(activations.serialize(Gain(3.0)))
    assert type(again) is Gain
    assert again(2.0) == 6.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: activations.relu([1.0], max_value=-1.0), "relu: max_value: expected a number >= 0 or None"),
        (lambda: activations.celu([1.0], alpha=0.0), "celu: alpha: expected a number > 0, received 0.0"),
        (lambda: activations.squareplus([1.0], b=-4), "squareplus: b: expected a number > 0, received -4"),
        (lambda: activations.glu(np.ones((2, 3))), r"glu: axis -1 .* even; received an input of shape \(2, 3\)"),
        (lambda: activations.softmax(np.ones((2, 3)), axis=2), r"softmax: axis: .* from -2 to 1 .*, received 2"),
        (lambda: activations.log_softmax(np.ones(3), axis=(0, 1)), r"log_softmax: axis: .*received 1"),
        (lambda: activations.sparsemax(1.0), "sparsemax: expected an input with at least one axis, received a single"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
