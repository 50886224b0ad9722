"""Preflight: what cannot train right is said before anything compiles, with the place and the way out.

    check(model, batch, argument)             every data set, before its first batch is used
        shapes.py    x through the layers, then y and the outputs through the loss and the metrics, by shape only
        pairing.py   the loss beside the last layer (head.py): units, activation, from_logits
        values.py    NaN, labels that are no labels of this loss, weights of samples
    check_fit(model, batch)                   `fit` only: something to minimise, finite weights,
        advice.py    and warnings of what is legal, but rarely meant
    later_batches(model)                      the values of a stream's further batches, as they come
    compare_classes(model, train, held_out)   classes that are in one of them only

`compile(preflight=False)` leaves the shapes and skips the rest. Read `checks.py` first.
"""

from __future__ import annotations

from lamina.training.preflight.advice import compare_classes
from lamina.training.preflight.checks import check, check_fit, check_loss, later_batches
from lamina.training.preflight.shapes import check_inputs

__all__ = ["check", "check_fit", "check_inputs", "check_loss", "compare_classes", "later_batches"]
