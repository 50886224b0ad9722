"""`Loss`, the table of losses, and `LossFunctionWrapper` for plain functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core import config as core_config
from lamina.core import dtypes, errors, naming
from lamina.core.config import Configurable, Family
from lamina.losses._reduction import REDUCTIONS, align_weights, per_entry, reduce_weighted_values
from lamina.losses._shapes import apply, same_rank


class Loss(Configurable):
    """Base of the losses. A subclass defines `call(y_true, y_pred)`, which returns one value per sample.

    Args:
        name: Name in logs and messages; None gives the class' name in snake case, numbered.
        reduction: "sum_over_batch_size" or "mean" (over all values), "sum", "mean_with_sample_weight" (the weighted
            mean), "none" or None. Default "sum_over_batch_size".
        dtype: What labels and predictions are cast to before the loss; None is the default float type.

    Input: y_true and y_pred as the loss says, (batch, ...).
    Output: scalar; with reduction "none" one value per sample, (batch, ...).
    Raises:
        ValueError: an unknown reduction; shapes that do not go together.

    Differs from Keras: weights of shape (batch,) weigh samples whatever the rank of the values;
    "mean_with_sample_weight" divides by the weights of all values; masks are an argument; labels and predictions of
    shape (batch,) are `batch` samples with one value each; weight 0 leaves no trace even of a NaN.

    Example:
        >>> class CubicError(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)
        >>> print(CubicError()([[0.0], [0.0]], [[1.0], [2.0]]))
        4.5
    """

    mixes_samples = False  # whether a sample changes the values of others, so that a batch cannot be padded and masked

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        self.name = name or naming.unique_name(naming.to_snake_case(type(self).__name__))
        errors.check_choice("reduction", reduction, REDUCTIONS, where=f"{self.name}: ")
        self.reduction = reduction
        self.dtype = dtypes.get_policy(dtype or dtypes.floatx()).compute_dtype
        self._dtype_is_given = dtype is not None

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each sample, (batch, ...), before weights and reduction."""
        raise NotImplementedError(
            f"{type(self).__name__} has no call. A loss defines call(self, y_true, y_pred) and returns one value per "
            "sample, as in jnp.mean((y_true - y_pred) ** 2, axis=-1)."
        )

    def valid_entries(self, y_true: Any, values: jax.Array) -> jax.Array | None:
        """Return which of the values count, as bools of their shape; None is all of them."""
        return None

    def __call__(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> jax.Array:
        """Return the reduced loss.

        Args:
            y_true: Labels (batch, ...), or a dict, list or tuple of such arrays.
            y_pred: Predictions, likewise.
            sample_weight: Weight of each sample, (batch,), or of each value; None is 1.
            mask: True (or 1.0) for the entries that count, (batch,) or the values' shape; the result is that of a
                batch of these entries alone.
        """
        with jax.named_scope(self.name):
            # Labels stay in 32 bits at least: bfloat16 has no whole numbers beyond 256 but even ones.
            y_true = _cast(y_true, "float32" if self.dtype in ("bfloat16", "float16") else self.dtype)
            y_pred = _cast(y_pred, self.dtype)
            if isinstance(y_true, jax.Array) and isinstance(y_pred, jax.Array):
                y_true = per_entry(y_true, y_pred, sample_weight, mask)
            values = self._values(y_true, y_pred)
            valid = self.valid_entries(y_true, values)
            if valid is not None:
                mask = valid if mask is None else valid & (align_weights(self.name, mask, values.shape, "mask") != 0)
            return reduce_weighted_values(self.name, values, sample_weight, mask, self.reduction)

    def _values(self, y_true: Any, y_pred: Any) -> jax.Array:
        values = self.call(y_true, y_pred)
        if values is None:
            raise TypeError(
                f"{self.name}: the loss returned None; expected one number per sample. Is there a `return` missing?"
            )
        return jnp.asarray(values, self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; as in Keras without `dtype`, unless one was given."""
        config = super().get_config()
        if not self._dtype_is_given:
            config.pop("dtype", None)
        return config


class LossFunctionWrapper(Loss):
    """A loss out of a function `fn(y_true, y_pred, **kwargs)`.

    Args:
        fn: Function that returns one value per sample, (batch, ...). One that returns a single number for the batch
            is taken as it is; sample weights then scale it by their mean.
        reduction: See `Loss`.
        name: See `Loss`; `compile` passes the function's name.
        dtype: See `Loss`.
        **kwargs: Passed on to `fn`.

    Input: y_true and y_pred (batch, ...), whose ranks are made equal where one has a last axis of length 1 more.
    Output: scalar; with reduction "none" what `fn` returns.
    Raises:
        TypeError: fn cannot be called, or returns None.

    Example:
        >>> loss = LossFunctionWrapper(lambda y_true, y_pred: (y_true - y_pred) ** 2)
        >>> print(loss([1.0, 2.0], [1.0, 4.0]))
        2.0
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, reduction, dtype)
        if not callable(fn):
            raise TypeError(f"{self.name}: fn: expected a function fn(y_true, y_pred), received {fn!r}.")
        self.fn = fn
        self._fn_kwargs = kwargs
        self.mixes_samples = getattr(fn, "mixes_samples", False)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the function's values."""
        if isinstance(y_true, jax.Array) and isinstance(y_pred, jax.Array):
            y_true, y_pred = same_rank(y_true, y_pred)
        return apply(self.fn, y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the function as Keras writes one."""
        config = {**super().get_config(), "fn": function_config(self.fn)}
        return {**config, **core_config.serialize(self._fn_kwargs)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LossFunctionWrapper:
        """Build from `get_config`'s dict; a function of yours has to be registered or in `custom_objects`."""
        if "fn" in config:
            config = {**config, "fn": family.deserialize(config["fn"])}
        return super().from_config(config)

    def __repr__(self) -> str:
        return f"<LossFunctionWrapper {getattr(self.fn, '__name__', self.fn)!r}>"


def function_config(fn: Any) -> Any:
    """Return the config of a function in Keras' layout, or of a callable object."""
    config = core_config.serialize(fn)
    if isinstance(config, str):
        return {"module": "builtins", "class_name": "function", "config": config, "registered_name": "function"}
    return config


def _cast(values: Any, dtype: str) -> Any:
    if isinstance(values, dict) or (isinstance(values, (list, tuple)) and any(hasattr(v, "dtype") for v in values)):
        return jax.tree.map(lambda leaf: _cast(leaf, dtype), values)
    return jnp.asarray(values, dtype)


family = Family("loss", "keras.losses", Loss)
family.add(LossFunctionWrapper)
get = family.get
serialize = family.serialize
deserialize = family.deserialize
