"""Layers: arrays in, arrays out, with the weights between.

One family a file; read `base.py` first, then `core.py` for the shape of a layer.
"""

from lamina.layers.activation import Activation
from lamina.layers.base import Layer, family
from lamina.layers.core import Dense, Identity, Input, InputLayer
from lamina.layers.normalization import BatchNormalization
from lamina.layers.preprocessing import Normalization, Rescaling
from lamina.layers.regularization import Dropout
from lamina.layers.reshaping import Flatten, Reshape

deserialize, serialize = family.deserialize, family.serialize

__all__ = [
    "Layer",
    "Input",
    "InputLayer",
    "Dense",
    "Identity",
    "Activation",
    "Flatten",
    "Reshape",
    "Dropout",
    "BatchNormalization",
    "Normalization",
    "Rescaling",
    "deserialize",
    "serialize",
]
