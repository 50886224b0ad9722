"""How layers are written into an ONNX graph, a family a file; each function is the emitter of the layers it names."""
