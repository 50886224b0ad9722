"""`KerasTensor`: a tensor that has a shape and a dtype and no values, as `Input` makes it."""

from __future__ import annotations

from typing import Any

from lamina.core import dtypes


class KerasTensor:
    """Placeholder of a model's input.

    Args:
        shape: Shape with the batch axis; None marks a free axis.
        dtype: Name of the dtype.
        name: Name, unique in its model.
        producer: The layer that makes it.

    Example:
        >>> KerasTensor((None, 8), "float32", "x")
        <KerasTensor shape=(None, 8), dtype=float32, name=x>
    """

    def __init__(self, shape: tuple[int | None, ...], dtype: Any, name: str, producer: Any = None) -> None:
        self.shape = tuple(shape)
        self.dtype = dtypes.standardize_dtype(dtype)
        self.name = name
        self.producer = producer

    @property
    def ndim(self) -> int:
        """Number of axes, the batch axis included."""
        return len(self.shape)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{self!r} has no values: it stands for the data that fit and predict are given.")

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"
