"""Which file has which estimator: a file is imported when it is first used, as scikit-learn takes a while to import."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from lamina.core.errors import closest_match

FILES = {
    "KerasClassifier": "wrappers.classifier",
    "KerasRegressor": "wrappers.regressor",
    "LaminaClassifier": "wrappers.classifier",
    "LaminaRegressor": "wrappers.regressor",
    "MLPClassifier": "mlp.classifier",
    "MLPRegressor": "mlp.regressor",
    "Perceptron": "perceptron",
}
ALIASES = {"KerasClassifier": "LaminaClassifier", "KerasRegressor": "LaminaRegressor"}  # as SciKeras calls them


def __getattr__(name: str) -> Any:
    """Import and return an estimator; what the package does for a name that it has not."""
    if name not in FILES:
        raise AttributeError(f"module 'lamina.estimators' has no attribute {name!r}.{closest_match(name, FILES)}")
    value = getattr(importlib.import_module(f"lamina.estimators.{FILES[name]}"), ALIASES.get(name, name))
    setattr(sys.modules["lamina.estimators"], name, value)
    return value
