"""`Optimizer`: what all optimizers share. Each of them adds its slots (`build`) and its formula (`update_step`).

One `apply` goes: unscale -> accumulate -> clip -> decay the weights -> `update_step` of each variable -> moving average
-> constraints -> count. All state is in `Variable`s, so the same code runs eagerly and, inside `bind`, in a compiled
loop; parts that are switched off leave nothing in the compiled program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

import jax
import jax.numpy as jnp

from lamina.core import naming
from lamina.core.config import Family, serialize
from lamina.core.variable import Variable, bind
from lamina.optimizers import _control
from lamina.optimizers._checks import check_common_arguments, check_gradients, refuse_unknown
from lamina.optimizers._rate import Rate, as_rate, current_rate
from lamina.optimizers._state import OptimizerState
from lamina.optimizers.schedules.scaled import scaled
from lamina.optimizers.schedules.schedule import LearningRateSchedule


class CommonArguments(TypedDict, total=False):
    """The keyword arguments that every optimizer takes, weight decay aside; `Optimizer` explains them."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class OptimizerArguments(CommonArguments, total=False):
    """The keyword arguments of optimizers that do not name weight decay themselves."""

    weight_decay: float | None


class Optimizer(OptimizerState):
    """Base of all optimizers: changes variables against their gradients, one step a call.

    To write your own, override `build` (make slots), `update_step` (the formula) and, where the constructor's arguments
    are not stored under their own names, `get_config`.

    Args:
        learning_rate: Size of a step, number >= 0; or a `LearningRateSchedule` or other function of the step; or a
            function without arguments, called when a step is compiled.
        weight_decay: Fraction w that each step takes off the weights, >= 0: x <- x - x * w * learning_rate, before the
            update (Loshchilov & Hutter 2019). None: no decay.
        clipnorm: Largest Euclidean norm of each gradient, > 0. None: no clipping. At most one of the three clips.
        clipvalue: Largest absolute value of the elements of a gradient, > 0.
        global_clipnorm: Largest Euclidean norm of all gradients together, > 0.
        use_ema: Whether to keep an exponential moving average of the weights, which replaces them when training ends.
        ema_momentum: Weight of the old average in the new one, in [0, 1].
        ema_overwrite_frequency: Steps after which the average replaces the weights, int >= 1. None: only at the end.
        loss_scale_factor: What `scale_loss` multiplies the loss by and `apply` divides the gradients by, > 0.
        gradient_accumulation_steps: Calls of `apply` whose mean gradient makes one update, int >= 2. None: each does.
        name: Name, and first part of its variables' paths; None gives the class name with a number.

    Raises:
        ValueError: a learning rate or another number that is negative, NaN, infinite or text; two kinds of clipping.

    Differs from Keras: `learning_rate` may be a whole number, or a function that takes the step, as Optax schedules do;
    gradients of another number or shape than the variables are refused, where Keras broadcasts or drops them.

    Example:
        >>> from lamina.optimizers import SGD
        >>> x = Variable(jnp.array([1.0, 2.0]), name="x")
        >>> SGD(learning_rate=0.5).apply([jnp.ones(2)], [x])
        >>> print(x.value)
        [0.5 1.5]
    """

    rate_multiplier: Variable

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__()
        refuse_unknown(unknown, self.config_parameters(), type(self).__name__)
        self.weight_decay, self.loss_scale_factor = weight_decay, loss_scale_factor
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.gradient_accumulation_steps = gradient_accumulation_steps
        check_common_arguments(vars(self), type(self).__name__)
        rate = as_rate(learning_rate, type(self).__name__)
        self.name = name or naming.unique_name(naming.to_snake_case(type(self).__name__))
        self.built = False
        # What callbacks multiply a schedule by. Not one of `variables`, which are Keras': steps read it only.
        vars(self)["rate_multiplier"] = Variable(1.0, trainable=False, name="rate_multiplier")
        self._not_decayed: set[Variable] = set()
        self._not_decayed_names: list[str] = []
        self._iterations = self.add_variable((), dtype="int32", name="iteration")
        self._learning_rate = rate if callable(rate) else self.add_variable((), rate, name="learning_rate")

    @property
    def iterations(self) -> Any:
        """Updates so far, int32 scalar: calls of `apply` over `gradient_accumulation_steps`."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The variable that holds the learning rate, or what its schedule gives for the step now.

        Set it to a number (which never compiles anything again), a schedule or another function. A schedule, or
        function, times the variable `rate_multiplier` is what steps use: `rate_multiplier.assign(0.1)` compiles nothing
        either. A new schedule starts with the multiplier 1.
        """
        return self._learning_rate if isinstance(self._learning_rate, Variable) else self._current_rate()

    @learning_rate.setter
    def learning_rate(self, value: Rate) -> None:
        rate, previous = as_rate(value, type(self).__name__), self._learning_rate
        if callable(rate):
            self._variables = [v for v in self._variables if v is not previous]
            self._learning_rate = rate
            self.rate_multiplier.assign(1.0)
        elif isinstance(previous, Variable):
            previous.assign(rate)
        else:
            raise TypeError(
                f"{self.name}: learning_rate follows {previous!r} and cannot be set to the number {value!r}. Multiply "
                "it with optimizer.rate_multiplier.assign(0.1), set it to another schedule, or make the optimizer with "
                "a number if the learning rate is to be set later."
            )

    def _current_rate(self) -> Any:
        rate = current_rate(self._learning_rate, self._iterations)
        return rate if isinstance(self._learning_rate, Variable) else rate * self.rate_multiplier.value

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the slots of the variables that will be trained. `apply` calls it when it is given the variables."""
        if self.built:
            return
        self._trainable_variables = list(variables)
        self._indices = {variable: i for i, variable in enumerate(variables)}
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulators = self.add_optimizer_variables(variables, "gradient_accumulator")
        self.built = True

    def extend(self, variables: Sequence[Variable]) -> None:
        """Make slots for variables that joined since `build`, those of a thawed layer, say; the others keep theirs."""
        if self.built and all(variable in self._indices for variable in variables):
            return
        before = {v.path: v for v in self._variables if v is not self._iterations and v is not self._learning_rate}
        gone = [v for v in self._trainable_variables if v not in set(variables)]
        self._variables = [v for v in self._variables if v.path not in before]
        self.built = False
        self.build([*variables, *gone])
        for variable in self._variables:
            if variable.path in before and before[variable.path].shape == variable.shape:
                variable.assign(before[variable.path])

    def _step_number(self, variable: Variable) -> jax.Array:
        """t = 1, 2, …, the number of the update that is being made: a float scalar of 32 bits, or the variable's 64."""
        return jnp.asarray(self.iterations + 1, "float64" if variable.dtype == "float64" else "float32")

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """Change `variable` and its slots by one step: the optimizer's formula."""
        raise NotImplementedError(
            f"{type(self).__name__}: override update_step(self, gradient, variable, learning_rate), which assigns the "
            "new values."
        )

    def update_steps(self, gradients: Sequence[jax.Array], variables: Sequence[Variable], learning_rate: Any) -> None:
        """`update_step` of each variable. Override it for what all variables share, to compute that once."""
        for gradient, variable in zip(gradients, variables, strict=True):
            rate = _control.cast(learning_rate, variable.dtype)
            self.update_step(_control.cast(gradient, variable.dtype), variable, rate)

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Variable] | None = None) -> None:
        """Make one step.

        Args:
            grads: A gradient for each variable; None leaves its variable as it is, with a warning.
            trainable_variables: The variables; None stands for those of `build`.

        Raises:
            ValueError: gradients of another number or shape, all None, or variables that `build` was not given.
        """
        gradients = list(grads)
        if not gradients:
            return
        gradients, variables = self._pair(gradients, trainable_variables)
        if self.loss_scale_factor is not None:
            gradients = [g / self.loss_scale_factor for g in gradients]
        if self.gradient_accumulation_steps:
            self._accumulate(gradients, variables)
        else:
            self._update(gradients, variables)
        if self.use_ema:
            self._update_averages()
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))
        self._iterations.assign_add(1)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """`apply` for (gradient, variable) pairs; returns the iteration."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[jax.Array], list[jax.Array]]:
        """`apply` as a pure function of arrays: returns the new trainable values and the new optimizer values."""
        if not self.built:
            raise ValueError(f"{self.name}: stateless_apply needs its slots: call build(trainable_variables) first.")
        own = self.variables
        with bind([*self._trainable_variables, *own], [*trainable_variables, *optimizer_variables]):
            self.apply(grads)
            return [v.value for v in self._trainable_variables], [v.value for v in own]

    def _variables_to_train(self, trainable_variables: Iterable[Variable] | None) -> list[Variable]:
        if trainable_variables is None and not self.built:
            raise ValueError(f"{self.name}: apply: expected the variables, or a call of build(variables) before.")
        return self._trainable_variables if trainable_variables is None else list(trainable_variables)

    def _pair(
        self, gradients: list[Any], trainable_variables: Iterable[Variable] | None
    ) -> tuple[list[Any], list[Variable]]:
        """Return the gradients that exist and their variables, after all checks."""
        variables = self._variables_to_train(trainable_variables)
        if len(gradients) != len(variables):
            raise ValueError(f"{self.name}: apply: received {len(gradients)} gradients for {len(variables)} variables.")
        if not self.built:
            self.build(variables)
        check_gradients(gradients, variables, self._indices, f"{self.name}: apply")
        pairs = [
            (g if isinstance(g, jax.Array) else jnp.asarray(g), v)
            for g, v in zip(gradients, variables, strict=True)
            if g is not None
        ]
        return [g for g, _ in pairs], [v for _, v in pairs]

    def _accumulate(self, gradients: list[Any], variables: list[Variable]) -> None:
        steps = self.gradient_accumulation_steps or 1
        totals = [self._accumulators[self._get_variable_index(v)] for v in variables]
        for total, gradient in zip(totals, gradients, strict=True):
            total.assign_add(gradient)

        def update() -> None:
            self._update([total.value / steps for total in totals], variables)
            for total in totals:
                total.assign(jnp.zeros_like(total.value))

        _control.run_if((self._iterations.value + 1) % steps == 0, update, [*variables, *self.variables])

    def _update(self, gradients: list[Any], variables: list[Variable]) -> None:
        rate = self._current_rate()
        gradients = self._clip(gradients)
        for variable in variables:
            decay = self._weight_decay_of(variable)
            if decay is not None:
                x = variable.value
                variable.assign(x - x * decay * _control.cast(rate, x.dtype))
        self.update_steps(gradients, variables, rate)

    def _clip(self, gradients: list[Any]) -> list[Any]:
        if self.clipnorm:
            return [_control.clip_by_norm(g, self.clipnorm) for g in gradients]
        if self.global_clipnorm:
            return _control.clip_by_global_norm(gradients, self.global_clipnorm)
        if self.clipvalue:
            return [jnp.clip(g, -self.clipvalue, self.clipvalue) for g in gradients]
        return gradients

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave variables out of the weight decay: those of a list, and those whose name a pattern is found in.

        Args:
            var_list: Variables.
            var_names: Regular expressions, searched in the variable's name (not its path), such as "bias".
        """
        self._not_decayed = set(var_list or [])
        self._not_decayed_names = list(var_names or [])

    def _weight_decay_of(self, variable: Variable) -> float | None:
        excluded = variable in self._not_decayed
        excluded = excluded or any(re.search(pattern, variable.name) for pattern in self._not_decayed_names)
        return None if excluded else self.weight_decay

    def _update_averages(self) -> None:
        """a <- m * a + (1 - m) * x for every variable; a <- x on the first step."""
        step = jnp.asarray(self.iterations)
        m = jnp.where(step != 0, self.ema_momentum, 0.0)
        for variable, average in zip(self._trainable_variables, self._averages, strict=True):
            average.assign(m * average.value + (1 - m) * variable.value)
            if self.ema_overwrite_frequency:
                now = (step + 1) % self.ema_overwrite_frequency == 0
                variable.assign(jnp.where(now, average.value, variable.value))

    def averages_of(self, variables: Sequence[Variable]) -> list[Variable]:
        """The moving averages of variables that it trains, with `use_ema`, once it is built."""
        return [self._averages[self._get_variable_index(variable)] for variable in variables]

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Put the moving average into the variables, with `use_ema`; `fit` calls it at its end."""
        if self.use_ema and self.built and int(self._iterations) > 0:
            for variable, average in zip(var_list, self.averages_of(var_list), strict=True):
                variable.assign(average)

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss whose gradients `apply` expects: multiplied by `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data; the learning rate as it is now."""
        names = (name for name in self.config_parameters() if name != "learning_rate" and hasattr(self, name))
        config = {name: serialize(getattr(self, name)) for name in names}
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            rate = scaled(rate, float(self.rate_multiplier))
        return {**config, "learning_rate": float(rate) if isinstance(rate, Variable) else serialize(rate)}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


optimizers = Family("optimizer", "keras.optimizers", Optimizer)
