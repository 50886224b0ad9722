"""Dropout of whole channels: `SpatialDropout1D`, `SpatialDropout2D`, `SpatialDropout3D`."""

from __future__ import annotations

from typing import Any

import jax

from lamina.core.errors import check_choice, check_fraction
from lamina.core.random import SeedGenerator
from lamina.layers._same_shape import SameShape
from lamina.layers.base import family
from lamina.layers.regularization.dropout import thin_out


class _SpatialDropout(SameShape):
    """Dropout of whole channels: one draw for all positions of a channel of a sample."""

    _rank: int  # of the inputs
    data_format = "channels_last"

    def __init__(self, rate: float, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = check_fraction("rate", rate, f"{type(self).__name__} {self.name!r}: ", closed=True)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless the inputs have the batch axis, the positions and the channels."""
        if inputs.ndim != self._rank:
            raise ValueError(
                f"{type(self).__name__} {self.path!r}: expected an input of {self._rank} axes, received shape "
                f"{inputs.shape}."
            )

    def call(self, inputs: jax.Array, training: bool = False) -> jax.Array:
        """Return the inputs, without some of their channels when training."""
        if not training or self.rate == 0:
            return inputs
        channels = 1 if self.data_format == "channels_first" else inputs.ndim - 1
        shape = tuple(n if axis in (0, channels) else 1 for axis, n in enumerate(inputs.shape))
        return thin_out(inputs, self.rate, shape, self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments as Keras' layer takes them: the policy's name, and `trainable` when it is off."""
        config = super().get_config() | {"dtype": self.dtype_policy.name}
        return {key: value for key, value in config.items() if key != "trainable" or value is False}


@family.add
class SpatialDropout1D(_SpatialDropout):
    """In training, drop whole channels of sequences with probability `rate` and divide the rest by 1 - rate.

    Neighbouring steps resemble each other, so that dropping single elements would take away little.

    Args:
        rate: Fraction in [0, 1] of channels to drop.
        seed: Whole number that fixes the draws; None draws one.
    Input: (batch, time, channels), float.   Output: the same shape; the input itself when not training.

    Source: Tompson et al. 2015.

    Differs from Keras: takes the arguments of every layer (`trainable`, …); mixed precision survives the config.

    Example:
        >>> import jax.numpy as jnp
        >>> y = SpatialDropout1D(0.5, seed=1)(jnp.ones((2, 50, 8)), training=True)
        >>> bool((y == y[:, :1]).all())
        True
    """

    _rank = 3

    def __init__(
        self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed, name=name, dtype=dtype, **kwargs)


@family.add
class SpatialDropout2D(_SpatialDropout):
    """In training, drop whole channels of images with probability `rate` and divide the rest by 1 - rate.

    Args:
        rate: Fraction in [0, 1] of channels to drop.
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        seed: Whole number that fixes the draws; None draws one.
    Input: (batch, height, width, channels), or (batch, channels, height, width), float.
    Output: the same shape; the input itself when not training.

    Source: Tompson et al. 2015.

    Differs from Keras: takes the arguments of every layer (`trainable`, …); mixed precision survives the config.

    Example:
        >>> import jax.numpy as jnp
        >>> y = SpatialDropout2D(0.5, seed=1)(jnp.ones((2, 5, 5, 8)), training=True)
        >>> bool((y == y[:, :1, :1]).all())
        True
    """

    _rank = 4

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed, name=name, dtype=dtype, **kwargs)
        self.data_format = _check_data_format(data_format, f"SpatialDropout2D {self.name!r}: ")


@family.add
class SpatialDropout3D(_SpatialDropout):
    """In training, drop whole channels of volumes with probability `rate` and divide the rest by 1 - rate.

    Args:
        rate: Fraction in [0, 1] of channels to drop.
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        seed: Whole number that fixes the draws; None draws one.
    Input: (batch, depth, height, width, channels), or (batch, channels, depth, height, width), float.
    Output: the same shape; the input itself when not training.

    Source: Tompson et al. 2015.

    Differs from Keras: takes the arguments of every layer (`trainable`, …); mixed precision survives the config.

    Example:
        >>> import jax.numpy as jnp
        >>> y = SpatialDropout3D(0.5, "channels_first", seed=1)(jnp.ones((2, 8, 3, 3, 3)), training=True)
        >>> bool((y == y[:, :, :1, :1, :1]).all())
        True
    """

    _rank = 5

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed, name=name, dtype=dtype, **kwargs)
        self.data_format = _check_data_format(data_format, f"SpatialDropout3D {self.name!r}: ")


def _check_data_format(data_format: str | None, where: str) -> str:
    data_format = data_format or "channels_last"
    check_choice("data_format", data_format, ("channels_last", "channels_first"), where)
    return data_format
