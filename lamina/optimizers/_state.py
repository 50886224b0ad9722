"""`OptimizerState`: what an optimizer keeps, in Keras' order and under Keras' names, and how it goes in and out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina import initializers
from lamina.core import naming
from lamina.core.config import Configurable
from lamina.core.dtypes import floatx
from lamina.core.variable import Variable, current_binding


class OptimizerState(Configurable):
    """The variables of an optimizer, its own and a slot or more for each variable that it trains."""

    name: str
    built: bool
    elementwise = False  # whether a step changes each element by itself, so that a kernel may come transposed
    _revision = 0

    def __init__(self) -> None:
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._indices: dict[Variable, int] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if "_variables" not in self.__dict__ and name != "_variables":
            raise RuntimeError(
                f"{type(self).__name__}: {name!r} was set before the optimizer was initialised. "
                "Make super().__init__(learning_rate, ...) the first statement of __init__."
            )
        if isinstance(value, Variable):
            self._track(value)
        elif name != "learning_rate" and current_binding() is None:
            self.__dict__["_revision"] = self._revision + 1
        object.__setattr__(self, name, value)

    def _track(self, variable: Variable) -> None:
        if not any(variable is known for known in self._variables):
            self._variables.append(variable)

    @property
    def variables(self) -> list[Variable]:
        """Its variables, in Keras' order: iteration, learning_rate (unless that is a function), slots."""
        return list(self._variables)

    @property
    def revision(self) -> int:
        """Grows when a setting changes that compiled steps have in them, so that they must be compiled again."""
        return self._revision

    def add_variable(
        self, shape: Sequence[int], initializer: Any = "zeros", dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Make a variable that belongs to the optimizer; `initializer` is a name, an initializer or a number."""
        if isinstance(initializer, (str, dict)):
            initializer = initializers.get(initializer)
        elif not callable(initializer):
            initializer = np.full(shape, initializer)
        with naming.name_scope(self.name):
            variable = Variable(initializer, shape, dtype or floatx(), trainable=False, name=name)
        self._track(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str = "var", initializer: Any = "zeros"
    ) -> Variable:
        """Make a slot: a variable of a model variable's shape and dtype, named after it."""
        name = f"{reference_variable.path.replace('/', '_')}_{name}"
        slot = self.add_variable(reference_variable.shape, initializer, reference_variable.dtype, name)
        slot.is_kernel = reference_variable.is_kernel
        return slot

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: str | Sequence[str], initializer: Any = "zeros"
    ) -> Any:
        """Make a slot for each variable and return them as a list; for a list of names, a tuple of lists."""
        if isinstance(name, str):
            return [self.add_variable_from_reference(v, name, initializer) for v in trainable_variables]
        start = initializer if isinstance(initializer, (list, tuple)) else [initializer] * len(name)
        slots = [
            [self.add_variable_from_reference(v, n, s) for n, s in zip(name, start, strict=True)]
            for v in trainable_variables  # Keras' order: all slots of one variable, then those of the next
        ]
        return tuple([of_one[i] for of_one in slots] for i in range(len(name)))

    def _get_variable_index(self, variable: Variable) -> int:
        return self._indices[variable]

    def assign(self, variable: Variable, value: Any) -> None:
        """Set a variable, as Keras' optimizers spell it."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable."""
        variable.assign_sub(value)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all variables, in the order of `variables`; nothing changes when one does not fit."""
        variables = self.variables
        if len(weights) != len(variables):
            built = "" if self.built else " The optimizer is not built: call build(trainable_variables) first."
            raise ValueError(
                f"{self.name}: set_weights: expected {len(variables)} arrays, received {len(weights)}.{built}"
            )
        for variable, weight in zip(variables, weights, strict=True):
            if np.shape(weight) != variable.shape:
                raise ValueError(
                    f"{self.name}: set_weights: expected shape {variable.shape} for {variable.path!r}, received "
                    f"{np.shape(weight)}."
                )
        for variable, weight in zip(variables, weights, strict=True):
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Write the variables into a dict or HDF5 group, under "0", "1", …"""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote; a store of another length is left out, with a warning."""
        if len(store) != len(self.variables):
            warnings.warn(
                f"{self.name}: its state was not loaded: the file has {len(store)} variables, the optimizer "
                f"{len(self.variables)}. It was saved by an optimizer with other settings, or for another model.",
                stacklevel=2,
            )
            return
        self.set_weights([np.asarray(store[str(i)]) for i in range(len(store))])
