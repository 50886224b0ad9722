"""`Stateless`: a layer as a pure function of the values of its variables, for JAX's own transformations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import NotBuiltError, closest_match
from lamina.core.random import key_of
from lamina.core.variable import Variable, bind, current_binding, is_traced
from lamina.layers.context import call_context, local
from lamina.layers.owner import Owner


class Stateless(Owner):
    """The part of a layer that calls it without touching its state."""

    built: bool
    losses: Any
    _losses: list[jax.Array]
    __call__: Callable[..., Any]

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Call the layer with given values of its variables; its own stay as they are, so JAX may transform the call.

        Args:
            trainable_variables: One value for each of `trainable_variables`.
            non_trainable_variables: One value for each of `non_trainable_variables`.
            *args: As for a call.
            return_losses: Whether to return the losses that layers and regularizers add, too.
            **kwargs: As for a call.

        Returns:
            (outputs, new values of the non-trainable variables), and then the list of losses if asked for.

        Raises:
            NotBuiltError: no weights yet. ValueError: values of another number or shape.

        Differs from Keras: seeds are no variables. Where the call is traced, dropout draws by the values and inputs:
        new masks at every step of training, the same for the same arguments.

        Example:
            >>> from lamina.layers import Dense
            >>> layer = Dense(1)
            >>> layer.build((None, 2))
            >>> outputs, _ = jax.jit(layer.stateless_call)([jnp.ones((2, 1)), jnp.zeros(1)], [], jnp.ones((3, 2)))
            >>> outputs.tolist()
            [[2.0], [2.0], [2.0]]
        """
        trainable, others = self.trainable_variables, self.non_trainable_variables
        values = [
            *self._checked_values("stateless_call: trainable_variables", trainable, trainable_variables),
            *self._checked_values("stateless_call: non_trainable_variables", others, non_trainable_variables),
        ]
        key, outermost = _pure_key(None, (values, args, kwargs)), local.context is None
        with bind([*trainable, *others], values, key=key), call_context(bool(kwargs.get("training"))) as context:
            outputs = self(*args, **kwargs)
            if outermost:
                self._losses = context.losses  # for `stateless_compute_loss`
            result = outputs, [v.value for v in others]
            return (*result, self.losses) if return_losses else result

    def functional(self) -> tuple[Callable[..., Any], dict[str, jax.Array], dict[str, jax.Array]]:
        """Return the layer as a pure function with its state, to use with `jax.jit`, `grad` and `vmap` directly.

        Returns:
            (apply, params, state): `apply(params, state, *inputs, training=False, key=None)` gives (outputs, new
            state). `params` and `state` are the values of the trainable and the other variables by path; `key` seeds
            dropout, which without one draws by the values and inputs. `set_values` puts values back into the layer.

        Example:
            >>> from lamina.layers import Dense
            >>> layer = Dense(1, name="line")
            >>> layer.build((None, 2))
            >>> apply, params, state = layer.functional()
            >>> loss = lambda params, x: jnp.mean(apply(params, state, x)[0] ** 2)
            >>> {path: g.shape for path, g in jax.grad(loss)(params, jnp.ones((3, 2))).items()}
            {'line/bias': (1,), 'line/kernel': (2, 1)}
        """
        self._require_built()
        trainable, others = by_path(self.trainable_variables), by_path(self.non_trainable_variables)

        def apply(params: Any, state: Any, *inputs: Any, training: bool = False, key: Any = None, **kwargs: Any) -> Any:
            variables = [*trainable.values(), *others.values()]
            values = [
                *self._checked_values("params", list(trainable.values()), _in_order(trainable, params)),
                *self._checked_values("state", list(others.values()), _in_order(others, state)),
            ]
            key = _pure_key(key, (values, inputs, kwargs))
            with bind(variables, values, key=key), call_context(training):
                outputs = self(*inputs, training=training, **kwargs)
                return outputs, {path: v.value for path, v in others.items()}

        return apply, {p: v.value for p, v in trainable.items()}, {p: v.value for p, v in others.items()}

    def _require_built(self) -> None:
        if not self.built:
            raise NotBuiltError(
                f"Layer {self.name!r} has no weights yet: call it on data, or build(input_shape), first."
            )

    def _checked_values(self, where: str, variables: list[Variable], values: Sequence[Any]) -> list[jax.Array]:
        """The values as arrays, one of the right shape for each variable."""
        self._require_built()
        arrays = [jnp.asarray(value) for value in values]
        if [a.shape for a in arrays] != [v.shape for v in variables]:
            raise ValueError(
                f"Layer {self.name!r}: {where}: expected values for {[(v.path, v.shape) for v in variables]}, received "
                f"shapes {[a.shape for a in arrays]}."
            )
        return arrays

    def set_values(self, values: dict[str, Any]) -> None:
        """Set variables by path, as `functional` names them; nothing changes unless all of them fit."""
        variables = by_path(self.variables)
        unknown = next((path for path in values if path not in variables), None)
        if unknown is not None:
            raise ValueError(
                f"Layer {self.name!r}: set_values: no variable {unknown!r}.{closest_match(unknown, variables)} "
                f"Variables: {list(variables)}."
            )
        current = {path: v.value for path, v in variables.items()} | values
        self.set_weights(list(current.values()))


def by_path(variables: Iterable[Variable]) -> dict[str, Variable]:
    """Variables by path; one whose path is taken gets a number."""
    named: dict[str, Variable] = {}
    for variable in variables:
        path, number = variable.path, 0
        while path in named:
            number += 1
            path = f"{variable.path}_{number}"
        named[path] = variable
    return named


def _in_order(variables: dict[str, Variable], values: dict[str, Any]) -> list[Any]:
    """The values of a dict in the order of the variables; one that is missing has a name."""
    missing = next((path for path in variables if path not in values), None)
    if missing is not None:
        raise ValueError(f"functional: no value for the variable {missing!r}. Received values for {list(values)}.")
    return [values[path] for path in variables]


def _pure_key(key: Any, arguments: Any) -> Any:
    """The key of a pure call. Traced without one, random layers draw by a key that the arguments fix: what the layers
    count themselves would be a constant of the compiled function."""
    binding = current_binding()
    if key is not None or (binding is not None and binding.key is not None) or not is_traced(arguments):
        return key
    return key_of(arguments)
