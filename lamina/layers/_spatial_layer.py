"""`SpatialLayer`: the base of layers without weights that act on the spatial axes of one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamina.core.dtypes import floatx, is_float
from lamina.core.symbolic import KerasTensor, Spec
from lamina.layers.base import Layer
from lamina.layers.shapes import Shape

_SPACE = {1: "steps", 2: "height, width", 3: "depth, height, width"}  # by the number of spatial axes
_KIND = {1: "sequences", 2: "images", 3: "volumes"}


class SpatialLayer(Layer):
    """A layer of one array (batch, *space, channels), or (batch, channels, *space), without weights.

    A subclass has `_spatial_rank`, the number of spatial axes, and says in `_new_sizes` how it changes them. What it
    makes of wrong shapes and of free axes follows from that.

    Args:
        kwargs: Arguments of every layer.
    """

    _takes_one_array = True
    _spatial_rank: int
    _gives_floats = False  # whether whole numbers become floats
    data_format = "channels_last"

    @property
    def _where(self) -> str:
        """How messages begin."""
        return f"{type(self).__name__} {self.path!r}"

    @property
    def _axes(self) -> tuple[int, ...]:
        """The numbers of the spatial axes."""
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self._spatial_rank))

    def _new_sizes(self, sizes: Sequence[int | None]) -> Sequence[int | None]:
        """Sizes of the spatial axes of the outputs; None marks a free axis."""
        return sizes

    def _why_empty(self, shape: Shape) -> str:
        """What to say where a spatial axis of the outputs would have no elements."""
        return f"expected spatial axes of size 1 or more, received an input of shape {shape}."

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs; free axes that the layer changes stay free."""
        shape = tuple(input_shape)
        self._check_rank(shape)
        first, end = self._axes[0], self._axes[-1] + 1
        sizes = self._new_sizes(shape[first:end])
        if any(size is not None and size < 1 for size in sizes):
            raise ValueError(f"{self._where}: {self._why_empty(shape)}")
        return (*shape[:first], *sizes, *shape[end:])

    def check_input(self, inputs: Any) -> None:
        """Raise unless the shape fits."""
        self.compute_output_shape(inputs.shape)

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Shape and dtype for symbolic tensors, by the rule: no size stands for a free axis under every window."""
        inputs = args[0]
        if not isinstance(inputs, KerasTensor):
            return super()._infer(args, kwargs)
        dtype = floatx() if self._gives_floats else inputs.dtype
        if is_float(inputs.dtype):
            dtype = self.compute_dtype if self.autocast else inputs.dtype
        return Spec(self.compute_output_shape(inputs.shape), dtype)

    def _check_rank(self, shape: Shape) -> None:
        rank, found = self._spatial_rank, len(shape) - 2
        if found == rank:
            return
        last = self.data_format == "channels_last"
        axes = f"{_SPACE[rank]}, channels" if last else f"channels, {_SPACE[rank]}"
        hints = []
        if found == rank - 1:
            added = "x[..., None]" if last else "x[:, None]"
            hints.append(f"If the channel axis is missing (grey images), add it: {added}; a single sample is x[None].")
        name = type(self).__name__
        if found in _SPACE and name.endswith(f"{rank}D"):
            hints.append(f"For {found + 2} axes there is {name[:-2]}{found}D.")
        if found == 0 and rank > 1:
            hints.append("It belongs before Flatten, while there are spatial axes.")
        raise ValueError(
            f"{self._where}: expected {_KIND[rank]} (batch, {axes}), received shape {shape}. {' '.join(hints)}".rstrip()
        )
