"""`FlaxLayer`: a module of Flax as a layer, of either of its interfaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from lamina.core.config import deserialize, serialize
from lamina.core.errors import LaminaError
from lamina.layers.base import family
from lamina.layers.interop._pure import PureLayer, import_for, parameters_of

_IN_TRAINING = {"training": True, "train": True, "is_training": True, "deterministic": False}  # modules' own flags


@family.add
class FlaxLayer(PureLayer):
    """A Flax module as a layer: its parameters are trained with the model, its other variables follow.

    Args:
        module: Object of a `flax.linen.Module`, or of a `flax.nnx.Module`, whose values it takes over.
        method: What to call: the name of a method, the bound method, or a function `(module, inputs)`; None is the
            module itself.
        variables: What `module.init` gave, for trained or other first values; None initialises the module when the
            layer meets its first inputs. For linen only.
        seed: Whole number that fixes the random draws; None draws one.
    Input: the first argument of the method, an array or a nest of them.   Output: what it returns.

    A parameter of the method named `training`, `train` or `is_training` is told whether the model is in training,
    `deterministic` the contrary; a module of `nnx` is switched by its own `train()` and `eval()`. In training, linen's
    `make_rng` has a key for any name.

    Weights: one variable for each array, named by its place in Flax: "flax_layer/params/Dense_0/kernel". Those of
    "params" (`nnx.Param`) are trained; "batch_stats" and the others are what the last call made of them.

    Raises:
        ImportError: Flax is not installed. TypeError: no module of Flax.

    Differs from Keras: `nnx`, other flags than `training`, and inputs of whole numbers are taken; what a module sows
    is dropped.

    Example:
        >>> import flax.linen as nn
        >>> import jax.numpy as jnp
        >>> layer = FlaxLayer(nn.Dense(3))
        >>> layer(jnp.ones((2, 4))).shape, [v.path for v in layer.trainable_weights]
        ((2, 3), ['flax_layer/params/bias', 'flax_layer/params/kernel'])
    """

    _state_path = ""  # the collections have names

    def __init__(
        self,
        module: Any,
        method: str | Callable[..., Any] | None = None,
        variables: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        import_for("FlaxLayer", "flax")
        from flax import linen, nnx

        if not isinstance(module, (linen.Module, nnx.Module)):
            made = f" Make an object of it: {module.__name__}(...)." if isinstance(module, type) else ""
            raise TypeError(
                f"FlaxLayer {self.name!r}: module: expected an object of a flax.linen.Module or flax.nnx.Module, "
                f"received {module!r:.80}.{made}"
            )
        bound = getattr(method, "__self__", None) is module
        self.module, self.method = module, method.__name__ if bound else method  # type: ignore[union-attr]
        self._is_nnx = isinstance(module, nnx.Module)
        interface: Any = _Nnx if self._is_nnx else _Linen
        self._interface = interface(module, self.method)
        if self._is_nnx and variables is not None:
            raise ValueError(f"FlaxLayer {self.name!r}: variables: a module of nnx has its own. Leave it out.")
        variables = self._interface.variables if self._is_nnx else variables
        if variables is not None:
            self._make_variables(*_params_and_state(variables))
            self._mark_built(None)

    def _initial(self, inputs: Any) -> tuple[Any, Any]:
        return _params_and_state(self._interface.init(self._get_init_rng(), inputs))

    def _run(self, params: Any, state: Any, inputs: Any, training: bool) -> tuple[Any, Any]:
        rngs = self._get_call_rng(training or self._is_nnx)  # a module of nnx knows when to draw
        return self._interface.apply(params, state, rngs, inputs, training)

    def _get_init_rng(self) -> Any:
        return {"params": self._get_init_seed(), "dropout": self._get_init_seed()}

    def _get_call_rng(self, training: bool) -> Any:
        # Flax takes the key of "params" for a name that it was given no key for.
        return {"dropout": self._get_call_seed(), "params": self._get_call_seed()} if training else {}

    def get_config(self) -> dict[str, Any]:
        """Return the module by its class and its own `get_config`; a class without one cannot go into a config."""
        kind = type(self.module).__name__
        if self._is_nnx:
            raise LaminaError(
                f"FlaxLayer {self.name!r}: its module, a {kind} of flax.nnx, cannot go into a config: code makes its "
                "weights. Build the model by its code and load the weights."
            )
        if not hasattr(self.module, "get_config"):
            raise LaminaError(
                f"FlaxLayer {self.name!r}: its module, a {kind}, cannot go into a config. Give {kind} a "
                "get_config(self) that returns its fields as a dict, and a classmethod from_config, and register it "
                "with @lamina.saving.register_serializable(); or build the model by its code and load the weights."
            )
        return {**super().get_config(), "module": serialize(self.module), "method": serialize(self.method)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Build a layer from `get_config`'s dict; the module's class is found by name."""
        return super().from_config({**config, **{key: deserialize(config.get(key)) for key in ("module", "method")}})


class _Linen:
    """A module of `flax.linen`: a description; its variables are a tree beside it."""

    def __init__(self, module: Any, method: Any) -> None:
        self.module, self.method = module, method
        self.flags = _flags(getattr(module, method) if isinstance(method, str) else method or module.__call__)

    def init(self, rngs: Any, inputs: Any) -> Any:
        init = jax.jit(lambda rngs, x: self.module.init(rngs, x, method=self.method, **self.flags))
        return init(rngs, inputs)

    def apply(self, params: Any, state: Any, rngs: Any, inputs: Any, training: bool) -> tuple[Any, Any]:
        flags = {name: value == training for name, value in self.flags.items()}
        variables, kept = {**params, **state}, list(state)
        return self.module.apply(variables, inputs, rngs=rngs, method=self.method, mutable=kept, **flags)


class _Nnx:
    """A module of `flax.nnx`: an object that holds its variables; a call works on a copy with other values."""

    def __init__(self, module: Any, method: Any) -> None:
        from flax import nnx

        self.method = method
        named = getattr(module, method) if isinstance(method, str) else method or module.__call__
        self.flags = _flags(named)
        self.graph, self.params, self.random, self.sown, self.rest = self._split(module)
        self.variables = {"params": nnx.to_pure_dict(self.params), "state": nnx.to_pure_dict(self.rest)}

    @staticmethod
    def _split(module: Any) -> Any:
        from flax import nnx

        return nnx.split(module, nnx.Param, nnx.RngState, nnx.Intermediate, ...)

    def apply(self, params: Any, state: Any, rngs: Any, inputs: Any, training: bool) -> tuple[Any, Any]:
        from flax import nnx

        module = nnx.merge(
            self.graph,
            _filled(self.params, params["params"]),
            _filled(self.random, self._draws(rngs)),
            self.sown,
            _filled(self.rest, state["state"]),
        )
        module.train() if training else module.eval()
        method = getattr(module, self.method) if isinstance(self.method, str) else module
        flags = {name: value == training for name, value in self.flags.items()}
        outputs = self.method(module, inputs, **flags) if callable(self.method) else method(inputs, **flags)
        return outputs, {"state": nnx.to_pure_dict(self._split(module)[-1])}

    def _draws(self, rngs: Any) -> list[Any]:
        """The module's random state, its keys replaced by keys of this step."""
        leaves = jax.tree.leaves(self.random)
        is_key = [jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) for leaf in leaves]
        return [jax.random.fold_in(rngs["params"], i) if is_key[i] else leaf for i, leaf in enumerate(leaves)]


def _params_and_state(variables: Any) -> tuple[Any, Any]:
    """The trained collection of Flax's variables, and the others."""
    others = {name: collection for name, collection in variables.items() if name != "params"}
    return {"params": variables["params"]} if "params" in variables else {}, others


def _filled(nest: Any, values: Any) -> Any:
    return jax.tree.unflatten(jax.tree.structure(nest), jax.tree.leaves(values))


def _flags(method: Any) -> dict[str, bool]:
    """The flags that a method takes, with their values in training."""
    return {name: value for name, value in _IN_TRAINING.items() if name in parameters_of(method)}
