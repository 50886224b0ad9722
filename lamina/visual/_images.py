"""Images as they come: arrays of numbers, and what Matplotlib draws of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.visual import _labels


def as_numbers(argument: str, image: Any) -> np.ndarray:
    """An array of finite numbers with at least two axes; bools become 0 and 1.

    Args:
        argument: Name of the argument, with the function, for messages.
        image: Array, nested list or anything NumPy takes.
    """
    array = _labels.as_array(argument, image)
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise ValueError(f"{argument}: expected numbers, received dtype {array.dtype}.")
    if array.ndim < 2 or not array.size:
        raise ValueError(f"{argument}: expected (height, width) or (height, width, channels), received {array.shape}.")
    array = array.astype(np.float32) if array.dtype.kind not in "iuf" else array
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise ValueError(f"{argument}: expected finite numbers, {bad} of {array.size} are NaN or infinite.")
    return array


def displayable(image: np.ndarray) -> np.ndarray:
    """Grey levels (height, width) or colours (height, width, 3), from 0 to 1, of (height, width, channels).

    Numbers in [0, 1] are drawn as they are, those in [0, 255] as pixels; others, such
    as standardized images, are spread over [0, 1]. Of other numbers of channels than 1, 3 and 4 the mean is shown.

    Example:
        >>> displayable(np.array([[[0, 51, 255]]], np.uint8)).tolist()
        [[[0.0, 0.2, 1.0]]]
    """
    pixels = image.astype(np.float64)
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 255:
        pixels = (pixels - low) / (high - low)
    elif high > 1:
        pixels = pixels / 255
    return pixels[..., :3] if image.shape[-1] in (3, 4) else pixels.mean(axis=-1)
