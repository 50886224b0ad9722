"""Values, pictures and texts for TensorBoard, written without TensorFlow; `tf.summary` under the same names.

TensorBoard comes with `pip install "lamina[tensorboard]"`; `tensorboard --logdir logs` shows what is written.

    a writer's method -> _values.py, _images.py (a value in TensorBoard's form) -> event_file.py -> the folder of a run

Read `writer.py` first. `lamina.callbacks.TensorBoard` writes what a training measures by itself.
"""

from lamina.summary.default import audio, figure, graph, histogram, hparams, image, scalar, text
from lamina.summary.writer import SummaryWriter, create_file_writer

__all__ = [
    "SummaryWriter",
    "audio",
    "create_file_writer",
    "figure",
    "graph",
    "histogram",
    "hparams",
    "image",
    "scalar",
    "text",
]
