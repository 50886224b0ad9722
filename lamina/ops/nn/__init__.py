"""Operations of neural networks under the names of `keras.ops.nn`, as functions of arrays.

Activations without settings of their own in a layer (`rectifiers.py`, `sigmoids.py`, …), windows that slide over images
(`convolution.py`, `pooling.py`), normalisation, cross-entropies, attention. Each takes arrays, `Variable`s, lists and
numbers and returns `jax.Array`s; on the symbolic tensors of a model it becomes a node of the graph.
"""

from lamina.ops.nn.attention import dot_product_attention
from lamina.ops.nn.complex_numbers import polar
from lamina.ops.nn.convolution import conv, conv_transpose, depthwise_conv, separable_conv
from lamina.ops.nn.crossentropy import binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy
from lamina.ops.nn.ctc import ctc_decode, ctc_loss
from lamina.ops.nn.encoding import multi_hot, one_hot
from lamina.ops.nn.images import depth_to_space, fold, psnr, space_to_depth, unfold
from lamina.ops.nn.normalization import batch_normalization, layer_normalization, moments, normalize, rms_normalization
from lamina.ops.nn.pooling import adaptive_average_pool, adaptive_max_pool, average_pool, max_pool
from lamina.ops.nn.rectifiers import celu, elu, gelu, glu, leaky_relu, relu, relu6, selu, silu, swish
from lamina.ops.nn.sigmoids import (
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    log_sigmoid,
    sigmoid,
    softsign,
    sparse_sigmoid,
    tanh_shrink,
)
from lamina.ops.nn.smooth import softplus, sparse_plus, squareplus
from lamina.ops.nn.softmaxes import log_softmax, softmax, sparsemax
from lamina.ops.nn.thresholds import hard_shrink, soft_shrink, threshold

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
    "glu",
    "softplus",
    "squareplus",
    "sparse_plus",
    "sigmoid",
    "hard_sigmoid",
    "log_sigmoid",
    "sparse_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "tanh_shrink",
    "softsign",
    "soft_shrink",
    "hard_shrink",
    "threshold",
    "softmax",
    "log_softmax",
    "sparsemax",
    "conv",
    "depthwise_conv",
    "separable_conv",
    "conv_transpose",
    "max_pool",
    "average_pool",
    "adaptive_max_pool",
    "adaptive_average_pool",
    "moments",
    "batch_normalization",
    "layer_normalization",
    "rms_normalization",
    "normalize",
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "one_hot",
    "multi_hot",
    "dot_product_attention",
    "ctc_loss",
    "ctc_decode",
    "unfold",
    "fold",
    "depth_to_space",
    "space_to_depth",
    "psnr",
    "polar",
]
