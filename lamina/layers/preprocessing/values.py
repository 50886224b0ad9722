"""Layers that scale raw values: `Rescaling`, `Normalization`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core import dtypes
from lamina.layers.base import Layer, family
from lamina.layers.shapes import Shape, is_shape


@family.add
class Rescaling(Layer):
    """Scale and shift: y = x * scale + offset, e.g. pixels 0..255 to 0..1 with scale=1/255.

    Args:
        scale: Factor, or one for each channel.
        offset: Added after scaling; a number, or one for each channel.
    Input: any shape, any number type (uint8 images stay uint8 until here).   Output: the same shape, compute dtype.

    Example:
        >>> Rescaling(1 / 255)(np.array([[0, 255]], "uint8"))
        Array([[0., 1.]], dtype=float32)
    """

    _takes_one_array = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for argument, value in {"scale": scale, "offset": offset}.items():
            if np.asarray(value).dtype.kind not in "fiub":
                raise ValueError(
                    f"Rescaling {self.name!r}: {argument}: expected a number, or one for each channel, "
                    f"received {value!r}."
                )
        self.scale, self.offset = scale, offset
        self.supports_masking = True

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return inputs * scale + offset."""
        dtype = self.compute_dtype
        return inputs.astype(dtype) * jnp.asarray(self.scale, dtype) + jnp.asarray(self.offset, dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape


@family.add
class Normalization(Layer):
    """Standardise features: y = (x - mean) / max(sqrt(variance), 1e-7), with the statistics that `adapt` measured.

    Args:
        axis: Axis or axes that have statistics of their own (-1: each feature); None uses one mean for everything.
        mean, variance: Statistics, instead of `adapt`; both or none.
        invert: Whether to undo a normalisation: y = mean + x * sqrt(variance).
    Input: (batch, ..., features), numbers.   Output: the same shape, compute dtype.
    Weights: mean, variance (features,), count (), none of them trainable.

    Raises:
        ValueError: only one of mean and variance; data whose features differ from those it was built for.

    Example:
        >>> norm = Normalization()
        >>> norm.adapt(np.array([[0.0, 10.0], [2.0, 30.0]]))
        >>> norm(np.array([[2.0, 10.0]]))
        Array([[ 1., -1.]], dtype=float32)
    """

    _takes_one_array = True

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None) or np.shape(mean) != np.shape(variance):
            raise ValueError(
                f"Normalization {self.name!r}: give both mean and variance, of one shape, or neither (and call adapt); "
                f"received mean={mean!r}, variance={variance!r}."
            )
        axes = () if axis is None else (axis,) if isinstance(axis, int) else axis
        if not is_shape(axes) or None in axes:
            raise ValueError(f"Normalization {self.name!r}: axis: expected whole numbers or None, received {axis!r}.")
        self.axis: tuple[int, ...] = tuple(axes)
        self.input_mean, self.input_variance = mean, variance
        self.invert = invert
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Create mean, variance and count."""
        kept = self._kept(len(input_shape))
        if kept is None or any(input_shape[a] is None for a in kept):
            raise ValueError(
                f"Normalization {self.name!r}: axis {self.axis} must be axes of known size, received input shape "
                f"{input_shape}."
            )
        self._features: tuple[int, ...] = tuple(input_shape[a] for a in kept)  # type: ignore[misc] # checked above
        given = np.shape(self.input_mean)
        if len(given) > len(self._features) or any(
            n not in (1, size) for n, size in zip(given[::-1], self._features[::-1], strict=False)
        ):
            raise ValueError(
                f"Normalization {self.name!r}: mean and variance of shape {given} do not fit the sizes "
                f"{self._features} on axis {self.axis} of the input shape {input_shape}."
            )
        if self.input_mean is None:
            self.mean = self.add_weight(self._features, "zeros", trainable=False, autocast=False, name="mean")
            self.variance = self.add_weight(self._features, "ones", trainable=False, autocast=False, name="variance")
            self.count = self.add_weight((), "zeros", "int32", trainable=False, name="count")

    def check_input(self, inputs: Any) -> None:
        """Raise unless the kept axes have the sizes of the statistics."""
        shape = np.shape(inputs)
        kept = self._kept(len(shape))
        if kept is None or tuple(shape[a] for a in kept) != self._features:
            raise ValueError(
                f"Normalization {self.path!r}: expected size {self._features} on axis {self.axis}, received input of "
                f"shape {shape}. It was built for {self._build_shape}."
            )

    def _kept(self, rank: int) -> tuple[int, ...] | None:
        """The axes with statistics of their own, counted from the front; None when there are fewer axes."""
        inside = all(-rank <= a < rank for a in self.axis)
        return tuple(sorted(a % rank for a in self.axis)) if inside else None

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the standardised inputs."""
        x = inputs.astype(self.compute_dtype)
        mean, variance = (self._spread(v, x) for v in self._statistics())
        if self.invert:
            return mean + x * jnp.maximum(jnp.sqrt(variance), 1e-7)
        return (x - mean) / jnp.maximum(jnp.sqrt(variance), 1e-7)

    def _statistics(self) -> tuple[Any, Any]:
        if self.input_mean is None:
            return self.mean.value, self.variance.value
        return np.asarray(self.input_mean), np.asarray(self.input_variance)

    def _spread(self, value: Any, x: jax.Array) -> jax.Array:
        """Put the axes of a statistic where they are in `x`."""
        value = jnp.asarray(value, x.dtype)
        shape = [1] * x.ndim
        kept = self._kept(x.ndim) or ()
        for axis, size in zip(kept[len(kept) - value.ndim :], value.shape, strict=True):
            shape[axis] = size
        return value.reshape(shape)

    def adapt(self, data: Any) -> None:
        """Measure mean and variance (biased, over all axes but `axis`) and keep them; earlier ones are forgotten.

        Args:
            data: Array (n, ..., features), data frame, or an iterable of batches.

        Raises:
            ValueError: empty data, NaN or infinity, or features other than the layer was built for.
        """
        if self.input_mean is not None:
            raise ValueError(f"Normalization {self.name!r}: adapt cannot be used when mean and variance were given.")
        total: tuple[int, Any, Any] = (0, 0.0, 0.0)
        for batch in _batches(data, self.name):
            if not self.built:
                self.build((None, *batch.shape[1:]))
            self.check_input(batch)
            total = self._merge(total, batch)
        if total[0] == 0:
            raise ValueError(f"Normalization {self.name!r}: adapt received no data. Expected at least one row.")
        _, mean, variance = total
        if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
            bad = np.flatnonzero(~np.isfinite(np.atleast_1d(mean)))[:5].tolist()
            raise ValueError(
                f"Normalization {self.name!r}: adapt: the data hold NaN or infinity (features {bad}). "
                "Drop or impute those rows first."
            )
        self.mean.assign(np.asarray(mean, self.mean.dtype))
        self.variance.assign(np.asarray(variance, self.variance.dtype))

    def _merge(self, total: tuple[int, Any, Any], batch: np.ndarray) -> tuple[int, Any, Any]:
        """Add a batch to (count, mean, variance), after Chan, Golub & LeVeque 1979."""
        kept = self._kept(batch.ndim) or ()
        reduce = tuple(a for a in range(batch.ndim) if a not in kept)
        count = math.prod(batch.shape[a] for a in reduce)
        with np.errstate(invalid="ignore"):  # infinities: adapt is about to say so, by feature
            mean, variance = np.mean(batch, axis=reduce), np.var(batch, axis=reduce)
        old, old_mean, old_variance = total
        if old == 0:
            return count, mean, variance
        share, delta = count / (old + count), mean - old_mean
        merged = old_variance * (1 - share) + variance * share + delta**2 * share * (1 - share)
        return old + count, old_mean + delta * share, merged

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, with mean and variance as Keras writes them."""
        config = super().get_config()
        for name, value in {"mean": self.input_mean, "variance": self.input_variance}.items():
            config[name] = None if value is None else np.asarray(value).tolist()
        return config


def _batches(data: Any, name: str) -> Iterable[np.ndarray]:
    """One array, or each batch of an iterable, as float arrays."""
    several = not hasattr(data, "__array__") and not hasattr(data, "shape")
    if several and isinstance(data, (list, tuple)):
        several = bool(data) and hasattr(data[0], "shape") and np.ndim(data[0]) > 0
    for batch in data if several else [data]:
        batch = batch[0] if isinstance(batch, tuple) else batch
        array = np.asarray(batch)
        if array.dtype.kind not in "fiub" and not dtypes.is_float(array.dtype):
            raise ValueError(
                f"Normalization {name!r}: adapt expected numbers, received dtype {array.dtype}. Encode text first."
            )
        if dtypes.is_float(array.dtype) and array.dtype.itemsize < 4:
            array = array.astype(np.float32)  # NumPy sums whole numbers in float64, but 16-bit floats as they are
        if array.shape[:1] != (0,):
            yield array
