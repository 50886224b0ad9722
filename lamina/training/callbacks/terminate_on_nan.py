"""`TerminateOnNaN`: end training when the loss is no longer a number."""

from __future__ import annotations

from lamina.training.callbacks._loss_watch import is_not_finite, named_steps
from lamina.training.callbacks.base import Callback, Logs


class TerminateOnNaN(Callback):
    """Stop training once the loss is NaN or infinite.

    It looks after each chunk of steps (about 0.1 s of them), so training goes on for 0.1 s at most after the step in
    which it happened; with `steps_per_execution=1` and any callback that has a batch hook, after each step. The weights
    are those of the last step of the chunk. It prints the epoch and the steps.

    Args:
        raise_error: Whether to raise a RuntimeError instead. Default False.

    Raises:
        RuntimeError: the loss is not finite, with `raise_error`.

    Differs from Keras: it needs no batch hook, so it costs no speed; `on_train_end` of all callbacks runs with
    `raise_error` too.

    Example:
        >>> class Model:
        ...     stop_training = False
        >>> callback = TerminateOnNaN()
        >>> callback.set_model(Model())
        >>> callback.steps_done(0, 8, 15, {"loss": float("inf")})
        Epoch 1, step 9 to 16: Invalid loss (inf), terminating training
        >>> callback.model.stop_training
        True
    """

    tells_of_loss = True

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def steps_done(self, epoch: int, first: int, last: int, logs: Logs) -> None:
        """Stop if the loss is not finite."""
        loss = logs.get("loss")
        if not is_not_finite(loss):
            return
        where = named_steps(epoch, first, last)
        if self.raise_error:
            raise RuntimeError(
                f"TerminateOnNaN: the loss is {loss} since {where}. Try a smaller learning rate, clipnorm=1 in the "
                "optimizer, or scaled inputs."
            )
        print(f"{where[0].upper()}{where[1:]}: Invalid loss ({loss}), terminating training")
        self.model.stop_training = True
