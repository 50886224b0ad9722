"""The inputs of a model: data in the order, rank and shape that its `Input`s declare, or an error that says how."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.errors import closest_match
from lamina.core.symbolic import KerasTensor, symbolic_leaves
from lamina.layers.shapes import Shape


def in_order(model: Any, declared: Any, given: Any) -> list[Any]:
    """Return the inputs as a flat list in the order of the declared ones.

    Args:
        model: For its names in messages.
        declared: Nest of the symbolic inputs.
        given: The nest that the user passed: the same one, or a dict by the Inputs' names.

    Raises:
        ValueError: another number, other names, or another nest.
    """
    tensors = symbolic_leaves(declared)
    if len(tensors) == 1:
        return [_only(model, tensors[0], declared, given)]
    if isinstance(given, dict):
        by_key = isinstance(declared, dict) and all(isinstance(value, KerasTensor) for value in declared.values())
        names = sorted(declared) if by_key else [tensor.name for tensor in tensors]
        missing = [name for name in names if name not in given]
        if missing:
            raise ValueError(
                f"Model {model.name!r}: expected a dict with the inputs {names}, received {list(given)}: "
                f"{missing[0]!r} is missing.{closest_match(missing[0], map(str, given))}"
            )
        return [given[name] for name in names]
    if isinstance(declared, (list, tuple)) and isinstance(given, (list, tuple)) and len(given) == len(declared):
        if all(isinstance(part, KerasTensor) for part in declared):
            return list(given)
        pairs = zip(declared, given, strict=True)
        return [value for part, value_of in pairs for value in in_order(model, part, value_of)]
    names = [f"{tensor.name!r} {_words(tensor.shape)}" for tensor in tensors]
    way = "a dict by these names" if isinstance(declared, dict) else "a tuple in this order, or a dict by these names"
    came = (
        f"one array of shape {np.shape(given)}"
        if hasattr(given, "shape")
        else f"{type(given).__name__} of {_count(given)}"
    )
    raise ValueError(
        f"Model {model.name!r} has {len(tensors)} inputs: {', '.join(names)}. Received {came}. Pass {way}."
    )


def _only(model: Any, tensor: KerasTensor, declared: Any, given: Any) -> Any:
    """The array for the only input: itself, or the one item of a list or dict."""
    if isinstance(given, dict):
        names = [*declared] if isinstance(declared, dict) else [tensor.name]
        found = next((given[name] for name in names if name in given), None)
        if found is None and len(given) == 1 and not isinstance(declared, dict):
            found = next(iter(given.values()))
        if found is None:
            raise ValueError(
                f"Model {model.name!r} has one input, {names[0]!r}, received a dict with {list(given)}."
                f"{closest_match(names[0], map(str, given))} Pass the array, or a dict with {names[0]!r}."
            )
        return found
    if isinstance(given, (list, tuple)) and any(getattr(item, "ndim", 0) for item in given):
        if len(given) == 1:
            return given[0]
        raise ValueError(
            f"Model {model.name!r} has one input, {tensor.name!r} {_words(tensor.shape)}, received "
            f"{len(given)} arrays of shapes {[np.shape(item) for item in given]}. Pass one array; to join several, use "
            "numpy.concatenate(arrays, axis=-1)."
        )
    return given


def _count(given: Any) -> str:
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(given)]
    return f"{len(shapes)} arrays of shapes {shapes}"


def fit_rank(array: Any, declared: Shape) -> Any:
    """Return the array with a last axis of size 1 added or dropped where only that differs."""
    if array.ndim == len(declared) - 1 and declared[-1] == 1:
        return array[..., None]
    if array.ndim == len(declared) + 1 and array.shape[-1] == 1:
        return jnp.squeeze(array, -1)
    return array


def check_shape(where: str, expected: Shape, inputs: Any) -> None:
    """Raise a ValueError unless an array has the declared shape; the batch axis is free.

    Args:
        where: What the message starts with.
        expected: Shape with the batch axis.
        inputs: The array, or by mistake a nest of them.
    """
    received: Any = getattr(inputs, "shape", None)
    same_rank = received is not None and len(received) == len(expected)
    if same_rank and all(e in (None, r) for e, r in zip(expected[1:], received[1:], strict=True)):
        return
    raise ValueError(
        f"{where}: expected inputs of shape {_words(expected)}, received {_shape_of(inputs)}."
        f"{_hint(expected, received)}"
    )


def _words(shape: Shape) -> str:
    return f"({', '.join(['batch', *('any' if n is None else str(n) for n in shape[1:])])})"


def _shape_of(inputs: Any) -> str:
    shapes = [tuple(leaf.shape) for leaf in jax.tree.leaves(inputs)]
    return f"shape {shapes[0]}" if len(shapes) == 1 else f"{len(shapes)} inputs of shapes {shapes}"


def _hint(expected: Shape, received: Any) -> str:
    if received is None:
        return " This model has one input."
    if len(received) == len(expected) - 1 and tuple(received) == tuple(expected[1:]):
        return " One sample came without the batch axis: pass x[None]."
    if len(received) > len(expected):
        return " If these are images, start the model with Input(shape=x.shape[1:]) and Flatten()."
    if len(received) > 2 and tuple(received[1:]) == (expected[-1], *expected[1:-1]):
        return " If these are images with the channels first, pass numpy.moveaxis(x, 1, -1)."
    return ""
