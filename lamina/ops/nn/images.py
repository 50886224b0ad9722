"""Patches of images and back, blocks of pixels as channels and back, and how alike two images are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.errors import check_positive_int
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, as_float, check_rank, check_same_shape
from lamina.ops.nn._windows import check_data_format, check_output, per_axis

Pair = int | Sequence[int]


@operation("nn")
def unfold(x: Tensor, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1) -> jax.Array:
    """Patches of images as columns (im2col), so that a convolution is a matrix product.

    Args:
        x: Images (batch, channels, height, width): channels first.
        kernel_size: Height and width of a patch.
        dilation: Distance between the pixels of a patch. Default 1.
        padding: Rows and columns of zeros on each side. Default 0.
        stride: Step from patch to patch. Default 1.

    Returns: array (batch, channels * kernel height * kernel width, patches).
    Raises:
        ValueError: not four axes, a patch larger than the image.

    Example:
        >>> print(unfold([[[[1.0, 2.0], [3.0, 4.0]]]], (2, 1))[0])
        [[1. 2.]
         [3. 4.]]
    """
    x = as_array(x)
    check_rank(x, 4, "unfold", "x", "(batch, channels, height, width)")
    sizes, rates = _pair(kernel_size, "kernel_size", "unfold"), _pair(dilation, "dilation", "unfold")
    margins, steps = _pair(padding, "padding", "unfold", 0), _pair(stride, "stride", "unfold")
    zero = jnp.zeros((), x.dtype)
    x = lax.pad(x, zero, [(0, 0, 0), (0, 0, 0), *((margin, margin, 0) for margin in margins)])
    reach = [rate * (size - 1) + 1 for size, rate in zip(sizes, rates, strict=True)]
    counts = [max((n - r) // s + 1, 0) for n, r, s in zip(x.shape[2:], reach, steps, strict=True)]
    check_output(counts[0] * counts[1], x, "unfold", f"a patch, kernel_size={sizes} with dilation={rates}")
    rows, columns = ([i * rate for i in range(size)] for size, rate in zip(sizes, rates, strict=True))
    ends = [(count - 1) * step + 1 for count, step in zip(counts, steps, strict=True)]
    pixels = [
        lax.slice(x, (0, 0, i, j), (*x.shape[:2], i + ends[0], j + ends[1]), (1, 1, *steps))
        for i, j in itertools.product(rows, columns)
    ]
    patches = jnp.stack(pixels, axis=2)  # (batch, channels, pixels of a patch, down, across)
    return patches.reshape(x.shape[0], -1, counts[0] * counts[1])


@operation("nn")
def fold(
    x: Tensor, output_size: Pair, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1
) -> jax.Array:
    """Images from columns of patches (col2im): overlapping patches add up. It is the transpose of `unfold`.

    Args:
        x: Patches (batch, channels * kernel height * kernel width, patches).
        output_size: Height and width of the images.
        kernel_size, dilation, padding, stride: As given to `unfold`.

    Returns: images (batch, channels, height, width).
    Raises:
        ValueError: not three axes, or sizes that do not go together.

    Example:
        >>> print(fold([[[1.0, 2.0], [3.0, 4.0]]], output_size=(3, 1), kernel_size=(2, 1))[0, 0, :, 0])
        [1. 5. 4.]
    """
    given = as_array(x)
    check_rank(given, 3, "fold", "x", "(batch, channels * patch, patches)")
    patch = _pair(kernel_size, "kernel_size", "fold")
    channels, rest = divmod(given.shape[1], patch[0] * patch[1])
    size = _pair(output_size, "output_size", "fold")
    patches = as_float(given)
    images = jax.ShapeDtypeStruct((given.shape[0], channels, *size), patches.dtype)
    into_columns = lambda images: unfold(images, patch, dilation, padding, stride)  # noqa: E731
    expected = jax.eval_shape(into_columns, images).shape if not rest else (given.shape[0], None, None)
    if expected != given.shape:
        raise ValueError(
            f"fold: x: expected the shape that unfold gives for images of size {size} and patches of size {patch}, "
            f"(batch, a multiple of {patch[0] * patch[1]}, {expected[2] or 'patches'}), received {given.shape}."
        )
    return jax.linear_transpose(into_columns, images)(patches)[0].astype(given.dtype)


@operation("nn")
def depth_to_space(x: Tensor, block_size: int, data_format: str = "channels_last") -> jax.Array:
    """Spread channels over blocks of pixels (pixel shuffle).

    Args:
        x: Images (batch, height, width, channels * block_size**2).
        block_size: Height and width of a block, a whole number >= 2.
        data_format: "channels_last" or "channels_first".

    Returns: images (batch, height * block_size, width * block_size, channels).
    Raises:
        ValueError: not four axes, block_size < 2, channels that cannot be divided.
    Source: Shi et al. 2016, https://arxiv.org/abs/1609.05158

    Example:
        >>> print(depth_to_space([[[[1, 2, 3, 4]]]], 2)[0, :, :, 0])
        [[1 2]
         [3 4]]
    """
    x, data_format = _check_blocks(x, block_size, data_format, "depth_to_space")
    last = data_format == "channels_last"
    batch, height, width, channels = x.shape if last else (x.shape[0], *x.shape[2:], x.shape[1])
    _check_divisible(channels, block_size**2, "number of channels", x, "depth_to_space")
    depth = channels // block_size**2
    if last:
        x = x.reshape(batch, height, width, block_size, block_size, depth).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, height * block_size, width * block_size, depth)
    x = x.reshape(batch, depth, block_size, block_size, height, width).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(batch, depth, height * block_size, width * block_size)


@operation("nn")
def space_to_depth(x: Tensor, block_size: int, data_format: str = "channels_last") -> jax.Array:
    """Gather blocks of pixels into channels, the inverse of `depth_to_space`.

    Args:
        x: Images (batch, height * block_size, width * block_size, channels).
        block_size: Height and width of a block, a whole number >= 2.
        data_format: "channels_last" or "channels_first".

    Returns: images (batch, height, width, channels * block_size**2).
    Raises:
        ValueError: not four axes, block_size < 2, a height or width that cannot be divided.

    Example:
        >>> print(space_to_depth([[[[1], [2]], [[3], [4]]]], 2)[0, 0, 0])
        [1 2 3 4]
    """
    x, data_format = _check_blocks(x, block_size, data_format, "space_to_depth")
    last = data_format == "channels_last"
    batch, height, width, channels = x.shape if last else (x.shape[0], *x.shape[2:], x.shape[1])
    _check_divisible(height, block_size, "height", x, "space_to_depth")
    _check_divisible(width, block_size, "width", x, "space_to_depth")
    down, across = height // block_size, width // block_size
    if last:
        x = x.reshape(batch, down, block_size, across, block_size, channels).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, down, across, channels * block_size**2)
    x = x.reshape(batch, channels, down, block_size, across, block_size).transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(batch, channels * block_size**2, down, across)


@operation("nn", "PSNR")
def psnr(x1: Tensor, x2: Tensor, max_val: float) -> jax.Array:
    """Peak signal-to-noise ratio in dB: 20 log10(max_val) - 10 log10(mean((x1 - x2)**2)).

    Args:
        x1, x2: Arrays of one shape; the mean is over all elements. Whole numbers become floats.
        max_val: Largest possible value: 255 for bytes, 1 for images scaled to [0, 1].

    Returns: scalar, float; infinity for equal arrays.
    Raises:
        ValueError: the shapes differ.

    Differs from Keras: differences of bytes do not wrap around at 256.

    Example:
        >>> print(psnr([0, 100], [10, 100], max_val=255).round(2))
        31.14
    """
    x1, x2 = as_float(x1), as_float(x2)
    check_same_shape(x1, x2, "psnr", "x1 and x2")
    noise = jnp.mean(jnp.square(x1 - x2))
    return 20 * jnp.log10(as_array(max_val, x2.dtype)) - 10 * jnp.log10(noise)


def _pair(value: Pair, argument: str, where: str, minimum: int = 1) -> tuple[int, ...]:
    return per_axis(value, 2, argument, where, minimum)


def _check_blocks(x: Tensor, block_size: int, data_format: str, where: str) -> tuple[jax.Array, str]:
    check_positive_int("block_size", block_size, f"{where}: ", minimum=2)
    x = as_array(x)
    check_rank(x, 4, where, "x", "a batch of images")
    return x, check_data_format(data_format, where)


def _check_divisible(size: int, by: int, what: str, x: jax.Array, where: str) -> None:
    if size % by:
        raise ValueError(
            f"{where}: expected a {what} that {by} divides, received {size} in an input of shape {x.shape}."
        )
