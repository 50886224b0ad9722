"""`LaminaRegressor`: a lamina model as a scikit-learn regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d

from lamina.estimators.wrappers.base import LaminaEstimator


class LaminaRegressor(RegressorMixin, LaminaEstimator):
    """A lamina model as a scikit-learn regressor. The parameters are those of `LaminaClassifier`.

    Args:
        model: Function that returns a model, or a model.
        optimizer: For a model that is not compiled.
        loss: Default None: "mse".
        metrics: List of metrics.
        batch_size: Rows of a batch.
        epochs: Epochs of a fit.
        verbose: Default 0: silent.
        callbacks: Callbacks, or classes of them.
        validation_split: Share of the last rows to validate with.
        shuffle: Whether each epoch visits the rows in a new order.
        warm_start: Whether `fit` goes on with the model that is there.
        random_state: Seed.
        class_weight: None.
        **parameters: With a destination: `model__…`, `optimizer__…`, `fit__…`, …
    Attributes:
        model_: The trained model; `history_`, `n_iter_`, `n_outputs_` as in `LaminaClassifier`.
    Raises:
        ValueError: in `fit`, for parameters, data and models that do not go together.
    Example:
        >>> import lamina
        >>> from sklearn.datasets import load_diabetes
        >>> def build(units):
        ...     return lamina.Sequential([lamina.layers.Dense(units, "relu"), lamina.layers.Dense(1)])
        >>> x, y = load_diabetes(return_X_y=True)
        >>> regressor = LaminaRegressor(build, model__units=8, optimizer="adam", optimizer__learning_rate=0.1)
        >>> regressor.fit(x, y, epochs=2).predict(x).shape
        (442,)
    """

    def __sklearn_tags__(self) -> Any:
        """Several outputs are fine."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> LaminaRegressor:
        """Train one epoch, going on with the model that is there.

        Args:
            X: Rows.
            y: Numbers.
            sample_weight: Weight of each row.
        Returns:
            The estimator.
        """
        return self._train(X, y, sample_weight, {"epochs": 1}, fresh=not self.initialized_)

    def _validate(self, X: Any, y: Any, fresh: bool) -> tuple[Any, Any]:
        x, y = super()._validate(X, y, fresh)
        if np.asarray(y).dtype.kind not in "fiub":
            try:
                y = np.asarray(y, np.float64)
            except (TypeError, ValueError):
                raise ValueError(
                    f"LaminaRegressor: y: expected numbers, received {np.asarray(y).ravel()[0]!r}."
                ) from None
        return x, y

    def _validate_targets(self, y: Any, first: bool) -> np.ndarray:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if first:
            self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
            self.target_type_ = "continuous" if y.ndim == 1 else "continuous-multioutput"
        return y

    def _meta(self) -> dict[str, Any]:
        return {"n_outputs_": self.n_outputs_, "target_type_": self.target_type_}

    def _default_loss(self, model: Any) -> str:
        return "mse"

    def _encode(self, y: np.ndarray, model: Any) -> np.ndarray:
        return y.astype(np.float32).reshape(len(y), -1)

    def predict(self, X: Any) -> np.ndarray:
        """The number of each row, (rows,); or (rows, outputs)."""
        answer = self._outputs(X)
        return answer[:, 0] if self.n_outputs_ == 1 and answer.shape[1] == 1 else answer
