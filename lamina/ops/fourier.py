"""Fourier transforms, and sequences cut out of a signal. Complex arrays come and go as pairs (real, imaginary)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina.core.errors import check_choice, check_positive_int
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, at_least_float32

__all__ = [
    "fft",
    "fft2",
    "ifft2",
    "rfft",
    "irfft",
    "extract_sequences",
    "stft",
    "istft",
]

Complex = tuple[jax.Array, jax.Array]


@operation("math", "FFT")
def fft(x: tuple[Tensor, Tensor]) -> Complex:
    """Discrete Fourier transform over the last axis: y[k] = sum of x[n] exp(-2 pi i k n / N).

    Args:
        x: Pair of arrays (..., N): real and imaginary part.

    Returns: pair of arrays of the same shape.
    Raises:
        ValueError: no pair, or arrays of different shapes.

    Example:
        >>> print(*fft(([1.0, 1.0], [0.0, 0.0])))
        [2. 0.] [0. 0.]
    """
    return _pair(jnp.fft.fft(_complex(x, "fft")))


@operation("math", "FFT2")
def fft2(x: tuple[Tensor, Tensor]) -> Complex:
    """Discrete Fourier transform over the last two axes.

    Args:
        x: Pair of arrays (..., M, N): real and imaginary part.

    Returns: pair of arrays of the same shape.
    Raises:
        ValueError: no pair, or arrays of different shapes.

    Example:
        >>> print(fft2(([[1.0, 1.0]], [[0.0, 0.0]]))[0])
        [[2. 0.]]
    """
    return _pair(jnp.fft.fft2(_complex(x, "fft2")))


@operation("math", "IFFT2")
def ifft2(x: tuple[Tensor, Tensor]) -> Complex:
    """Inverse of `fft2`.

    Args:
        x: Pair of arrays (..., M, N): real and imaginary part.

    Returns: pair of arrays of the same shape.
    Raises:
        ValueError: no pair, or arrays of different shapes.

    Example:
        >>> print(ifft2(([[2.0, 0.0]], [[0.0, 0.0]]))[0])
        [[1. 1.]]
    """
    return _pair(jnp.fft.ifft2(_complex(x, "ifft2")))


@operation("math", "RFFT")
def rfft(x: Tensor, fft_length: int | None = None) -> Complex:
    """Discrete Fourier transform of real numbers over the last axis: the half of `fft` that is not redundant.

    Args:
        x: Real array (..., N).
        fft_length: Length to which x is cut, or filled up with zeros; None is N.

    Returns: pair of arrays (..., fft_length // 2 + 1): real and imaginary part.

    Example:
        >>> print(rfft([1.0, 0.0, 1.0, 0.0])[0])
        [2. 0. 2.]
    """
    return _pair(jnp.fft.rfft(at_least_float32(x), n=fft_length))


@operation("math", "IRFFT")
def irfft(x: tuple[Tensor, Tensor], fft_length: int | None = None) -> jax.Array:
    """Inverse of `rfft`.

    Args:
        x: Pair of arrays (..., M): real and imaginary part.
        fft_length: Length of the result; None is 2 * (M - 1). Give it where it is odd.

    Returns: real array (..., fft_length).
    Raises:
        ValueError: no pair, or arrays of different shapes.

    Example:
        >>> print(irfft(rfft([1.0, 2.0, 4.0]), fft_length=3))
        [1. 2. 4.]
    """
    return jnp.fft.irfft(_complex(x, "irfft"), n=fft_length)


@operation("math")
def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> jax.Array:
    """Overlapping pieces of the last axis: y[..., i, j] = x[..., i * sequence_stride + j].

    Args:
        x: Array (..., n).
        sequence_length: Length of a piece.
        sequence_stride: Step from piece to piece.

    Returns: array (..., 1 + (n - sequence_length) // sequence_stride, sequence_length).
    Raises:
        ValueError: a length or stride below 1, a signal shorter than one piece.

    Example:
        >>> print(extract_sequences([1, 2, 3, 4, 5], 3, 2))
        [[1 2 3]
         [3 4 5]]
    """
    x = as_array(x)
    length = check_positive_int("sequence_length", sequence_length, "extract_sequences: ")
    stride = check_positive_int("sequence_stride", sequence_stride, "extract_sequences: ")
    if x.ndim < 1 or x.shape[-1] < length:
        raise ValueError(
            f"extract_sequences: expected at least {length} elements (sequence_length) along the last axis, received "
            f"shape {x.shape}."
        )
    return jnp.take(x, _places(1 + (x.shape[-1] - length) // stride, length, stride), axis=-1)


@operation("math", "STFT")
def stft(
    x: Tensor, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True
) -> Complex:
    """Fourier transforms of overlapping pieces of a signal: its frequencies over time.

    Args:
        x: Real array (..., n).
        sequence_length: Length of a piece.
        sequence_stride: Step from piece to piece.
        fft_length: Length to which each piece is filled up with zeros, >= sequence_length.
        window: "hann", "hamming", an array (sequence_length,) that each piece is multiplied by, or None.
        center: Whether piece t is centred at t * sequence_stride (x is mirrored at its ends) or starts there.

    Returns: pair of arrays (..., pieces, fft_length // 2 + 1): real and imaginary part.
    Raises:
        ValueError: fft_length below sequence_length, an unknown window or one of another length.

    Example:
        >>> print(stft([0.0, 1.0, 2.0, 3.0], 2, 1, 2, window=None, center=False)[0])
        [[ 1. -1.]
         [ 3. -1.]
         [ 5. -1.]]
    """
    x = at_least_float32(x)
    factors = _padded_window(window, sequence_length, fft_length, x.dtype, "stft")
    if center:
        half = fft_length // 2
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode="reflect")
    return _pair(jnp.fft.rfft(extract_sequences(x, fft_length, sequence_stride) * factors))


@operation("math", "ISTFT")
def istft(
    x: tuple[Tensor, Tensor],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> jax.Array:
    """Inverse of `stft`: pieces are transformed back, weighted by the window and averaged where they overlap.

    Args:
        x: Pair of arrays (..., pieces, fft_length // 2 + 1): real and imaginary part.
        sequence_length, sequence_stride, fft_length, window, center: As given to `stft`.
        length: Length of the result; None keeps all but the mirrored ends.

    Returns: real array (..., length).
    Raises:
        ValueError: as `stft`; no pair, arrays of different shapes or with one axis.

    Differs from Keras: with window=None the result has the signal's own scale (Keras on JAX: fft_length /
    sequence_stride times as much).

    Example:
        >>> spectrum = stft([0.0, 1.0, 2.0, 3.0, 4.0], 2, 1, 2)
        >>> print(istft(spectrum, 2, 1, 2).round(4))
        [0. 1. 2. 3. 4.]
    """
    spectrum = _complex(x, "istft")
    if spectrum.ndim < 2:
        raise ValueError(f"istft: x: expected arrays (..., pieces, frequencies), received shape {spectrum.shape}.")
    stride = check_positive_int("sequence_stride", sequence_stride, "istft: ")
    pieces = jnp.fft.irfft(spectrum, n=fft_length)
    factors = _padded_window(window, sequence_length, fft_length, pieces.dtype, "istft")
    count = spectrum.shape[-2]
    places = _places(count, fft_length, stride)
    size = fft_length + stride * (count - 1)
    total = jnp.zeros((*spectrum.shape[:-2], size), pieces.dtype).at[..., places].add(pieces * factors)
    weights = jnp.zeros(size, pieces.dtype).at[places].add(jnp.square(factors))
    signal = total / jnp.where(weights > 1e-10, weights, 1)
    start = fft_length // 2 if center else 0
    return signal[..., start : (size - start if length is None else start + length)]


def _places(count: int, length: int, stride: int) -> np.ndarray:
    """Where the elements of each piece stand in the signal, (count, length)."""
    return np.arange(count)[:, None] * stride + np.arange(length)


def _padded_window(window: Any, sequence_length: int, fft_length: int, dtype: Any, where: str) -> jax.Array:
    """What pieces are multiplied by: the window in the middle of fft_length elements."""
    length = check_positive_int("sequence_length", sequence_length, f"{where}: ")
    room = check_positive_int("fft_length", fft_length, f"{where}: ", minimum=length) - length
    if window is None:
        return jnp.ones(fft_length, dtype)
    if isinstance(window, str):
        check_choice("window", window, ("hann", "hamming"), f"{where}: ")
        share = 0.5 if window == "hann" else 0.54
        window = share - (1 - share) * np.cos(2 * np.pi * np.arange(length) / length)
    window = as_array(window, dtype)
    if window.shape != (length,):
        raise ValueError(f"{where}: window: expected shape ({length},), sequence_length, received {window.shape}.")
    return jnp.pad(window, (room // 2, room - room // 2))


def _complex(x: Any, where: str) -> jax.Array:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            f"{where}: x: expected a pair of arrays, real and imaginary part, received {type(x).__name__}."
        )
    real, imaginary = map(at_least_float32, x)
    if real.shape != imaginary.shape:
        raise ValueError(
            f"{where}: x: expected real and imaginary part of one shape, received {real.shape} and {imaginary.shape}."
        )
    return lax.complex(real, imaginary)


def _pair(x: jax.Array) -> Complex:
    return jnp.real(x), jnp.imag(x)
