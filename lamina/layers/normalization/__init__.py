"""Layers that rescale activations by their own statistics: arrays in, arrays of the same shape out.

| layer | statistics over |
|---|---|
| `BatchNormalization` | the batch and all axes but the channels; moving ones outside of training |
| `LayerNormalization`, `RMSNormalization`, `UnitNormalization` | chosen axes of each entry of the others |
| `GroupNormalization` | a group of channels and all positions of each sample |

Read `layer_normalization.py` first; `_affine.py` holds what several of them share.
"""

from lamina.layers.normalization.batch_normalization import BatchNormalization
from lamina.layers.normalization.group_normalization import GroupNormalization
from lamina.layers.normalization.layer_normalization import LayerNormalization
from lamina.layers.normalization.rms_normalization import RMSNormalization
from lamina.layers.normalization.unit_normalization import UnitNormalization

__all__ = [
    "BatchNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "GroupNormalization",
    "UnitNormalization",
]
