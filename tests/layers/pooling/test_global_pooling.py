"""Global pooling: numbers in float64, masks that count nothing, 16 bits, and what it refuses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lamina
from lamina.layers import pooling

SHAPES = {1: (3, 5, 4), 2: (3, 5, 2, 4), 3: (3, 2, 3, 2, 4)}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(("kind", "reduce"), [("Max", np.max), ("Average", np.mean)])
def test_one_number_for_each_channel(rank, kind, reduce):
    x = np.random.default_rng(0).normal(size=SHAPES[rank]).astype(np.float32)
    expected = reduce(x.astype(np.float64), tuple(range(1, rank + 1)))
    kind_of = getattr(pooling, f"Global{kind}Pooling{rank}D")
    np.testing.assert_allclose(kind_of()(x), expected, rtol=1e-6, atol=1e-7)
    first = kind_of("channels_first", keepdims=True)(np.moveaxis(x, -1, 1))
    assert first.shape == (3, 4, *[1] * rank)
    np.testing.assert_allclose(first.reshape(3, 4), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["GlobalMaxPooling2D", "GlobalAveragePooling2D"])
def test_gradients_inside_a_compiled_loop_are_those_outside(name):
    layer = getattr(pooling, name)()
    x = jnp.asarray(np.random.default_rng(0).normal(size=SHAPES[2]).astype(np.float32))
    slope = jax.jit(jax.grad(lambda x: jnp.sum(jnp.sin(layer(x)))))
    loop = jax.jit(lambda x, steps: lax.fori_loop(0, steps, lambda _, x: x - 0.1 * slope(x), x))
    outside = x
    for _ in range(3):
        outside = outside - 0.1 * slope(outside)
    np.testing.assert_allclose(loop(x, 3), outside, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("keepdims", [False, True])
def test_a_sequence_in_which_no_step_counts_gives_zeros_and_no_gradient(keepdims):
    layer = pooling.GlobalAveragePooling1D(keepdims=keepdims)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    x[1] = np.nan  # what is masked does not matter
    mask = np.array([[True, False, True], [False, False, False]])
    value, slope = jax.value_and_grad(lambda x: jnp.sum(layer(x, mask=mask)))(x)
    np.testing.assert_allclose(value, x[0, [0, 2]].mean(0).sum(), rtol=1e-6)
    np.testing.assert_array_equal(slope, mask[..., None] * np.full((2, 3, 4), 0.5))


def test_long_masked_sequences_are_added_up_in_32_bits():
    x = np.ones((1, 5000, 1))
    mask = np.arange(5000)[None] < 4099  # a number of steps that bfloat16 and float16 cannot hold
    for dtype in ("bfloat16", "float16"):
        layer = pooling.GlobalAveragePooling1D(dtype=dtype)
        assert layer(x * 20, mask=mask) == 20.0  # the sum is beyond float16's largest number


def test_a_mask_of_another_shape_is_refused():
    text = r"GlobalAveragePooling1D 'mean': mask: .* shape \(2, 3\), received shape \(3, 2\)"
    with pytest.raises(ValueError, match=text):
        pooling.GlobalAveragePooling1D(name="mean")(np.ones((2, 3, 4)), mask=np.ones((3, 2), bool))


def test_axes_without_elements_and_missing_axes_are_refused():
    layer = pooling.GlobalMaxPooling2D(name="top")
    with pytest.raises(ValueError, match=r"GlobalMaxPooling2D 'top': .* size 1 or more, .* shape \(2, 0, 3, 4\)"):
        layer(np.ones((2, 0, 3, 4)))
    with pytest.raises(ValueError, match=r"'top': expected images .* shape \(2, 3, 4\).*there is GlobalMaxPooling1D"):
        layer(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match=r"data_format: expected one of"):
        pooling.GlobalMaxPooling2D("last")


def test_a_text_classifier_with_masks_trains():
    lamina.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    x = rng.integers(1, 20, (128, 12)) * (np.arange(12) < rng.integers(2, 12, (128, 1)))
    y = (x == 3).any(1)
    model = lamina.Sequential(
        [
            lamina.layers.Embedding(20, 8, mask_zero=True),
            pooling.GlobalAveragePooling1D(),
            lamina.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=lamina.optimizers.Adam(0.05), metrics=["accuracy"])
    history = model.fit(x, y, epochs=20, verbose=0).history
    assert history["accuracy"][-1] > 0.9
