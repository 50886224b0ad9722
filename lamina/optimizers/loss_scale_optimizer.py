"""The optimizer around an optimizer that keeps float16 gradients from vanishing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax.numpy as jnp

from lamina.core.config import deserialize, serialize
from lamina.core.errors import check_positive_int
from lamina.core.variable import Variable
from lamina.optimizers._checks import check_number
from lamina.optimizers._control import run_if
from lamina.optimizers.optimizer import Optimizer, optimizers


@optimizers.add
class LossScaleOptimizer(Optimizer):
    """Scales the loss up before the gradients are computed, and the gradients down again, by a factor that adapts.

    Small float16 gradients round to zero; those of a loss times s do not. A step with gradients that are not all finite
    is left out and halves s; `dynamic_growth_steps` good steps in a row double it.

    Args:
        inner_optimizer: Optimizer that makes the steps; its own `loss_scale_factor` is set to None.
        initial_scale: s at the start, > 0. Default 32768.
        dynamic_growth_steps: Good steps after which s doubles, int >= 1. Default 2000.
        name: Name; None gives "loss_scale_optimizer", with a number.

    Raises:
        TypeError: an inner optimizer that is none. ValueError: a number outside its range.
    Source: Micikevicius et al. 2018, Mixed Precision Training.

    Differs from Keras: s stays between 1 (or `initial_scale`, if that is less) and 2^127, so that a long run of bad or
    good steps does not end in 0 or infinity, from which it could not come back.

    Example:
        >>> from lamina.optimizers import SGD
        >>> x, optimizer = Variable(jnp.array([1.0]), name="x"), LossScaleOptimizer(SGD(0.5), initial_scale=4.0)
        >>> optimizer.build([x])
        >>> optimizer.apply([optimizer.scale_loss(jnp.ones(1))])
        >>> optimizer.apply([jnp.array([jnp.inf])])
        >>> print(x.value, optimizer.dynamic_scale.value)
        [0.5] 2.0
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **arguments: Any,
    ) -> None:
        if not isinstance(inner_optimizer, Optimizer):
            raise TypeError(
                "LossScaleOptimizer: inner_optimizer: expected an optimizer such as Adam(), "
                f"received {inner_optimizer!r}."
            )
        if arguments:
            raise TypeError(f"LossScaleOptimizer: set {', '.join(arguments)} on the inner optimizer, not here.")
        super().__init__(learning_rate=0.0, name=name)
        check_number("initial_scale", initial_scale, "LossScaleOptimizer", above=True, largest=2.0**127)
        check_positive_int("dynamic_growth_steps", dynamic_growth_steps, "LossScaleOptimizer: ")
        self.inner_optimizer = inner_optimizer
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None
        vars(self)["rate_multiplier"] = inner_optimizer.rate_multiplier

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the counter of good steps and s, and the inner optimizer's slots."""
        if self.built:
            return
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable((), self.initial_scale, "float32", name="dynamic_scale")
        self.inner_optimizer.build(variables)
        super().build(variables)

    def extend(self, variables: Sequence[Variable]) -> None:
        """Make slots for variables that joined since `build`."""
        self.inner_optimizer.extend(variables)
        super().extend(variables)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then the inner optimizer's."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def iterations(self) -> Any:
        """Updates of the inner optimizer so far."""
        return self.inner_optimizer.iterations

    @property
    def revision(self) -> int:
        """Grows with every setting, of the inner optimizer too, that compiled steps have in them."""
        return self._revision + self.inner_optimizer.revision

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's learning rate."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times s."""
        return loss * (self.dynamic_scale.value if self.built else self.initial_scale)

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Variable] | None = None) -> None:
        """Make one step with the gradients of the scaled loss, if they are finite; adapt s."""
        gradients = list(grads)
        if not gradients:
            return
        variables = self._variables_to_train(trainable_variables)
        self.build(variables)
        scale, counter = self.dynamic_scale.value, self.step_counter.value
        finite = jnp.asarray([jnp.isfinite(g).all() for g in gradients if g is not None]).all()
        unscaled = [None if g is None else g / scale for g in gradients]
        assigned = [*variables, *self.inner_optimizer.variables]
        run_if(finite, lambda: self.inner_optimizer.apply(unscaled, variables), assigned)

        grow = counter == self.dynamic_growth_steps - 1
        larger = jnp.where(grow, jnp.minimum(scale * 2, 2.0**127), scale)
        smaller = jnp.maximum(scale * 0.5, min(1.0, self.initial_scale))
        self.dynamic_scale.assign(jnp.where(finite, larger, smaller))
        self.step_counter.assign(jnp.where(finite & ~grow, counter + 1, 0))

    def averages_of(self, variables: Sequence[Variable]) -> list[Variable]:
        """The inner optimizer's moving averages of variables."""
        return self.inner_optimizer.averages_of(variables)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Put the inner optimizer's moving average into the variables, if it keeps one."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the inner optimizer as its config."""
        names = ("name", "inner_optimizer", "initial_scale", "dynamic_growth_steps")
        return {name: serialize(getattr(self, name)) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LossScaleOptimizer:
        """Build it from `get_config`'s dict."""
        return cls(**{**config, "inner_optimizer": deserialize(config["inner_optimizer"])})


def with_loss_scale(optimizer: Optimizer) -> LossScaleOptimizer:
    """Return the optimizer inside a `LossScaleOptimizer`, unless it is one."""
    return optimizer if isinstance(optimizer, LossScaleOptimizer) else LossScaleOptimizer(optimizer)
