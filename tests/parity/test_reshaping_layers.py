"""Permute and RepeatVector against the real Keras (3.15, JAX)."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from lamina.layers import reshaping  # noqa: E402
from tests.parity.side_by_side import assert_same, compare, compare_configs, some  # noqa: E402


@pytest.mark.parametrize(
    ("shape", "dims"),
    [((4, 3), (1,)), ((2, 5, 3), (2, 1)), ((2, 5, 3), [1, 2]), ((2, 3, 4, 5), (3, 1, 2)), ((2, 3, 4, 5), (1, 3, 2))],
)
def test_permute(shape, dims):
    ours, theirs = reshaping.Permute(dims, name="it"), keras.layers.Permute(dims, name="it")
    compare(ours, theirs, some(*shape))
    free = (None, None, *shape[2:])
    assert ours.compute_output_shape(free) == theirs.compute_output_shape(free)
    compare_configs(ours, theirs)


@pytest.mark.parametrize("shape", [(4, 3), (1, 1)])
@pytest.mark.parametrize("n", [1, 3])
def test_repeat_vector(shape, n):
    ours, theirs = reshaping.RepeatVector(n, name="it"), keras.layers.RepeatVector(n, name="it")
    compare(ours, theirs, some(*shape))
    free = (None, shape[1])
    assert ours.compute_output_shape(free) == theirs.compute_output_shape(free)
    compare_configs(ours, theirs)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_])
def test_whole_numbers_stay_whole(dtype):
    x = np.arange(6).reshape(2, 3).astype(dtype)
    assert_same(reshaping.RepeatVector(2)(x), keras.layers.RepeatVector(2)(x))
    assert_same(reshaping.Permute((1,))(x), keras.layers.Permute((1,))(x))
