"""`Metric`, the table of metrics, and what all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from lamina import initializers
from lamina.core import dtypes, naming
from lamina.core.config import Configurable, Family
from lamina.core.variable import Variable, bind


class Metric(Configurable):
    """Base of the metrics: state that batches are added to, and a result computed from it.

    A subclass makes its accumulators with `add_variable` in `__init__` (or in `build`, when their shape depends on the
    data) and defines `update_state` and `result`. The same object works eagerly and inside a compiled loop.

    Args:
        dtype: What is computed in, and the dtype of the result; None is the default float type. Accumulators have
            32 bits at least.
        name: Name in logs; None gives the class' name in snake case, numbered.

    Accuracy: accumulators are float32, as in Keras. Counts are exact up to 2**24 (about 16.8 million) entries; a mean
    over 10 million rows is off by about 4e-6 of its value in batches of 32, by 1e-2 one row at a time.

    Example:
        >>> import jax.numpy as jnp
        >>> class LargestError(Metric):
        ...     def __init__(self, name="largest_error", dtype=None):
        ...         super().__init__(dtype, name)
        ...         self.largest = self.add_variable(shape=(), name="largest")
        ...
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         error = jnp.max(jnp.abs(jnp.asarray(y_true) - jnp.asarray(y_pred)))
        ...         self.largest.assign(jnp.maximum(self.largest, error))
        ...
        ...     def result(self):
        ...         return self.largest.value
        >>> metric = LargestError()
        >>> metric.update_state([1.0, 2.0], [1.0, 4.0])
        >>> metric.update_state([1.0], [2.0])
        >>> print(metric.result())
        2.0
    """

    _direction: str | None = None  # "up" where more is better, "down" where less is; what callbacks call mode="auto"
    mixes_samples = False  # whether a sample changes the values of others, so that a batch cannot be padded and masked

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or naming.unique_name(naming.to_snake_case(type(self).__name__))
        self.dtype = dtypes.get_policy(dtype or dtypes.floatx()).compute_dtype
        self._variables: list[Variable] = []
        self.built = True

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Create an accumulator.

        Args:
            shape: Its shape. Default ().
            initializer: Name, `Initializer` or callable (shape, dtype). Default "zeros", which is also what
                `reset_state` sets, whatever stands here.
            dtype: Storage dtype; None is float32, or float64 for a float64 metric.
            name: Last part of its path; None gives "variable".

        Raises:
            RuntimeError: a subclass did not call `super().__init__()` first.
        """
        if not hasattr(self, "_variables"):
            raise RuntimeError(f"{type(self).__name__}: call super().__init__() before the first add_variable().")
        with naming.name_scope(self.name.replace("/", ">")):
            variable = Variable(
                initializers.get("zeros" if initializer is None else initializer),
                shape=tuple(shape),
                dtype=dtype or self.accumulator_dtype,
                trainable=False,
                autocast=False,
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Create an accumulator; another name of `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name)

    @property
    def accumulator_dtype(self) -> str:
        """Dtype of the accumulators: float32, or float64 for a float64 metric."""
        return "float64" if self.dtype == "float64" else "float32"

    @property
    def variables(self) -> list[Variable]:
        """The accumulators, in the order of their creation; then those of metrics kept as attributes or in lists."""
        nested = [v for metric in _found(Metric, vars(self)) for v in metric.variables]
        return list({id(v): v for v in [*_found(Variable, vars(self)), *nested]}.values())

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Create accumulators whose shape depends on the data; most metrics have none.

        `update_state` does it by itself when called eagerly; before a compiled loop it has to be called.
        """

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch: as a rule `update_state(y_true, y_pred, sample_weight=None)`."""
        raise NotImplementedError(
            f"{type(self).__name__} has no update_state. A metric defines update_state(self, y_true, y_pred, "
            "sample_weight=None), which assigns its variables, and result(self)."
        )

    def result(self) -> Any:
        """Return the value for all that was added since the last reset: an array, or a dict of them."""
        raise NotImplementedError(f"{type(self).__name__} has no result. Define result(self) to return its value.")

    def reset_state(self) -> None:
        """Set every accumulator to zero; compiles nothing."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, np.float32))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch and return the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[jax.Array]:
        """Return the accumulators' values after a batch, given those before; the metric itself stays as it is.

        Args:
            metric_variables: One value for each of `variables`.
            *args: As for `update_state`.
            **kwargs: Likewise.

        Raises:
            ValueError: another number of values.
        """
        variables = self._variables_for(metric_variables)
        with bind(variables, metric_variables):
            self.update_state(*args, **kwargs)
            return [v.value for v in variables]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """Return the result for given values of the accumulators."""
        with bind(self._variables_for(metric_variables), metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[np.ndarray]:
        """Return the accumulators' values after a reset."""
        return [np.zeros(v.shape, v.value.dtype) for v in self.variables]

    def _variables_for(self, values: Sequence[Any]) -> list[Variable]:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"{self.name}: metric_variables: expected {len(variables)} values, one for each of "
                f"{[v.name for v in variables]}, received {len(values)}."
            )
        return variables

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _found(kind: type, attributes: dict[str, Any]) -> list[Any]:
    groups = [v if isinstance(v, (list, tuple)) else [v] for v in attributes.values()]
    return [item for group in groups for item in group if isinstance(item, kind)]


family = Family("metric", "keras.metrics", Metric)
get = family.get
serialize = family.serialize
deserialize = family.deserialize
