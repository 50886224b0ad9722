"""Initializers that draw nothing: constants, the identity, Fourier kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core import errors
from lamina.core.dtypes import standardize_dtype
from lamina.initializers._base import Initializer, check_number, check_shape, family, to_device


@family.add
class Constant(Initializer):
    """One value everywhere, or a given array.

    Args:
        value: Number, or an array that has exactly the weight's shape (a table of embeddings). Default 0.

    Output: array of the shape and dtype asked for.
    Raises:
        TypeError: value is neither a number nor an array of numbers.
        ValueError: an array of another shape than the weight's.

    Differs from Keras: an array is never stretched to a larger shape.

    Example:
        >>> print(Constant(0.5)((2, 3)))
        [[0.5 0.5 0.5]
         [0.5 0.5 0.5]]
    """

    def __init__(self, value: Any = 0.0) -> None:
        dtype = np.asarray(value).dtype
        if not (jnp.issubdtype(dtype, np.number) or jnp.issubdtype(dtype, np.bool_)):
            raise TypeError(f"Constant: value: expected a number or an array of numbers, received {value!r}.")
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        """Return the values."""
        shape, dtype = check_shape(shape, "Constant"), standardize_dtype(dtype)
        values = np.asarray(self.value)
        if values.ndim and values.shape != shape:
            raise ValueError(
                f"Constant: value is an array of shape {values.shape}, but the weight has shape {shape}. Give the "
                "array that shape (np.broadcast_to, or a transpose), or give a single number."
            )
        return to_device(np.broadcast_to(values, shape), dtype)


@family.add
class Zeros(Initializer):
    """Zero everywhere.

    Output: array of the shape and dtype asked for, whole numbers and bool included.

    Example:
        >>> print(Zeros()((2,)), Zeros()((2,), "int32"))
        [0. 0.] [0 0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        """Return the values."""
        return to_device(np.zeros(check_shape(shape, "Zeros"), bool), standardize_dtype(dtype))


@family.add
class Ones(Initializer):
    """One everywhere.

    Output: array of the shape and dtype asked for, whole numbers and bool included.

    Example:
        >>> print(Ones()((3,)))
        [1. 1. 1.]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        """Return the values."""
        return to_device(np.ones(check_shape(shape, "Ones"), bool), standardize_dtype(dtype))


@family.add
class Identity(Initializer):
    """A multiple of the identity matrix: gain where row = column, else 0.

    Args:
        gain: The number on the diagonal. Default 1.

    Output: array (rows, columns) of the dtype asked for.
    Raises:
        ValueError: a shape that has not two axes.

    Differs from Keras: the config holds the gain; Keras 3.15 forgets it.

    Example:
        >>> print(Identity(2.0)((2, 3)))
        [[2. 0. 0.]
         [0. 2. 0.]]
    """

    def __init__(self, gain: float = 1.0) -> None:
        check_number("gain", gain, "Identity")
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        """Return the matrix."""
        shape = check_shape(shape, "Identity")
        if len(shape) != 2:
            raise ValueError(
                f"Identity: expected a shape of two axes (rows, columns), received {shape} with {len(shape)}. "
                "For kernels of more axes use Orthogonal."
            )
        return to_device(float(self.gain) * np.eye(*shape), standardize_dtype(dtype))


@family.add
class STFT(Initializer):
    """Convolution kernels that compute a short-time Fourier transform: cos or sin of -2 pi t f, times a window.

    Args:
        side: "real" (cosines, default) or "imag" (sines).
        window: Name of a window in `scipy.signal.windows`, an array of frame_length values, or None. Default "hann".
        scaling: "density" (divide by the window's L2 norm, default), "spectrum" (by its L1 norm), or None.
        periodic: Whether a named window is periodic rather than symmetric. Default False.

    Output: array (frame_length, 1, bins), where bin k has the frequency k / (2 * (bins - 1)) cycles a sample.
    Raises:
        ValueError: an unknown side, window or scaling, a shape that is not (frame_length, 1, bins >= 2), or a window
            array of another length.

    Differs from Keras: angles are computed in double precision (for frames of 1024 samples Keras is off by 1e-4), and a
    shape with several input channels is an error.

    Example:
        >>> print(STFT("real", window=None)((4, 1, 3))[:, 0].round(3))
        [[ 1.  1.  1.]
         [ 1.  0. -1.]
         [ 1. -1.  1.]
         [ 1. -0. -1.]]
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        errors.check_choice("side", side, ["real", "imag"], "STFT: ")
        errors.check_choice("scaling", scaling, ["density", "spectrum", None], "STFT: ")
        if isinstance(window, str):
            _named_window(window, 1, periodic)
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        """Return the kernels."""
        shape, dtype = check_shape(shape, "STFT"), standardize_dtype(dtype)
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            raise ValueError(f"STFT: expected a shape (frame_length, 1, bins) with bins >= 2, received {shape}.")
        frame_length, _, bins = shape
        time = np.arange(frame_length)[:, None, None]
        frequency = np.arange(bins) / (2 * (bins - 1))
        wave = np.cos if self.side == "real" else np.sin
        return to_device(wave(-2 * np.pi * time * frequency) * self._weights(frame_length), dtype)

    def _weights(self, frame_length: int) -> np.ndarray:
        """Return the scaled window, of shape (frame_length, 1, 1)."""
        if self.window is None:
            return np.ones((frame_length, 1, 1))
        named = isinstance(self.window, str)
        window = _named_window(self.window, frame_length, self.periodic) if named else np.asarray(self.window, float)
        if window.shape != (frame_length,):
            raise ValueError(
                f"STFT: window: expected {frame_length} values, one for each sample of the frame, received an array of "
                f"shape {window.shape}."
            )
        scale = {"density": np.sqrt(np.sum(window**2)), "spectrum": np.sum(np.abs(window)), None: 1.0}[self.scaling]
        return (window / scale)[:, None, None]


def _named_window(name: str, length: int, periodic: bool) -> np.ndarray:
    from scipy import signal  # JAX depends on SciPy; imported here because it takes a while

    try:
        return signal.get_window(name, length, fftbins=periodic)
    except ValueError as error:
        hint = "" if name in signal.windows.__all__ else errors.closest_match(name, signal.windows.__all__)
        raise ValueError(
            f"STFT: window: expected the name of a window of scipy.signal.windows that needs no arguments, received "
            f"{name!r}.{hint} For any other, give an array with its values."
        ) from error


family.add(Zeros, "zero")
family.add(Ones, "one")
family.add(Identity, "IdentityInitializer")
family.add(STFT, "STFTInitializer")

constant, zeros, ones, identity, stft = Constant, Zeros, Ones, Identity, STFT
IdentityInitializer, STFTInitializer = Identity, STFT
