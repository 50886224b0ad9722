"""Iris: 150 flowers of three species, shipped with scikit-learn."""

from __future__ import annotations

import numpy as np

from lamina.datasets._split import Split, split

class_names = ("setosa", "versicolor", "virginica")
feature_names = (
    "sepal length (cm)",
    "sepal width (cm)",
    "petal length (cm)",
    "petal width (cm)",
)


def load_data(test_split: float = 0.2, seed: int | None = 113) -> Split:
    """The irises as `(x_train, y_train), (x_test, y_test)`, the species in equal shares on both sides.

    The columns of x are `feature_names`, in centimetres; y counts in the order of `class_names`.

    Args:
        test_split: Fraction of the samples kept for testing, in [0, 1); each species keeps its share. Default 0.2.
        seed: Seed of the shuffle before the split, int in [0, 2**32), or None for another order each time. Default 113.
    Returns:
        x_train: (120, 4), float32; y_train: (120,), int64, 0 to 2; x_test: (30, 4); y_test: (30,).
    Raises:
        ValueError: A test_split outside [0, 1), or one that leaves too few samples on a side.
    Source: Fisher 1936, The use of multiple measurements in taxonomic problems, Annals of Eugenics 7, 179-188;
        UCI Machine Learning Repository, https://doi.org/10.24432/C56C76, CC BY 4.0.
    Example:
        >>> from lamina.datasets import iris
        >>> (x_train, y_train), (x_test, y_test) = iris.load_data()
        >>> x_train.shape, x_test.shape
        ((120, 4), (30, 4))
    """
    from sklearn.datasets import load_iris

    iris = load_iris()
    x, y = iris.data.astype(np.float32), iris.target
    return split("iris", x, y, test_split, seed, classes=len(class_names))
