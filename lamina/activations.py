"""Activations: the nonlinear functions between layers, by Keras' names.

Each takes an array of any shape (a list, number or `Variable` too) and returns a `jax.Array` of the same shape and
float dtype; whole numbers become the default float type first. All can be traced, and gradients stay finite wherever
the value is. `get` turns a name, config or function into the function; `get(None)` is `linear`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax, nn

from lamina.core import config as core_config
from lamina.core import dtypes

__all__ = [
    "relu",
    "leaky_relu",
    "relu6",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "swish",
    "mish",
    "glu",
    "softplus",
    "squareplus",
    "sparse_plus",
    "exponential",
    "sigmoid",
    "hard_sigmoid",
    "log_sigmoid",
    "sparse_sigmoid",
    "hard_silu",
    "hard_swish",
    "tanh",
    "hard_tanh",
    "tanh_shrink",
    "softsign",
    "soft_shrink",
    "hard_shrink",
    "threshold",
    "softmax",
    "log_softmax",
    "sparsemax",
    "linear",
    "get",
    "serialize",
    "deserialize",
]

_family = core_config.Family("activation", "keras.activations")


def _float(x: Any) -> jax.Array:
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(dtypes.floatx())


def _check_more_than_zero(argument: str, value: Any, where: str, hint: str) -> None:
    # A traced value (a learned one) cannot be looked at; plain numbers are what people mistype.
    if isinstance(value, (int, float)) and not value > 0:
        raise ValueError(f"{where}: {argument}: expected a number > 0, received {value!r}. {hint}")


def _check_axis(x: jax.Array, axis: int | Sequence[int], where: str) -> None:
    for one in [axis] if isinstance(axis, int) else axis:
        if not -x.ndim <= one < x.ndim:
            raise ValueError(
                f"{where}: axis: expected a whole number from {-x.ndim} to {x.ndim - 1} for an input of shape "
                f"{x.shape}, received {one}."
                if x.ndim
                else f"{where}: expected an input with at least one axis, received a single number."
            )


@_family.add
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> jax.Array:
    """Rectified linear unit: x above the threshold, negative_slope * (x - threshold) below, at most max_value.

    Args:
        x: Array, any shape. Whole numbers stay whole with the default arguments.
        negative_slope: Slope below the threshold. Default 0.
        max_value: Largest output, >= 0; None (default) is no limit.
        threshold: Where the line starts. Default 0.

    Returns: array of the same shape and dtype.
    Raises:
        ValueError: max_value < 0.
    Source: Nair & Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines.

    Example:
        >>> print(relu([-2.0, 0.0, 3.0]))
        [0. 0. 3.]
        >>> print(relu([-2.0, 0.0, 3.0], negative_slope=0.5, max_value=2.0))
        [-1.  0.  2.]
    """
    if isinstance(max_value, (int, float)) and not max_value >= 0:
        raise ValueError(f"relu: max_value: expected a number >= 0 or None, received {max_value!r}.")
    x = jnp.asarray(x)
    if negative_slope != 0.0 and max_value is None and threshold == 0:
        return nn.leaky_relu(x, negative_slope)
    upper = nn.relu(x) if threshold == 0 else jnp.where(x > threshold, x, 0)
    if max_value == 6 and threshold == 0:
        upper = nn.relu6(x)  # its gradient at 6 is 0, that of clip is 1/2
    elif max_value is not None:
        upper = jnp.clip(upper, 0, max_value)
    return upper if negative_slope == 0.0 else upper - negative_slope * nn.relu(threshold - x)


@_family.add
def leaky_relu(x: Any, negative_slope: float = 0.2) -> jax.Array:
    """Leaky rectifier: x for x >= 0, negative_slope * x below.

    Args:
        x: Array, any shape.
        negative_slope: Slope below zero. Default 0.2.

    Source: Maas et al. 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models.

    Example:
        >>> print(leaky_relu([-1.0, 1.0], negative_slope=0.5))
        [-0.5  1. ]
    """
    return nn.leaky_relu(_float(x), negative_slope)


@_family.add
def relu6(x: Any) -> jax.Array:
    """Rectifier with a ceiling of six: min(max(x, 0), 6).

    Args:
        x: Array, any shape.

    Source: Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10.

    Example:
        >>> print(relu6([-1.0, 3.0, 8.0]))
        [0. 3. 6.]
    """
    return nn.relu6(_float(x))


@_family.add
def elu(x: Any, alpha: float = 1.0) -> jax.Array:
    """Exponential linear unit: x for x > 0, alpha * (exp(x) - 1) below.

    Args:
        x: Array, any shape.
        alpha: Minus the limit for x -> -infinity. Default 1.

    Source: Clevert et al. 2016, https://arxiv.org/abs/1511.07289

    Example:
        >>> print(elu([-100.0, 2.0]))
        [-1.  2.]
    """
    return nn.elu(_float(x), alpha)


@_family.add
def selu(x: Any) -> jax.Array:
    """Scaled exponential linear unit: 1.0507 * elu(x, alpha=1.67326), which keeps mean 0 and variance 1.

    Use it with `lecun_normal` kernels and `AlphaDropout`.

    Args:
        x: Array, any shape.

    Source: Klambauer et al. 2017, https://arxiv.org/abs/1706.02515

    Example:
        >>> print(f"{selu(1.0):.4f} {selu(-100.0):.4f}")
        1.0507 -1.7581
    """
    return nn.selu(_float(x))


@_family.add
def celu(x: Any, alpha: float = 1.0) -> jax.Array:
    """Continuously differentiable ELU: max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1).

    Args:
        x: Array, any shape.
        alpha: Minus the limit for x -> -infinity, > 0. Default 1.

    Raises:
        ValueError: alpha <= 0.
    Source: Barron 2017, https://arxiv.org/abs/1704.07483

    Example:
        >>> print(celu([-100.0, 2.0], alpha=0.5))
        [-0.5  2. ]
    """
    _check_more_than_zero("alpha", alpha, "celu", "It is the depth of the negative side; for none of it use relu.")
    return nn.celu(_float(x), alpha)


@_family.add
def gelu(x: Any, approximate: bool = False) -> jax.Array:
    """Gaussian error linear unit: x * P(Z <= x) for a standard normal Z.

    Exact: 0.5 * x * (1 + erf(x / sqrt(2))). Approximate: 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))).

    Args:
        x: Array, any shape.
        approximate: Whether to use the tanh form. Default False.

    Source: Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415

    Example:
        >>> print(f"{gelu(1.0):.4f} {gelu(-1.0):.4f} {gelu(-1.0, approximate=True):.4f}")
        0.8413 -0.1587 -0.1588
    """
    x = _float(x)
    if not approximate:
        return nn.gelu(x, approximate=False)
    near = jnp.clip(x, -10.0, 10.0)  # tanh is +-1 beyond; the cube of a large x would overflow and make NaN gradients
    return x * 0.5 * (1.0 + jnp.tanh(math.sqrt(2 / math.pi) * (near + 0.044715 * near**3)))


def silu(x: Any) -> jax.Array:
    """Sigmoid-weighted linear unit, also called swish: x * sigmoid(x).

    Args:
        x: Array, any shape.

    Source: Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941

    Example:
        >>> print(f"{silu(1.0):.4f} {silu(-1.0):.4f}")
        0.7311 -0.2689
    """
    return nn.silu(_float(x))


swish = silu
_family.add(silu, "swish")


@_family.add
def mish(x: Any) -> jax.Array:
    """Mish: x * tanh(softplus(x)).

    Args:
        x: Array, any shape.

    Source: Misra 2019, https://arxiv.org/abs/1908.08681

    Example:
        >>> print(mish([0.0, 20.0]))
        [ 0. 20.]
    """
    x = _float(x)
    return x * jnp.tanh(nn.softplus(x))


@_family.add
def glu(x: Any, axis: int = -1) -> jax.Array:
    """Gated linear unit: a * sigmoid(b), where a and b are the halves of x along an axis.

    Args:
        x: Array (..., 2 * n, ...).
        axis: Axis to halve, of even length. Default -1.

    Returns: array (..., n, ...).
    Raises:
        ValueError: an axis that is absent, or of odd length.
    Source: Dauphin et al. 2017, https://arxiv.org/abs/1612.08083

    Example:
        >>> print(glu([3.0, 5.0, 0.0, 100.0]))
        [1.5 5. ]
    """
    x = _float(x)
    _check_axis(x, axis, "glu")
    if x.shape[axis] % 2:
        raise ValueError(
            f"glu: axis {axis} is split in half, so its length must be even; received an input of shape {x.shape}."
        )
    return nn.glu(x, axis)


@_family.add
def softplus(x: Any) -> jax.Array:
    """Smooth rectifier: log(1 + exp(x)), without overflow.

    Args:
        x: Array, any shape.

    Source: Dugas et al. 2001, Incorporating Second-Order Functional Knowledge for Better Option Pricing.

    Example:
        >>> print(f"{softplus(0.0):.4f} {softplus(100.0):.4f}")
        0.6931 100.0000
    """
    return nn.softplus(_float(x))


@_family.add
def squareplus(x: Any, b: float = 4) -> jax.Array:
    """Smooth rectifier without exponentials: (x + sqrt(x**2 + b)) / 2.

    Args:
        x: Array, any shape.
        b: Width of the bend, > 0. Default 4.

    Raises:
        ValueError: b <= 0.
    Source: Barron 2021, https://arxiv.org/abs/2112.11687

    Differs from Keras: exact for large |x|, where the formula as written cancels to 0 or overflows to infinity.

    Example:
        >>> print(squareplus([-1.5, 0.0, 1.5]))
        [0.5 1.  2. ]
    """
    _check_more_than_zero("b", b, "squareplus", "It is the width of the bend; for none use relu.")
    x = _float(x)
    positive, size = jnp.where(x >= 0, x, 0), jnp.where(x >= 0, x, -x)
    # The same formula multiplied by its conjugate: max(x, 0) + (b / 2) / (|x| + sqrt(x**2 + b)).
    return positive + 0.5 * b / (size + jnp.hypot(x, jnp.sqrt(jnp.asarray(b, x.dtype))))


@_family.add
def sparse_plus(x: Any) -> jax.Array:
    """Rectifier with a parabola for a bend: 0 for x <= -1, (x + 1)**2 / 4 between, x for x >= 1.

    Args:
        x: Array, any shape.

    Source: Martins & Astudillo 2016, https://arxiv.org/abs/1602.02068 (it is the integral of `sparse_sigmoid`).

    Example:
        >>> print(sparse_plus([-2.0, 0.0, 2.0]))
        [0.   0.25 2.  ]
    """
    x = _float(x)
    bend = jnp.where(jnp.abs(x) < 1, x, 0)  # the square is taken of small numbers only: no overflow in its gradient
    return jnp.where(x <= -1, 0, jnp.where(x >= 1, x, jnp.square(bend + 1) / 4))


@_family.add
def exponential(x: Any) -> jax.Array:
    """Exponential: exp(x).

    Args:
        x: Array, any shape.

    Example:
        >>> print(f"{exponential(1.0):.4f}")
        2.7183
    """
    return jnp.exp(_float(x))


@_family.add
def sigmoid(x: Any) -> jax.Array:
    """Logistic function: 1 / (1 + exp(-x)), from 0 to 1.

    Args:
        x: Array, any shape.

    Example:
        >>> print(sigmoid([-100.0, 0.0, 100.0]))
        [0.  0.5 1. ]
    """
    return nn.sigmoid(_float(x))


@_family.add
def hard_sigmoid(x: Any) -> jax.Array:
    """Piecewise linear sigmoid: min(max(x / 6 + 1/2, 0), 1).

    Args:
        x: Array, any shape.

    Source: Courbariaux et al. 2015, https://arxiv.org/abs/1511.00363 (with slope 1/6 as in Howard et al. 2019).

    Example:
        >>> print(hard_sigmoid([-3.0, 0.0, 3.0]))
        [0.  0.5 1. ]
    """
    return nn.hard_sigmoid(_float(x))


@_family.add
def log_sigmoid(x: Any) -> jax.Array:
    """Logarithm of the sigmoid: -log(1 + exp(-x)), without overflow.

    Args:
        x: Array, any shape.

    Example:
        >>> print(f"{log_sigmoid(0.0):.4f} {log_sigmoid(-100.0):.4f}")
        -0.6931 -100.0000
    """
    return nn.log_sigmoid(_float(x))


@_family.add
def sparse_sigmoid(x: Any) -> jax.Array:
    """Sigmoid that reaches its limits: min(max((x + 1) / 2, 0), 1).

    Args:
        x: Array, any shape.

    Source: Martins & Astudillo 2016, https://arxiv.org/abs/1602.02068

    Example:
        >>> print(sparse_sigmoid([-1.0, 0.0, 1.0]))
        [0.  0.5 1. ]
    """
    return nn.sparse_sigmoid(_float(x))


def hard_silu(x: Any) -> jax.Array:
    """Piecewise form of silu, also called hard swish: x * hard_sigmoid(x).

    Args:
        x: Array, any shape.

    Source: Howard et al. 2019, https://arxiv.org/abs/1905.02244

    Example:
        >>> print(hard_silu([-3.0, 0.0, 3.0]))
        [-0.  0.  3.]
    """
    return nn.hard_silu(_float(x))


hard_swish = hard_silu
_family.add(hard_silu, "hard_swish")


@_family.add
def tanh(x: Any) -> jax.Array:
    """Hyperbolic tangent: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), from -1 to 1.

    Args:
        x: Array, any shape.

    Example:
        >>> print(tanh([-100.0, 0.0, 100.0]))
        [-1.  0.  1.]
    """
    return jnp.tanh(_float(x))


@_family.add
def hard_tanh(x: Any) -> jax.Array:
    """Piecewise linear tanh: min(max(x, -1), 1).

    Args:
        x: Array, any shape. Whole numbers stay whole.

    Source: Collobert 2004, Large Scale Machine Learning.

    Example:
        >>> print(hard_tanh([-2.0, 0.5, 2.0]))
        [-1.   0.5  1. ]
    """
    return nn.hard_tanh(jnp.asarray(x))


@_family.add
def tanh_shrink(x: Any) -> jax.Array:
    """What tanh takes away: x - tanh(x).

    Args:
        x: Array, any shape.

    Example:
        >>> print(tanh_shrink([0.0, 20.0]))
        [ 0. 19.]
    """
    x = _float(x)
    return x - jnp.tanh(x)


@_family.add
def softsign(x: Any) -> jax.Array:
    """Softsign: x / (1 + |x|), from -1 to 1.

    Args:
        x: Array, any shape.

    Source: Turian et al. 2009, Quadratic Features and Deep Architectures for Chunking.

    Example:
        >>> print(softsign([-1.0, 0.0, 3.0]))
        [-0.5   0.    0.75]
    """
    return nn.soft_sign(_float(x))


@_family.add
def soft_shrink(x: Any, threshold: float = 0.5) -> jax.Array:
    """Soft shrinkage, pulling x towards 0: sign(x) * max(|x| - threshold, 0).

    Args:
        x: Array, any shape.
        threshold: How far it pulls, >= 0. Default 0.5.

    Source: Donoho 1995, De-noising by Soft-Thresholding.

    Example:
        >>> print(soft_shrink([-2.0, 0.2, 2.0]))
        [-1.5  0.   1.5]
    """
    x = _float(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@_family.add
def hard_shrink(x: Any, threshold: float = 0.5) -> jax.Array:
    """Hard shrinkage: x where |x| > threshold, else 0.

    Args:
        x: Array, any shape.
        threshold: Half width of the zero range, >= 0. Default 0.5.

    Source: Donoho & Johnstone 1994, Ideal Spatial Adaptation by Wavelet Shrinkage.

    Example:
        >>> print(hard_shrink([-2.0, 0.2, 2.0]))
        [-2.  0.  2.]
    """
    x = _float(x)
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@_family.add
def threshold(x: Any, threshold: float, default_value: float) -> jax.Array:
    """Threshold: x where x > threshold, else default_value.

    Args:
        x: Array, any shape.
        threshold: Values at or below it are replaced.
        default_value: What replaces them.

    Example:
        >>> print(threshold([0.0, 1.0, 2.0], threshold=0.5, default_value=-1.0))
        [-1.  1.  2.]
    """
    x = _float(x)
    return jnp.where(x > threshold, x, default_value)


@_family.add
def softmax(x: Any, axis: int | Sequence[int] = -1) -> jax.Array:
    """Probabilities from scores: exp(x) / sum(exp(x)) along an axis, without overflow.

    Args:
        x: Array with at least one axis.
        axis: Axis, or several, that sum to one. Default -1.

    Raises:
        ValueError: an axis that x does not have.
    Warns: an axis of length 1, where the result is always 1.
    Source: Bridle 1990, Training Stochastic Model Recognition Algorithms as Networks.

    Example:
        >>> print(softmax([0.0, 0.0, 1000.0, 1000.0]))
        [0.  0.  0.5 0.5]
    """
    x = _float(x)
    axes = axis if isinstance(axis, int) else tuple(axis)
    _check_axis(x, axes, "softmax")
    if math.prod(x.shape[one] for one in ([axes] if isinstance(axes, int) else axes)) == 1:
        warnings.warn(
            f"softmax along axis {axis} of an input of shape {x.shape} is always 1, because that axis has one element. "
            "For a single probability use sigmoid.",
            stacklevel=2,
        )
    return nn.softmax(x, axis=axes)


@_family.add
def log_softmax(x: Any, axis: int | Sequence[int] = -1) -> jax.Array:
    """Logarithm of the softmax: x - log(sum(exp(x))) along an axis, without overflow.

    Args:
        x: Array with at least one axis.
        axis: Axis, or several, along which the probabilities sum to one. Default -1.

    Raises:
        ValueError: an axis that x does not have.

    Example:
        >>> print(log_softmax([0.0, 1000.0]))
        [-1000.     0.]
    """
    x = _float(x)
    axes = axis if isinstance(axis, int) else tuple(axis)
    _check_axis(x, axes, "log_softmax")
    return nn.log_softmax(x, axis=axes)


@_family.add
def sparsemax(x: Any, axis: int = -1) -> jax.Array:
    """Probabilities with exact zeros: max(x - tau, 0), with the tau for which they sum to one along an axis.

    It is the point of the probability simplex that is nearest to x.

    Args:
        x: Array with at least one axis.
        axis: Axis that sums to one. Default -1.

    Raises:
        ValueError: an axis that x does not have.
    Source: Martins & Astudillo 2016, https://arxiv.org/abs/1602.02068, algorithm 1.

    Differs from Keras: the result sums to one. Keras 3.15's tau is wrong as soon as two entries are above zero.

    Example:
        >>> print(sparsemax([0.0, 0.5, 1.0]))
        [0.   0.25 0.75]
    """
    x = _float(x)
    _check_axis(x, axis, "sparsemax")
    z = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    z = z - lax.stop_gradient(jnp.max(z, axis=axis, keepdims=True))  # the answer is the same, the sums stay small
    ranked = -jnp.sort(-lax.stop_gradient(z), axis=axis)
    rank = jnp.expand_dims(jnp.arange(1, x.shape[axis] + 1), [i for i in range(x.ndim) if i != axis % x.ndim])
    above = 1 + rank * ranked > jnp.cumsum(ranked, axis=axis)
    # Ranking only decides who stays; tau is then a plain mean of those, so that no gradient goes through the sort.
    stays = z >= jnp.min(jnp.where(above, ranked, 0), axis=axis, keepdims=True)
    total = jnp.sum(jnp.where(stays, z, 0), axis=axis, keepdims=True)
    tau = (total - 1) / jnp.sum(stays, axis=axis, keepdims=True)
    return jnp.maximum(z - tau, 0).astype(x.dtype)


@_family.add
def linear(x: Any) -> Any:
    """Identity: x, untouched.

    Args:
        x: Anything.

    Example:
        >>> linear(3.0)
        3.0
    """
    return x


def get(identifier: Any) -> Callable[..., Any]:
    """Return the activation for a name, config, function or layer; None is `linear`.

    Args:
        identifier: Name such as "relu", dict of `serialize`, any callable, or None.

    Raises:
        LaminaError (a ValueError): an unknown name.
        TypeError: something that cannot be called.

    Example:
        >>> get("relu") is relu, get(None) is linear
        (True, True)
    """
    if identifier is None:
        return linear
    return deserialize(identifier) if isinstance(identifier, dict) else _family.get(identifier)


def serialize(activation: Any) -> Any:
    """Return the name of an activation of this module, or the config dict of another function or layer.

    Example:
        >>> serialize(swish)
        'silu'
    """
    return core_config.serialize(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """Return the activation that a name or config of `serialize` stands for.

    Args:
        config: Name, dict, or None. A layer's config (`LeakyReLU()` as an activation) gives that layer.
        custom_objects: Functions and classes of yours by name.

    Raises:
        LaminaError (a ValueError): an unknown name.

    Example:
        >>> deserialize("tanh") is tanh
        True
    """
    if isinstance(config, dict) and config.get("module") not in (None, "builtins", _family.module):
        return core_config.deserialize(config, custom_objects)
    return linear if config is None else _family.deserialize(config, custom_objects)
