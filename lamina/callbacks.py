"""Callbacks, under Keras' name; see `lamina.training.callbacks`."""

from lamina.training.callbacks import Callback, CallbackList, EarlyStopping, History, LambdaCallback, ProgbarLogger

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "ProgbarLogger"]
