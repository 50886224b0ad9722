"""EinsumDense against the real Keras (3.15, JAX): values, gradients, shapes, initial weights' scale, configs."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from lamina.layers.einsum_dense import EinsumDense  # noqa: E402
from tests.parity.side_by_side import assert_same, build, compare, compare_configs, some  # noqa: E402

CASES = [  # equation, output_shape, bias_axes, input shape
    ("ab,bc->ac", 64, "c", (4, 3)),
    ("ab,bc->ac", (5,), None, (4, 3)),
    ("abc,cd->abd", (None, 6), "d", (2, 5, 3)),
    ("abc,cd->abd", (5, 6), "bd", (2, 5, 3)),
    ("abc,bcd->abd", (5, 6), "d", (2, 5, 3)),
    ("abc,bd->adc", (6, 3), "d", (2, 5, 3)),
    ("abc,cde->abde", (None, 4, 6), "de", (2, 5, 3)),
    ("abc,cde->abde", (None, 4, 6), "e", (2, 5, 3)),
    ("abcd,cde->abe", (None, 6), "e", (2, 5, 3, 4)),
    ("...b,bc->...c", 6, "c", (2, 5, 3)),
    ("...b,bc->...c", 6, "c", (2, 4, 5, 3)),
    ("...ab,bc->...ac", (None, 6), "c", (2, 4, 5, 3)),
    ("...ab,bc->...ac", 6, "c", (4, 3)),
    ("ab...,bc->ac...", 6, "c", (2, 3, 5)),
    ("ab...,bc->ac...", 6, "c", (2, 3, 5, 4)),
    ("ab...,bc->ac...", 6, None, (2, 3)),
    ("BTNH,NHD->BTD", (None, 7), "D", (2, 5, 3, 4)),
]


@pytest.mark.parametrize(("equation", "output_shape", "bias_axes", "shape"), CASES)
def test_values_gradients_and_shapes(equation, output_shape, bias_axes, shape):
    arguments = {"equation": equation, "output_shape": output_shape, "bias_axes": bias_axes, "activation": "tanh"}
    ours, theirs = EinsumDense(**arguments), keras.layers.EinsumDense(**arguments)
    compare(ours, theirs, some(*shape), rtol=3e-6)
    assert ours.compute_output_shape(shape) == tuple(ours(some(*shape)).shape)
    if shape != (2, 4, 5, 3):  # of several axes in the ellipsis Keras' shape, not its output, has the order wrong
        known = theirs.compute_output_shape(shape)  # Keras leaves axes free that the input knows
        assert all(n in (None, m) for n, m in zip(known, ours.compute_output_shape(shape), strict=True))
    assert ours.compute_output_shape((None, *shape[1:])) == (None, *ours.compute_output_shape(shape)[1:])


@pytest.mark.parametrize(("equation", "output_shape", "bias_axes", "shape"), CASES)
@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_uniform", "lecun_normal"])
def test_initial_kernels_have_the_scale_of_keras(equation, output_shape, bias_axes, shape, initializer):
    for name in ("input_axes", "output_axes"):
        ours = EinsumDense(equation, output_shape, bias_axes=bias_axes, kernel_initializer=initializer)
        theirs = keras.layers.EinsumDense(equation, output_shape, bias_axes=bias_axes, kernel_initializer=initializer)
        ours.build(shape)
        seen = {}
        theirs._update_kernel_initializer = lambda ins, outs, seen=seen: (
            seen.update(input_axes=ins, output_axes=outs) or keras.initializers.get(initializer)
        )
        theirs.build(shape)
        assert getattr(ours._initializer(), name) == seen[name]
    assert ours.kernel_initializer.input_axes is None


def test_a_seeded_initializer_draws_the_same_kernel_each_time():
    arguments = {"equation": "abc,cd->abd", "output_shape": (None, 4)}
    first, second = (
        EinsumDense(**arguments, kernel_initializer=keras_like())
        for keras_like in [lambda: {"class_name": "GlorotUniform", "config": {"seed": 3}}] * 2
    )
    first.build((None, 5, 3))
    second.build((None, 5, 3))
    np.testing.assert_array_equal(first.kernel, second.kernel)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"bias_axes": "bd", "activation": "relu", "dtype": "mixed_bfloat16"},
        {"kernel_initializer": "he_normal", "kernel_regularizer": "l2", "bias_constraint": "non_neg"},
        {"activity_regularizer": "l1", "trainable": False},
    ],
)
@pytest.mark.parametrize("output_shape", [6, (None, 6)])
def test_configs(extra, output_shape):
    arguments = {"equation": "abc,cd->abd", "output_shape": output_shape, "name": "it", **extra}
    compare_configs(EinsumDense(**arguments), keras.layers.EinsumDense(**arguments))


def test_16_bits():
    arguments = {"equation": "abc,cd->abd", "output_shape": (None, 4), "bias_axes": "d", "dtype": "mixed_bfloat16"}
    ours, theirs = EinsumDense(**arguments), keras.layers.EinsumDense(**arguments)
    x = some(2, 5, 3)
    build(ours, theirs, x)
    assert_same(ours(x), theirs(x), rtol=3e-2)


def test_regularizers_join_the_loss():
    arguments = {"equation": "ab,bc->ac", "output_shape": 4, "bias_axes": "c"}
    arguments |= {"kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2"}
    ours, theirs = EinsumDense(**arguments), keras.layers.EinsumDense(**arguments)
    x = some(5, 3)
    compare(ours, theirs, x)
    ours(x)
    theirs(x)
    assert_same(sorted(map(float, ours.losses)), sorted(map(float, theirs.losses)))
