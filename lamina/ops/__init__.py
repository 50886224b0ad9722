"""Keras' `keras.ops`: functions of arrays that work on symbolic tensors too, where their calls become nodes of a graph.

    from lamina import ops
    ops.mean(x, axis=1)          x: number, list, NumPy array, JAX array or Variable -> a JAX array
    ops.mean(tensor, axis=1)     tensor: symbolic, made by `Input` or a layer        -> a symbolic tensor

All of them are functions of `jax.numpy` and `jax.lax` with Keras' names and types, so `jax.jit`, `grad` and `vmap` take
them. Read `numpy/arithmetic.py` first, then `lamina/core/symbolic.py`, whose `operation` makes nodes of calls.
"""

from __future__ import annotations

from lamina.ops import control_flow, core, fourier, linalg, math, nn, numpy
from lamina.ops.control_flow import *  # noqa: F403
from lamina.ops.core import *  # noqa: F403
from lamina.ops.fourier import *  # noqa: F403
from lamina.ops.linalg import *  # noqa: F403
from lamina.ops.math import *  # noqa: F403
from lamina.ops.nn import *  # noqa: F403
from lamina.ops.numpy import *  # noqa: F403

__all__ = [
    *control_flow.__all__,
    *core.__all__,
    *fourier.__all__,
    *linalg.__all__,
    *math.__all__,
    *nn.__all__,
    *numpy.__all__,
]
