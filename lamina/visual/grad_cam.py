"""Grad-CAM: where in an image a classifier sees what speaks for a class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamina.core import errors
from lamina.visual import _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORMAP = "plasma"  # violet for little, yellow for most
_PANEL = 3.0  # inches
_LONGEST = 22  # characters of a class's name


def grad_cam_heatmap(
    model: Any, image: Any, class_index: int | None = None, layer: Any = None, *, resize: bool = True
) -> np.ndarray:
    """Compute Grad-CAM's map: how much each place of an image speaks for a class.

    heat = relu(sum_k weight_k * maps_k),  weight_k = mean over all places of d score / d maps_k

    where maps_k are the channels of a convolution layer's output. The score is what stands before a last softmax (or
    sigmoid): the gradient of a probability is nearly 0 where the model is sure, and holds what speaks against the other
    classes as well. To get it, the layer that makes the outputs is called once more without that activation. Outputs
    that no layer squashes are taken for the scores.

    Args:
        model: A built model with outputs (batch, classes): Sequential, Functional or a class of your own, its
            convolutions also inside of an inner model.
        image: (height, width) or (height, width, channels), with or without a batch axis of 1; numbers in the range
            that the model was trained on.
        class_index: The class, from 0. Default None: the one that the model predicts. A model with one output has
            class 1, which its score speaks for, and class 0, which the negative score speaks for.
        layer: Name (or path) of the layer whose maps are taken, or the layer. Default None: the last convolution layer
            that is called. Where normalization and activation are layers of their own, the activation behind it, or the
            end of its block, is often the better choice.
        resize: Whether to scale the map up to the image, bilinearly. Default True.
    Returns:
        The map, float32, >= 0, in units of the score: (height, width) of the image, or of the layer's maps.
    Raises:
        NotBuiltError: the model has no weights yet.
        TypeError: no model, or a class or layer that cannot be meant.
        ValueError: an image of another shape, a class out of range, an unknown layer, one that gives no maps (batch,
            height, width, channels), no convolution layer, or outputs that are no classes.

    Layers that crop the image shift the map.

    Source: Selvaraju et al. 2017, Grad-CAM: visual explanations from deep networks via gradient-based localization.

    Example:
        >>> from lamina import Sequential
        >>> from lamina.layers import Dense, Flatten, Input, Reshape
        >>> model = Sequential([Input((4, 4)), Reshape((4, 4, 1), name="maps"), Flatten(), Dense(2, "softmax")])
        >>> _ = model.layers[-1].set_weights([np.tile([[1.0, -1.0]], (16, 1)), np.zeros(2)])
        >>> grad_cam_heatmap(model, np.diag([1.0, 2.0, 3.0, 4.0]), layer="maps").diagonal()
        array([1., 2., 3., 4.], dtype=float32)
    """
    from lamina.visual import _class_maps, _model_images  # not above: they load JAX, which other pictures do without

    where = "grad_cam_heatmap"
    batch = _model_images.as_batch(where, model, image)
    heat = _class_maps.class_map(where, model, batch, class_index, layer).heat
    return _class_maps.resized(heat, _model_images.as_picture(model, batch).shape[:2]) if resize else heat


def grad_cam(
    model: Any,
    image: Any,
    class_index: int | Sequence[int | None] | None = None,
    layer: Any = None,
    *,
    class_names: Sequence[Any] | None = None,
    opacity: float = 0.8,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw over an image where a classifier sees what speaks for a class: yellow most, violet little.

    Each class has its own scale, from 0 to its largest value, which stands below it. What is computed, and from which
    scores, is told by `grad_cam_heatmap`, which gives the numbers.

    Args:
        model: A built model with outputs (batch, classes): Sequential, Functional or a class of your own.
        image: (height, width) or (height, width, channels), with or without a batch axis of 1; numbers in the range
            that the model was trained on.
        class_index: The class, from 0, or a list of classes, of which each gets a panel. Default None: the class that
            the model predicts.
        layer: Name (or path) of the layer whose maps are taken, or the layer. Default None: the last convolution layer.
        class_names: Name of each class, in the order of their numbers. Default None: their numbers.
        opacity: How much of the image the map covers where it is largest, in [0, 1]; less elsewhere. Default 0.8.
        title: Title. Default None: each panel has the class and the model's output for it.
        ax: Matplotlib axes to draw into, one for each class. Default None: a new figure, the image first.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure.
    Raises:
        ImportError: Matplotlib is not installed.
        NotBuiltError, TypeError, ValueError: as `grad_cam_heatmap`; an opacity or names that cannot be meant.
    Source: Selvaraju et al. 2017.
    Example:
        >>> from lamina import Sequential
        >>> from lamina.layers import Dense, Flatten, Input, Reshape
        >>> model = Sequential([Input((4, 4)), Reshape((4, 4, 1), name="maps"), Flatten(), Dense(2, "softmax")])
        >>> figure = grad_cam(model, np.eye(4), 1, layer="maps", class_names=["cat", "dog"])
        >>> figure.axes[1].get_title("left").split(" ")[0]
        'dog'
    """
    from lamina.visual import _class_maps, _model_images

    opacity = errors.check_fraction("opacity", opacity, "grad_cam: ", closed=True)
    batch = _model_images.as_batch("grad_cam", model, image)
    wanted = list(class_index) if np.ndim(class_index) else [class_index]  # type: ignore[arg-type]
    if not wanted:
        raise ValueError("grad_cam: class_index: expected a class or a list of classes, received an empty list.")
    found = [_class_maps.class_map("grad_cam", model, batch, one, layer) for one in wanted]
    classes = max(one.class_index for one in found) + 1
    numbers = [f"class {number}" for number in range(classes)]
    names = numbers if class_names is None else _labels.as_names("grad_cam", class_names, classes)
    picture = _model_images.as_picture(model, batch)
    with _style.look():
        count = len(found) + (ax is None)
        height = min(2.0, max(0.5, picture.shape[0] / picture.shape[1])) * _PANEL
        figure, axes = _style.panels("grad_cam", ax, count, (_PANEL + 0.2, height + 0.8))
        if ax is None:
            _draw_image(axes.pop(0), picture)
        for panel, one in zip(axes, found, strict=True):
            heat = _class_maps.resized(one.heat, picture.shape[:2])
            _draw_heat(panel, picture, heat, opacity)
            panel.set_title(f"{_style.shorten(names[one.class_index], _LONGEST)} ({one.output:.2f})", parse_math=False)
            most = one.heat.max()
            panel.set_xlabel(f"{one.layer}, up to {most:.3g}" if most > 0 else f"{one.layer}: nothing speaks for it")
        if title and ax is None:
            figure.suptitle(title, x=0.01, ha="left", parse_math=False)
        elif title:
            axes[0].set_title(title, parse_math=False)
        return _style.save(figure, path)


def _draw_image(ax: Axes, picture: np.ndarray) -> None:
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.set_title("image")
    _style.bare(ax)


def _draw_heat(ax: Axes, picture: np.ndarray, heat: np.ndarray, opacity: float) -> None:
    """The image in grey, and over it the map, the more opaque the larger it is."""
    grey = picture if picture.ndim == 2 else picture @ (0.299, 0.587, 0.114)
    share = heat / (heat.max() or 1)
    ax.imshow(grey, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.imshow(share, cmap=_COLORMAP, vmin=0, vmax=1, alpha=opacity * share**0.6, interpolation="bilinear")
    ax.set(xticks=[], yticks=[])
    _style.bare(ax)
