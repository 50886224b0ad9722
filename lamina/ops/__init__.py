"""Keras' `keras.ops`: functions of arrays that work on symbolic tensors too, where their calls become nodes of a graph.

    from lamina import ops
    ops.mean(x, axis=1)          x: number, list, NumPy array, JAX array or Variable -> a JAX array
    ops.mean(tensor, axis=1)     tensor: symbolic, made by `Input` or a layer        -> a symbolic tensor

All of them are functions of `jax.numpy` and `jax.lax` with Keras' names and types, so `jax.jit`, `grad` and `vmap` take
them. Read `numpy/arithmetic.py` first, then `lamina/core/symbolic.py`, whose `operation` makes nodes of calls.

The files are loaded when the first function is used: layers and losses need but a few of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.ops._names import __dir__ as __dir__
from lamina.ops._names import __getattr__ as __getattr__

if TYPE_CHECKING:
    from lamina.ops import image as image
    from lamina.ops.control_flow import *  # noqa: F403
    from lamina.ops.core import *  # noqa: F403
    from lamina.ops.fourier import *  # noqa: F403
    from lamina.ops.linalg import *  # noqa: F403
    from lamina.ops.math import *  # noqa: F403
    from lamina.ops.nn import *  # noqa: F403
    from lamina.ops.numpy import *  # noqa: F403
    from lamina.ops.tensorflow_names import *  # noqa: F403
