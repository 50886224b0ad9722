"""What a layer's weights look like: each filter of a convolution, or each unit of a Dense layer over pixels."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamina.core import errors
from lamina.visual import _mosaic, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COLUMNS = 32
_HIGH = 0.7  # height of a cell with lines, in widths
_COLORMAP = "RdBu_r"  # blue negative, white zero, red positive


def kernels(
    layer: Any,
    max_kernels: int = 128,
    *,
    shape: Sequence[int] | None = None,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw the kernels of a layer: what each filter reacts to.

    All share one scale, centred on zero. A layer that sees three channels has kernels in colour: grey is 0, a
    colour is what raises the output, its complement what lowers it. Of other layers red weights are positive, blue ones
    negative; a column is a filter, a row an input channel, unless there is only one of these: then the filters are
    drawn row by row. Kernels over time (Conv1D) are lines, one for each input channel.

    Args:
        layer: A built layer: Conv1D, Conv2D, transposed, depthwise or separable (its depthwise kernels) ones; or Dense
            with `shape`.
        max_kernels: Most pictures (or lines) to draw, the first filters and input channels, int >= 1. Default 128.
        shape: For Dense over pixels: (height, width) or (height, width, channels) of the images that were flattened.
        title: Title. Default None: the layer, and how much of it is shown.
        ax: Matplotlib axes to draw into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure.
    Raises:
        ImportError: Matplotlib is not installed.
        NotBuiltError: the layer has no weights yet.
        TypeError: a model, or something else that is no layer.
        ValueError: a layer without such kernels, a shape that does not fit the kernel, or max_kernels < 1.
    Example:
        >>> from lamina.layers import Dense
        >>> layer = Dense(10, name="digits")
        >>> layer.build((None, 784))
        >>> figure = kernels(layer, shape=(28, 28))
        >>> figure.axes[0].get_title("left")
        'digits · Dense, 10 kernels of 28 x 28'
    """
    max_kernels = errors.check_positive_int("max_kernels", max_kernels, "kernels: ")
    whole = _kernels_of(layer, shape)
    is_grid = whole.ndim == 4 and whole.shape[2] not in (1, 3)
    array = _first(whole, max_kernels, whole_filters=whole.ndim == 4 and not is_grid)
    limit = float(abs(array).max()) or 1.0
    with _style.look():
        inputs, filters = array.shape[-2:]
        columns = filters if is_grid else _mosaic.columns_for(filters)
        rows = inputs if is_grid else _mosaic.rows_of(filters, columns)
        cell = min(1.1, _mosaic.WIDTH / columns)
        high = _HIGH if array.ndim == 3 else _mosaic.height_of(array.shape)
        size = (max(5.6, columns * cell + 0.5), rows * cell * high + 0.55 + 0.4 * is_grid)
        figure, (frame,) = _style.panels("kernels", ax, 1, size)
        if array.ndim == 3:
            _draw_lines(frame, array, columns, limit)
        else:
            _draw_pictures(frame, array, columns, limit, is_grid)
        frame.set_title(title or _headline(layer, whole, array), pad=17, parse_math=False)
        style: dict[str, Any] = {"fontsize": 8, "color": _style.FAINT, "va": "bottom", "xycoords": "axes fraction"}
        key = frame.annotate(_key(array, limit, is_grid), (0, 1), (0, 4), textcoords="offset points", **style)
        key.set_in_layout(False)
        return _style.save(figure, path)


def _kernels_of(layer: Any, shape: Sequence[int] | None) -> np.ndarray:
    """Weights (size, inputs, filters) for lines or (height, width, inputs, filters) for pictures, float."""
    if not hasattr(layer, "add_weight") or hasattr(layer, "get_layer"):
        way = " Pass one of its layers: model.get_layer(name)." if hasattr(layer, "get_layer") else ""
        raise TypeError(
            f"kernels: layer: expected a layer, received {layer!r:.80} of type {type(layer).__name__}.{way}"
        )
    named = f"kernels: layer {layer.name!r} ({type(layer).__name__})"
    if not layer.built:
        raise errors.NotBuiltError(f"{named} has no weights yet: call it, or its model, on data first.")
    weight = getattr(layer, "depthwise_kernel", None)
    weight = getattr(layer, "kernel", None) if weight is None else weight
    if weight is None:
        raise ValueError(f"{named} has no kernel. Layers with kernels are convolutions, and Dense with shape=.")
    array = np.asarray(weight, np.float32)
    if shape is not None or array.ndim == 2:
        return _of_pixels(named, array, shape)
    if not hasattr(layer, "kernel_size") or array.ndim not in (3, 4):
        raise ValueError(
            f"{named} has a kernel of shape {array.shape}, of which there is no picture: expected one over time or "
            "over images (Conv1D, Conv2D, …)."
        )
    if hasattr(layer, "depth_multiplier"):  # each channel has filters of its own
        return array.reshape(*array.shape[:-2], 1, -1)
    return array


def _of_pixels(named: str, array: np.ndarray, shape: Sequence[int] | None) -> np.ndarray:
    """The kernel (pixels, units) of a Dense layer as pictures (height, width, channels, units)."""
    if shape is None:
        edge = math.isqrt(len(array))
        example = (edge, edge) if edge**2 == len(array) else "(height, width, channels)"
        raise ValueError(
            f"{named} has a kernel of shape {array.shape}. If its {len(array)} inputs are the pixels of an image, say "
            f"which: shape={example}."
        )
    if array.ndim != 2 or len(shape) not in (2, 3) or math.prod(shape) != len(array):
        raise ValueError(
            f"{named}: shape: expected (height, width) or (height, width, channels) with {array.shape[0]} pixels in "
            f"all, for a kernel of shape {array.shape}; received {tuple(shape)}."
            if array.ndim == 2
            else f"{named}: shape: is for Dense layers; this kernel has the shape {array.shape}. Leave it out."
        )
    pictures = array.reshape(*shape, -1)
    return pictures if len(shape) == 3 else pictures[:, :, None]


def _first(array: np.ndarray, most: int, whole_filters: bool) -> np.ndarray:
    """The first filters, and input channels unless a picture shows whole filters, as many as may be drawn."""
    inputs, filters = array.shape[-2:]
    if whole_filters:
        return array[..., :most]
    columns = min(filters, most, _MOST_COLUMNS, max(16, most // inputs))
    return array[..., : max(1, most // columns), :columns]


def _draw_pictures(ax: Axes, array: np.ndarray, columns: int, limit: float, is_grid: bool) -> None:
    """One picture for each filter; in a grid for each input channel (row) and filter (column)."""
    height, width, inputs, filters = array.shape
    if inputs == 3 and not is_grid:
        pictures = np.moveaxis(0.5 + 0.5 * array / limit, -1, 0)
    else:
        pictures = array.transpose(2, 3, 0, 1).reshape(inputs * filters, height, width)
    _mosaic.draw(ax, list(pictures), columns, cmap=_COLORMAP, vmin=-limit, vmax=limit)
    if is_grid:
        ax.set_yticks(ax.get_yticks(), [str(channel) for channel in range(inputs)])
        ax.set_xticks(np.arange(filters) + 0.5, [str(number) for number in range(filters)], fontsize=7)
        ax.set(xlabel="filter", ylabel="input channel")


def _draw_lines(ax: Axes, array: np.ndarray, columns: int, limit: float) -> None:
    """A cell for each filter with a line for each input channel, over a line at zero."""
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection

    size, inputs, filters = array.shape
    row, column = np.divmod(np.arange(filters), columns)
    middle = (row + 0.5) * _HIGH
    across = np.linspace(2 * _mosaic.GAP, 1 - 2 * _mosaic.GAP, size) if size > 1 else np.array([0.5])
    x = np.broadcast_to(column + across[:, None, None], array.shape)
    y = middle - array / limit * (_HIGH / 2 - _mosaic.GAP)  # the axis points down
    ax.hlines(middle, column + _mosaic.GAP, column + 1 - _mosaic.GAP, color=_style.GRID, linewidth=0.8)
    colors = [_style.BLUE] if inputs == 1 else colormaps["viridis"](np.linspace(0, 0.9, inputs))
    paths = np.stack([x, y], axis=-1).transpose(2, 1, 0, 3).reshape(-1, size, 2)  # by filter, then channel
    ax.add_collection(LineCollection(list(paths), colors=list(colors) * filters, linewidths=1.2))
    _mosaic.frame(ax, _mosaic.rows_of(filters, columns), columns, _HIGH)


def _headline(layer: Any, whole: np.ndarray, shown: np.ndarray) -> str:
    *size, inputs, filters = whole.shape
    text = f"{layer.name} · {type(layer).__name__}, {filters} kernel{'s' * (filters > 1)} of "
    text += " x ".join(map(str, size if inputs == 1 else (*size, inputs)))
    if shown.shape == whole.shape:
        return text
    channels = shown.shape[-2]
    part = f", {channels} channel{'s' * (channels > 1)} of each" if channels < inputs else ""
    return f"{text}, {shown.shape[-1]} shown{part}"


def _key(array: np.ndarray, limit: float, is_grid: bool) -> str:
    if array.ndim == 3:
        return f"a line for each input channel, from -{limit:.2g} to {limit:.2g}; grey: 0"
    if array.shape[2] == 3 and not is_grid:
        return f"colours from -{limit:.2g} to {limit:.2g}; grey: 0"
    return f"blue: -{limit:.2g}, white: 0, red: {limit:.2g}"
