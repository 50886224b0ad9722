"""`Callback`, what a user overrides, and `CallbackList`, what the loop calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from typing import Any

from lamina.core import errors

Logs = dict[str, Any]


class Callback:
    """Base class: override the hooks of the moments that matter.

    Every hook gets `logs`, a dict from names of losses and metrics to plain floats. Hooks of one moment share it, in
    the order of the list, so that one callback can add a value (a learning rate, say) for those after it and for the
    history. Epochs and batches count from 0.

    Attributes:
        model: The model in training; None before.
        params: Dict with `verbose`, `epochs` and `steps` (batches an epoch, None if unknown); None before.

    Differs from Keras: batches of one epoch run in one compiled program, and one by one only when some callback
    overrides a batch hook. The numbers are the same either way.

    Example:
        >>> class PrintLoss(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, logs["loss"])
        >>> CallbackList([PrintLoss()]).on_epoch_end(0, {"loss": 0.5})
        0 0.5
    """

    model: Any = None
    params: dict[str, Any] | None = None

    def set_model(self, model: Any) -> None:
        """Receive the model, before the first hook."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Receive `params`, before the first hook."""
        self.params = params

    def expect_logs(self, names: Collection[str]) -> None:
        """Receive the names that the epochs' logs will have, before the first hook of `fit`; raise if one is missing.

        It is called only where the names are known: not where the model's class or a callback of the user's may add
        values.
        """

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Run before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Run after the last epoch, with its logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Run before an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Run after an epoch and its validation; logs have `loss`, the metrics, and both again as `val_…`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a training step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a training step; logs are the epoch's averages so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Run before an evaluation or validation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Run after an evaluation or validation, with its results."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of evaluation or validation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of evaluation or validation; logs are the averages so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Run before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Run after a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of prediction; logs have its `outputs`."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
_BATCH_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


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


class CallbackList(Callback):
    """Several callbacks called as one, in order.

    An exception of a callback goes through unchanged, with a note that names the callback, hook, epoch and batch.

    Args:
        callbacks: Callbacks: one, or a list, nested if need be. Default None: none.
        model: Model handed to each of them. Default None.
        params: Dict handed to each of them. Default None.

    Raises:
        TypeError: an entry that is not a `Callback` object.

    Example:
        >>> callbacks = CallbackList([LambdaCallback(on_train_end=lambda logs: print("done"))])
        >>> callbacks.on_train_end()
        done
        >>> callbacks.batch_hooks("train")
        False
    """

    def __init__(self, callbacks: Any = None, model: Any = None, params: dict[str, Any] | None = None) -> None:
        self.callbacks: list[Callback] = list(_flatten(callbacks, "callbacks"))
        self._epoch: int | None = None
        if model is not None:
            self.set_model(model)
        if params is not None:
            self.set_params(params)

    def set_model(self, model: Any) -> None:
        """Hand the model to every callback."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Hand the parameters to every callback."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def batch_hooks(self, mode: str) -> bool:
        """Whether some callback overrides a batch hook of "train", "test" or "predict"."""
        return any(_overrides(callback, hook) for callback in self.callbacks for hook in _BATCH_HOOKS[mode])

    def call(self, hook: str, *index: int, logs: Logs | None = None) -> dict[str, Any]:
        """Call one hook of every callback and return the logs as they left them.

        Args:
            hook: Name of the hook.
            *index: The epoch or batch, for hooks that take one.
            logs: Names and values; scalars of any kind become floats, in a new dict.
        """
        if hook in ("on_epoch_begin", "on_epoch_end"):
            self._epoch = index[0]
        elif hook == "on_train_begin":
            self._epoch = None
        shared = {name: _plain(value) for name, value in (logs or {}).items()}
        for place, callback in enumerate(self.callbacks):
            try:
                getattr(callback, hook)(*index, shared)
            except Exception as error:
                where = f"callbacks[{place}]"
                if self._epoch is not None:
                    where += f", epoch {self._epoch}"
                if "batch" in hook:
                    where += f", batch {index[0]}"
                error.add_note(f"Raised by {type(callback).__name__}.{hook} ({where}; counted from 0).")
                raise
        return shared

    def __iter__(self) -> Iterator[Callback]:
        return iter(self.callbacks)

    def __len__(self) -> int:
        return len(self.callbacks)


def _forward(hook: str) -> Callable[..., None]:
    def forward(self: CallbackList, logs: Logs | None = None) -> None:
        self.call(hook, logs=logs)

    def forward_indexed(self: CallbackList, index: int, logs: Logs | None = None) -> None:
        self.call(hook, index, logs=logs)

    chosen = forward_indexed if "epoch" in hook or "batch" in hook else forward
    chosen.__doc__ = f"Call `{hook}` of every callback."
    return chosen


for _hook in HOOKS:
    setattr(CallbackList, _hook, _forward(_hook))


def _overrides(callback: Callback, hook: str) -> bool:
    method = getattr(callback, hook)
    return getattr(method, "__func__", method) is not getattr(Callback, hook)


def _plain(value: Any) -> Any:
    """Return a scalar (NumPy's, JAX's, Python's) as a float, anything else as it is."""
    return float(value) if hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0 else value


def _flatten(entry: Any, path: str) -> Iterator[Callback]:
    if entry is None:
        return
    if isinstance(entry, (list, tuple)):
        for index, item in enumerate(entry):
            yield from _flatten(item, f"{path}[{index}]")
    elif isinstance(entry, CallbackList):
        yield from entry.callbacks
    elif isinstance(entry, Callback):
        yield entry
    else:
        raise TypeError(f"{path}: expected a lamina.callbacks.Callback object, received {_advice(entry)}")


def _advice(entry: Any) -> str:
    """Name what came in place of a callback, and what to write."""
    if inspect.isclass(entry):
        ours = issubclass(entry, Callback)
        way = f"Write {entry.__name__}()." if ours else "Derive it from lamina.callbacks.Callback and make an object."
        return f"the class {entry.__name__}. {way}"
    if callable(entry):
        name = getattr(entry, "__name__", repr(entry))
        return f"the function {name}. Write LambdaCallback(on_epoch_end={name}), or another hook."
    kind = f"{type(entry).__module__}.{type(entry).__qualname__}"
    return f"{entry!r} of type {kind}. Use a callback of lamina.callbacks, or derive the class from Callback there."
