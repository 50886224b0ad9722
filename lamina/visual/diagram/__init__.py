"""The architecture of a model as a picture: boxes for layers, lines for what they hand on.

    model -> reading.py -> Group of boxes.py -> layout.py -> svg.py, painting.py (PNG, PDF)
                                            -> dot.py, mermaid.py, tensorboard.py

Read `boxes.py` first; `plotting.py` has `plot_model`, which puts it together.
"""

from lamina.visual.diagram.dot import Dot
from lamina.visual.diagram.plotting import ModelPicture, model_svg, model_to_dot, plot_model
from lamina.visual.diagram.tensorboard import graph_def

__all__ = ["Dot", "ModelPicture", "graph_def", "model_svg", "model_to_dot", "plot_model"]
