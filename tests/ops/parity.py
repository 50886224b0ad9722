"""Comparison of operations with Keras' in the same process: values, dtypes, gradients, symbolic shapes, signatures."""

from __future__ import annotations

import inspect
import os
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")


class Case(NamedTuple):
    """One call of an operation.

    Attributes:
        name: Name in `keras.ops`.
        tensors: Arguments that are arrays, by name; a tuple or list holds several.
        settings: The other arguments.
        free: Names of the tensors whose first axis is free in a model; None is the first tensor.
        tolerance: Relative tolerance of the values.
    """

    name: str
    tensors: dict[str, Any]
    settings: dict[str, Any] = {}
    free: tuple[str, ...] | None = None
    tolerance: float = 2e-6

    def __str__(self) -> str:
        shapes = "-".join("x".join(map(str, np.shape(t))) for t in jax.tree.leaves(self.tensors))
        settings = ",".join(f"{k}={v}" for k, v in self.settings.items() if not callable(v) and np.size(v) < 5)
        return f"{self.name}-{shapes}-{settings}"


def case(name: str, tensors: dict[str, Any], free: Any = None, tolerance: float = 2e-6, **settings: Any) -> Case:
    return Case(name, tensors, settings, free, tolerance)


def normal(*shape: int, seed: int = 0, dtype: Any = "float32") -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(jnp.dtype(dtype))


def whole(*shape: int, high: int = 5, seed: int = 0, low: int = 0, dtype: Any = "int32") -> np.ndarray:
    return np.random.default_rng([seed, *shape]).integers(low, high, shape).astype(dtype)


def leaves(result: Any) -> list[Any]:
    """The arrays of a result; Keras' lists count as tuples."""
    return jax.tree.leaves(result)


def check_values(function: Any, one: Case, same_dtype: bool = True) -> None:
    """The same numbers in the same dtypes as Keras."""
    ours = leaves(function(**one.tensors, **one.settings))
    theirs = leaves(getattr(keras.ops, one.name)(**one.tensors, **one.settings))
    assert [np.shape(a) for a in ours] == [np.shape(b) for b in theirs]
    if same_dtype:
        assert [str(a.dtype) for a in ours] == [str(b.dtype) for b in theirs]
    for a, b in zip(ours, theirs, strict=True):
        close(a, b, one.tolerance)


def close(ours: Any, theirs: Any, tolerance: float) -> None:
    """Compare relative to the largest number of the array: sums of numbers of both signs lose digits."""
    half = getattr(theirs, "dtype", None) in (jnp.bfloat16, jnp.float16)
    ours, theirs = (np.asarray(x, np.complex128 if np.iscomplexobj(x) else np.float64) for x in (ours, theirs))
    finite = np.abs(theirs[np.isfinite(theirs)])
    scale = finite.max() if finite.size else 1.0
    tolerance = max(tolerance, 1e-2) if half else tolerance
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * scale)


def check_gradients(function: Any, one: Case, tolerance: float = 1e-5) -> None:
    """The same gradients of a random combination of the results, for each float argument."""
    named = {name: t for name, t in one.tensors.items() if np.asarray(t).dtype.kind == "f"}
    rest = {name: t for name, t in one.tensors.items() if name not in named}

    def gradients(f: Any) -> dict[str, Any]:
        def total(tensors: dict[str, Any]) -> Any:
            results = leaves(f(**tensors, **rest, **one.settings))
            rng = np.random.default_rng(7)
            return sum(jnp.sum(jnp.real(r) * rng.standard_normal(r.shape)) for r in results)

        return jax.jit(jax.grad(total))({name: jnp.asarray(t) for name, t in named.items()})

    ours, theirs = gradients(function), gradients(getattr(keras.ops, one.name))
    for name in named:
        close(ours[name], theirs[name], tolerance)


def symbolic(one: Case, tensor_class: Any) -> dict[str, Any]:
    """The tensors of a case as symbolic ones."""
    free = tuple(one.tensors)[:1] if one.free is None else one.free

    def convert(name: str, tensor: Any) -> Any:
        if isinstance(tensor, (tuple, list)):
            return tuple(convert(name, t) for t in tensor)
        shape = np.shape(tensor)
        shape = (None, *shape[1:]) if name in free and shape else shape
        return tensor_class(shape, str(np.asarray(tensor).dtype))

    return {name: convert(name, tensor) for name, tensor in one.tensors.items()}


def specs(results: Any, tensor_class: Any) -> list[tuple[Any, str]]:
    found = jax.tree.leaves(results, is_leaf=lambda leaf: isinstance(leaf, tensor_class))
    return [(tuple(t.shape), str(t.dtype)) for t in found]


def check_symbolic(function: Any, one: Case, same_dtype: bool = True) -> None:
    """Symbolic tensors give the shapes that Keras gives, and the dtypes that arrays give."""
    ours = specs(function(**symbolic(one, KerasTensor), **one.settings), KerasTensor)
    theirs = getattr(keras.ops, one.name)(**symbolic(one, keras.KerasTensor), **one.settings)
    assert [shape for shape, _ in ours] == [shape for shape, _ in specs(theirs, keras.KerasTensor)]
    results = leaves(function(**one.tensors, **one.settings))
    assert [dtype for _, dtype in ours] == [str(r.dtype) for r in results]
    if same_dtype:
        assert ours == specs(theirs, keras.KerasTensor)


def parameters(function: Any) -> list[tuple[str, Any]]:
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]


def names_of(module: str) -> set[str]:
    """Names in `keras.ops` whose functions come from one of Keras' modules."""
    origin = f"keras.src.ops.{module}"
    return {name for name in dir(keras.ops) if getattr(getattr(keras.ops, name), "__module__", "") == origin}
