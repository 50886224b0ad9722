"""Breast cancer Wisconsin (diagnostic): 569 tumours, benign or malignant, shipped with scikit-learn."""

from __future__ import annotations

import numpy as np

from lamina.datasets._split import Split, split

_MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)

class_names = ("malignant", "benign")
# The mean, the standard error and the worst (largest) value of each measure over the cell nuclei of an image.
feature_names = (
    *(f"mean {measure}" for measure in _MEASURES),
    *(f"{measure} error" for measure in _MEASURES),
    *(f"worst {measure}" for measure in _MEASURES),
)


def load_data(test_split: float = 0.2, seed: int | None = 113) -> Split:
    """The tumours as `(x_train, y_train), (x_test, y_test)`, both diagnoses in their shares on both sides.

    The columns of x are `feature_names`, each in its own unit, so normalize them; y is 0 for malignant, 1 for benign.

    Args:
        test_split: Fraction of the samples kept for testing, in [0, 1); each diagnosis keeps its share. Default 0.2.
        seed: Seed of the shuffle before the split, int in [0, 2**32), or None for another order each time. Default 113.
    Returns:
        x_train: (455, 30), float32; y_train: (455,), int64, 0 or 1; x_test: (114, 30); y_test: (114,).
    Raises:
        ValueError: A test_split outside [0, 1), or one that leaves too few samples on a side.
    Source: Street, Wolberg, Mangasarian 1993, Nuclear feature extraction for breast tumor diagnosis, SPIE 1905;
        UCI Machine Learning Repository, https://doi.org/10.24432/C5DW2B, CC BY 4.0.
    Example:
        >>> from lamina.datasets import breast_cancer
        >>> (x_train, y_train), (x_test, y_test) = breast_cancer.load_data()
        >>> x_train.shape, x_test.shape
        ((455, 30), (114, 30))
    """
    from sklearn.datasets import load_breast_cancer

    tumours = load_breast_cancer()
    x, y = tumours.data.astype(np.float32), tumours.target
    return split("breast_cancer", x, y, test_split, seed, classes=len(class_names))
