"""Activation layers: any function as a layer, and those with settings, weights or masks of their own."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from lamina import activations, layers
from lamina.core.masking import get_mask, set_mask
from lamina.core.variable import bind

X = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "softmax", "linear", "gelu"])
def test_it_applies_the_function_of_the_name(name):
    np.testing.assert_array_equal(layers.Activation(name)(X), activations.get(name)(X))


def test_it_takes_functions_and_none():
    np.testing.assert_array_equal(layers.Activation(jnp.sin)(X), jnp.sin(X))
    np.testing.assert_array_equal(layers.Activation(None)(X), X)


def test_unknown_name_gives_the_closest_match():
    with pytest.raises(ValueError, match=r"Unknown activation: 'sigmod'\. Did you mean 'sigmoid'\?"):
        layers.Activation("sigmod")


# Layers with settings ------------------------------------------------------------------------------------------------


def test_relu_has_a_slope_a_threshold_and_a_limit():
    x = np.array([[-2.0, 0.0, 0.5, 1.0, 2.0, 9.0]], np.float32)
    layer = layers.ReLU(max_value=4.0, negative_slope=0.5, threshold=1.0)
    np.testing.assert_allclose(layer(x), [[-1.5, -0.5, -0.25, 0.0, 2.0, 4.0]])
    np.testing.assert_array_equal(layers.ReLU()(x), np.maximum(x, 0))


def test_leaky_relu_keeps_a_share_of_negative_values():
    np.testing.assert_allclose(layers.LeakyReLU()(X), np.where(X > 0, X, 0.3 * X), rtol=1e-6)


def test_leaky_relu_takes_its_former_argument_with_a_warning():
    with pytest.warns(UserWarning, match="`alpha` is called `negative_slope` now"):
        layer = layers.LeakyReLU(alpha=0.1)
    assert layer.negative_slope == 0.1


def test_elu_bends_towards_minus_alpha():
    np.testing.assert_allclose(layers.ELU(2.0)(X), np.where(X > 0, X, 2 * np.expm1(X)), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.ReLU(max_value=-1, name="it"), "ReLU 'it': max_value: expected a number >= 0, received -1"),
        (lambda: layers.ReLU(negative_slope=None, name="it"), "negative_slope: expected a number >= 0, received None"),
        (lambda: layers.ReLU(threshold="1", name="it"), "threshold: expected a number >= 0, received '1'"),
        (lambda: layers.LeakyReLU(-0.3, name="it"), "LeakyReLU 'it': negative_slope: expected a number >= 0, received"),
        (lambda: layers.ELU([1.0], name="it"), r"ELU 'it': alpha: expected a number, received \[1\.0\]"),
        (lambda: layers.ELU(float("nan"), name="it"), "ELU 'it': alpha: expected a number, received nan"),
        (
            lambda: layers.PReLU(shared_axes=1.5, name="it"),
            "PReLU 'it': shared_axes: expected a whole number or a list",
        ),
        (lambda: layers.Softmax(None, name="it"), "Softmax 'it': axis: expected a whole number or a list"),
    ],
)
def test_arguments_that_cannot_be_meant(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# PReLU ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shared_axes", "shape"),
    [(None, (5, 6, 3)), ([1, 2], (1, 1, 3)), (-1, (5, 6, 1)), ((1, -1), (1, 6, 1)), ([1, 2, 3], (1, 1, 1))],
)
def test_prelu_has_a_slope_for_each_entry_that_is_not_shared(shared_axes, shape):
    x = np.random.default_rng(0).normal(size=(4, 5, 6, 3)).astype(np.float32)
    layer = layers.PReLU("random_normal", shared_axes=shared_axes)
    np.testing.assert_allclose(layer(x), np.where(x > 0, x, x * layer.alpha.numpy()), rtol=1e-6)
    assert layer.alpha.shape == shape


def test_prelu_learns_its_slopes():
    layer = layers.PReLU(alpha_initializer="zeros")
    layer.build((None, 2))
    x = np.array([[-1.0, 2.0], [-3.0, -4.0]], np.float32)

    def loss(alpha):
        with bind([layer.alpha], [alpha]):
            return layer(x).sum()

    np.testing.assert_array_equal(jax.grad(loss)(layer.alpha.value), [-4.0, -4.0])


def test_prelu_of_unsigned_numbers_does_not_wrap_around():
    np.testing.assert_array_equal(layers.PReLU("ones")(np.array([[3, 250]], np.uint8)), [[3.0, 250.0]])


@pytest.mark.parametrize(
    ("shared_axes", "shape", "text"),
    [
        (None, (None, None, 3), r"axis 1 of the input shape \(None, None, 3\) is free.*shared_axes=\[1\]"),
        ([2], (None, None, 3), r"axis 1 of .* is free.*shared_axes=\[1, 2\]"),
        ([0], (None, 4, 3), r"shared_axes \[0\]: expected different axes from 1 to 2"),
        ([3], (None, 4, 3), r"shared_axes \[3\]: expected different axes from 1 to 2, received an input of shape"),
        ([1, -2], (None, 4, 3), r"shared_axes \[1, -2\]: expected different axes"),
    ],
)
def test_prelu_needs_sizes_and_axes_that_exist(shared_axes, shape, text):
    with pytest.raises(ValueError, match=f"PReLU 'it': {text}"):
        layers.PReLU(shared_axes=shared_axes, name="it").build(shape)


def test_prelu_takes_other_sizes_on_shared_axes_only():
    layer = layers.PReLU(shared_axes=[1], name="it")
    layer.build((None, None, 3))
    assert layer(np.ones((2, 7, 3))).shape == (2, 7, 3)
    for shape in [(2, 7, 4), (2, 3), (2, 7, 1), (2, 7, 3, 3)]:
        with pytest.raises(ValueError, match=r"PReLU 'it': alpha of shape \(1, 3\) does not fit an input of shape \(2"):
            layer(np.ones(shape))


# Softmax -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [-1, 1, [1, 2], (0,)])
def test_softmax_is_the_formula_in_float64(axis):
    x = np.random.default_rng(0).normal(size=(2, 3, 4)) * 5
    axes = axis if isinstance(axis, int) else tuple(axis)
    np.testing.assert_allclose(layers.Softmax(axis)(x), special.softmax(x, axes), rtol=2e-6)


def test_softmax_shares_among_the_entries_that_a_mask_keeps():
    x = np.random.default_rng(0).normal(size=(5, 6)) * 5
    mask = np.random.default_rng(1).random((5, 6)) < 0.6
    mask[0] = False
    y = np.asarray(layers.Softmax()(x, mask=mask))
    for row, scores, keep in zip(y, x, mask, strict=True):
        np.testing.assert_allclose(row[keep], special.softmax(scores[keep]) if keep.any() else [], rtol=2e-6)
        assert not row[~keep].any()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_masked_scores_leave_no_trace_and_gradients_are_finite(dtype):
    layer = layers.Softmax(dtype=dtype)
    x = np.array([[1.0, 30000.0, 2.0], [-20000.0, 1.0, 3.0], [5.0, 6.0, 7.0]], dtype)
    mask = np.array([[True, False, True], [True, False, False], [False, False, False]])
    y, pullback = jax.vjp(lambda x: layer(x, mask=mask), jnp.asarray(x))
    expected = [[special.expit(-1.0), 0, special.expit(1.0)], [1, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(np.asarray(y, np.float32), expected, rtol=1e-2)
    (slopes,) = pullback(jnp.asarray([[1, 1, 0]] * 3, y.dtype))
    assert np.isfinite(np.asarray(slopes, np.float32)).all()
    assert not np.asarray(slopes)[~mask].any()


def test_the_mask_that_inputs_carry_leaves_out_whole_steps():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3, 3)), jnp.float32)
    mask = jnp.asarray(np.arange(3) < np.array([1, 2, 3])[:, None])
    set_mask(x, mask)
    over_features, over_time = layers.Softmax()(x, mask=mask), layers.Softmax(axis=1)(x, mask=mask)
    np.testing.assert_allclose(over_features.sum(-1), mask, rtol=1e-6)
    np.testing.assert_allclose(over_time.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(over_time[0, 0], 1, rtol=1e-6)
    given = layers.Softmax()(jnp.array(x, copy=True), mask=mask)  # a mask of one's own lies along the last axes
    np.testing.assert_array_equal(given != 0, jnp.broadcast_to(mask, x.shape))


@pytest.mark.parametrize("shape", [(2, 3), (4, 1, 3, 4), (3,), (2, 4)])
def test_a_mask_that_does_not_broadcast_is_refused(shape):
    text = r"Softmax 'it': mask: expected a shape that broadcasts to the input's, \(2, 3, 4\), received \("
    with pytest.raises(ValueError, match=text):
        layers.Softmax(name="it")(np.ones((2, 3, 4)), mask=np.ones(shape, bool))


def test_softmax_needs_its_axes():
    with pytest.raises(ValueError, match=r"Softmax 'it': axis 2: expected different axes from -2 to 1, received an in"):
        layers.Softmax(2, name="it")(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"Softmax 'it': axis \[1, -1\]: expected different axes"):
        layers.Softmax([1, -1], name="it")(np.ones((2, 3)))


@pytest.mark.parametrize("kind", ["ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Activation"])
def test_they_hand_on_the_mask_of_the_inputs(kind):
    layer = layers.Activation("relu") if kind == "Activation" else getattr(layers, kind)()
    x, mask = jnp.ones((2, 3, 4)), jnp.asarray([[True, True, False], [True, False, False]])
    set_mask(x, mask)
    np.testing.assert_array_equal(get_mask(layer(x)), mask)


def test_softmax_does_not_hand_on_a_mask_of_entries():
    causal = jnp.tril(jnp.ones((3, 3), bool))
    assert get_mask(layers.Softmax()(jnp.ones((3, 3, 3)), mask=causal)) is None


def test_layers_serve_as_activations():
    layer = layers.Dense(3, activation=layers.LeakyReLU(0.1), kernel_initializer="identity")
    np.testing.assert_allclose(layer(np.array([[-1.0, 2.0, -3.0]])), [[-0.1, 2.0, -0.3]], rtol=1e-6)
