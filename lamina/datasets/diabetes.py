"""Diabetes: the progress of the disease in 442 patients, shipped with scikit-learn."""

from __future__ import annotations

import numpy as np

from lamina.datasets._split import Split, split

feature_names = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")  # s: blood serum measurements


def load_data(test_split: float = 0.2, seed: int | None = 113) -> Split:
    """The patients as `(x_train, y_train), (x_test, y_test)`, for regression.

    The columns of x are `feature_names`; over all patients each has mean 0 and sum of squares 1. y is the progress of
    the disease one year later (25 to 346, a score without unit).

    Args:
        test_split: Fraction of the samples kept for testing, in [0, 1). Default 0.2.
        seed: Seed of the shuffle before the split, int in [0, 2**32), or None for another order each time. Default 113.
    Returns:
        x_train: (353, 10), float32; y_train: (353,), float32; x_test: (89, 10); y_test: (89,).
    Raises:
        ValueError: A test_split outside [0, 1), or one that leaves too few samples on a side.
    Source: Efron, Hastie, Johnstone, Tibshirani 2004, Least angle regression, Annals of Statistics 32, 407-499,
        https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html; no licence stated.
    Example:
        >>> from lamina.datasets import diabetes
        >>> (x_train, y_train), (x_test, y_test) = diabetes.load_data()
        >>> x_train.shape, x_test.shape
        ((353, 10), (89, 10))
    """
    from sklearn.datasets import load_diabetes

    diabetes = load_diabetes()
    x, y = diabetes.data.astype(np.float32), diabetes.target.astype(np.float32)
    return split("diabetes", x, y, test_split, seed)
