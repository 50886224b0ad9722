"""Symbolic tensors, and the nodes of the graph that calls on them record.

    x = Input((8,))                       KerasTensor, made by the node of an InputLayer
    y = Dense(4)(x)                       `record` adds a Node(Dense, args=(x,)) with the output y
    z = ops.mean(y, axis=1) * 2.0         functions of `lamina.ops` are nodes too: `operation` makes them so

`lamina.models.functional` walks the nodes back from a model's outputs and calls them again, in order, on arrays.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax

from lamina.core import dtypes, naming
from lamina.core.config import serialize
from lamina.core.errors import LaminaError, closest_match

F = TypeVar("F", bound=Callable[..., Any])
Tensor = Any  # annotation of the parameters of an operation that are arrays; the others are its settings

# What stands for free axes while shapes are inferred, tried in order until the call takes them. Other axes than a batch
# must stay apart when they are pooled (2 and 3, halved, are both 1), and not make loops over them long.
_FREE_BATCH = ((2, 3), (240, 480))
_FREE_AXES = ((24, 48), (240, 480), (2, 3))


class KerasTensor:
    """A tensor that has a shape and a dtype and no values: the input of a model, or what layers make of it.

    Args:
        shape: Shape with the batch axis; None marks a free axis.
        dtype: Name of the dtype.
        name: Name; None gives "keras_tensor", "keras_tensor_1", …
        node: The call that makes it; `index`: its place among the outputs of that call.

    Operators, indexing and the functions of `lamina.ops` record calls on it. Functions of `jax.numpy` need values: wrap
    them in a `Lambda` layer, or use `lamina.ops`.

    Example:
        >>> KerasTensor((None, 8), "float32", "x")
        <KerasTensor shape=(None, 8), dtype=float32, name=x>
    """

    def __init__(
        self,
        shape: tuple[int | None, ...],
        dtype: Any,
        name: str | None = None,
        node: Node | None = None,
        index: int = 0,
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = dtypes.standardize_dtype(dtype)
        self.name = name or naming.unique_name("keras_tensor")
        self.node, self.index = node, index

    @property
    def ndim(self) -> int:
        """Number of axes, the batch axis included."""
        return len(self.shape)

    @property
    def producer(self) -> Any:
        """The layer or operation that makes it."""
        return None if self.node is None else self.node.operation

    def reshape(self, *shape: Any) -> Any:
        """Return it in another shape, batch axis included."""
        given = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        return find_operation("reshape")(self, tuple(given))

    def squeeze(self, axis: int | None = None) -> Any:
        """Return it without its axes of size 1."""
        return find_operation("squeeze")(self, axis)

    __array_ufunc__ = None  # so that NumPy leaves `array + tensor` to `__radd__`

    def __round__(self, ndigits: int | None = None) -> Any:
        return find_operation("round")(self, ndigits or 0)

    def __jax_array__(self) -> Any:
        raise TypeError(
            f"{self!r} has no values: it stands for the data that fit and predict are given. Use the function of "
            "lamina.ops instead of jax.numpy's, or put the computation into a Lambda layer."
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{self!r} has no values: it stands for the data that fit and predict are given.")

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self!r} has no values, so `if`, `and` and `while` cannot look at it. Use lamina.ops.where, or a "
            "model class with a call method."
        )

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"{self!r} cannot be iterated over; take parts of it with x[:, i] or lamina.ops.unstack.")

    def __len__(self) -> int:
        raise TypeError(f"{self!r} has no length: its batch axis is free. Use x.shape.")

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


class Node:
    """One call on symbolic tensors.

    Attributes:
        operation: The layer or `Operation` that was called.
        args, kwargs: What it was called with: nests in which symbolic tensors stand for arrays.
        outputs: The nest of symbolic tensors that it gave.
        index: Number of this call among the calls of the same operation.
    """

    def __init__(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.inputs: list[KerasTensor] = symbolic_leaves((args, kwargs))
        self.outputs: Any = None
        self.index = len(operation._inbound_nodes)

    @property
    def output_tensors(self) -> list[KerasTensor]:
        """The outputs as a flat list."""
        return symbolic_leaves(self.outputs)

    def __repr__(self) -> str:
        return f"<Node {self.operation.name}[{self.index}]>"


def record(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], specs: Any, name: str | None = None) -> Any:
    """Add a call of an operation to the graph and return its symbolic outputs.

    Args:
        operation: A layer or `Operation`; its list `_inbound_nodes` gets the call.
        args, kwargs: What it was called with.
        specs: Nest of (shape, dtype) carriers, one for each output.
        name: Name of a single output; None numbers it.
    """
    node = Node(operation, args, kwargs)
    leaves, structure = jax.tree.flatten(specs)
    tensors = [KerasTensor(spec.shape, spec.dtype, name, node, i) for i, spec in enumerate(leaves)]
    node.outputs = jax.tree.unflatten(structure, tensors)
    operation._inbound_nodes.append(node)
    return node.outputs


def symbolic_leaves(tree: Any) -> list[KerasTensor]:
    """Return the symbolic tensors in a nest, in order."""
    return [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, KerasTensor)]


def any_symbolic(values: Any) -> bool:
    """Whether a nest of lists, tuples and dicts holds a symbolic tensor; quick for plain arrays."""
    for value in values:
        if isinstance(value, KerasTensor):
            return True
        if isinstance(value, dict):
            value = value.values()
        elif not isinstance(value, (list, tuple)):
            continue
        if any_symbolic(value):
            return True
    return False


class _Local(threading.local):
    def __init__(self) -> None:
        self.inferring = False


_local = _Local()


def inferring() -> bool:
    """Whether this thread is inferring shapes, so that warnings would not be seen."""
    return _local.inferring


class Spec:
    """Shape (None: free axis) and dtype of an output; a leaf of JAX's trees."""

    def __init__(self, shape: tuple[int | None, ...], dtype: str) -> None:
        self.shape, self.dtype = shape, dtype


def infer_specs(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the `Spec`s of what a function gives for symbolic tensors; it is traced, nothing is computed.

    It is traced twice, with two sizes in place of the free axes: where the results differ, an axis is free.
    """
    leaves, structure = jax.tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]

    def run(tensors: list[Any]) -> Any:
        values = list(leaves)
        for place, tensor in zip(places, tensors, strict=True):
            values[place] = tensor
        args, kwargs = jax.tree.unflatten(structure, values)
        return function(*args, **kwargs)

    def trace(free: int) -> Any:
        shapes = [tuple(free if n is None else n for n in leaves[i].shape) for i in places]
        inputs = [jax.ShapeDtypeStruct(s, leaves[i].dtype) for s, i in zip(shapes, places, strict=True)]
        outer, _local.inferring = _local.inferring, True
        try:
            with warnings.catch_warnings(action="ignore"):  # they come with the first data
                return jax.eval_shape(run, inputs)
        finally:
            _local.inferring = outer

    refused: Exception | None = None
    attempts = _FREE_AXES if any(None in leaves[i].shape[1:] for i in places) else _FREE_BATCH
    for sizes in attempts if any(None in leaves[i].shape for i in places) else attempts[:1]:
        try:
            return jax.tree.map(_common, *map(trace, sizes))
        except Exception as error:  # noqa: BLE001 - the first one is raised when no sizes do
            refused = refused or error
    raise refused  # type: ignore[misc]  # there is one: the loop ran


def _common(first: Any, second: Any) -> Spec:
    shape = tuple(m if m == n else None for m, n in zip(first.shape, second.shape, strict=True))
    return Spec(shape, first.dtype.name)


class Operation:
    """A function of `lamina.ops` with its settings, as it stands in a graph.

    Args:
        function: The function, as `operation` returns it.
        name: Name in the graph; None gives the function's own, numbered.
        settings: Keyword arguments that are no tensors.
    """

    def __init__(self, function: Any, name: str | None = None, settings: dict[str, Any] | None = None) -> None:
        self.function, self.settings = function, settings or {}
        self.name = name or naming.unique_name(function.__name__)
        self._inbound_nodes: list[Node] = []
        self.built = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function on arrays, or record the call on symbolic tensors."""
        if any_symbolic(args) or any_symbolic(kwargs.values()):
            try:
                specs = infer_specs(self._run, args, kwargs)
            except Exception as error:
                shapes = [tensor.shape for tensor in symbolic_leaves((args, kwargs))]
                error.add_note(f"Raised in lamina.ops.{self.function.__name__}, called on shapes {shapes}.")
                raise
            return record(self, args, kwargs, specs)
        return self._run(*args, **kwargs)

    def _run(self, *tensors: Any, **named: Any) -> Any:
        bound = self.bind(*tensors, **named)
        return self.function.__wrapped__(*bound.args, **bound.kwargs)

    def bind(self, *tensors: Any, **named: Any) -> inspect.BoundArguments:
        """The arguments of the function: tensors in order, wherever settings stand: `switch(i, branches, *xs)`."""
        signature = inspect.signature(self.function.__wrapped__)
        names = [name for name, p in signature.parameters.items() if "Tensor" in str(p.annotation)]
        arguments = {**self.settings, **dict(zip(names, tensors, strict=False)), **named}
        if names and signature.parameters[names[-1]].kind is inspect.Parameter.VAR_POSITIONAL:
            arguments[names[-1]] = tensors[len(names) - 1 :]
        return inspect.BoundArguments(signature, arguments)

    @property
    def class_name(self) -> str:
        """Name of Keras' class for it, as the summary shows it."""
        return str(self.function.keras_name)

    def serialize(self) -> dict[str, Any]:
        """Return its config as Keras writes one."""
        return {
            "module": f"keras.src.ops.{self.function.keras_module}",
            "class_name": self.class_name,
            "config": {"name": self.name, **serialize(self.settings)},
            "registered_name": self.class_name,
        }

    def __repr__(self) -> str:
        return f"<Operation {self.class_name} name={self.name}>"


_operations: dict[str, Any] = {}  # by function name, and by Keras' class name


def operation(module: str, keras_name: str | None = None) -> Callable[[F], F]:
    """Decorator: let a function of arrays take symbolic tensors too, on which its calls become nodes of the graph.

    Parameters annotated with `Tensor` (also `Tensor | None`, `Sequence[Tensor]`) may be symbolic; the others are
    settings. Called on arrays, the function runs as it is.

    Args:
        module: Last part of Keras' module for it, for configs: "numpy", "nn", "core", …
        keras_name: Name of Keras' class for it; None is the function's name in camel case.

    Example:
        >>> @operation("numpy")
        ... def double_example(x: Tensor):
        ...     return x * 2
        >>> double_example(3), double_example(KerasTensor((None, 2), "float32")).shape
        (6, (None, 2))
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not (any_symbolic(args) or any_symbolic(kwargs.values())):
                return function(*args, **kwargs)
            tensors, named, settings = _split(function, args, kwargs)
            return Operation(call, settings=settings)(*tensors, **named)

        camel = "".join(part.capitalize() for part in function.__name__.split("_"))
        call.keras_module, call.keras_name = module, keras_name or camel  # type: ignore[attr-defined]
        _operations[function.__name__] = _operations[keras_name or camel] = call
        return call  # type: ignore[return-value]

    return decorate


def find_operation(name: str) -> Any:
    """Return an operation by its function's name or by Keras' class name."""
    if name not in _operations:
        importlib.import_module("lamina.ops._names").load()  # which fills the table; only operators of tensors need it
    if name not in _operations:
        raise LaminaError(f"Unknown operation {name!r}.{closest_match(name, sorted(_operations))}")
    return _operations[name]


def _split(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    """The arguments of a call as tensors by position, tensors by name (those behind a setting), and settings."""
    signature = inspect.signature(function)
    tensors: list[Any] = []
    named: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    for place, (name, value) in enumerate(bound.arguments.items()):
        parameter = signature.parameters[name]
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            settings.update(value)
        elif "Tensor" not in str(parameter.annotation):
            if any_symbolic([value]):
                raise TypeError(
                    f"lamina.ops.{function.__name__}: {name} cannot be a symbolic tensor, received {value!r}."
                )
            settings[name] = value
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            tensors.extend(value)
        elif place == len(tensors):
            tensors.append(value)
        else:
            named[name] = value
    return tensors, named, settings


def _add_operators() -> None:
    def binary(name: str, reverse: bool = False) -> Callable[[KerasTensor, Any], Any]:
        if reverse:
            return lambda self, other: find_operation(name)(other, self)
        return lambda self, other: find_operation(name)(self, other)

    def unary(name: str) -> Callable[[KerasTensor], Any]:
        return lambda self: find_operation(name)(self)

    arithmetic = {
        "add": "add",
        "sub": "subtract",
        "mul": "multiply",
        "truediv": "true_divide",
        "floordiv": "floor_divide",
        "mod": "mod",
        "pow": "power",
        "matmul": "matmul",
        "and": "logical_and",
        "or": "logical_or",
        "xor": "logical_xor",
    }
    for operator, name in arithmetic.items():
        setattr(KerasTensor, f"__{operator}__", binary(name))
        setattr(KerasTensor, f"__r{operator}__", binary(name, reverse=True))
    comparisons = {"ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
    for operator, name in {**comparisons, "getitem": "get_item"}.items():
        setattr(KerasTensor, f"__{operator}__", binary(name))
    for operator, name in {"neg": "negative", "abs": "absolute", "invert": "logical_not"}.items():
        setattr(KerasTensor, f"__{operator}__", unary(name))


_add_operators()
