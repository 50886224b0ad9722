"""`JaxLayer`: a pure function of parameters and inputs as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from lamina.core.config import deserialize, serialize
from lamina.core.errors import LaminaError
from lamina.layers.base import family
from lamina.layers.interop._pure import PureLayer, parameters_of

_CALL_ARGUMENTS = ("params", "state", "rng", "inputs", "training")
_INIT_ARGUMENTS = ("rng", "inputs", "training")


@family.add
class JaxLayer(PureLayer):
    """A pure function as a layer: y = call_fn(params, inputs), where `params` are trained.

    Args:
        call_fn: Function that returns the outputs, or (outputs, new state) if it takes `state`. By the names of its
            parameters it is given `params` and `state` (trees as `init_fn` makes them), `inputs` (an array or a nest
            of them), `training` (bool) and `rng` (a JAX key in training, else None). It must take `inputs`; other
            parameters need defaults.
        init_fn: Function that returns the first params, or (params, state), when the layer meets its first inputs. It
            is given `rng` (a JAX key), `inputs` (ones of the inputs' shape and dtype, one sample) and `training`
            (True), whichever it takes.
        params, state: The first trees, in place of `init_fn`: trained arrays, say. Float arrays are stored in the
            layer's dtype; strings, functions and the like in them are settings and stay as they are.
        seed: Whole number that fixes `rng`; None draws one.
    Input: what call_fn takes; free axes are those of the data.   Output: what it returns.

    Weights: one variable for each array, named by its place: "jax_layer/dense/0/kernel", "jax_layer/state/mean".
    Those of `params` are trained, if they are floats; what call_fn returns as state is assigned at every call.

    Raises:
        ValueError: a function without `inputs`, with parameters that nobody can fill, or neither `init_fn` nor trees.
        LaminaError: a new state of another structure; `get_config` of functions without a name.

    Differs from Keras: further parameters with defaults are fine; whole numbers among the parameters are kept, but not
    trained; `init_fn` sees the dtype of the inputs; `native_serialization_platforms` is TensorFlow's and not taken.

    Example:
        >>> import jax.numpy as jnp
        >>> def affine(params, inputs):
        ...     return inputs @ params["w"] + params["b"]
        >>> layer = JaxLayer(affine, params={"w": jnp.ones((2, 1)), "b": jnp.zeros(1)})
        >>> layer(jnp.ones((3, 2))).tolist(), [v.path for v in layer.trainable_weights]
        ([[2.0], [2.0], [2.0]], ['jax_layer/b', 'jax_layer/w'])
    """

    _keras_only = {**PureLayer._keras_only, "native_serialization_platforms": None}

    def __init__(
        self,
        call_fn: Callable[..., Any],
        init_fn: Callable[..., Any] | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.call_fn, self.init_fn = call_fn, init_fn
        self._taken = self._arguments_of("call_fn", call_fn, _CALL_ARGUMENTS)
        if "inputs" not in self._taken:
            raise ValueError(
                f"JaxLayer {self.name!r}: call_fn: expected a parameter named inputs, received a function of "
                f"{list(parameters_of(call_fn))}. Wrap it: lambda params, inputs: f(inputs, params)."
            )
        self._init_taken = [] if init_fn is None else self._arguments_of("init_fn", init_fn, _INIT_ARGUMENTS)
        has_trees = params is not None or state is not None
        if not has_trees and init_fn is None and {"params", "state"} & set(self._taken):
            raise ValueError(
                f"JaxLayer {self.name!r}: call_fn takes {self._taken}, but nothing makes its params and state: pass "
                "init_fn, a function (rng, inputs) that returns them, or params=... and state=... themselves."
            )
        if has_trees:
            self._make_variables(params, state)
            self._mark_built(None)

    def _arguments_of(self, argument: str, function: Any, known: tuple[str, ...]) -> list[str]:
        if not callable(function):
            raise TypeError(
                f"JaxLayer {self.name!r}: {argument}: expected a function, received {function!r:.80} of type "
                f"{type(function).__name__}."
            )
        parameters = parameters_of(function)
        unknown = [n for n, p in parameters.items() if n not in known and p.default is inspect.Parameter.empty]
        if unknown:
            raise ValueError(
                f"JaxLayer {self.name!r}: {argument}: nobody fills the parameter {unknown[0]!r}; the layer gives "
                f"{list(known)}. Give it a default, or fill it with functools.partial."
            )
        return [name for name in parameters if name in known]

    def build(self, input_shape: Any) -> None:
        """Call `init_fn` unless the trees are there, or call_fn needs none."""
        if {"params", "state"} & set(self._taken):
            super().build(input_shape)

    def _initial(self, inputs: Any) -> tuple[Any, Any]:
        made = _call(
            self.init_fn,
            self._init_taken,
            {"rng": self._get_init_rng, "inputs": lambda: inputs, "training": lambda: True},
        )
        return self._pair("init_fn", made, "(params, state)") if "state" in self._taken else (made, None)

    def _run(self, params: Any, state: Any, inputs: Any, training: bool) -> tuple[Any, Any]:
        given = {
            "params": lambda: params,
            "state": lambda: state,
            "rng": lambda: self._get_call_rng(training),
            "inputs": lambda: inputs,
            "training": lambda: training,
        }
        result = _call(self.call_fn, self._taken, given)
        return self._pair("call_fn", result, "(outputs, state)") if "state" in self._taken else (result, state)

    def _pair(self, argument: str, result: Any, expected: str) -> tuple[Any, Any]:
        if not isinstance(result, tuple) or len(result) != 2:
            raise LaminaError(
                f"JaxLayer {self.path!r}: {argument}: call_fn takes state, so expected {expected}, received "
                f"{type(result).__name__}."
            )
        return result

    def _get_init_rng(self) -> Any:
        return self._get_init_seed()

    def _get_call_rng(self, training: bool) -> Any:
        return self._get_call_seed() if training else None

    def get_config(self) -> dict[str, Any]:
        """Return the functions by their names; to load them, register them or pass `custom_objects`."""
        config = super().get_config()
        if self.init_fn is None and (self.params is not None or self.state is not None):
            raise LaminaError(
                f"JaxLayer {self.name!r} has no init_fn, so a config could not say how its weights are made. Give it "
                "one beside params, or build the model by its code and load the weights."
            )
        for argument, function in {"call_fn": self.call_fn, "init_fn": self.init_fn}.items():
            config[argument] = serialize(function)
            if function is not None and getattr(function, "__name__", "<lambda>") == "<lambda>":
                raise LaminaError(
                    f"JaxLayer {self.name!r}: {argument} has no name that a config could hold: {function!r:.80}. "
                    "Define it with `def`, and register it with @lamina.saving.register_serializable()."
                )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Build a layer from `get_config`'s dict; functions are found by name, never made from code."""
        functions = {key: deserialize(config[key]) for key in ("call_fn", "init_fn") if config.get(key) is not None}
        return super().from_config({**config, **functions})


def _call(function: Any, names: list[str], given: dict[str, Callable[[], Any]]) -> Any:
    """Call a function with those of the arguments that it takes, by place where it can."""
    bound = inspect.BoundArguments(inspect.signature(function), {name: given[name]() for name in names})
    return function(*bound.args, **bound.kwargs)
