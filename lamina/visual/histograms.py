"""How weights and activations are spread: dead units, saturated ones, weights that exploded show here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lamina.core import errors
from lamina.visual import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE = (3.9, 2.5)  # of a panel, inches
_LONGEST = 44  # characters of a title


class _Panel(NamedTuple):
    """A histogram to draw: title, values (n,), and a remark below the axis."""

    title: str
    values: np.ndarray
    remark: str


def weight_histograms(
    model: Any,
    layer: Any = None,
    bins: int = 40,
    *,
    max_panels: int = 24,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw a histogram of each weight of a model: kernels, biases, moving averages.

    Args:
        model: A built model, or a layer.
        layer: Name (or path) of a layer, the layer, or a list of these. Default None: all layers.
        bins: Bins of each histogram, int >= 1. Default 40.
        max_panels: Most histograms to draw, the first ones, int >= 1. Default 24.
        title: Title of the figure. Default None: none, or how many are shown where that is not all.
        ax: Matplotlib axes to draw into, one for each weight. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure; its `axes` are the panels. Below each are mean and standard deviation, and how many values are not
        finite, if there are any.
    Raises:
        ImportError: Matplotlib is not installed.
        NotBuiltError: the model has no weights yet.
        TypeError: neither model nor layer. ValueError: an unknown layer, no weights, or bins or max_panels < 1.
    Example:
        >>> from lamina import Sequential
        >>> from lamina.layers import Dense, Input
        >>> model = Sequential([Input((8,)), Dense(4, name="first")])
        >>> [panel.get_title("left") for panel in weight_histograms(model).axes]
        ['first · kernel (8, 4)', 'first · bias (4,)']
    """
    from lamina.visual import _calls  # not above: it loads JAX, which other pictures do without

    where = "weight_histograms"
    bins, max_panels = _check(where, bins, max_panels)
    _calls.require_layer(where, model)
    chosen = [model] if layer is None else _calls.find(where, model, layer)
    weights = {id(weight): weight for one in chosen for weight in one.weights}
    if not weights:
        raise ValueError(
            f"{where}: {', '.join(repr(one.name) for one in chosen)}: expected layers with weights, there are none."
        )
    panels = [
        _Panel(
            f"{_short_path(weight.path)} {tuple(weight.shape)}", values := np.asarray(weight).ravel(), _spread(values)
        )
        for weight in list(weights.values())[:max_panels]
    ]
    return _draw(where, panels, len(weights), "weights", bins, title, ax, path)


def activation_histograms(
    model: Any,
    x: Any,
    layer: Any = None,
    bins: int = 40,
    *,
    max_panels: int = 24,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw a histogram of what each layer gives for a batch, in inference mode.

    Args:
        model: A built model: Sequential, Functional or a class of your own; its inner models' layers count too.
        x: Inputs (rows, ...), or the nest of them that the model takes; some hundred rows say enough.
        layer: Name (or path) of a layer, the layer, or a list of these. Default None: all that have weights or an
            activation.
        bins: Bins of each histogram, int >= 1. Default 40.
        max_panels: Most histograms to draw, the first ones, int >= 1. Default 24.
        title: Title of the figure. Default None: none, or how many are shown where that is not all.
        ax: Matplotlib axes to draw into, one for each layer. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure; its `axes` are the panels. Below each are mean and standard deviation, the share of zeros, and how
        many units (places of the last axis) give 0 for every row: these are dead.
    Raises:
        ImportError: Matplotlib is not installed.
        NotBuiltError: the model has no weights yet.
        TypeError: no model. ValueError: inputs of another shape, an unknown layer, no such layer, or bins or
            max_panels < 1.
    Example:
        >>> from lamina import Sequential
        >>> from lamina.layers import Dense, Input, ReLU
        >>> model = Sequential([Input((8,)), ReLU(name="cut")])
        >>> panel = activation_histograms(model, np.linspace([-1.0], [1.0], 10) * np.ones(8)).axes[0]
        >>> panel.get_title("left"), panel.get_xlabel()
        ('cut · ReLU (10, 8)', 'mean 0.2778, std 0.3557, 50% zeros')
    """
    import jax  # as above

    from lamina.visual import _calls

    where = "activation_histograms"
    bins, max_panels = _check(where, bins, max_panels)
    _calls.require_layer(where, model)
    if not model.built:
        raise errors.NotBuiltError(f"{where}: model {model.name!r} has no weights yet: call it on data first.")
    calls = _calls.forward(model, jax.tree.map(np.asarray, x)).calls
    if layer is None:
        numbers = [number for number, call in enumerate(calls) if _is_active(call.layer)]
        numbers = sorted({id(calls[number].layer): number for number in numbers}.values())  # the last call of each
    else:
        numbers = _calls.select(where, model, layer, calls)
    chosen = {name: call for name, call in _calls.by_name(calls, numbers).items() if _floats(call.outputs)}
    if not chosen:
        raise ValueError(f"{where}: model {model.name!r}: expected layers that give numbers, there are none to draw.")
    panels = []
    for name, call in list(chosen.items())[:max_panels]:
        outputs = np.asarray(_floats(call.outputs)[0], np.float64)
        kind = type(call.layer).__name__
        panels.append(_Panel(f"{name} · {kind} {outputs.shape}", outputs.ravel(), _spread(outputs) + _zeros(outputs)))
    return _draw(where, panels, len(chosen), "layers", bins, title, ax, path)


def _check(where: str, bins: Any, max_panels: Any) -> tuple[int, int]:
    return (
        errors.check_positive_int("bins", bins, f"{where}: "),
        errors.check_positive_int("max_panels", max_panels, f"{where}: "),
    )


def _short_path(path: str) -> str:
    """The layer's name and the weight's, of a path from the model down."""
    return " · ".join(path.split("/")[-2:])


def _is_active(layer: Any) -> bool:
    """Whether a layer has weights or an activation of its own, and is no model."""
    is_activation = type(layer).__module__ == "lamina.layers.activation"
    return not hasattr(layer, "get_layer") and (bool(layer.weights) or is_activation or hasattr(layer, "activation"))


def _floats(nest: Any) -> list[Any]:
    import jax
    import jax.numpy as jnp

    return [leaf for leaf in jax.tree.leaves(nest) if jnp.issubdtype(leaf.dtype, jnp.floating)]


def _finite(values: np.ndarray) -> np.ndarray:
    numbers = values.astype(np.float64)
    return numbers[np.isfinite(numbers)]


def _spread(values: np.ndarray) -> str:
    finite = _finite(values)
    missing = values.size - finite.size
    said = f"mean {finite.mean():.4g}, std {finite.std():.4g}" if finite.size else "no finite value"
    return f"{said}, {missing} NaN or infinite" if missing else said


def _zeros(outputs: np.ndarray) -> str:
    share = float((outputs == 0).mean())
    dead = int((outputs == 0).all(axis=tuple(range(outputs.ndim - 1))).sum()) if outputs.ndim > 1 else 0
    said = f", {share:.0%} zeros" if share else ""
    return f"{said}, {dead} of {outputs.shape[-1]} units always" if dead else said


def _draw(
    where: str,
    panels: Sequence[_Panel],
    total: int,
    what: str,
    bins: int,
    title: str | None,
    ax: Any,
    path: str | os.PathLike[str] | None,
) -> Figure:
    with _style.look():
        figure, axes = _style.panels(where, ax, len(panels), _SIZE)
        for one, panel in zip(axes, panels, strict=True):
            _histogram(one, panel, bins)
        said = title or (f"the first {len(panels)} of {total} {what}" if len(panels) < total else None)
        if said and ax is None:
            figure.suptitle(said, x=0.01, ha="left", parse_math=False)
        elif said:
            axes[0].set_title(said, parse_math=False)
        return _style.save(figure, path)


def _histogram(ax: Axes, panel: _Panel, bins: int) -> None:
    _style.tidy(ax)
    finite = _finite(panel.values)
    if finite.size:
        ax.hist(finite, bins=bins, color=_style.BLUE, linewidth=0)
        if finite.min() < 0 < finite.max():
            ax.axvline(0, color=_style.FAINT, linewidth=0.8, linestyle=":")
    ax.set_title(_style.shorten(panel.title, _LONGEST), fontsize=9, parse_math=False)
    ax.set_xlabel(panel.remark, fontsize=8, color=_style.FAINT, parse_math=False)
    ax.tick_params(labelsize=8)
