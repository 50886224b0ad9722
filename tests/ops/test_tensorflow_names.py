"""TensorFlow's names do what TensorFlow documents for them, here by NumPy."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.ops import tensorflow_names as tf

X = np.random.default_rng(0).uniform(0.5, 2, (2, 3, 4)).astype(np.float32)
BY_NUMPY = {
    "reduce_max": np.max,
    "reduce_min": np.min,
    "reduce_sum": np.sum,
    "reduce_prod": np.prod,
    "reduce_mean": np.mean,
    "reduce_std": np.std,
    "reduce_variance": np.var,
    "reduce_logsumexp": lambda x, **kwargs: np.log(np.sum(np.exp(x), **kwargs)),
    "reduce_all": np.all,
    "reduce_any": np.any,
}


@pytest.mark.parametrize("name", BY_NUMPY)
def test_reductions(name):
    x = X > 1 if name in ("reduce_all", "reduce_any") else X
    for settings in ({"axis": -1}, {"axis": (0, 2), "keepdims": True}, {"axis": None}):
        expected = BY_NUMPY[name](x, **settings)
        np.testing.assert_allclose(getattr(tf, name)(x, **settings), expected, rtol=1e-6)
    assert getattr(tf, name)(KerasTensor((None, 3, 4), x.dtype), axis=-1).shape == (None, 3)


def test_every_name_is_tested():
    assert {*BY_NUMPY, "concat"} == set(tf.__all__)


def test_concat():
    np.testing.assert_array_equal(tf.concat([X, X], axis=1), np.concatenate([X, X], 1))
    shape = jax.jit(lambda x: tf.concat([x.shape[:-1], [2, 2]], 0).tolist() and x)(X)
    np.testing.assert_array_equal(shape, X)
