"""`validation_split`: the last rows are held out, before any shuffling, as in Keras."""

from __future__ import annotations

import math
import numbers
from typing import Any

import jax
import numpy as np

from lamina.core.errors import warn_user

_CHANCE = 1e-3  # classes that shuffled rows would miss more often than this are no reason to warn


def train_validation_split(arrays: tuple[Any, ...], validation_split: float) -> tuple[Any, Any]:
    """Return (training, validation) parts of (x, y, sample_weight): the first floor(n * (1 - fraction)) rows, the rest.

    Parts are views, not copies; those of JAX arrays on a CPU are NumPy views.

    Args:
        arrays: Nests of arrays of one length, None where there is nothing; the second one is y.
        validation_split: Fraction in (0, 1) of the rows for validation.

    Raises:
        ValueError: a fraction outside (0, 1), or one that leaves no row on a side.

    Warns:
        UserWarning: y has integer classes and some of them are all on one side, too many for chance: sorted rows.

    Example:
        >>> train, held_out = train_validation_split((np.arange(10), None, None), 0.2)
        >>> held_out[0]
        array([8, 9])
    """
    fraction = validation_split
    if not isinstance(fraction, numbers.Real) or not 0 < fraction < 1:
        raise ValueError(
            f"validation_split: expected a fraction between 0 and 1, received {fraction!r}. 0.2 holds out the last "
            "20 % of the rows."
        )
    rows = jax.tree.leaves(arrays)[0].shape[0]
    split_at = math.floor(rows * (1.0 - float(fraction)))
    if not 0 < split_at < rows:
        raise ValueError(
            f"validation_split={fraction!r} of {rows} rows leaves {split_at} for training and {rows - split_at} for "
            "validation; both need at least one. Pass more rows, another fraction, or validation_data."
        )
    arrays = jax.tree.map(_on_host, arrays)
    train, held_out = jax.tree.map(lambda a: a[:split_at], arrays), jax.tree.map(lambda a: a[split_at:], arrays)
    if len(arrays) > 1:
        _warn_of_missing_classes(arrays[1], split_at)
    return train, held_out


def _on_host(leaf: Any) -> Any:
    """Return a JAX array on a CPU as a NumPy view: a slice of it would be compiled and copied."""
    if isinstance(leaf, jax.Array) and all(device.platform == "cpu" for device in leaf.devices()):
        return np.asarray(leaf)
    return leaf


def _warn_of_missing_classes(y: Any, split_at: int) -> None:
    if not hasattr(y, "shape") or np.prod(y.shape[1:]) != 1 or np.dtype(y.dtype).kind not in "biu":
        return
    labels = np.asarray(y).ravel()
    classes, code = np.unique(labels, return_inverse=True)
    counts = np.bincount(code)
    told = []
    for side, part in (("training", code[:split_at]), ("validation", code[split_at:])):
        absent = np.bincount(part, minlength=len(classes)) == 0
        if absent.any() and not is_by_chance(absent, counts, len(part) / len(code)):
            listed = ", ".join(str(label) for label in classes[absent][:20])
            told.append(f"no row of class {listed}{', ...' if absent.sum() > 20 else ''} for {side}")
    if told:
        warn_user(
            f"validation_split holds out the last {len(code) - split_at} of {len(code)} rows, which leaves "
            f"{' and '.join(told)}. The rows seem sorted: shuffle x and y together first "
            "(order = numpy.random.default_rng(0).permutation(len(y)); x[order], y[order]), or pass validation_data."
        )


def is_by_chance(absent: np.ndarray, counts: np.ndarray, fraction: float) -> bool:
    """Whether shuffled rows would miss this many classes, of these counts, on a side with this fraction of the rows.

    Probability at most C(classes, absent) * (1 - fraction)^rows: none of their rows on that side, for any such choice.
    """
    k, n = int(absent.sum()), len(absent)
    log_choices = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return log_choices + float(counts[absent].sum()) * math.log1p(-fraction) > math.log(_CHANCE)
