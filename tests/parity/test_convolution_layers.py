"""Convolution layers against the real Keras (3.15, JAX): outputs, gradients, shapes, weights, configs, 16 bits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

keras = pytest.importorskip("keras")

from lamina.core.variable import bind  # noqa: E402
from lamina.layers import convolution  # noqa: E402
from tests.parity.side_by_side import assert_same, build, compare_configs, some  # noqa: E402

# Machine code is not optimized: it takes a seventh of the time to make, and the arrays are tiny.
compiled = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})

FORMATS = ["channels_last", "channels_first"]
FIRST = {"data_format": "channels_first"}
SAME = {"padding": "same"}
CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    # Every kind and rank: odd and even sizes, both paddings, strides or dilation, groups, both data formats, 1 x 1.
    ("Conv1D", {"filters": 4, "kernel_size": 3, "activation": "tanh"}, (2, 7, 3)),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "strides": 2, **SAME}, (2, 7, 3)),
    ("Conv1D", {"filters": 6, "kernel_size": 3, "dilation_rate": 2, "padding": "causal", "groups": 3}, (2, 8, 3)),
    ("Conv1D", {"filters": 2, "kernel_size": 4, "strides": 3, "padding": "causal", **FIRST}, (2, 3, 8)),
    ("Conv1D", {"filters": 1, "kernel_size": 1, "use_bias": False}, (1, 1, 1)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "activation": "tanh", **SAME}, (2, 7, 6, 3)),
    ("Conv2D", {"filters": 5, "kernel_size": (3, 2), "strides": (2, 3)}, (2, 8, 7, 2)),
    ("Conv2D", {"filters": 4, "kernel_size": (2, 5), "strides": 2, "groups": 2, **SAME}, (2, 7, 6, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "dilation_rate": (2, 1)}, (2, 7, 6, 2)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "dilation_rate": (1, 3), "groups": 3, **SAME}, (2, 5, 4, 3)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "SAME", "groups": 2, **FIRST}, (2, 4, 7, 6)),
    ("Conv2D", {"filters": 2, "kernel_size": 5, "use_bias": False, **SAME}, (1, 1, 2, 3)),
    ("Conv2D", {"filters": 3, "kernel_size": 1, "strides": 2}, (2, 5, 4, 2)),
    ("Conv2D", {"filters": 2, "kernel_size": (4, 5)}, (3, 4, 5, 2)),
    ("Conv3D", {"filters": 2, "kernel_size": (1, 2, 3), "strides": (2, 1, 2), **SAME}, (2, 3, 4, 5, 2)),
    ("Conv3D", {"filters": 4, "kernel_size": 2, "groups": 2, "dilation_rate": (1, 2, 1), **FIRST}, (1, 4, 3, 4, 5)),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "activation": "tanh"}, (2, 5, 3)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 2, "strides": 3, "output_padding": 2, **SAME}, (2, 4, 3)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, **SAME}, (2, 4, 5, 3)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": (2, 3), "strides": (3, 2), "output_padding": 1}, (2, 3, 4, 3)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "dilation_rate": 2, **SAME, **FIRST}, (2, 3, 4, 5)),
    ("Conv2DTranspose", {"filters": 1, "kernel_size": 1, "strides": 2, "use_bias": False}, (1, 1, 1, 1)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": (3, 1, 2), "strides": (1, 2, 2), **SAME}, (1, 3, 2, 3, 2)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2, "output_padding": 1, **FIRST}, (1, 3, 2, 2, 3)),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "activation": "tanh"}, (2, 7, 3)),
    ("DepthwiseConv1D", {"kernel_size": 2, "strides": 2, **SAME, **FIRST}, (2, 3, 7)),
    ("DepthwiseConv2D", {"kernel_size": (3, 2), "strides": 2, "depth_multiplier": 2, **SAME}, (2, 5, 6, 3)),
    ("DepthwiseConv2D", {"kernel_size": 2, "dilation_rate": (2, 1), "use_bias": False}, (2, 5, 6, 3)),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 3, **FIRST}, (2, 2, 5, 4)),
    ("SeparableConv1D", {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, "strides": 2}, (2, 8, 3)),
    ("SeparableConv1D", {"filters": 2, "kernel_size": 2, "dilation_rate": 3, **SAME, **FIRST}, (2, 3, 7)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "activation": "tanh", **SAME}, (2, 5, 6, 3)),
    ("SeparableConv2D", {"filters": 5, "kernel_size": (2, 3), "depth_multiplier": 2, "strides": 2}, (2, 6, 5, 2)),
    ("SeparableConv2D", {"filters": 2, "kernel_size": 2, "use_bias": False, **FIRST}, (2, 3, 4, 5)),
]
IDS = [f"{kind}-{number}" for number, (kind, _, _) in enumerate(CASES)]
every_case = pytest.mark.parametrize(("kind", "arguments", "shape"), CASES, ids=IDS)
one_of_each_kind = pytest.mark.parametrize(
    ("kind", "arguments", "shape"), {kind: (kind, a, shape) for kind, a, shape in reversed(CASES)}.values()
)


def first_kernel_of(kind: str) -> str:
    """What the settings of a layer's first kernel begin with."""
    return "depthwise" if kind.startswith(("Depthwise", "Separable")) else "kernel"


def pair(kind: str, **arguments: Any) -> tuple[Any, Any]:
    """The layer and Keras' own, made with the same arguments."""
    return getattr(convolution, kind)(**arguments), getattr(keras.layers, kind)(**arguments)


def twins(kind: str, shape: tuple[int, ...], **arguments: Any) -> tuple[Any, Any]:
    """The same, built for a shape and given the same random weights; Keras takes half a second to draw its own."""
    kernels = ("depthwise", "pointwise") if kind.startswith("Separable") else (first_kernel_of(kind),)
    ours, theirs = pair(kind, **arguments, **{f"{kernel}_initializer": "zeros" for kernel in kernels})
    build(ours, theirs, np.empty(shape))
    return ours, theirs


def call(layer: Any, values: list[Any], x: Any) -> Any:
    """A layer of either library as a function of its weights and inputs."""
    if isinstance(layer, keras.Layer):
        return layer.stateless_call(values, [], x)[0]
    with bind(layer.variables, values):
        return layer(x)


def slopes_of(layer: Any, shape: tuple[int, ...]) -> Callable[..., Any]:
    """Gradients in weights and inputs of a weighted sum of the outputs for inputs of a shape, and the outputs."""
    weights = some(*layer.compute_output_shape(shape), seed=2)

    def loss(values: list[Any], x: Any) -> tuple[Any, Any]:
        outputs = call(layer, values, x)
        return jnp.sum(outputs * weights), outputs

    return jax.grad(loss, argnums=(0, 1), has_aux=True)


@st.composite
def any_case(draw: Any) -> tuple[str, dict[str, Any], tuple[int, ...]]:
    """A layer of any kind with any settings that Keras takes, and a shape that may be as small as its window."""
    kind = draw(st.sampled_from([case[0] for case in CASES]))
    rank = int(kind.removesuffix("Transpose")[-2])
    several = st.tuples(*[st.integers(1, 3)] * rank)
    arguments = {"kernel_size": draw(several), "padding": draw(st.sampled_from(["valid", "same"]))}
    arguments |= {draw(st.sampled_from(["strides", "dilation_rate"])): draw(st.integers(1, 3))}
    arguments |= {"use_bias": draw(st.booleans()), "data_format": draw(st.sampled_from(FORMATS))}
    groups = draw(st.integers(1, 3)) if kind == f"Conv{rank}D" else 1
    if kind == f"Conv{rank}D":
        arguments["groups"] = groups
    if kind.startswith("Depthwise"):
        arguments["depth_multiplier"] = draw(st.integers(1, 2))
    else:
        arguments["filters"] = groups * draw(st.integers(1, 2))
    dilation = arguments.get("dilation_rate", 1)
    space = [(size - 1) * dilation + 1 + draw(st.integers(0, 3)) for size in arguments["kernel_size"]]
    channels = groups * draw(st.integers(1, 2))
    axes = (*space, channels) if arguments["data_format"] == "channels_last" else (channels, *space)
    return kind, arguments, (draw(st.integers(1, 2)), *axes)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(any_case())
def test_outputs_and_gradients_for_any_settings(case):
    test_outputs_gradients_weights_and_shapes(*case)


@every_case
def test_outputs_gradients_weights_and_shapes(kind, arguments, shape):
    ours, theirs = twins(kind, shape, name="it", **arguments)
    free, x = (None, *shape[1:]), some(*shape)
    assert ours.compute_output_shape(free) == tuple(theirs.compute_output_shape(free))
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    mine, other = (compiled(slopes_of(a, shape))([v.value for v in a.variables], x) for a in (ours, theirs))
    for first, second in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
        assert_same(first, second, rtol=3e-6)


@one_of_each_kind
def test_configs(kind, arguments, shape):
    weights = first_kernel_of(kind)
    settings = {
        f"{weights}_initializer": "he_normal",
        f"{weights}_regularizer": "l2",
        f"{weights}_constraint": "max_norm",
        "bias_initializer": "ones",
        "bias_regularizer": "l1",
        "bias_constraint": "non_neg",
        "activity_regularizer": "l1l2",
        "trainable": False,
        "dtype": "mixed_bfloat16",
    }
    for extra in ({}, settings):
        compare_configs(*pair(kind, name="it", **arguments, **extra))


@every_case
def test_each_library_builds_the_other_ones_layer(kind, arguments, shape):
    compare_configs(*pair(kind, name="it", **arguments))


@one_of_each_kind
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float16"])
def test_16_bits(kind, arguments, shape, dtype):
    ours, theirs = twins(kind, shape, **arguments, dtype=dtype)
    x = some(*shape)
    assert [w.dtype for w in ours.weights] == [w.dtype for w in theirs.weights]
    assert_same(*(compiled(layer.__call__)(x) for layer in (ours, theirs)), rtol=2e-2)


def test_penalties_join_the_loss():
    arguments = {"kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2"}
    x = some(5, 3, 4, 2)
    ours, theirs = twins("Conv2D", x.shape, filters=4, kernel_size=2, **arguments)
    ours(x)
    theirs(x)
    assert_same(sorted(map(float, ours.losses)), sorted(map(float, theirs.losses)))


@pytest.mark.parametrize("kind", ["SeparableConv1D", "SeparableConv2D"])
def test_pointwise_settings_are_their_own(kind):
    settings = {
        "pointwise_initializer": "he_uniform",
        "pointwise_regularizer": "l2",
        "pointwise_constraint": "non_neg",
        "depthwise_initializer": "ones",
    }
    ours, theirs = pair(kind, filters=3, kernel_size=2, name="it", **settings)
    compare_configs(ours, theirs)
    ours.build((None, *(6,) * ours.rank, 4))
    np.testing.assert_array_equal(ours.depthwise_kernel, 1.0)
    assert ours.depthwise_kernel.regularizer is None
    assert ours.pointwise_kernel.regularizer is ours.pointwise_regularizer
    assert ours.pointwise_kernel.constraint is ours.pointwise_constraint


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Conv2D", {"filters": 64}),
        ("Conv2DTranspose", {"filters": 64}),
        ("Conv2D", {"filters": 64, "groups": 4}),
        ("DepthwiseConv2D", {"depth_multiplier": 8}),
    ],
)
def test_initial_kernels_have_the_spread_of_keras(kind, settings):
    ours, theirs = pair(kind, kernel_size=5, **settings)
    ours.build((None, 9, 9, 32))
    theirs.build((None, 9, 9, 32))
    spreads = [np.std(np.asarray(layer.weights[0].value)) for layer in (ours, theirs)]
    np.testing.assert_allclose(*spreads, rtol=0.05)


@one_of_each_kind
def test_gradients_in_a_compiled_loop_are_those_outside(kind, arguments, shape):
    layer, x = getattr(convolution, kind)(**arguments), some(*shape)
    layer.build(shape)
    values, slopes = [v.value for v in layer.variables], slopes_of(layer, shape)

    @compiled
    def summed(values: list[Any], x: Any, steps: int) -> Any:
        once = slopes(values, x)
        total = jax.lax.fori_loop(
            0, steps, lambda _, sums: jax.tree.map(jnp.add, sums, slopes(values, x)), jax.tree.map(jnp.zeros_like, once)
        )
        return once, total

    for once, thrice in zip(*map(jax.tree.leaves, summed(values, x, 3)), strict=True):
        assert_same(thrice, 3 * once, rtol=1e-5)


@pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose"])
def test_gradients_of_strides_together_with_dilation_are_finite_differences(kind):
    """Keras refuses this pair of settings."""
    layer = getattr(convolution, kind)(2, 2, strides=2, dilation_rate=3, padding="same")
    x, direction = some(1, 5, 6, 2), some(1, 5, 6, 2, seed=1)
    weights = some(*layer(x).shape, seed=2).astype(np.float64)
    slope = jax.grad(lambda x: jnp.sum(layer(x) * weights.astype(np.float32)))(jnp.asarray(x))
    # The layer is linear in x, so that a step of any size gives the slope.
    difference = (np.asarray(layer(x + direction), np.float64) - np.asarray(layer(x), np.float64)) * weights
    np.testing.assert_allclose(np.sum(slope * direction), difference.sum(), rtol=1e-4)
