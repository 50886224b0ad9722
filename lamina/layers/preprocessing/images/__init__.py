"""Layers that change images, one family a file, and with the images their labels, boxes and masks.

In: a batch of images, one image, a list of images, or a dict {"images", "labels", "bounding_boxes",
"segmentation_masks"}; out: the same form. Random layers act in training only. Read `_base.py` first: it has the
protocol, and a layer is its `draw` and `transform_images`; then `flipping.py`, the shortest one.

The files are imported when a layer of theirs is first used: most programs use few of them or none.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamina.layers.preprocessing.images.boxes import MaxNumBoundingBoxes
    from lamina.layers.preprocessing.images.colours import (
        AutoContrast,
        ContrastLimitedAdaptiveHistogramEqualization,
        Equalization,
        RandomBrightness,
        RandomColorDegeneration,
        RandomColorJitter,
        RandomContrast,
        RandomGaussianBlur,
        RandomGrayscale,
        RandomHue,
        RandomInvert,
        RandomPosterization,
        RandomSaturation,
        RandomSharpness,
        Solarization,
    )
    from lamina.layers.preprocessing.images.cropping import CenterCrop, RandomCrop
    from lamina.layers.preprocessing.images.erasing import RandomErasing
    from lamina.layers.preprocessing.images.flipping import RandomFlip
    from lamina.layers.preprocessing.images.geometry import (
        RandomElasticTransform,
        RandomPerspective,
        RandomRotation,
        RandomShear,
        RandomTranslation,
        RandomZoom,
    )
    from lamina.layers.preprocessing.images.mixing import CutMix, MixUp
    from lamina.layers.preprocessing.images.policies import AugMix, RandAugment
    from lamina.layers.preprocessing.images.resizing import Resizing

_FILES = {
    "cropping": ["CenterCrop", "RandomCrop"],
    "resizing": ["Resizing"],
    "flipping": ["RandomFlip"],
    "geometry": [
        "RandomRotation",
        "RandomZoom",
        "RandomTranslation",
        "RandomShear",
        "RandomPerspective",
        "RandomElasticTransform",
    ],
    "colours": [
        "RandomBrightness",
        "RandomContrast",
        "RandomColorDegeneration",
        "RandomColorJitter",
        "RandomGrayscale",
        "RandomHue",
        "RandomSaturation",
        "RandomInvert",
        "RandomPosterization",
        "RandomSharpness",
        "RandomGaussianBlur",
        "AutoContrast",
        "Equalization",
        "ContrastLimitedAdaptiveHistogramEqualization",
        "Solarization",
    ],
    "erasing": ["RandomErasing"],
    "mixing": ["MixUp", "CutMix"],
    "policies": ["RandAugment", "AugMix"],
    "boxes": ["MaxNumBoundingBoxes"],
}
_HOMES = {name: file for file, names in _FILES.items() for name in names}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
