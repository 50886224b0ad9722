"""Layers that prepare raw data inside the model: `values.py` scales numbers."""

from lamina.layers.preprocessing.values import Normalization, Rescaling

__all__ = ["Normalization", "Rescaling"]
