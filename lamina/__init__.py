"""lamina: neural networks with the Keras-style API that people know, on JAX.

    import lamina
    model = lamina.Sequential([lamina.layers.Input((8,)), lamina.layers.Dense(50, "relu"), lamina.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(x, y, epochs=20)

The rooms are loaded when they are first used, so that `import lamina` costs little. docs/architecture.md is the map.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lamina import (
        activations,
        callbacks,
        config,
        constraints,
        datasets,
        estimators,
        export,
        initializers,
        layers,
        losses,
        metrics,
        models,
        neurons,
        ops,
        optimizers,
        random,
        regularizers,
        saving,
        summary,
        tables,
        tuner,
        utils,
        visual,
    )
    from lamina.core.dtypes import DTypePolicy
    from lamina.core.symbolic import KerasTensor
    from lamina.core.variable import Variable
    from lamina.initializers import Initializer
    from lamina.layers import Input, Layer
    from lamina.losses import Loss
    from lamina.metrics import Metric
    from lamina.models import Model, Sequential
    from lamina.optimizers import Optimizer
    from lamina.regularizers import Regularizer

_ROOMS = (
    "activations",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "estimators",
    "export",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "neurons",
    "ops",
    "optimizers",
    "random",
    "regularizers",
    "saving",
    "summary",
    "tables",
    "tuner",
    "utils",
    "visual",
)
_NAMES = {
    "DTypePolicy": "lamina.core.dtypes",
    "Initializer": "lamina.initializers",
    "Input": "lamina.layers",
    "KerasTensor": "lamina.core.symbolic",
    "Layer": "lamina.layers",
    "Loss": "lamina.losses",
    "Metric": "lamina.metrics",
    "Model": "lamina.models",
    "Optimizer": "lamina.optimizers",
    "Regularizer": "lamina.regularizers",
    "Sequential": "lamina.models",
    "Variable": "lamina.core.variable",
}

__all__ = [
    "DTypePolicy",
    "Initializer",
    "Input",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Variable",
    "activations",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "estimators",
    "export",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "neurons",
    "ops",
    "optimizers",
    "random",
    "regularizers",
    "saving",
    "summary",
    "tables",
    "tuner",
    "utils",
    "visual",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"lamina.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    from lamina.core.errors import closest_match

    raise AttributeError(f"module 'lamina' has no attribute {name!r}.{closest_match(name, __all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
