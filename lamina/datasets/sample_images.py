"""Sample images: two colour photographs, shipped with scikit-learn."""

from __future__ import annotations

import numpy as np

image_names = ("china", "flower")


def load_data() -> np.ndarray:
    """The two photographs, a temple in China and a flower, to try convolutions on.

    Returns:
        (2, 427, 640, 3), uint8, red, green and blue from 0 to 255, in the order of `image_names`.
    Raises:
        ImportError: Pillow, which decodes the images, is not installed.
    Source: photographs by danielbuechele (china) and vultilion (flower), https://www.flickr.com, as shipped with
        scikit-learn; Creative Commons Attribution 2.0.
    Example:
        >>> from lamina.datasets import sample_images
        >>> sample_images.load_data().shape
        (2, 427, 640, 3)
    """
    from sklearn.datasets import load_sample_images

    try:
        return np.stack(load_sample_images().images)
    except ImportError as error:
        raise ImportError(
            f"sample_images: decoding the photographs needs Pillow ({error}); install it with `pip install pillow`."
        ) from None
