"""Normalisation against Keras, and against formulas in float64."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.core.variable import Variable
from lamina.ops import nn
from tests.ops.parity import case, check_gradients, check_symbolic, check_values, keras, normal, whole

X = 3 + 2 * normal(4, 5, 6)


def statistics(channels):
    return {"mean": normal(channels), "variance": np.abs(normal(channels, seed=1)) + np.float32(0.1)}


CASES = [
    *(
        case("moments", {"x": X}, axes=axes, keepdims=keep)
        for axes in ([0], [1, 2], (0, 1), -1)
        for keep in (False, True)
    ),
    *(case("moments", {"x": X.astype(jnp.dtype(d))}, axes=[1]) for d in ("float16", "bfloat16")),
    case("batch_normalization", {"x": X, **statistics(6)}, axis=-1),
    case("batch_normalization", {"x": X, **statistics(5), "offset": normal(5)}, axis=1),
    case("batch_normalization", {"x": X, **statistics(6), "scale": normal(6)}, axis=-1, epsilon=0.1),
    case("batch_normalization", {"x": X, **statistics(6), "offset": normal(6), "scale": normal(6, seed=3)}, axis=2),
    case("layer_normalization", {"x": X}),
    *(
        case("layer_normalization", {"x": X, "gamma": normal(*s), "beta": normal(*s, seed=1)}, axis=a)
        for a, s in ((-1, (6,)), (1, (5,)), ((1, 2), (5, 6)), ([2, 1], (5, 6)))
    ),
    case("layer_normalization", {"x": X, "beta": normal(6)}, epsilon=0.1),
    case("layer_normalization", {"x": X.astype(np.float16), "gamma": normal(6)}),
    *(case("rms_normalization", {"x": X}, axis=a, epsilon=e) for a in (-1, (1, 2), 1) for e in (None, 0.1)),
    case("rms_normalization", {"x": X, "scale": normal(6)}),
    case("rms_normalization", {"x": X.astype(jnp.bfloat16), "scale": normal(6)}),
    *(case("normalize", {"x": X}, axis=a, order=o) for a, o in ((-1, 2), (1, 1), ((1, 2), 2), (None, 2), (-1, 3))),
    case("normalize", {"x": 1e-5 * X}, epsilon=0.1),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(nn, one.name), one)


@pytest.mark.parametrize("one", [one for one in CASES if one.tensors["x"].dtype == np.float32][1::3], ids=str)
def test_gradients_are_those_of_keras(one):
    check_gradients(getattr(nn, one.name), one)


def declared(one):
    """Whether Keras can declare the result: not a scale without an offset, nor a list of axes for the moments."""
    return not (one.name == "batch_normalization" and ("scale" in one.tensors) != ("offset" in one.tensors))


@pytest.mark.parametrize("one", [one for one in CASES if declared(one)], ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    axis = one.settings.get("axis", one.settings.get("axes", -1))
    over_batch = axis is None or 0 in np.atleast_1d(axis)
    check_symbolic(getattr(nn, one.name), one._replace(free=() if over_batch else ("x",)))


@pytest.mark.parametrize("given", [{"scale": 6}, {"offset": 6}, {}])
def test_vectors_that_are_left_out_are_not_mixed_up(given):
    def tensor(*shape):
        return KerasTensor(shape, "float32")

    vectors = {name: tensor(size) for name, size in given.items()}
    y = nn.batch_normalization(tensor(None, 6), tensor(6), tensor(6), -1, **vectors)
    assert y.shape == (None, 6)
    arrays = {name: normal(size) for name, size in given.items()}
    x, fixed = normal(4, 6), statistics(6)
    call = y.node.operation
    by_node = call(x, fixed["mean"], fixed["variance"], *(arrays.get(name) for name in ("offset", "scale")))
    np.testing.assert_array_equal(by_node, nn.batch_normalization(x, **fixed, axis=-1, **arrays))


def test_halves_are_averaged_in_float32():
    x = np.full((5000,), 60000, np.float16)
    mean, variance = nn.moments(x, 0)
    assert (float(mean), float(variance), mean.dtype) == (60000.0, 0.0, "float16")


def test_synchronized_changes_nothing():
    ours, synchronized = nn.moments(X, 0), nn.moments(X, 0, synchronized=True)
    np.testing.assert_array_equal(ours[1], synchronized[1])


def test_numbers_of_all_kinds_are_taken():
    for x in ([[3, 4], [6, 8]], whole(2, 2) * 0 + np.array([[3, 4], [6, 8]]), Variable([[3.0, 4.0], [6.0, 8.0]])):
        np.testing.assert_allclose(nn.normalize(x), [[0.6, 0.8]] * 2, rtol=1e-6)
        np.testing.assert_allclose(nn.layer_normalization(x), [[-1, 1]] * 2, rtol=1e-5)
    assert nn.normalize(2.0).tolist() == [1.0]
    assert nn.rms_normalization(2.0).shape == keras.ops.rms_normalization(np.float32(2.0)).shape


@pytest.mark.parametrize("order", [1, 2, 3, 9])
@pytest.mark.parametrize("scale", [0.0, 1e-30, 1.0, 1e25])
def test_normalize_neither_overflows_nor_divides_by_zero(order, scale):
    x = np.float32(scale) * np.float32([3, -4, 0])
    wide = x.astype(np.float64)
    expected = wide / max(np.sum(np.abs(wide) ** order) ** (1 / order), 1e-7)
    np.testing.assert_allclose(nn.normalize(x, order=order), expected, rtol=2e-6, atol=1e-30)
    assert np.isfinite(jax.grad(lambda x: nn.normalize(x, order=order)[0])(x)).all()


def test_normalize_over_two_axes_divides_by_the_norm_of_the_elements():
    y = nn.normalize(X, axis=(1, 2), order=1)
    np.testing.assert_allclose(np.abs(y).sum((1, 2)), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.moments(np.ones(3), 1), r"moments: axis: .*from -1 to 0 .*received 1"),
        (lambda: nn.batch_normalization(X, [0.0], [1.0], 3), "batch_normalization: axis: .*received 3"),
        (
            lambda: nn.batch_normalization(X, [0.0], [1.0], 2),
            r"batch_normalization: variance: .*length 6.*shape \(1,\)",
        ),
        (lambda: nn.layer_normalization(X, axis=(1, 4)), "layer_normalization: axis: .*received 4"),
        (lambda: nn.normalize(X, order=0), "normalize: order: expected a whole number >= 1, received 0"),
        (lambda: nn.normalize(X, order=1.5), "normalize: order: expected a whole number >= 1, received 1.5"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
