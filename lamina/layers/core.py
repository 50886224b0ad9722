"""`Input`, `Dense` and `Identity`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina import activations, constraints, initializers, regularizers
from lamina.core import dtypes, naming
from lamina.core.errors import check_positive_int
from lamina.core.symbolic import KerasTensor, Spec, record
from lamina.layers.base import Layer, family
from lamina.layers.shapes import Shape, is_shape


@family.add
class InputLayer(Layer):
    """Entry of a model; use `Input(shape)` to make one.

    Args:
        shape: Shape of one sample, without the batch axis; None marks a free axis.
        batch_size: Fixed batch size, or None.
        dtype: Dtype of the data; None is the default float type.
        name: Name of the input.
        batch_shape: Shape with the batch axis, instead of `shape` and `batch_size`.

    Example:
        >>> InputLayer(shape=(8,)).batch_shape
        (None, 8)
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        name: str | None = None,
        batch_shape: Sequence[int | None] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                "Input: expected shape= (of one sample, e.g. (28, 28)) or batch_shape= (with the batch axis), one of "
                f"them; received shape={shape}, batch_shape={batch_shape}."
            )
        given: Any = batch_shape if shape is None else shape
        sizes = given[1:] if shape is None and is_shape(given) else given
        if not is_shape(given) or any(n is not None and n < 1 for n in sizes or ()):
            raise ValueError(
                "Input: shape: expected a tuple of sizes >= 1 (None for a free axis) such as (28, 28), "
                f"received {given!r}."
            )
        self.batch_shape: Shape = tuple(given) if shape is None else (batch_size, *given)
        self._dtype = dtypes.standardize_dtype(dtype)
        self.built = True
        self.tensor: KerasTensor = record(self, (), {}, Spec(self.batch_shape, self._dtype), self.name)

    @property
    def dtype(self) -> str:
        """Dtype of the data."""
        return self._dtype

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the inputs."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the arguments as Keras writes them."""
        config = {"batch_shape": self.batch_shape, "dtype": self.dtype, "name": self.name}
        return config | {"sparse": False, "ragged": False, "optional": False}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputLayer:
        """Build an input from `get_config`'s dict."""
        known = {"batch_shape", "shape", "batch_size", "dtype", "name"}
        return cls(**{key: value for key, value in config.items() if key in known})


def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    name: str | None = None,
    batch_shape: Sequence[int | None] | None = None,
) -> KerasTensor:
    """Declare a model's input; the arguments are those of `InputLayer`.

    Output: a symbolic tensor of shape (batch, *shape).

    Example:
        >>> Input(shape=(28, 28)).shape
        (None, 28, 28)
    """
    name = name or naming.unique_name("input_layer")
    return InputLayer(shape=shape, batch_size=batch_size, dtype=dtype, name=name, batch_shape=batch_shape).tensor


@family.add
class Dense(Layer):
    """Affine map of the last axis, then an activation: y = f(x @ kernel + bias).

    Args:
        units: Width of the output, int >= 1.
        activation: Name or callable f, applied to the outputs; None is the identity.
        use_bias: Whether bias is added. Default True.
        kernel_initializer, bias_initializer: Initial weights. Default Glorot uniform and zeros.
        kernel_regularizer, bias_regularizer, activity_regularizer: Penalties that join the loss.
        kernel_constraint, bias_constraint: Projections applied after each update.
    Input: (batch, ..., features), float.   Output: (batch, ..., units), compute dtype.
    Weights: kernel (features, units); bias (units,).

    Raises:
        ValueError: units < 1; an input with fewer than two axes, or with other features than the kernel was built for.

    Source: default kernel after Glorot & Bengio 2010, uniform variant.

    Example:
        >>> Dense(3)(jnp.ones((2, 5))).shape
        (2, 3)
    """

    _takes_one_array = True

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = check_positive_int("units", units, f"Dense {self.name!r}: ")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Create kernel (features, units) and bias (units,)."""
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                f"Dense {self.name!r}: expected input of shape (batch, ..., features) with a known number of features, "
                f"received {input_shape}. Add the feature axis, e.g. x[:, None] or Input(shape=(1,))."
            )
        self.kernel = self.add_weight(
            (input_shape[-1], self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.kernel.is_kernel = self.kernel_constraint is None  # constraints look at its axes
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def check_input(self, inputs: Any) -> None:
        """Raise unless the last axis has the features of the kernel."""
        features = self.kernel.shape[0]
        shape = inputs.shape
        if len(shape) < 2 or shape[-1] != features:
            flatten = " If these are images, put Flatten() before this layer." if len(shape) > 2 else ""
            raise ValueError(
                f"Dense {self.path!r}: expected input of shape (batch, ..., {features}), received {shape}.{flatten}"
            )

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return f(inputs @ kernel + bias)."""
        y = jnp.matmul(inputs, self.kernel.value)
        if self.bias is not None:
            y = y + self.bias.value
        return self.activation(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, ..., units)."""
        return (*input_shape[:-1], self.units)


@family.add
class Identity(Layer):
    """Return the input unchanged: y = x.

    Input: any shape.   Output: the same.

    Example:
        >>> Identity()(jnp.ones(2))
        Array([1., 1.], dtype=float32)
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input shape."""
        return input_shape
