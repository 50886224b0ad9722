"""Pictures of a training, of a model, of what it gets wrong and of what its layers see, drawn with Matplotlib.

Matplotlib comes with `pip install "lamina[plots]"`.

In: what `fit` returned, labels, predictions, images. Out: a `matplotlib.figure.Figure` that a notebook shows and that
`path=` saves; `ax=` draws into axes of your own. No picture touches pyplot's state or your Matplotlib settings.
The look of all of them is in `_style.py`; read `curves.py` first.
"""

from lamina.visual.boundary import decision_boundary
from lamina.visual.calibration import calibration_curve
from lamina.visual.confusion import confusion_matrix
from lamina.visual.curves import learning_curves
from lamina.visual.diagram import model_to_dot, plot_model
from lamina.visual.feature_maps import feature_maps, layer_outputs
from lamina.visual.grad_cam import grad_cam, grad_cam_heatmap
from lamina.visual.histograms import activation_histograms, weight_histograms
from lamina.visual.kernels import kernels
from lamina.visual.mistakes import worst_mistakes
from lamina.visual.neurons import network_diagram
from lamina.visual.ranking import precision_recall_curve, roc_curve
from lamina.visual.regression import predicted_vs_actual, residuals
from lamina.visual.reporting import report
from lamina.visual.scores import classification_report

__all__ = [
    "activation_histograms",
    "calibration_curve",
    "classification_report",
    "confusion_matrix",
    "decision_boundary",
    "feature_maps",
    "grad_cam",
    "grad_cam_heatmap",
    "kernels",
    "layer_outputs",
    "learning_curves",
    "model_to_dot",
    "network_diagram",
    "plot_model",
    "precision_recall_curve",
    "predicted_vs_actual",
    "report",
    "residuals",
    "roc_curve",
    "weight_histograms",
    "worst_mistakes",
]
