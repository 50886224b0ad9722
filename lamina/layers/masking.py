"""`Masking`: which time steps of padded sequences count."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.dtypes import is_float
from lamina.layers.base import Layer, family
from lamina.layers.shapes import Shape


@family.add
class Masking(Layer):
    """Mask the time steps whose features all equal a value; layers further on leave them out.

    Args:
        mask_value: The value, a number or one number a feature. Default 0. NaN masks steps that are NaN throughout.
    Input: (batch, time, features).   Output: the same shape, masked steps set to 0. Mask: (batch, time), bool.

    Differs from Keras: NaN as `mask_value` works; Keras finds no step equal to it.

    Example:
        >>> x = jnp.array([[[1.0, 2.0], [0.0, 3.0], [0.0, 0.0]]])
        >>> Masking().compute_mask(x)
        Array([[ True,  True, False]], dtype=bool)
    """

    _takes_one_array = True

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        kind = np.asarray(mask_value).dtype.kind
        if kind not in "fiub":
            raise TypeError(f"Masking {self.name!r}: mask_value: expected a number, received {mask_value!r}.")
        self.mask_value = mask_value
        self.supports_masking = True

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless there are features, as many as mask_value has."""
        features = np.shape(self.mask_value)
        ends = inputs.shape[max(inputs.ndim - len(features), 0) :]
        fits = len(ends) == len(features) and all(n in (1, m) for n, m in zip(features, ends, strict=True))
        if inputs.ndim < 2 or not fits:
            raise ValueError(
                f"Masking {self.path!r}: expected input of shape (batch, time, features)"
                f"{f' that ends in {features}, the shape of mask_value' if features else ''}, received {inputs.shape}."
            )

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the inputs with masked steps set to 0."""
        return jnp.where(self.compute_mask(inputs)[..., None], inputs, jnp.zeros_like(inputs))

    def compute_mask(self, inputs: jax.Array, previous_mask: Any = None) -> jax.Array:
        """Return True where any feature differs from mask_value."""
        # In the inputs' own float type: 0.1 in 16 bits equals 0.1 rounded to 16 bits.
        with np.errstate(over="ignore"):
            value = np.asarray(self.mask_value, inputs.dtype if is_float(inputs.dtype) else None)
        absent = inputs == value
        if value.dtype.kind == "f" and np.isnan(value).any():
            absent |= jnp.isnan(inputs) & np.isnan(value)
        return ~jnp.all(absent, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape
