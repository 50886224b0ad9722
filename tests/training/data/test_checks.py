"""Lengths and finite values."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.training.data import check_finite, check_lengths


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_lengths_agree_exactly_when_all_are_equal(lengths):
    trees = {
        "x": {str(i): np.zeros((n, 2)) for i, n in enumerate(lengths)},
        "y": np.zeros(lengths[0]),
        "sample_weight": None,
    }
    if len(set(lengths)) == 1:
        assert check_lengths(trees) == lengths[0]
    else:
        with pytest.raises(ValueError, match=rf"x\['0'\] has {lengths[0]}, .*y has {lengths[0]}\. Each sample"):
            check_lengths(trees)


def test_different_lengths_are_all_listed():
    trees = {"x": [np.zeros(3), jnp.zeros((4, 2))], "y": np.zeros(3)}
    with pytest.raises(
        ValueError, match=r"^The arrays have different numbers of rows: x\[0\] has 3, x\[1\] has 4, y has 3\."
    ):
        check_lengths(trees)
    with pytest.raises(ValueError, match=r"x\[11\] has 11, and 8 more\."):
        check_lengths({"x": [np.zeros(i) for i in range(20)]})


def test_no_arrays_at_all_is_an_error():
    with pytest.raises(ValueError, match=r"^No data: x, y hold no arrays"):
        check_lengths({"x": None, "y": ()})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("layout", ["C", "F", "gaps"])
def test_values_that_are_not_finite_are_found_anywhere(bad, dtype, layout):
    data = np.asarray(
        np.random.default_rng(0).normal(size=(700, 900)), jnp.dtype(dtype), order="F" if layout == "F" else "C"
    )
    data = data[:, ::2] if layout == "gaps" else data
    check_finite(data, "x")
    data[650, 7] = data[651, 3] = bad
    with pytest.raises(
        ValueError, match=rf"^x: row 650, column 7 is {bad}; 2 values of {data.size} are NaN or infinite\."
    ):
        check_finite(data, "x")


def test_opposite_infinities_do_not_cancel():
    with pytest.raises(
        ValueError, match=r"^y: row 0 is inf; 2 values of 2 .*beyond 3.4e38 become infinite in float32: rescale"
    ):
        check_finite(np.array([np.inf, -np.inf]), "y")


def test_large_finite_values_are_fine():
    check_finite(np.full((1000, 1000), 3e38, "float32"), "x")
    check_finite(np.full(70_000, 65_000, "float16"), "x")


def test_integers_booleans_and_none_have_nothing_to_check():
    check_finite({"a": np.arange(3), "b": np.array([True]), "c": None, "d": np.array([1], "uint8")}, "x")


def test_the_place_in_a_nest_is_named():
    data = {"image": [np.ones((2, 2, 2)), jnp.array([[[1.0, np.nan]]])]}
    with pytest.raises(ValueError, match=r"^x\['image'\]\[1\]: row 0, index \(0, 1\) is nan; 1 value of 2 is NaN"):
        check_finite(data, "x")
