"""Activations: the nonlinear functions between layers, by Keras' names.

Each takes an array of any shape (a list, number, `Variable` or symbolic tensor too) and returns one of the same shape
and float dtype; whole numbers become the default float type first. All can be traced, and gradients stay finite
wherever the value is. Most are operations of `lamina.ops.nn`, where their formulas are. `get` turns a name, config or
function into the function; `get(None)` is `linear`.
"""

from lamina.activations._family import deserialize, get, linear, serialize
from lamina.activations.functions import exponential, gelu, mish, relu
from lamina.ops.nn import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    swish,
    tanh_shrink,
    threshold,
)
from lamina.ops.numpy import tanh

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
