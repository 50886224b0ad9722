"""Data types: the default float type, and policies that separate compute from storage (Micikevicius et al. 2018)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core import errors

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_settings: dict[str, Any] = {"floatx": "float32", "policy": None}


def floatx() -> str:
    """Return the name of the default float type, "float32" unless changed.

    Example:
        >>> floatx()
        'float32'
    """
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Set the default float type: "float16", "bfloat16", "float32" or "float64"."""
    errors.check_choice("set_floatx: value", value, _FLOATS)
    standardize_dtype(value)
    _settings["floatx"] = value


def standardize_dtype(dtype: Any) -> str:
    """Return the plain name of a dtype given in any spelling; None is the default float type.

    Raises:
        ValueError: an unknown dtype, or a 64-bit one while JAX has 64-bit types switched off.

    Example:
        >>> standardize_dtype(np.float32), standardize_dtype(None), standardize_dtype("bfloat16")
        ('float32', 'float32', 'bfloat16')
    """
    if dtype is None:
        return floatx()
    if dtype is float:
        return floatx()
    if dtype is int:
        return "int32"
    try:
        name = jnp.dtype(dtype).name
    except TypeError as error:
        raise ValueError(
            f"Unknown dtype: {dtype!r}.{errors.closest_match(dtype, [*_FLOATS, 'int32', 'uint8', 'bool'])}"
        ) from error
    if name == "float64" and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        raise ValueError(
            "dtype 'float64' was asked for, but JAX computes in 32 bits now. Call "
            'jax.config.update("jax_enable_x64", True) before the first array is made, or use "float32".'
        )
    return name


def is_float(dtype: Any) -> bool:
    """Whether a dtype is a floating one (bfloat16 included)."""
    return jnp.issubdtype(dtype, np.floating)


class DTypePolicy:
    """What a layer computes in and what it stores its weights in.

    Args:
        name: A float type ("float32", "bfloat16", "float16", "float64") for both, or "mixed_bfloat16" /
            "mixed_float16": compute in 16 bits, store float32.

    Source: Micikevicius et al. 2018, Mixed Precision Training.

    Example:
        >>> DTypePolicy("mixed_bfloat16").compute_dtype, DTypePolicy("mixed_bfloat16").variable_dtype
        ('bfloat16', 'float32')
    """

    def __init__(self, name: str | None = None) -> None:
        name = name or floatx()
        known = [*_FLOATS, "mixed_bfloat16", "mixed_float16"]
        if name.startswith("mixed_"):
            if name not in known:
                raise errors.unknown_name("dtype policy", name, known)
            self.compute_dtype, self.variable_dtype = name.removeprefix("mixed_"), "float32"
        else:
            self.compute_dtype = self.variable_dtype = standardize_dtype(name)
        self.name = name

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """Build a policy from `get_config`'s dict."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<DTypePolicy {self.name!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


def dtype_policy() -> DTypePolicy:
    """Return the policy that new layers get."""
    return _settings["policy"] or DTypePolicy(floatx())


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Set the policy of layers made from now on, by name or object."""
    _settings["policy"] = policy if isinstance(policy, DTypePolicy) else DTypePolicy(policy)


def get_policy(identifier: Any) -> DTypePolicy:
    """Return the policy that a layer's `dtype` argument stands for: a name, dtype, policy, its config, or None."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return DTypePolicy(**identifier.get("config", identifier))
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    return DTypePolicy(standardize_dtype(identifier))
