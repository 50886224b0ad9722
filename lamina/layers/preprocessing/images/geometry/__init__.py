"""Image layers that move pixels: where each pixel of the new image takes its value from in the old one is drawn.

`affine.py` has the four whose map is a 2 x 3 matrix; images, masks and boxes of a layer share one draw.
"""

from lamina.layers.preprocessing.images.geometry.affine import (
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from lamina.layers.preprocessing.images.geometry.elastic import RandomElasticTransform
from lamina.layers.preprocessing.images.geometry.perspective import RandomPerspective

__all__ = [
    "RandomElasticTransform",
    "RandomPerspective",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
]
