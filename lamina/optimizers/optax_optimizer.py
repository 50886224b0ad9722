"""Any Optax transformation as an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.variable import Variable
from lamina.optimizers._control import cast
from lamina.optimizers._rate import Rate, as_rate
from lamina.optimizers.optimizer import Optimizer, OptimizerArguments


def is_transformation(thing: Any) -> bool:
    """Whether `thing` has the two functions of an `optax.GradientTransformation`; Optax itself is not imported."""
    has_both = callable(getattr(thing, "init", None)) and callable(getattr(thing, "update", None))
    return has_both and not isinstance(thing, (type, Optimizer))


def _rate_inside(step: Any) -> float:
    """The learning rate of an optimizer whose transformation has its own."""
    return 1.0


class OptaxOptimizer(Optimizer):
    """Any `optax.GradientTransformation`; `compile(optimizer=optax.adam(1e-3))` makes one of itself.

    Without a learning rate, x <- x + update, for transformations such as `optax.adam(1e-3)` that have their own. With
    one, x <- x - learning_rate * update, for those that give a direction, such as `optax.scale_by_adam()`.

    The transformation sees the weights as a dict from path to array, so that masks can go by name. The leaves of its
    state become variables. A learning rate that `optax.inject_hyperparams` keeps there can be read and set.

    Args:
        transformation: Object with `init(params)` and `update(updates, state, params)`.
        learning_rate: Number >= 0, schedule or function of the step; None: the transformation has its own.
        arguments: `weight_decay` (with a learning rate only), `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`,
            `ema_momentum`, `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see
            `Optimizer`.

    Raises:
        TypeError: something that is no transformation, or one whose update needs more than gradients and weights.
        ValueError: a weight decay without a learning rate.

    Example:
        >>> import optax
        >>> x = Variable(jnp.array([1.0]), name="x")
        >>> OptaxOptimizer(optax.sgd(0.25)).apply([jnp.ones(1)], [x])
        >>> OptaxOptimizer(optax.identity(), learning_rate=0.25).apply([jnp.ones(1)], [x])
        >>> print(x.value)
        [0.5]
    """

    def __init__(
        self,
        transformation: Any,
        learning_rate: Rate | None = None,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        if not is_transformation(transformation):
            raise TypeError(
                "OptaxOptimizer: transformation: expected an object with init and update, such as optax.adam(1e-3), "
                f"received {transformation!r}."
            )
        super().__init__(_rate_inside if learning_rate is None else learning_rate, **arguments)
        if learning_rate is None and self.weight_decay is not None:
            raise ValueError(
                "OptaxOptimizer: weight_decay: needs the learning_rate argument. Or chain "
                "optax.add_decayed_weights into the transformation."
            )
        self.transformation = transformation
        self._has_own_rate = learning_rate is None
        self._injected_rate: Variable | None = None

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a variable for each leaf of the transformation's state."""
        if self.built:
            return
        super().build(variables)
        self._keys = _unique([v.path for v in variables])
        state = self.transformation.init({k: v.value for k, v in zip(self._keys, variables, strict=True)})
        leaves, self._structure = jax.tree_util.tree_flatten_with_path(state)
        self._is_key = [jax.dtypes.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key) for _, leaf in leaves]
        self._state: list[Variable] = []
        for (path, leaf), is_key in zip(leaves, self._is_key, strict=True):
            value = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
            name = jax.tree_util.keystr(path, simple=True, separator="_").replace("/", "_") or "state"
            slot = self.add_variable(value.shape, value, value.dtype, name)
            self._state.append(slot)
            if name.endswith("hyperparams_learning_rate"):
                self._injected_rate = slot

    @property
    def learning_rate(self) -> Any:
        """The learning rate, if it is not out of sight in the transformation."""
        if not self._has_own_rate:
            return super().learning_rate
        if self._injected_rate is None:
            raise AttributeError(
                f"{self.name}: the learning rate is inside the transformation. To read or set it, give OptaxOptimizer "
                "a learning_rate, or make the transformation with optax.inject_hyperparams (known once built)."
            )
        return self._injected_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if not self._has_own_rate:
            Optimizer.learning_rate.fset(self, value)  # type: ignore[attr-defined]
        elif callable(value):
            raise TypeError(f"{self.name}: learning_rate: expected a number, received {value!r}.")
        else:
            self.learning_rate.assign(as_rate(value, type(self).__name__))

    def update_steps(self, gradients: Sequence[jax.Array], variables: Sequence[Variable], learning_rate: Any) -> None:
        """One update of the transformation; a variable without a gradient counts with zeros."""
        given = dict(zip(variables, gradients, strict=True))
        named = dict(zip(self._keys, self._trainable_variables, strict=True))
        tree = {k: given[v] if v in given else jnp.zeros(v.shape, v.dtype) for k, v in named.items()}
        weights = {k: v.value for k, v in named.items()}
        updates, state = self._transform(tree, weights)
        for slot, leaf, is_key in zip(self._state, jax.tree.leaves(state), self._is_key, strict=True):
            slot.assign(jax.random.key_data(leaf) if is_key else leaf)
        for variable in variables:
            update = updates[self._keys[self._get_variable_index(variable)]]
            variable.assign_add(update if self._has_own_rate else -cast(learning_rate, variable.dtype) * update)

    def _transform(self, gradients: dict[str, jax.Array], weights: dict[str, jax.Array]) -> Any:
        leaves = [
            jax.random.wrap_key_data(slot.value) if is_key else slot.value
            for slot, is_key in zip(self._state, self._is_key, strict=True)
        ]
        state = jax.tree.unflatten(self._structure, leaves)
        try:
            return self.transformation.update(gradients, state, weights)
        except TypeError as error:
            if "keyword-only" not in str(error):
                raise
            raise TypeError(
                f"{self.name}: the transformation needs more than the gradients and the weights ({error}). Those that "
                "evaluate the loss themselves, such as line searches, do not work here."
            ) from error

    def get_config(self) -> dict[str, Any]:
        """Refuse: functions are no data."""
        raise TypeError(
            f"{self.name}: an Optax transformation is made of functions, which cannot go into a config or a file. Save "
            "the weights, and compile with the transformation again after loading."
        )


def _unique(names: list[str]) -> list[str]:
    """Return the names, with a number behind each that came before."""
    return [name if name not in names[:i] else f"{name}#{i}" for i, name in enumerate(names)]
