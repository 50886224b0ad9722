"""ONNX files, written layer by layer.

    model -> Translation (an OnnxGraph into which calls are written) -> ModelProto

`registry.py` has the tables of emitters, `layers/` and `operations/` the emitters, a family a file; read
`translation.py` first, then `layers/core.py`.
"""

from lamina.export.onnx.graph import OnnxGraph, Value
from lamina.export.onnx.registry import CannotExport, onnx_emitter

__all__ = ["onnx_emitter", "OnnxGraph", "Value", "CannotExport"]
