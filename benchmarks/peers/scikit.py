"""scikit-learn's MLPClassifier and MLPRegressor, with its extras (L2 penalty, momentum, early end) turned off."""

from __future__ import annotations

import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from benchmarks._common import BATCH_SIZE, SEED, Case, Data


def build(_: str, case: Case, data: Data) -> ScikitNetwork:
    return ScikitNetwork(case, data)


class ScikitNetwork:
    def __init__(self, case: Case, data: Data) -> None:
        self.case, self.loss = case, float("nan")
        self.scale = None if case.classify else StandardScaler().fit(data.x)
        self.x, self.y = self._rows(data.x), data.y
        kind = MLPClassifier if case.classify else MLPRegressor
        choices = {"solver": "sgd", "momentum": 0.0} if case.classify else {"solver": "adam", "epsilon": 1e-7}
        self.model = kind(
            hidden_layer_sizes=case.widths[:-1],
            learning_rate_init=case.learning_rate,
            batch_size=BATCH_SIZE,
            alpha=0.0,
            tol=0.0,
            n_iter_no_change=10**9,
            warm_start=True,
            random_state=np.random.RandomState(SEED),
            **choices,
        )

    def _rows(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), -1) if self.scale is None else self.scale.transform(x)

    def fit(self, epochs: int) -> list[float]:
        """It has no hook at an epoch's end: each epoch is the call's time divided by their number."""
        self.model.set_params(max_iter=epochs)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(self.x, self.y)
        seconds = time.perf_counter() - start
        # Its regression loss is half the mean squared error.
        self.loss = self.model.loss_ if self.case.classify else 2 * self.model.loss_
        return [seconds / epochs] * epochs

    def predict(self, x: np.ndarray) -> np.ndarray:
        rows = self._rows(x)
        return self.model.predict_proba(rows) if self.case.classify else self.model.predict(rows)
