"""Layers: arrays in, arrays out, with the weights between.

One family a file; read `base.py` first, then `core.py` for the shape of a layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.layers import convolution, pooling, spatial
from lamina.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from lamina.layers.base import Layer, family
from lamina.layers.convolution import *  # noqa: F403
from lamina.layers.core import Dense, Identity, Input, InputLayer
from lamina.layers.einsum_dense import EinsumDense
from lamina.layers.embedding import Embedding
from lamina.layers.interop import EquinoxLayer, FlaxLayer, JaxLayer
from lamina.layers.lambda_layer import Lambda
from lamina.layers.masking import Masking
from lamina.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from lamina.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from lamina.layers.pooling import *  # noqa: F403
from lamina.layers.preprocessing import Normalization, Pipeline, Rescaling, images
from lamina.layers.preprocessing.images._names import load as __getattr__  # noqa: F401
from lamina.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from lamina.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from lamina.layers.spatial import *  # noqa: F403
from lamina.layers.wrappers import TimeDistributed, Wrapper

if TYPE_CHECKING:
    from lamina.layers.preprocessing.images import *  # noqa: F403

deserialize, serialize = family.deserialize, family.serialize

__all__ = [
    "Layer",
    "Input",
    "InputLayer",
    "Dense",
    "EinsumDense",
    "Embedding",
    "Identity",
    "Lambda",
    "Masking",
    "Activation",
    "ELU",
    "LeakyReLU",
    "PReLU",
    "ReLU",
    "Softmax",
    "Flatten",
    "Permute",
    "RepeatVector",
    "Reshape",
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "UnitNormalization",
    "Normalization",
    "Pipeline",
    "Rescaling",
    "EquinoxLayer",
    "FlaxLayer",
    "JaxLayer",
    "TimeDistributed",
    "Wrapper",
    "deserialize",
    "serialize",
    *convolution.__all__,
    *pooling.__all__,
    *spatial.__all__,
    *images.__all__,
]
