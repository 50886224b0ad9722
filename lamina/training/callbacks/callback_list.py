"""`CallbackList`: several callbacks called as one, which is what the loops of fit, evaluate and predict do."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Iterator
from typing import Any

from lamina.training.callbacks._loss_watch import LossWatch
from lamina.training.callbacks.base import HOOKS, Callback, Logs
from lamina.training.callbacks.history import History
from lamina.training.callbacks.progbar_logger import ProgbarLogger
from lamina.training.progress import Progress, make_progress

_BATCH_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}
_LAST_HOOKS = ("on_train_end", "on_test_end", "on_predict_end")
_MAY_ADD_FIRST = ("on_train_batch_end", "on_batch_end", "on_test_batch_end", "on_test_end")  # values for on_epoch_end


class CallbackList(Callback):
    """Several callbacks called as one, in order.

    An exception of a callback goes through unchanged, with a note that names the callback, hook, epoch and batch. At
    the end of training, testing and prediction the other callbacks are called before it does.

    Args:
        callbacks: Callbacks: one, or a list, nested if need be. Default None: none.
        add_history: Whether to add a `History` unless there is one, and to put it last, where it sees what the others
            add to the logs. Default False.
        add_progbar: Whether to add a `ProgbarLogger` unless there is one. Default False.
        model: Model handed to each of them. Default None.
        **params: The `params` of each of them: `verbose`, `epochs`, `steps`.

    Raises:
        TypeError: an entry that is not a `Callback` object.

    Differs from Keras: hooks run in the thread of training, never beside it.

    Example:
        >>> from lamina.callbacks import LambdaCallback
        >>> callbacks = CallbackList([LambdaCallback(on_train_end=lambda logs: print("done"))])
        >>> callbacks.on_train_end()
        done
        >>> callbacks.batch_hooks("train")
        False
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks: list[Callback] = list(_flatten(callbacks, "callbacks"))
        self.history: History | None = next((c for c in self.callbacks if isinstance(c, History)), None)
        if add_history:
            self.history = self.history or History()
            self.callbacks = [*(c for c in self.callbacks if c is not self.history), self.history]
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        self._loss_watch = LossWatch()
        self._epoch: int | None = None
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def set_model(self, model: Any) -> None:
        """Hand the model to every callback."""
        self.model = model
        if self.history is not None:
            model.history = self.history
        self._each("set_model", lambda callback: callback.set_model(model))

    def set_params(self, params: dict[str, Any]) -> None:
        """Hand the parameters to every callback."""
        self.params = params
        self._each("set_params", lambda callback: callback.set_params(params))

    def expect_logs(self, names: Collection[str]) -> None:
        """Hand the names that the epochs' logs will have to the callbacks, up to where the user's may add others."""
        names = list(names)
        if any(_is_users(callback, hook) for callback in self.callbacks for hook in _MAY_ADD_FIRST):
            return
        for callback in self.callbacks:
            if _is_users(callback, "on_epoch_end"):
                return
            callback.expect_logs(names)
            names += [name for name in callback.adds if name not in names]

    def take_progress(self, verbose: Any, mode: str) -> Progress:
        """Return what shows the progress of "fit", "evaluate" or "predict" in place of a plain `ProgbarLogger`.

        One of a class of the user's does it itself.
        """
        self.callbacks = [c for c in self.callbacks if type(c) is not ProgbarLogger]
        progress = make_progress(verbose, mode)
        return Progress() if any(isinstance(c, ProgbarLogger) for c in self.callbacks) else progress

    def unwind(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Tell every callback that an evaluation or prediction ended with an error (an exit of an `ExitStack`)."""
        for callback in self.callbacks if error is not None else ():
            callback.abandon()

    def batch_hooks(self, mode: str) -> bool:
        """Whether some callback overrides a batch hook of "train", "test" or "predict"."""
        return any(_overrides(callback, hook) for callback in self.callbacks for hook in _BATCH_HOOKS[mode])

    def steps_done(self, epoch: int, first: int, last: int, logs: Logs) -> None:
        """Tell the callbacks of a chunk of steps; warn where the loss is no longer finite and none of them says so."""
        self._each("steps_done", lambda callback: callback.steps_done(epoch, first, last, logs))
        if not any(callback.tells_of_loss for callback in self.callbacks):
            self._loss_watch.steps_done(epoch, first, last, logs)

    def steps_wanted(self) -> int:
        """Return after how many further training steps, at most, the callbacks want to hear of them; at least 1."""
        return max(1, min((callback.steps_wanted() for callback in self.callbacks), default=sys.maxsize))

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
            self._loss_watch = LossWatch()
        shared = {name: _plain(value) for name, value in (logs or {}).items()}
        batch = index[0] if "batch" in hook else None
        self._each(hook, lambda callback: getattr(callback, hook)(*index, shared), batch)
        return shared

    def _each(self, what: str, call: Callable[[Callback], None], batch: int | None = None) -> None:
        """Call every callback; name the one that raises."""
        failed: Exception | None = None
        for place, callback in enumerate(self.callbacks):
            try:
                call(callback)
            except Exception as error:
                where = f"callbacks[{place}]"
                if self._epoch is not None:
                    where += f", epoch {self._epoch}"
                if batch is not None:
                    where += f", batch {batch}"
                error.add_note(f"Raised by {type(callback).__name__}.{what} ({where}; counted from 0).")
                if what not in _LAST_HOOKS:
                    raise
                if failed is not None:
                    failed.add_note(f"And then {type(error).__name__} in {type(callback).__name__}.{what}: {error}")
                failed = failed or error
        if failed is not None:
            raise failed

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Call `on_train_batch_end`, and `steps_done`, of every callback: for a training loop of one's own."""
        shared = self.call("on_train_batch_end", batch, logs=logs)
        self._each("steps_done", lambda callback: callback.steps_done(self._epoch or 0, batch, batch, shared))

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
    if _hook not in vars(CallbackList):
        setattr(CallbackList, _hook, _forward(_hook))


def _overrides(callback: Callback, hook: str) -> bool:
    method = getattr(callback, hook)
    return getattr(method, "__func__", method) is not getattr(Callback, hook)


def _is_users(callback: Callback, hook: str) -> bool:
    """Whether a hook is code of the user's."""
    return not str(getattr(getattr(callback, hook), "__module__", "")).startswith("lamina.")


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
