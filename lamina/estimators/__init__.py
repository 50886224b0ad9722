"""scikit-learn estimators: they keep its contract, so that pipelines, searches and cross-validation take them.

Read `perceptron.py` first. The files are imported when an estimator of theirs is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.estimators._names import __getattr__ as __getattr__

if TYPE_CHECKING:
    from lamina.estimators.mlp.classifier import MLPClassifier
    from lamina.estimators.mlp.regressor import MLPRegressor
    from lamina.estimators.perceptron import Perceptron
    from lamina.estimators.wrappers.classifier import LaminaClassifier
    from lamina.estimators.wrappers.classifier import LaminaClassifier as KerasClassifier
    from lamina.estimators.wrappers.regressor import LaminaRegressor
    from lamina.estimators.wrappers.regressor import LaminaRegressor as KerasRegressor

__all__ = [
    "KerasClassifier",
    "KerasRegressor",
    "LaminaClassifier",
    "LaminaRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "Perceptron",
]
