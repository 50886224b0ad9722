"""`PureLayer`: a layer whose formula is a pure function of (params, state, inputs). What the layers here share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.config import serialize
from lamina.core.errors import LaminaError
from lamina.core.random import SeedGenerator, next_seed
from lamina.core.variable import Variable
from lamina.layers.base import Layer
from lamina.layers.shapes import is_shape

_PLACES = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD


class PureLayer(Layer):
    """Base of the layers around a pure function: `params` and `state` are its trees, with variables for the arrays.

    A subclass defines `_run`, and `_initial` unless the trees are known at once (`_make_variables` in `__init__`).
    """

    _state_path = "state"  # what the paths of the variables of `state` start with

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self.params: Any = None
        self.state: Any = None
        self._input_dtypes: list[str] = []

    def _run(self, params: Any, state: Any, inputs: Any, training: bool) -> tuple[Any, Any]:
        """Return the outputs and the new state."""
        raise NotImplementedError

    def _initial(self, inputs: Any) -> tuple[Any, Any]:
        """Return the first params and state for inputs like these."""
        raise NotImplementedError

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return what the function makes of the inputs, and keep its new state."""
        outputs, state = self._run(_values(self.params), _values(self.state), inputs, training)
        self._assign_state(state)
        return outputs

    def build(self, input_shape: Any) -> None:
        """Make the weights that the function's own initialisation gives for inputs of this shape."""
        if self.params is not None or self.state is not None:
            return
        shapes, structure = jax.tree.flatten(input_shape, is_leaf=is_shape)
        dtypes = self._input_dtypes or [self.compute_dtype] * len(shapes)
        with jax.ensure_compile_time_eval():  # the first call of the model may be traced
            ones = [jnp.ones([n or 1 for n in s], dtype) for s, dtype in zip(shapes, dtypes, strict=True)]
            params, state = self._initial(jax.tree.unflatten(structure, ones))
        self._make_variables(params, state)

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._input_dtypes = [np.dtype(x.dtype).name for x in jax.tree.leaves(args[0])]
        super()._build_for(args, kwargs)

    def get_build_config(self) -> dict[str, Any] | None:
        """Return shapes and dtypes of the inputs: an embedding cannot be initialised with floats."""
        config = super().get_build_config()
        return None if config is None else {**config, "input_dtypes": self._input_dtypes}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Create the weights from `get_build_config`'s dict."""
        self._input_dtypes = list(config.get("input_dtypes", []))
        super().build_from_config({key: value for key, value in config.items() if key != "input_dtypes"})

    def _make_variables(self, params: Any, state: Any) -> None:
        """Keep both trees, with a variable in the place of each array."""
        self.params = self._with_variables(params, "", trainable=True)
        self.state = self._with_variables(state, self._state_path, trainable=False)

    def _with_variables(self, tree: Any, prefix: str, trainable: bool) -> Any:
        def make(place: Any, leaf: Any) -> Any:
            array = leaf if isinstance(leaf, (jax.Array, np.ndarray)) else np.asarray(leaf)
            key = jnp.issubdtype(array.dtype, jax.dtypes.prng_key)
            if key and not trainable:
                raise LaminaError(
                    f"{type(self).__name__} {self.name!r}: the state holds a random key at {_path(place)!r}. Take the "
                    "key as an argument, `rng` of call_fn: the layer draws one for each step of training."
                )
            if key or array.dtype.kind in "OUS":
                return leaf  # a setting of the function
            path = "/".join(part for part in (prefix, _path(place)) if part) or "params"
            is_float = jnp.issubdtype(array.dtype, jnp.floating)
            inexact = jnp.issubdtype(array.dtype, jnp.inexact)
            variable = self.add_weight(
                array.shape,
                initializer=lambda shape, dtype: array,
                dtype=self.variable_dtype if is_float else jax.dtypes.canonicalize_dtype(array.dtype),
                trainable=trainable and inexact,
                name=path.rpartition("/")[2],
            )
            variable.path = f"{self.path}/{path}"
            return variable

        return jax.tree_util.tree_map_with_path(make, tree)

    def _assign_state(self, state: Any) -> None:
        expected: Any
        received: Any
        expected, received = jax.tree.structure(self.state, is_leaf=_is_variable), jax.tree.structure(state)
        if expected != received:
            raise LaminaError(
                f"{type(self).__name__} {self.path!r}: the new state has another structure than the first one: "
                f"expected {expected}, received {received}."
            )
        variables = jax.tree.leaves(self.state, is_leaf=_is_variable)
        for variable, value in zip(variables, jax.tree.leaves(state), strict=True):
            if isinstance(variable, Variable):
                variable.assign(value)

    # Keras' hooks for other trees of keys than one

    def _get_init_seed(self) -> jax.Array:
        return jax.random.key(next_seed())

    def _get_call_seed(self) -> jax.Array:
        return self.seed_generator.next()

    def get_config(self) -> dict[str, Any]:
        """Return what every layer has; weights do not belong into a config."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": serialize(self.dtype_policy)}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize(self.activity_regularizer)
        return config if self.seed is None else {**config, "seed": self.seed}


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The named parameters of a function; empty where Python does not know them."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # functions written in C may have no signature
        return {}
    return {name: p for name, p in parameters.items() if p.kind not in _PLACES}


def import_for(layer: str, package: str) -> Any:
    """Import a package that only this layer needs, or say how to install it."""
    try:
        return __import__(package)
    except ImportError as error:
        raise ImportError(f"{layer} needs {package}. Install it: pip install {package}") from error


def _is_variable(value: Any) -> bool:
    return isinstance(value, Variable)


def _values(tree: Any) -> Any:
    return jax.tree.map(lambda v: v.value if isinstance(v, Variable) else v, tree, is_leaf=_is_variable)


def _path(place: Any) -> str:
    return jax.tree_util.keystr(place, simple=True, separator="/")
