"""Adaptive pooling against windows cut out in float64, and what it refuses."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lamina.layers import pooling


def by_hand(x, reduce, counts):
    cuts = [
        [slice(i * size // n, -(-(i + 1) * size // n)) for i in range(n)]
        for size, n in zip(x.shape[1:-1], counts, strict=True)
    ]
    axes = tuple(range(1, x.ndim - 1))
    values = [reduce(x[(slice(None), *cut)].astype(np.float64), axes) for cut in itertools.product(*cuts)]
    return np.stack(values, 1).reshape(len(x), *counts, x.shape[-1])


@pytest.mark.parametrize(("kind", "reduce"), [("Max", np.max), ("Average", np.mean)])
@pytest.mark.parametrize(
    ("space", "counts"), [((7,), (3,)), ((3,), (5,)), ((6, 5), (2, 5)), ((1, 4), (3, 1)), ((3, 5, 4), (2, 2, 3))]
)
def test_windows_are_spread_evenly_also_when_there_are_more_than_elements(kind, reduce, space, counts):
    x = np.random.default_rng(0).normal(size=(2, *space, 3)).astype(np.float32)
    layer = getattr(pooling, f"Adaptive{kind}Pooling{len(space)}D")(counts)
    expected = by_hand(x, reduce, counts)
    assert layer.compute_output_shape((None,) * (len(space) + 1) + (3,)) == (None, *counts, 3)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6, atol=1e-7)
    assert layer(x[:0]).shape == (0, *expected.shape[1:])


@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_gradients_inside_a_compiled_loop_are_those_outside(kind):
    layer = getattr(pooling, f"Adaptive{kind}Pooling2D")((2, 3))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32))
    slope = jax.jit(jax.grad(lambda x: jnp.sum(jnp.sin(layer(x)))))
    loop = jax.jit(lambda x, steps: lax.fori_loop(0, steps, lambda _, x: x - 0.1 * slope(x), x))
    outside = x
    for _ in range(3):
        outside = outside - 0.1 * slope(outside)
    np.testing.assert_allclose(loop(x, 3), outside, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"output_size": 0}, "AdaptiveMaxPooling2D 'fit': output_size: expected a whole number >= 1, received 0"),
        ({"output_size": None}, "output_size: expected a whole number >= 1, received None"),
        ({"output_size": (1, 2, 3)}, r"output_size: expected a number or 2 numbers, received \(1, 2, 3\)"),
        ({"output_size": 2, "data_format": "first"}, "data_format: expected one of"),
    ],
)
def test_bad_settings_are_refused(settings, text):
    with pytest.raises(ValueError, match=text):
        pooling.AdaptiveMaxPooling2D(name="fit", **settings)


def test_wrong_inputs_are_refused():
    layer = pooling.AdaptiveAveragePooling2D(2, name="fit")
    with pytest.raises(
        ValueError, match=r"AdaptiveAveragePooling2D 'fit': expected images .*received shape \(4, 8, 8\)"
    ):
        layer(np.ones((4, 8, 8)))
    with pytest.raises(ValueError, match=r"'fit': expected spatial axes of size 1 or more, .* shape \(4, 0, 8, 1\)"):
        layer(np.ones((4, 0, 8, 1)))
