"""How operations of `lamina.ops` are written into an ONNX graph; each function has the parameters of the operation."""
