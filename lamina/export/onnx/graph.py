"""`OnnxGraph`: an ONNX graph that grows node by node; `Value` is a tensor of it.

ONNX has the channels of images before the space, most models have them behind. So convolutions and pooling turn their
inputs, and turn their outputs back. `transpose` cancels turns that meet, `elementwise` and `concat` work before a turn
instead of after it: a stack of convolutions, activations and pooling has one turn at its entry and one at its exit.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from lamina.core.dtypes import is_float
from lamina.core.variable import Variable

Shape = tuple[int | None, ...]
Order = tuple[int, ...]
_SMALL = 64  # most elements of a constant without a name that is kept once for all its uses


class Value:
    """A tensor of the graph.

    Attributes:
        name: Its name, unique in the graph.
        shape: Its shape; None marks a free axis.
        dtype: Name of its dtype, as NumPy spells it: "float32", "int64", "bool", …
    """

    def __init__(self, name: str, shape: Sequence[int | None], dtype: str) -> None:
        self.name, self.dtype = name, dtype
        self.shape: tuple[Any, ...] = tuple(shape)

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<Value {self.name} shape={self.shape}, dtype={self.dtype}>"


class Node(NamedTuple):
    """One operation of the graph: the names of what goes in ("" is left out) and of what comes out."""

    operation: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


class OnnxGraph:
    """An ONNX graph under construction.

    Args:
        name: Name of the graph.

    Example:
        >>> graph = OnnxGraph()
        >>> x = graph.input("x", (None, 3), "float32")
        >>> graph.add("Relu", x)
        <Value Relu shape=(None, 3), dtype=float32>
    """

    def __init__(self, name: str = "model") -> None:
        self.name = name
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray] = {}
        self._known: dict[tuple[Any, ...], str] = {}  # constants without a name, by content
        self._names: set[str] = set()
        self._scopes: list[str] = []
        self._turned: dict[str, tuple[Value, Order]] = {}  # outputs of Transpose -> (its input, its order)

    # Names ------------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Inside the context, names of nodes start with `name/`."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    @property
    def path(self) -> str:
        """Names of the scopes now open, joined with slashes."""
        return "/".join(self._scopes)

    def unique(self, name: str) -> str:
        """Return a name that no tensor has yet."""
        free, number = name, 0
        while free in self._names:
            number += 1
            free = f"{name}_{number}"
        self._names.add(free)
        return free

    def _inside(self, name: str) -> str:
        return "/".join([*self._scopes, name])

    # Nodes ------------------------------------------------------------------------------------------------------------

    def input(self, name: str, shape: Sequence[int | None], dtype: str) -> Value:
        """Add an input of the graph."""
        value = Value(self.unique(name), shape, dtype)
        self.inputs.append(value)
        return value

    def constant(self, value: Any, dtype: str | None = None, name: str | None = None) -> Value:
        """Return a number, array or `Variable` as a tensor of the graph; floats become float32.

        Args:
            value: What it holds.
            dtype: Its dtype; None keeps that of the value.
            name: Its name inside of the layer; None takes the variable's, else numbers it.
        """
        if isinstance(value, Variable):
            name, value = name or value.name, value.value
        array = np.asarray(value)
        array = np.ascontiguousarray(array, dtype or in_file(array.dtype)).reshape(array.shape)
        if name is not None:
            place = self._inside(name)
            if not np.array_equal(self.constants.get(place, ()), array):  # the same where a layer is called twice
                place = self.unique(place)
        else:
            content = (array.dtype.name, array.shape, array.tobytes() if array.size <= _SMALL else id(value))
            place = self._known.get(content) or self._known.setdefault(content, self.unique(self._inside("constant")))
        self.constants[place] = array
        return Value(place, array.shape, array.dtype.name)

    def add(
        self,
        operation: str,
        *inputs: Any,
        shape: Sequence[int | None] | None = None,
        dtype: str | None = None,
        **attributes: Any,
    ) -> Value:
        """Add a node with one output, and return that.

        Args:
            operation: Name of the ONNX operation, e.g. "Relu".
            inputs: Values; arrays and numbers become constants (a number of the dtype of the first value), None leaves
                an input out.
            shape, dtype: Those of the output; None takes them from the first value.
            attributes: Attributes of the node; those that are None are left out.
        """
        return self.add_many(operation, *inputs, specs=[(shape, dtype)], **attributes)[0]

    def add_many(self, operation: str, *inputs: Any, specs: Sequence[Any], **attributes: Any) -> list[Value]:
        """Add a node with an output for each pair (shape, dtype) of `specs`, and return them."""
        first = next(x for x in inputs if isinstance(x, Value))
        names = ["" if x is None else self._as_value(x, first).name for x in inputs]
        outputs = [
            Value(
                self.unique(self._inside(operation)),
                first.shape if shape is None else shape,
                first.dtype if dtype is None else dtype,
            )
            for shape, dtype in specs
        ]
        given = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(Node(operation, names, [x.name for x in outputs], given))
        return outputs

    def _as_value(self, x: Any, like: Value) -> Value:
        if isinstance(x, Value):
            return x
        return self.constant(x, like.dtype if isinstance(x, (bool, int, float)) else None)

    # Common operations ------------------------------------------------------------------------------------------------

    def elementwise(self, operation: str, *inputs: Any, dtype: str | None = None, **attributes: Any) -> Value:
        """Add an operation that works element by element: shapes broadcast, constants get the first value's dtype."""
        first = next(x for x in inputs if isinstance(x, Value))
        order = self._common_order([x for x in inputs if isinstance(x, Value) and x.rank])
        if order and all(np.ndim(x) <= len(order) for x in inputs if not isinstance(x, Value)):
            before = [self._before(x, order) for x in inputs]
            return self.transpose(self.elementwise(operation, *before, dtype=dtype, **attributes), order)
        values = [x if x is None or isinstance(x, Value) else self.constant(x, first.dtype) for x in inputs]
        shape = broadcast(*(x.shape for x in values if x is not None))
        return self.add(operation, *values, shape=shape, dtype=dtype or first.dtype, **attributes)

    def _common_order(self, values: Sequence[Value]) -> Order:
        """The order in which all of the values were turned; () where there is none."""
        orders = {self._turned[x.name][1] if x.name in self._turned else () for x in values}
        return orders.pop() if len(orders) == 1 else ()

    def _before(self, x: Any, order: Order) -> Any:
        """What x was before it was turned."""
        if isinstance(x, Value):
            return self._turned[x.name][0] if x.rank else x
        if not np.ndim(x):
            return x
        array = np.asarray(x)
        return np.transpose(array.reshape((1,) * (len(order) - array.ndim) + array.shape), np.argsort(order))

    def cast(self, x: Value, dtype: str) -> Value:
        """Return x in another dtype."""
        return x if x.dtype == dtype else self.elementwise("Cast", x, dtype=dtype, to=onnx_type(dtype))

    def as_float(self, x: Value) -> Value:
        """Return x as float32."""
        return self.cast(x, "float32")

    def operand(self, x: Any, dtype: str) -> Any:
        """Return x as an input of `elementwise`: a value in this dtype, or an array of it."""
        return self.cast(x, dtype) if isinstance(x, Value) else np.asarray(plain(x), dtype)

    def value(self, x: Any, dtype: str) -> Value:
        """Return x, or a constant of it, as a value in this dtype."""
        return self.cast(x, dtype) if isinstance(x, Value) else self.constant(x, dtype)

    def where(self, condition: Value, x: Any, y: Any) -> Value:
        """Return x where the condition holds, else y; one of them may be a number or an array."""
        like = next(v for v in (x, y) if isinstance(v, Value))
        values = [v if isinstance(v, Value) else self.constant(v, like.dtype) for v in (x, y)]
        return self.elementwise("Where", condition, *values, dtype=like.dtype)

    def transpose(self, x: Value, order: Sequence[int]) -> Value:
        """Put the axes into another order: axis i of the result is axis order[i] of x."""
        order = tuple(axis % x.rank for axis in order)
        if x.name in self._turned:
            x, before = self._turned[x.name]
            order = tuple(before[axis] for axis in order)
        if order == tuple(range(x.rank)):
            return x
        turned = self.add("Transpose", x, shape=[x.shape[axis] for axis in order], perm=list(order))
        self._turned[turned.name] = (x, order)
        return turned

    def move_axis(self, x: Value, source: int, target: int) -> Value:
        """Move an axis to another place."""
        order = list(range(x.rank))
        order.insert(target % x.rank, order.pop(source % x.rank))
        return self.transpose(x, order)

    def reshape(self, x: Value, sizes: Sequence[int]) -> Value:
        """Give x another shape: a size of 0 is that of the same axis of x, one of -1 is what is left."""
        shape: list[Any] = [x.shape[i] if n == 0 else n for i, n in enumerate(sizes)]
        if -1 in shape:
            known = math.prod(n for n in shape if n not in (-1, None))
            rest = [n for i, n in enumerate(x.shape) if not (i < len(sizes) and sizes[i] == 0 and n is None)]
            shape[shape.index(-1)] = None if None in rest else math.prod(rest) // known
        return self.add("Reshape", x, np.array(sizes, np.int64), shape=shape)

    def reshape_like(self, x: Value, other: Value) -> Value:
        """Give x the shape of another value."""
        sizes = [-1 if n is None else n for n in other.shape]
        if sizes.count(-1) <= 1:
            return self.reshape(x, sizes)
        return self.add("Reshape", x, self.add("Shape", other, shape=(other.rank,), dtype="int64"), shape=other.shape)

    def expand_dims(self, x: Value, axes: Sequence[int]) -> Value:
        """Put in axes of size 1, at these places of the result."""
        places = sorted(axis % (x.rank + len(axes)) for axis in axes)
        shape: list[Any] = list(x.shape)
        for place in places:
            shape.insert(place, 1)
        return self.add("Unsqueeze", x, np.array(places, np.int64), shape=shape) if places else x

    def squeeze(self, x: Value, axes: Sequence[int]) -> Value:
        """Take out axes of size 1."""
        places = [axis % x.rank for axis in axes]
        shape = [n for i, n in enumerate(x.shape) if i not in places]
        return self.add("Squeeze", x, np.array(places, np.int64), shape=shape) if places else x

    def reduce(self, operation: str, x: Value, axes: Sequence[int], keepdims: bool = False) -> Value:
        """Add a reduction ("ReduceSum", "ReduceMean", …) over some axes; over none, x is returned."""
        places = sorted(axis % x.rank for axis in axes)
        if not places:
            return x
        if x.name in self._turned:
            source, order = self._turned[x.name]
            left = [axis for i, axis in enumerate(order) if keepdims or i not in places]
            reduced = self.reduce(operation, source, [order[i] for i in places], keepdims)
            return self.transpose(reduced, np.argsort(np.argsort(left)).tolist())
        shape = [1 if i in places else n for i, n in enumerate(x.shape) if keepdims or i not in places]
        return self.add(operation, x, np.array(places, np.int64), shape=shape, keepdims=int(keepdims))

    def slice(
        self,
        x: Value,
        starts: Sequence[int],
        ends: Sequence[int | None],
        axes: Sequence[int],
        steps: Sequence[int] | None = None,
    ) -> Value:
        """Cut a range out of some axes; negative numbers count from the end, an end of None is the end of the axis."""
        steps = steps or [1] * len(starts)
        shape = list(x.shape)
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            size = shape[axis]
            shape[axis] = None if size is None else len(range(*slice(start, end, step).indices(size)))
        limit = np.iinfo(np.int64)
        last = [(limit.max if s > 0 else limit.min) if e is None else e for e, s in zip(ends, steps, strict=True)]
        return self.add("Slice", x, *(np.array(part, np.int64) for part in (starts, last, axes, steps)), shape=shape)

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """Join values along an axis."""
        axis = axis % values[0].rank
        order = self._common_order(values)
        if order:
            return self.transpose(self.concat([self._before(x, order) for x in values], order[axis]), order)
        columns = list(zip(*(x.shape for x in values), strict=True))
        shape: list[Any] = [next((n for n in sizes if n is not None), None) for sizes in columns]
        shape[axis] = None if None in columns[axis] else sum(columns[axis])
        return self.add("Concat", *values, shape=shape, axis=axis)

    def matmul(self, a: Value, b: Any) -> Value:
        """Return the matrix product of the last two axes; the others broadcast."""
        b = b if isinstance(b, Value) else self.constant(b, a.dtype)
        return self.add("MatMul", a, b, shape=(*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))

    def gather(self, x: Value, indices: Any, axis: int) -> Value:
        """Take elements along an axis, by whole numbers >= 0."""
        indices = indices if isinstance(indices, Value) else self.constant(indices, "int64")
        axis = axis % x.rank
        return self.add("Gather", x, indices, shape=(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), axis=axis)


def broadcast(*shapes: Sequence[int | None]) -> Shape:
    """Return the shape that shapes broadcast to; a free axis beside one of size 1 is free, beside another that one.

    Example:
        >>> broadcast((None, 3), (4, 1, 3))
        (4, None, 3)
    """
    rank = max(map(len, shapes), default=0)
    raised = [(*(1,) * (rank - len(shape)), *shape) for shape in shapes]
    return tuple(
        next((n for n in sizes if n not in (1, None)), None if None in sizes else 1)
        for sizes in zip(*raised, strict=True)
    )


def plain(x: Any) -> Any:
    """Return the array of a variable, and anything else as it is."""
    return x.value if isinstance(x, Variable) else x


def in_file(dtype: Any) -> str:
    """Return the name of the dtype that stands in the file for one of the model: of all floats, float32.

    Example:
        >>> in_file("bfloat16"), in_file("int32")
        ('float32', 'int32')
    """
    return "float32" if is_float(dtype) else np.dtype(dtype).name


def onnx_type(dtype: str) -> int:
    """Return ONNX' number for a dtype."""
    from onnx.helper import np_dtype_to_tensor_dtype

    return int(np_dtype_to_tensor_dtype(np.dtype(dtype)))
