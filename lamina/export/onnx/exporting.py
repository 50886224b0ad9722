"""From a model to an `onnx.ModelProto`."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import jax

from lamina.core.errors import LaminaError
from lamina.export.onnx.file import OPSETS, axis_name, to_model
from lamina.export.onnx.graph import in_file
from lamina.export.onnx.registry import CannotExport, load
from lamina.export.onnx.translation import Refusal, Translation, forgetting_calls
from lamina.export.signature import TensorSpec, names_of
from lamina.export.stablehlo import exported, output_specs, serving_function


def onnx_model(model: Any, inputs: Any, opset: int | None = None) -> tuple[Any, Any]:
    """Return the model as an `onnx.ModelProto`, and the nest of the outputs' specs.

    Args:
        model: A built model.
        inputs: Nest of `TensorSpec`s.
        opset: Version of ONNX' operations, from 18 to 21; None is 18.

    Raises:
        LaminaError: the package onnx is not installed; layers that cannot be written.
        ValueError: another opset.
    """
    if importlib.util.find_spec("onnx") is None:
        raise LaminaError(
            'export: format "onnx" needs the package onnx (pip install "lamina[export]"), which is not installed. '
            '"stablehlo" (the default) works without it.'
        )
    if opset is not None and opset not in OPSETS:
        raise ValueError(
            f"export: opset_version: expected a whole number from {OPSETS.start} to {OPSETS.stop - 1}, received "
            f"{opset!r}."
        )
    load()
    graph = Translation(model.name)
    specs, nest = jax.tree.flatten(inputs)
    names = names_of(inputs, "inputs")
    values = [graph.input(n, s.shape, in_file(s.dtype)) for n, s in zip(names, specs, strict=True)]
    with forgetting_calls(model):
        try:
            outputs = graph.layer(model, (jax.tree.unflatten(nest, values),), {})
        except CannotExport as error:
            graph.refused.append(Refusal(model.name, type(model).__name__, str(error)))
    if graph.refused:
        return _by_other_means(model, inputs, names, opset, graph.refused)
    made = jax.tree.map(lambda v: TensorSpec(v.shape, v.dtype), outputs)
    ends = dict(zip(_output_names(model, made), jax.tree.leaves(outputs), strict=True))
    version = importlib.import_module("lamina").__version__
    return to_model(graph, ends, opset or OPSETS.start, producer_name="lamina", producer_version=version), made


def _output_names(model: Any, outputs: Any) -> list[str]:
    """Names of the layers that make the outputs, where they are known."""
    known = model.output_names or [layer.name for layer in model.layer_chain[-1:]]
    count = len(jax.tree.leaves(outputs))
    return known if len(set(known)) == count else names_of(outputs, "output")


def _by_other_means(model: Any, inputs: Any, names: list[str], opset: int | None, refused: list[Refusal]) -> Any:
    """The model as jax2onnx translates it, where that is installed, with its own names of nodes."""
    if importlib.util.find_spec("jax2onnx") is None:
        raise LaminaError(_refusal(model, refused))
    import jax2onnx

    serve, nest = serving_function(model), jax.tree.structure(inputs)
    made = output_specs(exported(model, inputs))
    specs = [
        jax.ShapeDtypeStruct(
            tuple(axis_name(name, i) if n is None else n for i, n in enumerate(spec.shape)), in_file(spec.dtype)
        )
        for name, spec in zip(names, jax.tree.leaves(inputs), strict=True)
    ]
    try:
        proto = jax2onnx.to_onnx(
            lambda *arrays: serve(jax.tree.unflatten(nest, arrays)),
            inputs=specs,
            input_names=names,
            output_names=_output_names(model, made),
            opset=opset or OPSETS.start,
            model_name=model.name,
        )
    except Exception as error:
        reason = " ".join(str(error).split())
        raise LaminaError(f"{_refusal(model, refused)} It is installed, and failed: {reason:.300}") from error
    return proto, made


def _refusal(model: Any, refused: list[Refusal]) -> str:
    shown = "; ".join(f"{path!r} ({kind}): {reason}" for path, kind, reason in refused[:10])
    more = f"; and {len(refused) - 10} more" if len(refused) > 10 else ""
    return (
        f"export: model {model.name!r}: lamina cannot write these layers into an ONNX file: {shown}{more}. Ways out: "
        'format="stablehlo" takes any model; make a layer of yours of lamina.ops and lamina\'s layers, or say how it '
        "is written with @lamina.export.onnx_emitter(MyLayer); or install jax2onnx, which is then used for the model."
    )
