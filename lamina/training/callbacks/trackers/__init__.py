"""Callbacks that send a training to an experiment tracker: its parameters, the values of each epoch, the model's text.

`_tracker.py` has what they share, read it first. The packages of the trackers are extras (`pip install
'lamina[mlflow]'`), imported when a logger is made, so that nothing is slower without them.
"""

from lamina.training.callbacks.trackers.mlflow_logger import MLflowLogger
from lamina.training.callbacks.trackers.wandb_logger import WandbLogger

__all__ = ["MLflowLogger", "WandbLogger"]
