"""What the merging layers share: `Merge` checks the list, `Elementwise` spreads shapes and masks over each other."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.dtypes import is_float
from lamina.core.symbolic import Spec
from lamina.layers.base import Layer
from lamina.layers.shapes import Shape, is_shape


class Merge(Layer):
    """Base of the layers that merge a list of arrays; `_check` says whether the shapes go together."""

    _number: int | None = None  # of inputs; None: any from one on

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def _check(self, shapes: list[Shape]) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no _check(self, shapes).")

    def build(self, input_shape: Any) -> None:
        """Check the shapes; there are no weights."""
        self._check(self._listed(input_shape))

    def check_input(self, inputs: Any) -> None:
        """Raise unless the shapes go together."""
        self._check(self._listed(jax.tree.map(jnp.shape, inputs)))

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Shape and dtype for symbolic tensors.

        No size can stand for a free axis that meets a known one in a trace; there the shapes tell, which are checked.
        """
        tensors = args[0]
        self._listed(_shapes_of(tensors))
        meets = any(None in t.shape[1:] for t in tensors) or len({t.shape[:1] for t in tensors}) > 1
        if not (meets and any(is_float(t.dtype) for t in tensors)):
            return super()._infer(args, kwargs)
        return Spec(self.compute_output_shape(_shapes_of(tensors)), self.compute_dtype)

    def _listed(self, shapes: Any) -> list[Shape]:
        """The shapes of the inputs; raises unless they are a flat list of as many as the layer takes."""
        several = isinstance(shapes, (list, tuple)) and not is_shape(shapes) and all(map(is_shape, shapes))
        if several and (self._number is None or len(shapes) == self._number):
            return list(shapes)
        expected = f"a list of {self._number} arrays" if self._number else "a list of one or more arrays"
        one = is_shape(shapes) and len(shapes)
        form = f"one array of shape {shapes}" if one else f"shapes {shapes}" if shapes else "none"
        raise ValueError(
            f"{type(self).__name__} {self.path!r}: expected {expected}, received {form}. "
            f"Call it as {type(self).__name__}(...)([a, b]), with arrays or symbolic tensors."
        )

    def _masks(self, inputs: Sequence[jax.Array], masks: Any) -> list[jax.Array | None]:
        """A mask or None for each input; a mask covers the first axes of its input."""
        if masks is None:
            return [None] * len(inputs)
        if not isinstance(masks, (list, tuple)) or len(masks) != len(inputs):
            raise ValueError(
                f"{type(self).__name__} {self.path!r}: mask: expected a list with one mask or None for each of the "
                f"{len(inputs)} inputs, received {masks!r:.80}."
            )
        for i, (x, mask) in enumerate(zip(inputs, masks, strict=True)):
            if mask is not None and jnp.shape(mask) != x.shape[: jnp.ndim(mask)]:
                raise ValueError(
                    f"{type(self).__name__} {self.path!r}: mask {i} of shape {jnp.shape(mask)} does not cover the "
                    f"first axes of input {i}, which has the shape {x.shape}."
                )
        return [None if mask is None else jnp.asarray(mask, bool) for mask in masks]


def _shapes_of(tensors: Any) -> Any:
    return jax.tree.map(lambda tensor: tensor.shape, tensors)


def odd_one(values: Sequence[Any], fits_all: tuple[Any, ...] = ()) -> tuple[int, int] | None:
    """Where a value differs from the most common one, and where that one is; None if all agree."""
    counts = Counter(value for value in values if value not in fits_all)
    if len(counts) < 2:
        return None
    common = counts.most_common(1)[0][0]
    odd = next(i for i, value in enumerate(values) if value not in fits_all and value != common)
    return odd, list(values).index(common)


class Elementwise(Merge):
    """Base of the layers that work element by element, on inputs whose shapes spread over each other.

    A shape of lower rank gets axes of size 1 after the batch axis; then sizes on an axis are equal or 1. A subclass has
    `_merge(arrays, masks)`: arrays of one rank, and for each a mask that spreads over it, or None.

    Differs from Keras: a batch axis of size 1 spreads too; a free axis beside a known one gives the known
    one; masks work for any rank.
    """

    def _merge(self, arrays: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        raise NotImplementedError(f"{type(self).__name__} has no _merge(self, arrays, masks).")

    def _check(self, shapes: list[Shape]) -> None:
        rank = max(map(len, shapes))
        for axis, sizes in enumerate(zip(*(_raised(shape, rank) for shape in shapes), strict=True)):
            pair = odd_one(sizes, fits_all=(None, 1))
            if pair is not None:
                odd, other = pair
                where = "the batch axis" if axis == 0 else f"axis {axis - rank}"
                raise ValueError(
                    f"{type(self).__name__} {self.path!r}: input {odd} of shape {shapes[odd]} does not fit: on {where} "
                    f"it has size {sizes[odd]}, input {other} has {sizes[other]}. Received shapes {shapes}; sizes on "
                    "an axis must be equal or 1. Bring them to one shape first, e.g. with Dense or Reshape."
                )

    def call(self, inputs: Sequence[jax.Array], mask: Any = None) -> jax.Array:
        """Return the merged array."""
        masks = self._masks(inputs, mask)
        rank = max(x.ndim for x in inputs)
        arrays = [x if x.ndim == rank else jnp.reshape(x, _raised(x.shape, rank)) for x in inputs]
        spread = [
            None if m is None else deepened(_raised_mask(m, x.ndim, rank), rank)
            for x, m in zip(inputs, masks, strict=True)
        ]
        return self._merge(arrays, spread)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape that all inputs spread to."""
        shapes = self._listed(input_shape)
        self._check(shapes)
        rank = max(map(len, shapes))
        return tuple(map(_spread_size, zip(*(_raised(shape, rank) for shape in shapes), strict=True)))

    def compute_mask(self, inputs: Sequence[jax.Array], previous_mask: Any = None) -> jax.Array | None:
        """Return where any input counts, or None where an input has no mask."""
        masks = self._masks(inputs, previous_mask)
        rank = max(x.ndim for x in inputs)
        known = [_raised_mask(m, x.ndim, rank) for x, m in zip(inputs, masks, strict=True) if m is not None]
        if len(known) < len(masks):
            return None
        depth = max(m.ndim for m in known)
        return functools.reduce(jnp.logical_or, [deepened(m, depth) for m in known])


def _raised(shape: Sequence[Any], rank: int) -> tuple[Any, ...]:
    """A shape with axes of size 1 put in after the batch axis."""
    return (*shape[:1], *(1,) * (rank - len(shape)), *shape[1:])


def _raised_mask(mask: jax.Array, rank_of_input: int, rank: int) -> jax.Array:
    """The mask of an input that was raised to a rank."""
    return jnp.expand_dims(mask, tuple(range(1, 1 + rank - rank_of_input)))


def deepened(mask: jax.Array, rank: int) -> jax.Array:
    return jnp.expand_dims(mask, tuple(range(mask.ndim, rank)))


def _spread_size(sizes: Sequence[int | None]) -> int | None:
    """The size that sizes of one axis spread to; a free axis may be 1."""
    larger = next((n for n in sizes if n not in (None, 1)), None)
    return larger if larger is not None else None if None in sizes else 1
