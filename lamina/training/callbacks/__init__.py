"""Callbacks: code of the user's that runs at fixed moments of training, evaluation and prediction.

The loop calls the hooks of a `CallbackList` (callback_list.py) with the epoch or batch, from 0, and a dict of logs. A
`Callback` (base.py, read first) looks at `self.model` and `self.params`, and stops training with
`self.model.stop_training = True`. One that keeps something from epoch to epoch has `get_state()` and `set_state()`,
in numbers, text and arrays, so that checkpoints can hold it.
"""

from lamina.training.callbacks.backup_and_restore import BackupAndRestore
from lamina.training.callbacks.base import Callback
from lamina.training.callbacks.callback_list import CallbackList
from lamina.training.callbacks.csv_logger import CSVLogger
from lamina.training.callbacks.early_stopping import EarlyStopping
from lamina.training.callbacks.history import History
from lamina.training.callbacks.lambda_callback import LambdaCallback
from lamina.training.callbacks.learning_rate_scheduler import LearningRateScheduler
from lamina.training.callbacks.model_checkpoint import ModelCheckpoint
from lamina.training.callbacks.progbar_logger import ProgbarLogger
from lamina.training.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lamina.training.callbacks.remote_monitor import RemoteMonitor
from lamina.training.callbacks.swap_ema_weights import SwapEMAWeights
from lamina.training.callbacks.tensorboard import TensorBoard
from lamina.training.callbacks.terminate_on_nan import TerminateOnNaN
from lamina.training.callbacks.trackers import MLflowLogger, WandbLogger

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "MLflowLogger",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "WandbLogger",
]
