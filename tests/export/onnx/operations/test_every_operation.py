"""Operations of `lamina.ops` in a graph give in ONNX Runtime what they give in `predict`, for 1, 7 and 64 rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamina
from lamina import activations, ops
from lamina.core.errors import LaminaError
from lamina.export.onnx import registry
from tests.export.onnx.session import check_function

ROW, TABLE, IMAGE = (6,), (4, 6), (8, 6, 4)
ARRAY = np.random.default_rng(3).uniform(0.5, 2.0, (6,)).astype("float32")
SQUARE = np.random.default_rng(4).normal(size=(6, 6)).astype("float32")
KERNEL = np.random.default_rng(5).normal(size=(3, 3, 4, 2)).astype("float32")

UNARY = [
    *("absolute", "fabs", "negative", "sign", "reciprocal", "exp", "exp2", "expm1", "erf", "erfc", "floor", "ceil"),
    *(
        "trunc",
        "square",
        "cbrt",
        "sin",
        "cos",
        "tan",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "deg2rad",
        "rad2deg",
    ),
    *("isnan", "isinf", "isfinite", "logical_not", "zeros_like", "ones_like", "copy", "stop_gradient"),
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "glu", "sigmoid", "hard_sigmoid"),
    *("log_sigmoid", "sparse_sigmoid", "hard_silu", "hard_tanh", "tanh_shrink", "softsign", "softplus", "squareplus"),
    *("sparse_plus", "soft_shrink", "hard_shrink", "softmax", "log_softmax", "sparsemax", "normalize"),
    *("tril", "triu", "fliplr", "convert_to_tensor"),
]
POSITIVE = ["sqrt", "rsqrt", "log", "log2", "log10", "log1p", "arccosh"]
SMALL = ["arcsin", "arccos", "arctanh"]
BINARY = [
    *("add", "subtract", "multiply", "divide", "true_divide", "divide_no_nan", "maximum", "minimum", "mod"),
    *("floor_divide", "logaddexp", "hypot", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    *("logical_and", "logical_or", "logical_xor"),
]
REDUCTIONS = ["sum", "mean", "max", "min", "amax", "amin", "prod", "any", "all", "var", "std", "logsumexp"]
OTHERS: dict[str, tuple[Callable[..., Any], Any]] = {
    "power": (lambda x: ops.power(ops.exp(x), 0.7), [TABLE]),
    "power of whole numbers": (lambda x: x**2, [TABLE]),
    "clip": (lambda x: ops.clip(x, -0.5, 0.7), [TABLE]),
    "clip by arrays": (lambda x: ops.clip(x, -ARRAY, ARRAY), [TABLE]),
    "round": (lambda x: ops.round(x, 1), [TABLE]),
    "where": (lambda x, y: ops.where(x > 0, y, -1.0), [TABLE, TABLE]),
    "select": (lambda x: ops.select([x > 1, x < -1], [x, x * 10], 0.0), [TABLE]),
    "count_nonzero": (lambda x: ops.count_nonzero(ops.relu(x), axis=-1), [TABLE]),
    "argmax": (lambda x: ops.argmax(x, axis=1), [TABLE]),
    "argmin": (lambda x: ops.argmin(x, axis=-1, keepdims=True), [TABLE]),
    "top_k": (lambda x: ops.top_k(x, 3), [TABLE]),
    "cumsum": (lambda x: ops.cumsum(x, axis=1), [TABLE]),
    "average": (lambda x: ops.average(x, axis=1), [TABLE]),
    "moments": (lambda x: ops.moments(x, [1]), [TABLE]),
    "norm": (lambda x: ops.norm(x, axis=-1), [TABLE]),
    "max from": (lambda x: ops.max(x, axis=1, initial=0.5), [TABLE]),
    "tf.reduce_max": (lambda x: ops.reduce_max(x, axis=-1, keepdims=True), [TABLE]),
    "cast": (lambda x: ops.cast(x * 3, "int32"), [TABLE]),
    "reshape": (lambda x: ops.reshape(x, (-1, 3, 8)), [TABLE]),
    "reshape with a free batch": (lambda x: ops.reshape(x, (x.shape[0], 24)), [TABLE]),
    "transpose": (lambda x: ops.transpose(x, (0, 2, 1)), [TABLE]),
    "flip": (lambda x: ops.flip(x, axis=(1, -1)), [TABLE]),
    "ravel": (lambda x: x * ops.mean(ops.ravel(ops.ones_like(x))), [TABLE]),
    "flipud": (lambda x: ops.flipud(ops.flipud(x)), [TABLE]),
    "expand_dims": (lambda x: ops.expand_dims(x, (1, -1)), [TABLE]),
    "squeeze": (lambda x: ops.squeeze(x, 1), [(1, 6)]),
    "moveaxis": (lambda x: ops.moveaxis(x, (1, 2), (3, 1)), [IMAGE]),
    "swapaxes": (lambda x: ops.swapaxes(x, 1, -1), [IMAGE]),
    "repeat": (lambda x: ops.repeat(x, 3, axis=1), [TABLE]),
    "tile": (lambda x: ops.tile(x, (1, 2, 3)), [TABLE]),
    "roll": (lambda x: ops.roll(x, 2, axis=-1), [TABLE]),
    "pad": (lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=7.0), [TABLE]),
    "pad by reflection": (lambda x: ops.pad(x, ((0, 0), (1, 2), (2, 1)), mode="reflect"), [TABLE]),
    "full_like": (lambda x: ops.full_like(x, 3.5), [TABLE]),
    "concatenate": (lambda x, y: ops.concatenate([x, y, ARRAY[None, :3] + 0 * y], axis=-1), [(6,), (3,)]),
    "append": (lambda x, y: ops.append(x, y, axis=1), [TABLE, TABLE]),
    "stack": (lambda x, y: ops.stack([x, y], axis=1), [ROW, ROW]),
    "hstack": (lambda x, y: ops.hstack([x, y]), [ROW, ROW]),
    "split": (lambda x: ops.split(x, 3, axis=-1), [TABLE]),
    "split at": (lambda x: ops.split(x, [1, 3], axis=1), [TABLE]),
    "unstack": (lambda x: ops.unstack(x, axis=1), [TABLE]),
    "get_item": (lambda x: x[:, 1:-1, ::2], [TABLE]),
    "get_item backwards": (lambda x: x[..., ::-1], [TABLE]),
    "get_item of one": (lambda x: x[:, -1], [TABLE]),
    "get_item with new axes": (lambda x: x[:, None, 0, ..., None], [TABLE]),
    "get_item by numbers": (lambda x: x[:, np.array([2, 0, -1])], [TABLE]),
    "take": (lambda x: ops.take(x, [3, 0, -1], axis=2), [TABLE]),
    "take_along_axis": (lambda x: ops.take_along_axis(x, ops.argmax(x, axis=-1, keepdims=True), axis=-1), [TABLE]),
    "slice": (lambda x: ops.slice(x, (0, 1, 2), (-1, 2, 3)), [TABLE]),
    "one_hot": (lambda x: ops.one_hot(ops.argmax(x, axis=-1), 6), [TABLE]),
    "matmul": (lambda x, y: ops.matmul(x, y), [(4, 6), (6, 3)]),
    "matmul with an array": (lambda x: x @ SQUARE, [TABLE]),
    "matmul with a vector": (lambda x: ops.matmul(x, ARRAY), [TABLE]),
    "dot": (lambda x: ops.dot(x, SQUARE), [TABLE]),
    "inner": (lambda x: ops.inner(x, SQUARE), [TABLE]),
    "tensordot": (lambda x: ops.tensordot(x, SQUARE, axes=([2], [0])), [TABLE]),
    "einsum": (lambda x, y: ops.einsum("bij,bkj->bik", x, y), [(4, 6), (3, 6)]),
    "conv": (lambda x: ops.conv(x, KERNEL, 2, "same"), [IMAGE]),
    "grouped conv": (lambda x: ops.conv(x, KERNEL[:, :, :2], 1, "valid"), [IMAGE]),
    "depthwise_conv": (lambda x: ops.depthwise_conv(x, KERNEL, 1, "same"), [IMAGE]),
    "separable_conv": (lambda x: ops.separable_conv(x, KERNEL, KERNEL[:1, :1].reshape(1, 1, 8, 1)), [IMAGE]),
    "conv_transpose": (lambda x: ops.conv_transpose(x, np.swapaxes(KERNEL, 2, 3), 2, "same"), [IMAGE]),
    "max_pool": (lambda x: ops.max_pool(x, 2), [IMAGE]),
    "average_pool": (lambda x: ops.average_pool(x, 3, 1, "same"), [IMAGE]),
    "adaptive_average_pool": (lambda x: ops.adaptive_average_pool(x, 3), [IMAGE]),
    "adaptive_max_pool": (lambda x: ops.adaptive_max_pool(x, 3), [IMAGE]),
    "batch_normalization": (lambda x: ops.batch_normalization(x, ARRAY, ARRAY, -1, ARRAY), [TABLE]),
    "layer_normalization": (lambda x: ops.layer_normalization(x, ARRAY, ARRAY), [TABLE]),
    "layer_normalization of the middle": (lambda x: ops.layer_normalization(x, ARRAY[:4], axis=1), [TABLE]),
    "rms_normalization": (lambda x: ops.rms_normalization(x, ARRAY), [TABLE]),
    "normalize of order 1": (lambda x: ops.normalize(x, order=1), [TABLE]),
    "depth_to_space": (lambda x: ops.depth_to_space(x, 2), [IMAGE]),
    "depth_to_space, channels first": (lambda x: ops.depth_to_space(x, 2, "channels_first"), [(4, 3, 5)]),
    "space_to_depth": (lambda x: ops.space_to_depth(x, 2), [IMAGE]),
    "resize": (lambda x: ops.image.resize(x, (5, 9)), [IMAGE]),
    "broadcast_to": (lambda x: ops.broadcast_to(x, (x.shape[0], 4, 6)) if x.shape[0] else x * 1.0, [TABLE]),
    "arithmetic with numbers": (lambda x: (2 - x) / 3 + 1 / (x * x + 1) - (x > 0) * 0.5, [TABLE]),
    "threshold": (lambda x: ops.threshold(x, 0.5, -1.0), [TABLE]),
    "gelu, exact": (lambda x: ops.gelu(x, approximate=False), [TABLE]),
    "softmax over two axes": (lambda x: ops.softmax(x, axis=(1, 2)), [TABLE]),
    "log_softmax over two axes": (lambda x: ops.log_softmax(x, axis=(1, 2)), [TABLE]),
    "relu with a threshold": (lambda x: activations.relu(x, 0.1, 2.0, 0.5), [TABLE]),
    "mish": (activations.mish, [TABLE]),
}


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_tensor(name):
    check_function(getattr(ops, name), TABLE)


@pytest.mark.parametrize("name", POSITIVE)
def test_functions_of_one_positive_tensor(name):
    check_function(lambda x: getattr(ops, name)(ops.exp(x) + 1), TABLE)


@pytest.mark.parametrize("name", SMALL)
def test_functions_of_one_small_tensor(name):
    check_function(lambda x: getattr(ops, name)(ops.tanh(x) * 0.9), TABLE)


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_tensors(name):
    check_function(getattr(ops, name), TABLE, ROW[:0] + TABLE)
    check_function(lambda x: getattr(ops, name)(x, ARRAY), TABLE)
    check_function(lambda x: getattr(ops, name)(2.0, x), TABLE)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "mod", "floor_divide", "maximum", "less"])
def test_functions_of_whole_numbers(name):
    check_function(lambda x, y: getattr(ops, name)(x - 2, y + 1), TABLE, TABLE, dtype="int32")
    check_function(lambda x: getattr(ops, name)(x, 1.5), TABLE, dtype="int32")


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name):
    check_function(lambda x: getattr(ops, name)(x, axis=-1), TABLE)
    check_function(lambda x: getattr(ops, name)(x, axis=(1, 2), keepdims=True), TABLE)


@pytest.mark.parametrize("name", OTHERS)
def test_other_functions(name):
    function, shapes = OTHERS[name]
    check_function(function, *shapes)


def test_every_operation_that_is_written_is_tested():
    registry.load()
    tested = {*UNARY, *POSITIVE, *SMALL, *BINARY, *REDUCTIONS, *(name.split(",")[0].split()[0] for name in OTHERS)}
    # `identity`, `array` and `view` of a tensor are the tensor; `outer` and `vstack` mix the rows of a batch.
    assert set(registry._operations) - tested == {"bent_relu", "array", "identity", "view", "outer", "vstack"}


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x: ops.median(x, axis=1), r"'median' \(Median\): lamina.ops.median has no form in ONNX"),
        (lambda x: ops.average(x, axis=1, weights=ARRAY[:4]), "average with weights has no form"),
        (lambda x: ops.norm(x, ord=1, axis=1), "norm with ord=1 has no form"),
        (lambda x: ops.pad(x, ((0, 0), (1, 1), (0, 0)), mode="symmetric"), "pad with mode='symmetric' has no form"),
    ],
)
def test_what_has_no_form_in_onnx_is_refused_by_name(function, text):
    with pytest.raises(LaminaError, match=text):
        check_function(function, TABLE)


def test_a_loss_of_a_batch_is_one_number():
    x = lamina.Input(TABLE)
    check_function(lambda x: ops.mean(ops.square(x), axis=(1, 2)), TABLE)
    assert lamina.Model(x, ops.mean(x, axis=(1, 2))).output_shape == (None,)
