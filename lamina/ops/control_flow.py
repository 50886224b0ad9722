"""Control flow that can be compiled: JAX's own (`lax.cond`, `lax.scan`, …) under Keras' names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array

__all__ = [
    "custom_gradient",
    "cond",
    "switch",
    "while_loop",
    "fori_loop",
    "scan",
    "associative_scan",
    "map",
    "vectorized_map",
]


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for a function that brings its own gradient.

    Args:
        f: Function that returns a pair: its value, and a function from the gradient of the value to the gradients of
            its arguments (one, or a tuple).

    Example:
        >>> @custom_gradient
        ... def clipped_exp(x):
        ...     return jnp.exp(x), lambda upstream: upstream * jnp.minimum(jnp.exp(x), 10.0)
        >>> print(jax.grad(clipped_exp)(100.0))
        10.0
    """
    differentiable = jax.custom_gradient(f)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = _arrays((args, kwargs))
        return differentiable(*args, **kwargs)

    return call


@operation("core")
def cond(pred: Tensor, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Value of one of two functions, chosen by a value of the model.

    Args:
        pred: A single bool.
        true_fn, false_fn: Functions without arguments that return arrays of the same shapes and dtypes.

    Example:
        >>> print(cond(jnp.array(True), lambda: jnp.ones(2), lambda: jnp.zeros(2)))
        [1. 1.]
    """
    return lax.cond(as_array(pred), true_fn, false_fn)


@operation("core")
def switch(index: Tensor, branches: Sequence[Callable[..., Any]], *operands: Tensor) -> Any:
    """Value of one of several functions, chosen by a number of the model.

    Args:
        index: A whole number; below 0 it is the first function, past the end the last one.
        branches: Functions that return arrays of the same shapes and dtypes.
        *operands: Their arguments.

    Example:
        >>> print(switch(1, [jnp.add, jnp.subtract], 7.0, 5.0))
        2.0
    """
    return lax.switch(as_array(index), branches, *_arrays(operands))


@operation("core")
def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Tensor, maximum_iterations: int | None = None
) -> Any:
    """Loop for as long as a condition holds: while cond(*loop_vars): loop_vars = body(*loop_vars).

    Args:
        cond: Function of the loop's values that returns a single bool.
        body: Function of them that returns new ones of the same shapes and dtypes.
        loop_vars: First values: an array, or a tuple or list of arrays (or nests of them).
        maximum_iterations: Number of iterations after which the loop ends anyway; None is no limit.

    Returns: the last values, a tuple unless loop_vars is a single array.

    Example:
        >>> print(while_loop(lambda x: x < 100, lambda x: x * 2, 3))
        192
    """
    many = isinstance(loop_vars, (tuple, list))
    first = _arrays(tuple(loop_vars) if many else (loop_vars,))

    def goes_on(state: tuple[Any, ...]) -> Any:
        left = True if maximum_iterations is None else state[0] < maximum_iterations
        return jnp.logical_and(left, cond(*state[1]))

    def once(state: tuple[Any, ...]) -> tuple[Any, ...]:
        values = body(*state[1])
        return state[0] + 1, tuple(values) if many else (values,)

    _, last = lax.while_loop(goes_on, once, (0, first))
    return last if many else last[0]


@operation("core")
def fori_loop(lower: int, upper: int, body_fun: Callable[[Any, Any], Any], init_val: Tensor) -> Any:
    """Loop over whole numbers: for i in range(lower, upper): value = body_fun(i, value).

    Args:
        lower, upper: First number, and the one after the last.
        body_fun: Function (i, value) that returns a new value of the same shape and dtype.
        init_val: First value, an array or a nest of arrays.

    Example:
        >>> print(fori_loop(0, 5, lambda i, total: total + i, 0))
        10
    """
    return lax.fori_loop(lower, upper, body_fun, _arrays(init_val))


@operation("core")
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Tensor,
    xs: Tensor | None = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Loop over the first axis with a state: for each x, state, y = f(state, x); the ys are stacked.

    Args:
        f: Function (state, x) that returns the new state, of the same shape and dtype, and an output.
        init: First state, an array or a nest of arrays.
        xs: Array (steps, ...) or a nest of them; None where only the number of steps matters.
        length: Number of steps; None is the size of xs.
        reverse: Whether to go from the last step to the first. Default False.
        unroll: How many steps one turn of the compiled loop does, >= 1; True is all of them.

    Returns: the last state, and the outputs (steps, ...).

    Example:
        >>> print(*scan(lambda total, x: (total + x, total + x), 0, jnp.arange(4)))
        6 [0 1 3 6]
    """
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"scan: unroll: expected a whole number >= 1 or a bool, received {unroll!r}.")
    return lax.scan(f, _arrays(init), _arrays(xs), length, reverse, unroll)


@operation("core")
def associative_scan(f: Callable[[Any, Any], Any], elems: Tensor, reverse: bool = False, axis: int = 0) -> Any:
    """All partial results of an associative function, computed in parallel: a, f(a, b), f(f(a, b), c), ...

    Args:
        f: Associative function of two arrays (or nests) that works along the axis elementwise.
        elems: Array, or a nest of them.
        reverse: Whether to go from the end. Default False.
        axis: Axis of the elements. Default 0.

    Source: Blelloch 1990, Prefix Sums and Their Applications.

    Example:
        >>> print(associative_scan(jnp.maximum, jnp.array([1, 3, 2])))
        [1 3 3]
    """
    return lax.associative_scan(f, _arrays(elems), reverse, axis)


@operation("core")
def map(f: Callable[[Any], Any], xs: Tensor) -> Any:
    """Results of a function for each row, one after the other, stacked.

    Args:
        f: Function of one row.
        xs: Array (rows, ...), or a nest of them.

    Example:
        >>> print(map(lambda x: x**2, jnp.arange(4)))
        [0 1 4 9]
    """
    return lax.map(f, _arrays(xs))


@operation("core")
def vectorized_map(function: Callable[[Any], Any], elements: Tensor) -> Any:
    """Results of a function for each row, all at once, stacked.

    Args:
        function: Function of one row; of a nest of rows where elements is a nest.
        elements: Array (rows, ...), or a nest of them.

    Example:
        >>> print(vectorized_map(jnp.sum, jnp.ones((3, 2))))
        [2. 2. 2.]
    """
    return jax.vmap(function)(_arrays(elements))


def _arrays(tree: Any) -> Any:
    """A nest with arrays for its numbers and variables."""
    return jax.tree.map(as_array, tree)
