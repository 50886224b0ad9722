"""Other JAX libraries as layers: a pure function, a Flax module, an Equinox module inside a model, trained with it.

| layer | wraps | its weights |
|---|---|---|
| `JaxLayer` | a function `call_fn(params, inputs)` | the leaves of `params` and `state` |
| `FlaxLayer` | a module of `flax.linen` or `flax.nnx` | "params" or `nnx.Param`; the rest is not trained |
| `EquinoxLayer` | an `equinox.Module` | the float arrays in it; an `eqx.nn.State` is not trained |

The other way round, `Layer.functional()` gives a layer or model as a pure function. Read `_pure.py` first: each array
of a tree becomes a `Variable`, and a call hands the tree of their values to the function.

Flax and Equinox are imported when a layer of theirs is made, not before.
"""

from lamina.layers.interop.equinox_layer import EquinoxLayer
from lamina.layers.interop.flax_layer import FlaxLayer
from lamina.layers.interop.jax_layer import JaxLayer

__all__ = ["JaxLayer", "FlaxLayer", "EquinoxLayer"]
