"""`Graph`: the calls between a model's inputs and outputs, in the order in which they run and are listed."""

from __future__ import annotations

from typing import Any

import jax

from lamina.core.errors import LaminaError
from lamina.core.symbolic import KerasTensor, Node, record, symbolic_leaves
from lamina.layers.core import Input, InputLayer


class Graph:
    """The nodes that lead from inputs to outputs.

    Args:
        inputs, outputs: Symbolic tensors. An input may be any tensor; what stands before it is cut off.
        name: Name of the model, for messages.

    Attributes:
        nodes: Calls in an order in which they can run; those of the inputs are among them.
        operations: Layers and operations, each once, as Keras lists them: the longest way from an output first, then in
            the order in which a walk back from the outputs meets them.

    Raises:
        LaminaError: an output that an Input outside of `inputs` leads to, a cycle, two layers of one name.
    """

    def __init__(self, inputs: list[KerasTensor], outputs: list[KerasTensor], name: str) -> None:
        self.inputs, self.outputs, self.name = inputs, outputs, name
        self.nodes: list[Node] = []
        self._met: list[Any] = []  # operations, as the walk meets them
        self._walk()
        self._ids = {id(node) for node in self.nodes}
        self.operations = self._by_depth()
        self._require_unique_names()

    def _walk(self) -> None:
        """Visit the nodes from the outputs back, depth first; a node is listed when all before it are."""
        given = {id(tensor) for tensor in self.inputs}
        done: set[int] = set()
        met: set[int] = set()
        under_way: list[Node] = []  # the path to the node that is visited
        todo: list[tuple[Node, bool]] = [(self._node_of(tensor), False) for tensor in reversed(self.outputs)]
        while todo:
            node, finished = todo.pop()
            if finished:
                under_way.pop()
                done.add(id(node))
                self.nodes.append(node)
                continue
            if id(node) in done:
                continue
            if any(node is other for other in under_way):
                loop = [n.operation.name for n in under_way[under_way.index(node) :]]
                raise LaminaError(
                    f"Model {self.name!r}: its graph has a cycle: {' -> '.join([*loop[::-1], loop[-1]])}."
                )
            if id(node.operation) not in met:
                met.add(id(node.operation))
                self._met.append(node.operation)
            under_way.append(node)
            todo.append((node, True))
            if any(id(tensor) in given for tensor in node.output_tensors):
                continue
            if not node.inputs:
                self._refuse_missing(node, under_way)
            todo.extend((self._node_of(tensor), False) for tensor in reversed(node.inputs))
        for tensor in self.inputs:  # one that leads to no output
            if id(tensor.node) not in done and tensor.node is not None:
                self.nodes.append(tensor.node)
                self._met.insert(0, tensor.node.operation)

    def _node_of(self, tensor: KerasTensor) -> Node:
        if tensor.node is None:
            raise LaminaError(f"Model {self.name!r}: {tensor!r} comes from no layer. Make inputs with Input(shape).")
        return tensor.node

    def _refuse_missing(self, node: Node, under_way: list[Node]) -> None:
        path = " -> ".join(n.operation.name for n in reversed(under_way))
        known = [tensor.name for tensor in self.inputs]
        raise LaminaError(
            f"Model {self.name!r}: the output of {under_way[0].operation.name!r} needs Input {node.operation.name!r} "
            f"({path}), which is not among the inputs {known}. Add it to inputs=, or take a tensor that the given "
            "inputs lead to; a tensor of another model is not connected with them."
        )

    def _by_depth(self) -> list[Any]:
        place = {id(operation): i for i, operation in enumerate(self._met)}
        depths: dict[int, int] = {}  # of nodes: steps to the farthest output
        of_operation: dict[int, int] = {}
        for node in reversed(self.nodes):
            depth = max(depths.get(id(node), 0), of_operation.get(id(node.operation), 0))
            depths[id(node)] = of_operation[id(node.operation)] = depth
            for before in self.before(node):
                depths[id(before)] = max(depth + 1, depths.get(id(before), 0))
        return sorted(self._met, key=lambda op: (-of_operation[id(op)], place[id(op)]))

    def before(self, node: Node) -> list[Node]:
        """The nodes of this graph whose outputs a node takes."""
        return [t.node for t in node.inputs if t.node is not None and id(t.node) in self._ids]

    def of(self, operation: Any) -> list[Node]:
        """The calls of a layer or operation in this graph, in their order."""
        return [node for node in operation._inbound_nodes if id(node) in self._ids]

    @property
    def is_chain(self) -> bool:
        """Whether each call takes one tensor, of the call before, and no layer is called twice."""
        taken = {id(tensor.node) for node in self.nodes for tensor in node.inputs}
        straight = all(len(node.inputs) <= 1 for node in self.nodes) and len(taken) == len(self.nodes) - 1
        return straight and len(self.operations) == len(self.nodes)

    def _require_unique_names(self) -> None:
        by_name: dict[str, Any] = {}
        for operation in self.operations:
            other = by_name.setdefault(operation.name, operation)
            if other is not operation:
                raise LaminaError(
                    f"Model {self.name!r}: two layers are named {operation.name!r}: {other!r} and {operation!r}. Names "
                    "must be unique: pass name=..."
                )


def cut(
    inputs: list[KerasTensor], outputs: list[KerasTensor], name: str
) -> tuple[list[KerasTensor], list[KerasTensor]]:
    """Return inputs that are all made by `Input`, and outputs that depend on these.

    Where an input is the output of some layer, a new Input takes its place, and the calls behind it are recorded again.
    """
    if all(isinstance(tensor.producer, InputLayer) for tensor in inputs):
        return inputs, outputs
    graph = Graph(inputs, outputs, name)
    new = {
        id(t): t
        if isinstance(t.producer, InputLayer)
        else Input(batch_shape=t.shape, dtype=t.dtype, name=f"{t.producer.name}_input")
        for t in inputs
    }
    for node in graph.nodes:
        if not any(id(tensor) in new for tensor in node.output_tensors):
            args, kwargs = replace((node.args, node.kwargs), new)
            again = record(node.operation, args, kwargs, node.outputs)
            new |= {id(old): t for old, t in zip(node.output_tensors, symbolic_leaves(again), strict=True)}
    return [new[id(t)] for t in inputs], [new[id(t)] for t in outputs]


def replace(nest: Any, new: dict[int, Any]) -> Any:
    """Return a nest with symbolic tensors replaced by what stands for them, by identity."""
    return jax.tree.map(lambda leaf: new[id(leaf)] if isinstance(leaf, KerasTensor) else leaf, nest)
