"""Dicts keep the order in which they were written, where JAX would sort their keys."""

from __future__ import annotations

import jax
import numpy as np

from lamina.training.data.order import in_given_order


def test_a_dict_keeps_its_order_through_jax():
    y = {"main": np.ones(2), "aux": np.zeros(2)}
    assert list(jax.tree.map(np.negative, y)) == ["aux", "main"]  # what JAX does to plain dicts
    ordered = jax.jit(lambda tree: tree)(jax.tree.map(np.negative, in_given_order(y)))
    assert list(ordered) == ["main", "aux"]
    assert isinstance(ordered, dict)


def test_anything_else_is_left_as_it_is():
    for data in (None, np.ones(2), [1, 2], (np.ones(2), {"a": 1})):
        assert in_given_order(data) is data
