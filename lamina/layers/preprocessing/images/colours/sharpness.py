"""Layers that mix neighbouring pixels: `RandomSharpness`, `RandomGaussianBlur`. Edges are continued, not darkened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_positive_int
from lamina.core.random import uniform
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import RandomImageLayer
from lamina.layers.preprocessing.images._settings import check_value_range, factor_range
from lamina.layers.preprocessing.images.colours._shared import choose_images, draw_for_each


def weighted_neighbours(images: jax.Array, weights: Sequence[Any], axis: int) -> jax.Array:
    """Sum the pixels around each pixel along an axis: y[i] = sum_k weights[k] * x[i + k - len(weights) // 2].

    Pixels beyond an edge have the value at the edge. A weight is a number, or one for each image (batch, 1, 1, 1).

    Example:
        >>> weighted_neighbours(jnp.array([1.0, 2.0, 4.0]), [1, 0, 1], 0)
        Array([3., 5., 6.], dtype=float32)
    """
    margins = [(0, 0)] * images.ndim
    margins[axis] = (len(weights) // 2, len(weights) // 2)
    padded, length = jnp.pad(images, margins, mode="edge"), images.shape[axis]
    shifted = (jax.lax.slice_in_dim(padded, k, k + length, axis=axis) for k in range(len(weights)))
    return sum(weight * part for weight, part in zip(weights, shifted, strict=True))


@family.add
class RandomSharpness(RandomImageLayer):
    """Blur or sharpen each image, in training: y = clip(x + (1 - 2 f) * (smooth - x)).

    smooth is the mean of the 3 x 3 pixels around, the middle one counted 5 times. The outermost pixels stay.

    Args:
        factor: Bounds (lower, upper) of f, drawn for each image, in [0, 1]: 0 blurs, 0.5 changes nothing, 1 sharpens. A
            number f is (0, f).
        value_range: Range (lowest, highest) of the pixel values. Default (0, 255).
        data_format: "channels_last" (None) or "channels_first".
        seed: Whole number that fixes what is drawn; None draws one.
    Input, Output: as for every image layer; any number of channels.

    Raises:
        ValueError: factor or value_range that is not as above.

    Differs from Keras: the outermost pixels stay, as in Pillow; Keras mixes them with black from beyond the edge, which
    frames blurred images in grey.

    Example:
        >>> dot = jnp.zeros((3, 3, 1)).at[1, 1].set(130)
        >>> print(RandomSharpness((0, 0))(dot, training=True)[..., 0].round())
        [[ 0.  0.  0.]
         [ 0. 50.  0.]
         [ 0.  0.  0.]]
    """

    def __init__(
        self,
        factor: float | Sequence[float],
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1, "factor", self._where)
        self.value_range = check_value_range(value_range, self._where)

    def draw(self, images: jax.Array) -> jax.Array:
        """Return f, how sharp each image becomes: (batch, 1, 1, 1)."""
        return draw_for_each(self, images, self.factor)

    def transform_images(self, images: jax.Array, drawn: jax.Array) -> jax.Array:
        """Return the blurred or sharpened images."""
        down, across = (1, 2) if self.data_format == "channels_last" else (2, 3)
        block = weighted_neighbours(weighted_neighbours(images, [1, 1, 1], down), [1, 1, 1], across)
        change = (1 - 2 * drawn) * ((block + 4 * images) / 13 - images)
        return jnp.clip(jnp.where(_inside(images.shape, down, across), images + change, images), *self.value_range)


def _inside(shape: tuple[int, ...], down: int, across: int) -> jax.Array:
    """True for all pixels but the outermost: bool of a shape that spreads over images of this shape."""
    rows, columns = (jax.lax.broadcasted_iota(jnp.int32, shape[1:], axis - 1) for axis in (down, across))
    return (rows > 0) & (rows < shape[down] - 1) & (columns > 0) & (columns < shape[across] - 1)


@family.add
class RandomGaussianBlur(RandomImageLayer):
    """Blur some images with a Gaussian, in training: weights exp(-d**2 / (2 sigma**2)) over distances d, of sum 1.

    Args:
        factor: Bounds (lower, upper) of the probability, which is drawn for each image, in [0, 1]. A number p is
            (0, p), so that a share of p / 2 is blurred. Default 1.
        kernel_size: Width and height of the window in pixels, odd whole numbers; or one for both. Default 3.
        sigma: Bounds (lower, upper) of the standard deviation in pixels, >= 0, drawn for each image, once across and
            once down. A number s is (0, s). Default 1.
        value_range: Range (lowest, highest) of the pixel values, to which the output is clipped. Default (0, 255).
        data_format: "channels_last" (None) or "channels_first".
        seed: Whole number that fixes what is drawn; None draws one.
    Input, Output: as for every image layer; any number of channels.

    Raises:
        ValueError: an argument that is not as above.

    Differs from Keras: sigma is drawn for each image, as its documentation says, not once for the batch, and may be a
    number above 1; beyond an edge, images go on with the value at the edge, not with black.

    Example:
        >>> row = jnp.array([[[0.0], [0.0], [100.0], [0.0], [0.0]]])
        >>> RandomGaussianBlur((1, 1), sigma=(1, 1))(row, training=True)[0, :, 0].round(2)
        Array([ 0.  , 27.41, 45.19, 27.41,  0.  ], dtype=float32)
    """

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        kernel_size: int | Sequence[int] = 3,
        sigma: float | Sequence[float] = 1.0,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1, "factor", self._where)
        sizes = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        for size in sizes:
            check_positive_int("kernel_size", size, f"{self._where}: ")
        if len(sizes) != 2 or any(size % 2 == 0 for size in sizes):
            raise ValueError(
                f"{self._where}: kernel_size: expected an odd number, or two (width, height), received {kernel_size!r}."
            )
        self.kernel_size = sizes
        self.sigma = factor_range(sigma, 0, 1_000_000, "sigma", self._where)
        self.value_range = check_value_range(value_range, self._where)

    def draw(self, images: jax.Array) -> dict[str, jax.Array]:
        """Return "chosen", which images are blurred, bool (batch, 1, 1, 1), and "sigmas" (batch, 2): across, down."""
        chosen = choose_images(self, images, self.factor)
        return {"chosen": chosen, "sigmas": uniform(self.generator.next(), (images.shape[0], 2), *self.sigma) + 1e-6}

    def transform_images(self, images: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return the images, the chosen ones blurred."""
        blurred = images
        for i, axis in enumerate((2, 1) if self.data_format == "channels_last" else (3, 2)):
            weights = gaussian(drawn["sigmas"][:, i], self.kernel_size[i]).astype(images.dtype)
            blurred = weighted_neighbours(blurred, list(weights.T[..., None, None, None]), axis)
        return jnp.clip(jnp.where(drawn["chosen"], blurred, images), *self.value_range)


def gaussian(sigmas: jax.Array, size: int) -> jax.Array:
    """Return a row of `size` Gaussian weights of sum 1 for each standard deviation (batch,): (batch, size).

    Example:
        >>> print(gaussian(jnp.array([0.01, 100.0]), 3).round(1))
        [[0.  1.  0. ]
         [0.3 0.3 0.3]]
    """
    distances = jnp.arange(size) - size // 2
    weights = jnp.exp(-0.5 * (distances / sigmas[:, None]) ** 2)
    return weights / jnp.sum(weights, axis=1, keepdims=True)
