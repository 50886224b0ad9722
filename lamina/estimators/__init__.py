"""scikit-learn estimators: they keep its contract, so that pipelines, searches and cross-validation take them.

Read `perceptron.py` first. The files are imported when an estimator of theirs is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.estimators._names import load as __getattr__

if TYPE_CHECKING:
    from lamina.estimators.perceptron import Perceptron

__all__ = ["Perceptron"]
