"""`EquinoxLayer`: a module of Equinox as a layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.errors import LaminaError
from lamina.layers.base import family
from lamina.layers.interop._pure import PureLayer, import_for, parameters_of


@family.add
class EquinoxLayer(PureLayer):
    """An Equinox module as a layer: y[i] = module(x[i]) for each sample i, its float arrays trained with the model.

    Args:
        module: Callable `equinox.Module`, for one sample unless `axis_name` is None.
        state: The `eqx.nn.State` that `eqx.nn.make_with_state` gave beside the module; None for a module without
            state, or one that still has its first state in it.
        axis_name: Name of the batch axis inside the module, which `eqx.nn.BatchNorm` asks for. None: the module takes
            whole batches itself.
        seed: Whole number that fixes the random draws; None draws one.
    Input: (batch, ...), or a nest of such arrays.   Output: what the module returns, batch axis first.

    With a state, the module is called as `module(x, state)` and returns (outputs, state). A parameter named `key` gets
    a key of its own for each sample. The `inference` flags of all modules inside say whether the model is in training.

    Weights: one variable for each array, named by its place: "equinox_layer/layers/0/weight". Floats are trained;
    other arrays and the state ("equinox_layer/state/...") are not.

    Raises:
        ImportError: Equinox is not installed. TypeError: no module of Equinox.
        LaminaError: a stateful module without its state; `get_config`, since code makes the arrays of a module.

    Example:
        >>> import equinox as eqx
        >>> layer = EquinoxLayer(eqx.nn.Linear(4, 3, key=jax.random.key(0)))
        >>> layer(jnp.ones((2, 4))).shape, [v.path for v in layer.weights]
        ((2, 3), ['equinox_layer/weight', 'equinox_layer/bias'])
    """

    def __init__(
        self, module: Any, state: Any = None, axis_name: str | None = "batch", seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        eqx = import_for("EquinoxLayer", "equinox")
        if not isinstance(module, eqx.Module) or not callable(module):
            made = f" Make an object of it: {module.__name__}(...)." if isinstance(module, type) else ""
            raise TypeError(
                f"EquinoxLayer {self.name!r}: module: expected an object of an equinox.Module with a __call__, "
                f"received {module!r:.80}.{made}"
            )
        if state is None:
            module, state = self._with_state(module)
        self.axis_name = axis_name
        self._stateful = bool(jax.tree.leaves(state))
        self._takes_key = "key" in parameters_of(module.__call__)
        arrays, self._settings = eqx.partition(module, _is_array)
        self._make_variables(arrays, state)
        self._mark_built(None)

    def _with_state(self, module: Any) -> tuple[Any, Any]:
        """The module without the first state in it, and that state."""
        import equinox as eqx

        try:
            return eqx.nn.make_with_state(lambda: module)()
        except ValueError as error:
            raise LaminaError(
                f"EquinoxLayer {self.name!r}: the module has a state, which eqx.nn.make_with_state has split off. Pass "
                "it too: EquinoxLayer(module, state)."
            ) from error

    def _run(self, params: Any, state: Any, inputs: Any, training: bool) -> tuple[Any, Any]:
        import equinox as eqx

        module = eqx.nn.inference_mode(eqx.combine(params, self._settings), not training)

        def call(inputs: Any, state: Any, key: Any) -> tuple[Any, Any]:
            keys = {"key": key} if self._takes_key else {}
            return module(inputs, state, **keys) if self._stateful else (module(inputs, **keys), state)

        key = self._get_call_seed()
        if self.axis_name is None:
            return call(inputs, state, key)
        keys = jax.random.split(key, jax.tree.leaves(inputs)[0].shape[0])
        return jax.vmap(call, (0, None, 0), (0, None), axis_name=self.axis_name)(inputs, state, keys)

    def get_config(self) -> dict[str, Any]:
        """Refuse: the arrays of an Equinox module are made by code."""
        kind = type(self._settings).__name__
        raise LaminaError(
            f"EquinoxLayer {self.name!r}: its module, a {kind}, cannot go into a config: code makes its arrays. Build "
            "the model by its code and load the weights."
        )


def _is_array(value: Any) -> bool:
    """Whether a leaf of a module is data, in contrast to a setting or a random key."""
    return isinstance(value, (jax.Array, np.ndarray)) and not jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
