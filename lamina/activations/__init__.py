"""Activations: the nonlinear functions between layers, by Keras' names.

Each takes an array of any shape (a list, number or `Variable` too) and returns a `jax.Array` of the same shape and
float dtype; whole numbers become the default float type first. All can be traced, and gradients stay finite wherever
the value is. `get` turns a name, config or function into the function; `get(None)` is `linear`.
"""

from lamina.activations._family import deserialize, get, linear, serialize
from lamina.activations.rectifiers import celu, elu, gelu, glu, leaky_relu, mish, relu, relu6, selu, silu, swish
from lamina.activations.sigmoids import (
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    log_sigmoid,
    sigmoid,
    softsign,
    sparse_sigmoid,
    tanh,
    tanh_shrink,
)
from lamina.activations.smooth import exponential, softplus, sparse_plus, squareplus
from lamina.activations.softmaxes import log_softmax, softmax, sparsemax
from lamina.activations.thresholds import hard_shrink, soft_shrink, threshold

__all__ = [
    "relu",
    "leaky_relu",
    "relu6",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "swish",
    "mish",
    "glu",
    "softplus",
    "squareplus",
    "sparse_plus",
    "exponential",
    "sigmoid",
    "hard_sigmoid",
    "log_sigmoid",
    "sparse_sigmoid",
    "hard_silu",
    "hard_swish",
    "tanh",
    "hard_tanh",
    "tanh_shrink",
    "softsign",
    "soft_shrink",
    "hard_shrink",
    "threshold",
    "softmax",
    "log_softmax",
    "sparsemax",
    "linear",
    "get",
    "serialize",
    "deserialize",
]
