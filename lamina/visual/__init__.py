"""Pictures of a training and of what a model gets wrong, drawn with Matplotlib (`pip install "lamina[plots]"`).

In: what `fit` returned, labels, predictions, images. Out: a `matplotlib.figure.Figure` that a notebook shows and that
`path=` saves; `ax=` draws into axes of your own. No picture touches pyplot's state or your Matplotlib settings.
The look of all of them is in `_style.py`; read `curves.py` first.
"""

from lamina.visual.confusion import confusion_matrix
from lamina.visual.curves import learning_curves
from lamina.visual.mistakes import worst_mistakes
from lamina.visual.regression import predicted_vs_actual

__all__ = [
    "confusion_matrix",
    "learning_curves",
    "predicted_vs_actual",
    "worst_mistakes",
]
