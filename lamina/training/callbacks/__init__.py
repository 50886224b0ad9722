"""Callbacks: code of the user's that runs at fixed moments of training, evaluation and prediction.

The loop calls the hooks of a `CallbackList` (base.py, read first) with the epoch or batch, from 0, and a dict of logs.
A callback looks at `self.model` and `self.params`, and stops training with `self.model.stop_training = True`.
"""

from lamina.training.callbacks.base import Callback, CallbackList, LambdaCallback
from lamina.training.callbacks.early_stopping import EarlyStopping

__all__ = ["Callback", "CallbackList", "EarlyStopping", "LambdaCallback"]
