"""`Variable`, and `bind`: the one mechanism between objects that hold state and functions that are pure.

A variable owns an array. Inside `with bind(variables, values):` the same variables stand for other values, traced ones
as a rule: what a layer reads is the bound value, what it assigns is kept in the binding, and the variable's own
array is untouched. Training, evaluation, prediction and export all go through it:

    def step(values, x):                       # a pure function, to be jitted and differentiated
        with bind(variables, values):
            y = layer(x)                       # may read and assign variables
            return y, [v.value for v in variables]

Bindings belong to a thread, so any number of threads can trace one model at a time.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core import dtypes, naming


class Binding:
    """The values that variables stand for in one thread, by identity; `key` seeds the random draws of this call."""

    def __init__(self, parent: Binding | None, key: jax.Array | None = None) -> None:
        self.values: dict[int, Any] = dict(parent.values) if parent else {}
        self.assigned: dict[int, Variable] = {}
        self.key: jax.Array | None = key if key is not None or parent is None else parent.key
        self.draws: dict[int, int] = parent.draws if parent is not None and key is None else {}


class _Local(threading.local):
    def __init__(self) -> None:
        self.binding: Binding | None = None
        self.compute_dtype: str | None = None
        self.on_creation: Callable[[Variable], None] | None = None
        self.promised: Promised | None = None


_local = _Local()


@contextmanager
def bind(
    variables: Sequence[Variable], values: Sequence[Any], *, key: jax.Array | None = None, drop: bool = False
) -> Iterator[Binding]:
    """Let `variables` stand for `values` inside the context, in this thread.

    Args:
        variables: Variables to bind. Read their new values inside the context, after the work.
        values: One array (or tracer) for each.
        key: Key from which dropout and other random layers derive their draws inside the context.
        drop: Whether what is assigned to variables that are not bound may be lost, as in a prediction.

    Raises:
        RuntimeError: the context assigned a traced value to a variable that is not bound, which would be lost.
    """
    outer = _local.binding
    binding = Binding(outer, key)
    binding.values.update(zip(map(id, variables), values, strict=True))
    _local.binding = binding
    try:
        yield binding
    finally:
        _local.binding = outer
    lost = [v for i, v in binding.assigned.items() if i not in {id(v) for v in variables}]
    if lost and not drop:
        raise RuntimeError(
            f"Variable {lost[0].path!r} was assigned inside a compiled call, but the model does not track it, so the "
            "value would be lost. Keep the variable (or the layer that owns it) as an attribute of the layer or model."
        )


def current_binding() -> Binding | None:
    """Return the binding that is open in this thread, if any."""
    return _local.binding


@contextmanager
def autocast(dtype: str | None) -> Iterator[None]:
    """Inside the context, float variables are read as `dtype` (None: as they are stored)."""
    outer = _local.compute_dtype
    _local.compute_dtype = dtype
    try:
        yield
    finally:
        _local.compute_dtype = outer


@contextmanager
def watch_creation(callback: Callable[[Variable], None]) -> Iterator[None]:
    """Inside the context, call `callback` with each variable that this thread makes."""
    outer, _local.on_creation = _local.on_creation, callback
    try:
        yield
    finally:
        _local.on_creation = outer


class Promised:
    """Variables that have a shape and no value yet, and the bytes that they may take together."""

    def __init__(self, budget: int) -> None:
        self.budget, self.bytes = budget, 0
        self.variables: list[Variable] = []

    def add(self, variable: Variable, shape: tuple[int, ...], dtype: str) -> jax.ShapeDtypeStruct:
        """Return what stands in the place of the value; raises a MemoryError past the budget."""
        self.bytes += math.prod(shape) * jnp.dtype(dtype).itemsize
        if self.bytes > self.budget:
            raise MemoryError(
                f"Variable {variable.path!r} of shape {shape}: with it the variables take {self.bytes} bytes, "
                f"{self.budget} are expected at most."
            )
        self.variables.append(variable)
        return jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(dtype))

    def keep(self) -> None:
        """Give the variables that no one assigned their initial values."""
        for variable in self.variables:
            variable.fulfil()


@contextmanager
def promising(budget: int) -> Iterator[Promised]:
    """Inside the context, new variables have shapes only: a model is built and compared with a file before it takes
    memory. Afterwards assign the variables, and `keep` the promise for those that are left.

    Args:
        budget: Bytes that the variables may take together.
    """
    outer, _local.promised = _local.promised, Promised(budget)
    try:
        yield _local.promised
    finally:
        _local.promised = outer


class Variable:
    """An array with a name that layers, optimizers and metrics can assign.

    Args:
        initializer: Initial value (array, number, list) or a callable `(shape, dtype) -> array`.
        shape: Shape, needed for a callable initializer only.
        dtype: Storage dtype; None keeps an array's own, or is the default float type.
        trainable: Whether training updates it. Default True.
        autocast: Whether mixed precision may read it in the compute dtype. Default True.
        name: Last part of its path; None gives "variable", "variable_1", …

    Raises:
        ValueError: a callable without a shape, or an assigned value of another shape.

    Differs from Keras: `aggregation` and `synchronization` do not exist; sharding says it all in JAX.

    Example:
        >>> v = Variable([1.0, 2.0], name="v")
        >>> v.assign_add([1.0, 1.0])
        >>> print(v * 2)
        [4. 6.]
    """

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        name: str | None = None,
    ) -> None:
        self.name = name or naming.unique_name("variable")
        scope = naming.current_path()
        self.path = f"{scope}/{self.name}" if scope else self.name
        self.trainable = bool(trainable)
        self.autocast = autocast
        self.is_kernel = False  # whether it is nothing but the right side of matrix products, (inputs, outputs)
        self.regularizer: Callable[..., Any] | None = None
        self.constraint: Callable[..., Any] | None = None
        if callable(initializer):
            if shape is None:
                raise ValueError(f"Variable {self.path!r}: shape is needed with a callable initializer; received None.")
            self._start(partial(initializer, tuple(shape), dtype=dtypes.standardize_dtype(dtype)))
        else:
            if dtype is None and not hasattr(initializer, "dtype"):
                dtype = dtypes.floatx() if np.asarray(initializer).dtype.kind == "f" else None
            self._value: jax.Array = _as_device_array(initializer, dtype and dtypes.standardize_dtype(dtype))
        if _local.on_creation is not None:
            _local.on_creation(self)

    def _start(self, make: partial[Any]) -> None:
        """Take the initial value, or a promise of it."""
        if _local.promised is None:
            with jax.ensure_compile_time_eval():  # a layer may be built while its first call is being traced
                self._value = _as_device_array(make(), make.keywords["dtype"])
        else:
            promise: Any = _local.promised.add(self, make.args[0], make.keywords["dtype"])
            self._value, self._make = promise, make

    def fulfil(self) -> None:
        """Take the initial value that was promised, unless another one was assigned."""
        if isinstance(self._value, jax.ShapeDtypeStruct):
            with jax.ensure_compile_time_eval():
                self._value = _as_device_array(self._make(), self._value.dtype)

    @property
    def value(self) -> jax.Array:
        """The array it holds, or stands for inside `bind`; in the compute dtype inside a mixed-precision layer."""
        binding = _local.binding
        value = self._value if binding is None else binding.values.get(id(self), self._value)
        if isinstance(value, jax.ShapeDtypeStruct):
            value = self._stand_in()
        dtype = _local.compute_dtype
        if dtype is not None and self.autocast and value.dtype != dtype and dtypes.is_float(value.dtype):
            return value.astype(dtype)
        return value

    def assign(self, value: Any) -> None:
        """Set the value; the shape must be the same, the dtype is kept."""
        value = getattr(value, "value", value) if isinstance(value, Variable) else value
        if np.shape(value) != self.shape:
            raise ValueError(
                f"Variable {self.path!r}: expected a value of shape {self.shape}, received shape {np.shape(value)}."
            )
        binding = _local.binding
        if binding is None:
            if isinstance(value, jax.core.Tracer):
                raise RuntimeError(
                    f"Variable {self.path!r} was assigned a traced value outside of a binding, so the value would leak "
                    "out of a JAX transformation. Use lamina's fit/predict, or bind() and return the value."
                )
            self._value = _as_device_array(value, self._value.dtype)
        else:
            binding.values[id(self)] = jnp.asarray(value, self._value.dtype)
            binding.assigned[id(self)] = self

    def assign_add(self, value: Any) -> None:
        """Add to the value."""
        self.assign(self._stored() + _plain(value))

    def assign_sub(self, value: Any) -> None:
        """Subtract from the value."""
        self.assign(self._stored() - _plain(value))

    def _stored(self) -> jax.Array:
        binding = _local.binding
        return self._value if binding is None else binding.values.get(id(self), self._value)

    def _stand_in(self) -> jax.Array:
        """What is read in the place of a promised value: zeros where shapes are traced, else the value itself."""
        if _local.binding is None:
            self.fulfil()
            return self._value
        return jnp.zeros(self._value.shape, self._value.dtype)

    def numpy(self) -> np.ndarray:
        """Return a copy as a NumPy array."""
        return np.array(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what it holds, or stands for inside `bind`."""
        return self._stored().shape

    @property
    def dtype(self) -> str:
        """Name of the storage dtype."""
        return self._value.dtype.name

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._value.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._value.size

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value, dtype)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"

    def __getitem__(self, index: Any) -> jax.Array:
        return self.value[index]

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[jax.Array]:
        return iter(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)


def values_of(variables: Sequence[Variable]) -> list[jax.Array]:
    """The arrays that variables own, outside of any binding."""
    return [v._value for v in variables]


def is_traced(tree: Any) -> bool:
    """Whether a nest holds values of a computation that is being traced."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def _plain(value: Any) -> Any:
    if isinstance(value, Variable):
        return value.value
    return np.asarray(value) if isinstance(value, (list, tuple)) else value


def _as_device_array(value: Any, dtype: Any) -> jax.Array:
    """Move a value to the device without compiling anything (an eager `jnp` cast would)."""
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, jax.Array):
        return value if dtype is None or value.dtype == dtype else value.astype(dtype)
    value = np.asarray(value)
    dtype = jax.dtypes.canonicalize_dtype(value.dtype if dtype is None else dtype)
    return jax.device_put(np.array(value, dtype))


def _forward_operators() -> None:
    def binary(name: str) -> Callable[[Variable, Any], Any]:
        def operator(self: Variable, other: Any) -> Any:
            return getattr(self.value, name)(_plain(other))

        return operator

    def unary(name: str) -> Callable[[Variable], Any]:
        return lambda self: getattr(self.value, name)()

    for name in (
        *("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__rtruediv__"),
        *("__floordiv__", "__rfloordiv__", "__mod__", "__rmod__", "__pow__", "__rpow__", "__matmul__", "__rmatmul__"),
        *("__lt__", "__le__", "__gt__", "__ge__", "__and__", "__or__", "__xor__"),
    ):
        setattr(Variable, name, binary(name))
    for name in ("__neg__", "__pos__", "__abs__", "__invert__"):
        setattr(Variable, name, unary(name))


_forward_operators()

# jnp functions are jitted, and jit takes pytrees: a variable flattens to its value and arrives inside as a plain array.
jax.tree_util.register_pytree_node(Variable, lambda v: ((v.value,), None), lambda _, children: children[0])
