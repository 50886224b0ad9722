"""Cutting a data set into a training and a test part."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]  # x, y
Split = tuple[Pair, Pair]  # (x_train, y_train), (x_test, y_test)


def check_test_split(dataset: str, test_split: float) -> None:
    """Raise unless `test_split` is a fraction in [0, 1)."""
    if not isinstance(test_split, Real):
        raise TypeError(f"{dataset}: test_split must be a number in [0, 1), received {test_split!r}.")
    if not 0 <= test_split < 1:
        raise ValueError(
            f"{dataset}: test_split is the fraction of the samples kept for testing and must lie in [0, 1), "
            f"received {test_split!r}."
        )


def split(
    dataset: str, x: np.ndarray, y: np.ndarray, test_split: float, seed: int | None, *, classes: int = 0
) -> Split:
    """Shuffled parts; with `classes` > 0 each keeps the classes' proportions (scikit-learn's stratified split)."""
    check_test_split(dataset, test_split)
    from sklearn.model_selection import train_test_split
    from sklearn.utils import shuffle

    if test_split == 0:
        x, y = shuffle(x, y, random_state=seed)
        return (x, y), (x[:0], y[:0])
    tests = math.ceil(len(x) * test_split)  # as scikit-learn counts them
    fewest = max(classes, 1)
    if not fewest <= tests <= len(x) - fewest:
        raise ValueError(
            f"{dataset}: test_split={test_split!r} leaves {len(x) - tests} samples for training and {tests} for "
            f"testing; both need at least {fewest}. Choose a fraction nearer to 0.2, or 0 for no test part."
        )
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=test_split, random_state=seed, stratify=y if classes else None
    )
    return (x_train, y_train), (x_test, y_test)
