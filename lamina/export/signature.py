"""What an exported model takes and gives: names, shapes and dtypes, and how Keras prints them."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from lamina.core import dtypes
from lamina.core.errors import NotBuiltError
from lamina.core.symbolic import KerasTensor
from lamina.layers.shapes import is_shape


class TensorSpec:
    """An array that a model takes or gives.

    Attributes:
        shape: Its shape; None marks a free axis.
        dtype: Name of its dtype.
        name: Its name, or None.

    Example:
        >>> TensorSpec((None, 28, 28), "float32", "images")
        TensorSpec(shape=(None, 28, 28), dtype=float32, name='images')
    """

    def __init__(self, shape: tuple[int | None, ...], dtype: str, name: str | None = None) -> None:
        self.shape, self.dtype, self.name = tuple(shape), dtype, name

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype}, name={self.name!r})"


def inputs_of(model: Any, signature: Any = None) -> Any:
    """Return the nest of `TensorSpec`s of what a model takes.

    Args:
        model: A built model.
        signature: What stands for the model's own inputs: a list with the nest of them, or the nest. Its leaves have a
            shape and a dtype, and perhaps a name: arrays and symbolic tensors (the batch axis becomes free),
            `jax.ShapeDtypeStruct`, `tf.TensorSpec`, …

    Raises:
        NotBuiltError: the model has no weights yet.
        ValueError: a signature of something else.
    """
    if not model.built:
        raise NotBuiltError(
            f"export: model {model.name!r} has no weights yet, as its input shape is not known. Start it with "
            "Input(shape), call build(input_shape), or call it on data, first."
        )
    if signature is not None:
        alone = isinstance(signature, (list, tuple)) and len(signature) == 1
        return jax.tree.map(_from_user, signature[0] if alone else signature, is_leaf=lambda x: hasattr(x, "shape"))
    if getattr(model, "inputs", None):
        return jax.tree.map(lambda t: TensorSpec(t.shape, t.dtype, t.name), model.input)
    shapes, nest = jax.tree.flatten(model.input_shape, is_leaf=is_shape)
    names = ["inputs"] if len(shapes) == 1 else [f"inputs_{i}" for i in range(len(shapes))]
    specs = [TensorSpec(shape, model.float_dtype, name) for shape, name in zip(shapes, names, strict=True)]
    return jax.tree.unflatten(nest, specs)


def _from_user(leaf: Any) -> TensorSpec:
    if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
        raise ValueError(
            f"export: input_signature: expected arrays, symbolic tensors or specs with a shape and a dtype, such as "
            f'jax.ShapeDtypeStruct((8, 28, 28), "float32"), received {leaf!r:.80}.'
        )
    shape = tuple(None if n is None else int(n) for n in leaf.shape)
    if isinstance(leaf, (np.ndarray, jax.Array, KerasTensor)):
        shape = (None, *shape[1:])
    dtype = dtypes.standardize_dtype(getattr(leaf.dtype, "name", leaf.dtype))
    return TensorSpec(shape, dtype, getattr(leaf, "name", None))


def names_of(nest: Any, prefix: str) -> list[str]:
    """Return a name for each array of a nest, each once: its own, its key in a dict, or a number behind the prefix."""
    names: list[str] = []
    for i, (path, spec) in enumerate(jax.tree_util.tree_leaves_with_path(nest)):
        key = getattr(path[-1], "key", None) if path else None
        name = str(key or spec.name or (f"{prefix}_{i}" if i else prefix))
        names.append(name if name not in names else f"{name}_{i}")
    return names


def endpoint_text(inputs: Any, outputs: Any) -> str:
    """Return the endpoint as Keras prints it."""
    takes, gives = _type_text(inputs), _type_text(outputs)
    return f"* Endpoint 'serve'\n    args_0 (POSITIONAL_ONLY): {takes}\nOutput Type:\n    {gives}"


def _type_text(nest: Any) -> str:
    if isinstance(nest, dict):
        return f"Dict[{', '.join(f'[{key!r}, {_type_text(value)}]' for key, value in nest.items())}]"
    if isinstance(nest, (list, tuple)):
        return f"{type(nest).__name__.capitalize()}[{', '.join(map(_type_text, nest))}]"
    return repr(nest)
