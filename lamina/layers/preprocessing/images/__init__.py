"""Layers that change images, one family a file, and with the images their labels, boxes and masks.

In: a batch of images, one image, a list of images, or a dict {"images", "labels", "bounding_boxes",
"segmentation_masks"}; out: the same form. Random layers act in training only. Read `_base.py` first: it has the
protocol, and a layer is its `draw` and `transform_images`; then `flipping.py`, the shortest one.

The files are imported when a layer of theirs is first used: most programs use few of them or none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.layers.preprocessing.images._names import NAMES
from lamina.layers.preprocessing.images._names import load as __getattr__

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

__all__ = [*NAMES]
