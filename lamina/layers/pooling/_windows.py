"""`WindowPooling`: what max and average pooling share, a window that slides over the spatial axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax

from lamina.layers._spatial_layer import SpatialLayer
from lamina.layers.shapes import Shape
from lamina.ops.nn._windows import check_data_format, check_padding, per_axis


class WindowPooling(SpatialLayer):
    """One number for each place of a window; a subclass has the function of `lamina.ops.nn` that finds it.

    Args:
        pool_size: Size of the window, a whole number >= 1 or one for each spatial axis.
        strides: Step of the window, likewise; None is the pool size.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        kwargs: Arguments of every layer.
    """

    _pool: ClassVar[Callable[..., jax.Array]]

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None,
        padding: str,
        data_format: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        rank, where = self._spatial_rank, self._where
        self.pool_size = per_axis(pool_size, rank, "pool_size", where)
        self.strides = self.pool_size if strides is None else per_axis(strides, rank, "strides", where)
        self.padding = check_padding(padding, where)
        self.data_format = check_data_format(data_format, where)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return (batch, *new sizes, channels)."""
        return type(self)._pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def _new_sizes(self, sizes: Sequence[int | None]) -> Sequence[int | None]:
        """floor((size - window) / step) + 1 for "valid", ceil(size / step) for "same"."""
        lost = self.pool_size if self.padding == "valid" else (1,) * self._spatial_rank
        return [
            None if size is None else (size - less) // step + 1
            for size, less, step in zip(sizes, lost, self.strides, strict=True)
        ]

    def _why_empty(self, shape: Shape) -> str:
        return (
            f"the window pool_size={self.pool_size} is larger than the input of shape {shape}, so that nothing would "
            'come out. Use padding="same", a smaller pool_size, or fewer layers in front that make the input smaller.'
        )
