"""Models as files that run without lamina: StableHLO, ONNX, TensorFlow's SavedModel. Read `exporting.py` first.

`model.export(path)` is the way in; `onnx_emitter` says how layers of your own are written into ONNX.
"""

from lamina.export.exporting import export_model
from lamina.export.onnx import CannotExport, OnnxGraph, Value, onnx_emitter

__all__ = ["export_model", "onnx_emitter", "OnnxGraph", "Value", "CannotExport"]
