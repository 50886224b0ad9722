"""Layers that slide windows over sequences, images and volumes: (batch, *space, channels) in, filters out.

| layers | each output is |
|---|---|
| `Conv1D`, `Conv2D`, `Conv3D` | a weighted sum of a window over all channels (of its group) |
| `DepthwiseConv1D`, `DepthwiseConv2D` | a weighted sum of a window of one channel |
| `SeparableConv1D`, `SeparableConv2D` | the depthwise sums, mixed over the channels |
| `Conv1DTranspose`, `Conv2DTranspose`, `Conv3DTranspose` | a sum of the windows written there: the space grows |

Read `conv.py` first; `_base.py` holds the settings of the windows and the checks of shapes, `lamina.ops.nn` the sums.
"""

from lamina.layers.convolution.conv import Conv1D, Conv2D, Conv3D, Convolution1D, Convolution2D, Convolution3D
from lamina.layers.convolution.depthwise import DepthwiseConv1D, DepthwiseConv2D
from lamina.layers.convolution.separable import (
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
)
from lamina.layers.convolution.transposed import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
    Convolution1DTranspose,
    Convolution2DTranspose,
    Convolution3DTranspose,
)

__all__ = [
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
]
