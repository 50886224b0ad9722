"""What `LaminaClassifier` and `LaminaRegressor` share: parameters, seeds, and the way of a fit."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from lamina.core.random import own_seeds
from lamina.estimators.wrappers import building, routing


class LaminaEstimator(BaseEstimator):
    """Base of both: the parameters, as SciKeras names them."""

    def __init__(
        self,
        model: Any = None,
        *,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = 0,
        callbacks: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        class_weight: Any = None,
        **parameters: Any,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.batch_size = batch_size
        self.epochs = epochs
        self.verbose = verbose
        self.callbacks = callbacks
        self.validation_split = validation_split
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.class_weight = class_weight
        self.__dict__.update(parameters)

    # Parameters.

    def _own(self) -> list[str]:
        """Names of the parameters that the constructor names."""
        return self._get_param_names()

    def _further(self) -> list[str]:
        """Names of all other parameters."""
        own = set(self._own())
        return [name for name in vars(self) if name not in own and not name.startswith("_") and not name.endswith("_")]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters, those with a destination (`model__units`) too."""
        parameters = super().get_params(deep=False)
        return parameters | {name: vars(self)[name] for name in self._further()}

    def set_params(self, **parameters: Any) -> Any:
        """Set parameters; returns the estimator.

        Raises:
            ValueError: a name that goes nowhere.
        """
        model = parameters.get("model", self.model)
        arguments = building.arguments_of(model) if callable(model) else None
        new = [name for name in parameters if name not in self._own() and name not in self._further()]
        routing.check(type(self).__name__, new, self._own(), arguments)
        self.__dict__.update(parameters)
        return self

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        own = inspect.signature(type(self)).parameters
        parts = [
            f"{name}={getattr(value, '__qualname__', None) or repr(value)}"
            for name, value in self.get_params().items()
            if name not in own or value is not own[name].default
        ]
        return f"{type(self).__name__}({', '.join(parts)})"[:N_CHAR_MAX]

    def __sklearn_tags__(self) -> Any:
        """Sparse rows are fine."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # What subclasses say.

    def _validate_targets(self, y: Any, first: bool) -> np.ndarray:
        """Targets as numbers; with `first`, learn the classes."""
        raise NotImplementedError

    def _encode(self, y: np.ndarray, model: Any) -> np.ndarray:
        """Targets as the model's loss takes them."""
        raise NotImplementedError

    def _default_loss(self, model: Any) -> Any:
        raise NotImplementedError

    def _meta(self) -> dict[str, Any]:
        raise NotImplementedError

    # A fit.

    @property
    def initialized_(self) -> bool:
        """Whether there is a model."""
        return hasattr(self, "model_")

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **arguments: Any) -> Any:
        """Train a model of its own for these rows.

        Args:
            X: Rows, (rows, features) or (rows, ...).
            y: Targets, (rows,) or (rows, outputs).
            sample_weight: Weight of each row, (rows,).
            **arguments: For the model's `fit`, this time only: `epochs`, `callbacks`, `validation_data`, …
        Returns:
            The estimator.
        """
        return self._train(X, y, sample_weight, arguments, fresh=not (self.warm_start and self.initialized_))

    def _train(self, X: Any, y: Any, sample_weight: Any, arguments: dict[str, Any], fresh: bool) -> Any:
        name, parameters = type(self).__name__, self.get_params()
        if not callable(self.model):
            raise ValueError(
                f"{name}: model: expected a function that returns a model, or a model, received {self.model!r}."
            )
        routing.check(name, self._further(), self._own(), building.arguments_of(self.model))
        x, y = self._validate(X, y, fresh)
        targets = self._validate_targets(y, fresh)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, x, dtype=np.float32)
        if self.class_weight is not None:
            weights = compute_sample_weight(self.class_weight, y).astype(np.float32)
            sample_weight = weights if sample_weight is None else sample_weight * weights
        if sample_weight is not None:  # rows without weight leave no trace, not even in the number of steps
            kept = sample_weight > 0
            x, targets, sample_weight = x[kept], targets[kept], sample_weight[kept]
        options = {
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "verbose": self.verbose,
            "validation_split": self.validation_split,
            "shuffle": self.shuffle,
        }
        options |= routing.routed(parameters, "fit") | arguments
        callbacks = building.make_callbacks(self.callbacks, routing.routed(parameters, "callbacks"))
        options["callbacks"] = callbacks + list(arguments.get("callbacks") or [])
        with self._seeds():
            if fresh:
                meta = {"n_features_in_": self.n_features_in_, "X_shape_": x.shape, "free": self._further()}
                self.model_ = building.build(self, parameters, meta | self._meta(), self._default_loss)
                self.history_: dict[str, list[float]] = {}
            history = self.model_.fit(x, self._encode(targets, self.model_), sample_weight=sample_weight, **options)
        for key, values in history.history.items():
            self.history_.setdefault(key, []).extend(values)
        self.n_iter_ = len(self.history_["loss"])
        return self

    def _validate(self, X: Any, y: Any, fresh: bool) -> tuple[Any, Any]:
        x, y = validate_data(self, X, y, accept_sparse="csr", allow_nd=True, multi_output=True, reset=fresh)
        return _numbers(x), y

    def _seeds(self) -> Any:
        """The seeds of weights, orders and masks: from `random_state`, or else from lamina's stream."""
        if self.random_state is None:
            return contextlib.nullcontext()
        return own_seeds(int(check_random_state(self.random_state).randint(2**31 - 1)))

    def _outputs(self, X: Any) -> np.ndarray:
        """What the model answers, (rows, outputs), float32 for rows of that type and else float64."""
        check_is_fitted(self, "model_")
        given = validate_data(self, X, accept_sparse="csr", allow_nd=True, reset=False)
        x = _numbers(given)
        options = {"batch_size": self.batch_size, "verbose": 0} | routing.routed(self.get_params(), "predict")
        kind = np.float32 if given.dtype == np.float32 else np.float64
        answer = np.asarray(self.model_.predict(x, **options)).astype(kind)
        return answer.reshape(len(x), -1) if answer.ndim < 2 else answer


def _numbers(x: Any) -> np.ndarray:
    x = x.toarray() if hasattr(x, "toarray") else x
    return x.astype(np.float32) if x.dtype.kind in "fiub" and x.dtype != np.uint8 else x
