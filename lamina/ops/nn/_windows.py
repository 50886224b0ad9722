"""Settings that convolutions and pooling share: one number per spatial axis, padding, the place of the channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from lamina.core.errors import check_choice, check_positive_int

FORMATS = ("channels_last", "channels_first")


def per_axis(value: int | Sequence[int], rank: int, argument: str, where: str, minimum: int = 1) -> tuple[int, ...]:
    """Return a setting as one whole number for each of `rank` spatial axes."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) != rank:
        raise ValueError(f"{where}: {argument}: expected a number or {rank} numbers, received {value!r}.")
    return tuple(check_positive_int(argument, one, f"{where}: ", minimum) for one in values)


def check_padding(padding: Any, where: str) -> str:
    """Return "valid" or "same", in lower case."""
    name = padding.lower() if isinstance(padding, str) else padding
    check_choice("padding", name, ("valid", "same"), f"{where}: ")
    return str(name)


def check_data_format(data_format: Any, where: str) -> str:
    """Return "channels_last" (which None stands for) or "channels_first"."""
    check_choice("data_format", data_format or FORMATS[0], FORMATS, f"{where}: ")
    return data_format or FORMATS[0]


def spatial_rank(x: jax.Array, where: str) -> int:
    """Return how many axes are neither batch nor channels: 1, 2 or 3."""
    if not 3 <= x.ndim <= 5:
        raise ValueError(
            f"{where}: inputs: expected 3, 4 or 5 axes (a batch axis, 1 to 3 spatial axes, a channel axis), received "
            f"shape {x.shape}."
        )
    return x.ndim - 2


def spatial_axes(rank: int, data_format: str) -> range:
    """Return the numbers of the spatial axes."""
    return range(1, rank + 1) if data_format == "channels_last" else range(2, rank + 2)


def channel_axis(data_format: str) -> int:
    """Return the number of the channel axis."""
    return -1 if data_format == "channels_last" else 1


def over_all_axes(values: Sequence[int], data_format: str) -> tuple[int, ...]:
    """Put ones for the batch and channel axes around numbers of the spatial axes."""
    return (1, *values, 1) if data_format == "channels_last" else (1, 1, *values)


def check_output(size: int, inputs: jax.Array, where: str, what: str) -> None:
    """Raise for windows that are larger than the input: nothing would come out."""
    if size == 0 and inputs.size:
        raise ValueError(
            f"{where}: inputs of shape {inputs.shape} are smaller than {what}, so the output would be empty. Use "
            'larger inputs, a smaller window, or padding="same".'
        )
