"""Data sets to learn and test with: one module each, one function `load_data` that returns NumPy arrays.

`(x_train, y_train), (x_test, y_test) = lamina.datasets.fashion_mnist.load_data()` works as in Keras. `digits`, `iris`,
`wine`, `breast_cancer`, `diabetes` and `sample_images` come with scikit-learn and need no file. The files of the others
(`fashion_mnist`, `mnist`, `cifar10`, `california_housing`) are looked for in this order:

1. the folder that the environment variable `LAMINA_DATA` names (`fashion-mnist/train-images-idx3-ubyte.gz` and so on),
2. the cache: the folder `datasets` in `LAMINA_CACHE`, or in the user's cache folder for lamina,
3. a download whose checksum must be right before it enters the cache.

What cannot be had raises `DatasetUnavailable`, a file with the wrong content `DatasetCorrupt`. Nothing in a file is
ever executed: no pickle is opened. Read `_files.py` first, then any data set's module.
"""

from lamina.datasets import (
    breast_cancer,
    california_housing,
    cifar10,
    diabetes,
    digits,
    fashion_mnist,
    iris,
    mnist,
    sample_images,
    wine,
)
from lamina.datasets._errors import DatasetCorrupt, DatasetUnavailable
from lamina.datasets.california_housing import fetch_california_housing

__all__ = [
    "breast_cancer",
    "california_housing",
    "cifar10",
    "diabetes",
    "digits",
    "fashion_mnist",
    "iris",
    "mnist",
    "sample_images",
    "wine",
    "fetch_california_housing",
    "DatasetCorrupt",
    "DatasetUnavailable",
]
