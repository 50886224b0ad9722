"""Which file has which image layer: a file is imported when a layer of it is first used, as most programs use few."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from lamina.core.errors import closest_match
from lamina.layers.base import family

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
NAMES = {name: file for file, names in _FILES.items() for name in names}


def load(name: str) -> Any:
    """Import and return an image layer; the `__getattr__` of the packages that offer them."""
    if name not in NAMES:
        hint = closest_match(name, sys.modules["lamina.layers"].__all__)
        raise AttributeError(f"module 'lamina.layers' has no attribute {name!r}.{hint}")
    return getattr(importlib.import_module(f"lamina.layers.preprocessing.images.{NAMES[name]}"), name)


family.add_later(NAMES, load)
