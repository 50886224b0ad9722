"""Wine: chemical analyses of 178 wines from three growers, shipped with scikit-learn."""

from __future__ import annotations

import numpy as np

from lamina.datasets._split import Split, split

class_names = ("class_0", "class_1", "class_2")
feature_names = (
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280/od315_of_diluted_wines",
    "proline",
)


def load_data(test_split: float = 0.2, seed: int | None = 113) -> Split:
    """The wines as `(x_train, y_train), (x_test, y_test)`, the growers in their shares on both sides.

    The columns of x are `feature_names`, each in its own unit, so normalize them; y is the grower, 0 to 2.

    Args:
        test_split: Fraction of the samples kept for testing, in [0, 1); each grower keeps its share. Default 0.2.
        seed: Seed of the shuffle before the split, int in [0, 2**32), or None for another order each time. Default 113.
    Returns:
        x_train: (142, 13), float32; y_train: (142,), int64, 0 to 2; x_test: (36, 13); y_test: (36,).
    Raises:
        ValueError: A test_split outside [0, 1), or one that leaves too few samples on a side.
    Source: Aeberhard and Forina 1991, UCI Machine Learning Repository, https://doi.org/10.24432/C5PC7J, CC BY 4.0.
    Example:
        >>> from lamina.datasets import wine
        >>> (x_train, y_train), (x_test, y_test) = wine.load_data()
        >>> x_train.shape, x_test.shape
        ((142, 13), (36, 13))
    """
    from sklearn.datasets import load_wine

    wine = load_wine()
    x, y = wine.data.astype(np.float32), wine.target
    return split("wine", x, y, test_split, seed, classes=len(class_names))
