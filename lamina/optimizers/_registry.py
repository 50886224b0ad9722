"""`get`, `serialize` and `deserialize` of optimizers."""

from __future__ import annotations

from typing import Any

from lamina.optimizers.optax_optimizer import OptaxOptimizer, is_transformation
from lamina.optimizers.optimizer import Optimizer, optimizers

serialize = optimizers.serialize
deserialize = optimizers.deserialize


def get(identifier: Any) -> Optimizer | None:
    """Return the optimizer for a name in any case, a config, class or object, or an Optax transformation.

    Raises:
        LaminaError: an unknown name. TypeError: an object that is no optimizer.

    Example:
        >>> from lamina import optimizers
        >>> optimizers.get("adam").beta_2
        0.999
    """
    if is_transformation(identifier):
        return OptaxOptimizer(identifier)
    if isinstance(identifier, str) and identifier not in optimizers.aliases:
        identifier = identifier.lower() if identifier.lower() in optimizers.aliases else identifier
    found = optimizers.get(identifier)
    if found is not None and not isinstance(found, Optimizer):
        raise TypeError(
            "Expected an optimizer: a name such as 'adam', an object such as Adam(), or an Optax transformation such "
            f"as optax.adam(1e-3). Received {identifier!r}; if that makes an optimizer, call it."
        )
    return found
