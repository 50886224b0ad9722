"""What `MLPClassifier` and `MLPRegressor` share: checks, weights, and the way of a fit."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.optimize
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from lamina.core.errors import unknown_name
from lamina.estimators import _checks
from lamina.estimators.mlp import hooks, losses, network, training
from lamina.estimators.mlp.numpy_steps import Data, pack, unpack
from lamina.estimators.mlp.solvers import SGD, Adam, Other, Solver

_SOLVERS = {"sgd": SGD, "adam": Adam}


class BaseMLP(BaseEstimator):
    """Base of both; the subclasses name the parameters, check the targets and read the answers."""

    loss: str
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    best_loss_: float | None

    def __sklearn_tags__(self) -> Any:
        """Sparse rows are fine."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """All but an optimizer of another library, which pickle cannot hold; it begins anew."""
        state = dict(super().__getstate__())
        if isinstance(state.get("_optimizer"), Other):
            del state["_optimizer"]
        return state

    # Checks.

    def _check_parameters(self) -> None:
        sizes = self._hidden()
        if any(isinstance(size, bool) or size != int(size) or size < 1 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        _checks.number(self, "alpha", 0)
        _checks.number(self, "batch_size", 1, whole=True, also=("auto",))
        _checks.choice(self, "learning_rate", ("constant", "invscaling", "adaptive"))
        _checks.number(self, "learning_rate_init", 0, above=True)
        _checks.number(self, "power_t", 0)
        _checks.number(self, "max_iter", 1, whole=True)
        _checks.number(self, "tol", 0)
        _checks.number(self, "momentum", 0, 1)
        _checks.number(self, "validation_fraction", 0, 1, below=True)
        _checks.number(self, "beta_1", 0, 1, below=True)
        _checks.number(self, "beta_2", 0, 1, below=True)
        _checks.number(self, "epsilon", 0, above=True)
        _checks.number(self, "n_iter_no_change", 1, whole=True, also=(np.inf,))
        _checks.number(self, "max_fun", 1, whole=True)
        _checks.flag(self, "shuffle", "warm_start", "nesterovs_momentum", "early_stopping", "batch_normalization")
        self._check_activations(len(sizes))
        rates = list(self.dropout) if isinstance(self.dropout, Iterable) else [self.dropout]
        if len(rates) not in (1, len(sizes)) or not all(0 <= rate < 1 for rate in rates):
            raise ValueError(
                f"{type(self).__name__}: dropout: expected a rate in [0, 1), or one for each of {len(sizes)} hidden "
                f"layers, received {self.dropout!r}."
            )
        if self.solver == "lbfgs" and (any(rates) or self.batch_normalization or self.callbacks):
            raise ValueError(
                f"{type(self).__name__}: solver='lbfgs' needs the same loss in each of its calls: no dropout, batch "
                "normalization or callbacks. Take solver='adam'."
            )
        if isinstance(self.solver, str) and self.solver not in ("lbfgs", "sgd", "adam"):
            from lamina import optimizers

            known = {"lbfgs", "sgd", "adam", *(name.lower() for name in optimizers.__all__ if name[0].isupper())}
            if self.solver.lower() not in known:
                raise unknown_name(f"solver of {type(self).__name__}", self.solver, sorted(known))

    def _check_activations(self, layers: int) -> None:
        names = self.activation
        if not isinstance(names, str) and isinstance(names, Iterable) and len(list(names)) != layers:
            raise ValueError(
                f"{type(self).__name__}: activation: expected one, or a list of {layers} for the hidden layers, "
                f"received {names!r}."
            )
        self._activation_names()

    def _activation_names(self) -> tuple[network.Activation, ...]:
        given, layers = self.activation, len(self._hidden())
        alone = isinstance(given, str) or callable(given)
        return tuple(map(self._activation_name, [given] * layers if alone else given))

    def _activation_name(self, activation: Any) -> network.Activation:
        if callable(activation):
            return activation
        activation = network.SYNONYMS.get(activation, activation)
        if activation not in ("identity", "logistic", "tanh", "relu", "softplus", "exp"):
            from lamina import activations

            activations.get(activation)  # raises for what is unknown, with the names that are known
        return activation

    def _hidden(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        return list(sizes) if isinstance(sizes, Iterable) else [sizes]

    # What subclasses say.

    def _output_activation(self) -> network.Activation:
        raise NotImplementedError

    def _validate(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, np.ndarray]:
        raise NotImplementedError

    def _score_of(self, answer: np.ndarray, y: Any, sample_weight: Any) -> float:
        raise NotImplementedError

    def _labels_of(self, targets: np.ndarray) -> Any:
        """Targets of the loss as `score` takes them."""
        raise NotImplementedError

    def _encode(self, y: Any) -> np.ndarray:
        """Targets of validation rows for the loss, (rows, outputs)."""
        raise NotImplementedError

    def _row_weights(self, y: Any, sample_weight: Any) -> Any:
        return sample_weight

    def _shape_of_loss(self) -> float:
        return 1.0

    # Weights.

    def _architecture(self) -> network.Architecture:
        rates = self.dropout if isinstance(self.dropout, Iterable) else [self.dropout]
        names = self._activation_names()
        return network.Architecture(names, self.out_activation_, self.loss, any(rates), bool(self.batch_normalization))

    def _weights(self) -> network.Weights:
        extra = getattr(self, "normalizations_", [])
        parts = [list(part) for part in zip(*extra, strict=True)] if extra else [[], [], [], []]
        return network.Weights(list(self.coefs_), list(self.intercepts_), *parts)

    def _set_weights(self, weights: network.Weights) -> None:
        self.coefs_, self.intercepts_ = weights.coefs, weights.intercepts
        if self.batch_normalization:
            self.normalizations_ = [np.stack(parts) for parts in zip(*weights[2:], strict=True)]

    def _initialize(self, features: int, outputs: int, dtype: Any) -> None:
        self.n_iter_ = self.t_ = 0
        sizes = [features, *self._hidden(), outputs]
        self.n_layers_ = len(sizes)
        self.out_activation_ = self._output_activation()
        names = self._activation_names()
        normalize = bool(self.batch_normalization)
        weights = network.initial_weights(sizes, names, normalize, self._random_state, dtype)
        self._set_weights(weights)
        self._best_weights = weights.copy()
        for name, value in self._curves().items():
            setattr(self, name, value)

    def _curves(self) -> dict[str, Any]:
        """What an estimator knows of its epochs before the first one."""
        if self.solver == "lbfgs":
            return {}
        return {
            "loss_curve_": [],
            "validation_loss_curve_": [],
            "validation_scores_": None,
            "best_validation_score_": None,
            "best_loss_": np.inf,
            "_best_score": -np.inf,
            "_no_improvement_count": 0,
        }

    # A fit.

    def _fit(
        self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False, X_val: Any = None, y_val: Any = None
    ) -> Any:
        self._check_parameters()
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        x, targets = self._validate(X, y, incremental, reset=first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, x, dtype=x.dtype)
        self._incremental = incremental
        sample_weight = self._row_weights(y, sample_weight)
        self.n_outputs_ = targets.shape[1]
        self._random_state = check_random_state(self.random_state)
        if first:
            self._initialize(x.shape[1], targets.shape[1], x.dtype)
        if self.solver == "lbfgs":
            self._fit_lbfgs(x, targets, sample_weight)
        else:
            self._fit_epochs(x, targets, sample_weight, incremental, self._own_validation(X_val, y_val))
        if not all(np.isfinite(value).all() for value in self._weights().trained):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                "preprocessed."
            )
        return self

    def _own_validation(self, X_val: Any, y_val: Any) -> training.Validation | None:
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError(f"{type(self).__name__}: fit: X_val and y_val belong together; one of them is missing.")
        if self.solver == "lbfgs":
            raise ValueError(f"{type(self).__name__}: fit: solver='lbfgs' has no epochs to validate after.")
        x = validate_data(self, X_val, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        y_val = np.asarray(y_val)
        if len(y_val) != x.shape[0]:
            raise ValueError(f"{type(self).__name__}: fit: X_val has {x.shape[0]} rows, y_val {len(y_val)}.")
        return training.Validation(x, y_val, self._encode(y_val).astype(x.dtype), None)

    def _fit_epochs(
        self, x: Any, targets: np.ndarray, sample_weight: Any, incremental: bool, validation: training.Validation | None
    ) -> None:
        for name, value in self._curves().items():
            if not hasattr(self, name):
                setattr(self, name, value)  # the weights were set by hand
        if self.early_stopping and validation is None:
            x, targets, sample_weight, validation = self._hold_out(x, targets, sample_weight)
        if self.early_stopping:
            self.best_loss_ = None
        if validation is not None and self.validation_scores_ is None:
            self.validation_scores_, self.best_validation_score_ = [], -np.inf
        if isinstance(self.batch_size, int) and self.batch_size > targets.shape[0]:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=4
            )
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = self._make_solver()
        epochs = 1 if incremental else self.max_iter
        data = Data(x.tocsr() if hasattr(x, "tocsr") else x, targets.astype(x.dtype), sample_weight)
        called = hooks.Hooks(self.callbacks, self, epochs)
        training.train(self, self._architecture(), self._optimizer, data, validation, epochs, called)

    def _make_solver(self) -> Solver:
        weights = self._weights()
        if self.solver in _SOLVERS:
            return _SOLVERS[self.solver](self, weights)
        from lamina import optimizers

        optimizer: Any = optimizers.get(self.solver)
        if optimizer is self.solver:  # the parameter itself stays as it is
            optimizer = type(optimizer).from_config(optimizer.get_config())
        elif isinstance(self.solver, str):
            optimizer.learning_rate = self.learning_rate_init
        return Other(optimizer, weights)

    def _hold_out(self, x: Any, targets: np.ndarray, sample_weight: Any) -> tuple[Any, Any, Any, training.Validation]:
        stratify = targets if is_classifier(self) and self.n_outputs_ == 1 else None
        arrays = [x, targets] if sample_weight is None else [x, targets, sample_weight]
        parts = train_test_split(
            *arrays, random_state=self._random_state, test_size=self.validation_fraction, stratify=stratify
        )
        x, x_val, targets, y_val = parts[:4]
        weights, weights_val = parts[4:] if sample_weight is not None else (None, None)
        if x_val.shape[0] < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        held_out = training.Validation(x_val, self._labels_of(y_val), y_val.astype(x.dtype), weights_val)
        return x, targets, weights, held_out

    def _fit_lbfgs(self, x: Any, targets: np.ndarray, sample_weight: Any) -> None:
        weights = self._weights()
        data = Data(x, targets.astype(x.dtype), sample_weight)
        steps = training.make_steps(self, self._architecture(), weights, data, None, self.max_iter)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            found = scipy.optimize.minimize(
                steps.value_and_gradient,
                pack([value.ravel() for value in weights.trained]).astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                options={"maxfun": self.max_fun, "maxiter": self.max_iter, "gtol": self.tol},
            )
        self.n_iter_ = min(int(found.nit), self.max_iter)
        if found.status != 0:
            warnings.warn(
                f"lbfgs failed to converge after {found.nit} iteration(s) (status={found.status}):\n{found.message}\n"
                f"Increase the number of iterations (max_iter={self.max_iter}) or scale the data.",
                ConvergenceWarning,
                stacklevel=4,
            )
        weights = weights.with_trained(unpack(found.x.astype(x.dtype), weights.trained))
        self._set_weights(weights)
        # The sum over several outputs is minimized, and their mean reported, as SGD and Adam do.
        layers, z = network.forward(self._architecture(), weights, x)
        rows = losses.row_losses(self._architecture(), np, data.y, layers[-1], z, self._shape_of_loss())
        share = np.ones(len(rows)) if sample_weight is None else sample_weight
        penalty = 0.5 * self.alpha * sum(np.vdot(coef, coef) for coef in weights.coefs) / share.sum()
        self.loss_ = float(losses.mean_loss(self._architecture(), np, rows, share, share.sum()) + penalty)

    # Answers.

    def _answer(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        x = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        if x.dtype.kind != "f":
            x = x.astype(np.float64)
        return network.forward(self._architecture(), self._weights(), x)[0][-1]

    def _has_epochs(self) -> bool:
        """Whether `partial_fit` exists."""
        if self.solver == "lbfgs":
            raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
        return True
