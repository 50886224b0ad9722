"""`TensorBoard`: a training as runs that TensorBoard shows. Read `callback.py` first."""

from lamina.training.callbacks.tensorboard.callback import TensorBoard

__all__ = ["TensorBoard"]
