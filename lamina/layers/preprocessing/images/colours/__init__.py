"""Layers that change the colours of images and leave every pixel where it is; labels, boxes and masks stay as they are.

Images come in as floats of the compute dtype with values in `value_range`, and leave in the same range. Read
`brightness.py` first: a layer draws one number for each image and has one formula.
"""

from lamina.layers.preprocessing.images.colours.brightness import RandomBrightness, RandomContrast
from lamina.layers.preprocessing.images.colours.colour import (
    RandomColorDegeneration,
    RandomColorJitter,
    RandomGrayscale,
    RandomHue,
    RandomSaturation,
)
from lamina.layers.preprocessing.images.colours.histograms import (
    ContrastLimitedAdaptiveHistogramEqualization,
    Equalization,
)
from lamina.layers.preprocessing.images.colours.sharpness import RandomGaussianBlur, RandomSharpness
from lamina.layers.preprocessing.images.colours.tones import (
    AutoContrast,
    RandomInvert,
    RandomPosterization,
    Solarization,
)

__all__ = [
    "RandomBrightness",
    "RandomContrast",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomGrayscale",
    "RandomHue",
    "RandomSaturation",
    "RandomInvert",
    "RandomPosterization",
    "Solarization",
    "AutoContrast",
    "Equalization",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "RandomSharpness",
    "RandomGaussianBlur",
]
