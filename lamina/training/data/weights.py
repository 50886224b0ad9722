"""Sample weights: checked, made from class weights, and the product of both."""

from __future__ import annotations

import math
import numbers
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from lamina.core.errors import closest_match, warn_user
from lamina.training.data.arrays import as_arrays
from lamina.training.data.checks import check_finite, check_lengths
from lamina.training.data.order import in_given_order


def standardize_weights(
    sample_weight: Any,
    rows: int,
    class_weights: Any = None,
    *,
    argument: str = "sample_weight",
    float_dtype: str = "float32",
) -> Any:
    """Return sample weights as floats, times the class weights where both are given; None if neither is.

    Args:
        sample_weight: Array-like of shape (rows,) or (rows, ...), a nest with one per output, or None. Finite.
        rows: Number of samples.
        class_weights: Weight of each sample's class, shape (rows,), or a list or dict with these (or None) for each
            target, from `class_weights_to_sample_weights`.
        argument: What messages call the weights.
        float_dtype: Type of the result.

    Raises:
        ValueError: another number of rows, or weights that are not finite.

    Differs from Keras: class_weight and sample_weight may be given together.

    Example:
        >>> standardize_weights([1, 2], 2, np.array([0.5, 3.0], "float32")).tolist()
        [0.5, 6.0]
    """
    if sample_weight is None:
        return class_weights
    weights = in_given_order(as_arrays(sample_weight, argument))
    weights = jax.tree.map(lambda w: np.asarray(w, float_dtype), weights)
    check_lengths({argument: weights, "y": np.empty((rows, 0))})
    check_finite(weights, argument, sample_weight)
    if class_weights is None or hasattr(class_weights, "shape"):
        return jax.tree.map(lambda w: _product(w, class_weights), weights)
    return _by_target(weights, class_weights, argument)


def _product(weights: Any, by_class: np.ndarray | None) -> Any:
    if weights is None or by_class is None:
        return by_class if weights is None else weights
    return weights * by_class.reshape(-1, *[1] * (weights.ndim - 1))


def _by_target(weights: Any, class_weights: Any, argument: str) -> Any:
    """Multiply the weights of each target; sample weights are one array for all, or given as the class weights are."""
    named = isinstance(class_weights, Mapping)
    keys = list(class_weights) if named else list(range(len(class_weights)))
    if hasattr(weights, "shape"):
        given: Any = dict.fromkeys(keys, weights)
    elif isinstance(weights, Mapping) and named and set(weights) <= set(keys):
        given = weights
    elif not isinstance(weights, Mapping) and not named and len(weights) == len(keys):
        given = dict(enumerate(weights))
    else:
        raise ValueError(
            f"{argument} and class_weight are both given for several targets, but not alike. Give y, {argument} and "
            "class_weight as dicts by output name."
        )
    products = [_product(given.get(key), class_weights[key]) for key in keys]
    return OrderedDict(zip(keys, products, strict=True)) if named else products


def class_weights_to_sample_weights(
    y: Any, class_weight: Any, *, batch: bool = False, names: Sequence[str] | None = None
) -> Any:
    """Return the weight of each sample's class, shape (rows,), float32; for several targets a list or dict of them.

    "balanced" weighs class c by n / (k * n_c): n rows, k classes in y, n_c rows of class c.

    Args:
        y: Class labels of shape (n,) or (n, 1), integers or whole floats, or one-hot (n, classes); or a list or dict of
            targets, of which some may be anything else.
        class_weight: Class -> weight >= 0, or "balanced". Classes that are not in it weigh 1. For several targets a
            dict by output name, or a list in their order, of these; targets that it leaves out, or None, weigh 1.
        batch: Whether y is one batch of many, in which classes may be absent.
        names: Names of the targets where y is a list of as many.

    Raises:
        ValueError: a weight that is negative or not finite, a class that y does not have, y without classes, and
            weights that belong to no target.

    Warns:
        UserWarning: classes in y that `class_weight` leaves out (not for a batch).

    Differs from Keras: "balanced" is known, and so are several targets; a class left out is told; classes that y does
    not have, bad weights, fractional and multi-label y are refused.

    Source: King & Zeng 2001, Logistic Regression in Rare Events Data ("balanced", as in scikit-learn).

    Example:
        >>> class_weights_to_sample_weights(np.array([0, 0, 0, 0, 1]), "balanced").tolist()
        [0.625, 0.625, 0.625, 0.625, 2.5]
        >>> y = {"price": np.array([3.5, 2.0]), "sold": np.array([0, 1])}
        >>> class_weights_to_sample_weights(y, {"sold": {0: 1, 1: 5}})["sold"].tolist()
        [1.0, 5.0]
    """
    if not isinstance(y, (list, tuple, Mapping)):
        return _of_rows(y, _sole(class_weight), batch, "")
    keys = list(y) if isinstance(y, Mapping) else list(range(len(y)))
    if len(y) == 1:
        given = [_sole(class_weight)]
    else:
        known = keys if isinstance(y, Mapping) else names if names is not None and len(names) == len(y) else None
        given = _for_each(class_weight, known, len(y))
    weights = [
        None if weight is None else _of_rows(y[key], weight, batch, f"[{key!r}]")
        for key, weight in zip(keys, given, strict=True)
    ]
    return OrderedDict(zip(keys, weights, strict=True)) if isinstance(y, Mapping) else weights


def _sole(class_weight: Any) -> Any:
    """The class weights of the only target, which may stand under the name of its output."""
    if isinstance(class_weight, Mapping) and len(class_weight) == 1:
        name, inner = next(iter(class_weight.items()))
        if isinstance(name, str) and (isinstance(inner, Mapping) or inner == "balanced"):
            return inner
    return class_weight


def _for_each(class_weight: Any, names: Sequence[Any] | None, count: int) -> list[Any]:
    """The class weights of each of several targets, None for those without."""
    if isinstance(class_weight, (list, tuple)) and len(class_weight) == count:
        return list(class_weight)
    by_name = isinstance(class_weight, Mapping) and all(isinstance(key, str) for key in class_weight)
    if not by_name or names is None:
        way = "y and class_weight as dicts" if names is None else "them"
        example = {"label" if names is None else names[-1]: {0: 1.0, 1: 5.0}}
        raise ValueError(
            f"class_weight: y holds {count} targets, and class_weight={class_weight!r} does not say whose classes it "
            f"weighs. Give {way} by output name, such as class_weight={example}, or a list of {count}."
        )
    unknown = [key for key in class_weight if key not in names]
    if unknown:
        near = closest_match(unknown[0], map(str, names))
        raise ValueError(
            f"class_weight: there is no target {unknown[0]!r}.{near} y holds {', '.join(map(repr, names))}."
        )
    return [class_weight.get(name) for name in names]


def _of_rows(y: Any, class_weight: Any, batch: bool, place: str) -> np.ndarray:
    """The weights of one target's rows; `place` is where it is in y, for messages."""
    name, target = f"class_weight{place}", f"y{place}"
    labels, known = _labels(y, name, target)
    classes, code, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if isinstance(class_weight, str):
        if class_weight != "balanced" or batch:
            way = (
                "needs all labels at once: give the weights as a dict"
                if batch
                else "is unknown: use 'balanced' or a dict"
            )
            raise ValueError(f"{name}={class_weight!r} {way}, such as {{0: 1.0, 1: 5.0}}.")
        weights = len(labels) / (len(classes) * counts)
    else:
        given = _checked(class_weight, name)
        if not batch:
            _compare(given, classes, known, name, target)
        weights = np.array([given.get(int(c), 1.0) for c in classes])
    return weights[code].astype(np.float32)


def _labels(y: Any, name: str, target: str) -> tuple[np.ndarray, int | None]:
    """Return the classes of the rows, and how many there are if the shape of `y` tells."""
    if not hasattr(y, "shape"):
        raise ValueError(
            f"{name} works with one array of labels; {target} is a {type(y).__name__}. Pass sample_weight instead."
        )
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] > 1:
        sums = values.sum(axis=1, dtype=np.float64)
        if not np.allclose(sums, 1, atol=1e-3):
            row = int(np.argmax(np.abs(sums - 1)))
            raise ValueError(
                f"{name} needs one class a sample: row {row} of {target}, {values[row].tolist()}, is not one-hot. For "
                "several labels a sample pass sample_weight."
            )
        return values.argmax(axis=1), values.shape[1]
    if values.size != len(values):
        raise ValueError(
            f"{name} needs {target} of shape (n,), (n, 1) or one-hot (n, classes), received {values.shape}."
        )
    values = values.reshape(-1)
    whole = values == np.round(values)  # False for NaN as well
    if not whole.all():
        row = int(np.argmin(whole))
        raise ValueError(f"{name} needs class labels in {target}: row {row} is {values[row]}, not a whole number.")
    return values.astype(np.int64), None


def _checked(class_weight: Any, name: str) -> dict[int, float]:
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"{name}: expected a dict of class -> weight or 'balanced', received a {type(class_weight).__name__}."
        )
    for label, weight in class_weight.items():
        if not isinstance(label, numbers.Real) or not float(label).is_integer():
            raise ValueError(f"{name}: expected whole numbers as classes, received {label!r}. Use the labels in y.")
        if not isinstance(weight, numbers.Real) or not math.isfinite(weight) or weight < 0:
            raise ValueError(f"{name}: the weight of class {label} is {weight!r}; expected a finite number >= 0.")
    return {int(label): float(weight) for label, weight in class_weight.items()}


def _compare(given: dict[int, float], classes: np.ndarray, known: int | None, name: str, target: str) -> None:
    present = {int(c) for c in classes}
    strange = sorted(set(given) - (present if known is None else set(range(known))))
    if strange:
        raise ValueError(
            f"{name} has weights for classes that {target} does not have: {_listed(strange)}. The classes in {target} "
            f"are {_listed(sorted(present))}."
        )
    left_out = sorted(present - set(given))
    if left_out:
        warn_user(
            f"{name} leaves out classes of {target}, which weigh 1: {_listed(left_out)}. Give them a weight, or use "
            "'balanced'."
        )


def _listed(labels: list[int]) -> str:
    return ", ".join(map(str, labels[:20])) + (", ..." if len(labels) > 20 else "")
