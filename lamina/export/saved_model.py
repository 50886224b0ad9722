"""TensorFlow's SavedModel: the StableHLO of a model in a TensorFlow function, for servers that take nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import jax
import numpy as np

from lamina.core.errors import LaminaError
from lamina.export.signature import names_of
from lamina.export.stablehlo import exported, output_specs


def write(model: Any, inputs: Any, path: Path) -> Any:
    """Write a folder that `tf.saved_model.load(path).serve` runs; returns the nest of the outputs' specs.

    Raises:
        LaminaError: TensorFlow is not installed.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise LaminaError(
            'export: format "tf_saved_model" needs TensorFlow (pip install tensorflow), which is not installed. '
            '"stablehlo" (the default) and "onnx" work without it.'
        )
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.python import xla

    module = exported(model, inputs)
    outputs = output_specs(module)
    types = [tf.as_dtype(spec.dtype) for spec in jax.tree.leaves(outputs)]
    shapes = [tf.TensorShape(spec.shape) for spec in jax.tree.leaves(outputs)]

    def serve(args_0: Any) -> Any:
        arrays = jax.tree.leaves(args_0)
        results = xla.call_module(
            [arrays[i] for i in module.module_kept_var_idx],
            version=module.calling_convention_version,
            module=module.mlir_module_serialized,
            Tout=types,
            Sout=shapes,
            platforms=[name.upper() for name in module.platforms],
        )
        return jax.tree.unflatten(module.out_tree, results)

    names = iter(names_of(inputs, "args_0"))
    specs = jax.tree.map(lambda s: tf.TensorSpec(s.shape, tf.as_dtype(np.dtype(s.dtype)), next(names)), inputs)
    holder = tf.Module()
    holder.serve = tf.function(serve, input_signature=[specs], autograph=False)
    signatures = {name: holder.serve.get_concrete_function() for name in ("serve", "serving_default")}
    tf.saved_model.save(holder, str(path), signatures=signatures)
    return outputs
