"""`LossWatch`: the warning of a loss that became NaN or infinite, which `fit` gives once."""

from __future__ import annotations

import math

from lamina.core import errors
from lamina.training.callbacks.base import Callback, Logs


class LossWatch(Callback):
    """Warn at the end of the first chunk of steps whose loss is not finite.

    It looks at the logs that are fetched anyway; the loss in them is the mean over the epoch so far, so one bad step
    is enough.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     LossWatch().steps_done(1, 40, 79, {"loss": float("nan")})
        >>> print(str(caught[0].message)[:50])
        fit: the loss is nan since epoch 2, step 41 to 80.
    """

    def __init__(self) -> None:
        self.warned = False

    def steps_done(self, epoch: int, first: int, last: int, logs: Logs) -> None:
        """Warn if this is the first time."""
        loss = logs.get("loss")
        if self.warned or not is_not_finite(loss):
            return
        self.warned = True
        errors.warn_user(
            f"fit: the loss is {loss} since {named_steps(epoch, first, last)}. Most likely the weights are NaN now, "
            "and no further step mends them. Try a learning rate 10 times smaller, clipnorm=1 in the optimizer, inputs "
            "and targets scaled to about -1 to 1, a loss from logits instead of a log or a division by hand. "
            "lamina.callbacks.TerminateOnNaN() stops training where this happens."
        )


def is_not_finite(loss: object) -> bool:
    """Whether a loss is a number that is NaN or infinite."""
    return isinstance(loss, float) and not math.isfinite(loss)


def named_steps(epoch: int, first: int, last: int) -> str:
    """Name steps, given from 0, as people count them.

    Example:
        >>> named_steps(0, 4, 4), named_steps(2, 0, 9)
        ('epoch 1, step 5', 'epoch 3, step 1 to 10')
    """
    steps = str(first + 1) if first == last else f"{first + 1} to {last + 1}"
    return f"epoch {epoch + 1}, step {steps}"
