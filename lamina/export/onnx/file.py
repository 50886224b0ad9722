"""From an `OnnxGraph` to the bytes of an ONNX file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamina.export.onnx.graph import Node, OnnxGraph, Value, onnx_type

if TYPE_CHECKING:
    import onnx

OPSETS = range(18, 22)  # versions of ONNX' operations in which all that is written here means the same
_MOST_BYTES = 2**31 - 2**20  # of a protobuf message


def to_model(graph: OnnxGraph, outputs: dict[str, Value], opset: int, **properties: str) -> onnx.ModelProto:
    """Return the ONNX model; nodes and constants that no output needs are left out.

    Args:
        graph: The graph.
        outputs: The outputs by name.
        opset: Version of ONNX' operations, one of `OPSETS`.
        properties: Further fields of the model, such as producer_version.

    Raises:
        ValueError: weights of more than 2 GiB, which one ONNX file cannot hold.
    """
    from onnx import helper, numpy_helper

    nodes, ends = _with_names(graph, outputs)
    used = {name for node in nodes for name in node.inputs}
    constants = {name: array for name, array in graph.constants.items() if name in used}
    size = sum(array.nbytes for array in constants.values())
    if size > _MOST_BYTES:
        raise ValueError(
            f"export: the weights take {size / 2**30:.1f} GiB, and one ONNX file holds 2 GiB at most. Use "
            'format="stablehlo", or export parts of the model by themselves.'
        )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(
        helper.make_graph(
            [helper.make_node(n.operation, n.inputs, n.outputs, n.outputs[0], **n.attributes) for n in nodes],
            graph.name,
            [_info(value) for value in graph.inputs],
            [_info(value) for value in ends],
            [numpy_helper.from_array(array, name) for name, array in constants.items()],
        ),
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        **properties,
    )


def _with_names(graph: OnnxGraph, outputs: dict[str, Value]) -> tuple[list[Node], list[Value]]:
    """The nodes that the outputs depend on, and the outputs under their names."""
    made = {name for node in graph.nodes for name in node.outputs}
    nodes, new, ends = list(graph.nodes), {}, []
    for name, value in outputs.items():
        free = graph.unique(name)
        if value.name in made and value.name not in new:
            new[value.name] = free
        else:  # an input or a constant as it is, or one tensor as several outputs
            nodes.append(Node("Identity", [value.name], [free], {}))
        ends.append(Value(free, value.shape, value.dtype))
    kept, needed = [], {value.name for value in ends}
    for node in reversed(nodes):
        inputs, names = ([new.get(name, name) for name in part] for part in (node.inputs, node.outputs))
        if needed & set(names):
            needed |= set(inputs)
            kept.append(Node(node.operation, inputs, names, node.attributes))
    return kept[::-1], ends


def _info(value: Value) -> Any:
    from onnx import helper

    shape = [axis_name(value.name, i) if n is None else n for i, n in enumerate(value.shape)]
    return helper.make_tensor_value_info(value.name, onnx_type(value.dtype), shape)


def axis_name(name: str, axis: int) -> str:
    """Return the symbol of a free axis of an input or output."""
    return f"{name}_axis_{axis}" if axis else "batch"
