"""`Embedding`: a table of vectors, looked up by number."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina import constraints, initializers, regularizers
from lamina.core.dtypes import is_float
from lamina.core.errors import check_positive_int, warn_user
from lamina.layers.base import Layer, family
from lamina.layers.shapes import Shape


@family.add
class Embedding(Layer):
    """Replace each whole number by its row of a table: y[...] = embeddings[x[...]].

    Args:
        input_dim: Number of rows: the largest number + 1, >= 1.
        output_dim: Length of the vectors, >= 1.
        embeddings_initializer: Initial table. Default uniform in [-0.05, 0.05].
        embeddings_regularizer, embeddings_constraint: Penalty and projection of the table.
        mask_zero: Whether 0 is padding, which layers further on leave out. Default False.
        weights: Initial table (input_dim, output_dim), an array or a list with one; None draws it.
    Input: (batch, ...), whole numbers from 0 to input_dim - 1.   Output: (batch, ..., output_dim), compute dtype.
    Mask: x != 0 if `mask_zero`.
    Weights: embeddings (input_dim, output_dim).

    Raises:
        ValueError: a number outside the table, where the values are known (an eager call). Inside a compiled function
            they are not, and the vector of such a number is NaN, so that it shows; its gradient touches no row.

    Differs from Keras: -1 is outside, not the last row; values of eager calls are checked; LoRA does not exist.

    Example:
        >>> Embedding(10, 4)(jnp.array([[1, 2, 3]])).shape
        (1, 3, 4)
    """

    _takes_one_array = True
    _keras_only = {"quantization_config": None, "lora_rank": None, "lora_alpha": None}

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("input_length", None) is not None:
            warn_user("Embedding: input_length is not needed, the length comes from the data. Remove it.")
        super().__init__(**kwargs)
        where = f"Embedding {self.name!r}: "
        self.input_dim = check_positive_int("input_dim", input_dim, where)
        self.output_dim = check_positive_int("output_dim", output_dim, where)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = bool(mask_zero)
        self.supports_masking = self.mask_zero
        self.autocast = False  # numbers of rows must not be rounded to 16 bits
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, (list, tuple)) and len(weights) == 1 else [weights])

    @classmethod
    def config_parameters(cls) -> list[str]:
        """Names of the constructor's parameters; `weights` is state, no setting."""
        return [name for name in super().config_parameters() if name != "weights"]

    def build(self, input_shape: Shape | None = None) -> None:
        """Create the table (input_dim, output_dim)."""
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            autocast=False,  # rows are cast once they are looked up, so that gradients add up in the storage dtype
            name="embeddings",
        )

    def check_input(self, inputs: jax.Array) -> None:
        """Raise where a value is known and outside the table."""
        if isinstance(inputs, jax.core.Tracer):
            return
        values = np.asarray(inputs)
        good = (values >= 0) & (values < self.input_dim)
        if is_float(values.dtype):
            good &= values == np.floor(values)
        if not good.all():
            raise ValueError(self._outside(values, good))

    def _outside(self, values: np.ndarray, good: np.ndarray) -> str:
        place = tuple(map(int, np.argwhere(~good)[0]))
        names = ("row", "column", *(f"axis {i}" for i in range(2, len(place))))
        where = ", ".join(f"{name} {i}" for name, i in zip(names, place, strict=False))
        return (
            f"Embedding {self.path!r}: expected whole numbers from 0 to {self.input_dim - 1} (input_dim = "
            f"{self.input_dim}), received {values[place]}{f' at {where}' if where else ''} "
            f"({np.count_nonzero(~good)} of {values.size} values are outside). Give input_dim the largest number + 1, "
            "or map rare and unknown values to a number of their own."
        )

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the rows of the table."""
        rows = inputs if inputs.dtype in (jnp.int32, jnp.int64) else inputs.astype(jnp.int32)
        vectors = self.embeddings.value.at[rows].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
        return vectors.astype(self.compute_dtype)

    def compute_mask(self, inputs: jax.Array, previous_mask: Any = None) -> jax.Array | None:
        """Return x != 0 if `mask_zero`, else None."""
        return jnp.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, ..., output_dim)."""
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; Keras writes the activity regularizer always."""
        return {"activity_regularizer": None, **super().get_config()}
