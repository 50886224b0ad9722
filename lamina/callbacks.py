"""Callbacks, under Keras' name; see `lamina.training.callbacks`."""

from lamina.training.callbacks import Callback, CallbackList, EarlyStopping, LambdaCallback
from lamina.training.history import History

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback"]
