"""Search for hyperparameters: Keras Tuner's names, on Optuna. Needs `pip install "lamina[tune]"`.

In: a function of `hp` that returns a compiled model, and what `fit` takes. Out: the best hyperparameters and models.
`parameters.py` and `hyperparameters.py` are what is searched, `tuner.py` is the search (read that first), `tuners.py`
how values are drawn, `store.py` where trials are kept.
"""

from lamina.tuner.hypermodel import HyperModel
from lamina.tuner.hyperparameters import HyperParameters
from lamina.tuner.objective import Objective
from lamina.tuner.store import StoreError
from lamina.tuner.trials import Oracle, Trial
from lamina.tuner.tuner import Tuner
from lamina.tuner.tuners import BayesianOptimization, GridSearch, Hyperband, RandomSearch

__all__ = [
    "BayesianOptimization",
    "GridSearch",
    "HyperModel",
    "HyperParameters",
    "Hyperband",
    "Objective",
    "Oracle",
    "RandomSearch",
    "StoreError",
    "Trial",
    "Tuner",
]
