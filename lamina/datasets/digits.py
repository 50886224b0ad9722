"""Digits: 1,797 very small grey images of handwritten digits, shipped with scikit-learn."""

from __future__ import annotations

import numpy as np

from lamina.datasets._split import Split, split

class_names = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")


def load_data(test_split: float = 0.2, seed: int | None = 113) -> Split:
    """The digits as `(x_train, y_train), (x_test, y_test)`, the classes in equal shares on both sides.

    Each image is 8x8, counts of dark pixels (0 to 16) in blocks of 4x4 of a scanned digit.

    Args:
        test_split: Fraction of the samples kept for testing, in [0, 1); each class keeps its share. Default 0.2.
        seed: Seed of the shuffle before the split, int in [0, 2**32), or None for another order each time. Default 113.
    Returns:
        x_train: (1437, 8, 8), uint8, 0 (background) to 16; y_train: (1437,), int64, the digits 0 to 9;
        x_test: (360, 8, 8); y_test: (360,).
    Raises:
        ValueError: A test_split outside [0, 1), or one that leaves too few samples on a side.
    Source: Alpaydin and Kaynak 1998, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49 (its test part),
        CC BY 4.0.
    Example:
        >>> from lamina.datasets import digits
        >>> (x_train, y_train), (x_test, y_test) = digits.load_data()
        >>> x_train.shape, x_test.shape
        ((1437, 8, 8), (360, 8, 8))
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = digits.images.astype(np.uint8), digits.target
    return split("digits", x, y, test_split, seed, classes=len(class_names))
