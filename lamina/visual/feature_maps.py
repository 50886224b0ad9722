"""What the layers of a convolutional network make of an image: `layer_outputs` has the numbers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from lamina.core import errors
from lamina.visual import _mosaic, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CONSTANT = "#D9D9D9"  # of a map whose values are all the same


def layer_outputs(model: Any, image: Any, layer: Any = None) -> dict[str, np.ndarray]:
    """Compute what layers give for one image, in inference mode.

    Args:
        model: A built model: Sequential, Functional or a class of your own; its inner models' layers count too.
        image: (height, width) or (height, width, channels), with or without a batch axis of 1; numbers in the range
            that the model was trained on.
        layer: Name (or path) of a layer, the layer, or a list of these. Default None: every convolution layer that
            gives maps.
    Returns:
        Arrays by layer name, in the order in which the layers ran: the outputs without the batch axis, in the layer's
        order of axes. Of a layer that is called several times the last output; of layers that share a name the path.
    Raises:
        NotBuiltError: the model has no weights yet.
        TypeError: no model, or a layer that is neither a name nor a layer.
        ValueError: an image of another shape, several images, an unknown layer, or no convolution layer.

    For many images, predict with the part of the model: `lamina.Model(model.inputs, layer.output).predict(images)`.

    Example:
        >>> from lamina import Sequential
        >>> from lamina.layers import Dense, Flatten, Input
        >>> model = Sequential([Input((8, 8)), Flatten(), Dense(3, name="scores")])
        >>> layer_outputs(model, np.zeros((8, 8)), "scores")
        {'scores': array([0., 0., 0.], dtype=float32)}
    """
    import jax

    from lamina.visual import _calls, _model_images  # not above: they load JAX, which other pictures do without

    calls = _calls.forward(model, _model_images.as_batch("layer_outputs", model, image)).calls
    chosen = _calls.by_name(calls, _calls.select("layer_outputs", model, layer, calls))
    return {name: jax.tree.map(lambda array: np.asarray(array)[0], call.outputs) for name, call in chosen.items()}


def feature_maps(
    model: Any,
    image: Any,
    layer: Any = None,
    max_maps: int = 64,
    *,
    same_scale: bool = False,
    colormap: str = "viridis",
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw what layers see in an image: each channel of a layer's output is a small picture.

    Bright is a large value. A number on the left is that of the first map of its row, from 0. A map whose values are
    all the same is grey: it says nothing about this image.

    Args:
        model: A built model: Sequential, Functional or a class of your own; its inner models' layers count too.
        image: (height, width) or (height, width, channels), with or without a batch axis of 1; numbers in the range
            that the model was trained on.
        layer: Name (or path) of a layer, the layer, or a list of these. Default None: every convolution layer that
            gives maps.
        max_maps: Most maps to draw of a layer, the first ones, int >= 1. Default 64.
        same_scale: Whether one colour stands for one value in all maps of a layer, so that weak maps look weak.
            Default False: each map has its own scale, so that all show their structure.
        colormap: Matplotlib colormap, such as "gray". Default "viridis".
        title: Title of the figure. Default None: none.
        ax: Matplotlib axes to draw into, one for each layer. Default None: a new figure, the image first.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure. `layer_outputs` gives the numbers.
    Raises:
        ImportError: Matplotlib is not installed.
        NotBuiltError: the model has no weights yet.
        TypeError: no model, or a layer that is neither a name nor a layer.
        ValueError: an image of another shape, several images, an unknown layer, one that gives no maps (batch, height,
            width, channels), no convolution layer, or max_maps < 1.
    Example:
        >>> from lamina import Sequential
        >>> from lamina.layers import Input, Reshape
        >>> model = Sequential([Input((8, 8)), Reshape((4, 4, 4), name="tiles")])
        >>> figure = feature_maps(model, np.eye(8), layer="tiles")
        >>> [panel.get_title("left") for panel in figure.axes]
        ['image 8 x 8', 'tiles · Reshape, 4 maps of 4 x 4']
    """
    from lamina.visual import _calls, _model_images  # not above: they load JAX, which other pictures do without

    max_maps = errors.check_positive_int("max_maps", max_maps, "feature_maps: ")
    batch = _model_images.as_batch("feature_maps", model, image)
    calls = _calls.forward(model, batch).calls
    chosen = _calls.by_name(calls, _calls.select("feature_maps", model, layer, calls))
    maps = {}
    for name, call in chosen.items():
        _calls.require_maps("feature_maps", call)
        maps[f"{name} · {type(call.layer).__name__}"] = _model_images.channels_last(model, call.layer, call.outputs)
    columns = _mosaic.columns_for(min(max_maps, max(array.shape[-1] for array in maps.values())))
    with _style.look():
        if ax is None:
            figure, (first, *axes) = _frames(list(maps.values()), max_maps, columns)
            _draw_image(first, _model_images.as_picture(model, batch))
        else:
            figure, axes = _style.panels("feature_maps", ax, len(maps), (0, 0))
        for panel, (name, array) in zip(axes, maps.items(), strict=True):
            _draw_maps(panel, name, array[..., :max_maps], array.shape[-1], columns, same_scale, colormap)
        if title and ax is None:
            figure.suptitle(title, x=0.01, ha="left", parse_math=False)
        elif title:
            axes[0].set_title(title, parse_math=False)
        return _style.save(figure, path)


def _frames(maps: list[np.ndarray], max_maps: int, columns: int) -> tuple[Figure, list[Axes]]:
    """A figure with a row for the image and one for each layer, as high as its maps need."""
    heights = [1.6]
    for array in maps:
        rows = _mosaic.rows_of(min(array.shape[-1], max_maps), columns)
        heights.append(0.42 + rows * _mosaic.WIDTH / columns * _mosaic.height_of(array.shape))
    figure = _style.new_figure(_mosaic.WIDTH + 0.4, sum(heights) + 0.3)
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    return figure, [figure.add_subplot(grid[row]) for row in range(len(heights))]


def _draw_image(ax: Axes, picture: np.ndarray) -> None:
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set(anchor="NW", xticks=[], yticks=[])
    ax.set_title(f"image {picture.shape[0]} x {picture.shape[1]}")
    _style.bare(ax)


def _draw_maps(
    ax: Axes, name: str, maps: np.ndarray, channels: int, columns: int, same_scale: bool, colormap: str
) -> None:
    from matplotlib import colormaps

    height, width, count = maps.shape
    constant = maps.min(axis=(0, 1)) == maps.max(axis=(0, 1))
    limits: dict[str, Any] = {"vmin": float(maps.min()), "vmax": float(maps.max())} if same_scale else {}
    shown = maps if same_scale else np.where(constant, np.nan, maps)
    cmap = colormaps[colormap].with_extremes(bad=_CONSTANT)
    _mosaic.draw(ax, list(np.moveaxis(shown, -1, 0)), columns, cmap=cmap, **limits)
    words = [f"{name}, {channels} map{'s' * (channels > 1)} of {height} x {width}"]
    words += [f"{count} shown"] * (count < channels) + [f"{constant.sum()} constant"] * bool(constant.any())
    ax.set_title(", ".join(words), parse_math=False)
