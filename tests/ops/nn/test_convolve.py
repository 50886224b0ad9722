"""The gradients that `convolve` states are those that JAX derives for XLA's own convolution, of any order, in loops."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lamina.ops.nn._convolve import Geometry, convolve

QUICK = {"xla_backend_optimization_level": 0}
CASES = {  # input, kernel, groups, geometry
    "one axis": ((2, 7, 4), (3, 4, 5), 1, Geometry((1,), ((1, 1),), (1,), (1,))),
    "steps that leave a rest": ((2, 8, 8, 3), (3, 3, 3, 4), 1, Geometry((2, 3), ((0, 0), (0, 0)), (1, 1), (1, 1))),
    "uneven padding": ((2, 6, 5, 3), (2, 3, 3, 4), 1, Geometry((2, 1), ((0, 1), (2, 1)), (1, 1), (1, 1))),
    "dilated": ((2, 9, 7, 3), (3, 2, 3, 4), 1, Geometry((1, 2), ((2, 2), (0, 1)), (1, 1), (2, 3))),
    "spread": ((2, 4, 3, 3), (3, 2, 3, 4), 1, Geometry((1, 1), ((2, 3), (1, 1)), (2, 3), (1, 1))),
    "spread, dilated": ((2, 4, 3), (3, 3, 4), 1, Geometry((1,), ((4, 1),), (3,), (2,))),
    "spread, with steps": ((2, 4, 3), (3, 3, 4), 1, Geometry((2,), ((2, 1),), (3,), (1,))),
    "windows of one place": ((2, 5, 6, 3), (1, 1, 3, 4), 1, Geometry((2, 1), ((0, 0), (0, 0)), (1, 1), (1, 1))),
    "windows of one place, padded": ((2, 3, 3, 3), (1, 1, 3, 4), 1, Geometry((1, 1), ((1, 0), (0, 2)), (1, 1), (1, 1))),
    "groups": ((2, 6, 6, 4), (3, 3, 2, 6), 2, Geometry((2, 1), ((1, 1), (1, 0)), (1, 1), (1, 2))),
    "each channel by itself": ((2, 6, 5, 3), (2, 3, 1, 6), 3, Geometry((1, 2), ((0, 1), (1, 1)), (1, 1), (1, 1))),
    "each channel by itself, large window": ((1, 40, 2), (40, 1, 2), 2, Geometry((1,), ((3, 4),), (1,), (1,))),
    "groups, spread": ((2, 4, 4), (3, 2, 4), 2, Geometry((1,), ((2, 2),), (2,), (1,))),
    "three axes": ((1, 4, 5, 4, 2), (2, 3, 2, 2, 3), 1, Geometry((1, 2, 1), ((0, 1),) * 3, (1, 1, 1), (1, 1, 1))),
    "larger than a cache": ((32, 16, 16, 64), (3, 3, 64, 2), 1, Geometry((1, 1), ((1, 1),) * 2, (1, 1), (1, 1))),
}


def xla(x, kernel, geometry, groups):
    space = "DHW"[5 - x.ndim :]
    form = (f"N{space}C", f"{space}IO", f"N{space}C")
    return lax.conv_general_dilated(x, kernel, *geometry, dimension_numbers=form, feature_group_count=groups)


def arrays(case):
    shape, window, groups, geometry = CASES[case]
    rng = np.random.default_rng(0)
    x, kernel = (jnp.asarray(rng.normal(size=size), jnp.float32) for size in (shape, window))
    return x, kernel, geometry, groups


def assert_same(ours, theirs):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6 * np.abs(b).max() * 20)


@pytest.mark.parametrize("case", list(CASES))
def test_values_and_gradients(case):
    x, kernel, geometry, groups = arrays(case)
    both = []
    for function in (convolve, xla):
        loss = lambda x, kernel, function=function: (function(x, kernel, geometry, groups) ** 2).sum()  # noqa: E731
        both.append(jax.jit(jax.value_and_grad(loss, (0, 1)), compiler_options=QUICK)(x, kernel))
    assert_same(*both)


@pytest.mark.parametrize("case", ["steps that leave a rest", "groups"])
def test_forward_mode_second_order_and_vmap(case):
    x, kernel, geometry, groups = arrays(case)

    def everything(function):
        loss = lambda x, kernel: (function(x, kernel, geometry, groups) ** 3).sum()  # noqa: E731
        tangent = jax.jvp(loss, (x, kernel), (x + 1, kernel - 1))[1]
        penalty = jax.grad(lambda kernel: (jax.grad(loss)(x, kernel) ** 2).sum())(kernel)
        several = jax.vmap(jax.grad(loss, (0, 1)), (0, None))(jnp.stack([x, x + 1]), kernel)
        return tangent, penalty, several

    assert_same(*(jax.jit(lambda f=f: everything(f), compiler_options=QUICK)() for f in (convolve, xla)))


def test_gradients_inside_a_loop_are_those_outside():
    x, kernel, geometry, groups = arrays("uneven padding")
    gradient = jax.grad(lambda kernel: (convolve(x, kernel, geometry, groups) ** 2).sum())

    def looped(kernel):
        return lax.fori_loop(0, 3, lambda _, k: k - 1e-3 * gradient(k), kernel)

    outside = kernel
    for _ in range(3):
        outside = outside - 1e-3 * gradient(outside)
    assert_same(jax.jit(looped)(kernel), outside)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the rule is for CPUs")
def test_every_gradient_on_a_cpu_has_the_form_that_xla_has_kernels_for():
    x, kernel, geometry, groups = arrays("dilated")
    gradient = jax.grad(lambda x, kernel: (convolve(x, kernel, geometry, groups) ** 2).sum(), (0, 1))
    text = jax.jit(gradient).lower(x, kernel).as_text()
    forms = [
        line.partition("dim_numbers = ")[2].split(",  ")[0] for line in text.splitlines() if "convolution(" in line
    ]
    fast = "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"
    assert len(forms) == 3
    assert all(form.startswith(fast) for form in forms)


def test_sum_of_the_definition_in_float64():
    x, kernel, geometry, groups = arrays("uneven padding")
    padded = np.pad(np.asarray(x, np.float64), [(0, 0), *geometry.padding, (0, 0)])
    y = np.asarray(convolve(x, kernel, geometry, groups))
    expected = np.zeros(y.shape)
    for i, j, u, v in itertools.product(*map(range, y.shape[1:3]), *map(range, kernel.shape[:2])):
        expected[:, i, j] += padded[:, i * 2 + u, j + v] @ np.asarray(kernel, np.float64)[u, v]
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
