"""`SwapEMAWeights`: evaluate, and save, the moving average of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.core.variable import Variable
from lamina.training.callbacks.base import Callback, Logs


class SwapEMAWeights(Callback):
    """Put the optimizer's moving average of the weights into the model while it is validated, evaluated or predicts.

    Needs an optimizer with `use_ema=True`. Before the first step there is no average, and the weights stay.

    Args:
        swap_on_epoch: Whether the averages are in the model, too, from the end of each epoch to the beginning of the
            next, so that callbacks behind this one (a `ModelCheckpoint`) see them. Default False.

    Raises:
        ValueError: at the first use, an optimizer without `use_ema`.

    Differs from Keras: the weights come back after `predict`, and after an error, where the averages stay in Keras;
    with `swap_on_epoch`, a training that is stopped early ends with the averages, as any other does. The optimizer's
    averages stay where they are; this callback keeps the weights meanwhile.

    Source: Polyak & Juditsky 1992, Acceleration of Stochastic Approximation by Averaging.

    Example:
        >>> from contextlib import nullcontext
        >>> from types import SimpleNamespace
        >>> import jax.numpy as jnp
        >>> from lamina.optimizers import SGD
        >>> x, optimizer = Variable(jnp.array([1.0]), name="x"), SGD(0.5, use_ema=True, ema_momentum=0.5)
        >>> for _ in range(2):
        ...     optimizer.apply([jnp.ones(1)], [x])
        >>> callback = SwapEMAWeights()
        >>> callback.set_model(SimpleNamespace(optimizer=optimizer, trainable_variables=[x], state_lock=nullcontext()))
        >>> callback.on_test_begin()
        >>> during = float(x[0])
        >>> callback.on_test_end()
        >>> during, float(x[0])
        (0.25, 0.0)
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch
        self._weights: list[Any] | None = None  # the model's own, while the averages are in it
        self._between_epochs = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Look whether there are averages."""
        self._weights = None
        self._check()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Put the weights back."""
        if self.swap_on_epoch:
            self._put_back()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Put the averages in, with `swap_on_epoch`."""
        if self.swap_on_epoch:
            self._put_averages()
            self._between_epochs = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Put the weights back where a validation was broken off; training itself ends with the averages."""
        if self._between_epochs:
            self._weights = None
        self._put_back()
        self._between_epochs = False

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Put the averages in."""
        self._put_averages()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Put the weights back."""
        self._put_back()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Put the averages in."""
        self._put_averages()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Put the weights back."""
        self._put_back()

    def abandon(self) -> None:
        """Put the weights back."""
        self._put_back()

    def get_state(self) -> dict[str, Any]:
        """Return the weights that it keeps while the averages are in the model, or None."""
        return {"weights": self._weights, "between_epochs": self._between_epochs}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `get_state` returned; call it after `on_train_begin`, which forgets."""
        self._weights, self._between_epochs = state["weights"], state["between_epochs"]

    def _put_averages(self) -> None:
        self._check()
        optimizer = self.model.optimizer
        if self._weights is not None or int(optimizer.iterations) == 0:
            return
        variables = self.model.trainable_variables
        self._weights = [variable.value for variable in variables]
        _assign(self.model, variables, [average.value for average in optimizer.averages_of(variables)])

    def _put_back(self) -> None:
        self._between_epochs = False
        if self._weights is not None:
            weights, self._weights = self._weights, None
            _assign(self.model, self.model.trainable_variables, weights)

    def _check(self) -> None:
        optimizer = self.model.optimizer
        if not getattr(getattr(optimizer, "inner_optimizer", optimizer), "use_ema", False):
            raise ValueError(
                "SwapEMAWeights: expected an optimizer that keeps averages, such as Adam(use_ema=True), received "
                f"{optimizer!r}."
            )


def _assign(model: Any, variables: list[Variable], values: list[Any]) -> None:
    """Set variables, all at once for readers in other threads."""
    with model.state_lock:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
