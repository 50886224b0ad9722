"""Callbacks: code of the user's that runs at fixed moments of training, evaluation and prediction.

The loop calls the hooks of a `CallbackList` (callback_list.py) with the epoch or batch, from 0, and a dict of logs. A
`Callback` (base.py, read first) looks at `self.model` and `self.params`, and stops training with
`self.model.stop_training = True`. One that keeps something from epoch to epoch has `get_state()` and `set_state()`,
in numbers, text and arrays, so that checkpoints can hold it.
"""

from lamina.training.callbacks.backup_and_restore import BackupAndRestore
from lamina.training.callbacks.base import Callback
from lamina.training.callbacks.callback_list import CallbackList
from lamina.training.callbacks.early_stopping import EarlyStopping
from lamina.training.callbacks.history import History
from lamina.training.callbacks.lambda_callback import LambdaCallback
from lamina.training.callbacks.progbar_logger import ProgbarLogger

__all__ = [
    "BackupAndRestore",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "ProgbarLogger",
]
