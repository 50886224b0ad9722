"""Layers that make images larger or smaller without arithmetic on their values; no weights.

Images (batch, height, width, channels), sequences and volumes in: repeated or interpolated (`up_sampling.py`), with
zeros around (`zero_padding.py`), or their middle (`cropping.py`). Read `zero_padding.py` first.
"""

from lamina.layers.spatial.cropping import Cropping1D, Cropping2D, Cropping3D
from lamina.layers.spatial.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D
from lamina.layers.spatial.zero_padding import ZeroPadding1D, ZeroPadding2D, ZeroPadding3D

__all__ = [
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
]
