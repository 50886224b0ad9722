"""Initializers that draw random numbers, with NumPy on the host: no compilation, the same values everywhere.

`VarianceScaling` holds the formula of the Glorot, He and Lecun families; they differ in its arguments only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from lamina.core import errors
from lamina.core.random import SeedGenerator, next_seed
from lamina.initializers._base import Initializer, check_number, check_shape, family, float_dtype, to_device

# Standard deviation of a standard normal cut off at +-2.
_TRUNCATED_STDDEV = 0.87962566103423978


class RandomInitializer(Initializer):
    """Base of the random initializers: keeps the seed, draws, rounds and moves the values to the device.

    Args:
        seed: Whole number: the same values at each call with the same shape. `SeedGenerator`: new values at each call.
            None: a seed is drawn once, when the object is made, from the stream of `set_random_seed`.

    Raises:
        TypeError: seed is something else.
    """

    def __init__(self, seed: Any = None) -> None:
        whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
        if not (seed is None or whole or isinstance(seed, SeedGenerator)):
            raise TypeError(
                f"{type(self).__name__}: seed: expected a whole number, a SeedGenerator or None, received {seed!r} of "
                f"type {type(seed).__name__}."
            )
        self.seed = seed
        self._source: Any = next_seed() if seed is None else seed  # apart from `seed`, so that a config says None

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        """Return new values of a shape and a float dtype (None: the default float type)."""
        name = type(self).__name__
        shape, dtype = check_shape(shape, name), float_dtype(dtype, name)
        return to_device(self.draw(self._generator(), shape), dtype)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return float64 values of `shape`; what a subclass defines."""
        raise NotImplementedError(f"{type(self).__name__} has no draw(self, generator, shape).")

    def _generator(self) -> np.random.Generator:
        if isinstance(self._source, SeedGenerator):
            self._source._draws += 1  # the count is shared with whoever else draws from this generator
            key = (self._source.seed % 2**64, self._source._draws)
        else:
            key = (int(self._source) % 2**64, 0)
        return np.random.Generator(np.random.Philox(key=np.array(key, np.uint64)))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; a `SeedGenerator` goes in as Keras writes one."""
        if not isinstance(self.seed, SeedGenerator):
            return super().get_config()
        generator = {"seed": self.seed.seed, "name": "seed_generator"}
        entry = {"module": "keras.random", "class_name": "SeedGenerator", "config": generator, "registered_name": None}
        names = [name for name in self.config_parameters() if name != "seed"]
        return {"seed": entry, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> RandomInitializer:
        """Build an initializer from `get_config`'s dict."""
        seed = config.get("seed")
        if isinstance(seed, dict) and seed.get("class_name") == "SeedGenerator":
            config = {**config, "seed": SeedGenerator(seed["config"].get("seed"))}
        return super().from_config(config)


@family.add
class RandomNormal(RandomInitializer):
    """Normal distribution N(mean, stddev**2).

    Args:
        mean: Mean. Default 0.
        stddev: Standard deviation, >= 0. Default 0.05.
        seed: Whole number, `SeedGenerator` or None, see `RandomInitializer`.

    Output: array of the shape and float dtype asked for.
    Raises:
        ValueError: stddev < 0, or a dtype that is not a float one.

    Example:
        >>> print(f"{RandomNormal(seed=1)((1000,)).std():.2f}")
        0.05
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        check_number("mean", mean, type(self).__name__)
        check_number("stddev", stddev, type(self).__name__, minimum=0)
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return float64 values."""
        return float(self.mean) + float(self.stddev) * generator.standard_normal(shape)


@family.add
class TruncatedNormal(RandomInitializer):
    """Normal distribution N(mean, stddev**2) without what is further than two standard deviations from the mean.

    Args:
        mean: Mean. Default 0.
        stddev: Standard deviation before the cut, >= 0; after it, it is 0.8796 times that. Default 0.05.
        seed: Whole number, `SeedGenerator` or None, see `RandomInitializer`.

    Output: array of the shape and float dtype asked for.
    Raises:
        ValueError: stddev < 0, or a dtype that is not a float one.

    Example:
        >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((1000,))).max() <= 2)
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        check_number("mean", mean, type(self).__name__)
        check_number("stddev", stddev, type(self).__name__, minimum=0)
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return float64 values."""
        return float(self.mean) + float(self.stddev) * _truncated_normal(generator, shape)


@family.add
class RandomUniform(RandomInitializer):
    """Uniform distribution from minval to maxval.

    Args:
        minval: Lower end. Default -0.05.
        maxval: Upper end, >= minval. Default 0.05.
        seed: Whole number, `SeedGenerator` or None, see `RandomInitializer`.

    Output: array of the shape and float dtype asked for.
    Raises:
        ValueError: minval > maxval, or a dtype that is not a float one.

    Example:
        >>> values = RandomUniform(0.0, 1.0, seed=1)((1000,))
        >>> bool(values.min() >= 0), bool(values.max() <= 1)
        (True, True)
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        where = type(self).__name__
        if check_number("minval", minval, where) > check_number("maxval", maxval, where):
            raise ValueError(f"{where}: minval: expected a number <= maxval = {maxval!r}, received {minval!r}.")
        self.minval, self.maxval = minval, maxval
        super().__init__(seed)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return float64 values."""
        return generator.uniform(float(self.minval), float(self.maxval), shape)


@family.add
class VarianceScaling(RandomInitializer):
    """Values with mean 0 and variance scale / n, where n is a fan of the weight.

    fan_in is the number of inputs of a unit, fan_out that of outputs: for a kernel (inputs, units) the two axes, for a
    convolution (*window, channels, filters) channels or filters times the window's size.

    Args:
        scale: Variance times n, > 0. Default 1.
        mode: n: "fan_in" (default), "fan_out", or "fan_avg" (their mean).
        distribution: "truncated_normal" (default; "normal" is the same), "untruncated_normal", or "uniform".
        seed: Whole number, `SeedGenerator` or None, see `RandomInitializer`.
        input_axes: Axes whose product is fan_in; give both or neither. None (default): as described above.
        output_axes: Axes whose product is fan_out.

    Output: array of the shape and float dtype asked for.
    Raises:
        ValueError: scale <= 0, an unknown mode or distribution, one of input_axes and output_axes without the other,
            or an axis that the shape does not have.
    Source: Glorot & Bengio 2010; He et al. 2015, https://arxiv.org/abs/1502.01852

    Example:
        >>> values = VarianceScaling(2.0, "fan_in", "untruncated_normal", seed=1)((200, 100))
        >>> print(f"{values.var():.3f}")  # 2 / 200
        0.010
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        where = type(self).__name__
        if not check_number("scale", scale, where) > 0:
            raise ValueError(f"{where}: scale: expected a number > 0, received {scale!r}.")
        errors.check_choice("mode", mode, ["fan_in", "fan_out", "fan_avg"], f"{where}: ")
        distribution = distribution.lower() if isinstance(distribution, str) else distribution
        distribution = "truncated_normal" if distribution == "normal" else distribution
        known = ["truncated_normal", "untruncated_normal", "uniform"]
        errors.check_choice("distribution", distribution, known, f"{where}: ")
        if (input_axes is None) != (output_axes is None):
            raise ValueError(
                f"{where}: give both input_axes and output_axes, or neither; received input_axes={input_axes!r}, "
                f"output_axes={output_axes!r}."
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes
        super().__init__(seed)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return float64 values."""
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return generator.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return math.sqrt(variance) * generator.standard_normal(shape)
        return math.sqrt(variance) / _TRUNCATED_STDDEV * _truncated_normal(generator, shape)


class _NamedScaling(VarianceScaling):
    """A `VarianceScaling` whose `family_arguments` (scale, mode, distribution) are fixed."""

    family_arguments: tuple[float, str, str]

    def __init__(
        self, seed: Any = None, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
    ) -> None:
        super().__init__(*self.family_arguments, seed, input_axes, output_axes)


@family.add
class GlorotUniform(_NamedScaling):
    """Uniform from -limit to limit, limit = sqrt(6 / (fan_in + fan_out)): the default of most kernels. Also Xavier.

    Args:
        seed, input_axes, output_axes: As in `VarianceScaling`.

    Output: array of the shape and float dtype asked for.
    Source: Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html

    Example:
        >>> bool(abs(GlorotUniform(seed=1)((3, 3))).max() <= 1)
        True
    """

    family_arguments = (1.0, "fan_avg", "uniform")


@family.add
class GlorotNormal(_NamedScaling):
    """Truncated normal with variance 2 / (fan_in + fan_out), also called Xavier.

    Args:
        seed, input_axes, output_axes: As in `VarianceScaling`.

    Output: array of the shape and float dtype asked for.
    Source: Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html

    Example:
        >>> print(f"{GlorotNormal(seed=1)((300, 100)).std():.3f}")  # sqrt(2 / 400)
        0.071
    """

    family_arguments = (1.0, "fan_avg", "truncated_normal")


@family.add
class HeUniform(_NamedScaling):
    """Uniform from -limit to limit, limit = sqrt(6 / fan_in): for layers with relu.

    Args:
        seed, input_axes, output_axes: As in `VarianceScaling`.

    Output: array of the shape and float dtype asked for.
    Source: He et al. 2015, https://arxiv.org/abs/1502.01852

    Example:
        >>> bool(abs(HeUniform(seed=1)((6, 3))).max() <= 1)
        True
    """

    family_arguments = (2.0, "fan_in", "uniform")


@family.add
class HeNormal(_NamedScaling):
    """Truncated normal with variance 2 / fan_in: for layers with relu.

    Args:
        seed, input_axes, output_axes: As in `VarianceScaling`.

    Output: array of the shape and float dtype asked for.
    Source: He et al. 2015, https://arxiv.org/abs/1502.01852

    Example:
        >>> print(f"{HeNormal(seed=1)((200, 100)).std():.2f}")  # sqrt(2 / 200)
        0.10
    """

    family_arguments = (2.0, "fan_in", "truncated_normal")


@family.add
class LecunUniform(_NamedScaling):
    """Uniform from -limit to limit, limit = sqrt(3 / fan_in).

    Args:
        seed, input_axes, output_axes: As in `VarianceScaling`.

    Output: array of the shape and float dtype asked for.
    Source: LeCun et al. 1998, Efficient BackProp, section 4.6.

    Example:
        >>> bool(abs(LecunUniform(seed=1)((3, 3))).max() <= 1)
        True
    """

    family_arguments = (1.0, "fan_in", "uniform")


@family.add
class LecunNormal(_NamedScaling):
    """Truncated normal with variance 1 / fan_in: for layers with selu.

    Args:
        seed, input_axes, output_axes: As in `VarianceScaling`.

    Output: array of the shape and float dtype asked for.
    Source: LeCun et al. 1998, Efficient BackProp, section 4.6; for selu Klambauer et al. 2017.

    Example:
        >>> print(f"{LecunNormal(seed=1)((100, 100)).std():.2f}")  # sqrt(1 / 100)
        0.10
    """

    family_arguments = (1.0, "fan_in", "truncated_normal")


@family.add
class Orthogonal(RandomInitializer):
    """Uniformly distributed orthogonal matrix: the Q of Q R = a normal matrix, with R's diagonal > 0.

    A shape of more than two axes is drawn as the matrix (product of all but the last, last). With fewer rows than
    columns the rows are orthonormal, else the columns.

    Args:
        gain: Factor. Default 1.
        seed: Whole number, `SeedGenerator` or None, see `RandomInitializer`.

    Output: array of the shape and float dtype asked for.
    Raises:
        ValueError: a shape with fewer than two axes, or a dtype that is not a float one.
    Source: Saxe et al. 2014, https://arxiv.org/abs/1312.6120; signs after Mezzadri 2007, https://arxiv.org/abs/math-ph/0609050

    Example:
        >>> q = Orthogonal(seed=1)((3, 3))
        >>> print(abs(q @ q.T).round(4))
        [[1. 0. 0.]
         [0. 1. 0.]
         [0. 0. 1.]]
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        check_number("gain", gain, "Orthogonal")
        self.gain = gain
        super().__init__(seed)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return float64 values."""
        if len(shape) < 2:
            raise ValueError(
                f"Orthogonal: expected a shape of at least two axes, received {shape} with {len(shape)}. For biases "
                "use Zeros."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return float(self.gain) * (q if rows >= columns else q.T).reshape(shape)


def compute_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight's shape, see `VarianceScaling`.

    Example:
        >>> compute_fans((3, 3, 16, 32)), compute_fans((512, 8, 64), [0], [1, 2])
        ((144, 288), (512, 512))
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        bad = [axis for axis in (*input_axes, *output_axes) if not -len(shape) <= axis < len(shape)]
        if bad:
            raise ValueError(
                f"input_axes and output_axes: expected axes of the shape {shape}, from {-len(shape)} to "
                f"{len(shape) - 1}, received {bad[0]}."
            )
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)  # a bias or a number
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def _truncated_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal values in [-2, 2]: those outside are drawn again, which is exact."""
    values = generator.standard_normal(math.prod(shape))
    outside = np.flatnonzero(np.abs(values) > 2)
    while outside.size:
        values[outside] = generator.standard_normal(outside.size)
        outside = outside[np.abs(values[outside]) > 2]
    return values.reshape(shape)


family.add(RandomNormal, "normal")
family.add(RandomUniform, "uniform")
family.add(Orthogonal, "OrthogonalInitializer")

random_normal, truncated_normal, random_uniform = RandomNormal, TruncatedNormal, RandomUniform
variance_scaling, orthogonal, OrthogonalInitializer = VarianceScaling, Orthogonal, Orthogonal
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal
