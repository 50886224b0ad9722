"""Weights as histograms and as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.summary import SummaryWriter

_TILES = 16  # of a convolution's kernel, down and across, at most


def write_weights(writer: SummaryWriter, model: Any, epoch: int, *, images: bool) -> None:
    """Write `<path>/histogram` of each weight of each layer, and `<path>/image` if asked for."""
    for layer in model.layers:
        for weight in layer.weights:
            path = weight.path.replace(":", "_")
            values = np.asarray(weight.value)
            if values.dtype.kind not in "biufV":
                continue  # the state of a generator of random numbers
            writer.histogram(f"{path}/histogram", values, epoch)
            picture = picture_of(values.astype(np.float32)) if images else None
            if picture is not None:
                writer.image(f"{path}/image", picture, epoch)


def picture_of(weight: np.ndarray) -> np.ndarray | None:
    """A weight as grey pixels, (pictures, height, width, 1): 0 is mid-grey, the largest absolute value black or white.

    A vector is a row, a matrix lies on its longer side, a kernel (height, width, out) is a picture for each of its
    outputs, and one of (height, width, in, out) tiles in a picture: a row for each input, a column for each output, 16
    of each at most. None: there is no picture of it.
    """
    weight = weight.squeeze()
    if not weight.size or not 1 <= weight.ndim <= 4:
        return None
    if weight.ndim == 1:
        picture = weight[None, None]
    elif weight.ndim == 2:
        picture = (weight.T if weight.shape[0] > weight.shape[1] else weight)[None]
    elif weight.ndim == 3:
        picture = np.transpose(weight, (2, 0, 1))
    else:
        tiles = np.pad(weight[:, :, :_TILES, :_TILES], [(0, 1), (0, 1), (0, 0), (0, 0)])
        height, width, rows, columns = tiles.shape
        picture = np.transpose(tiles, (2, 0, 3, 1)).reshape(1, rows * height, columns * width)[:, :-1, :-1]
    largest = np.max(np.abs(picture), initial=0, where=np.isfinite(picture))
    return (0.5 + 0.5 * picture / (largest or 1))[..., None]
