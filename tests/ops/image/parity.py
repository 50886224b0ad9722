"""Comparison of operations on images with those of `keras.ops.image` in the same process."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.symbolic import KerasTensor
from lamina.ops import image
from tests.ops.parity import close, keras

FIRST = {"data_format": "channels_first"}


def pictures(*shape: int, dtype: Any = "float32", seed: int = 0) -> np.ndarray:
    """Random images: floats from 0 to 1, bytes, or other whole numbers of both signs."""
    rng, dtype = np.random.default_rng([seed, *shape]), jnp.dtype(dtype)
    if dtype.kind in "iu":
        return rng.integers(max(np.iinfo(dtype).min, -1000), min(np.iinfo(dtype).max, 1000) + 1, shape).astype(dtype)
    return rng.random(shape).astype(dtype)


def check(name: str, *tensors: Any, tolerance: float = 2e-6, dtype: Any = None, **settings: Any) -> None:
    """The same numbers of the same dtype as Keras; symbolic tensors with a free batch axis give what arrays give."""
    ours = getattr(image, name)(*tensors, **settings)
    # Compiled as a whole: one by one, the many small operations of Keras take longer to compile.
    theirs = jax.jit(functools.partial(getattr(keras.ops.image, name), **settings))(*tensors)
    assert ours.shape == theirs.shape
    assert ours.dtype == (dtype or theirs.dtype)
    close(ours, theirs, tolerance)
    check_symbolic(name, ours, *tensors, **settings)


def check_symbolic(name: str, result: jax.Array, *tensors: Any, **settings: Any) -> None:
    """A symbolic call gives the shape and dtype of a result."""
    free = np.ndim(tensors[0]) == (5 if name.endswith("3d") or np.size(settings.get("size", ())) == 3 else 4)
    batch = np.shape(tensors[0])[0] if free else None
    spread = lambda shape: (None, *shape[1:]) if free and shape and shape[0] == batch else shape  # noqa: E731
    symbolic = [KerasTensor(spread(np.shape(t)), np.asarray(t).dtype.name) for t in tensors]
    found = getattr(image, name)(*symbolic, **settings)
    assert (found.shape, found.dtype) == (spread(result.shape), result.dtype)


def check_gradients(name: str, *tensors: Any, tolerance: float = 1e-5, part: Any = (), **settings: Any) -> None:
    """The same gradients, of a random combination of the results, as Keras'; for a part of the last tensor."""

    def gradients(function: Any) -> Any:
        def total(tensors: Any) -> Any:
            result = function(*tensors, **settings)
            return jnp.sum(result * np.random.default_rng(7).standard_normal(result.shape).astype(np.float32))

        return jax.jit(jax.grad(total))([jnp.asarray(t) for t in tensors])

    *ours, our_last = gradients(getattr(image, name))
    *theirs, their_last = gradients(getattr(keras.ops.image, name))
    for one, other in zip([*ours, our_last[part]], [*theirs, their_last[part]], strict=True):
        close(one, other, tolerance)
