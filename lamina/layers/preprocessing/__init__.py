"""Layers that prepare raw data inside the model: `values.py` scales numbers, `images/` changes images.

`pipeline.py` applies several of them in turn, to images with their labels, boxes and masks.
"""

from lamina.layers.preprocessing.pipeline import Pipeline
from lamina.layers.preprocessing.values import Normalization, Rescaling

__all__ = ["Normalization", "Pipeline", "Rescaling"]
