"""TensorFlow's names of functions that Keras calls otherwise: what is `tf.reduce_max` there is `ops.reduce_max` here.

They are the same functions as `ops.max`, …, so that code written with `tf.shape`, `tf.concat`, `tf.reshape` and
`tf.reduce_max` runs with `from lamina import ops as tf`.
"""

from __future__ import annotations

from lamina.ops.math import logsumexp
from lamina.ops.numpy import all, any, concatenate, max, mean, min, prod, std, sum, var

__all__ = [
    "concat",
    "reduce_all",
    "reduce_any",
    "reduce_logsumexp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_std",
    "reduce_sum",
    "reduce_variance",
]

concat = concatenate
reduce_all, reduce_any = all, any
reduce_max, reduce_min = max, min
reduce_sum, reduce_prod, reduce_logsumexp = sum, prod, logsumexp
reduce_mean, reduce_std, reduce_variance = mean, std, var
