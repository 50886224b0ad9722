"""Pixels and Matplotlib figures as PNG, in a message of TensorBoard's."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.summary import _package
from lamina.summary._values import tensor

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's, by the number of channels


def image(tag: str, data: Any, max_outputs: int, description: str | None) -> Any:
    """Pictures; see `SummaryWriter.image`."""
    pictures = pixels(tag, data)
    return _message(tag, [_png(picture) for picture in pictures[:max_outputs]], pictures.shape[1:3], description)


def figure(tag: str, drawn: Any, description: str | None) -> Any:
    """A Matplotlib figure, or the figure of some axes."""
    drawn = getattr(drawn, "figure", drawn)
    if not hasattr(drawn, "savefig"):
        raise ValueError(
            f"figure: {tag!r}: expected a Matplotlib figure or its axes, received {drawn!r:.60} of type "
            f"{type(drawn).__name__}. For pixels there is image()."
        )
    file = io.BytesIO()
    drawn.savefig(file, format="png")
    width, height = struct.unpack(">II", file.getvalue()[16:24])  # of the header, IHDR
    return _message(tag, [file.getvalue()], (height, width), description)


def pixels(tag: str, data: Any) -> np.ndarray:
    """(pictures, height, width, channels), uint8, of whatever `image` takes."""
    array = np.asarray(data)
    if array.ndim == 2:
        array = array[None, :, :, None]
    elif array.ndim == 3:
        array = array[None] if array.shape[2] in _MODES else array[..., None]
    if array.ndim != 4 or array.shape[3] not in _MODES:
        raise ValueError(
            f"image: {tag!r}: expected (height, width), (height, width, channels), (pictures, height, width) or "
            f"(pictures, height, width, channels) with 1 to 4 channels, received shape {np.shape(data)}."
        )
    if 0 in array.shape[1:3]:
        raise ValueError(f"image: {tag!r}: expected pixels, received shape {np.shape(data)}.")
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind in "fV":
        # Half a level more than 255, so that each of the 256 levels has an equal share of 0..1; as TensorFlow does.
        return (np.clip(np.nan_to_num(array.astype(np.float32), nan=0), 0, 1) * np.float32(255.5)).astype(np.uint8)
    if array.dtype.kind not in "iu" or (array.size and (array.min() < 0 or array.max() > 255)):
        raise ValueError(
            f"image: {tag!r}: expected floats in 0..1 or whole numbers in 0..255, received dtype {array.dtype}"
            + (f" from {array.min()} to {array.max()}." if array.dtype.kind in "iu" else ".")
        )
    return array.astype(np.uint8)


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    channels = picture.shape[2]
    Image.fromarray(np.ascontiguousarray(picture[..., 0] if channels == 1 else picture)).save(file, format="png")
    return file.getvalue()


def _message(tag: str, encoded: Sequence[bytes], size: Sequence[int], description: str | None) -> Any:
    height, width = size
    parts = [str(width).encode(), str(height).encode(), *encoded]
    metadata = _package.plugin("image.metadata").create_summary_metadata(None, description)
    return tensor(tag, np.array(parts, object), metadata)
