"""Grad-CAM's arithmetic: the gradient of a class's score with respect to a layer's maps, and what becomes of it.

Imported where it is used: it needs JAX, which the other pictures do without.
"""

from __future__ import annotations

import copy
import operator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lamina import activations
from lamina.core import errors
from lamina.layers.activation import Softmax
from lamina.layers.base import Layer
from lamina.visual import _calls, _model_images

_SQUASHING = ("softmax", "log_softmax", "sigmoid")  # names of last activations, before which the score is taken


class ClassMap(NamedTuple):
    """Where a layer saw what speaks for a class.

    Attributes:
        heat: (height, width) of the layer's maps, float32, >= 0, in units of the score.
        class_index: The class.
        output: What the model gives for it: a probability after a softmax or a sigmoid, else the score.
        layer: Name of the layer.
    """

    heat: np.ndarray
    class_index: int
    output: float
    layer: str


def class_map(where: str, model: Layer, batch: np.ndarray, class_index: Any, layer: Any) -> ClassMap:
    """Compute relu(sum_k weight_k * maps_k), weight_k = mean over the positions of d score / d maps_k.

    Args:
        where: Name of the function, for messages.
        model, batch: The model, and its input for one image.
        class_index: The class; None: the one that the model predicts.
        layer: Name, path or object; None: the last convolution layer that gives maps.
    """
    seen = _calls.forward(model, batch)
    if isinstance(layer, (list, tuple)):
        raise TypeError(
            f"{where}: layer: expected one layer, received a list of {len(layer)}. Draw one picture for each."
        )
    target = _calls.select(where, model, layer, seen.calls)[-1]
    call = seen.calls[target]
    _calls.require_maps(where, call)
    outputs = _outputs_of_classes(where, model, seen.outputs)
    before, is_before = _before_activation(seen)
    if not is_before and len(outputs) > 1 and outputs.min() >= 0 and abs(outputs.sum() - 1) < 1e-3:
        errors.warn_user(
            f"{where}: model {model.name!r} gives probabilities, but no layer at its end has a softmax, so the "
            "gradient is that of the probability: nearly 0 where the model is sure. Make the softmax a layer."
        )
    number = _class_number(where, class_index, np.asarray(before, np.float32)[0])
    column, sign = (number, 1) if len(outputs) > 1 else (0, 2 * number - 1)

    def score(offset: jax.Array) -> jax.Array:
        """The class's score where `offset` is added to the layer's maps, whose gradient at 0 is that of the maps."""
        changed = _calls.forward(model, batch, lambda n, given: given + offset if n == target else given)
        return sign * _before_activation(changed)[0][0, column].astype(jnp.float32)

    gradient = jax.grad(score)(jnp.zeros_like(call.outputs))
    maps = _model_images.channels_last(model, call.layer, call.outputs)
    weights = _model_images.channels_last(model, call.layer, gradient).mean(axis=(0, 1))
    heat = np.maximum(maps @ weights, 0)
    return ClassMap(heat, number, _output_of(number, outputs, is_before), call.layer.name)


def _output_of(number: int, outputs: np.ndarray, is_probability: bool) -> float:
    """What the model gives for a class; of one output, that is for class 1, the other class has the rest."""
    if len(outputs) > 1:
        return float(outputs[number])
    given = float(outputs[0])
    return given if number == 1 else 1 - given if is_probability else -given


def resized(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map in another size (height, width), bilinear, with pixel centres at half steps."""
    return np.asarray(jax.image.resize(heat, size, "bilinear"))


def _outputs_of_classes(where: str, model: Layer, outputs: Any) -> np.ndarray:
    """The model's outputs for its classes, (classes,), float32."""
    shape = getattr(outputs, "shape", None)
    if shape is None or len(shape) != 2:
        shapes = [tuple(leaf.shape) for leaf in jax.tree.leaves(outputs)]
        raise errors.LaminaError(
            f"{where}: model {model.name!r}: expected one output of shape (batch, classes), it gives "
            f"{shapes[0] if len(shapes) == 1 else shapes}. Draw the part of it that does: lamina.Model(inputs, scores)."
        )
    return np.asarray(outputs, np.float32)[0]


def _before_activation(seen: _calls.Pass) -> tuple[jax.Array, bool]:
    """The scores (1, classes) before the last softmax or sigmoid, and whether there is one.

    The layer that made the outputs is the first whose call ended with this very array. If it has such an activation, a
    copy of it without one, which shares the weights, is called on what the layer was given.
    """
    last = next((call for call in seen.calls if call.outputs is seen.outputs), None)
    if last is not None and isinstance(last.layer, Softmax):
        return last.args[0], True
    activation = getattr(getattr(last, "layer", None), "activation", None)
    if last is None or getattr(activation, "__name__", "") not in _SQUASHING:
        return seen.outputs, False
    linear: Any = copy.copy(last.layer)
    linear.activation = activations.linear
    return linear(*last.args, **last.kwargs), True


def _class_number(where: str, class_index: Any, scores: np.ndarray) -> int:
    """The class that was asked for, or that has the highest score; one score is that of class 1 against class 0."""
    classes = max(2, len(scores))
    if class_index is None:
        return int(scores.argmax()) if len(scores) > 1 else int(scores[0] > 0)
    try:
        number = operator.index(class_index)
    except TypeError:
        raise TypeError(
            f"{where}: class_index: expected a class number, received {class_index!r} of type "
            f"{type(class_index).__name__}."
        ) from None
    if isinstance(class_index, bool) or not 0 <= number < classes:
        raise ValueError(f"{where}: class_index: expected a class from 0 to {classes - 1}, received {class_index!r}.")
    return number
