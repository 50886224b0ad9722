"""An image on its way into a model and out of its layers: batch axis, sizes, order of the axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.core import errors
from lamina.layers.base import Layer
from lamina.visual import _images


def as_batch(where: str, model: Any, image: Any) -> np.ndarray:
    """One image with the batch axis, in the shape that the model takes; numbers stay as they are.

    Args:
        where: Name of the function, for messages.
        model: The model.
        image: In the model's order of axes, with or without a batch axis of 1, and an axis for one channel.

    Raises:
        TypeError: no model. NotBuiltError: a model without weights. ValueError: no image, several, or another shape.
    """
    if not isinstance(model, Layer):
        raise TypeError(f"{where}: model: expected a model, received {model!r:.80} of type {type(model).__name__}.")
    shape = getattr(model, "input_shape", None) if model.built else None
    if shape is None:
        raise errors.NotBuiltError(
            f"{where}: model {model.name!r} has no weights yet, so that its pictures would be of chance. Train it or "
            "load its weights; at least call it on the image."
        )
    if not (isinstance(shape, tuple) and all(isinstance(n, (int, type(None))) for n in shape)):
        raise ValueError(
            f"{where}: model {model.name!r}: expected a model of one image, this one has inputs of shapes {shape}. "
            "Draw the part that takes the image: lamina.Model(image_input, features)."
        )
    own_call = not type(model).call.__module__.startswith("lamina.")  # which may take images of any size
    array = _images.as_numbers(f"{where}: image", image)
    for expected in (shape, (None,) * len(shape))[: 1 + own_call]:
        for batch in (array[None], array, array[None, ..., None], array[..., None]):
            if len(batch) == 1 and _fits(batch.shape, expected):
                return batch
    raise ValueError(f"{where}: image: {_what_is_wrong(array.shape, shape)}")


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(e in (None, n) for n, e in zip(shape[1:], expected[1:], strict=True))


def _what_is_wrong(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> str:
    words = f"({', '.join('any' if n is None else str(n) for n in expected[1:])})"
    message = f"expected one image of shape {words}, with or without a batch axis of 1, received shape {shape}."
    if len(shape) == len(expected) and _fits(shape, expected):
        return f"{message} Draw one at a time: images[0]."
    if len(shape) == 3 and len(expected) == 4 and _fits((1, *shape[1:], shape[0]), expected):
        return f"{message} The channels come last here: numpy.moveaxis(image, 0, -1)."
    if len(shape) == 3 and len(expected) == 4 and _fits((1, shape[-1], *shape[:-1]), expected):
        return f"{message} The channels come first here: numpy.moveaxis(image, -1, 0)."
    if len(shape) in (2, 3) and len(expected) == 4 and None not in expected[1:3]:
        return f"{message} Another size: lamina.layers.Resizing{expected[1:3]}(image), as in training."
    return message


def is_convolution(layer: Any) -> bool:
    """Whether a layer is a convolution, of lamina's or of one's own: it has weights and the size of a kernel."""
    return hasattr(layer, "kernel_size") and bool(layer.weights)


def channels_last(model: Layer, layer: Any, maps: Any) -> np.ndarray:
    """Maps (height, width, channels) of what a layer gives for one image, (1, ...) in its order of axes."""
    array = np.asarray(maps, np.float32)[0]
    formats = [getattr(one, "data_format", None) for one in [layer, *filter(is_convolution, model.tree.layers)]]
    known = [order for order in formats if order is not None]
    return np.moveaxis(array, 0, -1) if known[:1] == ["channels_first"] else array


def as_picture(model: Layer, batch: np.ndarray) -> np.ndarray:
    """What to draw of a batch's only image: grey (height, width) or colours (height, width, 3), from 0 to 1."""
    image = batch[0][..., None] if batch.ndim == 3 else channels_last(model, None, batch)
    return _images.displayable(image)
