"""How alike two images are to the eye."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from lamina.core.errors import check_positive_int
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import at_least_float32, check_more_than_zero, check_same_shape
from lamina.ops.image._images import as_images, space
from lamina.ops.image.filters import blur


@operation("image", "SSIM")
def ssim(
    image1: Tensor,
    image2: Tensor,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> jax.Array:
    """Structural similarity: how near the means, variances and patterns of two images are, window by window.

    It is the mean over all windows of (2 m1 m2 + C1) (2 s12 + C2) / ((m1² + m2² + C1) (s1² + s2² + C2)), where m and s²
    are the means and variances, s12 the covariance of the pixels, weighted by a Gaussian; Ci = (ki max_val)².

    Args:
        image1, image2: Two images (height, width, channels) or two batches of one shape.
        max_val: Largest possible value: 1 for images scaled to [0, 1], 255 for bytes.
        filter_size: Height and width of a window, a whole number >= 1.
        filter_sigma: Standard deviation of the Gaussian, in pixels, > 0.
        k1, k2: Small numbers that keep the divisor away from zero.
        data_format: "channels_last" (None) or "channels_first".

    Returns: array (batch,), or a scalar for two images: from -1 to 1, 1 for equal ones. Float.
    Raises:
        ValueError: other ranks, different shapes, windows larger than the images.
    Source: Wang, Bovik, Sheikh, Simoncelli 2004, Image quality assessment: from error visibility to structural
        similarity.

    Differs from Keras: the similarity of whole-number images is a float there too.

    Example:
        >>> image = jnp.linspace(0, 1, 12 * 12).reshape(12, 12, 1)
        >>> ssim(image, image) > 0.999, ssim(image, 1 - image) < 0
        (Array(True, dtype=bool), Array(True, dtype=bool))
    """
    image1, data_format = as_images(image1, data_format, "ssim", "image1")
    image2, _ = as_images(image2, data_format, "ssim", "image2")
    check_same_shape(image1, image2, "ssim", "image1 and image2")
    check_positive_int("filter_size", filter_size, "ssim: ")
    check_more_than_zero("filter_sigma", filter_sigma, "ssim", "It is a width in pixels.")
    if min(image1.shape[axis] for axis in space(data_format)) < filter_size:
        raise ValueError(
            f"ssim: filter_size: expected at most the height and width of the images, received {filter_size} for "
            f"images of shape {image1.shape}."
        )
    limits = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    similarity = _ssim(
        at_least_float32(image1), at_least_float32(image2), filter_sigma, limits, filter_size, data_format
    )
    return similarity.astype(image1.dtype) if jnp.issubdtype(image1.dtype, jnp.floating) else similarity


@functools.partial(jax.jit, static_argnames=("size", "data_format"), inline=True)
def _ssim(
    x: jax.Array,
    y: jax.Array,
    sigma: jax.Array | float,
    limits: tuple[jax.Array | float, jax.Array | float],
    size: int,
    data_format: str,
) -> jax.Array:
    maps = jnp.stack([x, y, x * x + y * y, x * y])
    x, y, squares, products = blur(maps, (size, size), (sigma, sigma), space(data_format), "valid")
    means, variances, covariance = x * x + y * y, squares - (x * x + y * y), products - x * y
    similarity = (2 * x * y + limits[0]) * (2 * covariance + limits[1])
    similarity = similarity / ((means + limits[0]) * (variances + limits[1]))
    return similarity.mean((-3, -2, -1))
