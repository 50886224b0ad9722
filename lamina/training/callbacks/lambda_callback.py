"""`LambdaCallback`: hooks given as functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamina.core import errors
from lamina.training.callbacks.base import HOOKS, Callback


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin: Function `(epoch, logs)`, or None. So for `on_epoch_end`.
        on_train_begin: Function `(logs)`, or None. So for `on_train_end`.
        on_train_batch_begin: Function `(batch, logs)`, or None. So for `on_train_batch_end`.
        **hooks: Any other hook of `Callback`, by its name.

    Raises:
        ValueError: a name that is no hook. Differs from Keras, which never calls such a function and does not say so.
        TypeError: a hook that is not callable.

    Example:
        >>> callback = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
        >>> callback.on_epoch_end(3, {"loss": 0.25})
        3 {'loss': 0.25}
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **hooks: Callable[..., Any] | None,
    ) -> None:
        hooks |= {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in hooks.items():
            if name not in HOOKS:
                raise errors.unknown_name("hook of LambdaCallback", name, HOOKS)
            if function is None:
                continue
            if not callable(function):
                raise TypeError(f"LambdaCallback: {name}: expected a function or None, received {function!r}.")
            setattr(self, name, function)
